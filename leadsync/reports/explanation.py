"""Why one person has their stage, score, owner and due time, in words a sales manager understands.

The person is decided again from the ledger with the live rules, and nothing of it is kept; what was decided earlier
(verdicts, assignments with all candidates) is read as it was stored.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from leadsync.domain.calendars import calendar_for, counted_intervals, local_text
from leadsync.domain.decision import decide
from leadsync.domain.instants import to_text
from leadsync.domain.pools import PoolBook
from leadsync.domain.records import User
from leadsync.domain.rulebook import Rulebook
from leadsync.domain.sla import Clock
from leadsync.domain.standing import Grounds, Standing, stand
from leadsync.domain.telling import people
from leadsync.ledger import Ledger


@dataclass(frozen=True, slots=True)
class ExplainedMove:
    """One move and the law's word on it."""

    at: str
    object: str
    record_id: str
    from_stage: str | None
    to_stage: str | None
    by: str
    verdict: str
    why: str


@dataclass(frozen=True, slots=True)
class ExplainedClock:
    """One clock with the stretches of time that were counted, in the calendar's zone."""

    clock: str
    kind: str
    state: str
    started_at: str
    due_at: str | None
    counted: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything about one person; `score` in whole points, score lines in points with two decimals."""

    person_id: str
    crm: str
    object: str
    record_id: str
    stage: str | None
    stage_value: str | None
    stage_entered_at: str
    held_until: str | None
    hold_reason: str | None
    score: int
    score_lines: tuple[tuple[str, str, float], ...]
    basis: int
    owner: str
    owner_reason: str
    candidates: tuple[tuple[str, str], ...]
    clocks: tuple[ExplainedClock, ...]
    moves: tuple[ExplainedMove, ...]
    now: tuple[str, ...]
    wake_at: str | None


def explain_person(ledger: Ledger, grounds: Grounds, person_id: str) -> Explanation:
    """Return the explanation of one person as of `grounds.now`."""
    situation = ledger.situations(grounds.crm, [person_id])[0]
    standing = stand(situation, grounds)
    book = PoolBook(grounds.rulebook.routing.pools, grounds.directory)
    decision = decide(situation, grounds, book, people(grounds.directory.users), "log")
    last = situation.assignments[-1] if situation.assignments else None
    hold = standing.hold
    return Explanation(
        person_id=person_id,
        crm=grounds.crm,
        object=standing.record.ref.object,
        record_id=standing.record.ref.id,
        stage=standing.stage.name if standing.stage else None,
        stage_value=standing.record.stage_value,
        stage_entered_at=("" if standing.stay.entered_exact else "at the latest ") + to_text(standing.stay.entered_at),
        held_until=to_text(hold.until) if hold and hold.until and standing.cooling else None,
        hold_reason=hold.reason.label if hold and hold.reason else None,
        score=standing.score.whole,
        score_lines=tuple((line.family, line.name, line.points / 100) for line in standing.score.lines),
        basis=standing.basis.whole,
        owner=_name(standing.responsible_id, grounds),
        owner_reason=last.reason if last else "leadsync has not assigned this person",
        candidates=tuple((_name(who, grounds), why) for who, why in last.candidates) if last else (),
        clocks=tuple(_clock(clock, standing) for clock in situation.clocks),
        moves=tuple(
            ExplainedMove(
                at=("" if move.at_exact else "about ") + to_text(move.at),
                object=move.ref.object,
                record_id=move.ref.id,
                from_stage=move.from_stage or move.from_value,
                to_stage=move.to_stage or move.to_value,
                by=_name(move.actor_id, grounds) if move.source != "leadsync" else "leadsync",
                verdict=move.verdict or "not judged yet",
                why=move.why,
            )
            for move in situation.transitions
        ),
        now=decision.reasons,
        wake_at=to_text(decision.state.wake_at) if decision.state.wake_at else None,
    )


def _name(user_id: str | None, grounds: Grounds) -> str:
    if user_id is None or user_id == "":
        return "nobody"
    user, queue = grounds.directory.users.get(user_id), grounds.directory.queues.get(user_id)
    return user.name if user else (f"queue {queue.name}" if queue else user_id)


def _clock(clock: Clock, standing: Standing) -> ExplainedClock:
    rulebook: Rulebook = standing.grounds.rulebook
    owner: User | None = standing.grounds.directory.users.get(clock.owner_id or "")
    calendar = calendar_for(rulebook.calendars, clock.calendar, owner, rulebook.company.zone)
    rule = rulebook.sla.clocks.get(clock.rule)
    end: datetime | None = clock.stopped_at or clock.due_at
    counted: Sequence[tuple[datetime, datetime]] = ()
    if rule is not None and rule.target.unit.startswith("business") and end is not None:
        counted = counted_intervals(calendar, clock.started_at, end)
    return ExplainedClock(
        clock=rule.label if rule else clock.rule,
        kind=clock.kind,
        state=clock.state,
        started_at=local_text(clock.started_at, calendar.zone),
        due_at=local_text(clock.due_at, calendar.zone) if clock.due_at else None,
        counted=tuple((local_text(a, calendar.zone), local_text(b, calendar.zone)) for a, b in counted),
    )


def to_lines(told: Explanation) -> list[str]:
    """Return an explanation as lines for a terminal."""
    lines = [
        f"{told.crm} {told.object} {told.record_id} (person {told.person_id})",
        f"stage  {told.stage or 'outside the funnel'} ({told.stage_value or 'blank'}), since {told.stage_entered_at}",
    ]
    if told.held_until:
        lines.append(f"       held until {told.held_until}" + (f": {told.hold_reason}" if told.hold_reason else ""))
    lines += [f"       {move.at}  {move.from_stage or '-'} -> {move.to_stage or '-'}  by {move.by}: {move.verdict}, {move.why}" for move in told.moves]
    lines.append(f"score  {told.score}" + (f" ({told.basis} count for coming back)" if told.basis != told.score else ""))
    lines += [f"       {points:+8.2f}  {family}: {name}" for family, name, points in told.score_lines]
    lines.append(f"owner  {told.owner}: {told.owner_reason}")
    lines += [f"       {who}: {why}" for who, why in told.candidates]
    for clock in told.clocks:
        lines.append(f"clock  {clock.clock} ({clock.kind}): {clock.state}, from {clock.started_at}, due {clock.due_at or '-'}")
        lines += [f"       counted {start} to {end}" for start, end in clock.counted]
    lines += [f"now    {reason}" for reason in told.now]
    if told.wake_at:
        lines.append(f"next   looked at again {told.wake_at} at the latest, or as soon as something changes")
    return lines
