"""What people are told about a person: who is told, in which words, and that nobody is told twice."""

from dataclasses import replace
from typing import Any

from building import (
    ALERTS,
    LEAD,
    RULES,
    a_directory,
    a_record,
    a_situation,
    a_touch,
    a_twin,
    an_account,
    assigned,
    at,
    born,
    decided,
    grounds,
    moved,
    rules_with,
    standing,
    told,
)

from leadsync.domain.effects import Escalation, Notice
from leadsync.domain.messages import (
    brief_words,
    hand_raised_notices,
    insisted_notices,
    put_back_notices,
    reason_notices,
    words_for,
)
from leadsync.domain.quiet import quiet_until
from leadsync.domain.sla import NoticeRule
from leadsync.domain.stages import PutBack
from leadsync.domain.telling import CRM_TASK, digest


def test_the_words_of_a_person() -> None:
    touches = (
        a_touch("demo_request", "2026-11-24 10:00"),
        a_touch("replied", "2026-11-25 09:00", channel=None, text="Hello"),
    )
    made = (assigned("bela", "2026-11-01 09:00", "maql#1"),)
    here = standing(
        a_situation(a_record("mql", owner="emil", company="Initrode"), born("mql"), touches=touches, assignments=made)
    )
    words = words_for(here, due_at=at("2026-11-25 12:00"))

    assert words["person"] == "Lena Lang"
    assert words["company"] == "Initrode"
    assert words["last_touches"] == "web demo_request, form replied"
    assert words["form_text"] == "Hello"
    assert (words["owner"], words["former_owner"], words["reason"]) == ("Emil", "Bela", "next in turn")
    assert "13:00" in words["due"]
    assert words["link"] == "https://acme.example/00Q-1"
    assert "web demo_request" in words["top_score_lines"]


def test_the_words_of_somebody_of_whom_little_is_known() -> None:
    account = an_account("Hooli")
    record = a_record(None, owner=None, first_name=None, last_name=None, account_id=account.id)
    here = standing(a_situation(record), directory=a_directory(accounts={account.id: account}), link="")
    words = words_for(here)

    assert (words["person"], words["company"], words["stage"], words["owner"], words["due"]) == (
        "00Q-1",
        "Hooli",
        "",
        "",
        "",
    )
    assert words["link"] == "00Q-1"
    assert brief_words(here, None, "005-nobody", None)["owner"] == ""
    recycled = standing(a_situation(a_record("remarket", recycle_reason="Timing"), born("remarket")))
    assert words_for(recycled)["reason"] == "Timing"


def test_an_assignment_is_told_through_the_pools_channels_and_a_queue_is_not() -> None:
    pooled = decided(a_situation(a_record("maql", owner="house"), born("maql", "2026-11-25 09:00")))
    parked = decided(a_situation(a_record("mql", owner="house", country="Japan"), born("mql", "2026-11-25 09:00")))
    floor = a_situation(a_record("mql", owner="house", country="USA"), born("mql", "2026-11-25 09:00"))

    assert [e.channel for e in pooled.effects if isinstance(e, Notice)] == ["email", "crm_task"]
    assert told(parked) == []
    assert [(e.channel, e.recipient[:4]) for e in decided(floor).effects if isinstance(e, Notice)] == [
        ("email", "005-"),
        ("sales_floor", "sale"),
    ]
    silent = rules_with(sla_messages={k: v for k, v in RULES.sla.messages.items() if k != "assigned"})
    assert told(decided(floor, rulebook=silent)) == []


def test_whoever_has_no_pool_is_told_as_people_are() -> None:
    deal_fields = {"opportunities": ()}
    situation = a_situation(
        a_record("mql", owner="house", country="Japan"), born("mql", "2026-11-25 09:00"), **deal_fields
    )
    directory = replace(a_directory(), queues={})

    assert told(decided(situation, directory=directory)) == [("assigned", "005-lead-desk")]


def test_a_put_back_is_told_to_who_made_the_move_and_other_corrections_to_nobody() -> None:
    here = standing(a_situation(a_record("inquiry"), born()))
    move = moved("sal", "inquiry", "2026-11-25 09:00", by="emil", why="no edge")
    blank = moved(None, None, "2026-11-25 09:00", by="emil")

    (notice,) = put_back_notices(here, PutBack(move, "remarket", "redirect"), ())
    assert (notice.recipient, notice.title) == ("005-emil", "Lena Lang went back to Re-Market")
    assert "from SAL to Inquiry is not part of the agreement: no edge" in notice.text
    assert put_back_notices(here, PutBack(move, "raw", "import"), ()) == []
    assert len(put_back_notices(here, PutBack(blank, "raw", "revert"), ())) == 1
    left = replace(here, grounds=grounds(directory=a_directory(gone=["emil"])))
    assert put_back_notices(left, PutBack(move, "remarket", "redirect"), ()) == []


def test_what_was_missing_is_asked_for_once_and_never_of_a_mass_change() -> None:
    here = standing(a_situation(a_record("remarket"), born()))
    move = moved("sal", "remarket", "2026-11-25 09:00", by="emil")

    def asked(move: Any) -> int:
        return len(reason_notices(here, ((move, ("reason",)),)))

    assert asked(move) == 1
    assert asked(replace(move, bulk_id="b1")) == 0
    assert asked(replace(move, at=at("2025-11-25 09:00"))) == 0
    assert asked(replace(move, ref=replace(LEAD, id="00Q-2"))) == 0
    again = reason_notices(here, ((replace(move, seq=99999), ("reason",)),))
    assert again[0].effect_id == reason_notices(here, ((move, ("reason",)),))[0].effect_id


