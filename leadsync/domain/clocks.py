"""The life of a clock: started once, paused, met, breached, void, resumed, and its rungs each due exactly once.

Everything is a function of the clock as the ledger kept it and of facts handed in; whether a condition holds, who is
told (`telling.py`) and what an act does is the decision's. All instants are UTC, stored in whole seconds.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

from leadsync.domain.calendars import (
    Calendar,
    Calendars,
    add_business,
    after,
    business_seconds,
    calendar_for,
    local_text,
)
from leadsync.domain.durations import Duration
from leadsync.domain.effects import effect_id
from leadsync.domain.records import User
from leadsync.domain.routing import Member, Pool
from leadsync.domain.sla import Clock, ClockRule

_MINUTE = timedelta(minutes=1)

LATE_AFTER = timedelta(minutes=5)
"""A rung told longer than this after its time is marked late."""

REASSIGNED = "reassigned"
"""The `void_reason` of an owner clock that ended because somebody else got the person."""


@dataclass(frozen=True, slots=True)
class ClockTick:
    """A clock after one look at it.

    `due_rungs` are the indexes of the ladder to act on now, in order of their times, with `late` beside each; `clock` has
    them noted as done. `next_at` is when to look again although nothing happens, None when time alone changes nothing.
    """

    clock: Clock
    due_rungs: tuple[int, ...]
    late: tuple[bool, ...]
    next_at: datetime | None


def calendar_name(rule: ClockRule, pool: Pool | None, member: Member | None, default: str) -> str:
    """Return the name of the calendar that a clock counts in.

    `owner` is the member's own calendar, else the pool's; `pool` is the pool's; outside every pool it is the default.
    """
    match rule.calendar:
        case "owner":
            return (member.calendar if member else None) or (pool.calendar if pool else default)
        case "pool":
            return pool.calendar if pool else default
        case name:
            return name


def start_clock(
    rule: ClockRule,
    *,
    person_id: str,
    kind: Literal["lead", "owner"],
    cause: str,
    owner_id: str | None,
    calendar_name: str,
    at: datetime,
    calendars: Calendars,
    owner: User | None,
    zone: str,
    backlog: bool = False,
) -> Clock:
    """Return the clock that runs from `at`, with its due time and, for an owner clock, the times of its ladder.

    The same person, rule, kind, cause and owner always give the same `clock_id`. A backlog clock (a stay that was open at
    go-live) has no due time and no rungs. `zone` is the company's. Raises ValueError for a calendar without working time.
    """
    clock = Clock(
        clock_id=effect_id("clock", person_id, rule.name, kind, cause, owner_id),
        person_id=person_id,
        rule=rule.name,
        kind=kind,
        start_cause=cause,
        owner_id=owner_id,
        calendar=calendar_name,
        started_at=at.astimezone(UTC),
        due_at=None,
        state="backlog" if backlog else "open",
    )
    if backlog:
        return clock
    calendar = calendar_for(calendars, calendar_name, owner, zone)
    due_at, rung_times = _schedule(rule, clock, calendar, zone)
    return replace(clock, due_at=due_at, rung_times=rung_times)


def tick(
    rule: ClockRule,
    clock: Clock,
    *,
    now: datetime,
    calendar: Calendar,
    met: bool = False,
    met_at: datetime | None = None,
    left_at: datetime | None = None,
    attempted: bool = False,
    paused: bool = False,
    paused_from: datetime | None = None,
    resumed_at: datetime | None = None,
    void: str | None = None,
    void_at: datetime | None = None,
) -> ClockTick:
    """Return the clock as it stands now, and the rungs that are due.

    The facts: `met` says that `met_when` holds (since `met_at`), `left_at` when the stage was left, `attempted` that a
    follow-up had been finished by then, `paused` that `paused_when` holds (since `paused_from`) or has ended
    (`resumed_at`), `void` why the clock no longer counts. An instant that is not known is taken to be now.

    1. The earliest of met, left and void ends the clock and keeps all further rungs from being told. Up to the due time it
       is met (`followed_up` false when the stage was left without an attempt) or void; after it, it is breached whatever
       ended it. A follow-up dated before the due time takes a breach back that was noted before it was seen.
    2. A pause moves the due time and the rungs after its beginning by as much, once it ends; a breach stands.
    3. At the due time the clock is breached and goes on; a rung is due once its time has come, missed ones in order.
    """
    if clock.stopped_at is not None:
        return ClockTick(clock, (), (), None)
    if len(clock.rung_times) > len(rule.ladder):  # the ladder became shorter
        clock = replace(clock, rung_times=clock.rung_times[: len(rule.ladder)])
    ended = _end(clock, now, (met_at or now) if met else None, left_at, (void_at or now) if void else None)
    clock = _with_pause(
        rule, clock, now, ended and ended[0], calendar, paused=paused, paused_from=paused_from, resumed_at=resumed_at
    )
    if ended:
        ended_at, how = ended
        followed_up = how != "void" and (how == "met" or attempted)
        clock = _ended(clock, ended_at, void if how == "void" else None, followed_up=followed_up)
        return ClockTick(clock, (), (), None)
    seen_to = clock.paused_since or now
    if clock.state == "open" and clock.due_at is not None and clock.due_at <= seen_to:
        clock = replace(clock, state="breached", breached_at=clock.due_at)
    due = sorted((at, index) for index, at in _pending(clock) if at <= seen_to)
    rungs = tuple(index for _, index in due)
    clock = replace(clock, rungs_done=tuple(sorted((*clock.rungs_done, *rungs)))) if rungs else clock
    return ClockTick(clock, rungs, tuple(now - at > LATE_AFTER for at, _ in due), next_wake(clock))


def resume(rule: ClockRule, clock: Clock, *, at: datetime, calendar: Calendar) -> Clock:
    """Return a void clock running again from `at`: its owner got the person back, or the record came back.

    The time away does not count, the time used before does, and no rung that was told is told again; a breach stays one.
    Resuming any other clock changes nothing.
    """
    if clock.void_reason is None or clock.stopped_at is None:
        return clock
    moved = _moved(rule, clock, clock.stopped_at, at, calendar)
    state: Literal["breached", "open"] = "breached" if clock.breached_at else "open"
    return replace(moved, state=state, stopped_at=None, void_reason=None)


def rescheduled(rule: ClockRule, clock: Clock, *, now: datetime, calendar: Calendar, zone: str) -> Clock:
    """Return a running clock with its coming times computed anew, after the hours or the target were edited.

    Times that have passed stay as they were; no new time lies before `now`, so an edit breaches nobody in the past. Rungs
    that the edit added and whose time has gone by count as done. A clock that does not run stays as it is.
    """
    if clock.stopped_at is not None or clock.due_at is None:
        return clock
    paused = _moving(rule, calendar, clock.paused_minutes * 60)
    due_at, rung_times = _schedule(rule, clock, calendar, zone)
    new = [paused(at) for at in rung_times]
    old = clock.rung_times[: len(new)]
    missed = {index for index in range(len(old), len(new)) if new[index] <= now}
    kept = [at if at <= now else max(new[index], now) for index, at in enumerate(old)]
    return replace(
        clock,
        due_at=clock.due_at if clock.due_at <= now else max(paused(due_at), now),
        rung_times=(*kept, *new[len(old) :]),
        rungs_done=tuple(sorted({*clock.rungs_done, *missed})),
    )


def agree(clock: Clock, other: Clock) -> bool:
    """Say whether two states of one clock have the same times, to the minute: paused time is kept in whole minutes."""
    pairs = zip((clock.due_at, *clock.rung_times), (other.due_at, *other.rung_times), strict=False)
    if len(clock.rung_times) != len(other.rung_times):
        return False
    return all(a == b or (a is not None and b is not None and abs(a - b) <= _MINUTE) for a, b in pairs)


def next_wake(clock: Clock) -> datetime | None:
    """Return the next instant at which time alone changes this clock: its due time or a rung; None when ended or paused."""
    if clock.stopped_at is not None or clock.paused_since is not None:
        return None
    times = [at for _, at in _pending(clock)]
    if clock.due_at is not None and clock.state == "open":
        times.append(clock.due_at)
    return min(times, default=None)


def while_away(rule: ClockRule, clock: Clock, back_at: datetime) -> Literal["reassign", "wait", "run"]:
    """Return what an owner's absence until `back_at` does to the clock: only one longer than what is left does anything."""
    if clock.due_at is None or back_at <= clock.due_at:
        return "run"
    return rule.when_away


