"""However often and whenever the process is killed, the ledger ends equal to the truth and nothing is written twice."""

import random
import signal
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from installation import Installation, Org
from running_daemon import Daemon
from sandboxes import running

from leadsync.app import open_app
from leadsync.cli.demo import truth
from leadsync.cycle import Cycle

SEED = 20261122
KILLS = 9
STEP = 1800
"""Simulated seconds between two lives of the daemon; people move several times a day, rarely twice in one of these."""


@pytest.fixture
def busy() -> Iterator[Org]:
    yield from running(Org, seed=11, leads=150)


def at_rest(org: Org, cycle: Cycle) -> None:
    """Let cycles run until two in a row have nothing to do."""
    org.control("pause", world=False)
    org.advance(180)
    silent = 0
    for _ in range(40):
        silent = silent + 1 if cycle.run("complete").is_silent() else 0
        if silent == 2:
            return
        org.advance(60)
    raise AssertionError("it did not come to rest")


def test_killed_at_random_moments_it_loses_nothing_and_writes_nothing_twice(
    tmp_path: Path, busy: Org, daemons: Callable[..., Daemon]
) -> None:
    made = Installation(tmp_path, busy.url, dict(busy.secrets))
    made.write()
    dice = random.Random(SEED)  # the moments differ from machine to machine, the waits do not
    clean = daemons(made, "--deliver")
    clean.ready()
    clean.kill()
    for number in range(KILLS):
        busy.advance(STEP, world=True)
        for newcomer in range(8):
            busy.lead(LastName=f"N{number}-{newcomer}", Title="Head of Sales", Country="Germany")
        daemon = daemons(made, "--deliver")
        if number % 3 != 2:  # every third one is killed while it still starts or recovers
            daemon.wait_for("daemon.started")
        daemon_lives = dice.uniform(0.05, 1.6)
        time.sleep(daemon_lives)
        daemon.process.send_signal(signal.SIGKILL)
        daemon.ended()
        assert made.rows("PRAGMA integrity_check") == [("ok",)]
        assert made.rows("PRAGMA foreign_key_check") == []
    with (
        made.entered(),
        open_app(made.config, made.folder / "mappings", made.env, deliver=["lead_stage", "score", "owner"]) as app,
    ):
        app.ledger.rescue()
        (cycle,) = app.cycles().values()
        at_rest(busy, cycle)
        mapping, history = app.rulebook.mappings["salesforce"], cycle.crm.history
        found = {name: truth.changes(busy.url, one.native) for name, one in mapping.objects.items()}
        assert list(truth.differences(made.ledger, found, mapping, history)) == []
        assert cycle.org is not None
        own = cycle.org.user_id
        assert app.ledger.counts()["outbox"].get("sent", 0) == app.ledger.counts()["outbox"].get("unknown", 0) == 0

    written: dict[str, set[tuple[str, object]]] = defaultdict(set)
    for changes in found.values():
        assert truth.overwritten(changes, own) == []
        for change in changes:
            if change.token:
                written[change.token].add((change.id, change.at))
    assert len(written) > 20
    assert {token: ats for token, ats in written.items() if len(ats) > 1} == {}
    assert made("ledger", "check").code == 0


def test_a_first_load_that_is_killed_goes_on_where_it_was(
    tmp_path: Path, busy: Org, daemons: Callable[..., Daemon]
) -> None:
    made = Installation(tmp_path, busy.url, dict(busy.secrets))
    made.write()
    for wait in (0.02, 0.1, 0.25):
        daemon = daemons(made)
        daemon.wait_for("daemon.started")
        time.sleep(wait)
        daemon.kill()

    assert made("sync").code == 0

    counted = sum(1 for change in busy.truth("Lead") if change["field"] == "IsDeleted" and change["new"])
    leads = len({change["id"] for change in busy.truth("Lead")})
    assert made.rows("SELECT count(*) FROM v_people WHERE object = 'lead'")[0][0] >= leads - counted


def test_a_daemon_that_is_told_twice_to_stop_stops_once(
    tmp_path: Path, busy: Org, daemons: Callable[..., Daemon]
) -> None:
    made = Installation(tmp_path, busy.url, dict(busy.secrets))
    made.write()
    daemon = daemons(made)
    daemon.ready()

    daemon.process.send_signal(signal.SIGINT)
    daemon.process.send_signal(signal.SIGTERM)

    assert daemon.ended() == 0
    assert len(daemon.events("daemon.stopped")) == 1
