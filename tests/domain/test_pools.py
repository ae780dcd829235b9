"""Fair shares, caps and absences of the members of a pool."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadsync.domain import conditions
from leadsync.domain.durations import Duration
from leadsync.domain.members import Absence, Caps, Member, MemberFacts, Pool, Wanted
from leadsync.domain.pools import CREDIT, Pick, PoolBook
from leadsync.domain.records import User
from leadsync.domain.situation import Directory

NOW = datetime(2026, 11, 25, 10, 0, tzinfo=UTC)
ZONE = "Europe/Berlin"
ANYBODY = Wanted()
Kept = Mapping[tuple[str, str, str], float]


def a_user(name: str, *, active: bool = True, out_of_office_until: str | None = None) -> User:
    return User(
        crm="salesforce",
        id=f"005-{name}",
        username=f"{name}@acme.example",
        email=f"{name}.mail@acme.example",
        name=name.title(),
        active=active,
        out_of_office_until=out_of_office_until,
    )


def a_member(name: str, weight: int = 1, **more: Any) -> Member:
    return replace(Member(f"{name}@acme.example", weight), **more)


def a_pool(*members: Member, strategy: str = "weighted", name: str = "sales") -> Pool:
    return Pool(name, "weighted" if strategy == "weighted" else "least_loaded", "office", None, (), "assigned", members)


def a_directory(
    *users: User,
    virtual_time: Kept | None = None,
    open_load: Mapping[str, int] | None = None,
    assigned: Mapping[str, tuple[datetime, ...]] | None = None,
) -> Directory:
    return Directory(
        users={user.id: user for user in users},
        queues={},
        accounts={},
        own_user_id="005-leadsync",
        open_load=open_load or {},
        assigned=assigned or {},
        virtual_time=virtual_time or {},
    )


def a_book(*pools: Pool, users: Sequence[User] | None = None, **known: Any) -> PoolBook:
    people = users if users is not None else [a_user(m.user.split("@")[0]) for pool in pools for m in pool.members]
    return PoolBook({pool.name: pool for pool in pools}, replace(a_directory(*people), **known))


def pick(book: PoolBook, wanted: Wanted = ANYBODY, *, now: datetime = NOW, tier: str = "normal") -> Pick:
    return book.pick("sales", tier, wanted, now=now, zone=ZONE)


def winner(found: Pick) -> str | None:
    return found.user.id.removeprefix("005-") if found.user else None


def winners(book: PoolBook, count: int, wanted: Wanted = ANYBODY) -> list[str | None]:
    return [winner(pick(book, wanted)) for _ in range(count)]


def why(found: Pick, name: str) -> str:
    return dict(found.candidates)[f"005-{name}"]


def test_four_hundred_leads_by_two_one_one_are_two_hundred_one_hundred_one_hundred_across_restarts() -> None:
    pool = a_pool(a_member("ada", 2), a_member("bela"), a_member("carla"))
    kept: Kept = {}
    got: Counter[str | None] = Counter()
    for lead in range(400):
        book = a_book(pool, virtual_time=kept)
        got[winner(pick(book))] += 1
        kept = {**kept, **book.charges()}
        if lead % 80 == 0:
            assert a_book(pool, virtual_time=kept).charges() == {}

    assert got == {"ada": 200, "bela": 100, "carla": 100}


@settings(deadline=None, max_examples=50)
@given(
    weights=st.lists(st.integers(1, 50), min_size=1, max_size=8),
    restarts=st.sets(st.integers(0, 149)),
)
def test_without_caps_everybody_is_within_one_lead_of_their_share_at_any_moment(
    weights: list[int], restarts: set[int]
) -> None:
    pool = a_pool(*(a_member(f"m{i}", weight) for i, weight in enumerate(weights)))
    book = a_book(pool)
    kept: Kept = {}
    got: Counter[str | None] = Counter()
    for lead in range(150):
        got[winner(pick(book))] += 1
        for i, weight in enumerate(weights):
            assert abs(got[f"m{i}"] - (lead + 1) * weight / sum(weights)) < 1 + 1e-9
        if lead in restarts:
            kept = {**kept, **book.charges()}
            book = a_book(pool, virtual_time=kept)


def test_ties_go_to_whoever_is_listed_first() -> None:
    assert winners(a_book(a_pool(a_member("bela"), a_member("ada"))), 4) == ["bela", "ada", "bela", "ada"]


def test_everybody_who_lost_their_turn_is_told_why() -> None:
    book = a_book(a_pool(a_member("ada", 2), a_member("bela"), a_member("carla")))

    first, second = pick(book), pick(book)

    assert first.candidates == (
        ("005-ada", "next in turn"),
        ("005-bela", "005-ada is next in turn"),
        ("005-carla", "005-ada is next in turn"),
    )
    assert why(second, "ada") == "has had their share for now"


def test_hand_raisers_are_dealt_out_on_their_own() -> None:
    book = a_book(a_pool(a_member("ada"), a_member("bela")))

    assert [winner(pick(book)), winner(pick(book, tier="hand_raiser"))] == ["ada", "ada"]
    assert set(book.charges()) == {
        ("sales", tier, f"005-{name}") for tier in ("normal", "hand_raiser") for name in ("ada", "bela")
    }


def test_a_user_inactive_in_the_crm_gets_nothing() -> None:
    book = a_book(a_pool(a_member("ada"), a_member("bela")), users=[a_user("ada", active=False), a_user("bela")])

    found = pick(book)

    assert winner(found) == "bela"
    assert why(found, "ada") == "not active in the CRM"


def test_a_member_whom_the_crm_does_not_know_is_named_as_in_the_rule_file() -> None:
    book = a_book(a_pool(a_member("ada")), users=[])

    assert pick(book) == Pick(None, (("ada@acme.example", "no user of this name in the CRM"),))


def test_a_member_may_be_named_by_e_mail_and_an_active_user_goes_first() -> None:
    twin = replace(a_user("old", active=False), id="004-old", email="ada.mail@acme.example")
    silent = replace(a_user("silent"), email=None)
    book = a_book(a_pool(Member("ADA.mail@acme.example")), users=[twin, a_user("ada"), silent])

    assert winner(pick(book)) == "ada"
    assert book.find("silent@acme.example") == silent
    assert book.find("nobody@acme.example") is None


def test_five_days_away_get_nothing_and_no_flood_follows() -> None:
    away = (Absence("2026-11-25", "2026-11-29"),)
    pool = a_pool(a_member("ada"), a_member("bela", absences=away), a_member("carla"))
    kept: Kept = {}
    got: dict[str, Counter[str | None]] = {part: Counter() for part in ("before", "away", "back")}
    for part, day, leads in (("before", -1, 30), ("away", 0, 50), ("away", 4, 50), ("back", 5, 30)):
        for _ in range(leads):
            book = a_book(pool, virtual_time=kept)
            got[part][winner(pick(book, now=NOW + timedelta(days=day)))] += 1
            kept = {**kept, **book.charges()}

    assert got["before"] == {"ada": 10, "bela": 10, "carla": 10}
    assert got["away"] == {"ada": 50, "carla": 50}
    assert got["back"] == {"ada": 10, "bela": 10, "carla": 10}


def test_whoever_is_away_is_away_from_every_pool_on_the_companys_days() -> None:
    away = (Absence("2026-11-25", "2026-11-25"),)
    sales = a_pool(a_member("ada"))
    book = a_book(sales, a_pool(a_member("ada", absences=away), name="strategic"))
    last_moment = datetime(2026, 11, 25, 22, 59, tzinfo=UTC)  # 23:59 in Berlin

    found = pick(book, now=last_moment)

    assert found == Pick(None, (("005-ada", "away until 2026-11-25"),), full_or_away=True)
    assert winner(pick(book, now=last_moment + timedelta(minutes=1))) == "ada"
    assert winner(pick(book, now=datetime(2026, 11, 24, 22, 59, tzinfo=UTC))) == "ada"


def test_the_absence_of_somebody_unknown_to_the_crm_harms_nobody() -> None:
    gone = a_member("gone", absences=(Absence("2026-11-01", "2026-11-30"),))

    assert winner(pick(a_book(a_pool(gone, a_member("ada")), users=[a_user("ada")]))) == "ada"


@pytest.mark.parametrize(
    ("until", "away"),
    [
        ("2026-11-25", "2026-11-25"),
        ("2026-11-24", None),
        ("2026-11-25T10:00:01Z", "2026-11-25"),
        ("2026-11-25T10:00:00Z", None),
        ("next week", None),
    ],
)
def test_the_out_of_office_field_of_the_crm_counts_as_absence(until: str, away: str | None) -> None:
    ada = a_user("ada", out_of_office_until=until)

    assert a_book(a_pool(a_member("ada")), users=[ada]).away(ada, now=NOW, zone=ZONE) == away


def test_the_cap_of_an_hour_looks_back_sixty_minutes() -> None:
    before = (NOW - timedelta(minutes=59), NOW - timedelta(hours=1))
    book = a_book(a_pool(a_member("ada", caps=Caps(hour=2))), assigned={"005-ada": before})

    assert winner(pick(book)) == "ada"
    assert why(pick(book), "ada") == "2 in the last hour, the cap is 2"


def test_the_cap_of_a_day_begins_at_the_companys_midnight() -> None:
    midnight = datetime(2026, 11, 24, 23, 0, tzinfo=UTC)
    before = (midnight - timedelta(seconds=1), midnight)
    book = a_book(a_pool(a_member("ada", caps=Caps(day=2))), assigned={"005-ada": before})

    assert winner(pick(book)) == "ada"
    assert why(pick(book), "ada") == "2 today, the cap is 2"


def test_the_cap_of_open_people_counts_what_this_cycle_gave() -> None:
    book = a_book(a_pool(a_member("ada", caps=Caps(hour=9, open=31))), open_load={"005-ada": 30})

    assert winner(pick(book)) == "ada"
    found = pick(book)
    assert why(found, "ada") == "31 open, the cap is 31"
    assert found.full_or_away


@settings(deadline=None)
@given(
    caps=st.lists(
        st.tuples(*(st.none() | st.integers(0, 4) for _ in range(3))).map(lambda caps: Caps(*caps)),
        min_size=1,
        max_size=4,
    ),
    minutes=st.lists(st.integers(0, 300), max_size=30),
    strategy=st.sampled_from(["weighted", "least_loaded"]),
)
def test_caps_are_never_exceeded(caps: list[Caps], minutes: list[int], strategy: str) -> None:
    members = [a_member(f"m{i}", i + 1, caps=cap) for i, cap in enumerate(caps)]
    book = a_book(a_pool(*members, strategy=strategy))
    given_out: dict[str, list[datetime]] = {f"m{i}": [] for i in range(len(caps))}
    now = NOW
    for minute in minutes:
        now += timedelta(minutes=minute)
        if name := winner(pick(book, now=now)):
            given_out[name].append(now)
        else:
            assert all(cap != Caps() for cap in caps)

    for name, cap in zip(given_out, caps, strict=True):
        got = given_out[name]
        days = Counter((at + timedelta(hours=1)).date() for at in got)  # Berlin in winter
        hours = [sum(at - timedelta(hours=1) < other <= at for other in got) for at in got]
        assert cap.day is None or max(days.values(), default=0) <= cap.day
        assert cap.hour is None or max(hours, default=0) <= cap.hour
        assert cap.open is None or len(got) <= cap.open


def test_a_pool_that_is_full_gives_to_nobody_and_charges_nobody() -> None:
    book = a_book(a_pool(a_member("ada", caps=Caps(day=0)), a_member("bela", caps=Caps(open=0))))

    found = pick(book)

    assert found.user is None
    assert found.full_or_away
    assert set(book.charges().values()) == {0.0}


def test_a_lead_in_german_goes_to_who_speaks_it() -> None:
    book = a_book(
        a_pool(a_member("bela", languages=("en", "pl")), a_member("ada", languages=("en", "DE")), a_member("any"))
    )

    found = pick(book, Wanted(language="de_AT"))

    assert winner(found) == "ada"
    assert why(found, "bela") == "does not speak de_AT"
    assert winner(pick(book, Wanted(language="de-at"))) == "any"


def test_a_lead_nobody_can_speak_with_is_not_a_full_pool() -> None:
    book = a_book(a_pool(a_member("ada", languages=("de",), caps=Caps(open=0))))

    assert pick(book, Wanted(language="zh")) == Pick(None, (("005-ada", "does not speak zh"),))


def test_a_territory_goes_to_who_covers_it() -> None:
    book = a_book(a_pool(a_member("ada", territories=("emea",)), a_member("bela", territories=("DACH",))))

    found = pick(book, Wanted(territory="dach"))

    assert winner(found) == "bela"
    assert why(found, "ada") == "does not cover dach"


def test_a_rule_may_ask_for_seniors_only() -> None:
    book = a_book(a_pool(a_member("ada"), a_member("bela", senior=True)))

    found = pick(book, Wanted(only=conditions.Test("senior", "yes")))

    assert winner(found) == "bela"
    assert why(found, "ada") == "the rule asks for a member with: senior"


def test_whoever_let_the_person_wait_is_left_out() -> None:
    book = a_book(a_pool(a_member("ada"), a_member("bela")))

    found = pick(book, Wanted(without=frozenset({"005-ada"})))

    assert winner(found) == "bela"
    assert "left out" in why(found, "ada")


def test_members_are_asked_for_by_user_languages_and_territories() -> None:
    member = a_member("ada", languages=("de",), territories=("dach",))
    facts = MemberFacts(member, a_user("ada"), NOW)

    assert facts.get("user") == ("ada@acme.example", "ada.mail@acme.example")
    assert (facts.get("senior"), facts.get("languages"), facts.get("territories")) == (False, ("de",), ("dach",))
    assert (facts.get("country"), facts.now) == (None, NOW)
    with pytest.raises(ValueError, match="nothing about a member is dated"):
        facts.after(NOW, Duration(1, "days"))
    wanted = Wanted(
        only=conditions.AnyOf(
            (conditions.Test("languages", "equals", "fr"), conditions.Test("user", "equals", "ada.mail@acme.example"))
        )
    )
    assert winner(pick(a_book(a_pool(a_member("bela"), member)), wanted)) == "ada"


def test_the_fewest_open_get_the_next_and_ties_go_by_the_list() -> None:
    pool = a_pool(a_member("ada"), a_member("bela"), a_member("carla"), strategy="least_loaded")
    book = a_book(pool, open_load={"005-ada": 2, "005-bela": 1, "005-carla": 1})

    found = pick(book)

    assert winner(found) == "bela"
    assert dict(found.candidates) == {
        "005-ada": "2 open, 005-bela has 1",
        "005-bela": "fewest open: 1",
        "005-carla": "1 open, 005-bela has 1",
    }
    assert winners(book, 3) == ["carla", "ada", "bela"]
    assert book.charges() == {}


def test_who_alone_speaks_german_waits_for_the_others_but_not_for_ever() -> None:
    pool = a_pool(a_member("ada", languages=("de", "en")), a_member("bela", languages=("en",)), a_member("carla"))
    book = a_book(pool)
    assert set(winners(book, 200, Wanted(language="de", without=frozenset({"005-carla"})))) == {"ada"}

    english = winners(book, 60, Wanted(language="en"))

    assert "ada" not in english[: 3 * CREDIT - 3]
    assert "ada" in english[: 3 * CREDIT + 3]
    assert Counter(english[-24:]) == {"ada": 8, "bela": 8, "carla": 8}


def test_a_full_member_keeps_turns_but_no_more_than_the_credit() -> None:
    weights = {"ada": 3, "bela": 1, "carla": 1}
    full = a_pool(
        *(a_member(name, weight, caps=Caps(open=0 if name == "ada" else None)) for name, weight in weights.items())
    )
    book = a_book(full)
    winners(book, 300)
    free = a_pool(*(a_member(name, weight) for name, weight in weights.items()))

    after = Counter(winners(a_book(free, virtual_time=book.charges()), 50))

    assert abs(after["ada"] - (50 * 3 / 5 + CREDIT)) <= 1


def test_a_member_full_for_a_little_while_makes_up_for_it() -> None:
    book = a_book(a_pool(a_member("ada"), a_member("bela")))
    first = [winner(pick(book, Wanted(without=frozenset({"005-ada"})))) for _ in range(6)]

    assert Counter([*first, *winners(book, 14)]) == {"ada": 10, "bela": 10}


@settings(deadline=None, max_examples=40)
@given(
    weights=st.lists(st.integers(1, 9), min_size=2, max_size=5),
    runs=st.lists(st.tuples(st.integers(0, 4), st.integers(1, 60)), max_size=6),
)
def test_nobody_is_ever_further_from_their_share_than_the_credit(
    weights: list[int], runs: list[tuple[int, int]]
) -> None:
    members = [a_member(f"m{i}", weight, languages=(f"l{i}",)) for i, weight in enumerate(weights)]
    book = a_book(a_pool(*members))
    for speaker, leads in runs:
        winners(book, leads, Wanted(language=f"l{speaker % len(weights)}"))
    pick(book)

    times = {name: at for (_, _, name), at in book.charges().items()}
    level = sum(weight * times[f"005-m{i}"] for i, weight in enumerate(weights)) / sum(weights)
    for i, weight in enumerate(weights):
        assert abs(times[f"005-m{i}"] - level) * weight <= CREDIT + 1 + 1e-6


def test_a_new_member_begins_where_the_others_are() -> None:
    old = a_pool(a_member("ada"), a_member("bela"))
    book = a_book(old)
    winners(book, 40)
    grown = a_book(a_pool(a_member("ada"), a_member("bela"), a_member("new")), virtual_time=book.charges())

    assert Counter(winners(grown, 30)) == {"ada": 10, "bela": 10, "new": 10}


def test_a_new_member_begins_at_those_away_when_nobody_else_is_there() -> None:
    away = a_member("ada", absences=(Absence("2026-11-25", "2026-11-25"),))
    book = a_book(a_pool(away, a_member("new")), virtual_time={("sales", "normal", "005-ada"): 40.0})

    pick(book)

    assert book.charges() == {("sales", "normal", "005-new"): 41.0, ("sales", "normal", "005-ada"): 41.0}


def test_a_pool_whose_only_member_is_away_from_the_start_has_no_turns_yet() -> None:
    book = a_book(a_pool(a_member("ada", absences=(Absence("2026-11-25", "2026-11-25"),))))

    assert pick(book).full_or_away
    assert book.charges() == {}


def test_an_account_or_former_rep_is_charged_like_a_pick() -> None:
    book = a_book(a_pool(a_member("ada", caps=Caps(day=12)), a_member("bela")))
    for _ in range(5):
        book.charge("sales", "normal", "005-ada", now=NOW, zone=ZONE)

    assert Counter(winners(book, 9)) == {"ada": 2, "bela": 7}
    assert book.open_load("005-ada") == 7


def test_charges_of_other_rules_keep_the_absent_in_step() -> None:
    away = a_member("bela", absences=(Absence("2026-11-25", "2026-11-25"),))
    book = a_book(a_pool(a_member("ada"), away), virtual_time={("sales", "normal", "005-bela"): 0.0})
    for _ in range(30):
        book.charge("sales", "normal", "005-ada", now=NOW, zone=ZONE)

    assert Counter(winner(pick(book, now=NOW + timedelta(days=1))) for _ in range(20))["bela"] <= 11


def test_an_assignment_outside_every_pool_counts_for_caps_alone() -> None:
    book = a_book(a_pool(a_member("ada", caps=Caps(hour=2))))

    book.charge(None, "normal", "005-ada", now=NOW, zone=ZONE)
    book.charge("sales", "normal", "005-stranger", now=NOW, zone=ZONE)

    assert book.charges() == {}
    assert winners(book, 2) == ["ada", None]
    assert book.open_load("005-stranger") == 1


def test_a_pool_by_load_charges_no_turns() -> None:
    book = a_book(a_pool(a_member("ada"), strategy="least_loaded"))

    book.charge("sales", "normal", "005-ada", now=NOW, zone=ZONE)

    assert (book.charges(), book.open_load("005-ada")) == ({}, 1)


def test_a_misroute_gives_the_turn_back() -> None:
    book = a_book(a_pool(a_member("ada"), a_member("bela")))
    assert winner(pick(book)) == "ada"

    book.credit("sales", "normal", "005-ada")

    assert winners(book, 2) == ["ada", "bela"]


@pytest.mark.parametrize(("pool", "user"), [("gone", "005-ada"), ("sales", "005-left"), ("sales", "005-ada")])
def test_nothing_is_given_back_without_a_pool_a_member_or_a_turn(pool: str, user: str) -> None:
    book = a_book(a_pool(a_member("ada")))

    book.credit(pool, "normal", user)

    assert book.charges() == {}


def test_membership_is_the_first_pool_that_names_the_user() -> None:
    first, second = a_pool(a_member("ada"), name="first"), a_pool(a_member("bela"), a_member("ada"), name="second")
    book = a_book(first, second)

    assert book.membership("005-ada", ("second", "first")) == (second, second.members[1])
    assert book.membership("005-bela", ("first",)) is None
    assert book.membership("005-bela", ()) is None
