"""What managers hear once a day: who of their people's leads has waited too long, and the backlog from before going live.

One digest for each who is told, in their own morning; clocks of the backlog have no rungs, so this is all that is said of
them (semantics.md B and F).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from leadsync.domain.calendars import is_zone, local_text
from leadsync.domain.effects import Notice, effect_id
from leadsync.domain.grounds import Grounds
from leadsync.domain.owners import responsible
from leadsync.domain.pools import PoolBook
from leadsync.domain.records import Record
from leadsync.domain.telling import People, fill, recipients

LINES = 50
"""The most clocks that a digest lists; more are counted."""


@dataclass(frozen=True, slots=True)
class Waiter:
    """A person whose promised time has passed, or who waits from before leadsync went live; the clock is by its rule."""

    person_id: str
    record: Record
    clock: str
    breached: bool
    since: datetime


def day_told(at: str, zone: str, last: datetime, now: datetime) -> str | None:
    """Return the local day whose time of day `at` came after `last` and is here by `now`, None when none did."""
    local, place = now.astimezone(ZoneInfo(zone)), ZoneInfo(zone)
    day = local.date() - timedelta(days=int(local.time() < time.fromisoformat(at)))
    came_at = datetime.combine(day, time.fromisoformat(at), place)
    return day.isoformat() if last < came_at else None


def is_anybodys_time(grounds: Grounds, last: datetime) -> bool:
    """Say whether the time of the daily digest has come since `last` in the zone of any user, or of the company."""
    sla, company = grounds.rulebook.sla, grounds.rulebook.company.zone
    zones = {_zone(user.zone, company) for user in grounds.directory.users.values() if user.active} | {company}
    return any(day_told(sla.managers_daily, zone, last, grounds.now) for zone in zones)


def daily_digests(
    waiters: Sequence[Waiter], grounds: Grounds, book: PoolBook, who: People, alerts: str, last: datetime
) -> list[Notice]:
    """Return the digests whose time of day has come since `last`, for managers who have somebody to hear of."""
    sla, routing, company = grounds.rulebook.sla, grounds.rulebook.routing, grounds.rulebook.company.zone
    meant: dict[tuple[str, str], list[Waiter]] = {}
    for waiter in sorted(waiters, key=lambda one: (not one.breached, one.since, one.person_id)):
        owner = responsible(waiter.record, grounds.mapping)
        seat = book.membership(owner, routing.pools) if owner else None
        pool = seat[0] if seat else None
        for to in recipients(("manager",), sla, who, owner_id=owner, pool=pool, alerts=alerts):
            meant.setdefault(to, []).append(waiter)
    notices = []
    for (channel, recipient), theirs in sorted(meant.items()):
        reader = grounds.directory.users.get(recipient)
        zone = _zone(reader.zone if reader else None, company)
        day = day_told(sla.managers_daily, zone, last, grounds.now)
        if day is not None:
            words = {"count": str(len({one.person_id for one in theirs})), "list": _listed(theirs, grounds, zone)}
            title, text = fill(sla.messages["digest"], words)
            notices.append(
                Notice(
                    effect_id=effect_id("managers_daily", grounds.crm, channel, recipient, day),
                    person_id=theirs[0].person_id,
                    ref=theirs[0].record.ref,
                    notice="managers_daily",
                    channel=channel,
                    recipient=recipient,
                    title=title,
                    text=text,
                    group_id="managers_daily",
                )
            )
    return notices


def _zone(zone: str | None, company: str) -> str:
    return zone if zone and is_zone(zone) else company


def _listed(waiters: Sequence[Waiter], grounds: Grounds, zone: str) -> str:
    lines = [_line(waiter, grounds, zone) for waiter in waiters[:LINES]]
    if len(waiters) > LINES:
        lines.append(f"- and {len(waiters) - LINES} more")
    return "\n".join(lines)


def _line(waiter: Waiter, grounds: Grounds, zone: str) -> str:
    record, rule = waiter.record, grounds.rulebook.sla.clocks.get(waiter.clock)
    names = (record.fields.get("first_name"), record.fields.get("last_name"))
    person = " ".join(str(name) for name in names if name) or record.ref.id
    owner = grounds.directory.users.get(responsible(record, grounds.mapping) or "")
    what = (
        f"{rule.label if rule else waiter.clock}: {'missed' if waiter.breached else 'from before leadsync went live'}"
    )
    return f"- {person} with {owner.name if owner else 'nobody'}: {what}, waits since {local_text(waiter.since, zone)}"
