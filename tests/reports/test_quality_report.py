"""The quality report: what is missing, malformed or there twice, with counts that add up."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ledger_facts import a_record
from report_facts import Funnel, cells, day

from leadsync.domain.records import Account, Value
from leadsync.reports import quality as quality_report
from leadsync.reports.answer import Cell, Report
from leadsync.reports.audit import audit
from leadsync.reports.quality import quality

ADA: dict[str, Any] = {
    "first_name": "Ada", "last_name": "Lovelace", "company": "Initech", "email": "ada@initech.example",
    "phone": "+49 40 1234567", "country": "Germany",
}  # fmt: skip


def look(told: Funnel) -> Report:
    return quality(told.ledger.con, told.rulebook, day(300))


def lead(told: Funnel, /, **fields: Value) -> str:
    """Let a lead be seen with just these fields; return its id."""
    key = told.new_id()
    told.see(a_record(key, "Inquiry", created_at=day(0), fields=fields))
    return key


def contact(told: Funnel, /, account_id: str | None = None, **fields: Value) -> str:
    key = told.new_id("contact")
    told.see(a_record(key, None, object="contact", account_id=account_id, fields=fields), source="contact")
    return key


def sums(report: Report, name: str = "lead") -> tuple[Cell, ...]:
    """Unusable, duplicate, malformed, sound, left out; whatever else holds, they add up to the live records."""
    row = cells(report.table("sums"), "salesforce", object=name)
    assert row["unaccounted"] == 0
    return tuple(row[part] for part in ("unusable", "duplicate", "malformed", "sound", "left_out"))


def wrong(report: Report) -> dict[tuple[Cell, Cell], Cell]:
    return {(row[2], row[3]): row[4] for row in report.table("malformed_records").rows}


def doubles(report: Report) -> dict[Cell, list[Cell]]:
    """Record ids by the key that they share."""
    found: dict[Cell, list[Cell]] = {}
    for _, key, _, _, _, record_id, _ in report.table("duplicate_records").rows:
        found.setdefault(key, []).append(record_id)
    return found


def test_a_complete_lead_is_sound(told: Funnel) -> None:
    lead(told, **ADA)
    assert sums(look(told)) == (0, 0, 0, 1, 0)


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("email", "ada at initech", "no e-mail address"),
        ("email", "ada..l@initech.example", "no e-mail address"),
        ("phone", "+49 12", "no phone number"),
        ("phone", "ask reception", "no phone number"),
        ("country", "Atlantis", "no country's name"),
        ("last_name", "n/a", "a filler"),
        ("company", "???", "a filler"),
    ],
)
def test_a_malformed_field_is_named_with_its_record_and_the_reason(
    told: Funnel, field: str, value: str, why: str
) -> None:
    key = lead(told, **{**ADA, field: value})
    found = look(told)
    assert wrong(found) == {(key, field): why}
    assert sums(found) == (0, 0, 1, 0, 0)
    assert found.table("malformed").rows == (("salesforce", "lead", field, why, 1),)


def test_no_value_of_anybody_is_in_the_report(told: Funnel) -> None:
    lead(told, **{**ADA, "email": "ada at initech"})
    lead(told, **ADA)
    lead(told, **ADA)
    text = str(look(told))
    assert not any(word in text for word in ("ada", "Lovelace", "1234567"))


def test_a_number_without_its_country_is_unchecked_and_not_malformed(told: Funnel) -> None:
    lead(told, **{**ADA, "phone": "040 1234567", "country": None})
    found = look(told)
    assert sums(found) == (0, 0, 0, 1, 0)
    row = cells(found.table("fields"), "salesforce", object="lead", field="phone")
    assert (row["filled"], row["malformed"], row["unchecked"]) == (1, 0, 1)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"email": None, "phone": None}, "no e-mail address and no phone number"),
        ({"email": "nobody", "phone": "call me"}, "no e-mail address and no phone number"),
        ({"bounced_at": "2026-01-01T00:00:00Z", "phone": None}, "the e-mail bounced, and no phone number"),
        ({"first_name": None, "last_name": "-"}, "no name"),
        ({"first_name": " ", "last_name": None, "email": None, "phone": ""}, "no e-mail address and no phone number; no name"),
    ],
)  # fmt: skip
def test_whoever_cannot_be_reached_or_named_is_unusable(told: Funnel, fields: dict[str, Value], why: str) -> None:
    key = lead(told, **{**ADA, **fields})
    found = look(told)
    assert found.table("unusable_records").rows == (("salesforce", "lead", key, why),)
    assert sums(found) == (1, 0, 0, 0, 0)


def test_a_phone_alone_is_enough_to_reach_somebody_whose_mail_bounces(told: Funnel) -> None:
    lead(told, **ADA, bounced_at="2026-01-01T00:00:00Z")
    assert sums(look(told)) == (0, 0, 0, 1, 0)


def test_a_lead_and_a_contact_with_one_address_are_twins(told: Funnel) -> None:
    ids = [
        lead(told, email="Ada@Initech.example", last_name="Lovelace"),
        contact(told, email="ada@initech.example", last_name="L."),
    ]
    found = look(told)
    assert doubles(found) == {"email": sorted(ids)}
    assert (sums(found), sums(found, "contact")) == ((0, 1, 0, 0, 0), (0, 1, 0, 0, 0))


def test_a_shared_mailbox_makes_no_twins_and_is_counted_apart(told: Funnel) -> None:
    mailbox = sorted(told.rulebook.law.shared_mailboxes)[0]
    for name in ("Ada", "Grace"):
        lead(told, email=f"{mailbox}@initech.example", first_name=name, last_name="Smith")
    found = look(told)
    assert doubles(found) == {}
    assert ("salesforce", "shared_mailbox", 1, 2, 2, "no") in found.table("duplicates").rows
    assert sums(found) == (0, 0, 0, 2, 0)


def test_one_phone_written_in_three_ways_is_one(told: Funnel) -> None:
    ways = ("+49 (0)40 123 4567", "0049-40-1234567", "040/1234567")
    ids = [lead(told, last_name=f"L{n}", phone=way, country="Deutschland") for n, way in enumerate(ways)]
    ids.append(lead(told, last_name="Mobile", mobile="+49401234567"))
    assert doubles(look(told)) == {"phone": ids}


def test_the_switchboard_of_five_is_nobodys_duplicate(told: Funnel) -> None:
    for n in range(quality_report.SHARED_LINE):
        lead(told, last_name=f"L{n}", phone="+49 40 1234567")
    found = look(told)
    assert doubles(found) == {}
    assert found.table("duplicates").rows == (("salesforce", "shared_line", 1, 5, 5, "no"),)


def test_one_name_at_one_company_is_a_likely_duplicate_but_not_at_a_mail_provider(told: Funnel) -> None:
    name: dict[str, Value] = {"first_name": "Ána", "last_name": "Müller"}
    ids = [
        lead(told, **name, email="ana.muller@initech.example"),
        lead(told, first_name="ANA", last_name="Müller", email="am@mail.initech.example"),
        lead(told, **name, website="https://www.initech.example/de"),
    ]
    lead(told, **name, email="ana@gmail.com")
    lead(told, **name, email="muller@gmail.com")
    lead(told, **name, email="ana@initrode.example")
    assert doubles(look(told)) == {"name_company": ids}


def test_a_contact_has_the_domain_of_its_account(told: Funnel) -> None:
    told.see(Account("salesforce", "001A", {"name": "Initech", "website": "initech.example"}), source="account")
    ids = [
        lead(told, first_name="Ada", last_name="Lovelace", email="ada@initech.example"),
        contact(told, "001A", first_name="Ada", last_name="Lovelace", email="ada.l@gmail.com"),
    ]
    assert doubles(look(told)) == {"name_company": sorted(ids)}


def test_the_rows_of_one_person_are_no_duplicates(told: Funnel) -> None:
    told.see(
        a_record("003A", "SQL", object="contact", created_at=day(1), fields=ADA), source="contact",
    )  # fmt: skip
    told.see(
        a_record("00QA", "Closed - Converted", state="converted", converted_to="003A", created_at=day(0), fields=ADA)
    )
    told.see(a_record("00QB", "Inquiry", state="deleted", created_at=day(0), fields=ADA))
    found = look(told)
    assert doubles(found) == {}
    assert sums(found, "contact") == (0, 0, 0, 1, 0)


def test_what_a_record_lacks_but_its_account_has_is_missing_and_appended(told: Funnel) -> None:
    told.see(Account("salesforce", "001A", {"name": "Initech", "country": "DE"}), source="account")
    contact(told, "001A", **{**ADA, "country": None})
    contact(told, **{**ADA, "email": "x@initech.example", "phone": None, "country": None, "first_name": "Bob"})
    row = cells(look(told).table("fields"), "salesforce", object="contact", field="country")
    assert (row["records"], row["filled"], row["missing"], row["appended"]) == (2, 0, 2, 1)


def test_people_whom_the_rules_exclude_are_left_out_and_counted(told: Funnel) -> None:
    lead(told, **ADA)
    lead(told, **{**ADA, "email": "ada@acme.example"})
    found = look(told)
    assert sums(found) == (0, 0, 0, 1, 1)
    assert any("excluded" in note for note in found.notes)


def test_the_audit_names_how_many_and_fails_for_none_of_it(told: Funnel) -> None:
    lead(told, **ADA)
    lead(told, **ADA)
    lead(told, last_name="Nobody")
    found = audit(told.ledger.con, told.rulebook, day(300))
    row = cells(found.report.table("quality"), "salesforce", object="lead")
    assert (row["live"], row["unusable"], row["duplicate"], row["sound"]) == (3, 1, 2, 0)
    assert found.off == ()


def test_a_list_that_is_too_long_is_cut_but_the_counts_are_of_all(
    told: Funnel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quality_report, "LISTED", 2)
    for n in range(3):
        lead(told, **{**ADA, "email": f"a{n} at initech", "phone": None})
    found = look(told)
    assert len(found.table("unusable_records").rows) == 2
    assert sums(found)[0] == 3
    assert any("unusable_records lists the first 2" in note for note in found.notes)


FIELDS: dict[str, list[Value]] = {
    "first_name": [None, "Ada", "Bob", "-"],
    "last_name": [None, "Lovelace", "unknown"],
    "email": [None, "ada@initech.example", "b@initech.example", "no", "ada@gmail.com", "x@acme.example"],
    "phone": [None, "+49 40 1234567", "040 1234567", "1", "+49 40 7654321"],
    "country": [None, "Germany", "Atlantis"],
    "website": [None, "www.initech.example"],
}


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    people=st.lists(
        st.fixed_dictionaries({name: st.sampled_from(values) for name, values in FIELDS.items()}), max_size=12
    )
)
def test_whatever_the_data_the_counts_add_up(funnels: Any, people: list[dict[str, Value]]) -> None:
    told: Funnel = funnels()
    told.see(*(a_record(told.new_id(), "Inquiry", created_at=day(0), fields=fields) for fields in people))
    found = look(told)
    if people:
        parts = sums(found)
        assert sum(int(part or 0) for part in parts) == len(people)
        assert parts[0] == len(found.table("unusable_records").rows)
    doubled = {row[5] for row in found.table("duplicate_records").rows}
    unusable = {row[2] for row in found.table("unusable_records").rows}
    malformed = {row[2] for row in found.table("malformed_records").rows}
    if people:
        assert parts[1] == len(doubled - unusable)
        assert parts[2] == len(malformed - doubled - unusable)
    looked_at = [one for one in people if one["email"] != "x@acme.example"]  # the others are excluded
    for row in found.table("fields").rows:
        _, _, field, records, filled, missing, _, bad, unchecked = row
        assert (records, filled) == (
            int(filled or 0) + int(missing or 0),
            sum(1 for one in looked_at if one.get(str(field))),
        )
        assert int(bad or 0) + int(unchecked or 0) <= int(filled or 0)
