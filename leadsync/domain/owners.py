"""Who looks after a person, and whether that owner counts: a rep, a human, a queue, or somebody on paper only.

What becomes of a person whose owner does not count is routing's; this only says what kind of owner it is
(semantics.md E).
"""

from typing import Literal

from leadsync.domain.conditions import fold
from leadsync.domain.mapping import CrmMapping
from leadsync.domain.members import names_of
from leadsync.domain.records import Record
from leadsync.domain.routing import Routing, pools_of
from leadsync.domain.situation import Directory

OwnerKind = Literal["rep", "human", "queue", "placeholder", "inactive", "unknown"]


def responsible(record: Record, mapping: CrmMapping) -> str | None:
    """Return the id of who must look after a record: the assignee where routing sets one, else the owner."""
    if mapping.objects[record.ref.object].responsible == "assignee":
        assignee = record.fields.get("assignee")
        return str(assignee) if assignee else record.owner_id
    return record.owner_id


def owner_kind(owner_id: str | None, directory: Directory, mapping: CrmMapping, routing: Routing) -> OwnerKind:
    """Return what kind of owner an id is; a rep is an active member of a pool, any other active user a human.

    leadsync's own user is a placeholder like those the mapping lists: it owns what it created and works nothing.
    """
    if owner_id is None:
        return "unknown"
    if owner_id in directory.queues:
        return "queue"
    user = directory.users.get(owner_id)
    if user is None:
        return "unknown"
    names = {fold(name) for name in (user.name, *names_of(user))}
    if owner_id == directory.own_user_id or not names.isdisjoint(map(fold, mapping.placeholders)):
        return "placeholder"
    if not user.active:
        return "inactive"
    return "rep" if pools_of(routing, user) else "human"


def is_covered(owner_id: str | None, directory: Directory, mapping: CrmMapping, routing: Routing) -> bool:
    """Say whether somebody works an owner's people: a rep, a human, or a queue declared staffed."""
    match owner_kind(owner_id, directory, mapping, routing):
        case "rep" | "human":
            return True
        case "queue":
            return fold(directory.queues[owner_id or ""].name) in map(fold, mapping.staffed_queues)
        case _:
            return False
