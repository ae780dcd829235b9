"""The shape of mappings/funnel.yaml: stages, legal moves, automatic moves, recycling."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator, WithJsonSchema

from leadsync.domain.durations import Duration
from leadsync.settings.schema.types import (
    DURATION_PATTERN,
    Block,
    Condition,
    Count,
    DurationText,
    Name,
    Names,
    TargetText,
    Text,
    Texts,
    duration,
    shown,
    wrong,
)


class Stage(Block):
    """One stage."""

    label: Text
    """What people call it."""
    role: Literal[
        "raw", "cold", "qualified", "accepted_ldr", "handoff", "accepted_sales", "sales_qualified", "recycle", "exit", "outside"
    ]  # fmt: skip
    """What leadsync and the reports take the stage for."""
    scored: bool = False
    """Its people get points."""
    routed: bool = False
    """Its people must have an owner."""
    marketable: bool = False
    """Marketing may write to its people."""
    means: str = ""
    """One sentence for the agreement."""


class ByObject(Block):
    """A stage for leads and one for contacts."""

    lead: Name
    """For leads."""
    contact: Name
    """For contacts."""


class Edge(Block):
    """A legal move."""

    from_: Names = Field(alias="from")
    """The stage or stages left."""
    to: Names
    """The stage or stages entered."""
    by: Names = ("anyone",)
    """Who may make it: anyone, or any of leadsync and the actors of the CRM mappings."""
    needs: Condition = None
    """What must hold, mostly what must be filled in."""
    reopen: bool = False
    """Even a lead that is closed in Dynamics may be reopened for it."""


@dataclass(frozen=True, slots=True)
class Redirect:
    """The stage where an illegal move leads instead."""

    stage: str


def _then(raw: Any) -> str | Redirect:
    if raw in ("flag", "revert"):
        return str(raw)
    if isinstance(raw, dict) and set(raw) == {"redirect"} and isinstance(raw["redirect"], str):
        return Redirect(raw["redirect"])
    raise wrong(f"write flag, revert or {{redirect: STAGE}}, not {shown(raw)}")


class IllegalMove(Block):
    """What becomes of a move without an edge."""

    from_: Names | None = Field(default=None, alias="from")
    """Left out: any stage."""
    to: Names | None = None
    """Left out: any stage."""
    then: Annotated[
        Any,
        PlainValidator(_then),
        WithJsonSchema(
            {
                "anyOf": [
                    {"enum": ["flag", "revert"]},
                    {
                        "type": "object",
                        "properties": {"redirect": {"type": "string", "description": "A stage"}},
                        "required": ["redirect"],
                        "additionalProperties": False,
                    },
                ]
            }
        ),
    ]
    """flag, revert, or redirect to a stage."""
    once_in: TargetText | None = None
    """revert only: if the move returns within this time, it is flagged and left."""


class Automatic(Block):
    """A move that leadsync makes by itself."""

    name: Text
    """Shown wherever the move is explained."""
    from_: Names = Field(alias="from")
    """The stage or stages left."""
    to: Name
    """A stage, qualified_to or reentry_to."""
    when: Condition
    """What must hold."""
    reason: Name | None = None
    """A reason of recycle: or from_deal."""
    applies_to: Literal["new", "existing"] = "new"
    """new: it acts on what changes after its adoption. existing: also on whoever fitted before; no version can that yet."""


class Conversion(Block):
    """What becomes of the stage when a lead becomes a contact."""

    with_opportunity: Name
    """The stage when an opportunity comes along."""
    without_opportunity: Name = "carried"
    """A stage, or carried: the stage the lead had."""
    handoff_by_owner: Name | None = None
    """The stage when the owner converts a lead that waits for him."""
    collision: Literal["keep", "furthest", "newest"] = "keep"
    """Which stage counts when the contact had one already."""


class ReasonClass(Block):
    """Where a hand-back belongs."""

    to: Name
    """A stage, or stays."""
    needs: Condition = None
    """What must hold before anybody is moved."""
    queue: Text | None = None
    """The queue that repairs such people."""


def _revive(raw: Any) -> str | Duration:
    if raw in ("never", "hand_raise_only"):
        return str(raw)
    if not isinstance(raw, str):
        raise wrong(f"write never, hand_raise_only or a duration such as 365d, not {shown(raw)}")
    return duration(raw)


class Reason(Block):
    """Why somebody was recycled or disqualified."""

    label: Text
    """The picklist value in every CRM."""
    class_: Name = Field(alias="class")
    """A class."""
    cool_down: DurationText | None = None
    """How long nothing promotes the person; the default if left out."""
    nurture: Name | None = None
    """Which list of the CRM mapping to join while waiting."""
    revive: Annotated[
        Any,
        PlainValidator(_revive),
        WithJsonSchema(
            {
                "anyOf": [
                    {"enum": ["never", "hand_raise_only"]},
                    {"type": "string", "pattern": DURATION_PATTERN},
                ]
            }
        ),
    ] = "hand_raise_only"
    """What brings a disqualified person back: never, a duration, or hand_raise_only."""
    hard: bool = False
    """Not even a raised hand brings them back."""


class Recycle(Block):
    """How people who are not ready are sent round again."""

    basis: Literal["fresh", "all"] = "fresh"
    """fresh: fit plus engagement since the recycle counts for coming back; all: every point."""
    default_cool_down: DurationText = Field(default="90d", validate_default=True)
    """When no reason is given."""
    won_cool_down: DurationText = Field(default="90d", validate_default=True)
    """Before a customer may come back."""
    classes: Annotated[dict[Name, ReasonClass], Field(min_length=1)]
    """Classes of reasons."""
    reasons: Annotated[dict[Name, Reason], Field(min_length=1)]
    """Reasons by key."""


class ImportEvidence(Block):
    """What makes an untouched record a list import."""

    list_sources: Texts = ()
    """Lead sources that are lists."""
    import_users: Texts = ()
    """Users who import."""
    creations: Count = 100
    """Untouched records by one creator ..."""
    within: TargetText = Field(default="10m", validate_default=True)
    """... in this time."""
    otherwise_flag_after: TargetText = Field(default="24h", validate_default=True)
    """Untouched, but without evidence."""


class BirthTouch(Block):
    """A lead source that stands for a touch on the record's first day."""

    when: Condition
    """Mostly a condition on source."""
    channel: Text
    """A channel of the matrix in scoring.yaml."""
    investment: Text
    """An investment of the matrix."""
    response: Text
    """A response of the matrix."""


