"""The only place that asks the machine what time it is or lets time pass."""

import time
from datetime import UTC, datetime
from threading import Event
from typing import Protocol


class Clock(Protocol):
    """Wall time for logs and token age, monotonic time for waits."""

    def wall(self) -> datetime:
        """Return this machine's idea of now, in UTC."""

    def monotonic(self) -> float:
        """Return seconds that never go back."""

    def sleep(self, seconds: float) -> None:
        """Wait, but wake at once when the process is asked to stop."""


class SystemClock:
    """The machine's clock; `stop` ends every sleep early."""

    def __init__(self, stop: Event | None = None) -> None:
        self.stop = stop or Event()

    def wall(self) -> datetime:
        """Return this machine's idea of now, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait on monotonic time; a set `stop` ends the wait."""
        self.stop.wait(seconds)