def minutes_late(clock: Clock, rung: int, now: datetime) -> int:
    """Return how many whole minutes after its time a rung is told."""
    return int((now - clock.rung_times[rung]).total_seconds() // 60)


def clock_words(
    rule: ClockRule, clock: Clock, *, now: datetime, calendar: Calendar, zone: str, attempts: int
) -> Mapping[str, str]:
    """Return the words that a message about this clock may use: clock, target, used, due, late and attempts.

    `zone` is that of whoever reads it; `used` is the share of the target that is gone. A backlog clock has neither `due`
    nor `used`, and before the due time there is no `late`.
    """
    words = {"clock": rule.label, "target": str(rule.target), "attempts": str(attempts)}
    if clock.due_at is None:
        return words
    paused = clock.paused_minutes * 60
    gone = _counted(rule, clock.started_at, min(now, clock.paused_since or now), calendar) - paused
    whole = _counted(rule, clock.started_at, clock.due_at, calendar) - paused
    words |= {"due": local_text(clock.due_at, zone), "used": f"{max(gone, 0) / whole if whole > 0 else 1:.0%}"}
    if now > clock.due_at:
        words["late"] = lasting((now - clock.due_at).total_seconds())
    return words


def lasting(seconds: float) -> str:
    """Return an elapsed time in its two largest units: `2 d 3 h`, `1 h 30 min`, `5 min`."""
    minutes = int(seconds // 60)
    days, hours = divmod(minutes // 60, 24)
    parts = ((days, "d"), (hours, "h"), (minutes % 60, "min"))
    return " ".join([f"{amount} {unit}" for amount, unit in parts if amount][:2]) or "0 min"


def _schedule(rule: ClockRule, clock: Clock, calendar: Calendar, zone: str) -> tuple[datetime, tuple[datetime, ...]]:
    """Return the due time and the rungs' times; only an owner clock has a ladder."""

    def reached(duration: Duration) -> datetime:
        return _second_after(after(clock.started_at, duration, calendar, zone))

    ladder = rule.ladder if clock.kind == "owner" else ()
    times = (reached(rung.at if isinstance(rung.at, Duration) else rule.target.times(rung.at)) for rung in ladder)
    return reached(rule.target), tuple(times)


def _end(
    clock: Clock, now: datetime, met: datetime | None, left: datetime | None, void: datetime | None
) -> tuple[datetime, str] | None:
    """Return when the clock ended and by what; of two at one instant the earlier named counts."""
    ends = [(max(at, clock.started_at), how) for at, how in ((met, "met"), (left, "left"), (void, "void")) if at]
    return min(ends, key=lambda end: end[0], default=None)


def _ended(clock: Clock, at: datetime, void: str | None, *, followed_up: bool) -> Clock:
    late = clock.due_at is not None and at > clock.due_at
    state: Literal["met", "breached", "void", "backlog"]
    if late:
        state = "breached"
    elif void:
        state = "void"
    else:
        state = "backlog" if clock.state == "backlog" else "met"
    return replace(
        clock,
        state=state,
        stopped_at=at,
        breached_at=clock.due_at if late else None,
        void_reason=void,
        followed_up=followed_up,
    )


def _with_pause(
    rule: ClockRule,
    clock: Clock,
    now: datetime,
    ended_at: datetime | None,
    calendar: Calendar,
    *,
    paused: bool,
    paused_from: datetime | None,
    resumed_at: datetime | None,
) -> Clock:
    """Return the clock with a pause begun, going on or ended; the end of the clock ends its pause."""
    until = ended_at or now
    if paused and clock.paused_since is None:
        since = max(paused_from or now, clock.started_at)
        clock = replace(clock, paused_since=since) if since <= until else clock
    if clock.paused_since is None or (paused and ended_at is None):
        return clock
    back_at = min(resumed_at, until) if resumed_at and not paused else until
    return replace(_moved(rule, clock, clock.paused_since, back_at, calendar), paused_since=None)


def _moved(rule: ClockRule, clock: Clock, since: datetime, until: datetime, calendar: Calendar) -> Clock:
    """Return the clock with all that was still to come at `since` moved on by the time up to `until`."""
    seconds = max(_counted(rule, since, until, calendar), 0)
    moving = _moving(rule, calendar, seconds)
    waiting = {index for index, at in _pending(clock) if at > since}
    return replace(
        clock,
        due_at=moving(clock.due_at)
        if clock.due_at and clock.due_at > since and not clock.breached_at
        else clock.due_at,
        rung_times=tuple(moving(at) if index in waiting else at for index, at in enumerate(clock.rung_times)),
        paused_minutes=clock.paused_minutes + round(seconds / 60),
    )


def _moving(rule: ClockRule, calendar: Calendar, seconds: float) -> Callable[[datetime], datetime]:
    if _is_business(rule):
        return lambda at: _second_after(add_business(calendar, at, seconds))
    return lambda at: _second_after(at + timedelta(seconds=seconds))


def _counted(rule: ClockRule, since: datetime, until: datetime, calendar: Calendar) -> float:
    """Return the seconds between two instants that count by the target's unit: working time, or all time."""
    return business_seconds(calendar, since, until) if _is_business(rule) else (until - since).total_seconds()


def _is_business(rule: ClockRule) -> bool:
    return rule.target.unit in ("business_hours", "business_days")


def _pending(clock: Clock) -> list[tuple[int, datetime]]:
    return [(index, at) for index, at in enumerate(clock.rung_times) if index not in clock.rungs_done]


def _second_after(at: datetime) -> datetime:
    """Return the instant in whole seconds, rounded up: cut off in the ledger, a fraction would make it early."""
    return at.replace(microsecond=0) + timedelta(seconds=1) if at.microsecond else at
