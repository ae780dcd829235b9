"""The clocks of one person: which run, what stops them, and which rungs of their ladders are due now.

How a clock counts is `clocks.py`, who is told `telling.py`; here it is decided what a person's standing means for them.
A hand-raiser's clock starts with the touch, every other with the stay (semantics.md F).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from leadsync.domain import clocks
from leadsync.domain.calendars import Calendar, calendar_for
from leadsync.domain.conditions import FactValue, Facts, Test, holds
from leadsync.domain.durations import Duration
from leadsync.domain.effects import Escalation, effect_id
from leadsync.domain.owners import owner_kind
from leadsync.domain.pools import PoolBook
from leadsync.domain.routing import Pool
from leadsync.domain.sla import Clock, ClockRule
from leadsync.domain.standing import Standing
from leadsync.domain.telling import People, fill, recipients
from leadsync.domain.touches import Touch

HAND_RAISED = "hand_raised"
CRM_TASK = "crm_task"


@dataclass(frozen=True, slots=True)
class Due:
    """An act of a ladder whose time has come: reassign or recycle, with the clock that asks for it."""

    act: str
    clock: Clock
    rung: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """The clocks that changed, what is to be told and done, and when to look again."""

    clocks: tuple[Clock, ...]
    escalations: tuple[Escalation, ...]
    acts: tuple[Due, ...]
    due_at: datetime | None  # of the first clock still running
    next_at: datetime | None


@dataclass(frozen=True, slots=True)
class _Start:
    cause: str
    at: datetime
    backlog: bool = False


class _Since:
    """A person's facts with the follow-ups counted since a clock's start."""

    def __init__(self, facts: Facts, given: Mapping[str, FactValue]) -> None:
        self._facts = facts
        self._given = given

    @property
    def now(self) -> datetime:
        return self._facts.now

    def get(self, name: str) -> FactValue:
        return self._given[name] if name in self._given else self._facts.get(name)

    def after(self, start: datetime, duration: Duration) -> datetime:
        return self._facts.after(start, duration)


def wait(
    standing: Standing,
    *,
    book: PoolBook,
    who: People,
    alerts: str,
    owner_id: str | None,
    owner_since: datetime | None,
    words: Callable[[], Mapping[str, str]],
) -> Waiting:
    """Return what a person's clocks say now.

    `owner_id` is who is responsible from now on (a fresh assignment included), `owner_since` since when; `words` gives
    the words of messages about the person. A clock that no rule starts any more is stopped by the stage having been left.
    """
    situation, grounds = standing.situation, standing.grounds
    known = {clock.clock_id: clock for clock in situation.clocks}
    running: dict[str, Clock] = {}
    wanted: set[str] = set()
    for rule in grounds.rulebook.sla.clocks.values():
        for start in _starts(rule, standing):
            for clock in _clocks(rule, start, standing, book, owner_id, owner_since):
                kept = known.get(clock.clock_id)
                if kept is not None and kept.void_reason == clocks.REASSIGNED and kept.kind == "owner":
                    kept = clocks.resume(
                        rule, kept, at=owner_since or grounds.now, calendar=_calendar(standing, clock.calendar, owner_id)
                    )
                running[clock.clock_id] = kept or clock
                wanted.add(clock.clock_id)
    for clock in situation.clocks:
        if clock.stopped_at is None:
            running.setdefault(clock.clock_id, clock)
    changed: list[Clock] = []
    escalations: list[Escalation] = []
    acts: list[Due] = []
    nexts: list[datetime] = []
    dues: list[datetime] = []
    for clock_id, clock in running.items():
        rule_now = grounds.rulebook.sla.clocks.get(clock.rule)
        if rule_now is None:
            continue
        ticked = _tick(rule_now, clock, standing, book, owner_id, is_wanted=clock_id in wanted)
        if ticked.clock != known.get(clock_id):
            changed.append(ticked.clock)
        for rung, late in zip(ticked.due_rungs, ticked.late, strict=True):
            told, act = _rung(rule_now, ticked.clock, rung, standing, book, who, alerts, words(), is_late=late)
            escalations += told
            acts += act
        if ticked.next_at is not None:
            nexts.append(ticked.next_at)
        if ticked.clock.stopped_at is None and ticked.clock.due_at is not None:
            dues.append(ticked.clock.due_at)
    return Waiting(tuple(changed), tuple(escalations), tuple(acts), min(dues, default=None), min(nexts, default=None))


def _starts(rule: ClockRule, standing: Standing) -> tuple[_Start, ...]:
    """Return what starts this clock now: the stay it is on, or a hand that was raised."""
    grounds, stage, stay = standing.grounds, standing.stage, standing.stay
    if stage is None or standing.excluded or standing.twin is not None or stage.role in ("raw", "outside", "exit"):
        return ()
    if rule.starts == HAND_RAISED:
        at = standing.hand_raised_at
        if stage.role == "recycle" or not grounds.is_live(at) or at is None:
            return ()
        return (_Start(f"hand:{at.isoformat()}", at),)
    if rule.starts != stage.name or stay.entered_by is None or stay.entered_by.bulk_id is not None:
        return ()
    cause = f"{stage.name}#{stay.entry_number}"
    if stay.entered_by.verdict == "adopted" or not grounds.is_live(stay.entered_at):
        return (_Start(cause, stay.entered_at, backlog=True),) if grounds.go_live_at is not None else ()
    return (_Start(cause, stay.entered_at),)


def _clocks(
    rule: ClockRule,
    start: _Start,
    standing: Standing,
    book: PoolBook,
    owner_id: str | None,
    owner_since: datetime | None,
) -> list[Clock]:
    """Return the person's clock, and the owner's if a user is responsible."""
    grounds, rulebook = standing.grounds, standing.grounds.rulebook
    seat = book.membership(owner_id, rulebook.routing.pools) if owner_id else None
    pool, member = seat or (_door_pool(standing), None)
    name = clocks.calendar_name(rule, pool, member, rulebook.calendars.default)
    owner = grounds.directory.users.get(owner_id or "")
    lead_name = clocks.calendar_name(rule, _door_pool(standing), None, rulebook.calendars.default)
    common = {"person_id": standing.situation.person_id, "cause": start.cause, "backlog": start.backlog}
    lead = clocks.start_clock(
        rule,
        kind="lead",
        owner_id=None,
        calendar_name=lead_name,
        at=start.at,
        calendars=rulebook.calendars,
        owner=None,
        zone=rulebook.company.zone,
        **common,  # type: ignore[arg-type]
    )
    if start.backlog or owner is None or not owner.active:
        return [lead]
    since = max(start.at, owner_since) if owner_since else start.at
    owned = clocks.start_clock(
        rule,
        kind="owner",
        owner_id=owner.id,
        calendar_name=name,
        at=since,
        calendars=rulebook.calendars,
        owner=owner,
        zone=rulebook.company.zone,
        **common,  # type: ignore[arg-type]
    )
    return [lead, owned]


def _door_pool(standing: Standing) -> Pool | None:
    """Return the first pool that the rules of the person's stage lead to, for clocks that go by no owner."""
    routing = standing.grounds.rulebook.routing
    rules = routing.rules.get(routing.doors.get(standing.stage.name, "") if standing.stage else "", ())
    pools = (getattr(rule.assign, "pool", None) for rule in rules)
    return next((routing.pools[name] for name in pools if name), None)


