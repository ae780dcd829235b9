"""How commands speak: JSON and tables on stdout, talk and errors on stderr."""

import dataclasses
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from leadsync.domain.instants import to_text
from leadsync.errors import ConfigError, LeadsyncError

if TYPE_CHECKING:
    from rich.progress import Progress


def emit_json(value: object) -> None:
    """Print one JSON value with its instants as text."""
    sys.stdout.write(json.dumps(value, default=_plain, ensure_ascii=False) + "\n")


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return to_text(value)
    if isinstance(value, date):
        return value.isoformat()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if isinstance(value, Mapping):
        return dict(value)
    return str(value)


def emit_table(columns: Sequence[str], rows: Iterable[Sequence[object]], title: str | None = None) -> None:
    """Print a table for people; control characters of CRM text are made visible, markup is not read."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column in _WHOLE)
    for row in rows:
        table.add_row(*(Text(clean(_cell(value))) for value in row))
    # Whoever reads it from a pipe or a file has no width to fit into.
    console = Console(file=sys.stdout)
    if not console.is_terminal:
        console = Console(file=sys.stdout, width=WIDE)
    console.print(table)


WIDE = 140
_WHOLE = frozenset({"at", "kind", "state", "object", "record", "effect_id", "record_id", "decided_at", "retry_at"})
"""Columns that are of no use in two lines: somebody copies from them."""


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return to_text(value)
    return json.dumps(value, default=_plain, ensure_ascii=False) if isinstance(value, (dict, list)) else str(value)


def clean(text: str) -> str:
    """Return text without control characters, so that no CRM value can move the cursor or colour a terminal."""
    return "".join(letter if letter.isprintable() or letter == "\n" else "\ufffd" for letter in text)


def say(line: str) -> None:
    """Say something to the person at the terminal."""
    sys.stderr.write(clean(line) + "\n")


def tell(line: str) -> None:
    """Print a line of data for people."""
    sys.stdout.write(clean(line) + "\n")


def complain(error: LeadsyncError) -> None:
    """Print what went wrong, where, and what to do."""
    if isinstance(error, ConfigError):
        for problem in error.problems:
            say(problem)
    say(f"leadsync: {error}")


def quiet_logs() -> None:
    """Keep logs off stdout, which is for data, and show on stderr only what needs an action."""
    from leadsync import logs

    logs.configure(level="warning")


def progress_bar() -> "Progress":
    """Return a progress display on stderr that stays silent where no terminal is."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )


def row_dicts(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[dict[str, Any]]:
    """Return rows as JSON objects."""
    return [dict(zip(columns, row, strict=True)) for row in rows]
