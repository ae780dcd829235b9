"""What a CRM user may do in the funnel: the mapping's conditions on users, answered.

A user may have several roles or none. How the actor of a move is found, and what an unknown one may do, is the
funnel law's (semantics.md A).
"""

from collections.abc import Mapping
from datetime import UTC, datetime

from leadsync.domain.conditions import FactValue, holds
from leadsync.domain.durations import Duration
from leadsync.domain.mapping import CrmMapping
from leadsync.domain.members import names_of
from leadsync.domain.records import User
from leadsync.domain.routing import Routing, pools_of


class UserFacts:
    """What `actors` may ask about a user: user role profile permission_set security_role team queue pool.

    `user` is the user name or the e-mail; whatever a user has several of, each test asks for any of them.
    """

    __slots__ = ("_values",)

    def __init__(self, user: User, pools: tuple[str, ...] = ()) -> None:
        self._values: Mapping[str, FactValue] = {
            "user": names_of(user),
            "role": user.role,
            "profile": user.profile,
            "permission_set": user.permission_sets,
            "security_role": user.security_roles,
            "team": user.teams,
            "queue": user.queues,
            "pool": pools,
        }

    @property
    def now(self) -> datetime:
        """Return a fixed instant: nothing about a user is dated."""
        return datetime.min.replace(tzinfo=UTC)

    def get(self, name: str) -> FactValue:
        """Return the value of one of the eight names, None for any other."""
        return self._values.get(name)

    def after(self, start: datetime, duration: Duration) -> datetime:
        """Raise ValueError: nothing about a user is dated."""
        raise ValueError(f"nothing about a user is dated, so {duration} cannot be asked")


def roles_of(mapping: CrmMapping, routing: Routing, user: User | None, own_user_id: str) -> tuple[str, ...]:
    """Return a user's roles in order of their names; `leadsync` for our own user, `unknown` for one the CRM hides.

    A user without any role has none: `doctor` lists those who moved stages.
    """
    if user is None:
        return ("unknown",)
    if user.id == own_user_id:
        return ("leadsync",)
    facts = UserFacts(user, pools_of(routing, user))
    return tuple(sorted(role for role, condition in mapping.actors.items() if holds(condition, facts)))
