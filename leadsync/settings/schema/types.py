"""The small values that YAML holds as text: durations, shares, times of day, shifts, days, periods, conditions.

Each is parsed by leadsync itself, since YAML parsers read `9:00` as 540 and `no` as false; each carries the pattern
that editors check it by.
"""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from leadsync.domain.calendars import Shift
from leadsync.domain.durations import Duration, parse_duration

_SHARE = re.compile(r"(\d+(?:\.\d+)?)\s*%")
_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")

DURATION_PATTERN = r"^\d+\s*[smhd]$|^\d+\s+business\s+(hour|day)s?$"
TIME_PATTERN = r"^([01]\d|2[0-3]):[0-5]\d$"
SHIFT_PATTERN = r"^([01]\d|2[0-3]):[0-5]\d-(([01]\d|2[0-3]):[0-5]\d|24:00)$"
DAY_PATTERN = r"^\d{4}-\d{2}-\d{2}$"
SHARE_PATTERN = r"^\d+(\.\d+)?\s*%$"
NAME_PATTERN = r"^[A-Za-z][A-Za-z0-9_]*$"


class Block(BaseModel):
    """A block of keys: unknown keys are refused, values never change, descriptions are the attributes' docstrings."""

    # Deferred: a block is mostly part of another, and would be built for itself besides.
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, strict=True, defer_build=True)


def wrong(message: str) -> PydanticCustomError:
    """Return the error that a value's parser raises; the text is shown as it stands."""
    return PydanticCustomError("value", "{text}", {"text": message})


def _text(raw: Any, what: str) -> str:
    if not isinstance(raw, str):
        raise wrong(f"{what}, not {shown(raw)}")
    return raw.strip()


def shown(raw: Any) -> str:
    """Return a value as an operator wrote it, cut to a readable length."""
    match raw:
        case None:
            return "nothing"
        case bool():
            return str(raw).lower()
        case dict():
            return "a block of keys" if raw else "an empty block"
        case list():
            return "a list" if raw else "an empty list"
        case str():
            return f'"{raw}"' if len(raw) <= 60 else f'"{raw[:57]}..."'
        case _:
            return str(raw)


def duration(raw: Any) -> Duration:
    """Return the duration that a text names, or raise the error to show."""
    text = _text(raw, "a duration is text such as 30s, 15m, 24h, 60d, 1 business hour or 3 business days")
    try:
        found = parse_duration(text)
    except ValueError as error:
        raise wrong(str(error)) from None
    if is_too_long(found):
        raise wrong(f"{shown(text)} is longer than a hundred years")
    return found


def is_too_long(length: Duration) -> bool:
    """Say whether a duration is longer than a century: a slip of the pen, and beyond what dates can hold."""
    return length.amount > (3_162_240_000 if length.unit == "elapsed" else 36_600)


def positive_duration(raw: Any) -> Duration:
    """Return a duration longer than nothing."""
    found = duration(raw)
    if not found.amount:
        raise wrong(f"{shown(raw)} is no time at all")
    return found


def elapsed(raw: Any) -> timedelta:
    """Return a length of time on the clock on the wall: `30s`, `5m`, `24h` or `10d`."""
    found = positive_duration(raw)
    if found.unit not in ("elapsed", "days"):
        raise wrong(f"{shown(raw)} is business time; here only elapsed time is possible, such as 30s, 5m or 24h")
    return found.elapsed()


def share(raw: Any) -> float:
    """Return 0.5 for `50%`."""
    text = _text(raw, "a share is text such as 20%")
    found = _SHARE.fullmatch(text)
    if not found or len(text) > 12:
        raise wrong(f"{shown(text)} is not a share; write 20%")
    return float(found[1]) / 100


def part(raw: Any) -> float:
    """Return a share that is no more than the whole."""
    found = share(raw)
    if found > 1:
        raise wrong(f"{shown(raw)} is more than 100%")
    return found


