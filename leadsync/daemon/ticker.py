"""When it is time for what: APScheduler behind a queue, which only says so and is built anew when it stalls."""

from collections.abc import Mapping
from datetime import time
from queue import Empty, SimpleQueue
from typing import Any, Literal
from zoneinfo import ZoneInfo

from leadsync import logs
from leadsync.clock import Clock
from leadsync.settings.runtime import Schedule

log = logs.get("leadsync.daemon")

Tick = Literal["fast", "complete", "sla", "reconcile", "report"]
RANK: Mapping[Tick, int] = {"complete": 0, "reconcile": 1, "fast": 2, "sla": 3, "report": 4}
REARM_AFTER = 90.0
"""Seconds without a single tick, and at least three SLA intervals, after which the scheduler is built anew."""


class Ticker:
    """The ticks that have come. A scheduler that stalls (it does when a clock jumps back) is replaced."""

    def __init__(self, schedule: Schedule, zone: str, clock: Clock, *, rearm_after: float = REARM_AFTER) -> None:
        self.schedule = schedule
        self.zone = zone
        self._clock = clock
        self._rearm_after = max(rearm_after, 3 * schedule.sla.total_seconds())
        self._queue: SimpleQueue[Tick] = SimpleQueue()
        self._last = clock.monotonic()
        self._scheduler: Any = None

    def start(self) -> None:
        """Arm every tick."""
        from apscheduler.executors.pool import ThreadPoolExecutor
        from apscheduler.schedulers.background import BackgroundScheduler
        from apscheduler.triggers.cron import CronTrigger
        from apscheduler.triggers.interval import IntervalTrigger

        self._scheduler = BackgroundScheduler(
            timezone=ZoneInfo("UTC"),
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
            executors={"default": ThreadPoolExecutor(1)},
        )
        intervals: Mapping[Tick, float] = {
            "fast": self.schedule.fast.total_seconds(),
            "complete": self.schedule.complete.total_seconds(),
            "sla": self.schedule.sla.total_seconds(),
        }
        for name, seconds in intervals.items():
            self._scheduler.add_job(self._queue.put, IntervalTrigger(seconds=max(1, int(seconds))), args=(name,))
        dailies: tuple[tuple[Tick, time], ...] = (
            ("reconcile", self.schedule.reconcile),
            ("report", self.schedule.report),
        )
        for name, at in dailies:
            daily = CronTrigger(hour=at.hour, minute=at.minute, timezone=ZoneInfo(self.zone))
            self._scheduler.add_job(self._queue.put, daily, args=(name,))
        self._scheduler.start()

    def wait(self, seconds: float) -> list[Tick]:
        """Return the ticks that have come, each once, the most thorough first; none after `seconds`."""
        found: set[Tick] = set()
        try:
            found.add(self._queue.get(timeout=seconds))
            while True:
                found.add(self._queue.get_nowait())
        except Empty:
            pass
        now = self._clock.monotonic()
        if found:
            self._last = now
        elif now - self._last > self._rearm_after:
            log.warning("scheduler.rearmed")
            self.stop()
            self.start()
            self._last = now
        return sorted(found, key=lambda tick: RANK[tick])

    def stop(self) -> None:
        """Disarm; a second call does nothing."""
        scheduler, self._scheduler = self._scheduler, None
        if scheduler is not None and scheduler.running:
            scheduler.shutdown(wait=False)
