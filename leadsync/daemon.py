"""The daemon: ticks come from APScheduler, the work is done by one thread, and it stops when it is told to.

1. Open everything (a lock on the ledger, the rules, the CRMs), rescue what an earlier process left in flight.
2. The scheduler enqueues names of ticks and does nothing else; what is due is always read from the ledger.
3. The worker takes the ticks: a fast or complete cycle per CRM, the clocks, the daily reconcile.
4. SIGTERM or SIGINT: no new claims, the cycle under way ends at its next step, the ledger is closed, exit 0.
"""

import signal
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event
from typing import Any, Literal
from zoneinfo import ZoneInfo

from leadsync import logs
from leadsync.app import App, build_rules, open_app
from leadsync.cycle import Cycle, Report, Stopped
from leadsync.errors import ConfigError, CrmAuthFailed, CrmUnavailable, LeadsyncError, StorageFailed, WrongOrg
from leadsync.ledger.backup import backup
from leadsync.settings import load
from leadsync.settings.runtime import Schedule
from leadsync.web.health import Health, WebServer, build_web

log = logs.get("leadsync.daemon")

Tick = Literal["fast", "complete", "sla", "reconcile"]
RANK: Mapping[Tick, int] = {"complete": 0, "reconcile": 1, "fast": 2, "sla": 3}
REARM_AFTER = 3.0
"""Intervals without a single tick after which the scheduler is built anew: it stalls when a clock jumps back."""


def run_daemon(
    config: Path, mappings: Path, env: Mapping[str, str], *, deliver: Sequence[str] | None = None
) -> None:
    """Run until SIGTERM or SIGINT. Raises what a start cannot get over: ConfigError, LockHeld, StorageFailed, WrongOrg."""
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _frame: _stop(stop, number))
    with open_app(config, mappings, env, deliver=deliver, stop=stop) as app:
        logs.configure(level=app.settings.logging.level, style=app.settings.logging.format)
        health = Health(app.clock)
        web = WebServer(build_web(health, app.settings.web.hosts), app.settings.web.address, app.settings.web.port)
        web.start()
        log.info("daemon.started", config_hash=app.rulebook.hash, url=f"http://{app.settings.web.address}:{web.port}")
        try:
            Worker(app, health, stop, config, mappings, env, deliver).run()
        finally:
            web.stop()
            log.info("daemon.stopped")


def _stop(stop: Event, number: int) -> None:
    log.info("daemon.stopping", signal=signal.Signals(number).name)
    stop.set()


class Ticker:
    """APScheduler behind a queue: it only says that it is time, and is built anew when it stalls."""

    def __init__(self, schedule: Schedule, zone: str) -> None:
        self._schedule = schedule
        self._zone = zone
        self._queue: SimpleQueue[Tick] = SimpleQueue()
        self._last = time.monotonic()
        self._scheduler: Any = None

    def start(self) -> None:
        """Arm every tick; the first complete pass is due at once."""
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
            "fast": self._schedule.fast.total_seconds(),
            "complete": self._schedule.complete.total_seconds(),
            "sla": self._schedule.sla.total_seconds(),
        }
        for name, seconds in intervals.items():
            self._scheduler.add_job(self._queue.put, IntervalTrigger(seconds=max(1, int(seconds))), args=(name,))
        at = self._schedule.reconcile
        daily = CronTrigger(hour=at.hour, minute=at.minute, timezone=ZoneInfo(self._zone))
        self._scheduler.add_job(self._queue.put, daily, args=("reconcile",))
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
        if found:
            self._last = time.monotonic()
        elif time.monotonic() - self._last > REARM_AFTER * max(30.0, self._schedule.sla.total_seconds()):
            log.warning("scheduler.rearmed")
            self.stop()
            self.start()
            self._last = time.monotonic()
        return sorted(found, key=lambda tick: RANK[tick])

    def stop(self) -> None:
        """Disarm."""
        if self._scheduler is not None:
            self._scheduler.shutdown(wait=False)


