"""Who gets whom: the rules of a door in order, the first that holds and finds somebody wins.

Whose turn it is inside a pool is `pools.py`; when a door opens, and what an answer means for an owner or an assignee,
is the decision's. Absence excludes everywhere, being off-hours nowhere (semantics.md E).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from leadsync.domain.conditions import Condition, Facts, FactValue, fold, holds
from leadsync.domain.durations import Duration
from leadsync.domain.members import Absence, Caps, Member, Pool, Wanted, names_of, unfit
from leadsync.domain.pools import PoolBook
from leadsync.domain.records import Queue, User
from leadsync.domain.situation import Directory

__all__ = [
    "Absence",
    "AccountMatch",
    "Caps",
    "Member",
    "Pool",
    "Relation",
    "Relations",
    "Routed",
    "Routing",
    "Rule",
    "Target",
    "Territory",
    "ToPool",
    "ToQueue",
    "ToRelated",
    "ToUser",
    "pools_of",
    "reachable_pools",
    "route",
    "territory",
]


@dataclass(frozen=True, slots=True)
class ToPool:
    """Assign to a member of a pool."""

    pool: str


@dataclass(frozen=True, slots=True)
class ToQueue:
    """Assign to a queue."""

    queue: str


@dataclass(frozen=True, slots=True)
class ToUser:
    """Assign to one user."""

    user: str


Relation = Literal["deal_owner", "account_colleague", "account_owner", "former_owner"]


@dataclass(frozen=True, slots=True)
class ToRelated:
    """Assign to an owner found through a relation of the person."""

    relation: Relation
    within: Duration | None = None


Target = ToPool | ToQueue | ToUser | ToRelated


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of a list of rules; `match` names what a member must have, `only` is a condition on the member."""

    name: str
    assign: Target
    when: Condition | None = None
    match: tuple[Literal["language", "territory"], ...] = ()
    only: Condition | None = None


@dataclass(frozen=True, slots=True)
class Territory:
    """A named part of the world; the first that fits is the person's."""

    name: str
    when: Condition


@dataclass(frozen=True, slots=True)
class AccountMatch:
    """Points by which a lead's account is found."""

    domain: int
    name: int
    country: int
    accept: int
    ambiguous_within: int
    ambiguous_queue: str
    free_mail: frozenset[str]


@dataclass(frozen=True, slots=True)
class Routing:
    """Everything routing.yaml says."""

    doors: Mapping[str, str]  # stage -> list of rules
    fallback_queue: str
    fallback_user: str | None
    lists: Mapping[str, frozenset[str]]  # folded values
    territories: tuple[Territory, ...]
    account_match: AccountMatch
    rules: Mapping[str, tuple[Rule, ...]]
    pools: Mapping[str, Pool]


@dataclass(frozen=True, slots=True)
class Relations:
    """Users found through the person's relations, by CRM user id; None where there is none.

    `account_colleague` is who works another live person of the same account; `former_until` is when the former owner stopped being it. `ambiguous_account`: two accounts came too close to tell.
    """

    deal_owner: str | None = None
    account_colleague: str | None = None
    account_owner: str | None = None
    former_owner: str | None = None
    former_until: datetime | None = None
    ambiguous_account: bool = False


@dataclass(frozen=True, slots=True)
class Routed:
    """Where a person goes, and why. `owner_id` is a user's id or a queue's.

    For a queue, `queue` is its name: what a Contact's assignee cannot hold is written there. With `owner_id` None the
    CRM has neither the queue nor a user to fall back on: the person is parked for the reason given.
    `candidates` are all who were looked at, as (user id, rule and reason), in the order of the rules.
    """

    kind: Literal["user", "queue"]
    owner_id: str | None
    rule: str
    reason: str
    pool: str | None = None
    sticky: bool = False
    queue: str | None = None
    candidates: tuple[tuple[str, str], ...] = ()


