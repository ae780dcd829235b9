"""The shape of mappings/routing.yaml: who gets whom."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field, GetJsonSchemaHandler, PlainValidator, WithJsonSchema, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from leadsync.settings.schema.types import (
    Block,
    Condition,
    Count,
    DayText,
    Name,
    TargetText,
    Text,
    Texts,
    shown,
    wrong,
)

Relation = Literal["deal_owner", "account_colleague", "account_owner", "former_owner"]
RELATIONS = ("deal_owner", "account_colleague", "account_owner", "former_owner")
Points = Annotated[int, Field(ge=0, le=1000)]
Code = Annotated[str, Field(pattern="^[a-z]{2,3}$")]


class Fallback(Block):
    """Where people go when a rule finds everybody full or away."""

    queue: Text
    """The queue."""
    user: Text | None = None
    """Who owns them where a queue cannot."""


class ListSpec(Block):
    """A list for in_list: values, or a column of a file beside the mappings."""

    values: Texts = ()
    file: Text | None = None
    """A CSV file with a header, such as lists/targets.csv."""
    column: Text | None = None
    """Which column holds the values."""

    @model_validator(mode="before")
    @classmethod
    def _short(cls, raw: Any) -> Any:
        if isinstance(raw, list):
            return {"values": raw}
        if not isinstance(raw, dict):
            raise wrong(f"write a list of values or {{file: ..., column: ...}}, not {shown(raw)}")
        if "values" in raw or not {"file", "column"} <= set(raw):
            raise wrong("a list from a file needs file: and column:")
        return raw

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        block = handler(core)
        block["properties"].pop("values", None)
        block["required"] = ["file", "column"]
        return {"anyOf": [{"type": "array", "items": {"type": "string"}}, block]}


class Ambiguous(Block):
    """When two accounts are too close to choose."""

    within: Points
    """Their points differ by no more than this."""
    queue: Text
    """Where a person decides."""


class AccountMatchSpec(Block):
    """A lead's account, by points."""

    domain: Points
    """The e-mail's or website's domain; free-mail never counts."""
    name: Points
    """Company name without legal form, nearly equal."""
    country: Points
    """The same country."""
    accept: Annotated[int, Field(ge=1, le=3000)]
    """From here on it is this account."""
    ambiguous: Ambiguous
    """When two accounts are too close to choose."""
    more_free_mail: Texts = ()
    """Free-mail domains besides the usual providers."""


@dataclass(frozen=True, slots=True)
class Destination:
    """A pool, a queue or a user, by name."""

    kind: str
    name: str


def _assign(raw: Any) -> Any:
    if isinstance(raw, str) and raw in RELATIONS:
        return raw
    if isinstance(raw, dict) and len(raw) == 1:
        [(kind, name)] = raw.items()
        if kind in ("pool", "queue", "user") and isinstance(name, str) and name:
            return Destination(kind, name)
    raise wrong(
        f"write {{pool: NAME}}, {{queue: NAME}}, {{user: NAME}}, or one of {', '.join(RELATIONS)}; not {shown(raw)}"
    )


class RuleSpec(Block):
    """One rule; the first whose condition holds and that finds somebody wins."""

    name: Text
    """Shown wherever the owner is explained."""
    when: Condition = None
    """What must hold; left out: always."""
    assign: Annotated[
        Any,
        PlainValidator(_assign),
        WithJsonSchema(
            {
                "anyOf": [
                    {"enum": list(RELATIONS)},
                    {
                        "type": "object",
                        "properties": {
                            key: {"type": "string", "description": f"A {key} by name"}
                            for key in ("pool", "queue", "user")
                        },
                        "minProperties": 1,
                        "maxProperties": 1,
                        "additionalProperties": False,
                    },
                ]
            }
        ),
    ]
    """Who gets the person."""
    within: TargetText | None = None
    """former_owner only: how long ago at most."""
    match: Annotated[tuple[Literal["language", "territory"], ...], Field(strict=False)] = ()
    """The member must have the person's."""
    only: Condition = None
    """A condition on the member."""


class CapsSpec(Block):
    """The most people a member gets."""

    hour: Count | None = None
    """In an hour."""
    day: Count | None = None
    """In a day."""
    open: Count | None = None
    """At once."""


class AbsenceSpec(Block):
    """Away, from the first to the last day."""

    from_: DayText = Field(alias="from")
    """First day away."""
    to: DayText
    """Last day away."""


class MemberSpec(Block):
    """One member of a pool."""

    user: Text
    """The user name or e-mail in the CRM."""
    weight: Annotated[int, Field(ge=1, le=1000)] = 1
    """Share of the work beside the others' weights."""
    senior: bool = False
    """May be asked for by rules with only:."""
    languages: Annotated[tuple[Code, ...], Field(strict=False)] = ()
    """ISO codes; left out: any."""
    territories: Annotated[tuple[Name, ...], Field(strict=False)] = ()
    """Territories; left out: any."""
    caps: CapsSpec = Field(default_factory=CapsSpec)
    """Instead of the pool's."""
    calendar: Name | None = None
    """Instead of the pool's."""
    absences: Annotated[tuple[AbsenceSpec, ...], Field(strict=False)] = ()
    """When the member gets nobody."""


class PoolNotice(Block):
    """How a member hears of a new person."""

    through: Annotated[tuple[Name, ...], Field(strict=False)] | None = None
    """Channels; those for people in sla.yaml if left out."""
    message: Name = "assigned"
    """A message of sla.yaml."""


class PoolSpec(Block):
    """People who share the work of one kind."""

    strategy: Literal["weighted", "least_loaded"] = "weighted"
    """weighted: fair shares by weight; least_loaded: whoever has the fewest open."""
    calendar: Name | None = None
    """The members' working hours; the default calendar if left out."""
    lead: Text | None = None
    """Told when a member has no manager to tell."""
    notice: PoolNotice = Field(default_factory=PoolNotice)
    """How a member hears of a new person."""
    caps: CapsSpec = Field(default_factory=CapsSpec)
    """For each member, unless the member has its own."""
    members: Annotated[tuple[MemberSpec, ...], Field(strict=False, min_length=1)]
    """Who is in it."""


class AbsenceFile(Block):
    """Absences kept by another tool."""

    file: Text
    """A CSV file with the header user,from,to, such as lists/absences.csv."""


class RoutingFile(Block):
    """Who gets whom."""

    doors: Annotated[dict[Name, Name], Field(min_length=1)]
    """Stage: which list of rules to ask."""
    fallback: Fallback
    """When a rule finds everybody full or away."""
    lists: dict[Name, ListSpec] = Field(default_factory=dict)
    """Values for in_list."""
    territories: dict[Name, Condition] = Field(default_factory=dict)
    """The first that fits is `territory` in rules."""
    account_match: AccountMatchSpec
    """How a lead's account is found."""
    rules: Annotated[
        dict[Name, Annotated[tuple[RuleSpec, ...], Field(strict=False, min_length=1)]], Field(min_length=1)
    ]
    """Lists of rules by name."""
    pools: dict[Name, PoolSpec] = Field(default_factory=dict)
    """Pools by name."""
    absences: AbsenceFile | None = None
    """More absences, from a file."""
