"""When a person is routed: at doors only, once per door; a person's own choice of owner stands (semantics.md E)."""

from dataclasses import dataclass
from datetime import timedelta

from leadsync.domain.actors import roles_of
from leadsync.domain.funnel import Stage
from leadsync.domain.moves import Move
from leadsync.domain.owners import is_covered, owner_kind, responsible
from leadsync.domain.persons import entries, times_entered
from leadsync.domain.rejection import desk_of
from leadsync.domain.situation import Assignment, OwnerChange
from leadsync.domain.standing import Standing

CHOSEN_BEFORE = timedelta(minutes=10)
"""A member of the target pool whom a person chose up to this long before the door stands (semantics.md E)."""

REASSIGNMENTS = 2
"""After so many reassignments by the SLA in one stay, the lead goes to the manager (semantics.md F)."""


@dataclass(frozen=True, slots=True)
class Door:
    """An occasion to route: `key` names it once and for all, `rules` the list that is asked.

    Three doors ask no rules: `desk` leads to a queue, `manager_of` to the manager of a user, `beside` to the owner of the
    person's twin. `without` are the owners who had the person and must not get them again.
    """

    key: str
    rules: str = ""
    without: frozenset[str] = frozenset()
    hand_raised: bool = False
    desk: str | None = None
    manager_of: str | None = None
    beside: str | None = None


def open_door(standing: Standing, target: Stage | None, move: Move | None = None) -> Door | None:
    """Return the door that is open for a person who is, or by `move` is about to be, in `target`; None when none is.

    Entering comes before everything else; then an assignment that never reached the record, a misrouted person, and an
    owner who is gone.
    """
    if target is None or _shut(standing) or standing.twin is not None:
        return _twins_door(standing, target, move)
    stay = f"{target.name}#{_entry_number(standing, target, move)}"
    if (desk := desk_of(standing)) is not None and move is None:
        key = f"desk:{stay}"
        return None if _passed(standing, key) else Door(key, desk=desk)
    rules = rules_for(standing, target)
    if not target.routed or rules is None or _guarded(standing, target):
        return None
    hand = standing.facts.get("hand_raised") is True
    owner = standing.responsible_id
    if move is not None and move.misrouted:
        return Door(f"misrouted:{owner}:{stay}", rules, frozenset({owner} if owner else ()), hand)
    entered = move is not None or _entered_now(standing)
    if entered and target.name in standing.grounds.rulebook.routing.doors and not _passed(standing, stay):
        return Door(stay, rules, hand_raised=hand)
    if (made := _unheard(standing)) is not None:
        return Door(made.door, rules, hand_raised=hand)
    if standing.record.fields.get("misrouted") is True and owner:
        return Door(f"misrouted:{owner}:{stay}", rules, frozenset({owner}), hand)
    if entered and not is_looked_after(standing):
        return Door(f"owner_gone:{owner}:{stay}", rules, hand_raised=hand)
    return None


def reassign_door(standing: Standing, cause: str, owner_id: str | None) -> Door | None:
    """Return the door that an SLA ladder opens because `owner_id` let the person wait; None where nobody is routed.

    After two such reassignments in one stay it leads to the manager.
    """
    target = standing.stage
    if target is None or _shut(standing) or standing.twin is not None or _guarded(standing, target):
        return None
    rules = rules_for(standing, target)
    if not target.routed or rules is None:
        return None
    made = [a for a in standing.situation.assignments if a.door.startswith("sla:") and a.at >= standing.stay.entered_at]
    return Door(
        key=f"sla:{cause}",
        rules=rules,
        without=frozenset({owner_id} if owner_id else ()),
        hand_raised=standing.facts.get("hand_raised") is True,
        manager_of=owner_id if len(made) >= REASSIGNMENTS else None,
    )


def why_not_routed(standing: Standing, target: Stage | None) -> str | None:
    """Return the reason for which nobody routes a person in a routed stage now, None when nothing keeps anybody."""
    if target is None or not target.routed:
        return None
    if standing.excluded:
        return "excluded by its condition"
    if standing.twin is not None:
        return f"twin of {standing.twin.person_id}"
    if not standing.is_new:
        return "nothing has happened since going live"
    if "owner" not in standing.grounds.kinds:
        return "owners are not delivered"
    if _guarded(standing, target):
        return "in an open deal" if standing.deals.open else "their account is in an open deal"
    if rules_for(standing, target) is None:
        return "no door leads here"
    entered = standing.stay.entered_by
    if entered is not None and entered.is_held:
        return f"part of the mass change {entered.bulk_id}"
    if standing.mass_creation is not None:
        return f"part of the mass creation {standing.mass_creation}, whose doors open so many an hour"
    return None


