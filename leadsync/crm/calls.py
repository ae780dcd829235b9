"""What every adapter keeps of its requests: how many may still be made today, and the CRM's time in their answers."""

from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from threading import Lock

import requests

from leadsync.clock import Clock
from leadsync.errors import CrmBudgetExhausted

DAY = 86400.0
HOUR = 3600.0


class Budget:
    """leadsync's share of the org's daily requests; a part of the share is kept for what is urgent.

    `limit` are the org's daily requests as far as they are known before the CRM says so itself.
    """

    def __init__(self, clock: Clock, share: float, reserve: float, limit: int | None = None) -> None:
        self._clock = clock
        self._share = share
        self._reserve = reserve
        self._hours: deque[tuple[float, int]] = deque()
        self._lock = Lock()
        self._paused_until = 0.0
        self.calls = 0
        self.used: int | None = None
        self.limit = limit

    def spend(self, *, urgent: bool, requests: int = 1) -> None:
        """Count requests; raises CrmBudgetExhausted when there is none left for this kind of work."""
        with self._lock:
            if not self._left(urgent=urgent):
                raise CrmBudgetExhausted(
                    "leadsync's share of the org's daily API requests is used up (limits: in config)", 900.0
                )
            now = self._clock.monotonic()
            if self._hours and now - self._hours[-1][0] < HOUR:
                self._hours[-1] = (self._hours[-1][0], self._hours[-1][1] + requests)
            else:
                self._hours.append((now, requests))
            self.calls += requests

    def count_in(self, earlier: Iterable[tuple[float, int]]) -> None:
        """Count the requests of earlier processes, each some seconds old; never more than the org itself has counted."""
        with self._lock:
            now = self._clock.monotonic()
            counted = None if self.used is None else max(self.used - self.calls, 0)
            for age, count in sorted(earlier):
                ours = count if counted is None else min(count, counted)
                counted = None if counted is None else counted - ours
                self._hours.appendleft((now - age, ours))

    def allows(self, *, urgent: bool) -> bool:
        """Say whether a request may be made now."""
        with self._lock:
            return self._left(urgent=urgent)

    def _left(self, *, urgent: bool) -> bool:
        now = self._clock.monotonic()
        if now < self._paused_until:
            return False
        # An hour's requests count until the last of them is a day old.
        while self._hours and now - self._hours[0][0] > DAY + HOUR:
            self._hours.popleft()
        if self.limit is None:
            return True
        ours = self.limit * self._share * (1.0 if urgent else 1.0 - self._reserve)
        return sum(count for _, count in self._hours) < ours

    def pause(self, seconds: float) -> None:
        """Make no request for a while: the org's own limit is reached."""
        self._paused_until = self._clock.monotonic() + seconds

    def note(self, used: int, limit: int) -> None:
        """Take over what the CRM says of the org's day."""
        self.used, self.limit = used, limit


class CrmTime:
    """The CRM's time: the last Date header of a session's answers, carried on by monotonic time."""

    def __init__(self, clock: Clock, session: requests.Session) -> None:
        self._clock = clock
        self.seen: tuple[datetime, float] | None = None
        session.hooks["response"].append(self._note)

    def _note(self, response: requests.Response, *_: object, **__: object) -> None:
        try:
            at = parsedate_to_datetime(response.headers["Date"]).astimezone(UTC)
        except (KeyError, ValueError):
            return
        self.seen = (at, self._clock.monotonic())

    def now(self) -> datetime | None:
        """Return the CRM's time, None before its first answer."""
        if self.seen is None:
            return None
        at, when = self.seen
        return at + timedelta(seconds=self._clock.monotonic() - when)
