"""Mass changes by one person (semantics.md B): moves that cause nothing until somebody lets them go, creations that drip.

Which moves and births belong together is found by the ledger; here it is said whose count: not those of integrations.
"""

from dataclasses import replace

from leadsync.domain.actors import roles_of
from leadsync.domain.conditions import fold
from leadsync.domain.grounds import Grounds
from leadsync.domain.situation import Situation
from leadsync.domain.transitions import Transition


def with_mass_changes(situation: Situation, grounds: Grounds) -> Situation:
    """Return the situation with each move that is part of a mass change marked as such, and when that was let go."""
    if not situation.in_bulk and not situation.released:
        return situation

    def marked(move: Transition) -> Transition:
        group = move.bulk_id
        if group is None and not _is_by_an_integration(move, grounds):
            group = situation.in_bulk.get(move.seq)
        return replace(move, bulk_id=group, released_at=situation.released.get(group or ""))

    return replace(situation, transitions=tuple(marked(move) for move in situation.transitions))


def _is_by_an_integration(move: Transition, grounds: Grounds) -> bool:
    """Say whether a program made a move in its own name; users who import lists do so for somebody."""
    user = grounds.directory.users.get(move.actor_id or "")
    if user is None or fold(user.username) in grounds.law.import_evidence.import_users:
        return False
    roles = roles_of(grounds.mapping, grounds.rulebook.routing, user, grounds.directory.own_user_id)
    return "automation" in roles or "leadsync" in roles
