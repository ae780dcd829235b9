"""Points: additive terms in families with caps, behaviour that decays from each touch's own date.

Everything is kept in hundredths of a point; the lines of a score add up to it exactly. When a score changes
by time alone is `fading.py`.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from leadsync.domain.conditions import Condition, Facts, holds, number_of
from leadsync.domain.durations import Duration
from leadsync.domain.titles import Titles
from leadsync.domain.touches import Touch, is_inbound

BAR = 100
"""Whole points that make a qualified lead; not a setting (design.md 5.3)."""

LOWEST, HIGHEST = 0, 999
"""The whole points that the CRM is given at least and at most."""

BEHAVIOURAL = "behavioural"
NEGATIVE = "negative"  # the one family whose cap is the least it gives

_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Term:
    """One line of a family: points when a condition holds, or a number field times a factor."""

    name: str
    points: int  # hundredths
    when: Condition | None = None
    field: str | None = None
    factor: float = 0.0


@dataclass(frozen=True, slots=True)
class Decay:
    """How a touch's points fade: half_life and linear in days, step as (from this age in days, share left)."""

    kind: Literal["half_life", "linear", "step"]
    days: float = 0.0
    steps: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Product:
    """A named interest, from the same points; `when` asks the touch (channel investment response campaign kind)."""

    key: str
    label: str
    when: Condition
    decay: Decay


@dataclass(frozen=True, slots=True)
class Scoring:
    """Everything scoring.yaml says. Points are hundredths; caps are by family (least for `negative`)."""

    score_from: Literal["rules"] | tuple[str, float]  # or (field, factor)
    min_change: int  # whole points
    bands: tuple[tuple[int, str], ...]  # (from this many whole points, name), ascending
    caps: Mapping[str, int]
    families: Mapping[str, tuple[Term, ...]]  # demographic firmographic account negative
    default_decay: Decay
    decay_by_channel: Mapping[str, Decay]
    weak: frozenset[str]
    matrix: Mapping[tuple[str, str, str], int]  # (investment, channel, response) -> hundredths; missing: cannot happen
    fast_lane: Condition | None
    products: tuple[Product, ...]
    titles: Titles


@dataclass(frozen=True, slots=True)
class ScoreLine:
    """One line of a score, in hundredths; `touch_id` names the touch of a behavioural line."""

    family: str
    name: str
    points: int
    touch_id: str | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """A person's points at one instant and where they come from.

    `points` are hundredths, may be negative and are exactly the sum of the lines; `whole` is what the CRM gets: floored,
    from 0 to 999. `products` are hundredths by product, `product` the one with most, None while none has any.
    """

    points: int
    lines: tuple[ScoreLine, ...]
    products: Mapping[str, int]
    product: str | None
    whole: int
    band: str | None


@dataclass(frozen=True, slots=True)
class TouchFacts:
    """Conditions' view of one touch: channel, investment, response, campaign and kind."""

    touch: Touch

    @property
    def now(self) -> datetime:
        """Return the touch's own instant: a question about a touch has the same answer for ever."""
        return self.touch.at

    def get(self, name: str) -> str | None:
        """Return what the touch says, None for anything else."""
        match name:
            case "channel":
                return self.touch.channel
            case "investment":
                return self.touch.investment
            case "response":
                return self.touch.response
            case "campaign":
                return self.touch.campaign
            case "kind":
                return self.touch.kind
            case _:
                return None

    def after(self, start: datetime, duration: Duration) -> datetime:
        """Return `start` and the plain length of a duration; raises ValueError for business time."""
        return start + duration.elapsed()


def touch_facts(touch: Touch) -> TouchFacts:
    """Return a touch as conditions ask about it (`products`, `fast_lane`)."""
    return TouchFacts(touch)


def is_hand_raised(scoring: Scoring, touch: Touch) -> bool:
    """Say whether this touch puts the person into the fast lane: inbound, not retracted, and as `fast_lane` has it."""
    return scoring.fast_lane is not None and is_inbound(touch) and holds(scoring.fast_lane, touch_facts(touch))


def score(
    scoring: Scoring, facts: Facts, touches: Iterable[Touch], now: datetime, *, since: datetime | None = None
) -> Score:
    """Return a person's score at `now`: fit as the facts have it, behaviour from inbound touches up to then.

    `since` is the recycle basis (semantics.md G): only touches after it count, all else alike. The order of the touches
    and when the score was last worked out make no difference. With `score_from` a field, its number times the factor is
    the score, whatever the rules say; products still come from the touches.
    """
    counting = [touch for touch in touches if counts(touch, now, since)]
    lines = list(fit_lines(scoring, facts))
    if scoring.score_from == "rules":
        lines += _behaviour(scoring, counting, now)
        exact = [*lines, *_caps(scoring, lines)]
    else:
        exact = lines
    points = to_hundredths(total(scoring, lines))
    products = _products(scoring, counting, now)
    top = max(products, key=lambda key: products[key], default=None)
    whole = to_whole(points)
    return Score(
        points=points,
        lines=_rounded(exact, points),
        products=products,
        product=top if top is not None and products[top] > 0 else None,
        whole=whole,
        band=band_of(scoring, whole),
    )


@dataclass(frozen=True, slots=True)
class ExactLine:
    """A line of a score before it is rounded, in hundredths with their fractions."""

    family: str
    name: str
    points: float
    touch_id: str | None = None


def counts(touch: Touch, now: datetime, since: datetime | None) -> bool:
    """Say whether a touch scores: inbound, not retracted, not in the future, and after `since` if that is given."""
    return is_inbound(touch) and touch.at <= now and (since is None or touch.at > since)


