"""What one rung of a ladder tells to whom, and the acts that it asks of the decision (semantics.md F)."""

from collections.abc import Mapping
from dataclasses import dataclass

from leadsync.domain import clocks
from leadsync.domain.calendars import calendar_for
from leadsync.domain.effects import Escalation, effect_id
from leadsync.domain.follow_up import attempts_of
from leadsync.domain.pools import PoolBook
from leadsync.domain.sla import Clock, ClockRule
from leadsync.domain.standing import Standing
from leadsync.domain.telling import CRM_TASK, People, fill, recipients

AWAY = -1
"""The rung of a reassignment that no ladder asks for: the owner is away for longer than what is left."""


@dataclass(frozen=True, slots=True)
class Due:
    """An act of a ladder whose time has come: reassign or recycle, with the clock that asks for it."""

    act: str
    clock: Clock
    rung: int

    @property
    def cause(self) -> str:
        """Return the name of what asks, the same however often it is decided."""
        return f"{self.clock.clock_id}:{'away' if self.rung == AWAY else self.rung}"


def act_of(rule: ClockRule, clock: Clock, index: int) -> Due | None:
    """Return the act that a rung asks of the decision, None when it only tells somebody or makes a task."""
    act = rule.ladder[index].act
    return Due(act, clock, index) if act in ("reassign", "recycle") else None


def escalations(
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
) -> list[Escalation]:
    """Return what one rung tells to everybody it names, and the task that it makes for the owner."""
    grounds, sla = standing.grounds, standing.grounds.rulebook.sla
    zone = grounds.rulebook.company.zone
    rung = rule.ladder[index]
    seat = book.membership(clock.owner_id, grounds.rulebook.routing.pools) if clock.owner_id else None
    to = recipients(
        rung.tell,
        sla,
        who,
        owner_id=clock.owner_id,
        pool=seat[0] if seat else None,
        deal_owner_id=standing.deals.open.owner_id if standing.deals.open else None,
        alerts=alerts,
    )
    if rung.act == CRM_TASK and clock.owner_id:
        to = (*to, (CRM_TASK, clock.owner_id))
    owner = grounds.directory.users.get(clock.owner_id or "")
    calendar = calendar_for(grounds.rulebook.calendars, clock.calendar, owner, zone)
    attempts = len(attempts_of(clock, standing, book))
    told: list[Escalation] = []
    for channel, recipient in to:
        reader = grounds.directory.users.get(recipient)
        spoken = clocks.clock_words(
            rule,
            clock,
            now=grounds.now,
            calendar=calendar,
            zone=reader.zone if reader and reader.zone else zone,
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
    return told
