"""The shape of mappings/<crm>.yaml: how one CRM's objects, values and people are read. One file class per kind."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from leadsync.settings.schema.types import (
    Block,
    Condition,
    Label,
    Labels,
    Name,
    Names,
    Number,
    Text,
    Texts,
    wrong,
)

NATIVE_PATTERN = r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$"
Native = Annotated[str, Field(min_length=1, max_length=255, pattern=NATIVE_PATTERN)]
Natives = Annotated[tuple[Native, ...], Field(strict=False, min_length=1)]
_SHORT: list[dict[str, Any]] = [
    {"type": "string", "minLength": 1},
    {"type": "array", "items": {"type": "string"}, "minItems": 1},
]


class FieldSpec(Block):
    """A field: the CRM's name for it, several of which the first filled one counts, or a block that says more."""

    field: Natives
    """The CRM's name or names."""
    type: (
        Literal["text", "number", "date", "datetime", "yes_no", "email", "phone", "country", "state", "user"] | None
    ) = None
    """text if it is left out; leadsync's own fields have known types."""
    write: bool = False
    """leadsync may write it."""
    opt_out: bool = False
    """yes_no only: such people are never marketable nor nurtured."""
    cleanse: Literal["off", "write"] = "off"
    """write: leadsync puts the field in order if only its format changes or it is empty."""
    values: dict[str, str | int | float | bool] = Field(default_factory=dict)
    """What the CRM says, what leadsync reads."""

    @model_validator(mode="before")
    @classmethod
    def _short(cls, raw: Any) -> Any:
        if isinstance(raw, str | list):
            return {"field": raw if isinstance(raw, list) else [raw]}
        if isinstance(raw, dict) and isinstance(raw.get("field"), str):
            return {**raw, "field": [raw["field"]]}
        return raw

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        block = handler(core)
        block["properties"]["field"] = {"anyOf": _SHORT, "description": "The CRM's name or names"}
        return {"anyOf": [*_SHORT, block]}


class ObjectSpec(Block):
    """Lead or Contact."""

    object: Native
    """The object's name in the CRM."""
    stage: FieldSpec
    """Where the stage is kept."""
    owner: FieldSpec
    """Who owns the record."""
    responsible: Literal["owner", "assignee"] | None = None
    """Whom routing sets: owner for leads and assignee for contacts if it is left out."""
    fallback_user: Text | None = None
    """Who owns what a queue would own, where queues cannot."""
    fields: dict[Name, FieldSpec] = Field(default_factory=dict)
    """Fields that only this object has."""
    scope: Condition = None
    """Records for which this does not hold are left alone."""
    entered_from: dict[Name, Native] = Field(default_factory=dict)
    """A date field to believe for stays that began before leadsync came, by stage."""


class DisqualifyButton(Block):
    """A rep closes the lead the Dynamics way."""

    stage: Name
    """The stage that it stands for."""
    reasons: dict[str, Name]
    """Status reason, and the reason it stands for."""


class DynamicsLead(ObjectSpec):
    """The lead table of Dynamics."""

    disqualify_button: DisqualifyButton | None = None
    """What closing a lead by its button stands for."""


class StageValue(Block):
    """The values of one stage."""

    write: Label | tuple[Label, Label]
    """The value that is written."""
    read: Labels = ()
    """Further values that mean the same."""
    was: Labels = ()
    """Older names, found only in history."""

    @model_validator(mode="before")
    @classmethod
    def _short(cls, raw: Any) -> Any:
        if isinstance(raw, str | int) and not isinstance(raw, bool):
            return {"write": raw}
        if isinstance(raw, dict) and isinstance(raw.get("write"), list):
            pair = raw["write"]
            if len(pair) != 2:
                raise wrong("a stage is written as one value, or as a pair of state and status reason")
            return {**raw, "write": tuple(pair)}
        return raw

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"anyOf": [{"type": "string", "minLength": 1}, {"type": "integer"}, handler(core)]}


class AccountSpec(Block):
    """The account object; its fields are written account.industry and so on in rules."""

    object: Native
    """The object's name in the CRM."""
    fields: dict[Name, FieldSpec] = Field(default_factory=dict)
    """Fields by leadsync's name."""


class PlainObject(Block):
    """An object that is only read."""

    object: Native
    """The object's name in the CRM."""
    fields: dict[Name, FieldSpec] = Field(default_factory=dict)
    """Fields by leadsync's name."""


