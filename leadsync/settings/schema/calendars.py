"""The shape of mappings/calendars.yaml: working time."""

from typing import Annotated, Any

from pydantic import Field, PlainValidator, WithJsonSchema

from leadsync.domain.calendars import Shift
from leadsync.settings.schema.types import (
    SHIFT_PATTERN,
    Block,
    DayText,
    Name,
    ShiftText,
    Text,
    shift,
    shown,
    wrong,
    zone,
)

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAYS = "(mon|tue|wed|thu|fri|sat|sun)"
DAYS_PATTERN = f"^{_DAYS}(-{_DAYS})?$"
Days = Annotated[str, Field(pattern=DAYS_PATTERN)]
Shifts = Annotated[tuple[ShiftText, ...], Field(strict=False)]


def _zone(raw: Any) -> str:
    return raw if raw == "owner" else zone(raw)


def _hours(raw: Any) -> tuple[Shift, ...]:
    if raw == "closed":
        return ()
    if not isinstance(raw, list):
        raise wrong(f"write closed or a list of shifts such as [09:00-12:00], not {shown(raw)}")
    return tuple(shift(part) for part in raw)


class Holidays(Block):
    """Public holidays of a country, or of one of its regions."""

    country: Annotated[str, Field(pattern="^([A-Z]{2}|owner)$")]
    """ISO country code, or owner: by the owner's country in the CRM."""
    region: Text | None = None
    """ISO code of a region without the country, such as BE."""


class OwnDay(Block):
    """One day that differs at your company."""

    date: DayText
    """The day."""
    hours: Annotated[
        tuple[Shift, ...],
        PlainValidator(_hours),
        WithJsonSchema({"anyOf": [{"const": "closed"}, {"type": "array", "items": {"type": "string", "pattern": SHIFT_PATTERN}}]}),
    ]  # fmt: skip
    """closed, or the shifts worked."""


class Calendar(Block):
    """Working time of one place or person."""

    zone: Annotated[
        str, PlainValidator(_zone), WithJsonSchema({"type": "string", "examples": ["Europe/Berlin", "owner"]})
    ]
    """A time zone, or owner: the owner's own in the CRM."""
    hours: Annotated[dict[Days, Shifts], Field(min_length=1)]
    """Shifts per weekday; days left out are days off."""
    holidays: Holidays | None = None
    """Public holidays."""
    own_days: Annotated[tuple[OwnDay, ...], Field(strict=False)] = ()
    """What differs at your company."""


class CalendarsFile(Block):
    """Working time, for targets in business hours and days."""

    default: Name
    """Where no calendar is named, and for queues."""
    calendars: Annotated[dict[Name, Calendar], Field(min_length=1)]
    """All calendars by name."""
