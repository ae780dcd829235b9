"""What each touch of a person is worth now, for the lists in which people look touches up."""

from dataclasses import dataclass

from leadsync.domain.scoring import base_points, counts, decay_of, share_left
from leadsync.domain.standing import Standing


@dataclass(frozen=True, slots=True)
class TouchWorth:
    """Whole points of now, None for a touch that does not score, and whether it is strong enough to wake anybody."""

    touch_id: str
    points: int | None
    strength: str  # strong | weak


def touch_worths(standing: Standing) -> tuple[TouchWorth, ...]:
    """Return what the person's own touches are worth at the decision's instant; those retracted are left out."""
    scoring, now = standing.grounds.rulebook.scoring, standing.grounds.now
    worths: list[TouchWorth] = []
    for touch in standing.situation.touches:
        if touch.retracted:
            continue
        base = base_points(scoring, touch) if counts(touch, now, None) else None
        points = None if base is None else int(base * share_left(decay_of(scoring, touch), touch.at, now) // 100)
        worths.append(TouchWorth(touch.touch_id, points, "weak" if touch.response in scoring.weak else "strong"))
    return tuple(worths)