class ValueSpec(Block):
    """A value read from a field, translated by value or by number; or the same for every row."""

    field: Natives | None = None
    """The CRM's name or names."""
    values: dict[str, Text] = Field(default_factory=dict)
    """What the CRM says, what leadsync takes it for."""
    bands: dict[Text, Number] = Field(default_factory=dict)
    """Each from this number up."""
    otherwise: Text | None = None
    """Every other value; left out: such rows do not count and are listed."""
    literal: Text | None = None

    @model_validator(mode="before")
    @classmethod
    def _short(cls, raw: Any) -> Any:
        if isinstance(raw, str):
            return {"literal": raw}
        if not isinstance(raw, dict):
            return raw
        if "literal" in raw:
            raise wrong("write the value itself instead of a block with the key literal")
        if isinstance(raw.get("field"), str):
            return {**raw, "field": [raw["field"]]}
        return raw

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        block = handler(core)
        block["properties"].pop("literal", None)
        block["properties"]["field"] = {"anyOf": _SHORT, "description": "The CRM's name or names"}
        return {"anyOf": [{"type": "string", "minLength": 1}, block]}


class OpportunitySpec(Block):
    """The opportunity object."""

    object: Native
    """The object's name in the CRM."""
    fields: dict[Name, FieldSpec] = Field(default_factory=dict)
    """Fields by leadsync's name."""
    lost_because: ValueSpec = Field(default_factory=ValueSpec)
    """The field that says why a deal was lost, as reasons of funnel.yaml."""


class TouchSpec(Block):
    """Which rows of an object are signs of engagement or follow-up."""

    object: Native
    """The object's name in the CRM."""
    person: Names = ()
    """The lookups to the person; the CRM's usual ones if left out."""
    at: Names = ()
    """The instant's field, or several of which the first filled one counts."""
    direction: Literal["inbound", "outbound", "both"]
    """inbound scores; outbound by a person is follow-up; both is both."""
    when: Condition = None
    """A condition that uses the CRM's own field names."""
    campaign: Native | None = None
    """The field that names the campaign."""
    not_engagement: Texts = ()
    """Campaign types that prove nothing."""
    channel: ValueSpec | None = None
    """Channel, investment and response pick the points in scoring.yaml."""
    investment: ValueSpec | None = None
    """What the campaign cost us."""
    response: ValueSpec | None = None
    """What the person did."""


class Owners(Block):
    """Owners that are not what they seem."""

    placeholders: Texts = ()
    """Owners on paper only: their people count as unowned."""
    staffed_queues: Texts = ()
    """Queues that somebody works: their people count as owned."""


class SalesforceNurture(Block):
    """The campaign that people join while they wait."""

    campaign: Text
    """The campaign's name."""
    status: Text | None = None
    """The member status they get."""


class DynamicsNurture(Block):
    """The marketing list that people join while they wait."""

    list: Text
    """The list's name."""


class _CrmFile(Block):
    fields: dict[Name, FieldSpec] = Field(default_factory=dict)
    """Fields that Lead and Contact share, by leadsync's name."""
    contact: ObjectSpec
    """The contact object."""
    stages: Annotated[dict[Name, StageValue], Field(min_length=1)]
    """Each stage's value in both stage fields."""
    converted: dict[str, Name] = Field(default_factory=dict)
    """Values that the CRM forces at conversion: by_law, or a stage."""
    dispositions: dict[str, Name] = Field(default_factory=dict)
    """Call results in the status field: the stage that the status becomes."""
    deprecated: dict[str, Name] = Field(default_factory=dict)
    """Values that nobody should use: what `leadsync remap` proposes instead."""
    account: AccountSpec | None = None
    """The account object."""
    opportunity: OpportunitySpec | None = None
    """The opportunity object."""
    campaign: PlainObject | None = None
    """The campaign object."""
    user: PlainObject | None = None
    """The user object."""
    touches: dict[Name, TouchSpec] = Field(default_factory=dict)
    """Signs of engagement and follow-up; a row counts for the first that fits."""
    cadence_users: Texts = ()
    """Integrations whose finished tasks count as follow-up by the task's owner."""
    actors: Annotated[dict[Name, Condition], Field(min_length=1)]
    """Who may do what in funnel.yaml: conditions on the user."""
    owners: Owners = Field(default_factory=Owners)
    """Owners that are not what they seem."""


class SalesforceFile(_CrmFile):
    """How Salesforce is read. Left: leadsync's name, used in all rules; right: the API name."""

    kind: ClassVar[Literal["salesforce"]] = "salesforce"
    queues_own_contacts: ClassVar[bool] = False
    lead: ObjectSpec
    """The Lead object."""
    nurture: dict[Name, SalesforceNurture] = Field(default_factory=dict)
    """What people join while they wait, by the names in funnel.yaml."""


class DynamicsFile(_CrmFile):
    """How Dynamics is read. Left: leadsync's name, used in all rules; right: the logical name in Dataverse."""

    kind: ClassVar[Literal["dynamics"]] = "dynamics"
    queues_own_contacts: ClassVar[bool] = True
    lead: DynamicsLead
    """The lead table."""
    nurture: dict[Name, DynamicsNurture] = Field(default_factory=dict)
    """What people join while they wait, by the names in funnel.yaml."""
