"""What stands beside a Crm under test: a clock whose waits cost nothing, who follows its polls, and what it is to write."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from leadsync.domain.effects import WriteBack, effect_id
from leadsync.domain.records import Gone, Record, Ref
from leadsync.ports import Crm, Mark, Page, Reach

START = datetime(2026, 11, 19, 10, 0, 20, tzinfo=UTC)
"""When the sandboxes of these tests begin."""


class QuickClock:
    """Waits pass at once, but are remembered; monotonic time moves by them and by hand alone."""

    def __init__(self) -> None:
        self.waits: list[float] = []
        self.passed = 1000.0

    def wall(self) -> datetime:
        return START

    def monotonic(self) -> float:
        return self.passed

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.passed += seconds


@dataclass(frozen=True, slots=True)
class Polled:
    """What one pass delivered."""

    pages: tuple[Page, ...]

    @property
    def rows(self) -> list[Any]:
        return [row for page in self.pages for row in page.rows]

    def of(self, kind: Any) -> list[Any]:
        """The rows of one kind, in their order."""
        return [row for row in self.rows if isinstance(row, kind)]

    @property
    def people(self) -> dict[Ref, Record | Gone]:
        """Leads and contacts as they were last seen, those that are gone among them."""
        return {row.ref: row for row in self.of((Record, Gone))}

    @property
    def stages(self) -> dict[str, str | None]:
        """The CRM's value of the stage by the record's id."""
        return {row.ref.id: row.stage_value for row in self.of(Record)}


class Follower:
    """Keeps the marks as the ledger does and gathers what was delivered."""

    def __init__(self, crm: Crm, marks: Mapping[str, Mark] | None = None) -> None:
        self.crm: Any = crm
        self.marks: dict[str, Mark] = dict(marks or {})

    def poll(self, reach: Reach = "complete") -> Polled:
        pages: list[Page] = []
        for page in self.crm.changes(self.marks, reach):
            pages.append(page)
            self.keep(page)
        return Polled(tuple(pages))

    def keep(self, page: Page) -> None:
        """Note how far the poll came, as if the page were stored."""
        if page.mark is not None:
            self.marks[page.source] = Mark(page.mark)
        elif page.progress is not None:
            self.marks[page.source] = Mark(self.marks.get(page.source, Mark()).mark, page.progress)


def a_write(
    record: Record, *, guarded: bool = False, cause: str = "t:1", priority: Any = "stage", reopen: bool = False,
    **values: Any,
) -> WriteBack:  # fmt: skip
    """Return a write-back of a record as it was read; guarded by its version if so asked."""
    held = {name: record.stage_value if name == "stage" else record.fields.get(name) for name in values}
    return WriteBack(
        effect_id(record.ref, cause, sorted(values)), record.ref, values, record.version, held if guarded else {},
        ("lead_stage",), priority, "g", cause, reopen=reopen,
    )  # fmt: skip
