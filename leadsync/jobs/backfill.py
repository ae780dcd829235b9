"""Status history that the CRM no longer keeps, or did not show at first: from exports of its history, or read once more.

A row that the ledger has is left as it is, so the same file may be given twice. What is older than going live is taken
over without a judgement, like everything that was there before.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from leadsync.cycle import Cycle
from leadsync.domain.instants import from_text
from leadsync.domain.mapping import CrmMapping
from leadsync.domain.records import Move, Ref
from leadsync.errors import ConfigError
from leadsync.ledger.jobs import known_moves
from leadsync.ports import Page

PARENTS = {"LeadId": "lead", "ContactId": "contact"}
"""The column that names the record in an export of each object's history."""

PAGE = 2000


@dataclass(frozen=True, slots=True)
class Exported:
    """The status changes of an export; `others` rows are of other fields or of records without an id."""

    moves: tuple[Move, ...]
    others: int


def read_export(path: Path, mapping: CrmMapping) -> Exported:
    """Return the status changes in a history export with its usual columns (Id, LeadId or ContactId, Field, OldValue, ...).

    Raises ConfigError with the line of every row that cannot be read.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    names = set(lines[0]) if lines else set()
    parent = next((column for column in PARENTS if column in names), None)
    needed = {"Id", "Field", "OldValue", "NewValue", "CreatedDate", "CreatedById"}
    if lines and (parent is None or not needed <= names):
        raise ConfigError(
            f"{path} is no export of a status history: it needs LeadId or ContactId, and {', '.join(sorted(needed))}"
        )
    moves: list[Move] = []
    problems: list[str] = []
    for number, line in enumerate(lines, start=2):
        try:
            move = _move(line, parent or "", mapping)
        except ValueError:
            problems.append(
                f"{path}:{number}: {line['CreatedDate']!r} is no instant; write it like 2024-05-01T08:00:00Z"
            )
            continue
        if move is not None:
            moves.append(move)
    if problems:
        raise ConfigError(f"{len(problems)} rows of {path} cannot be read; nothing was stored", tuple(problems))
    return Exported(tuple(moves), len(lines) - len(moves))


def _move(line: Mapping[str, str], parent: str, mapping: CrmMapping) -> Move | None:
    object_name = PARENTS[parent]
    objects = mapping.objects.get(object_name)
    if objects is None or line["Field"] not in objects.stage.native or not line["Id"] or not line[parent]:
        return None
    return Move(
        Ref(mapping.crm, object_name, line[parent]), line["Id"], "stage", line["OldValue"] or None, line["NewValue"] or None,
        from_text(line["CreatedDate"]), line["CreatedById"] or None,
    )  # fmt: skip


def missing(cycle: Cycle, moves: Sequence[Move]) -> list[Move]:
    """Return the history rows that the ledger does not have."""
    known = known_moves(cycle.ledger, cycle.crm.name, moves)
    return [move for move in moves if move.move_id not in known]


def store_history(cycle: Cycle, moves: Sequence[Move]) -> int:
    """Store history rows, and return how many transitions came of them."""
    org = cycle.connect()
    mapping = cycle.rules.rulebook.mappings[cycle.crm.name]
    added = 0
    for page in _pages(moves, cycle.crm.now()):
        stored = cycle.ledger.store(
            page, mapping, go_live_at=cycle.go_live_at(), own_user_id=org.user_id, history=cycle.crm.history
        )
        added += stored.transitions
    return added


def _pages(moves: Sequence[Move], read_at: datetime) -> Iterator[Page]:
    for object_name in PARENTS.values():
        some = [move for move in moves if move.ref.object == object_name]
        for start in range(0, len(some), PAGE):
            yield Page(f"{object_name}_history", tuple(some[start : start + PAGE]), read_at)


def read_again(cycle: Cycle) -> int:
    """Read the CRM's own history whole once more, and return how many transitions came of it."""
    for object_name in PARENTS.values():
        cycle.ledger.rewind(cycle.crm.name, f"{object_name}_history")
    report = cycle.new_report()
    cycle.observe("complete", report)
    return report.transitions
