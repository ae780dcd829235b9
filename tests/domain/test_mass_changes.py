"""What one person does to many at once: moves wait until somebody lets them go, doors of mass creations drip."""

from dataclasses import replace
from datetime import timedelta

import pytest
from building import (
    NOW,
    RULES,
    a_book,
    a_deal,
    a_directory,
    a_record,
    a_situation,
    a_touch,
    assigned,
    at,
    born,
    clock_of,
    decided,
    grounds,
    judged,
    moved,
    standing,
    told,
    written,
)

from leadsync.domain.drip import Drip
from leadsync.domain.effects import Notice
from leadsync.domain.situation import Situation
from leadsync.domain.telling import CRM_TASK, digest

MASS, BIRTHS = "bulk:005-emil:Inquiry>MQL:2026-11-25", "bulk:births:005-pia:2026-11-25"


def handed_over(*, released: str | None = None, **move: object) -> Situation:
    """A lead that somebody handed to sales together with many others."""
    mass = judged(moved("inquiry", "mql", "2026-11-25 08:00", by="emil"), bulk_id=MASS, **move)
    let_go = {MASS: at(released)} if released else {}
    return a_situation(a_record("mql"), born(), mass, released=let_go)


def put_back(*, released: str | None = None) -> Situation:
    """A lead that was disqualified and taken back to inquiry together with many others, which the law reverts."""
    wrong = judged(moved("disqualified", "inquiry", "2026-11-25 08:00", by="emil"), "flagged", bulk_id=MASS)
    let_go = {MASS: at(released)} if released else {}
    record = a_record("inquiry", recycle_reason="Not a fit")
    return a_situation(record, born("disqualified"), wrong, released=let_go)


def test_a_mass_change_causes_nothing_before_it_is_let_go_and_everything_after() -> None:
    waiting, let_go = decided(handed_over()), decided(handed_over(released="2026-11-25 09:30"))

    assert (waiting.assignment, waiting.clocks, told(waiting)) == (None, (), [])
    assert f"not routed: part of the mass change {MASS}" in waiting.reasons
    assert let_go.assignment is not None
    clock = clock_of(let_go, "mql_follow_up", "lead")
    assert clock.started_at == at("2026-11-25 09:30")  # nobody was asked to do anything before


def test_a_mass_change_is_put_back_once_it_is_let_go_as_far_as_it_still_stands() -> None:
    assert "stage" not in written(decided(put_back()))
    let_go = decided(put_back(released="2026-11-25 09:30"))
    assert written(let_go)["stage"] == "Disqualified"
    assert let_go.move is not None
    assert let_go.move.correction
    assert ("put_back", "005-emil") in told(let_go)

    moved_on = put_back(released="2026-11-25 09:30")
    later = judged(moved("inquiry", "maql", "2026-11-25 08:30", by="pia"))
    moved_on = replace(moved_on, records=(a_record("maql"),), transitions=(*moved_on.transitions, later))
    assert "stage" not in written(decided(moved_on))


def test_what_a_mass_change_lacked_is_asked_for_once_it_is_let_go() -> None:
    move = moved("mql", "remarket", "2026-11-25 08:00", by="emil")
    known = judged(move, "flagged", bulk_id=MASS)
    situation = a_situation(a_record("remarket"), born("mql"), known)
    assert told(decided(situation)) == []
    let_go = replace(situation, released={MASS: at("2026-11-25 09:30")})
    assert told(decided(let_go)) == [("reason_missing", "005-emil")]
    left = judged(moved("remarket", "maql", "2026-11-25 09:40", by="leadsync"))
    moved_on = replace(let_go, records=(a_record("maql"),), transitions=(*let_go.transitions, left))
    assert "reason_missing" not in [what for what, _ in told(decided(moved_on))]


def test_the_same_mass_change_made_again_after_its_release_waits_again() -> None:
    again = handed_over(released="2026-11-25 07:00")
    assert decided(again).assignment is None


def test_a_mass_of_call_results_stays_in_the_status_until_it_is_let_go() -> None:
    move = moved("inquiry", None, "2026-11-25 08:00", by="emil", to_value="Left Vmail")
    record = a_record("inquiry")._replace(stage_value="Left Vmail")
    situation = a_situation(record, born(), move)
    waiting = decided(replace(situation, in_bulk={move.seq: MASS}))
    assert waiting.judgements[0].verdict == "flagged"
    assert "stage" not in written(waiting)
    known = replace(situation.transitions[1], verdict="flagged", bulk_id=MASS)
    let_go = replace(situation, transitions=(situation.transitions[0], known), released={MASS: NOW})
    assert written(decided(let_go))["disposition"] == "Left Vmail"


def test_leadsync_moves_nobody_on_out_of_a_mass_change_before_they_do_something_themselves() -> None:
    mass = judged(moved("remarket", "inquiry", "2026-11-25 08:00", by="pia"), bulk_id=MASS)
    touches = tuple(a_touch("attended", "2026-11-24 09:00", channel="event", investment="high") for _ in range(4))
    situation = a_situation(a_record("inquiry", title="CEO"), born("remarket"), mass, touches=touches)
    here = standing(situation)
    assert here.facts.get("at_the_bar") is True
    waiting = decided(situation)
    assert waiting.move is None
    assert any("nobody has let go" in reason for reason in waiting.reasons)

    assert decided(replace(situation, released={MASS: NOW})).move is not None
    new = a_touch("attended", "2026-11-25 09:00", channel="event", investment="high")
    assert decided(replace(situation, touches=(*touches, new))).move is not None
    assert decided(replace(situation, opportunities=(a_deal(created="2026-11-25 09:00"),))).move is not None


