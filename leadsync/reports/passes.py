"""Passes through the funnel and rests between them, worked out from each person's line (semantics.md H).

A pass lasts from entering the funnel to the next recycle or exit. Blanks, unknown values and stages outside do not end it,
a conversion does not split it, and corrections are not in the line at all. A skipped stage has no entry; whoever skipped it
has reached it nevertheless.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import Literal

from leadsync.domain.funnel import FunnelLaw, Stage
from leadsync.reports.queries import LineRow

End = Literal["open", "recycle", "exit", "gone"]


@dataclass(frozen=True, slots=True)
class Entry:
    """Coming into a stage of the funnel. `dated` false: nobody knows when."""

    stage: str
    rank: int
    at: datetime
    dated: bool
    object: str


@dataclass(frozen=True, slots=True)
class Pass:
    """One pass; `gone` means that the record was deleted or merged away in the middle of it."""

    pid: int
    number: int
    entries: tuple[Entry, ...]
    end: End = "open"
    ended_at: datetime | None = None

    def first_at_or_beyond(self, rank: int) -> Entry | None:
        """Return the first entry at this rank or a later one."""
        return next((entry for entry in self.entries if entry.rank >= rank), None)


@dataclass(frozen=True, slots=True)
class Rest:
    """A stay in a recycle stage. `came_from` is the last stage before; `back` the entry that ended it, if one did."""

    pid: int
    rid: int
    stage: str
    at: datetime
    dated: bool
    object: str
    came_from: str | None
    end: Literal["open", "back", "exit", "gone"] = "open"
    ended_at: datetime | None = None
    back: Entry | None = None


@dataclass(frozen=True, slots=True)
class Life:
    """One person's passes and rests in order of time."""

    pid: int
    passes: tuple[Pass, ...]
    rests: tuple[Rest, ...]


def funnel_stages(law: FunnelLaw) -> list[tuple[Stage, int]]:
    """Return the stages that a pass goes through with their ranks: all ranked ones but that of the role `raw`."""
    return [(stage, stage.rank) for stage in law.stages.values() if stage.rank is not None and stage.role != "raw"]


def lives(rows: Iterable[LineRow], law: FunnelLaw) -> Iterator[Life]:
    """Yield the life of each person; rows come person by person, each in order."""
    for pid, group in groupby(rows, key=lambda row: row.pid):
        yield life(pid, list(group), law)


def life(pid: int, line: Sequence[LineRow], law: FunnelLaw) -> Life:
    """Return the passes and rests of one line."""
    passes: list[Pass] = []
    rests: list[Rest] = []
    entries: list[Entry] = []
    resting: Rest | None = None
    before: str | None = None
    last: str | None = None
    for row in line:
        stage = law.stages.get(row.stage or "")
        if stage is None or stage.role == "outside" or stage.name == last:
            continue
        last = stage.name
        match stage.role:
            case "recycle" | "exit":
                if entries:
                    passes.append(Pass(pid, len(passes) + 1, tuple(entries), stage.role, row.entered_at))
                    entries = []
                if stage.role == "exit" and resting:
                    rests.append(replace(resting, end="exit", ended_at=row.entered_at))
                    resting = None
                elif stage.role == "recycle" and not resting:
                    resting = Rest(pid, row.rid, stage.name, row.entered_at, row.dated, row.object, before)
            case "raw":
                pass
            case _:
                assert stage.rank is not None
                entry = Entry(stage.name, stage.rank, row.entered_at, row.dated, row.object)
                entries.append(entry)
                if resting:
                    rests.append(replace(resting, end="back", ended_at=entry.at, back=entry))
                    resting = None
        before = stage.name
    gone_at = line[-1].left_at if line else None
    if entries:
        passes.append(Pass(pid, len(passes) + 1, tuple(entries), "gone" if gone_at else "open", gone_at))
    if resting:
        rests.append(replace(resting, end="gone" if gone_at else "open", ended_at=gone_at))
    return Life(pid, tuple(passes), tuple(rests))
