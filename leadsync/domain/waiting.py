"""The clocks of one person: which run, what stops and pauses them, and which rungs of their ladders are due now.

Which clocks there are is `starting.py`, how one counts `clocks.py`, whose follow-up meets it `follow_up.py`, what a rung
says `rungs.py` (semantics.md F).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from leadsync.domain import clocks
from leadsync.domain.conditions import holds, names
from leadsync.domain.conversion import merge_move
from leadsync.domain.effects import Escalation
from leadsync.domain.facts import Given
from leadsync.domain.follow_up import attempts_of, met_at
from leadsync.domain.members import midnight_of
from leadsync.domain.persons import left_at, times_entered
from leadsync.domain.pools import PoolBook
from leadsync.domain.rungs import AWAY, Due, act_of, escalations
from leadsync.domain.sla import Clock, ClockRule
from leadsync.domain.standing import Standing
from leadsync.domain.starting import CORRECTED, HAND, Owned, calendar_of, wanted_clocks
from leadsync.domain.telling import People

MERGED = "merged"


@dataclass(frozen=True, slots=True)
class Waiting:
    """The clocks that changed, what is to be told and done, and when to look again."""

    clocks: tuple[Clock, ...]
    escalations: tuple[Escalation, ...]
    acts: tuple[Due, ...]
    due_at: datetime | None  # of the first clock still running
    next_at: datetime | None


def wait(
    standing: Standing,
    owned: Owned,
    *,
    book: PoolBook,
    who: People,
    alerts: str,
    words: Callable[[], Mapping[str, str]],
) -> Waiting:
    """Return what a person's clocks say now; `words` gives the words of messages about the person.

    A clock that no rule starts any more is stopped by the stage having been left. Clocks of a record that is gone are
    void, and so are those of a rule that is gone.
    """
    sla = standing.grounds.rulebook.sla
    known = {clock.clock_id: clock for clock in standing.situation.clocks}
    wanted, doubled = wanted_clocks(standing, owned, book) if standing.is_alive else ({}, ())
    running = {clock.clock_id: clock for clock in known.values() if clock.stopped_at is None} | wanted
    changed: list[Clock] = []
    told: list[Escalation] = []
    acts: list[Due] = []
    nexts: list[datetime] = []
    dues: list[datetime] = []
    for clock_id, clock in running.items():
        rule = sla.clocks.get(clock.rule)
        if clock.stopped_at is not None:
            continue
        if rule is None:
            changed.append(_without_rule(clock, standing.grounds.now))
            continue
        ticked = _tick(rule, clock, standing, owned, book, is_wanted=clock_id in wanted, is_double=clock_id in doubled)
        if ticked.clock != known.get(clock_id):
            changed.append(ticked.clock)
        for rung, late in zip(ticked.due_rungs, ticked.late, strict=True):
            told += escalations(rule, ticked.clock, rung, standing, book, who, alerts, words(), is_late=late)
            acts += [act] if (act := act_of(rule, ticked.clock, rung)) else []
        if ticked.clock.stopped_at is not None:
            continue
        away, look_at = _away(rule, ticked.clock, standing, book)
        acts += [Due("reassign", ticked.clock, AWAY)] if away == "reassign" else []
        nexts += [at for at in (ticked.next_at, look_at) if at is not None]
        dues += [ticked.clock.due_at] if ticked.clock.due_at is not None else []
    return Waiting(tuple(changed), tuple(told), tuple(acts), min(dues, default=None), min(nexts, default=None))


def put_off(waiting: Waiting) -> Waiting:
    """Return the same with the acts not done, because the person is moved or routed anyhow; they are due again next time."""
    open_rungs = {(act.clock.clock_id, act.rung) for act in waiting.acts}
    kept = tuple(
        replace(clock, rungs_done=tuple(r for r in clock.rungs_done if (clock.clock_id, r) not in open_rungs))
        for clock in waiting.clocks
    )
    return replace(waiting, clocks=kept, acts=())


def _tick(
    rule: ClockRule,
    clock: Clock,
    standing: Standing,
    owned: Owned,
    book: PoolBook,
    *,
    is_wanted: bool,
    is_double: bool,
) -> clocks.ClockTick:
    grounds, record = standing.grounds, standing.record
    attempts = attempts_of(clock, standing, book)
    ended_at = None if is_wanted or _goes_on(clock, standing) else _left_at(clock, standing)
    void, void_at = _void(clock, standing, owned, has_left=ended_at is not None, is_double=is_double)
    facts = Given(standing.facts, {"attempts": len(attempts), "left_stage": ended_at is not None})
    asked = names(rule.paused_when) if rule.paused_when is not None else frozenset()
    away, _ = _away(rule, clock, standing, book)
    paused = rule.paused_when is not None and holds(rule.paused_when, facts)
    # A field that was edited was edited at the latest when the record was; for what else turned nobody knows better than now.
    shown = (
        record.modified_at if asked and asked <= record.fields.keys() and record.modified_at <= grounds.now else None
    )
    return clocks.tick(
        rule,
        clock,
        now=grounds.now,
        calendar=calendar_of(standing, clock),
        met=(met := met_at(rule, standing, attempts)) is not None,
        met_at=met,
        left_at=None if void else ended_at,
        attempted=bool(attempts),
        paused=paused or away == "wait",
        paused_from=shown if paused else None,
        resumed_at=max(shown, clock.paused_since) if shown and clock.paused_since else None,
        void=void,
        void_at=void_at,
    )


def _goes_on(clock: Clock, standing: Standing) -> bool:
    """Say whether the stay or the raised hand that started a clock is still the present one.

    A conversion that has left the contact blank so far, or a merge whose stage is still to be written, ends no stay.
    """
    stage = standing.stage
    if standing.is_carried:
        return True
    if clock.start_cause.startswith(HAND):
        return stage is not None and stage.role not in ("recycle", "exit")
    coming = merge_move(standing)
    if coming is not None and clock.start_cause.startswith(f"{coming.stage}#"):
        return True
    return stage is not None and clock.start_cause == f"{stage.name}#{standing.stay.entry_number}"


def _left_at(clock: Clock, standing: Standing) -> datetime:
    """Return when the stay that started a clock ended: the next move of the line, or the present stay's beginning."""
    stage, _, number = clock.start_cause.partition("#")
    found = left_at(standing.moves, stage, int(number)) if number else None
    return found or standing.stay.entered_at