class Worker:
    """The one thread that observes, decides, delivers and writes the ledger."""

    def __init__(
        self,
        app: App,
        health: Health,
        stop: Event,
        config: Path,
        mappings: Path,
        env: Mapping[str, str],
        deliver: Sequence[str] | None,
    ) -> None:
        self.app = app
        self.health = health
        self.stop = stop
        self.config = config
        self.mappings = mappings
        self.env = env
        self.deliver = deliver
        self.cycles = app.cycles()
        self._refused: str | None = None

    def run(self) -> None:
        """Work until told to stop."""
        rescued = self.app.ledger.rescue()
        if rescued:
            log.warning("outbox.rescued", unknown=rescued)
        ticker = Ticker(self.app.settings.schedule, self.app.rulebook.company.zone)
        ticker.start()
        try:
            self._tick("complete")
            while not self.stop.is_set():
                for tick in ticker.wait(0.5):
                    if self.stop.is_set():
                        break
                    self._tick(tick)
                self.health.progressed()
        except Stopped:
            log.info("cycle.interrupted")
        finally:
            ticker.stop()

    def _tick(self, tick: Tick) -> None:
        if tick in ("complete", "fast"):
            self._reload()
        for name, cycle in self.cycles.items():
            self._one(tick, name, cycle)

    def _one(self, tick: Tick, name: str, cycle: Cycle) -> None:
        """Do one tick of one CRM; its trouble is its own."""
        started = time.monotonic()
        try:
            report = self._work(tick, cycle)
        except CrmAuthFailed as error:
            self._trouble(name, "crm_auth", error)
        except CrmUnavailable as error:
            self._trouble(name, "crm_down", error)
            if tick != "sla":
                self._one("sla", name, cycle)  # clocks run on while the CRM is down
        except (StorageFailed, WrongOrg, Stopped):
            raise
        except LeadsyncError as error:
            self._trouble(name, "failed", error)
        else:
            if tick in ("complete", "fast"):
                self._finished(name, cycle, report, time.monotonic() - started)

    def _work(self, tick: Tick, cycle: Cycle) -> Report:
        match tick:
            case "sla":
                return cycle.run_clocks()
            case "reconcile":
                self._back_up()
                cycle.reread()
                return cycle.run("complete", progress=self._progress)
            case _:
                return cycle.run(tick, progress=self._progress)

    def _back_up(self) -> None:
        """Write today's backup, once a day, and let the oldest go."""
        kept = self.app.settings.ledger
        kept.backups.mkdir(parents=True, exist_ok=True, mode=0o700)
        today = kept.backups / f"leadsync-{self.app.clock.wall():%Y-%m-%d}.db"
        if not today.exists():
            backup(kept.location, today)
            log.info("ledger.backed_up", location=str(today))
        for old in sorted(kept.backups.glob("leadsync-*.db"))[: -kept.keep_backups]:
            old.unlink()

    def _progress(self, _page: object, _rows: int) -> None:
        self.health.progressed()
        if self.stop.is_set():
            raise Stopped

    def _finished(self, name: str, cycle: Cycle, report: Report, seconds: float) -> None:
        self.health.heal("starting", f"crm_auth:{name}", f"crm_down:{name}", f"failed:{name}")
        self.health.progressed()
        for source in list(self.health.reasons()):
            if source.startswith(f"object_blocked:{name}:"):
                self.health.heal(source)
        for source, why in report.blocked.items():
            self.health.fault(f"object_blocked:{name}:{source}", why)
        self.health.heal(f"held:{name}")
        if held := Counter(row["group_id"] for row in self.app.ledger.list_outbox("held")):
            groups = ", ".join(f"{group} ({count})" for group, count in sorted(held.items()))
            self.health.fault(f"held:{name}", f"over a safety limit: {groups}; see `leadsync outbox list --state held`")
        metrics = self.health.metrics
        metrics.cycles.labels(name, report.reach).inc()
        metrics.seconds.labels(name).set(seconds)
        metrics.observed.labels(name).inc(report.observed)
        metrics.transitions.labels(name).inc(report.transitions)
        metrics.decided.labels(name).inc(report.decided)
        metrics.api_calls.labels(name).inc(report.api_calls)
        skew = (self.app.clock.wall() - cycle.crm.now()).total_seconds()
        metrics.skew.labels(name).set(skew)
        if abs(skew) > 60:
            log.warning("clock.skewed", crm=name, skew_seconds=round(skew))
        for state, count in self.app.ledger.counts()["outbox"].items():
            metrics.outbox.labels(state).set(count)
        log.info(
            "cycle.finished", crm=name, reach=report.reach, observed=report.observed, changed=report.changed,
            transitions=report.transitions, decided=report.decided, delivered=report.applied + report.told,
            pending=report.retrying, rejected=report.rejected, superseded=report.superseded, unknown=report.unknown,
            dead=report.dead, held=sum(report.held.values()), api_calls=report.api_calls, seconds=round(seconds, 3),
        )  # fmt: skip

    def _trouble(self, name: str, code: str, error: LeadsyncError) -> None:
        first = f"{code}:{name}" not in self.health.reasons()
        self.health.fault(f"{code}:{name}", str(error))
        self.health.metrics.failures.labels(name, code).inc()
        (log.error if first else log.info)("cycle.failed", crm=name, reason=code, error=str(error))

    def _reload(self) -> None:
        """Adopt changed rules between cycles; refuse a bad file once, and go on with the last good one."""
        try:
            loaded = load(self.config, self.mappings, self.env)
        except ConfigError as error:
            text = "; ".join(error.problems) or str(error)
            if text != self._refused:
                log.error("config.refused", problems=len(error.problems), error=text)
                self._refused = text
            self.health.fault("config_stale", text)
            self.health.metrics.config_stale.set(1)
            return
        self._refused = None
        self.health.heal("config_stale")
        self.health.metrics.config_stale.set(0)
        if loaded.rulebook.hash == self.app.rulebook.hash and loaded.settings == self.app.settings:
            return
        log.info("config.adopted", config_hash=loaded.rulebook.hash)
        self.app.adopt(loaded, build_rules(loaded, self.deliver), self.env)
        self.cycles = self.app.cycles()
