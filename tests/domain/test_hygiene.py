"""Values are compared however they were written, and put in order only where nothing of them is lost."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from building import (
    ALL_KINDS,
    LEAD,
    MAPPING,
    a_record,
    a_situation,
    a_touch,
    an_account,
    born,
    decided,
    grounds,
    rules_with,
    standing,
    written,
)
from hypothesis import given
from hypothesis import strategies as st

from leadsync.domain.cleansing import cleansed
from leadsync.domain.effects import WriteBack
from leadsync.domain.grounds import Grounds
from leadsync.domain.hygiene import Tidied, is_same_but_for_format, spaced
from leadsync.domain.records import Account, Value
from leadsync.domain.states import state_code, state_named
from leadsync.hygiene import FORMATS, LibraryFormats

FIELDS = MAPPING.objects["lead"].fields


def tidied(**fields: Value) -> Tidied:
    return Tidied(fields, FIELDS, FORMATS)


@pytest.mark.parametrize(
    ("field", "value", "tidy"),
    [
        ("country", "Deutschland", "DE"),
        ("country", "Atlantis", "Atlantis"),
        ("country", None, None),
        ("phone", "+49 (40) 123-4567", "+49401234567"),
        ("phone", "040 123", "040 123"),
        ("email", " Ada@Initech.Example ", "ada@initech.example"),
        ("email", "nobody", "nobody"),
        ("first_name", "  Ada  Augusta ", "Ada Augusta"),
        ("first_name", "   ", "   "),
        ("do_not_call", True, True),
        ("employees", 12, 12),
        ("created_at", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
        ("unmapped", " as  it is ", " as  it is "),
    ],
)
def test_a_value_is_compared_in_its_tidy_form_and_what_has_none_as_it_stands(
    field: str, value: Value, tidy: Value
) -> None:
    fields = tidied(**{field: value})
    assert fields.get(field) == tidy
    assert (list(fields), len(fields), fields[field]) == ([field], 1, tidy)


def test_a_field_that_is_not_there_is_missing() -> None:
    assert tidied().get("phone") is None
    with pytest.raises(KeyError):
        tidied()["phone"]


class Asked(LibraryFormats):
    """Notes which country a number is said to be in."""

    def __init__(self) -> None:
        self.countries: list[str | None] = []

    def phone(self, text: str, country: str | None) -> str | None:
        self.countries.append(country)
        return None


@pytest.mark.parametrize(
    ("fields", "company", "country"),
    [
        ({"country": "Germany"}, {"country": "FR"}, "DE"),
        ({"country": "Atlantis"}, {"country": "France"}, "FR"),
        ({}, {"country": "France"}, "FR"),
        ({}, {}, None),
        ({"country": 7}, None, None),
    ],
)
def test_a_number_is_read_in_the_persons_country_else_in_the_companys(
    fields: dict[str, Value], company: dict[str, Value] | None, country: str | None
) -> None:
    asked = Asked()
    account = None if company is None else Tidied(company, MAPPING.account, asked)
    Tidied({**fields, "phone": "1", "mobile": "2"}, FIELDS, asked, account).get("phone")
    assert asked.countries == [country]


def test_nothing_is_tidied_before_it_is_asked_for_and_then_once() -> None:
    asked = Asked()
    fields = Tidied({"phone": "1", "email": "x"}, FIELDS, asked)
    assert asked.countries == []
    assert (fields["phone"], fields["phone"]) == ("1", "1")
    assert len(asked.countries) == 1


@pytest.mark.parametrize(
    ("text", "country", "code"),
    [
        ("California", "US", "CA"), ("ca", "US", "CA"), ("US-CA", "US", "CA"), ("Washington D.C.", "US", "DC"),
        ("Québec", "CA", "QC"), ("Bavaria", "DE", "BY"), ("São Paulo", "BR", "SP"), ("california", "DE", None),
        ("Wessex", "GB", None), ("California", None, None),
    ],
)  # fmt: skip
def test_a_state_is_told_by_its_country(text: str, country: str | None, code: str | None) -> None:
    assert state_code(text, country) == code


@pytest.mark.parametrize(
    ("text", "code"),
    [("california", "CA"), ("Bayern", "BY"), ("CA", None), ("Wessex", None), ("Distrito Federal", "DF")],
)
def test_a_state_is_told_without_its_country_where_only_one_has_that_name(text: str, code: str | None) -> None:
    assert state_named(text) == code


def test_a_rule_may_ask_for_a_state_or_a_phone_in_one_form() -> None:
    record = a_record()._replace(
        fields={"country": "United States", "state": "california", "phone": "+1 (415) 555-0100"}
    )
    facts = standing(a_situation(record, born("inquiry"))).facts
    assert (facts.get("state"), facts.get("phone"), record.fields["state"]) == ("CA", "+14155550100", "california")


def test_blanks_are_one_and_lines_stay_lines() -> None:
    assert spaced("a\u00a0 \tb\n c") == "a b\n c"
    assert spaced("Mu\u0308ller") == "Müller"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("+49 40 1", "+49401", True), ("040 1", "+49401", False), ("ADA@X.de", "ada@x.de", True),
        ("Muller", "Müller", False), ("--", "-", False), ("U.S.", "US", True), ("Germany", "DE", False),
    ],
)  # fmt: skip
def test_a_format_is_all_but_letters_and_digits(one: str, other: str, same: bool) -> None:
    assert is_same_but_for_format(one, other) is same


# Putting fields in order


def cleansing(*names: str) -> Grounds:
    """Return grounds whose mapping lets leadsync put these fields of a Lead in order."""
    lead = MAPPING.objects["lead"]
    fields = dict(lead.fields)
    for name in names:
        fields[name] = replace(fields[name], cleanse="write", write=True)
    objects = {**MAPPING.objects, "lead": replace(lead, fields=fields)}
    return replace(grounds(), rulebook=rules_with(crm_objects=objects))


def put_in_order(on: Grounds, *, account: Account | None = None, before: Mapping[str, Value] | None = None, **fields: Any) -> dict[str, Value]:  # fmt: skip
    """Return what one decision writes into other fields than leadsync's own."""
    record = a_record(created_at=on.now, account_id=account.id if account else None, **fields)
    directory = replace(on.directory, accounts={account.id: account} if account else {})
    decision = decided(
        a_situation(record, born("inquiry", "2026-11-25 08:00"), written={LEAD.id: before} if before else {}),
        rulebook=on.rulebook, directory=directory,
    )  # fmt: skip
    return {
        name: value for name, value in written(decision).items() if name in fields or name in ("industry", "company")
    }


