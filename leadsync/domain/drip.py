"""The doors of mass creations, opened so many an hour: whoever is next, and who has to wait until when (semantics.md B)."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

HOUR = timedelta(hours=1)


class Drip:
    """The doors that each mass creation opened lately, through the decisions of one batch, so that they see each other."""

    def __init__(self, opened: Mapping[str, Sequence[datetime]]) -> None:
        self._opened = {group: sorted(times) for group, times in opened.items()}

    def next_at(self, group: str, per_hour: int, now: datetime) -> datetime | None:
        """Return when the next door of a mass creation may open, None when one may now; the hour is the last 60 minutes."""
        lately = [at for at in self._opened.get(group, ()) if at > now - HOUR]
        return lately[-per_hour] + HOUR if len(lately) >= per_hour else None

    def note(self, group: str, now: datetime) -> None:
        """Count a door that has just been opened."""
        self._opened.setdefault(group, []).append(now)