def test_an_operators_job_holds_nobody_back() -> None:
    remapped = judged(moved("remarket", "inquiry", "2026-11-25 08:00", by="leadsync"), bulk_id="remap:1")
    here = standing(a_situation(a_record("inquiry"), born("remarket"), remapped))
    assert here.held_by is None
    assert remapped.is_held


@pytest.mark.parametrize(
    ("by", "counts"), [("emil", True), ("robo", False), ("leadsync", False), ("nobody-known", True)]
)
def test_integrations_and_leadsync_make_no_mass_changes(by: str, counts: bool) -> None:
    move = moved("inquiry", "mql", "2026-11-25 08:00", by=by, source="history")
    situation = a_situation(a_record("mql"), born(), move, in_bulk={move.seq: MASS})
    assert (standing(situation).stay.entered_by.bulk_id == MASS) is counts  # type: ignore[union-attr]


def test_a_user_who_imports_lists_counts_though_it_is_a_program() -> None:
    law = RULES.law
    importing = replace(law.import_evidence, import_users=frozenset({"robo@acme.example"}))
    rules = replace(RULES, law=replace(law, import_evidence=importing))
    move = moved("inquiry", "mql", "2026-11-25 08:00", by="robo")
    situation = a_situation(a_record("mql"), born(), move, in_bulk={move.seq: MASS})
    assert standing(situation, rulebook=rules).held_by == MASS


# Mass creations


def created(stage: str = "mql", number: int = 1, **more: object) -> Situation:
    """One of the many leads that somebody made in one go, in a stage with a door."""
    birth = born(stage, "2026-11-25 09:00", by="pia", bulk_id=BIRTHS)
    record = a_record(stage, created_at=at("2026-11-25 09:00"), owner="pia")
    return replace(a_situation(record, birth), person_id=f"p{number}", **more)


def test_doors_of_a_mass_creation_open_fifty_an_hour() -> None:
    on = grounds()
    book = a_book(on)
    first = [decided(created(number=n), book=book) for n in range(60)]

    assert [one.assignment is not None for one in first] == [True] * 50 + [False] * 10
    waiting = first[-1]
    assert waiting.state.wake_at == NOW + timedelta(hours=1)
    assert "their turn is at 2026-11-25T11:00:00Z" in waiting.reasons
    assert any(BIRTHS in reason for reason in waiting.reasons)
    assert [clock.kind for clock in waiting.clocks] == ["lead"]  # the promised figure counts, nobody is escalated

    opened = a_directory(opened={BIRTHS: (NOW,) * 50})
    later = NOW + timedelta(hours=1)
    still = grounds(later - timedelta(seconds=1), directory=opened)
    assert decided(created(), still.now, directory=opened).assignment is None
    assert decided(created(), later, directory=opened).assignment is not None


def test_another_mass_creation_has_fifty_of_its_own() -> None:
    drip = Drip({"one": (NOW,) * 2})
    assert drip.next_at("one", 2, NOW) == NOW + timedelta(hours=1)
    assert drip.next_at("other", 2, NOW) is None
    drip.note("other", NOW)
    assert drip.next_at("other", 1, NOW) == NOW + timedelta(hours=1)


def test_whoever_raised_a_hand_since_was_led_on_by_a_person_or_was_routed_waits_for_no_turn() -> None:
    full = a_directory(opened={BIRTHS: (NOW,) * 50})
    hand = a_touch("contact_me", "2026-11-25 09:30")
    pulled = judged(moved("mql", "sal", "2026-11-25 09:30", by="emil"))
    person = created()

    assert decided(person, directory=full).assignment is None
    assert decided(replace(person, touches=(hand,)), directory=full).assignment is not None
    led = replace(person, records=(a_record("sal"),), transitions=(*person.transitions, pulled))
    assert standing(led).mass_creation is None
    assert standing(replace(person, assignments=(assigned("emil", "2026-11-25 09:30", "x"),))).mass_creation is None
    unmoved = replace(person, records=(a_record("inquiry"),))
    assert standing(unmoved).mass_creation is None
    assert standing(a_situation(a_record(), born())).mass_creation is None
    # An automatic move is no person's choice.
    moved_on = judged(moved("mql", "sql", "2026-11-25 09:30", by="leadsync"))
    automatic = replace(person, records=(a_record("sql"),), transitions=(*person.transitions, moved_on))
    assert standing(automatic).mass_creation == BIRTHS


def test_a_rep_hears_of_a_mass_creation_in_one_message_even_in_tasks() -> None:
    book = a_book(grounds())
    decisions = [decided(created(number=n, records=created().records), book=book) for n in range(6)]
    notices = [e for one in decisions for e in one.effects if isinstance(e, Notice) and e.notice == "assigned"]
    notices = [replace(n, effect_id=f"{i}") for i, n in enumerate(notices)]
    assert {notice.group_id for notice in notices} == {BIRTHS}

    told_once = digest(notices, 10, RULES.sla.messages["digest"])
    assert len(told_once) == len({(n.channel, n.recipient) for n in notices}) < len(notices)
    tasks = [replace(n, channel=CRM_TASK, recipient="005-ada") for n in notices]
    assert [len(one.covers) for one in digest(tasks, 10, RULES.sla.messages["digest"])] == [len(tasks)]
    alone = digest(tasks[:1], 10, RULES.sla.messages["digest"])
    assert alone[0].message == tasks[0]
    ordinary = [replace(n, group_id="notices") for n in tasks]
    assert len(digest(ordinary, 10, RULES.sla.messages["digest"])) == len(ordinary)