def time_of_day(raw: Any) -> time:
    """Return the local time that `08:30` names."""
    text = _text(raw, "a time of day is text such as 08:30")
    found = _TIME.fullmatch(text)
    if not found:
        raise wrong(f"{shown(text)} is not a time of day; write 08:30")
    return time(int(found[1]), int(found[2]))


def shift(raw: Any) -> Shift:
    """Return the working time that `09:00-17:00` names; a shift never runs past midnight."""
    text = _text(raw, "a shift is text such as 09:00-17:00")
    start, dash, end = text.partition("-")
    found = (_TIME.fullmatch(start.strip()), _TIME.fullmatch(end.strip().replace("24:00", "00:00")))
    if not dash or not found[0] or not found[1]:
        raise wrong(f"{shown(text)} is not a shift; write 09:00-17:00")
    begins, ends = (time(int(match[1]), int(match[2])) for match in found if match)
    if begins >= ends != time(0):  # an end of 00:00 is the day's last midnight
        raise wrong(f"{shown(text)} ends before it begins; a night shift is two shifts on two days")
    return Shift(begins, ends)


def day(raw: Any) -> date:
    """Return the date that `2026-12-24` names."""
    text = _text(raw, "a day is text such as 2026-12-24")
    try:
        if not _DAY.fullmatch(text):
            raise ValueError
        return date.fromisoformat(text)
    except ValueError:
        raise wrong(f"{shown(text)} is not a day; write 2026-12-24") from None


def period(raw: Any) -> tuple[date, date]:
    """Return first and last day of `2027-02-01/2028-01-31`."""
    text = _text(raw, "a period is text such as 2027-02-01/2028-01-31")
    first, slash, last = text.partition("/")
    if not slash:
        raise wrong(f"{shown(text)} is not a period; write 2027-02-01/2028-01-31")
    found = day(first), day(last)
    if found[0] > found[1]:
        raise wrong(f"{shown(text)} ends before it begins")
    return found


def instant(raw: Any) -> datetime:
    """Return the UTC instant that `2026-12-01T08:00:00Z` names; a zone must be given."""
    text = _text(raw, "an instant is text such as 2026-12-01T08:00:00Z")
    try:
        found = datetime.fromisoformat(text)
        if found.tzinfo is None or "T" not in text:
            raise ValueError
        return found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise wrong(f"{shown(text)} is not an instant; write 2026-12-01T08:00:00Z") from None


def zone(raw: Any) -> str:
    """Return the name of a time zone that exists."""
    text = _text(raw, "a time zone is text such as Europe/Berlin")
    try:
        ZoneInfo(text)
    except (OSError, ValueError, KeyError):
        raise wrong(f"{shown(text)} is not a time zone; write one such as Europe/Berlin") from None
    return text


def _as_list(raw: Any) -> Any:
    return raw if isinstance(raw, list) else [raw]


def _as_label(raw: Any) -> Any:
    return str(raw) if isinstance(raw, int) and not isinstance(raw, bool) else raw


def _parsed(parse: Callable[[Any], object], pattern: str, example: str) -> tuple[PlainValidator, WithJsonSchema]:
    return PlainValidator(parse), WithJsonSchema({"type": "string", "pattern": pattern, "examples": [example]})


