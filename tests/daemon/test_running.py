"""The daemon as whoever is on call meets it: it starts, says how it is, adopts changed files, and stops when told."""

import json
import resource
import signal
import socket
import sqlite3
import subprocess
from collections.abc import Callable, Iterator

import pytest
import requests
from installation import Installation, Org
from running_daemon import Daemon

Start = Callable[..., Daemon]
EVERY_CRM = pytest.mark.parametrize("kind", ["salesforce", "dynamics"])


@EVERY_CRM
def test_it_runs_says_how_it_is_and_stops_at_once_when_told(made: Installation, daemons: Start) -> None:
    daemon = daemons(made)
    daemon.ready()
    daemon.wait_for("cycle.finished", 3)

    metrics = daemon.get("/metrics").text
    second = made("run")

    assert daemon.stop() == 0
    assert second.code == 3
    assert f'leadsync_cycles_total{{crm="{made.kind}",reach="complete"}}' in metrics
    assert f'leadsync_mark_lag_seconds{{crm="{made.kind}"}}' in metrics
    assert f'leadsync_clock_skew_seconds{{crm="{made.kind}"}}' in metrics
    lines = daemon.lines  # each line is one JSON object, or this fails
    events = [line["event"] for line in lines if line["logger"].startswith("leadsync")]
    assert events[0] == "daemon.started"
    assert "daemon.stopping" in events
    assert events[-1] == "daemon.stopped"
    reaches = {line["reach"] for line in daemon.events("cycle.finished")}
    assert reaches == {"complete", "fast"}
    assert made("ledger", "check").code == 0


def test_livez_is_true_and_readyz_names_its_reasons(made: Installation, daemons: Start, org: Org) -> None:
    (made.folder / "data").mkdir()
    (made.folder / "data" / "pause").touch()
    daemon = daemons(made)
    daemon.wait_for("cycle.finished")

    assert daemon.get("/livez").status_code == 200
    assert set(daemon.reasons()) == {"paused"}
    assert daemon.get("/readyz").status_code == 503
    assert requests.get(daemon.url + "/metrics", headers={"Host": "evil.example"}, timeout=60).status_code == 421
    (made.folder / "data" / "pause").unlink()
    daemon.ready()
    assert daemon.stop() == 0


