"""One person behind several records: which record speaks for them, where they stand, and what they have been through.

Everything here is derived from transitions; nothing is counted twice because a record was converted or merged.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from leadsync.domain.funnel import FunnelLaw
from leadsync.domain.mapping import CrmMapping, stage_of
from leadsync.domain.records import Record
from leadsync.domain.situation import Situation, Twin
from leadsync.domain.transitions import Transition


@dataclass(frozen=True, slots=True)
class Stay:
    """The stage a person is in now. `cause` is the transition that brought them there, None for a blank contact."""

    stage: str | None
    entered_at: datetime
    entered_exact: bool
    entered_by: Transition | None
    entry_number: int  # how often the person has entered this stage, this stay included


@dataclass(frozen=True, slots=True)
class Milestones:
    """Counts and instants that no later move overwrites (semantics.md C and H)."""

    mql_count: int
    first_mql_at: datetime | None
    last_mql_at: datetime | None
    recycle_count: int
    last_recycled_at: datetime | None
    passes: int


def primary(records: Iterable[Record], law: FunnelLaw, mapping: CrmMapping) -> Record | None:
    """Return the record that speaks for a person: the live Contact, else the furthest live Lead, else the earliest.

    When none is live (deleted, converted out of sight, out of scope), the same order among those that are left.
    """
    return min(records, key=lambda record: (record.state != "live", _precedence(record, law, mapping)), default=None)


def _precedence(record: Record, law: FunnelLaw, mapping: CrmMapping) -> tuple[bool, int, datetime, str]:
    stage = stage_of(mapping, record.stage_value)
    return (record.ref.object != "contact", -rank(law, stage), record.created_at, record.ref.id)


def rank(law: FunnelLaw, stage: str | None) -> int:
    """Return how far a stage is; -1 for recycle, exit, outside and unknown stages, which have no rank."""
    found = law.stages.get(stage) if stage else None
    return -1 if found is None or found.rank is None else found.rank


def primary_twin(record: Record, twins: Sequence[Twin], law: FunnelLaw, mapping: CrmMapping) -> Twin | None:
    """Return the twin that speaks for the group instead of this record, None when this record does."""
    best = min(twins, key=lambda twin: _precedence(twin.record, law, mapping), default=None)
    if best is None or _precedence(best.record, law, mapping) > _precedence(record, law, mapping):
        return None
    return best


def line(situation: Situation, record: Record) -> tuple[Transition, ...]:
    """Return the transitions that make up the line of a person whose primary record is `record`, in order.

    Those of the leads that were converted into it come first, then its own. Rows merged into it keep their own
    history and do not count as moves of the winner.
    """
    leads = {other.ref for other in situation.records if other.converted_to == record.ref.id}
    wanted = leads | {record.ref}
    return tuple(sorted((m for m in situation.transitions if m.ref in wanted), key=lambda m: (m.at, m.seq)))


def stay(moves: Sequence[Transition], record: Record, law: FunnelLaw, mapping: CrmMapping) -> Stay:
    """Return where a person stands: the record's stage, entered when the line last came into it.

    A stay goes on through a conversion that carries the stage, through a correction, and through a blank that a
    contact shows between its birth at conversion and our first write to it.
    """
    stage = stage_of(mapping, record.stage_value)
    entries = _entries(moves)
    if stage is None or not entries or entries[-1].to_stage != stage:
        born = entries[-1].at if entries else record.created_at
        return Stay(stage, born, entered_exact=False, entered_by=None, entry_number=0)
    last = entries[-1]
    number = sum(1 for entry in entries if entry.to_stage == stage)
    return Stay(stage, last.at, last.at_exact, last, number)


def _entries(moves: Sequence[Transition]) -> list[Transition]:
    """Return the transitions that really began a stay: no corrections, no carrying over, no blanks in between."""
    entries: list[Transition] = []
    for move in moves:
        if move.to_stage is None:
            continue
        if entries and entries[-1].to_stage == move.to_stage:
            continue
        if move.correction and len(entries) > 1 and entries[-2].to_stage == move.to_stage:
            entries.pop()
            continue
        entries.append(move)
    return entries


def milestones(situation: Situation, moves: Sequence[Transition], law: FunnelLaw) -> Milestones:
    """Return how often and when a person was handed to sales and recycled, over all records, merged ones included.

    Entries are counted once: a conversion that carries the stage is none, nor is a correction or its cause.
    """
    merged = [
        _entries([m for m in situation.transitions if m.ref == other.ref])
        for other in situation.records
        if other.state == "merged"
    ]
    entries = sorted([*_entries(moves), *(e for group in merged for e in group)], key=lambda m: (m.at, m.seq))
    handoffs = [e.at for e in entries if _role(law, e.to_stage) == "handoff"]
    recycled = [e.at for e in entries if _role(law, e.to_stage) == "recycle"]
    passes, inside = 0, False
    for entry in _entries(moves):
        role = _role(law, entry.to_stage)
        if rank(law, entry.to_stage) > 0 and not inside and role != "raw":
            passes, inside = passes + 1, True
        elif role in ("recycle", "exit"):
            inside = False
    return Milestones(
        mql_count=len(handoffs),
        first_mql_at=handoffs[0] if handoffs else None,
        last_mql_at=handoffs[-1] if handoffs else None,
        recycle_count=len(recycled),
        last_recycled_at=recycled[-1] if recycled else None,
        passes=passes,
    )


def _role(law: FunnelLaw, stage: str | None) -> str | None:
    found = law.stages.get(stage) if stage else None
    return found.role if found else None
