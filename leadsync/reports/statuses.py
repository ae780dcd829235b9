"""What a status value on a live record is to the funnel: a stage, nothing yet, or something that lies outside."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from leadsync.domain.funnel import FunnelLaw
from leadsync.domain.mapping import CrmMapping

Kind = Literal["stage", "none", "converted", "blank", "disposition", "deprecated", "older", "unknown"]

OUTSIDE: tuple[Kind, ...] = ("blank", "disposition", "deprecated", "older", "unknown")
"""Kinds that belong in no live record; each is an audit failure."""


@dataclass(frozen=True, slots=True)
class StatusKind:
    """The kind of a value; `stage` is the one it stands for, or the one that should take its place."""

    kind: Kind
    stage: str | None


def kind_of(mapping: CrmMapping | None, law: FunnelLaw, object_name: str, value: str | None) -> StatusKind:
    """Return what a value is. A blank is nothing yet on a Contact and a fault on a Lead (semantics.md A)."""
    if not value:
        if object_name != "contact":
            return StatusKind("blank", None)
        return StatusKind("none", next(iter(law.with_role("outside")), None))
    if mapping is None:
        return StatusKind("unknown", None)
    if stage := mapping.stage_of_value.get(value):
        return StatusKind("none" if law.stages[stage].role == "outside" else "stage", stage)
    if value in mapping.converted:
        return StatusKind("converted", mapping.converted[value])
    listed: tuple[tuple[Kind, Mapping[str, str]], ...] = (
        ("disposition", mapping.dispositions),
        ("deprecated", mapping.deprecated),
        ("older", mapping.old_values),
    )
    return next(
        (StatusKind(kind, values[value]) for kind, values in listed if value in values), StatusKind("unknown", None)
    )
