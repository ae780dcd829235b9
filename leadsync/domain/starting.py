"""Which clocks should run for a person now: started afresh, found again, or come with a merged record (semantics.md F).

A hand-raiser's clock starts with the touch, every other with the stay. What stops and pauses them is `waiting.py`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from leadsync.domain import clocks
from leadsync.domain.calendars import Calendar, calendar_for
from leadsync.domain.owners import owner_kind
from leadsync.domain.pools import PoolBook
from leadsync.domain.routing import Pool, ToPool
from leadsync.domain.sla import Clock, ClockRule
from leadsync.domain.standing import Standing

HAND_RAISED = "hand_raised"
HAND = "hand:"

CORRECTED = "corrected"
"""The `void_reason` of a clock whose stay was put back or redirected: that stage was never entered."""


@dataclass(frozen=True, slots=True)
class Owned:
    """Who is responsible from now on, a fresh assignment included, and since when."""

    owner_id: str | None
    since: datetime | None


@dataclass(frozen=True, slots=True)
class _Start:
    cause: str
    at: datetime
    backlog: bool = False


_Key = tuple[str, str, str, str | None]  # rule, kind, cause, owner


def wanted_clocks(standing: Standing, owned: Owned, book: PoolBook) -> tuple[dict[str, Clock], frozenset[str]]:
    """Return the clocks that should run now, known ones as they are, and the ids of those that a merge made double."""
    by_key: dict[_Key, list[Clock]] = {}
    for clock in standing.situation.clocks:
        by_key.setdefault(_key_now(clock, standing), []).append(clock)
    wanted: dict[str, Clock] = {}
    doubled: set[str] = set()
    for rule in standing.grounds.rulebook.sla.clocks.values():
        for start in _starts(rule, standing):
            for kind, owner_id, at in _kinds(start, standing, owned):
                same = sorted(
                    by_key.get((rule.name, kind, start.cause, owner_id), ()),
                    key=lambda clock: (clock.stopped_at is not None, clock.started_at, clock.clock_id),
                )
                doubled |= {clock.clock_id for clock in same[1:]}
                kept = _kept(rule, same[0], start, standing, owned) if same else None
                clock = kept or _started(rule, start, kind, owner_id, at, standing, book)
                wanted[clock.clock_id] = clock
    return wanted, frozenset(doubled)


def _key_now(clock: Clock, standing: Standing) -> _Key:
    """Return what a clock is found by; one that came with a merged row and still runs counts for the present stay."""
    stage = standing.stage.name if standing.stage else ""
    cause = clock.start_cause
    merged = any(record.state == "merged" for record in standing.situation.records)
    if (
        merged
        and clock.stopped_at is None
        and cause.startswith(f"{stage}#")
        and clock.started_at < standing.stay.entered_at
    ):
        cause = f"{stage}#{standing.stay.entry_number}"
    return clock.rule, clock.kind, cause, clock.owner_id


def _starts(rule: ClockRule, standing: Standing) -> tuple[_Start, ...]:
    """Return what starts this clock now: the stay it is on, or a hand that was raised."""
    grounds, stage, stay = standing.grounds, standing.stage, standing.stay
    if stage is None or standing.excluded or standing.twin is not None or stage.role in ("raw", "outside", "exit"):
        return ()
    if rule.starts == HAND_RAISED:
        at = standing.hand_raised_at
        if stage.role == "recycle" or at is None or standing.facts.get("hand_raised") is not True:
            return ()
        return (_Start(f"{HAND}{at.isoformat()}", at),)
    if rule.starts != stage.name or stay.entered_by is None or stay.entered_by.is_held:
        return ()
    cause = f"{stage.name}#{stay.entry_number}"
    if stay.entered_by.is_adopted or not grounds.is_live(stay.entered_at):
        return (_Start(cause, stay.entered_at, backlog=True),) if grounds.go_live_at is not None else ()
    # Nobody was asked to do anything about a mass change before it was let go.
    return (_Start(cause, max(stay.entered_at, stay.entered_by.released_at or stay.entered_at)),)


def _kinds(
    start: _Start, standing: Standing, owned: Owned
) -> Iterator[tuple[Literal["lead", "owner"], str | None, datetime]]:
    """Yield the person's clock, and the owner's if somebody who works is responsible and was told so."""
    grounds = standing.grounds
    yield "lead", None, start.at
    kind = owner_kind(owned.owner_id, grounds.directory, grounds.mapping, grounds.rulebook.routing)
    if not start.backlog and kind in ("rep", "human") and standing.mass_creation is None:
        yield "owner", owned.owner_id, max(start.at, owned.since or start.at)


def _kept(rule: ClockRule, clock: Clock, start: _Start, standing: Standing, owned: Owned) -> Clock | None:
    """Return a known clock as it goes on, None when it has to start afresh.

    Void ones run again once their person is back; running ones follow hours and targets that were edited.
    """
    grounds = standing.grounds
    calendar = calendar_of(standing, clock)
    if clock.void_reason == CORRECTED and start.at > clock.started_at:
        return None
    if clock.void_reason is not None:
        back_at = owned.since if clock.void_reason == clocks.REASSIGNED else None
        return clocks.resume(rule, clock, at=back_at or grounds.now, calendar=calendar)
    fresh = clocks.rescheduled(rule, clock, now=grounds.now, calendar=calendar, zone=grounds.rulebook.company.zone)
    return clock if clock.paused_since or clocks.agree(clock, fresh) else fresh


def _started(
    rule: ClockRule,
    start: _Start,
    kind: Literal["lead", "owner"],
    owner_id: str | None,
    at: datetime,
    standing: Standing,
    book: PoolBook,
) -> Clock:
    grounds, rulebook = standing.grounds, standing.grounds.rulebook
    seat = book.membership(owner_id, rulebook.routing.pools) if owner_id else None
    pool, member = seat or (_door_pool(standing), None)
    return clocks.start_clock(
        rule,
        person_id=standing.situation.person_id,
        kind=kind,
        cause=start.cause,
        owner_id=owner_id,
        calendar_name=clocks.calendar_name(rule, pool, member, rulebook.calendars.default),
        at=at,
        calendars=rulebook.calendars,
        owner=grounds.directory.users.get(owner_id or ""),
        zone=rulebook.company.zone,
        backlog=start.backlog,
    )


def _door_pool(standing: Standing) -> Pool | None:
    """Return the first pool that the rules of the person's stage lead to, for clocks that go by no owner."""
    routing = standing.grounds.rulebook.routing
    rules = routing.rules.get(routing.doors.get(standing.stage.name, "") if standing.stage else "", ())
    return next((routing.pools[rule.assign.pool] for rule in rules if isinstance(rule.assign, ToPool)), None)


def calendar_of(standing: Standing, clock: Clock) -> Calendar:
    """Return the calendar that a clock counts in, with its owner's hours where it goes by them."""
    owner = standing.grounds.directory.users.get(clock.owner_id or "")
    rulebook = standing.grounds.rulebook
    return calendar_for(rulebook.calendars, clock.calendar, owner, rulebook.company.zone)
