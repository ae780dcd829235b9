"""All decisions of one batch: made one after the other over one book of pools, and held to the safety limits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from leadsync.domain.decision import Decision, decide
from leadsync.domain.effects import Effect
from leadsync.domain.limits import Limit, groups_over_limit
from leadsync.domain.pools import PoolBook
from leadsync.domain.situation import Situation
from leadsync.domain.standing import Grounds
from leadsync.domain.telling import People


@dataclass(frozen=True, slots=True)
class Plan:
    """Decisions with all their effects. `held` names the groups over a limit with (effects, the limit they broke)."""

    decisions: tuple[Decision, ...]
    effects: tuple[Effect, ...]
    held: Mapping[str, tuple[int, int]]
    charges: Mapping[tuple[str, str, str], float]
    rulebook_hash: str


def make_plan(
    situations: Sequence[Situation],
    grounds: Grounds,
    book: PoolBook,
    who: People,
    alerts: str,
    limits: Mapping[str, Limit],
    today: Mapping[str, int],
    earlier: Mapping[str, int],
) -> Plan:
    """Return what the Rulebook wants for all these persons; the book is charged in their order.

    `today` and `earlier` count what each group of effects wished in the last day, and so far in this cycle.
    """
    decisions = tuple(decide(situation, grounds, book, who, alerts) for situation in situations)
    effects = tuple(effect for decision in decisions for effect in decision.effects)
    return Plan(
        decisions=decisions,
        effects=effects,
        held=groups_over_limit(effects, limits, today, earlier),
        charges=book.charges(),
        rulebook_hash=grounds.rulebook.hash,
    )
