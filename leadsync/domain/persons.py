"""One person behind several records: which record speaks for them, where they stand, and what they have been through.

Everything here is derived from transitions; nothing is counted twice because a record was converted or merged.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from leadsync.domain.conditions import fold
from leadsync.domain.funnel import FunnelLaw
from leadsync.domain.mapping import CrmMapping, stage_of
from leadsync.domain.records import Record
from leadsync.domain.situation import Situation, Twin
from leadsync.domain.transitions import Transition

CARRIED_FOR = timedelta(hours=24)
"""A stage that a blank contact gets this soon after a conversion is the one it was converted with, and dates from it."""


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


def primary(records: Iterable[Record], law: FunnelLaw, mapping: CrmMapping) -> Record:
    """Return the record that speaks for a person: the live Contact, else the furthest live Lead, else the earliest.

    When none is live (deleted, converted out of sight, out of scope), the same order among those that are left. Raises
    ValueError when there is no record at all.
    """
    return min(records, key=lambda record: (record.state != "live", _precedence(record, law, mapping)))


def _precedence(record: Record, law: FunnelLaw, mapping: CrmMapping) -> tuple[bool, int, datetime, str]:
    stage = stage_of(mapping, record.stage_value)
    return (record.ref.object != "contact", -rank(law, stage), record.created_at, record.ref.id)


def rank(law: FunnelLaw, stage: str | None) -> int:
    """Return how far a stage is; -1 for recycle, exit, outside and unknown stages, which have no rank."""
    found = law.stages.get(stage or "")
    return -1 if found is None or found.rank is None else found.rank


def twins_of(situation: Situation, law: FunnelLaw) -> tuple[Twin, ...]:
    """Return the twins that form a group with a person: none through a mailbox that many people share, such as info@."""
    if law.twins != "exact_email":
        return ()
    return tuple(twin for twin in situation.twins if not _is_shared(twin.record, law))


def _is_shared(record: Record, law: FunnelLaw) -> bool:
    email = record.fields.get("email")
    return isinstance(email, str) and fold(email.partition("@")[0]) in law.shared_mailboxes


def primary_twin(record: Record, twins: Sequence[Twin], law: FunnelLaw, mapping: CrmMapping) -> Twin | None:
    """Return the twin that speaks for the group instead of this record, None when this record does."""
    best = min(twins, key=lambda twin: _precedence(twin.record, law, mapping), default=None)
    if best is None or _precedence(best.record, law, mapping) > _precedence(record, law, mapping):
        return None
    return best


def line(situation: Situation, record: Record) -> tuple[Transition, ...]:
    """Return the transitions that make up the line of a person whose primary record is `record`, in order.

    Those of the leads that were converted into it come first, then its own. What happened to such a lead while the contact
    had a stage of its own is not in it, nor are rows merged into it: the line is where the person stood at each instant.
    """
    own = [move for move in situation.transitions if move.ref == record.ref]
    staged_at = min((move.at for move in own if move.to_stage is not None), default=None)
    leads = {other.ref for other in situation.records if other.converted_to == record.ref.id}
    before = [m for m in situation.transitions if m.ref in leads and (staged_at is None or m.at <= staged_at)]
    return _in_order([*before, *own])


def _in_order(moves: Iterable[Transition]) -> tuple[Transition, ...]:
    return tuple(sorted(moves, key=lambda move: (move.at, move.seq)))


def stay(moves: Sequence[Transition], record: Record, law: FunnelLaw, mapping: CrmMapping) -> Stay:
    """Return where a person stands: the record's stage, entered when the line last came into it.

    A stay goes on through a conversion that carries the stage, through a correction, and through a blank that a
    contact shows between its birth at conversion and our first write to it.
    """
    stage = stage_of(mapping, record.stage_value)
    entered = entries(moves)
    if stage is None or not entered or entered[-1].to_stage != stage:
        born = entered[-1].at if entered else record.created_at
        return Stay(stage, born, entered_exact=False, entered_by=None, entry_number=0)
    last = entered[-1]
    number = sum(1 for entry in entered if entry.to_stage == stage)
    return Stay(stage, last.at, last.at_exact, last, number)


def entries(moves: Iterable[Transition]) -> list[Transition]:
    """Return the transitions that really began a stay: no corrections, no carrying over, no blanks in between.

    A correction undoes the move before it. Led back to the stay before, that one goes on; led elsewhere (a redirect), the
    person has been there since the wrong move, and the wrong stage was never entered. The stage that a conversion leads to
    was entered by it, though we write it a while after.
    """
    began: list[Transition] = []
    for move in moves:
        if began and move.correction:
            wrong = began.pop()
            if not began or began[-1].to_stage != move.to_stage:
                began.append(replace(move, at=wrong.at, at_exact=wrong.at_exact))
        elif not began or began[-1].to_stage != move.to_stage or (move.to_stage is None and move.reason == "converted"):
            began.append(move)
    staged: list[Transition] = []
    converted: Transition | None = None
    for move in began:
        if move.to_stage is None:
            converted = move if move.reason == "converted" else None
            continue
        if not staged or staged[-1].to_stage != move.to_stage:
            soon = converted is not None and move.at - converted.at <= CARRIED_FOR
            staged.append(replace(move, at=converted.at, at_exact=converted.at_exact) if converted and soon else move)
        converted = None
    return staged


def left_at(moves: Iterable[Transition], stage: str, number: int) -> datetime | None:
    """Return when a person left a stage after entering it for the nth time, None when they are there or never were."""
    count = 0
    for entry in entries(moves):
        if count == number:
            return entry.at
        count += entry.to_stage == stage
    return None


def times_entered(moves: Iterable[Transition], stage: str) -> int:
    """Return how often a person has come into a stage."""
    return sum(1 for entry in entries(moves) if entry.to_stage == stage)


def last_stage(situation: Situation, record: Record) -> str | None:
    """Return the last stage that one record is known to have had."""
    own = [move for move in situation.transitions if move.ref == record.ref and move.to_stage is not None]
    return _in_order(own)[-1].to_stage if own else None


def milestones(situation: Situation, moves: Sequence[Transition], law: FunnelLaw) -> Milestones:
    """Return how often and when a person was handed to sales and recycled, over all records, merged ones included.

    Entries are counted once: a conversion that carries the stage is none, nor is a correction or its cause, nor our write
    of the stage that a merged row had.
    """
    in_line = {move.seq for move in moves}
    line_entries = entries(moves)
    carried = carried_by_merges(situation, line_entries)
    beside = [
        entry
        for other in situation.records
        for entry in entries(m for m in situation.transitions if m.ref == other.ref and m.seq not in in_line)
        if entry.reason != "converted"
    ]
    every = _in_order([*beside, *(entry for entry in line_entries if entry.seq not in carried)])
    handoffs = [entry.at for entry in every if _role(law, entry.to_stage) == "handoff"]
    recycled = [entry.at for entry in every if _role(law, entry.to_stage) == "recycle"]
    return Milestones(
        mql_count=len(handoffs),
        first_mql_at=handoffs[0] if handoffs else None,
        last_mql_at=handoffs[-1] if handoffs else None,
        recycle_count=len(recycled),
        last_recycled_at=recycled[-1] if recycled else None,
        passes=_passes(line_entries, law),
    )


def carried_by_merges(situation: Situation, line_entries: Sequence[Transition]) -> frozenset[int]:
    """Return the `seq` of each entry by which we wrote the stage of a merged row to the winner."""
    found = (_carried_by_merge(situation, other, line_entries) for other in situation.records)
    return frozenset(entry.seq for entry in found if entry is not None)


def _carried_by_merge(situation: Situation, other: Record, line_entries: Sequence[Transition]) -> Transition | None:
    """Return the entry by which we wrote a merged row's stage to the winner, None when there was none."""
    if other.state != "merged":
        return None
    after = next((entry for entry in line_entries if entry.at >= other.stamp), None)
    if after is None or after.source != "leadsync" or after.to_stage != last_stage(situation, other):
        return None
    return after


def _passes(line_entries: Sequence[Transition], law: FunnelLaw) -> int:
    """Return how many passes a person has begun: from coming into the funnel to the next recycle or exit."""
    passes, inside = 0, False
    for entry in line_entries:
        if rank(law, entry.to_stage) >= 0 and _role(law, entry.to_stage) != "raw" and not inside:
            passes, inside = passes + 1, True
        elif _role(law, entry.to_stage) in ("recycle", "exit"):
            inside = False
    return passes


def _role(law: FunnelLaw, stage: str | None) -> str | None:
    found = law.stages.get(stage or "")
    return found.role if found else None
