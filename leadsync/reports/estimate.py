"""Durations of which some are not over yet: quantiles of what ended, and how many had ended so by a given day.

The share is the cumulative incidence with competing exits (Aalen and Johansen 1978): an open stay counts for as long as it
was watched, and one that ended otherwise can never end so any more.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Observation:
    """One stay: how many days it was watched, and how it ended; None: it had not when it was last seen."""

    days: float
    end: str | None


def quantile(values: Sequence[float], share: float) -> float | None:
    """Return the value below which this share of all lie, halfway between two if it falls there; None of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    place = share * len(ordered)
    whole = math.ceil(place - 1e-9)
    if abs(place - whole) < 1e-9 and 0 < whole < len(ordered):
        return round((ordered[whole - 1] + ordered[whole]) / 2, 1)
    return round(ordered[min(max(whole, 1), len(ordered)) - 1], 1)


def incidence(observed: Sequence[Observation], end: str, days: float) -> float | None:
    """Return the percentage of stays that end so within this many days; None when nobody was watched for that long."""
    if not observed:
        return None
    at_risk, under_way, share = len(observed), 1.0, 0.0
    ordered = sorted(observed, key=lambda one: (one.days, one.end is None))
    index = 0
    while index < len(ordered) and ordered[index].days <= days:
        moment = ordered[index].days
        same = []
        while index < len(ordered) and ordered[index].days == moment:
            same.append(ordered[index])
            index += 1
        share += under_way * sum(1 for one in same if one.end == end) / at_risk
        under_way *= 1 - sum(1 for one in same if one.end is not None) / at_risk
        at_risk -= len(same)
    if at_risk == 0 and under_way > 1e-12 and ordered[-1].days < days:
        return None
    return round(100 * share, 1)
