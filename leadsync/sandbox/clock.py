"""The CRM's clock.

Everything in the box takes its time from here and nothing else does: the truth keeps microseconds, the APIs show
whole seconds. A clock is frozen (time moves only by `advance`) or runs at a speed. Who moves it, and who lives
through the time that passes, is the box's business.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from time import monotonic


class SimClock:
    def __init__(self, start: datetime, speed: float = 0.0) -> None:
        self._base = start.astimezone(UTC)
        self._speed = speed
        self._anchor = monotonic()
        self._held: datetime | None = None

    @property
    def frozen(self) -> bool:
        return self._speed == 0.0

    def now(self) -> datetime:
        """The instant it is in the CRM, in UTC."""
        if self._held is not None:
            return self._held
        if self._speed == 0.0:
            return self._base
        return self._base + timedelta(seconds=(monotonic() - self._anchor) * self._speed)

    @contextmanager
    def held(self) -> Iterator[datetime]:
        """Let it be one and the same instant for as long as the block lasts; for use under the store's lock."""
        self._held = self.now()
        try:
            yield self._held
        finally:
            self._held = None

    def advance(self, seconds: float) -> datetime:
        """Move on by so many seconds and return the new instant."""
        self._base += timedelta(seconds=seconds)
        if self._held is not None:
            self._held += timedelta(seconds=seconds)
        return self.now()
