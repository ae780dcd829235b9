"""The one condition language of every rule file, as data, and how it is answered.

`settings` builds these trees from YAML; nothing here parses YAML. A missing value makes every test on it
false (but `filled: false` true), so `not` of a test holds for whoever lacks the value. The operand decides how
a value is read: beside a number as a number, beside a text as a text, beside a duration as a date.
"""

import operator
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Literal, Protocol

from leadsync.domain.durations import Duration
from leadsync.domain.instants import from_text
from leadsync.domain.records import Value

Operator = Literal[
    "equals", "at_least", "at_most", "more_than", "less_than",
    "contains", "starts_with", "ends_with", "in_list", "within", "older_than", "filled", "yes",
]  # fmt: skip
FactValue = Value | tuple[Value, ...]
Operand = Value | Duration | tuple[Value, ...] | frozenset[str]

_NUMBER = re.compile(r"[+-]?\d{1,18}(\.\d{1,18})?", re.ASCII)  # what both CRMs can keep
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_LETTERS = str.maketrans({"æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ħ": "h", "ı": "i"})
_SHOWN = 5  # alternatives named in a description; a list of routing.yaml may have thousands


class Facts(Protocol):
    """What rules may ask about, answered by name; instants are ISO text."""

    @property
    def now(self) -> datetime:
        """The instant of the decision."""

    def get(self, name: str) -> FactValue:
        """Return the value of a field or fact, None when it is missing."""

    def after(self, start: datetime, duration: Duration) -> datetime:
        """Return the instant at which a duration from `start` has passed, in company or calendar time."""


@dataclass(frozen=True, slots=True)
class Test:
    """One question about one name. `operand` is a folded text, a number, a Duration or a tuple of alternatives.

    A long list of texts may be a frozenset, which `equals` and `in_list` look up at once.
    """

    name: str
    op: Operator
    operand: Operand = None


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds; no parts at all hold."""

    parts: "tuple[Condition, ...]"


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part holds."""

    parts: "tuple[Condition, ...]"


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: "Condition"


@dataclass(frozen=True, slots=True)
class Named:
    """A condition of funnel.yaml by its name, resolved when the files were loaded."""

    name: str
    condition: "Condition"


Condition = Test | All | AnyOf | Not | Named

ALWAYS = All(())


@lru_cache(maxsize=65536)
def fold(text: str) -> str:
    """Return a text without case, accents and outer blanks, as equality and `contains` compare it.

    `ß` is `ss`; letters that Unicode does not take apart (`ł`, `ø`, `æ`) lose their stroke or are spelled out.
    """
    if text.isascii():
        return text.lower().strip()
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold().translate(_LETTERS))
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter)).strip()


def number_of(value: FactValue) -> int | float | None:
    """Return the number that a value is or spells (`200`, `-1.5`), None for anything else and for yes/no."""
    match value:
        case bool():
            return None
        case int() | float():
            return value
        case str() if _NUMBER.fullmatch(value.strip()):
            return float(value)
        case _:
            return None


def holds(condition: Condition, facts: Facts) -> bool:
    """Say whether a condition is true of these facts."""
    # Loops, since generators take twice as long and this is asked a hundred times of every person.
    match condition:
        case Test():
            return _test(condition, facts)
        case All():
            for part in condition.parts:  # noqa: SIM110
                if not holds(part, facts):
                    return False
            return True
        case AnyOf():
            for part in condition.parts:  # noqa: SIM110
                if holds(part, facts):
                    return True
            return False
        case Not():
            return not holds(condition.part, facts)
        case _:
            return holds(condition.condition, facts)


def failing(condition: Condition, facts: Facts) -> tuple[str, ...]:
    """Return the tests that keep a condition from holding, in the words of the rule file; empty when it holds."""
    if holds(condition, facts):
        return ()
    match condition:
        case All(parts):
            return tuple(line for part in parts for line in failing(part, facts))
        case AnyOf(parts) if parts:
            return (" or ".join(" and ".join(failing(part, facts)) for part in parts),)
        case _:
            return (describe(condition),)


def describe(condition: Condition) -> str:
    """Return a condition as one readable line."""
    match condition:
        case Test(name, "yes", _):
            return name
        case Test(name, "filled", wanted):
            return f"{name} is {'filled' if wanted else 'empty'}"
        case Test(name, "equals", operand):
            return f"{name} is {_words(operand)}"
        case Test(name, op, operand):
            return f"{name} {op.replace('_', ' ')} {_words(operand)}"
        case All(()):
            return "always"
        case AnyOf(()):
            return "never"
        case All((part,)) | AnyOf((part,)):
            return describe(part)
        case All(parts):
            return " and ".join(describe(part) for part in parts)
        case AnyOf(parts):
            return f"({' or '.join(_enclosed(part) for part in parts)})"
        case Not(part):
            return f"not {_enclosed(part)}"
        case _:
            return condition.name


def _enclosed(condition: Condition) -> str:
    line = describe(condition)
    return f"({line})" if isinstance(condition, All) and len(condition.parts) > 1 else line


def names(condition: Condition) -> frozenset[str]:
    """Return every name that a condition asks for, named conditions looked into."""
    match condition:
        case Test(name, _, _):
            return frozenset({name})
        case All(parts) | AnyOf(parts):
            return frozenset().union(*(names(part) for part in parts))
        case Not(part):
            return names(part)
        case _:
            return names(condition.condition)