def _void(
    clock: Clock, standing: Standing, owned: Owned, *, has_left: bool, is_double: bool
) -> tuple[str | None, datetime | None]:
    """Return why a clock counts for nobody, and since when if that is known."""
    if not standing.is_alive:
        return standing.record.state, min(standing.record.stamp, standing.grounds.now)
    if standing.excluded:
        return "excluded", None
    if standing.twin is not None:
        return "twin", None
    if is_double:
        return MERGED, None
    stage, _, number = clock.start_cause.partition("#")
    if number and has_left and times_entered(standing.moves, stage) < int(number):
        return CORRECTED, None
    if clock.kind == "owner" and clock.owner_id != owned.owner_id and not has_left:
        return clocks.REASSIGNED, owned.since
    return None, None


def _away(rule: ClockRule, clock: Clock, standing: Standing, book: PoolBook) -> tuple[str, datetime | None]:
    """Return what the owner's absence does to a running clock, and when that may change.

    An absence longer than what is left reassigns at once, or the clock waits, or runs on, as its rule has it.
    """
    grounds = standing.grounds
    zone = grounds.rulebook.company.zone
    owner = grounds.directory.users.get(clock.owner_id or "")
    if owner is None:
        return "run", None
    last = book.away(owner, now=grounds.now, zone=zone)
    if last is None:
        return "run", book.leaves_at(owner, now=grounds.now, zone=zone)
    back_at = midnight_of(last, zone, later=1)
    return clocks.while_away(rule, clock, back_at), back_at


def _without_rule(clock: Clock, now: datetime) -> Clock:
    return replace(clock, state="void", stopped_at=now, void_reason="its rule is gone")