def test_a_phone_is_written_anew_in_international_form() -> None:
    assert put_in_order(cleansing("phone"), phone="+49 (40) 123-4567") == {"phone": "+49401234567"}


def test_nothing_is_put_in_order_that_the_mapping_does_not_ask_for() -> None:
    assert put_in_order(cleansing(), phone="+49 (40) 123-4567", email="ADA@X.example") == {}


@pytest.mark.parametrize("phone", ["+49401234567", "040 1234567", "+49 40 1234567 ext. 3", "call me", ""])
def test_a_phone_that_cannot_be_written_anew_without_changing_it_stays(phone: str) -> None:
    assert put_in_order(cleansing("phone"), phone=phone) == {}


def test_a_name_loses_its_blanks_and_keeps_its_letters() -> None:
    assert put_in_order(cleansing("first_name"), first_name=" Ada  VAN der") == {"first_name": "Ada VAN der"}


def test_a_country_becomes_its_code_only_where_that_is_what_stands_there() -> None:
    on = cleansing("country")
    assert put_in_order(on, country="de") == {"country": "DE"}
    assert put_in_order(on, country="Germany") == {}


def test_a_blank_is_filled_with_the_accounts_own_word() -> None:
    account = an_account(industry="Retail", country="Germany")
    on = cleansing("industry", "country")
    assert put_in_order(on, account=account, industry=None, country="") == {"industry": "Retail", "country": "Germany"}
    assert put_in_order(on, account=account, industry="Banking", country="France") == {}
    assert put_in_order(on, account=an_account(industry=" "), industry=None) == {}
    assert put_in_order(on, industry=None) == {}