def _shut(standing: Standing) -> bool:
    """Say whether no door opens at all: nothing happened, the person is none of ours, or owners are not delivered."""
    return standing.excluded or not standing.is_new or "owner" not in standing.grounds.kinds


def _guarded(standing: Standing, target: Stage) -> bool:
    return standing.guarding_deal is not None and target.role != "sales_qualified"


def _twins_door(standing: Standing, target: Stage | None, move: Move | None) -> Door | None:
    """Return the door by which a twin that nobody looks after gets the owner of whoever speaks for the group."""
    twin = standing.twin
    if target is None or twin is None or not target.routed or _shut(standing) or not _entered_now(standing):
        return None
    owner = responsible(twin.record, standing.grounds.mapping)
    key = f"twin:{twin.person_id}:{target.name}#{_entry_number(standing, target, move)}"
    if owner is None or owner == standing.responsible_id or is_looked_after(standing) or _passed(standing, key):
        return None
    return Door(key, beside=owner)


def rules_for(standing: Standing, target: Stage) -> str | None:
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


def _entry_number(standing: Standing, target: Stage, move: Move | None) -> int:
    """Return how often the person will have entered the stage, a stay that a correction restores not counted again."""
    count = times_entered(standing.moves, target.name)
    if move is None:
        return max(count, 1)
    began = entries(standing.moves)
    restored = move.correction and len(began) > 1 and began[-2].to_stage == target.name
    return count if restored else count + 1


def _entered_now(standing: Standing) -> bool:
    """Say whether the present stay began since going live, and not with a mass change."""
    entered = standing.stay.entered_by
    return standing.grounds.is_live(standing.stay.entered_at) and (entered is None or not entered.is_held)


def _passed(standing: Standing, key: str) -> bool:
    """Say whether a door was passed already: its assignment was made, and the record shows it or a later choice."""
    made = made_at(standing, key)
    return made is not None and not _lost(standing, made)


def made_at(standing: Standing, key: str) -> Assignment | None:
    """Return the assignment that was made at a door, None when nobody came through it yet."""
    return next((made for made in reversed(standing.situation.assignments) if made.door == key), None)


def _unheard(standing: Standing) -> Assignment | None:
    """Return the last assignment of this stay if it never reached the record: it is wished for again."""
    made = standing.situation.assignments[-1] if standing.situation.assignments else None
    if made is None or made.at < standing.stay.entered_at or not made.owner_id or not _lost(standing, made):
        return None
    return made


def _lost(standing: Standing, made: Assignment) -> bool:
    """Say whether the last assignment never reached the record: nobody chose since, and somebody else stands there."""
    if made is not standing.situation.assignments[-1] or _shows(standing, made):
        return False
    return not any(change.at >= made.at and not is_ours(change, standing) for change in standing.situation.owners)


def _shows(standing: Standing, made: Assignment) -> bool:
    if standing.responsible_id == made.owner_id or not made.owner_id:
        return True
    return bool(standing.record.fields.get("queue")) and made.owner_id in standing.grounds.directory.queues


def is_ours(change: OwnerChange, standing: Standing) -> bool:
    """Say whether an owner came by our own write."""
    return change.by == standing.grounds.directory.own_user_id


def is_looked_after(standing: Standing) -> bool:
    """Say whether somebody has the person, or a reason is named why they wait."""
    grounds, owner = standing.grounds, standing.responsible_id
    if is_covered(owner, grounds.directory, grounds.mapping, grounds.rulebook.routing):
        return True
    if owner_kind(owner, grounds.directory, grounds.mapping, grounds.rulebook.routing) == "inactive":
        return False
    last = standing.situation.assignments[-1] if standing.situation.assignments else None
    return last is not None and not _lost(standing, last)


def is_chosen_by_a_person(standing: Standing, change: OwnerChange, *, moving: bool) -> bool:
    """Say whether a person, and no integration, chose an owner at this door or shortly before it."""
    grounds = standing.grounds
    came_to_the_door_at = grounds.now if moving else standing.stay.entered_at
    if change.by is None or is_ours(change, standing) or change.at < came_to_the_door_at - CHOSEN_BEFORE:
        return False
    user = grounds.directory.users.get(change.by)
    if owner_kind(change.by, grounds.directory, grounds.mapping, grounds.rulebook.routing) not in ("rep", "human"):
        return False
    return "automation" not in roles_of(grounds.mapping, grounds.rulebook.routing, user, grounds.directory.own_user_id)
