"""How one CRM's objects and values are read: the translation that both the adapter and the law go by.

Adapters use the native names; the law uses the stage tables, the actors and the owner kinds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from leadsync.domain.conditions import Condition
from leadsync.domain.records import Value

FieldType = Literal["text", "number", "date", "datetime", "yes_no", "email", "phone", "country", "state", "user"]


@dataclass(frozen=True, slots=True)
class FieldMapping:
    """One field: leadsync's name, the CRM's name or names (the first filled one counts), its type and rights."""

    name: str
    native: tuple[str, ...]
    type: FieldType = "text"
    write: bool = False
    opt_out: bool = False
    cleanse: Literal["off", "write"] = "off"
    values: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ObjectMapping:
    """Lead or Contact of one CRM. `fields` holds common and own fields by leadsync's name."""

    native: str
    stage: FieldMapping
    owner: FieldMapping
    responsible: Literal["owner", "assignee"]
    fields: Mapping[str, FieldMapping]
    scope: Condition | None = None
    entered_from: Mapping[str, str] = field(default_factory=dict)  # stage -> native date field
    fallback_user: str | None = None
    queues_may_own: bool = True  # Salesforce refuses queues as owners of contacts
    observed: frozenset[str] = frozenset()  # stages into which only people lead: Dynamics qualifies and closes leads

    def field_of(self, name: str) -> FieldMapping | None:
        """Return the mapping of a field by leadsync's name, `stage` and `owner` included; None when it is not mapped."""
        match name:
            case "stage":
                return self.stage
            case "owner":
                return self.owner
            case _:
                return self.fields.get(name)


@dataclass(frozen=True, slots=True)
class ValueMap:
    """A native field translated by value or by number band; a literal when `native` is None."""

    native: tuple[str, ...] | None
    values: Mapping[str, str] = field(default_factory=dict)
    bands: tuple[tuple[float, str], ...] = ()  # (from this number up, value), ascending
    otherwise: str | None = None
    literal: str | None = None


@dataclass(frozen=True, slots=True)
class TouchMapping:
    """Which native rows are a touch. `when` uses the CRM's own field names."""

    kind: str
    object: str
    direction: Literal["inbound", "outbound", "both"]
    person: tuple[str, ...] = ()
    at: tuple[str, ...] = ()
    when: Condition | None = None
    campaign: str | None = None
    not_engagement: tuple[str, ...] = ()
    channel: ValueMap | None = None
    investment: ValueMap | None = None
    response: ValueMap | None = None


@dataclass(frozen=True, slots=True)
class Nurture:
    """What people join while they wait: a campaign with a member status, or a marketing list."""

    name: str
    campaign: str | None = None
    status: str | None = None
    marketing_list: str | None = None


@dataclass(frozen=True, slots=True)
class DisqualifyButton:
    """A lead that is closed by the CRM's own button: the stage that this stands for, and the reason by status reason."""

    stage: str
    reasons: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class CrmMapping:
    """Everything mappings/<crm>.yaml says about one CRM."""

    crm: str
    kind: Literal["salesforce", "dynamics"]
    objects: Mapping[str, ObjectMapping]  # lead, contact
    stage_of_value: Mapping[str, str]  # every value that is written or read -> stage
    value_of_stage: Mapping[str, str]  # stage -> the value that is written
    old_values: Mapping[str, str]  # was: values found only in history -> stage
    converted: Mapping[str, str | None]  # value forced at conversion -> stage, None by law
    dispositions: Mapping[str, str]  # value -> stage
    deprecated: Mapping[str, str]  # value -> stage that remap proposes
    touches: tuple[TouchMapping, ...]
    actors: Mapping[str, Condition]
    account: Mapping[str, FieldMapping]
    opportunity: Mapping[str, FieldMapping]
    loss_reason: ValueMap
    campaign: Mapping[str, FieldMapping]
    user: Mapping[str, FieldMapping]
    cadence_users: tuple[str, ...] = ()
    placeholders: tuple[str, ...] = ()
    staffed_queues: tuple[str, ...] = ()
    nurture: Mapping[str, Nurture] = field(default_factory=dict)
    disqualify_button: DisqualifyButton | None = None


def stage_of(mapping: CrmMapping, value: str | None) -> str | None:
    """Return the stage that a status value stands for now, None when it stands for none (blank, forced, unmapped)."""
    return None if value is None else mapping.stage_of_value.get(value)