Text = Annotated[str, Field(min_length=1, max_length=4000)]
Name = Annotated[str, Field(pattern=NAME_PATTERN, max_length=60)]
Label = Annotated[
    Text,
    BeforeValidator(_as_label),
    WithJsonSchema({"anyOf": [{"type": "string", "minLength": 1}, {"type": "integer"}]}),
]
"""A CRM's value: a text, or the number of a choice."""
Names = Annotated[
    tuple[Text, ...],
    BeforeValidator(_as_list),
    Field(strict=False),
    WithJsonSchema(
        {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string", "minLength": 1}}]},
    ),
]
"""One name or a list of them."""
Texts = Annotated[tuple[Text, ...], Field(strict=False)]
Labels = Annotated[tuple[Label, ...], Field(strict=False)]
Number = Annotated[float, Field(ge=-1_000_000_000_000, le=1_000_000_000_000)]
Count = Annotated[int, Field(ge=1, le=1_000_000_000)]
DurationText = Annotated[Duration, *_parsed(duration, DURATION_PATTERN, "60d")]
TargetText = Annotated[Duration, *_parsed(positive_duration, DURATION_PATTERN, "3 business days")]
ElapsedText = Annotated[timedelta, *_parsed(elapsed, r"^\d+\s*[smhd]$", "5m")]
ShareText = Annotated[float, *_parsed(share, SHARE_PATTERN, "150%")]
PartText = Annotated[float, *_parsed(part, SHARE_PATTERN, "20%")]
TimeText = Annotated[time, *_parsed(time_of_day, TIME_PATTERN, "08:30")]
ShiftText = Annotated[Shift, *_parsed(shift, SHIFT_PATTERN, "09:00-17:00")]
DayText = Annotated[date, *_parsed(day, DAY_PATTERN, "2026-12-24")]
PeriodText = Annotated[
    tuple[date, date],
    *_parsed(period, r"^\d{4}-\d{2}-\d{2}/\d{4}-\d{2}-\d{2}$", "2027-02-01/2028-01-31"),
]
ZoneText = Annotated[str, *_parsed(zone, r"^[A-Za-z][A-Za-z0-9_+/-]*$", "Europe/Berlin")]


def _condition(raw: Any) -> Any:
    if isinstance(raw, list):
        raise wrong(
            "conditions stand in a bare list: nobody can tell whether all or any of them must hold; write all: or any:"
        )
    if not isinstance(raw, str | dict) or not raw:
        raise wrong(f"a condition is a name, or a block such as country: DE, not {shown(raw)}")
    return raw


_SCALAR: dict[str, Any] = {"type": ["string", "number", "boolean"]}
_OPERATORS: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "minProperties": 1,
    "properties": {
        **{
            operator: {
                "type": ["string", "number"],
                "description": "A number, date, duration or score; text letter by letter",
            }
            for operator in ("at_least", "at_most", "more_than", "less_than")
        },
        **{
            operator: {
                "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
                "description": "A text, or a list of which one fits",
            }
            for operator in ("contains", "starts_with", "ends_with")
        },
        "in_list": {"type": "string", "description": "A name under lists: in routing.yaml"},
        "within": {"type": "string", "pattern": DURATION_PATTERN, "description": "A date, counted back from now"},
        "older_than": {"type": "string", "pattern": DURATION_PATTERN, "description": "A date, counted back from now"},
        "filled": {"type": "boolean"},
    },
}
_CONDITION_TEST: dict[str, Any] = {"anyOf": [_SCALAR, {"type": "array", "items": _SCALAR, "minItems": 1}, _OPERATORS]}


CONDITION: dict[str, Any] = {
    "description": "A condition: a name, or tests that must all hold",
    "anyOf": [
        {"type": "string", "minLength": 1},
        {
            "type": "object",
            "minProperties": 1,
            "properties": {
                "all": {"type": "array", "items": {"$ref": "#/$defs/Condition"}},
                "any": {"type": "array", "items": {"$ref": "#/$defs/Condition"}},
                "not": {"$ref": "#/$defs/Condition"},
            },
            "additionalProperties": _CONDITION_TEST,
        },
    ],
}
"""The shape of a condition; `schemas` puts it under $defs and refers to it wherever this marker stands."""
CONDITION_MARKER: dict[str, Any] = {"title": "Condition"}
Condition = Annotated[Any, PlainValidator(_condition), WithJsonSchema(CONDITION_MARKER)]
"""A condition as written; `settings.conditions` builds it, with the places of its parts."""
