"""The one thread that observes, decides, delivers and writes the ledger; the trouble of one CRM is its own."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from leadsync import logs
from leadsync.app import App, build_rules
from leadsync.cycle import Cycle
from leadsync.daemon.reload import Files
from leadsync.daemon.ticker import Tick, Ticker
from leadsync.daemon.troubles import Troubles
from leadsync.delivery import Report, Stopped
from leadsync.domain.transitions import MASS
from leadsync.errors import (
    ConfigError,
    CrmAuthFailed,
    CrmBudgetExhausted,
    CrmUnavailable,
    LeadsyncError,
    LockHeld,
    StorageFailed,
    WrongOrg,
)
from leadsync.ledger.backup import backup
from leadsync.web.health import Health

log = logs.get("leadsync.daemon")

SKEW = 60.0
STEP = 5.0
"""Seconds that this machine's clock may differ from the CRM's, and may jump, before somebody should know."""

FATAL = ("storage", "wrong_org", "crm_auth", "lock")
"""What ended an earlier process, and is over once a cycle has finished."""

HINDRANCES = ("paused", "disk_low", "recovery")


class Worker:
    """Takes ticks until the stop is set."""

    def __init__(
        self,
        app: App,
        health: Health,
        troubles: Troubles,
        config: Path,
        mappings: Path,
        env: Mapping[str, str],
        deliver: Sequence[str] | None,
    ) -> None:
        self.app = app
        self.health = health
        self.troubles = troubles
        self.deliver = deliver
        self.cycles = app.cycles()
        self._files = Files(config, mappings, env, app.clock, app.loaded)
        self._env = env
        self._ticker = self._new_ticker()
        self._complete: set[str] = set()  # CRMs of which a complete cycle has finished in this process
        self._silent: dict[str, Mapping[str, str]] = {}  # CRM -> channels that took no message of its last cycle
        self._begun = app.clock.monotonic()
        self._offset = self._wall_offset()

    def run(self) -> None:
        """Work until told to stop."""
        rescued = self.app.ledger.rescue()
        if rescued:
            log.warning("outbox.rescued", unknown=rescued)
        try:
            self.sign_in()
            self._ticker.start()
            self.tick("complete")
            while not self.app.stop.is_set():
                for tick in self._ticker.wait(0.5):
                    if self.app.stop.is_set():
                        break
                    self.tick(tick)
                self.health.progressed()
                self._watch_wall_clock()
        except Stopped:
            log.info("cycle.interrupted")
        finally:
            self._ticker.stop()

    def sign_in(self) -> None:
        """Log in everywhere, so that a start with wrong credentials or at a wrong org ends at once.

        Raises CrmAuthFailed when every CRM refuses us: with some left there is work to do.
        """
        refused: list[CrmAuthFailed] = []
        for name, cycle in self.cycles.items():
            if self.app.stop.is_set():
                return
            try:
                cycle.connect()
            except CrmAuthFailed as error:
                refused.append(error)
                if len(refused) == len(self.cycles):
                    raise
                self._failed(name, error)
            except CrmUnavailable as error:
                self._failed(name, error)

    def tick(self, tick: Tick) -> None:
        """Do what it is time for, CRM by CRM."""
        if tick in ("complete", "fast"):
            self.reload()
        self._show_hindrance()
        if tick == "reconcile":
            self._back_up()
        if tick == "report":
            self._remind()
            return
        for name, cycle in self.cycles.items():
            self._one(tick, name, cycle)
        self.troubles.retry()

    def _one(self, tick: Tick, name: str, cycle: Cycle) -> None:
        started = self.app.clock.monotonic()
        try:
            report = self._work(tick, name, cycle)
        except (StorageFailed, WrongOrg, LockHeld, Stopped):
            raise
        except (CrmUnavailable, CrmAuthFailed) as error:
            if self.app.stop.is_set():
                raise Stopped from error
            self._failed(name, error)
            if tick != "sla":
                self._one("sla", name, cycle)  # clocks run on while the CRM is down
        except Exception as error:
            self._failed(name, error)
        else:
            self._told(name, report)
            if tick != "sla":
                self._finished(name, cycle, report, self.app.clock.monotonic() - started)

    def _work(self, tick: Tick, name: str, cycle: Cycle) -> Report:
        if tick == "sla":
            return cycle.run_clocks(now=self._now(name, cycle))
        if tick == "reconcile":
            cycle.reread()
        # A fast cycle asks for changes of what has been loaded: before that it would ask nothing and prove nothing.
        fast = tick == "fast" and name in self._complete
        return cycle.run("fast" if fast else "complete", progress=self._progress)

    def _now(self, name: str, cycle: Cycle) -> datetime:
        """Return the CRM's time; while it has not been reached, its last instant known carried on, which is never early."""
        try:
            return cycle.crm.now()
        except (CrmUnavailable, CrmAuthFailed):
            seen = self.app.seen_at(name)
            if seen is None:
                raise
            return seen + timedelta(seconds=self.app.clock.monotonic() - self._begun)

    def _progress(self, _page: object, _rows: int) -> None:
        self.health.progressed()

    def _back_up(self) -> None:
        """Write today's backup, once a day, and let the oldest go."""
        kept = self.app.settings.ledger
        today = kept.backups / f"leadsync-{self.app.clock.wall():%Y-%m-%d}.db"
        try:
            kept.backups.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not today.exists():
                backup(self.app.ledger.path, today)
                log.info("ledger.backed_up", location=str(today))
            for old in sorted(kept.backups.glob("leadsync-*.db"))[: -kept.keep_backups]:
                old.unlink()
        except (StorageFailed, OSError) as error:
            self.troubles.begin("backup", f"no backup was made: {error}", tell="urgent", ready=True)
        else:
            self.troubles.end("backup")

    def _remind(self) -> None:
        """Tell once a week that the review of the agreement is overdue; a review that is noted in sla.yaml ends it."""
        planned = self.app.rulebook.sla.agreement.get("next_review")
        today = self.app.clock.wall().astimezone(ZoneInfo(self.app.rulebook.company.zone)).date()
        if not isinstance(planned, str) or (late := (today - date.fromisoformat(planned)).days) <= 0:
            return
        last = self.app.ledger.meta("review_told")
        if last is None or today - date.fromisoformat(last) >= timedelta(days=7):
            self.app.ledger.set_meta("review_told", today.isoformat())
            text = f"the agreement's review was due {planned}, {late} days ago; note it under agreement: in mappings/sla.yaml"
            self.troubles.event("review", text)

    def _show_hindrance(self) -> None:
        found = self.app.hindrance()
        for code in HINDRANCES:
            if found is None or code != found.code:
                self.troubles.end(code)
        if found is not None:
            self.troubles.begin(found.code, found.text, tell="nobody" if found.code == "paused" else "urgent")

    def _failed(self, name: str, error: Exception) -> None:
        """Note why a tick ended early."""
        text = str(error) if isinstance(error, LeadsyncError) else f"{type(error).__name__}; the log has the trace"
        match error:
            case CrmAuthFailed():
                code = "crm_auth"
                self.troubles.begin(f"{code}:{name}", text, tell="urgent")
            case CrmBudgetExhausted():
                code = "crm_budget"
                self.troubles.begin(f"{code}:{name}", text)
            case CrmUnavailable():
                code = "crm_down"
                self.troubles.begin(f"{code}:{name}", text, tell="nobody")
            case _:
                code = "failed"
                self.troubles.begin(f"{code}:{name}", text)
        self.health.metrics.failures.labels(name, code).inc()
        trace = not isinstance(error, LeadsyncError)
        log.warning("cycle.failed", crm=name, reason=code, error=text, exc_info=error if trace else None)

    def _told(self, name: str, report: Report) -> None:
        """Show which channels take no messages, and tell of what was given up or could not be decided."""
        self._silent[name] = report.channels
        silent = {f"channel:{channel}": why for found in self._silent.values() for channel, why in found.items()}
        self.troubles.only("channel:", silent)
        for code, why in silent.items():
            self.troubles.begin(
                code, why, tell="nobody" if code == f"channel:{self.app.settings.alerts.to}" else "alerts"
            )
        if report.dead:
            self.troubles.event(
                "dead", f"{name}: {report.dead} effects were given up; see `leadsync outbox list --state dead`"
            )
        broken = {f"decision:{name}:{person}" for person in report.broken}
        self.troubles.only(f"decision:{name}:", broken)
        for code in sorted(broken):
            self.troubles.begin(code, "the rules failed on this person; the log has the trace", ready=True)

    def _finished(self, name: str, cycle: Cycle, report: Report, seconds: float) -> None:
        self.troubles.end(*FATAL, *(f"{code}:{name}" for code in ("crm_auth", "crm_down", "crm_budget")))
        if report.reach == "complete":
            self._complete.add(name)
            # What broke may be something that a fast cycle does not touch.
            self.troubles.end(f"failed:{name}")
        if self._complete >= self.cycles.keys():
            self.troubles.end("starting")
        self.health.progressed()
        blocked = {f"object_blocked:{name}:{source}": why for source, why in report.blocked.items()}
        self.troubles.only(f"object_blocked:{name}:", blocked)
        for code, why in blocked.items():
            self.troubles.begin(code, why)
        held = Counter(row["group_id"] for row in self.app.ledger.list_outbox("held") if row["crm"] == name)
        if self.app.rules.deliver:
            held.update({c.group_id: c.moves for c in self.app.ledger.held_changes() if c.crm == name})
        self.troubles.only(f"held:{name}:", (f"held:{name}:{group}" for group in held))
        for group, count in sorted(held.items()):
            look = f"see `leadsync outbox list --state held`, then `leadsync outbox release '{group}'`"
            why = "moves of a mass change wait" if group.startswith(MASS) else "effects are over a safety limit"
            self.troubles.begin(f"held:{name}:{group}", f"{count} {why}; {look}")
        self._measure(name, cycle, report, seconds)
        log.info(
            "cycle.finished", crm=name, reach=report.reach, observed=report.observed, changed=report.changed,
            transitions=report.transitions, decided=report.decided, delivered=report.applied + report.told,
            pending=report.retrying, rejected=report.rejected, superseded=report.superseded, unknown=report.unknown,
            dead=report.dead, held=sum(held.values()), api_calls=report.api_calls, seconds=round(seconds, 3),
        )  # fmt: skip
        self.troubles.heartbeat(
            name, f"{report.observed} rows read, {report.transitions} moves, {report.applied} written"
        )

    def _measure(self, name: str, cycle: Cycle, report: Report, seconds: float) -> None:
        metrics, now = self.health.metrics, cycle.crm.now()
        metrics.cycles.labels(name, report.reach).inc()
        metrics.seconds.labels(name).set(seconds)
        metrics.observed.labels(name).inc(report.observed)
        metrics.transitions.labels(name).inc(report.transitions)
        metrics.decided.labels(name).inc(report.decided)
        metrics.api_calls.labels(name).inc(report.api_calls)
        for state, count in self.app.ledger.counts()["outbox"].items():
            metrics.outbox.labels(state).set(count)
        if marked := self.app.ledger.mark_times(name):
            metrics.mark_lag.labels(name).set((now - min(marked.values())).total_seconds())
        skew = (self.app.clock.wall() - now).total_seconds()
        metrics.skew.labels(name).set(skew)
        if abs(skew) > SKEW:
            text = f"this machine's clock is {skew:+.0f} s from {name}'s; set it by NTP. leadsync decides in the CRM's time"
            self.troubles.begin(f"clock:{name}", text, ready=True)
        else:
            self.troubles.end(f"clock:{name}")

    def reload(self) -> None:
        """Adopt changed files between cycles; refuse bad ones once, and go on with the last good ones."""
        try:
            loaded = self._files.changed(self.app.loaded)
            if loaded is not None:
                before = self.app.settings
                self.app.adopt(loaded, build_rules(loaded, self.deliver), self._env)
        except ConfigError as error:
            self._files.refuse(error)
            text = "; ".join(error.problems) or str(error)
            self.troubles.begin("config_stale", f"changed files were refused, the last good rules stay: {text}")
            self.health.metrics.config_stale.set(1)
            return
        self.troubles.end("config_stale")
        self.health.metrics.config_stale.set(0)
        if loaded is None:
            return
        log.info("config.adopted", config_hash=loaded.rulebook.hash)
        self.cycles = self.app.cycles()
        fixed = [
            name
            for name, old, new in (
                ("ledger.location", before.ledger.location, loaded.settings.ledger.location),
                ("web", before.web, loaded.settings.web),
                ("logging", before.logging, loaded.settings.logging),
            )
            if old != new
        ]
        if fixed:
            self.troubles.begin("restart", f"{', '.join(fixed)} changed; that takes a restart", ready=True)
        if (loaded.settings.schedule, loaded.rulebook.company.zone) != (self._ticker.schedule, self._ticker.zone):
            self._ticker.stop()
            self._ticker = self._new_ticker()
            self._ticker.start()

    def _new_ticker(self) -> Ticker:
        return Ticker(self.app.settings.schedule, self.app.rulebook.company.zone, self.app.clock)

    def _wall_offset(self) -> float:
        return self.app.clock.wall().timestamp() - self.app.clock.monotonic()

    def _watch_wall_clock(self) -> None:
        """Log a jump of this machine's clock; no decision hangs on it."""
        offset = self._wall_offset()
        if abs(offset - self._offset) > STEP:
            log.warning("clock.stepped", seconds=round(offset - self._offset, 1))
        self._offset = offset
