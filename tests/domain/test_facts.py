"""What rules may ask about one person: fields, what follows from them, and what the decision hands in."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import pytest

from leadsync.domain.conditions import All, FactValue, Named, holds
from leadsync.domain.conditions import Test as Asks
from leadsync.domain.durations import Duration, parse_duration
from leadsync.domain.facts import (
    PersonFacts,
    email_domain,
    hand_raised_at,
    has_strong_touch,
    last_inbound_at,
    next_touch_at,
)
from leadsync.domain.languages import language_of
from leadsync.domain.records import Ref
from leadsync.domain.scoring import Decay, Scoring
from leadsync.domain.titles import Titles
from leadsync.domain.touches import Direction, Touch

NOON = datetime(2026, 11, 19, 12, tzinfo=UTC)
LEAD = Ref("salesforce", "lead", "00Q1")

SCORING = Scoring(
    score_from="rules",
    min_change=5,
    bands=((0, "cold"),),
    caps={},
    families={},
    default_decay=Decay("half_life", 30),
    decay_by_channel={},
    weak=frozenset({"opened", "clicked"}),
    matrix={},
    fast_lane=Asks("response", "equals", "contact_me"),
    products=(),
    titles=Titles({"manager": ("gerente",)}, {"marketing": ("marketing",), "it": ("it",)}),
)


def days_after(start: datetime, duration: Duration) -> datetime:
    return start + duration.elapsed()


def a_touch(
    response: str = "registered",
    *,
    at: datetime = NOON,
    direction: Direction = "inbound",
    retracted: bool = False,
    touch_id: str = "",
) -> Touch:
    return Touch(touch_id or f"t:{response}:{at}", LEAD, "form", direction, at, response=response, retracted=retracted)


def a_person(
    fields: Mapping[str, FactValue] | None = None,
    *,
    account: Mapping[str, FactValue] | None = None,
    touches: tuple[Touch, ...] = (),
    given: Mapping[str, Callable[[], FactValue]] | None = None,
) -> PersonFacts:
    return PersonFacts(
        fields or {},
        now=NOON,
        after=days_after,
        account=account or {},
        touches=touches,
        scoring=SCORING,
        free_mail=frozenset({"gmail.com"}),
        conditions={"icp": All((Asks("employees", "at_least", 200), Asks("country", "equals", "de")))},
        given=given or {},
    )


def test_a_field_is_known_by_its_name_and_an_unmapped_one_is_missing() -> None:
    person = a_person({"source": "Web", "do_not_call": False})
    assert person.get("source") == "Web"
    assert person.get("do_not_call") is False
    assert person.get("postal_code") is None


@pytest.mark.parametrize("empty", [None, "", "  "])
def test_what_a_contact_lacks_is_taken_from_its_account(empty: FactValue) -> None:
    account: dict[str, FactValue] = {
        "industry": "Retail",
        "employees": 500,
        "country": "AT",
        "name": "Initech",
        "title": "x",
    }
    contact = a_person(dict.fromkeys(("industry", "employees", "country", "company", "title"), empty), account=account)
    assert [contact.get(name) for name in ("industry", "employees", "country", "company")] == [
        "Retail",
        500,
        "AT",
        "Initech",
    ]
    assert contact.get("title") == empty
    assert contact.get("language") == "de"


def test_a_lead_s_own_field_goes_before_its_account_s() -> None:
    lead = a_person({"employees": 0, "country": "FR"}, account={"employees": 500, "country": "AT"})
    assert lead.get("employees") == 0
    assert lead.get("country") == "FR"
    assert lead.get("account.country") == "AT"
    assert a_person().get("country") is None


def test_given_facts_go_first_and_are_worked_out_once() -> None:
    asked: list[str] = []

    def stage() -> str:
        asked.append("stage")
        return "mql"

    person = a_person({"stage": "from the CRM"}, given={"stage": stage})
    assert (person.get("stage"), person.get("stage")) == ("mql", "mql")
    assert asked == ["stage"]


def test_a_fact_that_is_not_known_yet_is_asked_for_again() -> None:
    known: dict[str, FactValue] = {}
    person = a_person(given={"score": lambda: known.get("score")})
    assert person.get("score") is None
    known["score"] = 110
    assert person.get("score") == 110


def test_a_fact_that_needs_itself_is_refused() -> None:
    person = a_person(given={"score": lambda: person.get("band"), "band": lambda: person.get("score")})
    with pytest.raises(ValueError, match="score cannot be known"):
        person.get("score")
    assert person.get("email_domain") is None


def test_a_named_condition_is_asked_like_a_yes_no() -> None:
    person = a_person({"employees": 250, "country": "DE"})
    assert person.get("icp") is True
    assert holds(Asks("icp", "yes"), person)
    assert holds(Named("icp", Asks("employees", "filled", True)), person)
    assert a_person().get("icp") is False


def test_ages_are_counted_in_the_time_of_whoever_decides() -> None:
    person = a_person(given={"in_stage_for": lambda: "2026-11-16T12:00:00Z"})
    assert person.now == NOON
    assert holds(Asks("in_stage_for", "at_least", parse_duration("3d")), person)
    assert not holds(Asks("in_stage_for", "at_least", parse_duration("4d")), person)


def test_a_title_gives_seniority_and_functions() -> None:
    person = a_person({"title": "Gerente de Marketing / IT"})
    assert person.get("seniority") == "manager"
    assert person.get("function") == ("marketing", "it")
    assert a_person({"title": None}).get("function") == ()
    assert PersonFacts({"title": "Gerente"}, now=NOON, after=days_after).get("seniority") is None


@pytest.mark.parametrize(
    ("email", "domain"),
    [
        ("Ada@ACME.example ", "acme.example"),
        ("a@b@c.example", "c.example"),
        ("ada", None),
        ("@x", None),
        ("x@", None),
        (7, None),
    ],
)
def test_the_domain_of_an_address(email: FactValue, domain: str | None) -> None:
    assert email_domain(email) == domain
    assert a_person({"email": email}).get("email_domain") == domain


def test_what_is_taken_from_the_account_is_said_to_be() -> None:
    account: dict[str, FactValue] = {"industry": "Retail", "employees": 40, "country": "DE", "name": " "}
    person = a_person({"industry": "Banking", "employees": None, "country": ""}, account=account)
    assert person.appended() == {"employees": 40, "country": "DE"}
    assert a_person({"industry": None}).appended() == {}


def test_free_mail_is_unknown_without_an_address() -> None:
    assert a_person({"email": "ada@Gmail.com"}).get("free_mail") is True
    assert a_person({"email": "ada@acme.example"}).get("free_mail") is False
    assert a_person().get("free_mail") is None
    assert a_person({"email": "ada@yahoo.de"}).get("free_mail") is True


@pytest.mark.parametrize(
    ("language", "country", "answer"),
    [
        ("en_GB", "DE", "en"), ("DE", "FR", "de"), (" pt-BR", None, "pt"), ("Klingon", "DE", "klingon"), (None, "CH", "de"),
        ("  ", " be ", "nl"), (None, "Atlantis", None), (None, None, None), (None, "MX", "es"),
    ],
)  # fmt: skip
def test_the_language_is_the_mapped_one_else_the_country_s_main_one(
    language: str | None, country: str | None, answer: str | None
) -> None:
    assert language_of(language, country) == answer
    assert a_person({"language": language, "country": country}).get("language") == answer


@pytest.mark.parametrize(
    ("touch", "strong"),
    [
        (a_touch(), True),
        (a_touch("opened"), False),
        (a_touch(direction="outbound"), False),
        (a_touch(direction="both"), True),
        (a_touch(retracted=True), False),
        (a_touch(at=NOON + timedelta(seconds=1)), False),
    ],
)
def test_only_what_the_person_has_surely_done_is_an_inbound_touch(touch: Touch, strong: bool) -> None:
    assert has_strong_touch((touch,), SCORING.weak, NOON) is strong
    assert a_person(touches=(touch,)).get("inbound_touch") is strong


def test_without_scoring_every_inbound_touch_is_strong() -> None:
    person = PersonFacts({}, now=NOON, after=days_after, touches=(a_touch("opened"),))
    assert person.get("inbound_touch") is True


def test_the_last_sign_of_life_counts_opens_but_nothing_of_ours() -> None:
    touches = (
        a_touch("opened", at=NOON - timedelta(days=2)),
        a_touch(at=NOON - timedelta(days=9)),
        a_touch(at=NOON - timedelta(days=1), direction="outbound"),
        a_touch(at=NOON + timedelta(days=1)),
    )
    assert last_inbound_at(touches, NOON) == NOON - timedelta(days=2)
    assert a_person(touches=touches).get("last_inbound_at") == "2026-11-17T12:00:00Z"
    assert a_person().get("last_inbound_at") is None


def test_a_raised_hand_counts_from_a_given_instant_on() -> None:
    monday, friday = NOON - timedelta(days=4), NOON
    touches = (a_touch("contact_me", at=monday), a_touch("contact_me", at=friday), a_touch(at=friday))
    assert hand_raised_at(SCORING, touches, NOON) == friday
    assert hand_raised_at(SCORING, touches, NOON - timedelta(days=1)) == monday
    assert hand_raised_at(SCORING, touches, NOON - timedelta(days=1), since=monday) is None


def test_a_meeting_begins_to_count_at_its_end() -> None:
    meeting = a_touch("attended", at=NOON + timedelta(hours=1), direction="both")
    called_off = a_touch("attended", at=NOON + timedelta(minutes=1), retracted=True)
    assert next_touch_at((a_touch(), meeting, called_off), NOON) == meeting.at
    assert next_touch_at((meeting,), meeting.at) is None
