"""Who gets the person who stands at an open door, and what has to be written so that everybody sees it (semantics.md E)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from leadsync.domain.conditions import fold
from leadsync.domain.doors import Door, is_chosen_by_a_person, made_at
from leadsync.domain.pools import PoolBook
from leadsync.domain.records import Value
from leadsync.domain.routing import Relations, Routed, reachable_pools, route
from leadsync.domain.situation import Assignment
from leadsync.domain.standing import Standing


@dataclass(frozen=True, slots=True)
class Passage:
    """What came of a door: the assignment that counts, the values that it writes, and whether it is new."""

    assignment: Assignment
    values: Mapping[str, Value]
    is_new: bool


def go_through(door: Door, standing: Standing, book: PoolBook, *, moving: bool = False) -> Passage:
    """Return who gets the person at this door; `moving` says that the stage behind it is not written yet.

    A door whose assignment was made but never reached the record gives the same answer again without a new charge, unless
    whoever got the person has left meanwhile. A member of the target pool whom a person chose shortly before stays, and is charged.
    """
    made = made_at(standing, door.key)
    if made is not None and not _can_take(standing, made):
        door = replace(door, key=f"{door.key}:anew", without=door.without | {made.owner_id})
        made = made_at(standing, door.key)
    if made is not None:
        queue = standing.grounds.directory.queues.get(made.owner_id)
        return Passage(made, _values(standing, made.owner_id, queue.name if queue else None), is_new=False)
    tier = "hand_raiser" if door.hand_raised else "normal"
    if door.key.startswith("misrouted:"):
        give_back(standing, book, door.without)
    routed = _routed(door, standing, book, tier, moving=moving)
    assignment = Assignment(
        person_id=standing.situation.person_id,
        record_id=standing.record.ref.id,
        rule=routed.rule,
        pool=routed.pool,
        tier=tier,
        sticky=routed.sticky,
        owner_id=routed.owner_id or "",
        by="leadsync",
        at=standing.grounds.now,
        reason=routed.reason,
        door=door.key,
        candidates=routed.candidates,
    )
    return Passage(assignment, _values(standing, routed.owner_id, routed.queue), is_new=True)


def _can_take(standing: Standing, made: Assignment) -> bool:
    """Say whether whoever was assigned can still have the person; a person parked with a reason stays parked."""
    user = standing.grounds.directory.users.get(made.owner_id)
    return user.active if user else True


def give_back(standing: Standing, book: PoolBook, owners: frozenset[str] | None = None) -> None:
    """Give the last assignment's turn back to whoever had it: it was a misroute or a duplicate, and no work."""
    last = standing.situation.assignments[-1] if standing.situation.assignments else None
    if last is not None and last.pool is not None and (owners is None or last.owner_id in owners):
        book.credit(last.pool, last.tier, last.owner_id)


def _routed(door: Door, standing: Standing, book: PoolBook, tier: str, *, moving: bool) -> Routed:
    grounds = standing.grounds
    zone = grounds.rulebook.company.zone
    if door.beside is not None:
        return Routed("user", door.beside, "twin", f"twin of {standing.twin.person_id if standing.twin else ''}")
    if door.desk is not None:
        return _to_desk(door.desk, standing)
    if (manager := _manager(door, standing, book)) is not None:
        book.charge(None, tier, manager, now=grounds.now, zone=zone)
        return Routed("user", manager, "manager", "after two reassignments the lead goes to the manager")
    pools = reachable_pools(grounds.rulebook.routing, door.rules)
    if (chosen := _chosen_by_a_person(standing, door, book, moving=moving)) is not None:
        seat = book.membership(chosen, pools)
        pool = seat[0].name if seat else None
        book.charge(pool, tier, chosen, now=grounds.now, zone=zone)
        return Routed("user", chosen, "chosen", "a person chose this owner", pool, sticky=True)
    objects = grounds.mapping.objects[standing.record.ref.object]
    return route(
        grounds.rulebook.routing,
        door.rules,
        standing.facts,
        relations=_relations(standing, pools, book),
        directory=grounds.directory,
        book=book,
        tier=tier,
        now=grounds.now,
        zone=zone,
        without=door.without,
        queue_may_own=objects.responsible == "assignee" or objects.queues_may_own,
        fallback_user=objects.fallback_user,
    )


