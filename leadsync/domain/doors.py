"""When a person is routed: at doors only, once per door; a person's own choice of owner stands (semantics.md E)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from leadsync.domain.funnel import Stage
from leadsync.domain.owners import is_covered, owner_kind
from leadsync.domain.pools import PoolBook
from leadsync.domain.records import Value
from leadsync.domain.routing import Relations, Routed, reachable_pools, route
from leadsync.domain.situation import Assignment, OwnerChange
from leadsync.domain.standing import Standing

CHOSEN_BEFORE = timedelta(minutes=10)
"""A member of the target pool whom a person chose up to this long before the door stands (semantics.md E)."""


@dataclass(frozen=True, slots=True)
class Door:
    """An occasion to route: `key` names it once and for all, `rules` the list that is asked."""

    key: str
    rules: str
    without: frozenset[str] = frozenset()
    hand_raised: bool = False


@dataclass(frozen=True, slots=True)
class Passage:
    """What came of a door: the assignment that counts, the values that it writes, and whether it is new."""

    assignment: Assignment
    values: Mapping[str, Value]
    is_new: bool


def open_door(standing: Standing, target: Stage | None, reassign: tuple[str, str | None] | None) -> Door | None:
    """Return the door that is open for a person who is, or is about to be, in `target`; None when none is.

    `reassign` is what an SLA ladder asks for: (cause, the owner who let it pass). Entering comes before everything else.
    """
    grounds = standing.grounds
    routing = grounds.rulebook.routing
    if target is None or not target.routed or standing.excluded or standing.twin is not None or not standing.is_new:
        return None
    if grounds.law.open_deal_guard != "none" and standing.deals.outcome == "open" and target.role != "sales_qualified":
        return None
    rules = _rules_for(standing, target)
    if rules is None:
        return None
    hand = standing.facts.get("hand_raised") is True
    here = standing.stage
    moving = here is None or here.name != target.name
    number = _entries_of(standing, target.name) + 1 if moving else max(standing.stay.entry_number, 1)
    held_in_bulk = not moving and standing.stay.entered_by is not None and standing.stay.entered_by.bulk_id is not None
    entered = moving or (grounds.is_live(standing.stay.entered_at) and not held_in_bulk)
    if target.name in routing.doors and entered:
        key = f"{target.name}#{number}"
        if not _passed(standing, key):
            return Door(key, rules, hand_raised=hand)
    responsible = standing.responsible_id
    if reassign is not None:
        cause, owner = reassign
        return Door(f"sla:{cause}", rules, frozenset({owner} if owner else ()), hand)
    if standing.record.fields.get("misrouted") is True and responsible:
        return Door(f"misrouted:{responsible}:{target.name}#{number}", rules, frozenset({responsible}), hand)
    if entered and not _looked_after(standing, responsible):
        return Door(f"owner_gone:{responsible}:{target.name}#{number}", rules, hand_raised=hand)
    return None


def _rules_for(standing: Standing, target: Stage) -> str | None:
    """Return the list of rules of a stage's own door, else of the last door before it."""
    routing, stages = standing.grounds.rulebook.routing, standing.grounds.law.stages
    if target.name in routing.doors:
        return routing.doors[target.name]
    before = [
        (stages[name].rank or 0, rules)
        for name, rules in routing.doors.items()
        if target.rank is not None and (stages[name].rank or 0) <= target.rank
    ]
    return max(before, default=(0, None))[1]


def _entries_of(standing: Standing, stage: str) -> int:
    count, last = 0, None
    for move in standing.moves:
        if move.to_stage is None:
            continue
        if move.to_stage == stage and last != stage and not move.correction:
            count += 1
        last = move.to_stage
    return count


def _passed(standing: Standing, key: str) -> bool:
    """Say whether a door was passed already: its assignment was made, and the record shows it or a later choice."""
    made = next((a for a in reversed(standing.situation.assignments) if a.door == key), None)
    return made is not None and not _lost(standing, made)


def _lost(standing: Standing, made: Assignment) -> bool:
    """Say whether the last assignment never reached the record: nobody chose since, and somebody else stands there."""
    if made is not standing.situation.assignments[-1] or _shows(standing, made):
        return False
    return not any(change.at >= made.at and not _is_ours(change, standing) for change in standing.situation.owners)


def _shows(standing: Standing, made: Assignment) -> bool:
    if standing.responsible_id == made.owner_id:
        return True
    return bool(standing.record.fields.get("queue")) and made.owner_id in standing.grounds.directory.queues


def _is_ours(change: OwnerChange, standing: Standing) -> bool:
    return change.by == standing.grounds.directory.own_user_id


def _looked_after(standing: Standing, responsible: str | None) -> bool:
    """Say whether somebody has the person, or a reason is named why they wait."""
    grounds = standing.grounds
    if is_covered(responsible, grounds.directory, grounds.mapping, grounds.rulebook.routing):
        return True
    if owner_kind(responsible, grounds.directory, grounds.mapping, grounds.rulebook.routing) == "inactive":
        return False
    last = standing.situation.assignments[-1] if standing.situation.assignments else None
    return last is not None and not _lost(standing, last)


