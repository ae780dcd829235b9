"""Wishes to touch the world: values, made by decisions, kept in the outbox until their end is known.

An `effect_id` is computed from what is wished and why, so that deciding the same thing twice wishes once
(reliability.md 6 and 7).
"""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from leadsync.domain.records import Ref, Value

NAMESPACE = uuid.UUID("6f1d1c1e-6a1b-5c6e-9d53-2b8c7d0c9a11")

WriteKind = Literal[
    "lead_stage", "contact_stage", "owner", "score", "stage_entered", "membership", "cleanse", "stage_age"
]
Priority = Literal["sla", "hand_raiser", "stage", "owner", "score"]
PRIORITIES: tuple[Priority, ...] = ("sla", "hand_raiser", "stage", "owner", "score")


@dataclass(frozen=True, slots=True)
class WriteBack:
    """New values for one record, by leadsync's field names (`stage` holds the CRM's value, `owner` an id).

    `base_version` is the record's version when this was decided. `guarded` are fields that people edit too, with the
    values they had then: when it is empty the write needs no precondition and may ride in a collection.
    `cause` names what it answers (`t:812` a transition, `rule:hundred points`, `score`), `kinds` what `deliver:` must allow.
    """

    effect_id: str
    ref: Ref
    values: Mapping[str, Value]
    base_version: str
    guarded: Mapping[str, Value]
    kinds: tuple[WriteKind, ...]
    priority: Priority
    group_id: str
    cause: str
    correction: bool = False  # a revert or redirect of a move that was read
    reopen: bool = False  # an edge lets a record be opened for it that was closed in the CRM

    def token(self) -> str:
        """Return the operation token that goes onto the record with the values."""
        return self.effect_id


@dataclass(frozen=True, slots=True)
class Membership:
    """A person joins (or leaves) a nurture campaign or marketing list."""

    effect_id: str
    ref: Ref
    nurture: str
    join: bool
    group_id: str


@dataclass(frozen=True, slots=True)
class Escalation:
    """One rung of a ladder, told to one recipient through one channel.

    `recipient` is a CRM user id, or the channel itself when the rung names a channel.
    """

    effect_id: str
    person_id: str
    ref: Ref
    clock_id: str
    clock: str
    rung: int
    channel: str
    recipient: str
    due_at: datetime
    title: str
    text: str
    late: bool = False
    group_id: str = "sla"


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that somebody should know, told once."""

    effect_id: str
    person_id: str
    ref: Ref
    notice: str  # assigned, put_back, reason_missing, ...
    channel: str
    recipient: str
    title: str
    text: str
    group_id: str = "notices"


Effect = WriteBack | Membership | Escalation | Notice

OutboxState = Literal["pending", "held", "sent", "unknown", "applied", "rejected", "superseded", "dead"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one attempt. `retry_after` seconds only with `pending`; `error` is a code and fields, never a body."""

    effect_id: str
    state: OutboxState
    error: str | None = None
    retry_after: float | None = None
    version: str | None = None  # of the record afterwards, when the CRM says it


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """An effect with its life so far, as the ledger keeps it."""

    effect: Effect
    state: OutboxState
    attempts: int
    decided_at: datetime
    retry_at: datetime | None = None
    error: str | None = None
    extra: Mapping[str, Value] = field(default_factory=dict)


def effect_id(*parts: object) -> str:
    """Return the id that the same wish for the same cause always has."""
    return str(uuid.uuid5(NAMESPACE, json.dumps([str(part) for part in parts], ensure_ascii=False)))


def canonical(values: Mapping[str, Value]) -> str:
    """Return field values as one text that does not depend on their order."""
    return json.dumps(dict(values), sort_keys=True, ensure_ascii=False)