def route(
    routing: Routing,
    door_rules: str,
    facts: Facts,
    *,
    relations: Relations,
    directory: Directory,
    book: PoolBook,
    tier: str,
    now: datetime,
    zone: str,
    without: frozenset[str] = frozenset(),
    queue_may_own: bool = True,
    fallback_user: str | None = None,
) -> Routed:
    """Return who gets a person by one list of rules, charged in the book.

    A pool whose fitting members are all full or away sends to the fallback; one where nobody fits at all passes on, as
    does a relation that finds nobody. A rule that needs the account while two came close parks for a person to decide.
    `without` are user ids to avoid. Where no queue may own (a Contact on Salesforce that is routed by its owner),
    `fallback_user`, else the rule file's, takes what would be parked.
    """
    door = _Door(
        routing=routing,
        pools=reachable_pools(routing, door_rules),
        facts=facts,
        relations=relations,
        directory=directory,
        book=book,
        tier=tier,
        now=now,
        zone=zone,
        queue_may_own=queue_may_own,
        fallback_user=fallback_user or routing.fallback_user,
        seen=[],
    )
    for rule in routing.rules[door_rules]:
        if rule.when is not None and not holds(rule.when, facts):
            continue
        wanted = Wanted(
            language=_text(facts.get("language")) if "language" in rule.match else None,
            territory=_text(facts.get("territory")) if "territory" in rule.match else None,
            only=rule.only,
            without=without,
        )
        match rule.assign:
            case ToPool(pool):
                answer = door.ask(pool, rule, wanted)
            case ToQueue(queue):
                answer = door.park(rule.name, f"{rule.name}: waits in a queue", queue)
            case ToRelated("account_colleague" | "account_owner") if relations.ambiguous_account:
                queue = routing.account_match.ambiguous_queue
                answer = door.park(rule.name, f"{rule.name}: more than one account fits", queue)
            case user_or_relation:
                answer = door.find(user_or_relation, rule, wanted)
        if answer is not None:
            return answer
    return door.park("fallback", "no rule found anybody")


def reachable_pools(routing: Routing, door_rules: str) -> tuple[str, ...]:
    """Return the pools to which a list of rules may assign, in the order of the rules."""
    assigned = (rule.assign for rule in routing.rules[door_rules])
    return tuple(dict.fromkeys(target.pool for target in assigned if isinstance(target, ToPool)))


def pools_of(routing: Routing, user: User) -> tuple[str, ...]:
    """Return the pools whose members name a user by user name or e-mail."""
    names = {fold(name) for name in names_of(user)}
    return tuple(pool.name for pool in routing.pools.values() if any(fold(m.user) in names for m in pool.members))


def territory(routing: Routing, facts: Facts) -> str | None:
    """Return the name of the first territory that fits, None when none does."""
    return next((place.name for place in routing.territories if holds(place.when, facts)), None)


_FOUND: Mapping[Relation, str] = {
    "deal_owner": "owns the open deal",
    "account_colleague": "works a colleague at the same account",
    "account_owner": "owns the account",
    "former_owner": "had this person before",
}


