"""One cycle after another over an org in memory: what is seen is decided, what is decided is written once."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from one_org import START, OneOrg

from leadsync.delivery import Hindrance, Stopped, retry_after
from leadsync.domain.effects import Notice, Outcome, WriteBack, effect_id
from leadsync.domain.limits import Limit
from leadsync.domain.records import Ref
from leadsync.errors import ChannelFailed, CrmBudgetExhausted, CrmRejected, CrmUnavailable, WrongOrg
from leadsync.ledger import PlanRows

AnOrg = Callable[..., OneOrg]


def test_what_is_seen_is_decided_and_written_and_then_there_is_peace(an_org: AnOrg) -> None:
    org = an_org()
    ref = org.newcomer()

    first = org.run()

    assert first.applied == 1
    assert "score" in org.crm.records[ref].fields
    org.at_rest()
    writes = org.crm.writes
    for _ in range(10):
        assert org.run().is_silent()
    assert org.crm.writes == writes


def test_watching_only_decides_and_writes_nothing_at_all(an_org: AnOrg) -> None:
    org = an_org(deliver=frozenset(), go_live_at=None)
    org.newcomer()

    report = org.run()

    assert report.decided == 1
    assert org.crm.writes == 0
    assert org.states() == {}
    assert all(channel.tries == 0 for channel in org.channels.values())


def test_going_live_voids_what_was_never_delivered_and_takes_nobody_by_surprise(an_org: AnOrg) -> None:
    org = an_org(deliver=frozenset(), go_live_at=None)
    org.newcomer()
    org.run()

    org.rules(go_live_at=None)
    report = org.run()

    assert (report.applied, org.crm.writes) == (0, 0)  # whoever was there before is adopted
    assert org.ledger.go_live("salesforce") is not None
    org.newcomer()
    assert org.run().applied == 1


def test_what_a_pause_kept_back_goes_out_when_the_pause_is_over(an_org: AnOrg) -> None:
    org = an_org(hindrance=lambda: Hindrance("paused", "a pause file is there"))
    org.newcomer()
    assert org.run().hindered == "paused"
    assert org.states() == {"pending": 1}

    org.rules()

    assert org.run().applied == 1


def test_turning_delivery_on_again_voids_what_waited_and_decides_it_afresh(an_org: AnOrg) -> None:
    org = an_org(hindrance=lambda: Hindrance("paused", "a pause file is there"))
    ref = org.newcomer()
    org.run()
    waiting = a_notice(1)
    wished(org, waiting)
    org.rules(deliver=frozenset())
    org.run()
    org.crm.edit_as_human(ref, title="Intern")

    org.rules()
    org.at_rest()

    states = {row["effect_id"]: row["state"] for row in org.ledger.list_outbox()}
    assert states[waiting.effect_id] == "superseded"
    assert org.crm.writes == 1
    assert not {"pending", "held"} & set(states.values())


def test_a_person_who_was_faster_wins_and_is_decided_anew(an_org: AnOrg) -> None:
    org = an_org()
    ref = org.newcomer()
    write = org.crm.write

    def edited_just_before(writes: list[WriteBack]) -> tuple[Outcome, ...]:
        org.crm.write = write  # type: ignore[method-assign]
        org.crm.edit_as_human(ref, stage="LAL", title="CEO")
        return write([replace(one, guarded={"stage": "Inquiry"}) for one in writes])

    org.crm.write = edited_just_before  # type: ignore[assignment,method-assign]
    first = org.run()

    assert (first.superseded, first.applied) == (1, 0)
    assert org.crm.records[ref].stage_value == "LAL"
    org.at_rest()
    assert org.states() == {"applied": 1, "superseded": 1} or org.states() == {"applied": 1}
    assert org.crm.records[ref].fields["score"] > 0  # type: ignore[operator]
    assert org.crm.records[ref].stage_value == "LAL"


@pytest.mark.parametrize(("fate", "writes"), [("lost_after", 1), ("lost_before", 1)])
def test_a_write_of_unknown_fate_is_looked_up_before_anything_is_sent_again(
    an_org: AnOrg, fate: str, writes: int
) -> None:
    org = an_org()
    org.newcomer()
    org.crm.fate.append(fate)  # type: ignore[arg-type]

    assert org.run().unknown == 1

    org.at_rest()
    assert org.crm.writes == writes
    assert set(org.states()) == {"applied"}


def test_a_lost_answer_is_looked_up_also_after_a_restart(an_org: AnOrg) -> None:
    org = an_org()
    org.newcomer()
    org.crm.fate.append("lost_after")
    org.run()
    org.rules()
    org.ledger.rescue()

    org.at_rest()

    assert org.crm.writes == 1


def test_a_locked_row_is_tried_again_after_longer_and_longer_waits_and_then_given_up(an_org: AnOrg) -> None:
    org = an_org()
    org.newcomer()
    org.crm.fate = ["locked"] * 500
    dead, hours = 0, 0

    while not dead and hours < 72:
        dead = org.run().dead
        org.pass_by(hours=1)
        hours += 1

    assert dead == 1
    assert 8 <= hours <= 24
    (row,) = org.ledger.list_outbox("dead")
    assert row["attempts"] >= 12
    org.crm.fate.clear()
    assert org.ledger.retry(row["effect_id"])
    org.at_rest()
    assert org.crm.writes == 1


def test_a_rejected_write_is_kept_with_its_reason_and_not_tried_again(an_org: AnOrg) -> None:
    org = an_org()
    org.newcomer()
    org.crm.fate.append("rejected")

    assert org.run().rejected == 1

    (row,) = org.ledger.list_outbox("rejected")
    assert row["error"] == "FIELD_CUSTOM_VALIDATION_EXCEPTION"
    for _ in range(5):
        org.run()
    assert org.crm.writes == 0


def test_a_crm_that_cannot_be_reached_never_kills_a_wish(an_org: AnOrg) -> None:
    org = an_org()
    org.newcomer()
    write = org.crm.write

    def unreachable(_writes: object) -> tuple[Outcome, ...]:
        raise CrmUnavailable("down")

    org.crm.write = unreachable  # type: ignore[assignment,method-assign]
    for _ in range(60):
        with pytest.raises(CrmUnavailable):
            org.run()
        org.pass_by(hours=1)
    org.crm.write = write  # type: ignore[method-assign]

    assert org.run().applied == 1


def test_a_used_up_budget_lets_the_wishes_wait(an_org: AnOrg) -> None:
    org = an_org()
    org.newcomer()
    write = org.crm.write

    def refused(_writes: object) -> tuple[Outcome, ...]:
        raise CrmBudgetExhausted("used up", 900.0)

    org.crm.write = refused  # type: ignore[assignment,method-assign]
    report = org.run()
    org.crm.write = write  # type: ignore[method-assign]

    assert (report.retrying, report.applied) == (1, 0)
    assert org.run().applied == 0
    org.pass_by(minutes=15)
    assert org.run().applied == 1


def test_an_error_nobody_foresaw_leaves_the_fate_unknown_and_not_in_flight(an_org: AnOrg) -> None:
    org = an_org()
    org.newcomer()
    write = org.crm.write

    def odd(_writes: object) -> tuple[Outcome, ...]:
        raise CrmRejected("odd")

    org.crm.write = odd  # type: ignore[assignment,method-assign]
    with pytest.raises(CrmRejected):
        org.run()
    assert org.states() == {"unknown": 1}
    org.crm.write = write  # type: ignore[method-assign]

    org.at_rest()
    assert org.crm.writes == 1


def test_a_group_over_its_limit_is_held_and_the_others_go_on(an_org: AnOrg) -> None:
    org = an_org(limits={"normal": Limit(2, 4)})
    for _ in range(5):
        org.newcomer()

    report = org.run()

    assert sum(report.held.values()) > 0
    held = org.ledger.list_outbox("held")
    assert {row["group_id"] for row in held} == set(report.held)
    before = org.crm.writes
    for group in report.held:
        assert org.ledger.release(group, org.crm.now()) > 0
    org.run()
    assert org.crm.writes > before
    assert org.ledger.list_outbox("held") == []


def test_a_rehearsal_with_another_instant_moves_the_decision_alone(an_org: AnOrg) -> None:
    org = an_org(deliver=frozenset(), go_live_at=START)
    org.newcomer()
    org.cycle.observe("complete", org.cycle.new_report())
    seen = org.crm.usage().calls

    plans = list(org.cycle.rehearse(START + timedelta(days=30)))

    assert sum(len(plan.decisions) for plan in plans) == 1
    assert org.crm.usage().calls == seen  # with its instant given a rehearsal asks the CRM for nothing
    assert org.states() == {}
    assert org.ledger.due("salesforce", org.crm.now()) != []


def test_a_cycle_decides_as_of_its_instant_and_reads_the_crm_as_it_is(an_org: AnOrg) -> None:
    org = an_org()
    ref = org.newcomer()

    org.run(now=START + timedelta(days=10))

    (row,) = [row for row in org.ledger.list_outbox() if row["kind"] == "write"]
    assert row["decided_at"] == "2026-11-28T09:00:00Z"
    assert org.crm.records[ref].modified_at < START + timedelta(days=1)


def test_another_org_is_refused_before_anything_of_it_is_stored(an_org: AnOrg) -> None:
    org = an_org()
    org.ledger.belong_to("salesforce", "another org")
    org.newcomer()

    with pytest.raises(WrongOrg):
        org.run()

    assert org.ledger.counts()["records"] == {}


def test_a_stop_ends_a_first_load_between_two_pages_and_the_next_cycle_goes_on(an_org: AnOrg) -> None:
    org = an_org()
    org.newcomer()
    pages: list[str] = []
    org.rules(stopping=lambda: len(pages) >= 3)

    with pytest.raises(Stopped):
        org.run(progress=lambda page, _rows: pages.append(page.source))

    assert len(pages) == 3
    org.rules()
    assert org.run().applied == 1


def test_one_person_whom_the_rules_cannot_take_does_not_stop_the_others(an_org: AnOrg) -> None:
    org = an_org()
    refs = [org.newcomer(last_name=f"N{number}") for number in range(6)]
    situations = org.ledger.situations

    def spoilt(crm: str, persons: list[str], **given: object) -> object:
        if any(refs[3].id in person for person in persons):
            raise ValueError("a value nobody foresaw")
        return situations(crm, persons, **given)  # type: ignore[arg-type]

    org.ledger.situations = spoilt  # type: ignore[assignment,method-assign]

    report = org.run()

    assert [refs[3].id in person for person in report.broken] == [True]
    assert report.applied == 5


def a_notice(number: int, channel: str = "email") -> Notice:
    ref = Ref("salesforce", "lead", "00Q8d0000000001AAA")
    return Notice(effect_id("n", channel, number), "p", ref, "assigned", channel, channel, f"T{number}", "text")


def wished(org: OneOrg, *notices: Notice) -> None:
    org.ledger.commit(PlanRows(effects=notices), org.crm.now())


def test_a_channel_that_fails_is_asked_once_in_a_cycle_and_the_others_go_on(an_org: AnOrg) -> None:
    org = an_org()
    org.run()
    org.channels["email"].refuses = ChannelFailed("email: cannot be reached", permanent=False)
    wished(org, a_notice(1), a_notice(2), a_notice(3), a_notice(4, "ops"))

    report = org.run()

    assert org.channels["email"].tries == 1
    assert report.channels == {"email": "email: cannot be reached"}
    assert report.told == 1
    assert org.states("notice") == {"applied": 1, "pending": 3}
    org.channels["email"].refuses = None
    org.pass_by(minutes=10)
    assert org.run().told == 3


def test_a_channel_without_its_secret_lets_its_messages_wait_untouched(an_org: AnOrg) -> None:
    org = an_org(unset={"email": "LEADSYNC_CHANNEL_EMAIL_URL is not set"})
    org.run()
    wished(org, a_notice(1), a_notice(2))

    for _ in range(20):
        report = org.run()

    assert report.channels == {"email": "LEADSYNC_CHANNEL_EMAIL_URL is not set"}
    assert {row["attempts"] for row in org.ledger.list_outbox() if row["kind"] == "notice"} == {0}
    org.rules()
    assert org.run().told == 2


def test_a_message_that_nobody_will_ever_take_is_rejected_and_breaks_no_circuit(an_org: AnOrg) -> None:
    org = an_org()
    org.run()
    org.channels["email"].refuses = ChannelFailed("email: no address", permanent=True)
    wished(org, a_notice(1), a_notice(2))

    report = org.run()

    assert (report.rejected, report.channels) == (2, {})


def test_clocks_run_on_while_the_crm_is_down(an_org: AnOrg) -> None:
    org = an_org()
    org.run()
    wished(org, a_notice(1))
    org.crm.down = True

    assert org.cycle.run_clocks(now=org.crm.now()).told == 1


def test_waits_double_up_to_six_hours() -> None:
    assert [retry_after(n) for n in (1, 2, 3)] == [15.0, 30.0, 60.0]
    assert retry_after(40) == 21600.0


def test_requests_of_an_earlier_process_count_into_the_budget_of_the_day(an_org: AnOrg) -> None:
    org = an_org()
    org.run()
    org.pass_by(hours=23)
    made = org.run().api_calls + 2

    org.rules()
    org.run()

    assert org.crm.counted_in >= made
    org.pass_by(hours=25)
    org.rules()
    org.run()
    assert org.crm.counted_in == 0
