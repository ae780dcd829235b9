"""The shape of mappings/scoring.yaml: points, decay, products, titles."""

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field, PlainValidator, WithJsonSchema, model_validator

from leadsync.settings.schema.types import (
    Block,
    Condition,
    Name,
    Number,
    PartText,
    TargetText,
    Text,
    Texts,
    positive_duration,
    shown,
    wrong,
)


def _threshold(raw: Any) -> int:
    if raw != 100 or isinstance(raw, bool):
        raise wrong(
            f"the bar is 100 points, always, not {shown(raw)}: only then do scores of two years, or of two companies, "
            "mean the same. To get more or fewer qualified leads, turn the points below"
        )
    return 100


@dataclass(frozen=True, slots=True)
class ScoreField:
    """A score that another platform keeps in a mapped field, by leadsync's name; it is read, never written."""

    field: str
    factor: float


def _score_from(raw: Any) -> Any:
    if raw == "rules":
        return raw
    if isinstance(raw, dict) and set(raw) <= {"field", "factor"}:
        field, factor = raw.get("field"), raw.get("factor", 1)
        if isinstance(field, str) and isinstance(factor, int | float) and not isinstance(factor, bool) and factor > 0:
            return ScoreField(field, float(factor))
    raise wrong(f"write rules or {{field: NAME, factor: 1}}, not {shown(raw)}")


class Caps(Block):
    """The most, or for negative points the least, that each family can give."""

    demographic: Number | None = None
    """The person."""
    firmographic: Number | None = None
    """The company."""
    account: Number | None = None
    """The account's standing."""
    behavioural: Number | None = None
    """What the person did."""
    negative: Number | None = None
    """What speaks against."""


class Term(Block):
    """One line of a family: points when a condition holds, or a number field times a factor."""

    name: Text
    """Shown wherever the score is explained."""
    when: Condition = None
    """What must hold."""
    points: Number | None = None
    """Points it gives, at most two decimals."""
    field: Text | None = None
    """A number field, such as account.rating."""
    factor: Number | None = None
    """Points are the number times this."""

    @model_validator(mode="after")
    def _one_kind(self) -> "Term":
        if (self.points is None) == (self.field is None):
            raise wrong("give either points: (with when:) or field: (with factor:)")
        if self.field is not None and (self.factor is None or self.when is not None):
            raise wrong("field: goes with factor: and without when:")
        if self.points is not None and self.when is None:
            raise wrong("points: needs when: to say who gets them")
        if self.points is not None and self.factor is not None:
            raise wrong("factor: goes with field:, not with points:")
        return self


class DecaySpec(Block):
    """How points fade with the touch's age: exactly one of these."""

    half_life: TargetText | None = None
    """Half of it is left after this time."""
    linear: TargetText | None = None
    """Nothing is left after this time."""
    step: Annotated[dict[str, PartText], Field(min_length=1)] | None = None
    """From each age on, this share is left."""

    @model_validator(mode="after")
    def _one_kind(self) -> "DecaySpec":
        given = [self.half_life, self.linear, self.step]
        if sum(kind is not None for kind in given) != 1:
            raise wrong("give exactly one of half_life, linear and step")
        for age in (self.half_life, self.linear, *map(positive_duration, self.step or ())):
            if age is not None and age.unit not in ("elapsed", "days"):
                raise wrong("points fade in elapsed time or days, not in business time")
        return self


Cell = Annotated[float, Field(ge=0, le=100_000)] | None
Row = Annotated[tuple[Cell, ...], Field(strict=False)]


class Behaviour(Block):
    """What the person did: a matrix of points, and how they fade."""

    decay: dict[str, DecaySpec] = Field(default_factory=dict)
    """`default`, and channels that fade differently."""
    weak: Texts = ()
    """Responses that may be a machine's: they score, but never wake a raw or waiting person."""
    responses: Annotated[Texts, Field(min_length=1)]
    """The columns of every row below."""
    matrix: Annotated[dict[str, dict[str, Row]], Field(min_length=1)]
    """investment > channel > points by response; ~ cannot happen."""


class Product(Block):
    """An interest, from the same points."""

    label: Text
    """What people call it."""
    when: Condition
    """Which touches show it."""
    decay: DecaySpec | None = None
    """How it fades; as by default if left out."""


class TitleTables(Block):
    """Job titles. Case, accents and umlauts do not matter; * stands for any letters; the longest entry found wins."""

    seniority: dict[Name, dict[str, Texts]] = Field(default_factory=dict)
    """Level > language > entries."""
    function: dict[Name, Texts] = Field(default_factory=dict)
    """Function > entries of all languages."""


class ScoringFile(Block):
    """Points. 100 make a qualified lead, always."""

    score_from: Annotated[
        Any,
        PlainValidator(_score_from),
        WithJsonSchema(
            {
                "anyOf": [
                    {"const": "rules"},
                    {
                        "type": "object",
                        "properties": {
                            "field": {"type": "string", "description": "A mapped number field"},
                            "factor": {"type": "number", "description": "What it is multiplied by"},
                        },
                        "required": ["field"],
                        "additionalProperties": False,
                    },
                ]
            }
        ),
    ] = "rules"
    """rules, or a mapped field that a marketing platform keeps."""
    threshold: Annotated[int, PlainValidator(_threshold), WithJsonSchema({"const": 100})]
    """Not a setting; any other number is refused."""
    min_change: Annotated[int, Field(ge=1, le=999)] = 5
    """Smaller changes are not written to the CRM, unless they cross a band."""
    bands: Annotated[dict[Name, int], Field(min_length=1)]
    """Each from this number up."""
    caps: Caps = Field(default_factory=Caps)
    """The most, or least, each family can give."""
    demographic: Annotated[tuple[Term, ...], Field(strict=False)] = ()
    """Points for the person."""
    firmographic: Annotated[tuple[Term, ...], Field(strict=False)] = ()
    """Points for the company."""
    account: Annotated[tuple[Term, ...], Field(strict=False)] = ()
    """Points for the account's standing."""
    negative: Annotated[tuple[Term, ...], Field(strict=False)] = ()
    """What speaks against."""
    behavioural: Behaviour
    """What the person did."""
    fast_lane: Condition = None
    """Hand-raisers: a condition on the touch."""
    products: dict[Name, Product] = Field(default_factory=dict)
    """Interest by product; the highest is `product` in rules."""
    titles: TitleTables = Field(default_factory=TitleTables)
    """Job titles."""
