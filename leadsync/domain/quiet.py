"""Quiet hours: when a message waits until whoever is told gets up; clocks run on meanwhile."""

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from leadsync.domain.calendars import is_zone
from leadsync.domain.effects import Escalation, Notice
from leadsync.domain.records import User
from leadsync.domain.sla import Sla


def quiet_until(
    message: Escalation | Notice, sla: Sla, users: Mapping[str, User], now: datetime, company_zone: str
) -> datetime | None:
    """Return the UTC instant until which a message waits, None when it may be sent now.

    Quiet hours are those of the reader's own time zone, for a channel those of the company. Clocks under `except` wait
    for nobody.
    """
    if sla.quiet_from is None or sla.quiet_to is None:
        return None
    if isinstance(message, Escalation) and message.clock in sla.quiet_except:
        return None
    reader = users.get(message.recipient)
    zone = ZoneInfo(reader.zone if reader and reader.zone and is_zone(reader.zone) else company_zone)
    begins, ends, local = time.fromisoformat(sla.quiet_from), time.fromisoformat(sla.quiet_to), now.astimezone(zone)
    over_night = begins > ends
    evening = over_night and local.time() >= begins
    if not evening and not (local.time() < ends and (over_night or local.time() >= begins)):
        return None
    return datetime.combine(local.date() + timedelta(days=int(evening)), ends, zone).astimezone(UTC)