def fit_lines(scoring: Scoring, facts: Facts) -> tuple[ExactLine, ...]:
    """Return the lines that do not come from touches: terms whose condition holds, or the one field of `score_from`."""
    if scoring.score_from != "rules":
        field, factor = scoring.score_from
        number = number_of(facts.get(field))
        return (
            ExactLine("score_from", f"{field} is missing" if number is None else field, 100 * factor * (number or 0)),
        )
    return tuple(
        line for family, terms in scoring.families.items() for term in terms if (line := _fit_line(family, term, facts))
    )


def _fit_line(family: str, term: Term, facts: Facts) -> ExactLine | None:
    if term.when is not None and not holds(term.when, facts):
        return None
    if term.field is None:
        return ExactLine(family, term.name, term.points)
    number = number_of(facts.get(term.field))
    return None if number is None else ExactLine(family, term.name, 100 * term.factor * number)


def _behaviour(scoring: Scoring, touches: Iterable[Touch], now: datetime) -> list[ExactLine]:
    best: dict[str, ExactLine] = {}
    for touch in sorted(touches, key=lambda touch: (touch.at, touch.touch_id), reverse=True):
        cell = base_points(scoring, touch)
        name = f"{touch.channel or '?'} {touch.response or '?'}, {touch.investment or '?'} investment"
        if cell is None:
            name += " (not in the matrix)"
        line = ExactLine(
            BEHAVIOURAL, name, (cell or 0) * share_left(decay_of(scoring, touch), touch.at, now), touch.touch_id
        )
        source = source_of(touch)
        if source not in best or line.points > best[source].points:
            best[source] = line
    return list(best.values())


def base_points(scoring: Scoring, touch: Touch) -> int | None:
    """Return what a touch gives on its own day in hundredths, None when the matrix has no such cell."""
    if touch.investment is None or touch.channel is None or touch.response is None:
        return None
    return scoring.matrix.get((touch.investment, touch.channel, touch.response))


def decay_of(scoring: Scoring, touch: Touch) -> Decay:
    """Return how a touch's points fade: by its channel, else as the default has it."""
    return scoring.decay_by_channel.get(touch.channel or "", scoring.default_decay)


def source_of(touch: Touch) -> str:
    """Return what may score only once: a campaign member has a touch per status, of which the highest counts."""
    return ":".join(touch.touch_id.split(":")[:2]) if touch.touch_id.startswith("cm:") else touch.touch_id


def share_left(decay: Decay, at: datetime, now: datetime) -> float:
    """Return the share from 1 to 0 that is left at `now` of what a touch gave at `at`."""
    age = (now - at).total_seconds() / _DAY
    match decay.kind:
        case "half_life":
            return math.exp2(-age / decay.days)
        case "linear":
            return max(0.0, 1.0 - age / decay.days)
        case _:
            return next((share for days, share in sorted(decay.steps, reverse=True) if age >= days), 1.0)


def _products(scoring: Scoring, touches: Sequence[Touch], now: datetime) -> dict[str, int]:
    return {product.key: to_hundredths(_interest(scoring, product, touches, now)) for product in scoring.products}


def _interest(scoring: Scoring, product: Product, touches: Iterable[Touch], now: datetime) -> float:
    best: dict[str, float] = {}
    for touch in touches:
        if holds(product.when, touch_facts(touch)):
            points = (base_points(scoring, touch) or 0) * share_left(product.decay, touch.at, now)
            best[source_of(touch)] = max(best.get(source_of(touch), points), points)
    return math.fsum(best.values())


def capped(scoring: Scoring, family: str, points: float) -> float:
    """Return what a family gives after its cap: the most, or for the negative family the least."""
    cap = scoring.caps.get(family)
    if cap is None:
        return points
    return max(points, cap) if family == NEGATIVE else min(points, cap)


def total(scoring: Scoring, lines: Iterable[ExactLine]) -> float:
    """Return the exact sum of lines in hundredths, each family within its cap."""
    return math.fsum(capped(scoring, family, points) for family, points in family_sums(lines).items())


def _caps(scoring: Scoring, lines: Iterable[ExactLine]) -> list[ExactLine]:
    return [
        ExactLine(family, f"cap of {scoring.caps[family] / 100:g}", given - points)
        for family, points in family_sums(lines).items()
        if (given := capped(scoring, family, points)) != points
    ]


def family_sums(lines: Iterable[ExactLine]) -> dict[str, float]:
    """Return what each family's lines add up to, before its cap."""
    families: dict[str, list[float]] = {}
    for line in lines:
        families.setdefault(line.family, []).append(line.points)
    return {family: math.fsum(points) for family, points in families.items()}


def _rounded(lines: Sequence[ExactLine], points: int) -> tuple[ScoreLine, ...]:
    """Return the lines in whole hundredths that add up to `points`: what is missing goes to the largest remainders."""
    floors = [math.floor(line.points) for line in lines]
    by_remainder = sorted(range(len(lines)), key=lambda place: (floors[place] - lines[place].points, place))
    for place in by_remainder[: points - sum(floors)]:
        floors[place] += 1
    return tuple(
        ScoreLine(line.family, line.name, floor, line.touch_id) for line, floor in zip(lines, floors, strict=True)
    )


def to_hundredths(exact: float) -> int:
    """Return the nearest whole hundredth."""
    return math.floor(exact + 0.5)


def to_whole(points: int) -> int:
    """Return the whole points that the CRM gets for hundredths: floored, never under 0 nor over 999."""
    return min(max(points // 100, LOWEST), HIGHEST)


def band_of(scoring: Scoring, whole: int) -> str | None:
    """Return the name of the band that whole points fall into, None below the first one."""
    return next((name for start, name in reversed(scoring.bands) if whole >= start), None)
