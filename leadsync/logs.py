"""Logs: one JSON object per line on stderr, easy to read on a terminal; constant event names, ids only, never personal data."""

import logging
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, Literal

import structlog
from structlog.processors import ExceptionRenderer
from structlog.tracebacks import ExceptionDictTransformer

KEYS: frozenset[str] = frozenset({
    "api_calls", "attempts", "blocked", "changed", "channel", "clock", "command", "config_hash", "crm", "cycle_id",
    "dead", "decided", "delivered", "due", "effect_id", "epoch", "error", "events", "failed", "fields", "fix", "found",
    "gaps", "group_id", "held", "job", "kind", "late", "location", "messages", "missing", "new", "notice", "object", "observed", "org",
    "pending", "person_id", "persons", "problems", "reach", "reason", "recipient", "ref", "rejected", "retry_after",
    "rows", "rule", "rung", "seconds", "signal", "skew_seconds", "source", "sqlite", "stage", "state", "superseded", "total",
    "transitions", "unknown", "url", "used", "user_id", "value", "verdict", "version", "woken",
})  # fmt: skip
"""Every key that our own events may carry; others are dropped, so that nothing personal slips into a log."""

_FRAME = frozenset({"event", "level", "timestamp", "logger", "exception", "exc_info", "_record", "_from_structlog"})


def configure(*, level: str = "info", style: Literal["auto", "json", "pretty"] = "auto") -> None:
    """Send structlog's and the standard library's events to stderr in one form."""
    pretty = style == "pretty" or (style == "auto" and sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    rendering: list[structlog.typing.Processor] = (
        [structlog.dev.ConsoleRenderer(colors=True, exception_formatter=structlog.dev.plain_traceback)]
        if pretty
        else [
            ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(default=str),
        ]
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, _foreign],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for chatty in ("urllib3", "apscheduler", "uvicorn.access", "msal"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    logging.captureWarnings(True)
    structlog.configure(
        processors=[*shared, _allowed, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def get(name: str) -> Any:
    """Return the logger of a module."""
    return structlog.get_logger(name)


def _allowed(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Keep the keys of the list and drop every other, so that nothing unforeseen is ever written."""
    for key in [key for key in event if key not in KEYS and key not in _FRAME]:
        del event[key]
    return event


def _foreign(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Cap what libraries say: their messages may quote addresses and bodies, so only the first line is kept."""
    event["event"] = str(event.get("event", "")).partition("\n")[0][:300]
    return event
