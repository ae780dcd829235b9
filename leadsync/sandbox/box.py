"""The box: one store with its clock, its faults, its request log and the world that lives in it.

It decides when the world acts: while `advance` moves the clock, and continuously when the clock runs at a chosen speed.
Everything that touches the store does so under its lock.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from leadsync.sandbox.faults import Faults
from leadsync.sandbox.founding import Basics
from leadsync.sandbox.requests_log import RequestLog
from leadsync.sandbox.store import Store


class World(Protocol):
    def live(self, until: datetime) -> None:
        """Do everything that is planned up to an instant, in order."""


@dataclass(frozen=True, slots=True)
class Options:
    """How a box is made; what each means is told by `leadsync sandbox --help`."""

    host: str = "127.0.0.1"
    port: int = 0
    seed: int = 1
    leads: int = 1000
    days: int = 90
    start: datetime | None = None
    frozen: bool = False
    clock_speed: float | None = None
    bare: bool = False
    empty: bool = False
    token: str | None = None
    tls: bool = False
    tls_cert: Path | None = None
    tls_key: Path | None = None
    public_url: str | None = None
    state: Path | None = None


class Box:
    def __init__(self, options: Options, store: Store, basics: Basics, world: World | None) -> None:
        self.options = options
        self.clock = store.clock
        self.store = store
        self.basics = basics
        self.world = world
        self.paused = False
        self._lived_until = self.clock.now()
        self.faults = Faults(store, options.seed)
        self.log = RequestLog()

    @property
    def acts_by_itself(self) -> bool:
        """Whether people act as time goes by, without being advanced."""
        return self.world is not None and self.options.clock_speed is not None and not self.clock.frozen

    def catch_up(self) -> datetime:
        """Bring the box to the present and return it: the world has lived, late commits that are due are visible."""
        now = self.clock.now()
        if self.acts_by_itself:
            self._live(now)
        self.store.settle(now)
        return now

    def advance(self, seconds: float, *, world: bool) -> datetime:
        """Let time pass, with or without the world living through it, and return the new instant; ValueError for less
        than nothing. While the world acts the clock stands at the end of the span: each act carries its own instant.
        """
        if seconds < 0:
            raise ValueError("time moves forward only")
        if not self.acts_by_itself:
            self._lived_until = self.clock.now()
        until = self.clock.advance(seconds)
        if world:
            self._live(until)
        self._lived_until = until
        self.store.settle(until)
        return until

    def pause(self, *, paused: bool) -> None:
        """Have people stop acting, or go on."""
        self.paused = paused

    def _live(self, until: datetime) -> None:
        """Let the world live on. What it had planned for times without it happens first thing now."""
        if self.world is not None and not self.paused:
            with self.store.no_earlier_than(self._lived_until):
                self.world.live(until)
        self._lived_until = until


def whole_minute(at: datetime) -> datetime:
    return at - timedelta(seconds=at.second, microseconds=at.microsecond)