def test_a_changed_rule_is_adopted_between_cycles_and_a_half_written_one_is_refused_once(
    made: Installation, daemons: Start
) -> None:
    daemon = daemons(made)
    daemon.ready()
    first = daemon.events("daemon.started")[0]["config_hash"]
    good = made.mapping.read_text(encoding="utf-8")

    made.mapping.write_text(good[: len(good) // 2], encoding="utf-8")
    daemon.until(lambda: "config_stale" in daemon.reasons())
    done = len(daemon.events("cycle.finished"))
    daemon.wait_for("cycle.finished", done + 3)
    assert "mappings/salesforce.yaml:" in daemon.reasons()["config_stale"]
    assert "leadsync_config_stale 1.0" in daemon.get("/metrics").text
    stale = [line for line in daemon.events("trouble.began") if line["reason"] == "config_stale"]
    assert len(stale) == 1
    alerts = [line for line in daemon.events("message.sent") if line.get("notice") == "alert"]
    assert len(alerts) == 1

    made.mapping.write_text(good.replace("lal: LAL\n", "lal: {write: LAL, read: [Dozing]}\n"), encoding="utf-8")
    adopted = daemon.wait_for("config.adopted")
    assert adopted[0]["config_hash"] != first
    daemon.ready()
    assert daemon.stop() == 0


def test_new_intervals_take_effect_without_a_restart(made: Installation, daemons: Start) -> None:
    made.change("config/leadsync.yaml", "fast: 2s, complete: 5s, sla: 2s", "fast: 2s, complete: 1h, sla: 2s")
    daemon = daemons(made)
    daemon.ready()

    made.change("config/leadsync.yaml", "complete: 1h", "complete: 3s")
    daemon.wait_for("config.adopted")

    daemon.until(lambda: sum(line["reach"] == "complete" for line in daemon.events("cycle.finished")) >= 3)
    assert daemon.stop() == 0


@EVERY_CRM
def test_wrong_credentials_end_the_start_with_their_own_code(made: Installation, daemons: Start) -> None:
    variable = f"LEADSYNC_{made.kind.upper()}_CLIENT_SECRET"
    made.env[variable] = "wrong"
    daemon = daemons(made)

    assert daemon.ended() == 6
    assert any(variable in line for line in daemon.raw)


def test_a_port_that_is_taken_is_a_matter_of_configuration(made: Installation, daemons: Start) -> None:
    first = daemons(made)
    port = first.url.rpartition(":")[2]
    other = Installation(made.folder / "other", made.url, made.env)
    other.write()
    other.change("config/leadsync.yaml", "web: {port: 0}", f"web: {{port: {port}}}")

    found = other.process("run")

    assert found.code == 2
    assert f"127.0.0.1:{port}" in found.err
    assert first.stop() == 0


@EVERY_CRM
def test_a_crm_that_answers_with_a_web_page_is_down_for_everybody_and_heals(
    made: Installation, daemons: Start, org: Org
) -> None:
    other = Installation(made.folder / "other", made.url, made.env, made.kind)
    other.write()
    assert other("sync").code == 0
    marks = "SELECT source, mark FROM marks ORDER BY source"
    with sqlite3.connect(other.ledger) as con:
        before = con.execute(marks).fetchall()
    org.control("faults", rate={"html": 1.0})
    daemon, process = daemons(made), other.start("sync", "--json")

    out, err = process.communicate(timeout=120)
    assert process.returncode == 1
    assert f"{made.kind}: not synchronised" in err
    assert json.loads(out) == []
    with sqlite3.connect(other.ledger) as con:
        assert con.execute(marks).fetchall() == before
    daemon.until(lambda: f"crm_down:{made.kind}" in daemon.reasons(), 240)
    assert daemon.get("/livez").status_code == 200
    org.control("faults")
    daemon.ready()
    assert daemon.stop() == 0


@EVERY_CRM
def test_a_stop_ends_the_wait_for_a_crm_that_is_down(made: Installation, daemons: Start, org: Org) -> None:
    org.control("faults", rate={"503": 1.0})
    daemon = daemons(made)
    daemon.wait_for("daemon.started")
    daemon.until(org.api_requests)

    # A refused read is tried again for more than half a minute.
    assert daemon.stop(20) == 0


class Silence:
    """Something that takes every request and never answers."""

    def __init__(self, server: socket.socket) -> None:
        server.settimeout(60)
        self.url = f"http://127.0.0.1:{server.getsockname()[1]}"
        self._server = server
        self._callers: list[socket.socket] = []

    def called(self) -> None:
        """Wait until somebody has asked something."""
        self._callers.append(self._server.accept()[0])
        self._callers[-1].recv(1)

    def hang_up(self) -> None:
        for caller in self._callers:
            caller.close()


@pytest.fixture
def silence() -> Iterator[Silence]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        made = Silence(server)
        yield made
        made.hang_up()


@EVERY_CRM
def test_a_crm_that_never_answers_cannot_keep_it_from_stopping(
    made: Installation, daemons: Start, silence: Silence
) -> None:
    made.change("config/leadsync.yaml", made.url, silence.url)
    daemon = daemons(made)
    daemon.wait_for("daemon.started")
    silence.called()

    assert daemon.stop() == 0
    assert daemon.events("daemon.abandoned") != []


@EVERY_CRM
def test_an_interrupted_command_says_so(made: Installation, silence: Silence) -> None:
    made.change("config/leadsync.yaml", made.url, silence.url)
    process = made.start("sync")
    silence.called()

    # One that comes in the instant before a thread begins to wait for an answer is noticed only after the wait.
    for _ in range(3):
        process.send_signal(signal.SIGINT)
        try:
            _, err = process.communicate(timeout=20)
            break
        except subprocess.TimeoutExpired:
            continue

    assert process.returncode == 130
    assert "Traceback" not in err


def test_a_disk_that_is_full_ends_it_with_the_code_of_storage(made: Installation) -> None:
    process = made.start("run", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (900_000, 900_000)))

    _, err = process.communicate(timeout=60)

    assert process.returncode == 5
    fatal = [json.loads(line) for line in err.splitlines() if line.startswith("{") and "trouble.fatal" in line]
    assert [line["reason"] for line in fatal] == ["storage"]
    assert "Traceback" not in err
    assert made("ledger", "check").code == 0