def go_through(door: Door, standing: Standing, book: PoolBook) -> Passage:
    """Return who gets the person at this door.

    A door whose assignment was made but never reached the record gives the same answer again without a new charge.
    A member of the target pool whom a person chose shortly before stays, and is charged.
    """
    grounds = standing.grounds
    made = next((a for a in reversed(standing.situation.assignments) if a.door == door.key), None)
    if made is not None:
        return Passage(made, _values(standing, made.owner_id, _queue_name(standing, made.owner_id)), is_new=False)
    zone = grounds.rulebook.company.zone
    tier = "hand_raiser" if door.hand_raised else "normal"
    chosen = _chosen_by_a_person(standing, door, book)
    if chosen is not None:
        pool = book.membership(chosen, reachable_pools(grounds.rulebook.routing, door.rules))
        book.charge(pool[0].name if pool else None, tier, chosen, now=grounds.now, zone=zone)
        routed = Routed("user", chosen, "chosen", "a person chose this owner", pool[0].name if pool else None, sticky=True)
    else:
        objects = grounds.mapping.objects[standing.record.ref.object]
        assigned_by_owner = objects.responsible == "owner"
        routed = route(
            grounds.rulebook.routing,
            door.rules,
            standing.facts,
            relations=_relations(standing, door, book),
            directory=grounds.directory,
            book=book,
            tier=tier,
            now=grounds.now,
            zone=zone,
            without=door.without,
            queue_may_own=not (assigned_by_owner and standing.record.ref.object == "contact"),
            fallback_user=objects.fallback_user,
        )
    assignment = Assignment(
        person_id=standing.situation.person_id,
        record_id=standing.record.ref.id,
        rule=routed.rule,
        pool=routed.pool,
        tier=tier,
        sticky=routed.sticky,
        owner_id=routed.owner_id or "",
        by="leadsync",
        at=grounds.now,
        reason=routed.reason,
        door=door.key,
        candidates=routed.candidates,
    )
    return Passage(assignment, _values(standing, routed.owner_id, routed.queue), is_new=True)


def _queue_name(standing: Standing, owner_id: str) -> str | None:
    queue = standing.grounds.directory.queues.get(owner_id)
    return queue.name if queue else None


def _values(standing: Standing, owner_id: str | None, queue: str | None) -> Mapping[str, Value]:
    """Return the fields that make somebody responsible; a queue cannot be an assignee, so its name stands beside."""
    if not owner_id:
        return {"queue": queue}
    objects = standing.grounds.mapping.objects[standing.record.ref.object]
    misrouted: Mapping[str, Value] = {"misrouted": False} if standing.record.fields.get("misrouted") else {}
    if objects.responsible == "owner":
        return {"owner": owner_id, "queue": queue, **misrouted}
    return {"assignee": None if queue else owner_id, "queue": queue, **misrouted}


def _chosen_by_a_person(standing: Standing, door: Door, book: PoolBook) -> str | None:
    """Return the member of a pool behind this door whom a person made responsible shortly before."""
    pools = reachable_pools(standing.grounds.rulebook.routing, door.rules)
    responsible = standing.responsible_id
    if responsible is None or responsible in door.without or book.membership(responsible, pools) is None:
        return None
    came = [c for c in standing.situation.owners if c.owner_id == responsible]
    entered = standing.stay.entered_at
    if came and not _is_ours(came[-1], standing) and came[-1].at >= entered - CHOSEN_BEFORE and came[-1].by is not None:
        return responsible if not _is_automation(came[-1].by, standing) else None
    return None


def _is_automation(user_id: str, standing: Standing) -> bool:
    grounds = standing.grounds
    return owner_kind(user_id, grounds.directory, grounds.mapping, grounds.rulebook.routing) not in ("rep", "human")


def _relations(standing: Standing, door: Door, book: PoolBook) -> Relations:
    grounds, routing = standing.grounds, standing.grounds.rulebook.routing
    pools = reachable_pools(routing, door.rules)

    def reps(owner_id: object) -> str | None:
        return owner_id if isinstance(owner_id, str) and book.membership(owner_id, pools) else None

    account = standing.account
    colleague = next(
        (
            owner
            for person, owner in (grounds.directory.colleagues.get(account.id, ()) if account else ())
            if person != standing.situation.person_id and reps(owner)
        ),
        None,
    )
    former, until = _former_owner(standing, pools, book)
    return Relations(
        deal_owner=standing.deals.open.owner_id if standing.deals.open else None,
        account_colleague=colleague,
        account_owner=reps(account.fields.get("owner")) if account else None,
        former_owner=former,
        former_until=until,
        ambiguous_account=standing.ambiguous_account,
    )


def _former_owner(standing: Standing, pools: tuple[str, ...], book: PoolBook) -> tuple[str | None, datetime | None]:
    """Return the rep behind this door who had the person last, and until when; who still has them, until now."""
    held: list[tuple[datetime, str]] = []
    changes = [c for c in standing.situation.owners if c.field == "owner" or c.owner_id]
    for index, change in enumerate(changes):
        nxt = next((c.at for c in changes[index + 1 :] if c.field == change.field), standing.grounds.now)
        if change.owner_id and book.membership(change.owner_id, pools):
            held.append((nxt, change.owner_id))
    if not held:
        return None, None
    until, owner = max(held)
    return owner, until

