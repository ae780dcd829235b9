"""Rules in order: the first that holds and finds somebody wins, and nobody is left over."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadsync.domain import conditions
from leadsync.domain.conditions import FactValue
from leadsync.domain.durations import Duration
from leadsync.domain.members import Absence, Caps, Member, Pool
from leadsync.domain.pools import PoolBook
from leadsync.domain.records import Queue, User
from leadsync.domain.routing import (
    AccountMatch,
    Relations,
    Routed,
    Routing,
    Rule,
    Territory,
    ToPool,
    ToQueue,
    ToRelated,
    ToUser,
    pools_of,
    reachable_pools,
    route,
    territory,
)
from leadsync.domain.situation import Directory

NOW = datetime(2026, 11, 25, 10, 0, tzinfo=UTC)
ZONE = "Europe/Berlin"
TODAY = (Absence("2026-11-25", "2026-11-25"),)


class AskedFacts:
    """Facts about one person, from a plain mapping; days are counted as 24 hours."""

    def __init__(self, **values: FactValue) -> None:
        self.now = NOW
        self.values = values

    def get(self, name: str) -> FactValue:
        return self.values.get(name)

    def after(self, start: datetime, duration: Duration) -> datetime:
        return start + duration.elapsed()


def a_user(name: str, **more: Any) -> User:
    return replace(User("salesforce", f"005-{name}", f"{name}@acme.example", None, name.title(), True), **more)


def a_pool(name: str, *members: Member) -> Pool:
    return Pool(name, "weighted", "office", None, (), "assigned", members)


def named(name: str, **more: Any) -> Member:
    return replace(Member(f"{name}@acme.example"), **more)


DEVELOPMENT = a_pool("development", named("lena"))
DACH = a_pool("dach", named("ada", senior=True, languages=("de",)), named("bela", languages=("de", "en")))
EMEA = a_pool("emea", named("hugo", languages=("fr",), territories=("emea",)))

SALES_RULES = (
    Rule("deal owner", ToRelated("deal_owner"), when=conditions.Test("in_open_deal", "yes")),
    Rule("colleague's rep", ToRelated("account_colleague")),
    Rule("account owner", ToRelated("account_owner")),
    Rule("former rep", ToRelated("former_owner", Duration(180, "days"))),
    Rule("hot", ToPool("dach"), when=conditions.Test("band", "equals", "hot"), only=conditions.Test("senior", "yes")),
    Rule("DACH", ToPool("dach"), when=conditions.Test("territory", "equals", "dach"), match=("language",)),
    Rule("EMEA", ToPool("emea"), when=conditions.Test("territory", "equals", "emea"), match=("language", "territory")),
    Rule("fleet", ToUser("ines@acme.example"), when=conditions.Test("product", "equals", "fleet")),
    Rule("everyone else", ToQueue("Unassigned Leads")),
)
ROUTING = Routing(
    doors={"mql": "sales", "maql": "development"},
    fallback_queue="Lead Desk",
    fallback_user="desk@acme.example",
    lists={},
    territories=(
        Territory("dach", conditions.Test("country", "equals", ("de", "at", "ch"))),
        Territory("german again", conditions.Test("country", "equals", "de")),
    ),
    account_match=AccountMatch(60, 30, 10, 70, 10, "Account Check", frozenset()),
    rules={
        "sales": SALES_RULES,
        "development": (Rule("all", ToPool("development"), match=("language",)),),
    },
    pools={pool.name: pool for pool in (DEVELOPMENT, DACH, EMEA)},
)
QUEUES = {
    queue.id: queue
    for queue in (
        Queue("salesforce", "00G-2", "Unassigned leads"),
        Queue("salesforce", "00G-1", "unassigned Leads"),
        Queue("salesforce", "00G-desk", "Lead Desk"),
        Queue("salesforce", "00G-check", "Account Check"),
    )
}
NAMES = ("ada", "bela", "lena", "hugo", "ines", "desk", "otto")


def a_directory(*changed: User, queues: Mapping[str, Queue] = QUEUES) -> Directory:
    users = {user.id: user for user in (*map(a_user, NAMES), *changed)}
    return Directory(users, queues, {}, "005-leadsync")


def routed(
    facts: AskedFacts | None = None,
    relations: Relations | None = None,
    *,
    routing: Routing = ROUTING,
    directory: Directory | None = None,
    book: PoolBook | None = None,
    door: str = "sales",
    **more: Any,
) -> Routed:
    directory = directory or a_directory()
    return route(
        routing,
        door,
        facts or AskedFacts(),
        relations=relations or Relations(),
        directory=directory,
        book=book or PoolBook(routing.pools, directory),
        tier="normal",
        now=NOW,
        zone=ZONE,
        **more,
    )


def with_pool(pool: Pool) -> Routing:
    return replace(ROUTING, pools={**ROUTING.pools, pool.name: pool})


def test_the_first_rule_that_holds_wins() -> None:
    found = routed(AskedFacts(territory="dach", product="fleet", language="en"))

    assert found == Routed(
        "user",
        "005-bela",
        "DACH",
        "DACH: next in turn of dach",
        "dach",
        candidates=(("005-ada", "DACH: does not speak en"), ("005-bela", "DACH: next in turn")),
    )


def test_whoever_no_rule_knows_waits_in_the_last_rules_queue() -> None:
    found = routed()

    assert (found.kind, found.owner_id, found.queue, found.rule) == (
        "queue",
        "00G-1",
        "unassigned Leads",
        "everyone else",
    )


def test_picks_of_one_cycle_see_each_other() -> None:
    directory = a_directory()
    book = PoolBook(ROUTING.pools, directory)
    german = AskedFacts(territory="dach", language="de")

    assert [routed(german, directory=directory, book=book).owner_id for _ in range(3)] == [
        "005-ada",
        "005-bela",
        "005-ada",
    ]


def test_the_owner_of_an_open_deal_gets_the_person_though_in_no_pool() -> None:
    found = routed(AskedFacts(in_open_deal=True, territory="dach"), Relations(deal_owner="005-otto"))

    assert (found.owner_id, found.pool, found.reason) == ("005-otto", None, "deal owner: owns the open deal")


def test_an_inactive_deal_owner_passes_on_to_the_next_rule() -> None:
    found = routed(
        AskedFacts(in_open_deal=True),
        Relations(deal_owner="005-otto", account_owner="005-ada"),
        directory=a_directory(a_user("otto", active=False)),
    )

    assert (found.owner_id, found.rule) == ("005-ada", "account owner")
    assert found.candidates[0] == ("005-otto", "deal owner: not active in the CRM")


def test_the_colleagues_rep_comes_before_the_account_owner_and_is_charged() -> None:
    directory = a_directory()
    book = PoolBook(ROUTING.pools, directory)

    found = routed(relations=Relations(account_colleague="005-bela", account_owner="005-ada"), book=book)

    assert (found.owner_id, found.pool, found.sticky) == ("005-bela", "dach", False)
    assert book.charges()["dach", "normal", "005-bela"] == 1.0
    assert book.open_load("005-bela") == 1


@pytest.mark.parametrize(
    "relations",
    [
        Relations(account_colleague="005-lena"),
        Relations(account_owner="005-lena"),
        Relations(former_owner="005-lena", former_until=NOW),
    ],
)
def test_a_development_rep_is_nobody_behind_the_door_to_sales(relations: Relations) -> None:
    found = routed(relations=relations)

    assert found.rule == "everyone else"
    assert found.candidates[0][1].endswith("in none of the pools of these rules")


def test_an_account_owner_who_is_away_or_unknown_passes_on() -> None:
    away = with_pool(a_pool("dach", named("ada", absences=TODAY)))

    assert routed(relations=Relations(account_owner="005-ada"), routing=away).candidates == (
        ("005-ada", "account owner: away until 2026-11-25"),
    )
    assert routed(relations=Relations(account_owner="005-left")).candidates == (
        ("005-left", "account owner: no user of this name in the CRM"),
    )


def test_an_account_owner_gets_the_accounts_people_even_at_the_cap_and_a_former_rep_does_not() -> None:
    full = with_pool(a_pool("dach", named("ada", caps=Caps(open=0))))

    assert routed(relations=Relations(account_owner="005-ada"), routing=full).owner_id == "005-ada"
    former = routed(relations=Relations(former_owner="005-ada", former_until=NOW), routing=full)
    assert former.candidates == (("005-ada", "former rep: 0 open, the cap is 0"),)


@pytest.mark.parametrize(
    ("until", "rule"),
    [
        (NOW - timedelta(days=180) + timedelta(seconds=1), "former rep"),
        (NOW - timedelta(days=180), "everyone else"),
        (None, "everyone else"),
    ],
)
def test_a_former_rep_gets_the_person_back_within_half_a_year(until: datetime | None, rule: str) -> None:
    found = routed(relations=Relations(former_owner="005-ada", former_until=until))

    assert found.rule == rule
    assert found.sticky is (rule == "former rep")


def test_a_former_rep_without_a_time_limit_always_gets_the_person_back() -> None:
    rules = (Rule("former rep", ToRelated("former_owner")), *SALES_RULES)

    found = routed(relations=Relations(former_owner="005-hugo"), routing=replace(ROUTING, rules={"sales": rules}))

    assert (found.owner_id, found.sticky) == ("005-hugo", True)


def test_whoever_gave_the_person_back_is_found_by_no_rule() -> None:
    relations = Relations(account_owner="005-ada", former_owner="005-ada", former_until=NOW)

    found = routed(AskedFacts(territory="dach", language="de"), relations, without=frozenset({"005-ada"}))

    assert found.owner_id == "005-bela"
    assert [why for who, why in found.candidates if who == "005-ada" and "left out" not in why] == []


def test_two_accounts_that_fit_are_a_persons_to_decide() -> None:
    found = routed(AskedFacts(territory="dach"), Relations(ambiguous_account=True))

    assert (found.kind, found.owner_id) == ("queue", "00G-check")
    assert found.reason == "colleague's rep: more than one account fits"


def test_the_deal_owner_needs_no_account_to_be_sure_of() -> None:
    found = routed(AskedFacts(in_open_deal=True), Relations(deal_owner="005-otto", ambiguous_account=True))

    assert found.owner_id == "005-otto"


def test_a_user_named_by_a_rule_gets_the_person() -> None:
    found = routed(AskedFacts(product="fleet"))

    assert (found.owner_id, found.reason) == ("005-ines", "fleet: named by the rule")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"active": False}, "fleet: not active in the CRM"),
        ({"out_of_office_until": "2026-11-30"}, "fleet: away until 2026-11-30"),
    ],
)
def test_a_user_named_by_a_rule_who_cannot_take_it_passes_on(change: Mapping[str, Any], why: str) -> None:
    found = routed(AskedFacts(product="fleet"), directory=a_directory(a_user("ines", **change)))

    assert found.rule == "everyone else"
    assert found.candidates == (("005-ines", why),)


def test_a_user_whom_the_crm_does_not_know_passes_on() -> None:
    rules = (Rule("fleet", ToUser("nobody@acme.example")), *SALES_RULES)

    found = routed(routing=replace(ROUTING, rules={"sales": rules}))

    assert found.candidates == (("nobody@acme.example", "fleet: no user of this name in the CRM"),)


def test_a_full_pool_sends_to_the_fallback_queue_with_the_reason() -> None:
    full = with_pool(a_pool("dach", named("ada", caps=Caps(day=0)), named("bela", absences=TODAY)))

    found = routed(AskedFacts(territory="dach"), routing=full)

    assert (found.kind, found.owner_id, found.rule) == ("queue", "00G-desk", "DACH")
    assert found.reason == "everybody in dach is full or away"
    assert dict(found.candidates) == {
        "005-ada": "DACH: 0 today, the cap is 0",
        "005-bela": "DACH: away until 2026-11-25",
    }


def test_a_pool_in_which_nobody_fits_passes_on() -> None:
    found = routed(AskedFacts(territory="emea", language="zh"))

    assert (found.rule, found.candidates) == ("everyone else", (("005-hugo", "EMEA: does not speak zh"),))


def test_a_rule_may_ask_for_a_member_of_a_kind() -> None:
    junior = with_pool(a_pool("dach", named("ada"), named("bela", senior=True)))

    assert routed(AskedFacts(band="hot"), routing=junior).owner_id == "005-bela"


def test_territories_match_members_who_cover_them() -> None:
    assert routed(AskedFacts(territory="emea", language="fr")).owner_id == "005-hugo"
    abroad = with_pool(a_pool("emea", named("hugo", territories=("apac",))))
    assert routed(AskedFacts(territory="emea"), routing=abroad).rule == "everyone else"


def test_when_no_rule_finds_anybody_the_fallback_does() -> None:
    found = routed(door="development", directory=a_directory(a_user("lena", active=False)))

    assert (found.owner_id, found.rule, found.reason) == ("00G-desk", "fallback", "no rule found anybody")


def test_a_queue_that_is_gone_from_the_crm_falls_to_the_fallback_and_says_so() -> None:
    found = routed(directory=a_directory(queues={"00G-desk": QUEUES["00G-desk"]}))

    assert found.owner_id == "00G-desk"
    assert found.reason == "everyone else: waits in a queue; queue Unassigned Leads is not in the CRM"


def test_without_any_queue_the_fallback_user_takes_it() -> None:
    found = routed(directory=a_directory(queues={}))

    assert (found.kind, found.owner_id, found.queue) == ("user", "005-desk", None)


@pytest.mark.parametrize(
    ("user", "directory"),
    [
        (None, a_directory(queues={})),
        ("nobody@acme.example", a_directory(queues={})),
        ("desk@acme.example", a_directory(a_user("desk", active=False), queues={})),
    ],
)
def test_without_anybody_at_all_the_person_is_parked_for_a_named_reason(user: str | None, directory: Directory) -> None:
    found = routed(routing=replace(ROUTING, fallback_user=user), directory=directory)

    assert (found.kind, found.owner_id, found.queue) == ("queue", None, "Unassigned Leads")
    assert found.reason == (
        "everyone else: waits in a queue; queue Unassigned Leads is not in the CRM; "
        "queue Lead Desk is not in the CRM; no active user to fall back on"
    )


def test_where_no_queue_may_own_the_objects_own_fallback_user_takes_it() -> None:
    found = routed(queue_may_own=False, fallback_user="otto@acme.example")

    assert (found.kind, found.owner_id) == ("user", "005-otto")
    assert "queue Unassigned Leads cannot own this record" in found.reason
    assert routed(queue_may_own=False).owner_id == "005-desk"


def test_the_pools_of_a_door_come_in_the_order_of_its_rules() -> None:
    assert reachable_pools(ROUTING, "sales") == ("dach", "emea")
    assert reachable_pools(ROUTING, "development") == ("development",)


def test_a_user_is_in_the_pools_that_name_them() -> None:
    assert pools_of(ROUTING, a_user("ada")) == ("dach",)
    assert pools_of(ROUTING, a_user("x", email="HUGO@acme.example")) == ("emea",)
    assert pools_of(ROUTING, a_user("otto")) == ()


def test_the_first_territory_that_fits_is_the_persons() -> None:
    assert territory(ROUTING, AskedFacts(country="DE")) == "dach"
    assert territory(ROUTING, AskedFacts(country="US")) is None


@given(
    st.lists(st.sampled_from(["dach", "emea", "none"]), max_size=40),
    st.sampled_from(NAMES),
    st.integers(0, 5),
)
def test_after_any_run_nobody_is_without_an_owner(places: list[str], inactive: str, cap: int) -> None:
    directory = a_directory(a_user(inactive, active=False))
    routing = with_pool(a_pool("dach", *(replace(member, caps=Caps(day=cap)) for member in DACH.members)))
    book = PoolBook(routing.pools, directory)
    for place in places:
        found = routed(AskedFacts(territory=place), routing=routing, directory=directory, book=book)

        assert found.reason
        assert found.owner_id in directory.queues or directory.users[found.owner_id or ""].active
