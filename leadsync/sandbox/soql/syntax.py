"""A query as a value: what the parser makes and the runner reads."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

Operator = Literal["=", "!=", "<", "<=", ">", ">="]


@dataclass(frozen=True, slots=True)
class Path:
    """A field, reached over its parents: ("Owner", "Name"); `at` is its place in the text."""

    names: tuple[str, ...]
    at: int = 0


@dataclass(frozen=True, slots=True)
class Call:
    """An aggregate: COUNT, COUNT_DISTINCT, MIN, MAX, SUM or AVG of a path; COUNT() has none."""

    function: str
    path: Path | None
    alias: str | None = None


@dataclass(frozen=True, slots=True)
class AllFields:
    """FIELDS(ALL), FIELDS(STANDARD) or FIELDS(CUSTOM)."""

    group: str


@dataclass(frozen=True, slots=True)
class Relative:
    """A date literal that depends on today: TODAY, LAST_N_DAYS:30."""

    name: str
    count: int | None


Literal_ = str | float | bool | None | datetime | date | Relative


@dataclass(frozen=True, slots=True)
class Compare:
    target: Path | Call
    operator: Operator
    value: Literal_


@dataclass(frozen=True, slots=True)
class Like:
    target: Path
    pattern: str


@dataclass(frozen=True, slots=True)
class In:
    target: Path
    values: "tuple[Literal_, ...] | Query"
    negated: bool


@dataclass(frozen=True, slots=True)
class All:
    parts: "tuple[Condition, ...]"


@dataclass(frozen=True, slots=True)
class AnyOf:
    parts: "tuple[Condition, ...]"


@dataclass(frozen=True, slots=True)
class Not:
    part: "Condition"


Condition = Compare | Like | In | All | AnyOf | Not


@dataclass(frozen=True, slots=True)
class Order:
    target: Path | Call
    descending: bool
    nulls_last: bool


@dataclass(frozen=True, slots=True)
class Query:
    text: str
    object: str
    object_at: int
    select: tuple[Path | Call | AllFields, ...]
    where: Condition | None = None
    group_by: tuple[Path, ...] = ()
    having: Condition | None = None
    order_by: tuple[Order, ...] = ()
    limit: int | None = None
    offset: int = 0
    all_rows: bool = False

    @property
    def counts(self) -> bool:
        """Whether it is SELECT COUNT(), which answers a number and no rows."""
        return len(self.select) == 1 and isinstance(self.select[0], Call) and self.select[0].path is None

    @property
    def aggregates(self) -> bool:
        return bool(self.group_by) or (not self.counts and any(isinstance(s, Call) for s in self.select))
