"""Who is told when somebody does not act, what stands in the message, and how a storm becomes one message."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadsync.domain.effects import Escalation, Notice
from leadsync.domain.instants import from_text
from leadsync.domain.records import Ref, User
from leadsync.domain.routing import Pool
from leadsync.domain.sla import Message, Sla
from leadsync.domain.telling import TELL_WORDS, WORDS, digest, fill, people, recipients, words_of


def a_user(name: str, manager: str | None = None, *, active: bool = True, email: str | None = None) -> User:
    return User("salesforce", name, f"{name}@acme.example", email, name.title(), active=active, manager_id=manager)


USERS = {
    user.id: user
    for user in (
        a_user("ada", "dora"), a_user("dora", "paula"), a_user("paula"), a_user("emil", "sam"), a_user("sam", "sam"),
        a_user("greta", "emil"), a_user("former", "paula", active=False), a_user("loner"), a_user("lost", "nobody"),
        a_user("boss", "vice"), a_user("vice", "boss"), a_user("under", "former"), a_user("kim", email="Kim@Home.example"),
    )
}  # fmt: skip
SALES = Pool("sales", "weighted", "office", "Greta@acme.example", (), "assigned", ())


def an_sla(**changes: Any) -> Sla:
    usual: dict[str, Any] = {
        "clocks": {}, "people_through": ("email",), "instead": ("queue_lead", "next_manager", "pool_lead", "ops"),
        "digest_above": 10, "managers_daily": "08:30", "quiet_from": None, "quiet_to": None, "quiet_except": (),
        "if_unsure": "resend", "queue_lead": "dora@acme.example", "messages": {}, "notices": {},
    }  # fmt: skip
    return Sla(**{**usual, **changes})


def told(
    *tell: str, sla: Sla | None = None, owner: str | None = "ada", absent: frozenset[str] = frozenset(), **given: Any
) -> tuple[tuple[str, str], ...]:
    return recipients(tell, sla or an_sla(), people(USERS, absent), owner_id=owner, alerts="ops", **given)


def test_everybody_named_is_told_through_the_peoples_channels_and_a_channel_by_itself() -> None:
    sla = an_sla(people_through=("email", "crm_task"))

    assert told("owner", "sales_floor", "manager", sla=sla) == (
        ("email", "ada"), ("crm_task", "ada"), ("sales_floor", "sales_floor"), ("email", "dora"), ("crm_task", "dora"),
    )  # fmt: skip


def test_every_word_of_tell_has_its_person() -> None:
    given: dict[str, Any] = {"pool": SALES, "deal_owner_id": "emil", "actor_id": "loner"}

    assert {word: told(word, **given)[0][1] for word in TELL_WORDS} == {
        "owner": "ada", "manager": "dora", "pool_lead": "greta", "queue_lead": "dora", "deal_owner": "emil", "actor": "loner",
    }  # fmt: skip


def test_whoever_is_meant_twice_is_told_once() -> None:
    assert told("manager", "queue_lead", "ops", "ops") == (("email", "dora"), ("ops", "ops"))


def test_a_queue_has_no_owner_and_no_manager_to_tell_so_the_lead_of_queues_is_told() -> None:
    assert told("owner", "manager", owner="00G_queue") == (("email", "dora"),)
    assert told("owner", owner=None) == (("email", "dora"),)


def test_nobody_above_a_rep_means_the_lead_of_the_pool() -> None:
    assert told("manager", owner="loner", pool=SALES) == (("email", "greta"),)
    assert told("manager", owner="lost", pool=SALES) == (("email", "greta"),)


def test_an_absent_or_inactive_person_is_replaced_by_the_next_active_manager_up_the_tree() -> None:
    assert told("owner", absent=frozenset({"ada"})) == (("email", "dora"),)
    assert told("owner", absent=frozenset({"ada", "dora"})) == (("email", "paula"),)
    assert told("manager", owner="under") == (("email", "paula"),)
    assert told("manager", absent=frozenset({"dora"})) == (("email", "paula"),)
    assert told("actor", actor_id="former", owner="loner") == (("email", "paula"),)


def test_managers_in_a_circle_are_climbed_once() -> None:
    away = frozenset({"boss", "vice"})

    assert told("owner", owner="boss", absent=away, pool=SALES) == (("email", "greta"),)
    assert told("owner", owner="sam", absent=frozenset({"sam"})) == (("ops", "ops"),)


def test_a_pools_lead_who_is_away_is_replaced_by_his_own_manager() -> None:
    assert told("pool_lead", pool=SALES, absent=frozenset({"greta"})) == (("email", "emil"),)


def test_in_the_end_a_channel_is_told_and_never_nobody() -> None:
    alone = frozenset({"loner", "greta"})

    assert told("owner", owner="loner", absent=alone, pool=SALES) == (("ops", "ops"),)
    assert told("owner", owner="loner", absent=alone, sla=an_sla(instead=("pool_lead",))) == (("ops", "ops"),)
    assert told("queue_lead", owner="00G", sla=an_sla(queue_lead=None, instead=("floor",))) == (("floor", "floor"),)


def test_people_are_found_by_user_name_or_e_mail_in_any_case() -> None:
    who = people(USERS)

    assert who.find("kim@home.EXAMPLE ") == who.find("kim@acme.example") == "kim"
    assert who.find("nobody@acme.example") is None


words = st.sampled_from([*TELL_WORDS, "sales_floor"])
ids = st.sampled_from([*USERS, "00G_queue", None])


@given(st.lists(words, min_size=1), ids, ids, ids, st.frozensets(st.sampled_from(list(USERS))), st.sets(st.just(SALES)))
def test_somebody_is_always_told_and_nobody_who_is_inactive_or_away(
    tell: list[str],
    owner: str | None,
    deal_owner: str | None,
    actor: str | None,
    absent: frozenset[str],
    pools: set[Pool],
) -> None:
    found = told(
        *tell, owner=owner, deal_owner_id=deal_owner, actor_id=actor, absent=absent, pool=next(iter(pools), None)
    )

    assert found
    assert len(set(found)) == len(found)
    for channel, recipient in found:
        assert channel == recipient or (USERS[recipient].active and recipient not in absent)


# Words


def test_a_message_is_filled_with_its_words() -> None:
    message = Message("{person} is yours: {stage}", "Why: {why}\n{link}")

    assert fill(message, {"person": "Bo", "stage": "MQL", "why": "demo"}) == ("Bo is yours: MQL", "Why: demo\n-")


def test_doubled_braces_print_one_and_a_value_is_never_read_as_a_template() -> None:
    message = Message("{{person}} {person}", "{form_text}{missing}")

    assert fill(message, {"person": "{stage}", "stage": "MQL", "form_text": "{{x}} {0.__class__}", "missing": ""}) == (
        "{person} {stage}",
        "{{x}} {0.__class__}-",
    )


def test_the_words_of_a_text_are_listed_for_whoever_checks_them() -> None:
    assert words_of("{person} {{not}} {unknown} { } {") == ("person", "unknown", " ")
    assert len(WORDS) == len(set(WORDS)) == 25


# Storms


LEAD = Ref("salesforce", "lead", "00Q1")
DIGEST = Message("{count} people wait", "{list}")


def an_escalation(number: int, recipient: str = "dora", *, late: bool = False, channel: str = "email") -> Escalation:
    return Escalation(
        f"e{number}", f"p{number}", LEAD, "clock", "mql_follow_up", 1, channel, recipient,
        from_text("2026-11-18T10:00:00Z"), f"Lead {number} is overdue", "text", late=late,
    )  # fmt: skip


def a_notice(number: int, recipient: str = "dora") -> Notice:
    return Notice(f"n{number}", "p", LEAD, "assigned", "email", recipient, f"Notice {number}", "text")


def test_three_hundred_breaches_at_once_are_one_message_per_manager_that_names_every_id() -> None:
    storm = [an_escalation(number, ("dora", "greta")[number % 2]) for number in range(300)]

    tellings = digest(storm, 10, DIGEST)

    assert [telling.message.recipient for telling in tellings] == ["dora", "greta"]
    assert sorted(covered for telling in tellings for covered in telling.covers) == sorted(e.effect_id for e in storm)
    first = tellings[0]
    assert first.message.title == "150 people wait"
    assert all(f"[{covered}]" in first.message.text for covered in first.covers)
    assert "- Lead 0 is overdue [e0]\n- Lead 2 is overdue [e2]" in first.message.text


def test_few_messages_stay_as_they_are() -> None:
    few: list[Escalation | Notice] = [
        an_escalation(1),
        an_escalation(2, channel="crm_task"),
        a_notice(3),
        an_escalation(4, late=True),
    ]

    tellings = digest(few, 3, DIGEST)

    assert sorted(telling.message.effect_id for telling in tellings) == ["e1", "e2", "e4", "n3"]
    assert all(telling.covers == (telling.message.effect_id,) for telling in tellings)
    assert len(digest([*few, a_notice(5)], 3, DIGEST)) == 2


def test_messages_missed_in_a_down_time_come_as_one() -> None:
    tellings = digest([an_escalation(1, late=True), an_escalation(2, late=True), a_notice(3)], 10, DIGEST)

    assert [telling.covers for telling in tellings] == [("e1", "e2", "n3")]


def test_a_digest_has_the_same_id_whatever_order_its_messages_come_in() -> None:
    storm = [a_notice(number) for number in range(4)]

    one, other = (digest(messages, 3, DIGEST)[0].message for messages in (storm, storm[::-1]))

    assert one.effect_id == other.effect_id
    assert digest([*storm[:3], a_notice(9)], 3, DIGEST)[0].message.effect_id != one.effect_id


def test_without_messages_there_is_nothing_to_send() -> None:
    assert digest([], 10, DIGEST) == ()


@pytest.mark.parametrize("above", [0, 1, 5, 20])
def test_no_message_is_lost_or_doubled_by_taking_them_together(above: int) -> None:
    storm = [an_escalation(n, ("dora", "greta", "emil")[n % 3], late=n % 5 == 0) for n in range(20)]

    covered = [effect_id for telling in digest(storm, above, DIGEST) for effect_id in telling.covers]

    assert sorted(covered) == sorted(one.effect_id for one in storm)
