"""Which follow-ups stop a clock, and since when (semantics.md D, Follow-up that counts)."""

from collections.abc import Callable, Sequence
from datetime import datetime

from leadsync.domain.conditions import Test, holds
from leadsync.domain.facts import Given
from leadsync.domain.owners import owner_kind
from leadsync.domain.pools import PoolBook
from leadsync.domain.sla import Clock, ClockRule
from leadsync.domain.standing import Standing
from leadsync.domain.standing_facts import is_by_a_person
from leadsync.domain.touches import Touch

LEFT_STAGE = Test("left_stage", "yes")


def attempts_of(clock: Clock, standing: Standing, book: PoolBook) -> tuple[Touch, ...]:
    """Return the follow-ups since a clock's start that count for it, in order."""
    return standing.attempts_since(clock.started_at, _counting(clock, standing, book))


def _counting(clock: Clock, standing: Standing, book: PoolBook) -> Callable[[Touch], bool]:
    """Return whose follow-up counts: any person's for the lead clock, the owner's and his pool's for the owner's."""
    grounds = standing.grounds
    routing = grounds.rulebook.routing

    def human(touch: Touch) -> bool:
        kind = owner_kind(touch.actor_id, grounds.directory, grounds.mapping, routing)
        return kind in ("rep", "human") and is_by_a_person(touch, grounds)

    if clock.owner_id is None:
        return human
    seat = book.membership(clock.owner_id, routing.pools)
    members = {user.id for m in seat[0].members if (user := book.find(m.user))} if seat else set()
    return lambda touch: human(touch) and touch.actor_id in {clock.owner_id, *members}


def met_at(rule: ClockRule, standing: Standing, attempts: Sequence[Touch]) -> datetime | None:
    """Return the instant at which `met_when` first held, None while it does not or only leaving the stage meets it."""
    if rule.met_when is None or rule.met_when == LEFT_STAGE:
        return None
    for count in range(len(attempts) + 1):
        if holds(rule.met_when, Given(standing.facts, {"attempts": count})):
            return attempts[count - 1].at if count else standing.grounds.now
    return None