class Bulk(Block):
    """When changes by one person count as a mass change."""

    moves: Count = 200
    """This many identical moves are held."""
    creations: Count = 1000
    """This many new records are routed in drips."""
    within: TargetText = Field(default="10m", validate_default=True)
    """In this time."""
    drip_per_hour: Count = 50
    """How many an hour."""


class FunnelFile(Block):
    """The funnel law: one for Leads and Contacts, on every CRM."""

    conditions: dict[Name, Condition] = Field(default_factory=dict)
    """Named once; any rule in any file may use the name like a yes/no field."""
    stages: Annotated[dict[Name, Stage], Field(min_length=1)]
    """In order from first to last; the order is the rank."""
    qualified_to: ByObject
    """Where 100 points lead to."""
    reentry_to: ByObject
    """The same for people who come back."""
    edges: Annotated[tuple[Edge, ...], Field(strict=False, min_length=1)]
    """The moves that are legal."""
    illegal_moves: Annotated[tuple[IllegalMove, ...], Field(strict=False)] = ()
    """A move without an edge; the first line that fits decides, at the end all are flagged."""
    automatic: Annotated[tuple[Automatic, ...], Field(strict=False)] = ()
    """Every move that leadsync makes by itself; the first that fits."""
    open_deal_guard: Literal["person", "account", "none"] = "person"
    """No promotion and no routing while the person, or the account, is in an open deal."""
    conversion: Conversion
    """A lead becomes a contact."""
    merge: Literal["furthest", "keep"] = "furthest"
    """Two records become one."""
    twins: Literal["exact_email", "none"] = "exact_email"
    """Live records with one e-mail act as one group."""
    shared_mailboxes: Texts = ()
    """The part before the @ of addresses that make no twins."""
    recycle: Recycle
    """How people are sent round again."""
    import_evidence: ImportEvidence = Field(default_factory=ImportEvidence)
    """What makes an untouched record a list import."""
    birth_touch: Annotated[tuple[BirthTouch, ...], Field(strict=False)] = ()
    """Sources that stand for a touch."""
    bulk: Bulk = Field(default_factory=Bulk)
    """Mass changes by one person."""
