"""What a report comes to: tables with the definition they were counted by, the same for every way of showing them.

The hash names the definition: equal hashes mean that the same thing was counted in the same way, whatever the period.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from leadsync.domain.rulebook import Rulebook

Cell = str | int | float | None


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under named columns; a cell is text, a count, days or percent (both with one decimal), or unknown."""

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def column(self, name: str) -> tuple[Cell, ...]:
        """Return one column from top to bottom."""
        place = self.columns.index(name)
        return tuple(row[place] for row in self.rows)


@dataclass(frozen=True, slots=True)
class Report:
    """One report as of an instant of the CRM. `filters` are those that were asked for, in the words of the asker."""

    name: str
    definition: tuple[str, ...]
    definition_hash: str
    as_of: datetime
    tables: tuple[Table, ...]
    filters: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def table(self, name: str) -> Table:
        """Return the table of that name."""
        return next(table for table in self.tables if table.name == name)


def definition_hash(name: str, sentences: Sequence[str], rulebook: Rulebook, **parameters: object) -> str:
    """Return what identifies a definition: its words, its numbers, the stages with their roles, the company's zone."""
    stages = [(stage.name, stage.role, stage.rank) for stage in rulebook.law.stages.values()]
    excluded = repr(rulebook.law.excluded)
    parts = [name, list(sentences), stages, excluded, rulebook.company.zone, sorted(parameters.items())]
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()[:16]


def percent(part: int, whole: int) -> float | None:
    """Return a share in percent with one decimal, None of nothing."""
    return round(100 * part / whole, 1) if whole else None
