"""Durations as people write them in YAML: elapsed time, calendar days, business time.

How a duration is added to an instant depends on a calendar or zone: `calendars.after`.
"""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

Unit = Literal["elapsed", "days", "business_hours", "business_days"]

_SHORT = re.compile(r"(\d+)\s*([smhd])")
_BUSINESS = re.compile(r"(\d+)\s+business\s+(hour|day)s?")
_SECONDS = {"s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time in its own unit.

    `amount` counts seconds for `elapsed`, else days or hours of the unit. `24h` and `1d`
    differ: hours pass on every clock alike, a day ends at the same time of day.
    """

    amount: float
    unit: Unit

    def elapsed(self) -> timedelta:
        """Return the plain length of an elapsed or calendar duration, a day counted as 24 hours.

        For rough comparisons only; raises ValueError for business time, which has no fixed length.
        """
        match self.unit:
            case "elapsed":
                return timedelta(seconds=self.amount)
            case "days":
                return timedelta(days=self.amount)
            case _:
                raise ValueError("business time has no fixed length")

    def times(self, share: float) -> "Duration":
        """Return a share of this duration in the same unit: 0.5 of `2 business days` is one."""
        return Duration(self.amount * share, self.unit)

    def __str__(self) -> str:
        match self.unit:
            case "elapsed":
                for letter, seconds in (("h", 3600), ("m", 60)):
                    if self.amount and self.amount % seconds == 0:
                        return f"{self.amount / seconds:g}{letter}"
                return f"{self.amount:g}s"
            case "days":
                return f"{self.amount:g}d"
            case "business_hours":
                return f"{self.amount:g} business hour{'' if self.amount == 1 else 's'}"
            case _:
                return f"{self.amount:g} business day{'' if self.amount == 1 else 's'}"


def parse_duration(text: str) -> Duration:
    """Return the duration that `30s`, `15m`, `24h`, `60d`, `1 business hour` or `3 business days` names.

    Raises ValueError with the spellings that are understood.
    """
    if found := _SHORT.fullmatch(text.strip()):
        amount, letter = int(found[1]), found[2]
        return Duration(amount, "days") if letter == "d" else Duration(amount * _SECONDS[letter], "elapsed")
    if found := _BUSINESS.fullmatch(text.strip()):
        return Duration(int(found[1]), "business_hours" if found[2] == "hour" else "business_days")
    raise ValueError(f"{text!r} is not a duration; write 30s, 15m, 24h, 60d, 1 business hour or 3 business days")
