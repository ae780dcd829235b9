"""Logs: one JSON object per line, known keys only, no local variables in tracebacks; and secrets that do not show."""

import ast
import copy
import json
import logging
import pickle
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

import leadsync
from leadsync import logs
from leadsync.secret import Secret


@pytest.fixture(autouse=True)
def usual_logging() -> Iterator[None]:
    """Put the process's logging back as it was."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Any:
    """Return what reads the JSON lines so far."""

    def read() -> list[dict[str, Any]]:
        shown = capsys.readouterr()
        assert shown.out == ""  # data alone goes there
        return [json.loads(line) for line in shown.err.splitlines()]

    return read


def stumble(token: str) -> None:
    """Raise with a local variable that no log may show."""
    local_variable = f"{token}-in-a-local-variable"
    raise ValueError(f"stumbled over {len(local_variable)} characters")


def test_an_event_is_one_json_object_on_one_line(lines: Any) -> None:
    logs.configure(style="json")
    at = datetime(2026, 11, 19, 10, 0, tzinfo=UTC)
    logs.get("leadsync.cycle").warning("writeback.superseded", ref="salesforce/lead/00Q", reason="a\nb\u2028c", due=at)

    (line,) = lines()

    assert {key: line[key] for key in ("event", "level", "logger", "ref", "reason")} == {
        "event": "writeback.superseded", "level": "warning", "logger": "leadsync.cycle", "ref": "salesforce/lead/00Q",
        "reason": "a\nb\u2028c",
    }  # fmt: skip
    assert line["due"] == str(at)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", line["timestamp"])


def test_a_key_that_is_not_on_the_list_is_dropped_with_its_value(lines: Any) -> None:
    logs.configure(style="json")
    logs.get("x").info("message.sent", channel="log", email="grace@navy.example", name="Grace", effect_id="e")

    (line,) = lines()

    assert set(line) == {"event", "level", "logger", "timestamp", "channel", "effect_id"}
    assert "race" not in str(line)


@given(st.text(st.characters(categories=["Ll", "Nd"], include_characters="_"), min_size=1))
def test_no_key_gets_into_a_log_line_by_its_name(key: str) -> None:
    event = logs._allowed(None, "info", {"event": "noun.verb", key: "canary"})

    assert ("canary" in event.values()) == (key in logs.KEYS or key in logs._FRAME)


def test_context_that_was_bound_is_held_to_the_same_list(lines: Any) -> None:
    logs.configure(style="json")
    structlog.contextvars.bind_contextvars(cycle_id=7, phone="+49 30 1234567")

    logs.get("x").info("cycle.finished")

    (line,) = lines()
    assert line["cycle_id"] == 7
    assert "phone" not in line


@pytest.mark.parametrize(
    "style",
    [
        "json",
        "pretty",
    ],
)
@pytest.mark.parametrize("logger", ["ours", "a library's"])
def test_a_traceback_shows_no_local_variables(capsys: pytest.CaptureFixture[str], style: Any, logger: str) -> None:
    logs.configure(style=style)
    token = "".join(("can", "ary"))  # not spelled in a line that a traceback quotes
    try:
        stumble(token)
    except ValueError:
        (logs.get("x") if logger == "ours" else logging.getLogger("x")).exception("cycle.failed")

    shown = capsys.readouterr().err

    assert "ValueError" in shown
    assert "stumbled over" in shown
    assert "stumble" in shown  # where
    assert "canary" not in shown


def test_a_traceback_stays_on_the_line(lines: Any) -> None:
    logs.configure(style="json")
    try:
        stumble("canary")
    except ValueError:
        logs.get("x").exception("cycle.failed")

    (line,) = lines()

    assert line["exception"][0]["exc_type"] == "ValueError"


def test_what_libraries_say_is_cut_to_its_first_line(lines: Any) -> None:
    logs.configure(style="json")
    logging.getLogger("somelib").error("first %s\nbody with grace@navy.example", "x" * 400)

    (line,) = lines()

    assert line["event"] == ("first " + "x" * 400)[:300]
    assert line["logger"] == "somelib"


def test_warnings_come_as_log_lines(lines: Any) -> None:
    logging.captureWarnings(False)  # pytest puts back how warnings are shown, and so what an earlier test had set up
    logs.configure(style="json")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("an old way", DeprecationWarning, stacklevel=1)

    (line,) = lines()

    assert line["logger"] == "py.warnings"


@pytest.mark.parametrize(("level", "seen"), [("debug", 4), ("info", 3), ("warning", 2), ("error", 1)])
def test_the_level_is_the_least_that_is_written(capsys: pytest.CaptureFixture[str], level: str, seen: int) -> None:
    logs.configure(level=level, style="json")
    log = logs.get("x")

    for say in (log.debug, log.info, log.warning, log.error):
        say("noun.verb")

    assert len(capsys.readouterr().err.splitlines()) == seen


@pytest.mark.parametrize(
    "library", ["urllib3.connectionpool", "apscheduler.executors.default", "uvicorn.access", "msal.token_cache"]
)
def test_chatty_libraries_say_only_what_is_wrong(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    # A web server of another test switches its own logger off.
    monkeypatch.setattr(logging.getLogger(library), "propagate", True)
    logs.configure(level="debug", style="json")

    logging.getLogger(library).info("POST /services/T0/canary")
    logging.getLogger(library).warning("something is wrong")

    shown = capsys.readouterr().err
    assert "canary" not in shown
    assert "something is wrong" in shown


def test_auto_is_json_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure()

    logs.get("x").info("daemon.started")

    assert json.loads(capsys.readouterr().err)["event"] == "daemon.started"


def test_configuring_twice_writes_once(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(style="json")
    logs.configure(style="json")

    logs.get("x").info("daemon.started")

    assert len(capsys.readouterr().err.splitlines()) == 1


def logged_keys() -> set[tuple[str, str]]:
    """Return the file and the name of every key with which leadsync's code calls a logger."""
    levels = {"debug", "info", "warning", "error", "exception"}
    return {
        (path.name, keyword.arg)
        for path in Path(leadsync.__file__).parent.rglob("*.py")
        if "sandbox" not in path.parts
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and any(
            isinstance(part, ast.Attribute) and part.attr in levels
            for part in (node.func, *ast.iter_child_nodes(node.func))
        )
        and "log" in ast.unparse(node.func)
        for keyword in node.keywords
        if keyword.arg
    }


def test_every_key_that_the_code_logs_is_on_the_list() -> None:
    found = logged_keys()

    assert ("log.py", "rung") in found
    assert {(file, key) for file, key in found if key not in logs.KEYS | logs._FRAME} == set()


# Secrets


@dataclass(frozen=True)
class Login:
    user: str
    password: Secret


def test_a_secret_shows_itself_nowhere_but_on_demand(lines: Any) -> None:
    logs.configure(style="json")
    secret = Secret("canary")
    login = Login("ada", secret)
    logs.get("x").info("noun.verb", value=secret, reason=str(login), error=[secret])
    logging.getLogger("lib").warning("login %s %r", secret, login)

    shown = [
        str(secret),
        repr(secret),
        f"{secret}",
        f"{secret!r:>20}",
        repr(login),
        json.dumps(secret, default=str),
    ]

    assert "canary" not in " ".join([*shown, *map(str, lines())])
    assert secret.reveal() == "canary"


def test_equal_secrets_are_equal_and_a_copy_is_as_good() -> None:
    assert Secret("a") == Secret("a") != Secret("b")
    assert copy.copy(Secret("a")).reveal() == "a"
    assert b"canary" not in repr(pickle.loads(pickle.dumps(Secret("canary")))).encode()