def test_what_only_a_value_table_translates_is_filled_but_never_rewritten() -> None:
    on = cleansing("industry")
    lead = on.mapping.objects["lead"]
    industry = replace(lead.fields["industry"], values={"Durable": "Manu  facturing"})
    mapping = replace(on.mapping, objects={**on.mapping.objects, "lead": replace(lead, fields={**lead.fields, "industry": industry})})  # fmt: skip
    on = replace(on, rulebook=replace(on.rulebook, mappings={"salesforce": mapping}))
    assert put_in_order(on, industry="Manu  facturing") == {}


@pytest.mark.parametrize("shown", ["", "+49 40 1234567", "+49401234567"])
def test_what_a_person_made_of_a_tidied_value_is_theirs(shown: str) -> None:
    assert put_in_order(cleansing("phone"), before={"phone": "+49401234567"}, phone=shown) == {}


def test_what_a_person_emptied_is_not_filled_again() -> None:
    account = an_account(industry="Retail")
    assert put_in_order(cleansing("industry"), account=account, before={"industry": "Retail"}, industry=None) == {}


def test_a_new_value_of_a_persons_is_put_in_order_again() -> None:
    found = put_in_order(cleansing("phone"), before={"phone": "+49401234567"}, phone="+49 30 7654321")
    assert found == {"phone": "+49307654321"}
    assert put_in_order(cleansing("employees"), before={"employees": 7}, employees=8) == {}


def test_it_is_guarded_merged_into_the_one_write_and_needs_some_write_to_be_delivered() -> None:
    record = a_record(phone="+49 40 1234567", created_at=grounds().now)
    here = a_situation(record, born("inquiry", "2026-11-25 08:00"), touches=(a_touch("attended", "2026-11-25 08:30"),))

    def the_write(kinds: frozenset[str]) -> WriteBack | None:
        on = cleansing("phone")
        decision = decided(here, rulebook=on.rulebook, kinds=kinds)
        return next((effect for effect in decision.effects if isinstance(effect, WriteBack)), None)

    write = the_write(ALL_KINDS)
    assert write is not None
    assert {"phone", "score"} <= set(write.values)
    assert write.guarded["phone"] == "+49 40 1234567"
    assert write.kinds[-1] == "cleanse"
    alone = the_write(frozenset({"owner"}))
    assert alone is not None
    assert (alone.values, alone.kinds, alone.group_id) == ({"phone": "+49401234567"}, ("cleanse",), "cleanse:facts")
    assert the_write(frozenset({"notices", "membership"})) is None


def test_whoever_was_there_before_going_live_is_left_as_they_are() -> None:
    record = a_record(phone="+49 40 1234567")
    here = a_situation(record, born("inquiry", "2026-02-01 09:00", verdict="adopted"))
    on = cleansing("phone")
    assert cleansed(standing(here, rulebook=on.rulebook)) == {}


_PHONES = st.from_regex(r"[+]?[0-9 ()./-]{0,20}[a-z]{0,3}", fullmatch=True)
_TEXTS = st.text(alphabet="aAäÄß \t\u00a0.-é1", max_size=12)


@given(
    phone=_PHONES,
    name=_TEXTS,
    email=st.one_of(_TEXTS, st.just(" Ada@X.De ")),
    country=st.sampled_from(["de", "U.S.", "Germany", ""]),
)
def test_no_letter_and_no_digit_of_anybody_is_ever_changed(phone: str, name: str, email: str, country: str) -> None:
    shown: dict[str, Any] = {"phone": phone, "first_name": name, "email": email, "country": country}
    for field, value in put_in_order(cleansing(*shown), **shown).items():
        before = str(shown[field])
        assert is_same_but_for_format(before, str(value))
        assert before != value
