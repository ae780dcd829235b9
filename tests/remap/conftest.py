"""An operator's desk: the office of the scenarios, over Salesforce, where people wrote old statuses; and what remap says of them."""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from office import Office
from sandboxes import several

OLD = {
    "Open - Not Contacted": "Inquiry",
    "Working - Contacted": "LAL",
    "Closed - Not Converted": "Disqualified",
    "Hot Prospect": "MQL",
}
"""Four deprecated values and where they lead."""


class Desk(Office):
    """An office whose mapping lists four deprecated values, and the plan that lies on its desk."""

    def __init__(self, folder: Path, *, go_live_at: str = "2026-01-01T00:00:00Z", deliver: str = "false") -> None:
        super().__init__(folder, "salesforce", go_live_at=go_live_at, deliver=deliver)
        line = "  Working - Contacted: lal\n"
        self.edit_mapping("crm", line, f"{line}  Hot Prospect: mql\n")

    def showing(self, *statuses: str, **fields: Any) -> list[str]:
        """Create one lead for each status."""
        return self.load("lead", [{"status": status, **fields} for status in statuses])

    def statuses(self, keys: Sequence[str]) -> list[str]:
        return [self.row(key)["status"] for key in keys]

    @property
    def plan_path(self) -> Path:
        return self.folder / "remap.csv"

    def plan(self, *words: str) -> Any:
        self.advance()
        return self.run("remap", "plan", "--out", str(self.plan_path), "--json", *words)

    def apply(self, *words: str, expect: int = 0) -> Any:
        self.advance()
        return self.run("remap", "apply", str(self.plan_path), "--json", *words, expect=expect)

    def undo(self, *words: str, expect: int = 0) -> Any:
        self.advance()
        return self.run("remap", "undo", str(self.plan_path), "--json", *words, expect=expect)

    def csv(self, suffix: str = ".csv") -> list[dict[str, str]]:
        with self.plan_path.with_suffix(suffix).open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def ages(self) -> dict[str, tuple[str, int]]:
        """Since when each lead is where it is, and whether that is exact."""
        return {row["record_id"]: (row["stage_entered_at"], row["entered_exact"]) for row in self.view("v_people")}


@pytest.fixture
def make_desk(tmp_path: Path) -> Iterator[Callable[..., Desk]]:
    yield from several(partial(Desk, tmp_path))


@pytest.fixture
def desk(make_desk: Callable[..., Desk]) -> Desk:
    """A desk of a company that is live since January and delivers what the commands are told to."""
    return make_desk()


@pytest.fixture
def old() -> Mapping[str, str]:
    return OLD
