"""What the demo shows a person: a live view while it runs, and a summary that needs no explanation."""

import sqlite3
from collections import deque
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from leadsync.cli.demo.figures import Figures
from leadsync.cli.output import clean, emit_table, tell
from leadsync.delivery import Report

if TYPE_CHECKING:
    from rich.console import RenderableType

LINES = 14
_NEWS = """
SELECT at, crm, object, record_id, from_stage, to_stage, from_value, to_value, source, verdict FROM v_transitions
WHERE seq > ? AND source <> 'import' ORDER BY seq
"""


class Screen:
    """A live terminal view: what came in, what moved, what was mended, who got what, what went stale."""

    def __init__(self, days: int, *, watched: bool) -> None:
        self._days = days
        self._watched = watched
        self._live: Any = None
        self._seq = 0
        self._lines: deque[str] = deque(maxlen=LINES)
        self._totals = {"moves": 0, "written": 0, "told": 0, "API requests": 0, "cycles": 0}
        self._con: sqlite3.Connection | None = None

    def __enter__(self) -> "Screen":
        if self._watched:
            from rich.live import Live

            self._live = Live(refresh_per_second=8, transient=True)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()
        if self._con is not None:
            self._con.close()

    def show(self, report: Report, location: Path, now: datetime) -> None:
        """Show what a cycle did."""
        if self._live is None:
            return
        if self._con is None:
            self._con = sqlite3.connect(f"{location.resolve().as_uri()}?mode=ro", uri=True)
            self._seq = int(self._con.execute("SELECT COALESCE(max(seq), 0) FROM v_transitions").fetchone()[0])
        self._totals["moves"] += report.transitions
        self._totals["written"] += report.applied
        self._totals["told"] += report.told
        self._totals["API requests"] += report.api_calls
        self._totals["cycles"] += 1
        for row in self._con.execute(_NEWS, (self._seq,)).fetchall():
            self._lines.append(_line(row))
        self._seq = int(self._con.execute("SELECT COALESCE(max(seq), 0) FROM v_transitions").fetchone()[0])
        self._live.update(self._picture(now))

    def _picture(self, now: datetime) -> "RenderableType":
        from rich.columns import Columns
        from rich.console import Group
        from rich.panel import Panel
        from rich.table import Table
        from rich.text import Text

        assert self._con is not None
        stages = Table(title="Live records", box=None)
        stages.add_column("stage")
        stages.add_column("records", justify="right")
        for stage, size in self._con.execute(
            "SELECT COALESCE(stage, 'outside'), count(*) FROM v_people WHERE state = 'live' GROUP BY 1 ORDER BY 2 DESC"
        ):
            stages.add_row(stage, str(size))
        totals = Table(title=f"{now:%a %d %b %Y %H:%M} UTC", box=None)
        totals.add_column("so far")
        totals.add_column("", justify="right")
        for name, size in self._totals.items():
            totals.add_row(name, str(size))
        news = Panel(Text("\n".join(self._lines)), title="What moved", height=LINES + 2)
        return Group(Columns([totals, stages]), news)


def _line(row: tuple[Any, ...]) -> str:
    at, crm, object_name, record_id, from_stage, to_stage, from_value, to_value, source, verdict = row
    before, after = from_stage or from_value or "new", to_stage or to_value or "blank"
    by = "leadsync" if source == "leadsync" else "a person"
    sign = {"reverted": "  <- put back", "redirected": "  <- redirected", "flagged": "  <- flagged"}.get(
        verdict or "", ""
    )
    who = f"{crm:10} {object_name:7} {record_id[-6:]}"
    return clean(f"{at[5:16].replace('T', ' ')}  {who}  {before} -> {after}  by {by}{sign}")


def summary(figures: Figures) -> None:
    """Print what a run came to, for somebody who runs revenue operations."""
    before = {key.removeprefix("before: "): n for key, n in figures.funnel.items() if key.startswith("before: ")}
    after = {key.removeprefix("after: "): n for key, n in figures.funnel.items() if key.startswith("after: ")}
    rows = [[name, before.get(name, 0), after.get(name, 0)] for name in dict.fromkeys([*before, *after])]
    tell(
        f"{figures.days} days, {figures.records} records of {figures.persons} persons, {figures.transitions} stage changes in the ledger"
    )
    emit_table(["stage", "before", "after"], rows, "The funnel, live records")
    verdicts = ", ".join(f"{count} {name}" for name, count in figures.verdicts.items() if count)
    tell(f"Moves judged: {verdicts}.")
    tell(f"Illegal moves mended: {figures.verdicts['reverted']} put back, {figures.verdicts['redirected']} redirected.")
    tell(f"Dispositions taken out of the status field: {figures.dispositions}.")
    tell(
        f"Recycled: {figures.recycled}; came back into the funnel: {figures.reentered}; contacts with a second MQL: {figures.second_mqls}."
    )
    tell(f"Stale people escalated: {figures.escalations} rungs accepted; {figures.notices} notices.")
    tell(
        f"Scored: {figures.scored} persons. Assignments: {figures.routed}; people without an owner: {figures.unowned_routed}."
    )
    emit_table(["owner", "people given"], list(figures.per_owner.items()), "Who got whom")
    written = ", ".join(f"{count} {name}" for name, count in figures.writebacks.items())
    tell(f"Write-backs: {written}. API requests: {figures.api_calls}.")
    tell(f"People's edits overwritten: {figures.human_edits_overwritten}.")
    tell(
        f"The ledger {'equals' if figures.ledger_equals_truth else 'DOES NOT EQUAL'} the CRM's own record of every change."
    )
    for line in figures.differences:
        tell(f"  {line}")
