"""Safety limits: a group of effects that runs away is held, and only that group (semantics.md B)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from leadsync.domain.effects import Effect, Escalation, Membership, WriteBack


@dataclass(frozen=True, slots=True)
class Limit:
    """The most effects of one group in one cycle and in one day."""

    per_cycle: int
    per_day: int


def limit_name(effect: Effect) -> str:
    """Return which limit of config an effect falls under; those not named there are `normal`."""
    match effect:
        case WriteBack(priority="sla") | Escalation():
            return "sla"
        case WriteBack(priority="hand_raiser"):
            return "hand_raiser"
        case WriteBack():
            return effect.kinds[0]
        case Membership():
            return "membership"
        case _:
            return "notices"


def groups_over_limit(
    effects: Sequence[Effect], limits: Mapping[str, Limit], today: Mapping[str, int], earlier: Mapping[str, int]
) -> Mapping[str, tuple[int, int]]:
    """Return the groups that are over a limit, each with (effects wished, the limit they broke).

    `today` counts what each group wished in the last day up to now, `earlier` how much of that in this cycle. A group
    over its limit is held whole, what it wished earlier in the cycle included: half of a runaway rule is no safer.
    """
    sizes = Counter(effect.group_id for effect in effects)
    over: dict[str, tuple[int, int]] = {}
    for effect in effects:
        group = effect.group_id
        limit = limits.get(limit_name(effect), limits["normal"])
        in_cycle = sizes[group] + earlier.get(group, 0)
        if in_cycle > limit.per_cycle:
            over[group] = (in_cycle, limit.per_cycle)
        elif sizes[group] + today.get(group, 0) > limit.per_day:
            over[group] = (sizes[group] + today.get(group, 0), limit.per_day)
    return over