def test_operations_hear_of_who_insists() -> None:
    here = standing(a_situation(a_record("sql"), born()))
    notices = insisted_notices(
        here, (moved("disqualified", "sql", "2026-11-25 09:00"), moved(None, None, "2026-11-25 09:00")), ALERTS
    )

    assert notices[0].title == "Lena Lang was moved from Disqualified to SQL again"
    assert [notice.recipient for notice in notices] == ["ops", "ops"]


def test_a_raised_hand_is_told_once_to_whom_it_concerns() -> None:
    touch = (a_touch("contact_me", "2026-11-25 09:00"),)

    def kinds(stage: str, **more: Any) -> list[str]:
        moves = (born(stage, "2026-11-20 09:00"),)
        return [
            n.notice
            for n in hand_raised_notices(
                standing(a_situation(a_record(stage, owner="emil"), *moves, touches=touch, **more))
            )
        ]

    assert kinds("sal") == ["hand_raised_again"]
    assert kinds("inquiry") == []
    assert kinds("sal", twins=(a_twin(a_record("sal", ref=replace(LEAD, object="contact")), "sal"),)) == []
    before = a_situation(a_record("mql", owner="emil"), born("mql", "2026-11-25 09:30"), touches=touch)
    assert hand_raised_notices(standing(before)) == []
    assert hand_raised_notices(standing(a_situation(a_record("mql"), born("mql")))) == []
    assert hand_raised_notices(standing(replace(before, records=(a_record()._replace(stage_value="?"),)))) == []
    old = standing(before, go_live_at=at("2026-11-25 09:10"))
    assert hand_raised_notices(old) == []


def test_who_is_told_of_a_raised_hand_follows_the_rule() -> None:
    touch = (a_touch("contact_me", "2026-11-25 09:00"),)
    situation = a_situation(a_record("sal", owner="emil"), born("sal", "2026-11-20 09:00"), touches=touch)

    def recipients(*tell: str, owner: str | None = "emil") -> list[str]:
        rules = rules_with(sla_notices={"hand_raised_again": NoticeRule(tell, "hand_raised")})
        here = replace(situation, records=(a_record("sal", owner=owner),))
        return [notice.recipient for notice in hand_raised_notices(standing(here, rulebook=rules))]

    assert recipients("owner", "manager", "sales_floor") == ["005-emil", "005-greta", "sales_floor"]
    assert recipients("manager", owner=None) == []
    assert recipients("owner", owner="leadsync") == []
    assert hand_raised_notices(standing(situation, rulebook=rules_with(sla_notices={}))) == []


def an_escalation(
    recipient: str = "005-emil", *, clock: str = "mql_follow_up", channel: str = "email", number: int = 1
) -> Escalation:
    return Escalation(
        f"e{number}", "p1", LEAD, "c1", clock, 0, channel, recipient, at("2026-11-25 10:00"), "t", "t", late=True
    )


def quiet(when: str, message: Escalation | None = None, *, rules: Any = RULES.sla) -> object:
    users = {
        **a_directory().users,
        "005-kate": replace(a_directory().users["005-kate"]),
        "005-odd": replace(a_directory().users["005-emil"], zone="Mars/Phobos"),
    }
    return quiet_until(message or an_escalation(), rules, users, at(when), "Europe/Berlin")


def test_messages_wait_for_the_morning_of_whoever_is_told() -> None:
    assert quiet("2026-11-25 10:00") is None
    assert quiet("2026-11-25 18:59") is None
    assert quiet("2026-11-25 19:00") == at("2026-11-26 06:00")
    assert quiet("2026-11-26 05:59") == at("2026-11-26 06:00")
    assert quiet("2026-11-26 06:00") is None
    assert quiet("2026-11-25 19:00", an_escalation("005-kate")) is None
    assert quiet("2026-11-26 02:00", an_escalation("005-kate")) == at("2026-11-26 12:00")
    assert quiet("2026-11-25 19:00", an_escalation("sales_floor")) == at("2026-11-26 06:00")
    assert quiet("2026-11-25 19:00", an_escalation("005-odd")) == at("2026-11-26 06:00")


def test_hand_raisers_wait_for_nobody_and_without_quiet_hours_nothing_does() -> None:
    noon = replace(RULES.sla, quiet_from="11:00", quiet_to="13:00")

    assert quiet("2026-11-25 19:00", an_escalation(clock="hand_raiser")) is None
    assert quiet("2026-11-25 19:00", rules=replace(RULES.sla, quiet_from=None)) is None
    assert quiet("2026-11-25 19:00", rules=replace(RULES.sla, quiet_to=None)) is None
    assert quiet("2026-11-25 11:00", rules=noon) == at("2026-11-25 12:00")
    assert quiet("2026-11-25 13:00", rules=noon) is None
    assert quiet("2026-11-25 09:00", rules=noon) is None


def test_tasks_are_never_folded_into_one_another() -> None:
    tasks = [an_escalation(channel=CRM_TASK, number=n) for n in range(20)]
    mails = [an_escalation(number=n) for n in range(20)]

    assert len(digest(tasks, 10, RULES.sla.messages["digest"])) == 20
    assert len(digest(mails, 10, RULES.sla.messages["digest"])) == 1