def _to_desk(desk: str, standing: Standing) -> Routed:
    """Return the queue where somebody repairs the record; a queue that the CRM does not know is named all the same."""
    queues = standing.grounds.directory.queues.values()
    found = min((queue for queue in queues if fold(queue.name) == fold(desk)), key=lambda queue: queue.id, default=None)
    reason = standing.hold.reason.label if standing.hold and standing.hold.reason else ""
    if found is None:
        return Routed("queue", None, "desk", f"{reason}; queue {desk} is not in the CRM", queue=desk)
    return Routed("queue", found.id, "desk", reason, queue=found.name)


def _manager(door: Door, standing: Standing, book: PoolBook) -> str | None:
    """Return the next active manager up the tree who is there, None when the door asks for none or there is none."""
    grounds, seen = standing.grounds, {door.manager_of}
    user = grounds.directory.users.get(door.manager_of or "")
    while user is not None and user.manager_id not in seen:
        seen.add(user.manager_id)
        user = grounds.directory.users.get(user.manager_id or "")
        if user and user.active and not book.away(user, now=grounds.now, zone=grounds.rulebook.company.zone):
            return user.id
    return None


def _values(standing: Standing, owner_id: str | None, queue: str | None) -> Mapping[str, Value]:
    """Return the fields that make somebody responsible; a queue cannot be an assignee, so its name stands beside."""
    objects = standing.grounds.mapping.objects[standing.record.ref.object]
    misrouted: Mapping[str, Value] = {"misrouted": False} if standing.record.fields.get("misrouted") else {}
    if objects.responsible == "assignee":
        return {"assignee": None if queue or not owner_id else owner_id, "queue": queue, **misrouted}
    return {"owner": owner_id, "queue": queue, **misrouted} if owner_id else {"queue": queue, **misrouted}


def _chosen_by_a_person(standing: Standing, door: Door, book: PoolBook, *, moving: bool) -> str | None:
    """Return the member of a pool behind this door whom a person made responsible shortly before."""
    pools = reachable_pools(standing.grounds.rulebook.routing, door.rules)
    owner = standing.responsible_id
    if owner is None or owner in door.without or book.membership(owner, pools) is None:
        return None
    came = [change for change in standing.situation.owners if change.owner_id == owner]
    return owner if came and is_chosen_by_a_person(standing, came[-1], moving=moving) else None


def _relations(standing: Standing, pools: tuple[str, ...], book: PoolBook) -> Relations:
    directory, account = standing.grounds.directory, standing.account

    def rep(owner_id: object) -> str | None:
        return owner_id if isinstance(owner_id, str) and book.membership(owner_id, pools) else None

    colleagues = directory.colleagues.get(account.id, ()) if account else ()
    others = (owner for person, owner in colleagues if person != standing.situation.person_id and rep(owner))
    former, until = _former_owner(standing, pools, book)
    return Relations(
        deal_owner=standing.deals.open.owner_id if standing.deals.open else None,
        account_colleague=next(others, None),
        account_owner=rep(account.fields.get("owner")) if account else None,
        former_owner=former,
        former_until=until,
        ambiguous_account=standing.ambiguous_account,
    )


def _former_owner(standing: Standing, pools: tuple[str, ...], book: PoolBook) -> tuple[str | None, datetime | None]:
    """Return the rep behind this door who had the person last, and until when; who still has them, until now."""
    held: list[tuple[datetime, str]] = []
    changes = standing.situation.owners
    for index, change in enumerate(changes):
        until = next((c.at for c in changes[index + 1 :] if c.field == change.field), standing.grounds.now)
        if change.owner_id and book.membership(change.owner_id, pools):
            held.append((until, change.owner_id))
    if not held:
        return None, None
    until, owner = max(held)
    return owner, until
