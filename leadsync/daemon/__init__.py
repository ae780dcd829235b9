"""The daemon: ticks come from APScheduler, the work is done by one thread, and it stops when it is told to.

1. Open everything (a lock on the ledger, the rules, the CRMs), rescue what an earlier process left in flight.
2. The scheduler enqueues names of ticks and does nothing else; what is due is always read from the ledger (`ticker.py`).
3. The worker takes the ticks: a fast or complete cycle per CRM, the clocks, the daily reconcile (`worker.py`). Changed
   files are adopted between cycles (`reload.py`); trouble is shown by /readyz and told once (`troubles.py`).
4. SIGTERM or SIGINT: no new claims, the cycle under way ends at its next step, the ledger is closed, exit 0.
"""

import os
import signal
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Event, Timer

from leadsync import logs
from leadsync.app import open_app
from leadsync.daemon.troubles import Troubles
from leadsync.daemon.worker import Worker
from leadsync.errors import ConfigError, CrmAuthFailed, LockHeld, StorageFailed, WrongOrg
from leadsync.settings.runtime import Web
from leadsync.web.health import Health, WebServer, build_web

log = logs.get("leadsync.daemon")

GRACE = 15.0
"""Seconds after which a stop waits no longer for what is in flight; the next start looks up what became of it."""


def run_daemon(config: Path, mappings: Path, env: Mapping[str, str], *, deliver: Sequence[str] | None = None) -> None:
    """Run until SIGTERM or SIGINT.

    Raises what a start cannot get over (ConfigError, LockHeld, CrmAuthFailed when every CRM refuses us) and what no
    process should go on with (StorageFailed, WrongOrg).
    """
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _frame: _stop(stop, number))
    with open_app(config, mappings, env, deliver=deliver, stop=stop) as app:
        logs.configure(level=app.settings.logging.level, style=app.settings.logging.format)
        health = Health(app.clock)
        web = _web_server(health, app.settings.web)
        web.start()
        log.info(
            "daemon.started", config_hash=app.rulebook.hash, epoch=app.ledger.epoch, sqlite=sqlite3.sqlite_version,
            url=f"http://{app.settings.web.address}:{web.port}",
        )  # fmt: skip
        troubles = Troubles(app, health)
        try:
            Worker(app, health, troubles, config, mappings, env, deliver).run()
        except (StorageFailed, WrongOrg, CrmAuthFailed, LockHeld) as error:
            code = {StorageFailed: "storage", WrongOrg: "wrong_org", LockHeld: "lock"}.get(type(error), "crm_auth")
            troubles.fatal(code, str(error))
            raise
        finally:
            web.stop()
            log.info("daemon.stopped")


def _web_server(health: Health, web: Web) -> WebServer:
    try:
        return WebServer(build_web(health, web.hosts), web.address, web.port)
    except OSError as error:
        raise ConfigError(
            f"web: nothing can listen on {web.address}:{web.port} ({error.strerror}); choose another web.port"
        ) from None


def _stop(stop: Event, number: int) -> None:
    log.info("daemon.stopping", signal=signal.Signals(number).name)
    if not stop.is_set():
        # A CRM that keeps us waiting for an answer must not keep us from stopping in time.
        last = Timer(GRACE, _abandon)
        last.daemon = True
        last.start()
    stop.set()


def _abandon() -> None:
    """End at once, as safe as a crash: transactions are whole, and what is marked as sent is looked up at the next start."""
    log.warning("daemon.abandoned", seconds=GRACE)
    os._exit(0)
