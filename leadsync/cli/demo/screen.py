"""What the demo shows a person: a live view while it runs, and a summary that needs no explanation."""

import sqlite3
from collections import deque
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from leadsync.cli.demo.figures import Figures
from leadsync.cli.output import clean, emit_table, tell
from leadsync.delivery import Report

if TYPE_CHECKING:
    from rich.console import RenderableType

_MOVES = """
SELECT seq, at, crm, object, record_id, COALESCE(from_stage, from_value), COALESCE(to_stage, to_value, 'blank'),
    source = 'leadsync', verdict
FROM v_transitions WHERE seq > ? AND source <> 'import' ORDER BY seq
"""
_GIVEN = "SELECT at, record_id, owner_id, rule FROM v_assignments WHERE at > ? ORDER BY at"
_STALE = """
SELECT sent_at, person_id, clock, rung, recipient FROM v_escalations WHERE state = 'applied' AND sent_at > ? ORDER BY sent_at
"""
_STAGES = "SELECT COALESCE(stage, 'outside'), count(*) FROM v_people WHERE state = 'live' GROUP BY 1 ORDER BY 2 DESC"

MENDED: Mapping[str, str] = {"reverted": "put back", "redirected": "sent on to the right stage", "flagged": "reported"}
"""What is done about a move that the law does not allow, by its verdict."""


class Story:
    """One panel: the last lines of one kind of news."""

    def __init__(self, title: str, lines: int) -> None:
        self.title = title
        self.height = lines + 2
        self.seen: Any = None
        self._lines: deque[str] = deque(maxlen=lines)

    def tell(self, lines: Iterable[str]) -> None:
        """Add lines; what comes from the CRM is made harmless for a terminal."""
        self._lines.extend(clean(line) for line in lines)

    def panel(self) -> "RenderableType":
        """Return what is to be seen."""
        from rich.panel import Panel
        from rich.text import Text

        text = Text("\n".join(self._lines), no_wrap=True, overflow="ellipsis")
        return Panel(text, title=self.title, height=self.height)


class Screen:
    """A live terminal view: what came in, what moved, what was mended, who got what, what went stale.

    `names` are the CRM's users and queues by id.
    """

    def __init__(self, names: Mapping[str, str], *, watched: bool) -> None:
        self._names = names
        self._watched = watched
        self._live: Any = None
        self._came, self._moved, self._mended = (
            Story("What came in", 6),
            Story("What moved", 6),
            Story("What was mended", 5),
        )
        self._given, self._stale = Story("Who got what", 6), Story("What went stale", 6)
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
            self._moved.seen = self._con.execute("SELECT COALESCE(max(seq), 0) FROM v_transitions").fetchone()[0]
            self._given.seen = self._stale.seen = ""
        self._totals["moves"] += report.transitions
        self._totals["written"] += report.applied
        self._totals["told"] += report.told
        self._totals["API requests"] += report.api_calls
        self._totals["cycles"] += 1
        self._read(self._con)
        self._live.update(self._picture(self._con, now))

    def _read(self, con: sqlite3.Connection) -> None:
        for seq, at, crm, object_name, record_id, before, after, ours, verdict in con.execute(
            _MOVES, (self._moved.seen,)
        ):
            self._moved.seen = seq
            who = f"{_time(at)}  {crm} {object_name} {record_id[-6:]}"
            by = "leadsync" if ours else "a person"
            if before is None:
                self._came.tell([f"{who}  as {after}"])
            else:
                self._moved.tell([f"{who}  {before} -> {after}, by {by}"])
            if verdict in MENDED:
                self._mended.tell([f"{who}  {before or 'new'} -> {after}, by {by}: {MENDED[verdict]}"])
        for at, record_id, owner, rule in con.execute(_GIVEN, (self._given.seen,)).fetchall():
            self._given.seen = at
            self._given.tell([f"{_time(at)}  {record_id[-6:]} to {self._names.get(owner, owner)} ({rule})"])
        for at, person, clock, rung, recipient in con.execute(_STALE, (self._stale.seen,)).fetchall():
            self._stale.seen = at
            told = self._names.get(recipient, recipient)
            self._stale.tell([f"{_time(at)}  {person[-6:]} {clock}, step {rung + 1}: told {told}"])

    def _picture(self, con: sqlite3.Connection, now: datetime) -> "RenderableType":
        from rich.columns import Columns
        from rich.console import Group
        from rich.table import Table

        stages = Table(title="Live records", box=None)
        stages.add_column("stage")
        stages.add_column("records", justify="right")
        for stage, size in con.execute(_STAGES):
            stages.add_row(stage, str(size))
        totals = Table(title=f"{now:%a %d %b %Y %H:%M} UTC", box=None)
        totals.add_column("so far")
        totals.add_column("", justify="right")
        for name, size in self._totals.items():
            totals.add_row(name, str(size))
        pairs = Table.grid(expand=True)
        pairs.add_column(ratio=1)
        pairs.add_column(ratio=1)
        pairs.add_row(self._came.panel(), self._moved.panel())
        pairs.add_row(self._given.panel(), self._stale.panel())
        return Group(Columns([totals, stages]), pairs, self._mended.panel())


def _time(at: str) -> str:
    return at[5:16].replace("T", " ")


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
