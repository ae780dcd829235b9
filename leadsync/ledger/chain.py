"""From what is known of one record to the transitions it should have: pure, and the same in any order of arrival.

Where the CRM keeps history, its rows are the truth and polled values only fill what they leave open; where it keeps
none, polled differences are. The first transition of a record is its birth, or the conversion that created it. What is
written down already is compared with this by `pages.py`: what is missing is added, what the history corrects is withdrawn.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Literal

from leadsync.domain.instants import from_text
from leadsync.domain.mapping import CrmMapping
from leadsync.ledger.codec import instant, text

Kind = Literal["birth", "move", "poll", "gap", "conversion"]


@lru_cache(maxsize=256)
def _history_begins(read_at: str) -> str:
    return text(instant(read_at) - HISTORY_KEPT)


Evidence = Literal["history", "creation", "change", "day"]
"""What an instant of conversion rests on, the best first."""

SAME_BIRTH = timedelta(seconds=60)
"""A record whose last change is no later than this after its creation has had its first value from the start."""

HISTORY_KEPT = timedelta(days=540)
"""Salesforce keeps field history for 18 months at least; about older stays a silent history proves nothing."""


@dataclass(frozen=True, slots=True)
class Step:
    """One value change, stored (`seq` set) or wished for. Instants are ledger text, which sorts as they do."""

    kind: Kind
    cause: str | None
    old: str | None
    new: str | None
    at: str
    exact: bool
    actor_id: str | None
    seq: int | None = None
    effect_id: str | None = None  # the write-back that it was recognised as
    proved: bool = False  # of a conversion: history tells of it


@dataclass(frozen=True, slots=True)
class Conversion:
    """A lead that became this contact: when, what says so, and the stage it had. `born` says it created the contact."""

    lead_rid: int
    value: str | None
    at: str
    evidence: Evidence
    born: bool
    actor_id: str | None

    def step(self, value: str | None) -> Step:
        """Return the transition that the contact shows for it; `value` is the one it has then."""
        return Step(
            "conversion", str(self.lead_rid), self.value, value, self.at, self.evidence in ("history", "creation"),
            self.actor_id, proved=self.evidence == "history",
        )  # fmt: skip


def in_order(steps: Sequence[Step]) -> list[Step]:
    """Return steps in order of time; within one second each follows the one that led to its old value.

    The CRM's instants have whole seconds, so several moves of one automation share one. Steps of a second that form no
    chain keep the order of their ids, which the CRM hands out in order.
    """
    ordered: list[Step] = []
    waiting = sorted(steps, key=lambda step: (step.at, step.cause or "~", step.seq or 0))
    start = 0
    while start < len(waiting):
        end = start
        while end < len(waiting) and waiting[end].at == waiting[start].at:
            end += 1
        ordered += _chained(waiting[start:end], ordered[-1].new if ordered else None, known=bool(ordered))
        start = end
    return ordered


def _chained(second: list[Step], value: str | None, *, known: bool) -> list[Step]:
    chain: list[Step] = []
    rest = list(second)
    if not known and len(rest) > 1:
        # The first of all is the one whose old value none of the others leads to.
        reached = {step.new for step in rest}
        value = next((step.old for step in rest if step.old not in reached), rest[0].old)
    while rest:
        following = next((step for step in rest if step.old == value), rest[0])
        rest.remove(following)
        chain.append(following)
        value = following.new
    return chain


def steps_of(moves: Sequence[Step], anchors: Sequence[Step]) -> list[Step]:
    """Return history rows and polled changes as one line; a polled change that history has come to explain is left out.

    `anchors` are the polled changes that were written down when history was silent. One is explained by any value that
    the record had in its second, for it may have been read between two moves of that second.
    """
    line = in_order(moves)
    kept = []
    for anchor in anchors:
        earlier = [move.new for move in line if move.at < anchor.at][-1:]
        if anchor.new not in (*earlier, *(move.new for move in line if move.at == anchor.at)):
            kept.append(anchor)
    return in_order([*line, *kept]) if kept else line


@dataclass(frozen=True, slots=True)
class Origin:
    """What is known of a record's beginning. `value` is its current one, `first_value` the one first written down."""

    created_at: str
    created_by: str | None
    untouched: bool  # not changed since the minute of its creation, so that its value is its first one
    first_seen_at: str
    value: str | None
    has_history: bool
    adopted: bool
    ended: bool
    entered_at: str | None = None  # from a date field that the mapping says to believe


def first_step(origin: Origin, steps: Sequence[Step], stored: Step | None, conversions: Sequence[Conversion]) -> Step:
    """Return the transition with which a record begins.

    Its value is the one that the earliest known change left behind, else the one it was first seen with. A Contact that
    was created by converting a lead begins with that conversion instead of a birth.
    """
    value = steps[0].old if steps else stored.new if stored else origin.value
    if born := next((conversion for conversion in conversions if conversion.born), None):
        return born.step(value)
    at, exact = born_at(origin, steps, value)
    return Step("birth", None, None, value, min(at, steps[0].at) if steps else at, exact, origin.created_by)


def born_at(origin: Origin, steps: Sequence[Step], value: str | None) -> tuple[str, bool]:
    """Return when a record came into its first value, and whether that is exact."""
    if origin.untouched:
        return origin.created_at, True
    if origin.has_history:
        return origin.created_at, origin.created_at >= _history_begins(origin.first_seen_at)
    if steps or value is None or not origin.adopted or origin.ended:
        return origin.created_at, False
    if origin.entered_at is not None:
        return origin.entered_at, True
    # The value may be as old as the record or as young as its last change: only "at least since we look" is true.
    return origin.first_seen_at, False


def converted_at(
    *,
    forced_at: str | None,
    converted_on: str | None,
    lead_modified_at: str,
    contact_created_at: str | None,
    last_move_at: str | None,
) -> tuple[str, Evidence]:
    """Return when a lead was converted, and what says so (semantics.md C).

    History and the contact's creation are exact. The lead's last change is a bound, for it may be a later edit.

    Salesforce itself keeps only the day, in a zone it does not name: a day therefore reaches as far as any zone does.
    """
    if forced_at is not None:
        return forced_at, "history"
    if (
        contact_created_at is not None
        and _on_day(contact_created_at, converted_on)
        and (last_move_at is None or contact_created_at >= last_move_at)
    ):
        return contact_created_at, "creation"
    if _on_day(lead_modified_at, converted_on):
        return lead_modified_at, "change"
    noon = f"{converted_on}T12:00:00Z"
    return (max(noon, last_move_at) if last_move_at else noon), "day"


def _on_day(at: str, day: str | None) -> bool:
    if day is None:
        return True
    midnight = from_text(day)
    return midnight - timedelta(hours=14) <= instant(at) < midnight + timedelta(hours=36)


def is_born_by(contact_created_at: str, at: str, evidence: Evidence) -> bool:
    """Say whether a conversion at this instant created the contact, or led into one that was there before."""
    match evidence:
        case "history":
            return abs(instant(contact_created_at) - instant(at)) <= SAME_BIRTH
        case "creation":
            return True
        case "change" | "day":
            return False


def stage_in(mapping: CrmMapping, value: str | None) -> str | None:
    """Return the stage of a value, older names included, which occur in history only."""
    if value is None:
        return None
    return mapping.stage_of_value.get(value) or mapping.old_values.get(value)
