"""The funnel law as data: what funnel.yaml says, checked and resolved. What follows from it is `stages.py`."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Literal

from leadsync.domain.conditions import Condition
from leadsync.domain.durations import Duration

Role = Literal[
    "raw", "cold", "qualified", "accepted_ldr", "handoff", "accepted_sales", "sales_qualified", "recycle", "exit", "outside"
]  # fmt: skip
UNRANKED: frozenset[str] = frozenset({"recycle", "exit", "outside"})


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of the funnel. `rank` counts from 0 over funnel stages; recycle, exit and outside have none."""

    name: str
    label: str
    role: Role
    rank: int | None
    scored: bool = False
    routed: bool = False
    marketable: bool = False
    means: str = ""


@dataclass(frozen=True, slots=True)
class Edge:
    """A legal move. `by` holds actor roles and `leadsync`; empty means anyone."""

    froms: frozenset[str]
    tos: frozenset[str]
    by: frozenset[str] = frozenset()
    needs: Condition | None = None
    reopen: bool = False


@dataclass(frozen=True, slots=True)
class IllegalMoves:
    """What becomes of a move without an edge; empty `froms` or `tos` mean any stage."""

    froms: frozenset[str]
    tos: frozenset[str]
    then: Literal["flag", "revert", "redirect"]
    stage: str | None = None  # where redirect leads
    once_in: Duration | None = None


@dataclass(frozen=True, slots=True)
class AutomaticMove:
    """A move that leadsync makes by itself. `to` is a stage, or `qualified_to` / `reentry_to`."""

    name: str
    froms: frozenset[str]
    to: str
    when: Condition
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class ReasonClass:
    """Where a hand-back of this class belongs; `to` is a stage or `stays`."""

    name: str
    to: str
    needs: Condition | None = None
    queue: str | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    """Why somebody was recycled or disqualified. `label` is the picklist value in every CRM."""

    key: str
    label: str
    klass: str
    cool_down: Duration
    nurture: str | None = None
    revive: Literal["never", "hand_raise_only"] | Duration = "hand_raise_only"
    hard: bool = False


@dataclass(frozen=True, slots=True)
class BirthTouch:
    """A lead source that stands for a touch on the record's first day."""

    when: Condition
    channel: str
    investment: str
    response: str


@dataclass(frozen=True, slots=True)
class ImportEvidence:
    """What makes an untouched record a list import."""

    list_sources: frozenset[str]  # folded
    import_users: frozenset[str]  # user names, folded
    creations: int
    within: Duration
    otherwise_flag_after: Duration


@dataclass(frozen=True, slots=True)
class Bulk:
    """When changes by one person count as a mass change."""

    moves: int
    creations: int
    within: Duration
    drip_per_hour: int


@dataclass(frozen=True, slots=True)
class Conversion:
    """What becomes of the stage when a lead is converted; `without_opportunity` is a stage or `carried`."""

    with_opportunity: str
    without_opportunity: str
    handoff_by_owner: str | None
    collision: Literal["keep", "furthest", "newest"]


@dataclass(frozen=True, slots=True)
class FunnelLaw:
    """One law for Leads and Contacts."""

    stages: Mapping[str, Stage]  # in order
    qualified_to: Mapping[str, str]  # object -> stage
    reentry_to: Mapping[str, str]
    edges: tuple[Edge, ...]
    illegal: tuple[IllegalMoves, ...]
    automatic: tuple[AutomaticMove, ...]
    open_deal_guard: Literal["person", "account", "none"]
    conversion: Conversion
    merge: Literal["furthest", "keep"]
    twins: Literal["exact_email", "none"]
    shared_mailboxes: frozenset[str]
    basis: Literal["fresh", "all"]
    default_cool_down: Duration
    won_cool_down: Duration
    classes: Mapping[str, ReasonClass]
    reasons: Mapping[str, Reason]  # by key
    import_evidence: ImportEvidence
    birth_touches: tuple[BirthTouch, ...]
    bulk: Bulk
    excluded: Condition | None = None  # the named condition `excluded`

    def definitions(self) -> Mapping[str, str]:
        """Return each automatic move by its name as a text that differs when anything of what it asks or does differs."""
        named = {"qualified_to": self.qualified_to, "reentry_to": self.reentry_to}
        return {rule.name: repr((_plain(rule), sorted(named.get(rule.to, {}).items()))) for rule in self.automatic}

    def with_role(self, *roles: Role) -> tuple[str, ...]:
        """Return the names of the stages that have one of these roles, in funnel order."""
        return tuple(stage.name for stage in self.stages.values() if stage.role in roles)

    def reason_by_label(self, label: str | None) -> Reason | None:
        """Return the reason whose label or key a CRM field holds, None for an unknown or empty one."""
        if not label:
            return None
        wanted = label.strip().casefold()
        return next((r for r in self.reasons.values() if wanted in (r.label.casefold(), r.key.casefold())), None)


def _plain(value: object) -> object:
    """Return a rule as tuples whose text does not depend on the order in which a set happens to be kept."""
    if is_dataclass(value):
        return (type(value).__name__, *(_plain(getattr(value, field.name)) for field in fields(value)))
    if isinstance(value, frozenset):
        return tuple(sorted(map(repr, value)))
    return tuple(_plain(part) for part in value) if isinstance(value, tuple) else value