def _calendar(standing: Standing, name: str, owner_id: str | None) -> Calendar:
    owner = standing.grounds.directory.users.get(owner_id or "")
    rulebook = standing.grounds.rulebook
    return calendar_for(rulebook.calendars, name, owner, rulebook.company.zone)


def _tick(
    rule: ClockRule, clock: Clock, standing: Standing, book: PoolBook, owner_id: str | None, *, is_wanted: bool
) -> clocks.ClockTick:
    grounds = standing.grounds
    by = _counting(clock, standing, book)
    attempts = standing.attempts_since(clock.started_at, by)
    left_at = None if is_wanted or _is_same_stay(clock, standing) else standing.stay.entered_at
    met_at = _met_at(rule, clock, standing, attempts, left=left_at is not None)
    void = None
    if standing.excluded or standing.twin is not None:
        void = "excluded" if standing.excluded else "twin"
    elif clock.kind == "owner" and clock.owner_id != owner_id and left_at is None:
        void = clocks.REASSIGNED
    facts = _Since(standing.facts, {"attempts": len(attempts), "left_stage": left_at is not None})
    paused = rule.paused_when is not None and holds(rule.paused_when, facts)
    return clocks.tick(
        rule,
        clock,
        now=grounds.now,
        calendar=_calendar(standing, clock.calendar, clock.owner_id),
        met=met_at is not None,
        met_at=met_at,
        left_at=left_at,
        attempted=bool(attempts),
        paused=paused,
        paused_from=None,
        void=void,
    )


