"""When a score changes although nothing happens: behaviour fades, and conditions on dates turn.

The answer is a wake-up time. It is searched in whole minutes: between two instants at which a condition turns the fit stays
as it is and each touch fades one way only, so the score at both ends bounds it in between.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from leadsync.domain.conditions import Facts, FactValue, next_change
from leadsync.domain.durations import Duration
from leadsync.domain.facts import next_touch_at
from leadsync.domain.scoring import (
    BAR,
    BEHAVIOURAL,
    Decay,
    Scoring,
    base_points,
    capped,
    counts,
    decay_of,
    family_sums,
    fit_lines,
    share_left,
    source_of,
    to_hundredths,
    to_whole,
)
from leadsync.domain.touches import Touch

HORIZON = timedelta(days=36_525)  # whatever takes a century to fade is looked at again when something happens

_MINUTE = timedelta(minutes=1)

_Parts = tuple[float, float]  # what the gains and what the losses amount to


def next_score_change(
    scoring: Scoring,
    facts: Facts,
    touches: Iterable[Touch],
    now: datetime,
    *,
    last_whole: int | None,
    since: datetime | None = None,
) -> datetime | None:
    """Return the earliest later instant at which the score is worth writing again by time alone, None if it never is.

    That is when the whole points will have moved by `min_change` from `last_whole` (what was last written), or have crossed
    the edge of a band or the bar; rounded up to the minute. When they have done so already, or nothing was ever
    written, it counts from the whole points of now. A touch dated in the future is such an instant in any case. `since`
    is the recycle basis, as in `score`. Facts other than conditions on dates are taken to stay as they are.
    """
    every = tuple(touches)
    touched = next_touch_at(every, now)
    course = _course(scoring, facts, every, now, since)
    here = course.whole(course.parts(now))
    steady = _steady(scoring, here if last_whole is None else last_whole)
    if not steady[0] <= here <= steady[1]:
        steady = _steady(scoring, here)
    start, end = now, touched or now + HORIZON
    while True:
        turned = _next_turn(scoring, _Later(facts, start))
        stop = end if turned is None else min(turned, end)
        if found := _first_outside(course, steady, start, stop):
            return found
        if stop == end:
            return touched
        start, course = stop, _course(scoring, _Later(facts, stop), every, stop, since)
        if not steady[0] <= course.whole(course.parts(start)) <= steady[1]:
            return start


@dataclass(frozen=True, slots=True)
class _Later:
    """The same facts at a later instant."""

    facts: Facts
    now: datetime

    def get(self, name: str) -> FactValue:
        return self.facts.get(name)

    def after(self, start: datetime, duration: Duration) -> datetime:
        return self.facts.after(start, duration)


@dataclass(frozen=True, slots=True)
class _Fading:
    """Something on its way to nothing: what it amounts to at `at`, in hundredths."""

    base: float
    decay: Decay
    at: datetime

    def amount(self, at: datetime) -> float:
        return self.base * share_left(self.decay, self.at, at)


_Groups = tuple[tuple[_Fading, ...], ...]  # the highest of a group counts


@dataclass(frozen=True, slots=True)
class _Course:
    """A score as time goes by while no condition turns: what gives something only falls, what takes something only rises."""

    scoring: Scoring
    fit: tuple[float, ...]
    gains: _Groups
    losses: _Groups

    def parts(self, at: datetime) -> _Parts:
        """Return what the gains and what the losses amount to then, in hundredths."""
        return _amount(self.gains, at), _amount(self.losses, at)

    def whole(self, parts: _Parts) -> int:
        """Return the whole points that these gains and losses make with the fit."""
        return to_whole(to_hundredths(math.fsum([*self.fit, capped(self.scoring, BEHAVIOURAL, sum(parts))])))


def _amount(groups: _Groups, at: datetime) -> float:
    return math.fsum(max(one.amount(at) for one in group) for group in groups)


def _course(scoring: Scoring, facts: Facts, touches: Iterable[Touch], now: datetime, since: datetime | None) -> _Course:
    sums = family_sums(fit_lines(scoring, facts))
    groups: dict[str, list[_Fading]] = {}
    for touch in touches if scoring.score_from == "rules" else ():
        if counts(touch, now, since):
            fading = _Fading(base_points(scoring, touch) or 0, decay_of(scoring, touch), touch.at)
            groups.setdefault(source_of(touch), []).append(fading)
    return _Course(
        scoring,
        fit=tuple(capped(scoring, family, points) for family, points in sums.items()),
        gains=_joined([group for group in groups.values() if any(one.base > 0 for one in group)], now),
        losses=_joined([group for group in groups.values() if all(one.base < 0 for one in group)], now),
    )


def _joined(groups: Sequence[Sequence[_Fading]], now: datetime) -> _Groups:
    # What halves at one pace halves together, so that most people's touches are one number however many there are.
    paces: dict[Decay, list[float]] = {}
    others: list[tuple[_Fading, ...]] = []
    for group in groups:
        decay = group[0].decay
        if decay.kind == "half_life" and all(one.decay == decay for one in group):
            paces.setdefault(decay, []).append(max(one.amount(now) for one in group))
        else:
            others.append(tuple(group))
    return (*((_Fading(math.fsum(amounts), decay, now),) for decay, amounts in paces.items()), *others)


def _steady(scoring: Scoring, whole: int) -> tuple[int, int]:
    """Return the least and most whole points that need no new write."""
    step = max(scoring.min_change, 1)
    edges = {BAR, *(start for start, _ in scoring.bands)}
    least = max([whole - step + 1, *(edge for edge in edges if edge <= whole)])
    most = min([whole + step - 1, *(edge - 1 for edge in edges if edge > whole)])
    return least, most


def _next_turn(scoring: Scoring, facts: Facts) -> datetime | None:
    terms = (term for terms in scoring.families.values() for term in terms) if scoring.score_from == "rules" else ()
    turns = (next_change(term.when, facts) for term in terms if term.when is not None)
    return min((turn for turn in turns if turn is not None), default=None)


def _first_outside(course: _Course, steady: tuple[int, int], start: datetime, stop: datetime) -> datetime | None:
    """Return the first whole minute after `start` and before `stop` at which the points leave the steady range.

    At `start` they are within it.
    """
    minute = start.replace(second=0, microsecond=0)
    last = math.ceil((stop - minute) / _MINUTE) - 1
    if last <= 0:
        return None

    def at(place: int) -> datetime:
        return minute + place * _MINUTE if place else start

    def is_steady(least: _Parts, most: _Parts) -> bool:
        return steady[0] <= course.whole(least) and course.whole(most) <= steady[1]

    def search(low: int, low_parts: _Parts, high: int, high_parts: _Parts) -> int | None:
        # Gains only fall and losses only rise towards nothing, so no minute in between lies outside these two.
        if is_steady((high_parts[0], low_parts[1]), (low_parts[0], high_parts[1])):
            return None
        if high - low == 1:
            return None if is_steady(high_parts, high_parts) else high
        middle = (low + high) // 2
        parts = course.parts(at(middle))
        first = search(low, low_parts, middle, parts)
        return first if first is not None else search(middle, parts, high, high_parts)

    found = search(0, course.parts(start), last, course.parts(at(last)))
    return None if found is None else at(found)