@dataclass(frozen=True, slots=True)
class _Door:
    """One person at one door: everything the rules look at, and who was looked at so far."""

    routing: Routing
    pools: tuple[str, ...]
    facts: Facts
    relations: Relations
    directory: Directory
    book: PoolBook
    tier: str
    now: datetime
    zone: str
    queue_may_own: bool
    fallback_user: str | None
    seen: list[tuple[str, str]]

    def ask(self, pool: str, rule: Rule, wanted: Wanted) -> Routed | None:
        pick = self.book.pick(pool, self.tier, wanted, now=self.now, zone=self.zone)
        self.seen.extend((who, f"{rule.name}: {why}") for who, why in pick.candidates)
        if pick.user is not None:
            reason = f"{rule.name}: next in turn of {pool}"
            return Routed("user", pick.user.id, rule.name, reason, pool, candidates=tuple(self.seen))
        return self.park(rule.name, f"everybody in {pool} is full or away") if pick.full_or_away else None

    def find(self, target: ToUser | ToRelated, rule: Rule, wanted: Wanted) -> Routed | None:
        who = self._named(target)
        if who is None:
            return None
        seat = self.book.membership(who, self.pools)
        lost = self._refusal(target, who, seat, wanted)
        found = "named by the rule" if isinstance(target, ToUser) else _FOUND[target.relation]
        self.seen.append((who, f"{rule.name}: {lost or found}"))
        if lost:
            return None
        pool = seat[0].name if seat else None
        self.book.charge(pool, self.tier, who, now=self.now, zone=self.zone)
        sticky = isinstance(target, ToRelated) and target.relation == "former_owner"
        return Routed("user", who, rule.name, f"{rule.name}: {found}", pool, sticky, candidates=tuple(self.seen))

    def park(self, rule: str, reason: str, *queues: str) -> Routed:
        """Return the first queue that the CRM knows, the rule file's fallback last, then the fallback user."""
        notes = [reason]
        wanted = (*queues, self.routing.fallback_queue)
        for name in dict.fromkeys(wanted):
            if not self.queue_may_own:
                notes.append(f"queue {name} cannot own this record")
            elif (queue := _queue(self.directory, name)) is None:
                notes.append(f"queue {name} is not in the CRM")
            else:
                return Routed("queue", queue.id, rule, "; ".join(notes), queue=queue.name, candidates=tuple(self.seen))
        user = self.book.find(self.fallback_user) if self.fallback_user else None
        if user is not None and user.active:
            return Routed("user", user.id, rule, "; ".join(notes), candidates=tuple(self.seen))
        notes.append("no active user to fall back on")
        return Routed("queue", None, rule, "; ".join(notes), queue=wanted[0], candidates=tuple(self.seen))

    def _named(self, target: ToUser | ToRelated) -> str | None:
        """Return the user id that a target stands for; a name that the CRM does not know stands for itself."""
        if isinstance(target, ToUser):
            user = self.book.find(target.user)
            return user.id if user else target.user
        users: Mapping[Relation, str | None] = {
            "deal_owner": self.relations.deal_owner,
            "account_colleague": self.relations.account_colleague,
            "account_owner": self.relations.account_owner,
            "former_owner": self.relations.former_owner,
        }
        return users[target.relation]

    def _refusal(
        self, target: ToUser | ToRelated, user_id: str, seat: tuple[Pool, Member] | None, wanted: Wanted
    ) -> str | None:
        """Return why a user who was found must not get the person.

        Only the rep of an open deal, or whom a rule names, may be outside the pools of this door: at the door to sales a
        colleague's development rep is no answer. Caps bind the former rep, who is a preference; an account has one
        voice even on a busy day.
        """
        user = self.directory.users.get(user_id)
        if lost := unfit(seat[1] if seat else Member(user_id), user, wanted, self.now):
            return lost
        if user is not None and (until := self.book.away(user, now=self.now, zone=self.zone)):
            return f"away until {until}"
        match target:
            case ToUser() | ToRelated("deal_owner"):
                return None
            case _ if seat is None:
                return "in none of the pools of these rules"
            case ToRelated("former_owner", within):
                left_at = self.relations.former_until
                if within is not None and (left_at is None or self.facts.after(left_at, within) <= self.now):
                    return f"longer ago than {within}"
                return self.book.full(seat[1], user_id, now=self.now, zone=self.zone)
            case _:
                return None


def _queue(directory: Directory, name: str) -> Queue | None:
    """Return the queue of this name, the one with the smallest id if there are several."""
    named = (queue for queue in directory.queues.values() if fold(queue.name) == fold(name))
    return min(named, key=lambda queue: queue.id, default=None)


def _text(value: FactValue) -> str | None:
    return value if isinstance(value, str) else None