def _is_same_stay(clock: Clock, standing: Standing) -> bool:
    """Say whether the stay or the raised hand that started a clock is still the present one."""
    if clock.start_cause.startswith("hand:"):
        return standing.stage is not None and standing.stage.role not in ("recycle", "exit")
    return standing.stage is not None and clock.start_cause == f"{standing.stage.name}#{standing.stay.entry_number}"


def _counting(clock: Clock, standing: Standing, book: PoolBook) -> Callable[[str | None], bool]:
    """Return whose follow-up counts: any person's for the lead clock, the owner's and his pool's for the owner's."""
    grounds = standing.grounds
    routing = grounds.rulebook.routing

    def human(user_id: str | None) -> bool:
        return user_id != grounds.directory.own_user_id and owner_kind(
            user_id, grounds.directory, grounds.mapping, routing
        ) in ("rep", "human")

    if clock.kind == "lead" or clock.owner_id is None:
        return human
    seat = book.membership(clock.owner_id, routing.pools)
    colleagues = {user.id for m in seat[0].members if (user := book.find(m.user))} if seat else set()
    return lambda user_id: human(user_id) and (user_id == clock.owner_id or user_id in colleagues)


def _met_at(
    rule: ClockRule, clock: Clock, standing: Standing, attempts: Sequence[Touch], *, left: bool
) -> datetime | None:
    """Return the instant at which `met_when` first held, None while it does not."""
    if rule.met_when is None or rule.met_when == Test("left_stage", "yes"):
        return None
    for count in range(len(attempts) + 1):
        facts = _Since(standing.facts, {"attempts": count, "left_stage": left})
        if holds(rule.met_when, facts):
            return attempts[count - 1].at if count else standing.grounds.now
    return None


def _rung(
    rule: ClockRule,
    clock: Clock,
    index: int,
    standing: Standing,
    book: PoolBook,
    who: People,
    alerts: str,
    words: Mapping[str, str],
    *,
    is_late: bool,
) -> tuple[list[Escalation], list[Due]]:
    """Return what one rung tells to whom, and what it does."""
    grounds, sla = standing.grounds, standing.grounds.rulebook.sla
    rung = rule.ladder[index]
    if rung.act in ("reassign", "recycle"):
        return [], [Due(rung.act, clock, index)]
    seat = book.membership(clock.owner_id, grounds.rulebook.routing.pools) if clock.owner_id else None
    pool: Pool | None = seat[0] if seat else None
    open_deal = standing.deals.open
    to = recipients(
        rung.tell,
        sla,
        who,
        owner_id=clock.owner_id,
        pool=pool,
        deal_owner_id=open_deal.owner_id if open_deal else None,
        alerts=alerts,
    )
    if rung.act == CRM_TASK and clock.owner_id:
        to = (*to, (CRM_TASK, clock.owner_id))
    told: list[Escalation] = []
    attempts = len(standing.attempts_since(clock.started_at, _counting(clock, standing, book)))
    for channel, recipient in to:
        reader = grounds.directory.users.get(recipient)
        zone = reader.zone if reader and reader.zone else grounds.rulebook.company.zone
        spoken = clocks.clock_words(
            rule,
            clock,
            now=grounds.now,
            calendar=_calendar(standing, clock.calendar, clock.owner_id),
            zone=zone,
            attempts=attempts,
        )
        title, text = fill(sla.messages[rung.message], {**words, **spoken})
        told.append(
            Escalation(
                effect_id=effect_id("rung", clock.clock_id, index, channel, recipient),
                person_id=standing.situation.person_id,
                ref=standing.record.ref,
                clock_id=clock.clock_id,
                clock=clock.rule,
                rung=index,
                channel=channel,
                recipient=recipient,
                due_at=clock.rung_times[index],
                title=title,
                text=text,
                late=is_late,
            )
        )
    return told, []