def next_change(condition: Condition, facts: Facts) -> datetime | None:
    """Return the earliest later instant at which time alone may change an answer, None when it never does.

    Before that instant the answer stays as it is, as long as the facts themselves do.
    """
    match condition:
        case Test(name, op, Duration() as age):
            return _earliest(_turning_points(facts, name, op, age), facts.now)
        case Test():
            return None
        case All(parts) | AnyOf(parts):
            return _earliest((next_change(part, facts) for part in parts), facts.now)
        case Not(part):
            return next_change(part, facts)
        case _:
            return next_change(condition.condition, facts)


def _earliest(moments: Iterable[datetime | None], now: datetime) -> datetime | None:
    return min((moment for moment in moments if moment is not None and moment > now), default=None)


def _turning_points(facts: Facts, name: str, op: Operator, age: Duration) -> Iterable[datetime]:
    for value in _values(facts.get(name)):
        start = _instant(value)
        if start is not None:
            yield _aged(facts, start, age)
            if op == "within":
                yield start


def _values(value: FactValue) -> tuple[Value, ...]:
    if isinstance(value, tuple):
        return tuple(one for one in value if one is not None and not (isinstance(one, str) and not one.strip()))
    return () if value is None or (isinstance(value, str) and not value.strip()) else (value,)


def _test(test: Test, facts: Facts) -> bool:
    value, operand = facts.get(test.name), test.operand
    if test.op == "equals" and isinstance(value, str) and (text := fold(value)):
        # What most rules ask. A text equals nothing but itself unless it spells a day, a number, or yes or no.
        if text == operand or (isinstance(operand, (tuple, frozenset)) and text in operand):
            return True
        if not (text[0].isdigit() or text[0] in "+-" or text in ("true", "false")):
            return False
    values = _values(value)
    if test.op == "filled":
        return bool(values) is operand
    if not values:
        return False
    if test.op == "yes":
        return any(_is_yes(value) for value in values)
    if isinstance(operand, Duration):
        return any(_is_of_age(test.op, value, operand, facts) for value in values)
    if isinstance(operand, frozenset) and test.op in ("equals", "in_list"):
        return any(_text(value) in operand for value in values)
    compare, wanted = _COMPARE[test.op], operand if isinstance(operand, (tuple, frozenset)) else (operand,)
    return any(compare(value, one) for value in values for one in wanted)


def _is_yes(value: Value) -> bool:
    # A yes/no must be yes; any other field must be filled, were it with 0. Bulk files spell a no as text.
    return value is not False and not (isinstance(value, str) and fold(value) == "false")


def _is_of_age(op: Operator, value: Value, age: Duration, facts: Facts) -> bool:
    start = _instant(value)
    if start is None:
        return False
    # At its very instant a duration has passed, also for `more_than`: whoever is woken then must find it so.
    passed = _aged(facts, start, age) <= facts.now
    match op:
        case "older_than" | "at_least" | "more_than":
            return passed
        case "within":
            return start <= facts.now and not passed
        case _:
            return not passed


def _instant(value: Value) -> datetime | None:
    try:
        return from_text(value) if isinstance(value, str) else None
    except (ValueError, OverflowError):
        return None


def _aged(facts: Facts, start: datetime, age: Duration) -> datetime:
    try:
        return facts.after(start, age)
    except OverflowError:  # "never" is often kept as the last day of year 9999
        return datetime.max.replace(tzinfo=UTC)


def _text(value: Value) -> str | None:
    match value:
        case str():
            return fold(value)
        case None | bool():
            return None
        case float() if value.is_integer():
            return str(int(value))
        case _:
            return str(value)


def _ordered(
    numbers: Callable[[float, float], bool], texts: Callable[[str, str], bool]
) -> Callable[[Value, Value], bool]:
    def ordered(value: Value, operand: Value) -> bool:
        if isinstance(operand, str):
            text = _text(value)
            return text is not None and texts(_cut(text, operand), operand)
        number, limit = number_of(value), number_of(operand)
        return number is not None and limit is not None and numbers(number, limit)

    return ordered


def _cut(text: str, operand: str) -> str:
    # An instant beside a bare day is compared by its day, in UTC, so that `at_most: 2026-12-24` takes the day in whole.
    return text[:10] if _DAY.fullmatch(operand) and _DAY.match(text) else text


def _textual(compare: Callable[[str, str], bool]) -> Callable[[Value, Value], bool]:
    def textual(value: Value, operand: Value) -> bool:
        text, part = _text(value), _text(operand)
        return text is not None and part is not None and compare(text, part)

    return textual


def _equal(value: Value, operand: Value) -> bool:
    match operand:
        case bool():
            return value is operand or (isinstance(value, str) and fold(value) == str(operand).lower())
        case str():
            text = _text(value)
            # Most texts differ from their first letters on; only one that begins alike can be an instant of that day.
            return text is not None and text.startswith(operand) and _cut(text, operand) == operand
        case _:
            number = number_of(value)
            return number is not None and number == operand


_COMPARE: Mapping[str, Callable[[Value, Value], bool]] = {
    "equals": _equal,
    "in_list": _equal,
    "at_least": _ordered(operator.ge, operator.ge),
    "at_most": _ordered(operator.le, operator.le),
    "more_than": _ordered(operator.gt, operator.gt),
    "less_than": _ordered(operator.lt, operator.lt),
    "contains": _textual(lambda text, part: part in text),
    "starts_with": _textual(str.startswith),
    "ends_with": _textual(str.endswith),
}


def _words(operand: Operand) -> str:
    if not isinstance(operand, (tuple, frozenset)):
        return str(operand)
    parts = [str(part) for part in (sorted(operand) if isinstance(operand, frozenset) else operand)]
    more = f" or {len(parts) - _SHOWN} more" if len(parts) > _SHOWN else ""
    return " or ".join(parts[:_SHOWN]) + more
