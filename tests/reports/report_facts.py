"""People's stories, told to a ledger as pages of the CRM: when they came into which stage, in days of one year."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ledger_facts import a_record

from leadsync.domain.records import Move, Record, Ref, Value
from leadsync.domain.rulebook import Rulebook
from leadsync.ledger import Ledger
from leadsync.ports import Page, Row
from leadsync.reports.answer import Cell, Report, Table

NEW_YEAR = datetime(2026, 1, 1, 9, 0, tzinfo=UTC)
STATUS = {
    "raw": "Raw", "inquiry": "Inquiry", "maql": "MAQL", "lal": "LAL", "mql": "MQL", "sal": "SAL", "sql": "SQL",
    "remarket": "Re-Market", "disqualified": "Disqualified",
}  # fmt: skip


def day(number: float) -> datetime:
    """Return an instant counted from the first morning of the year."""
    return NEW_YEAR + timedelta(days=number)


@dataclass
class Funnel:
    """A ledger that lives by the sample's rules; history is kept of leads and contacts alike."""

    ledger: Ledger
    rulebook: Rulebook

    def __post_init__(self) -> None:
        self.ledger.adopt_rulebook(self.rulebook, NEW_YEAR)
        self._ids = 0

    def see(
        self,
        *rows: Row,
        source: str = "lead",
        on: float = 400,
        history: Sequence[str] = ("lead", "contact"),
        **page: Any,
    ) -> None:
        """Store a page as it was read on this day."""
        self.ledger.store(
            Page(source, tuple(rows), day(on), **page), self.rulebook.mappings["salesforce"],
            go_live_at=day(-1), own_user_id="005OWN", history=history,
        )  # fmt: skip

    def new_id(self, object_name: str = "lead") -> str:
        self._ids += 1
        return f"{ {'lead': '00Q', 'contact': '003'}[object_name] }{self._ids:06d}"

    def person(
        self, *path: tuple[str, float], object_name: str = "lead", record_id: str = "", fields: dict[str, Value] | None = None, **changes: Any
    ) -> str:  # fmt: skip
        """Let one person go through these stages (or bare status values) on these days; return the record's id."""
        key = record_id or self.new_id(object_name)
        values = [STATUS.get(stage, stage) or None for stage, _ in path]
        days = [at for _, at in path]
        moves = [
            Move(
                Ref("salesforce", object_name, key),
                f"{key}-{n}",
                "stage",
                values[n - 1],
                values[n],
                day(days[n]),
                "005A",
            )
            for n in range(1, len(path))
        ]
        self.see(*moves, *self.rows(key, object_name, values[-1], days, fields, **changes))
        return key

    def rows(
        self, key: str, object_name: str, value: str | None, days: Sequence[float], fields: dict[str, Value] | None, **changes: Any
    ) -> list[Record]:  # fmt: skip
        email = {"email": f"{key}@initech.example", "source": "Web"}
        return [
            a_record(
                key, value, object=object_name, created_at=day(days[0]), modified_at=day(days[-1]),
                fields={**email, **(fields or {})}, **changes,
            )
        ]  # fmt: skip


def cells(table: Table, key: str, **where: str) -> dict[str, Cell]:
    """Return the row whose first column is `key` (and others as named) as a mapping."""
    for row in table.rows:
        found = dict(zip(table.columns, row, strict=True))
        if row[0] == key and all(found[name] == value for name, value in where.items()):
            return found
    raise AssertionError(f"{table.name} has no row {key} {where}")


def conversion(report: Report, start: str, end: str) -> dict[str, Cell]:
    return cells(report.table("conversion"), start, to=end)
