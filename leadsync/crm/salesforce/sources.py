"""What is polled in a Salesforce org, in the order in which pages may rely on those before, and how each is asked for."""

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from leadsync.crm.salesforce.client import Part
from leadsync.crm.salesforce.rows import (
    AccountReader,
    CampaignReader,
    MoveReader,
    OpportunityReader,
    QueueReader,
    Reader,
    RecordReader,
    RoleReader,
    UserReader,
)
from leadsync.crm.salesforce.soql import Columns, path, select, where
from leadsync.crm.salesforce.touches import TouchReader, at_columns, person_columns
from leadsync.crm.values import Cell, text
from leadsync.domain.conditions import All, AnyOf, Condition, Named, Not, Test, names
from leadsync.domain.mapping import CrmMapping

FAST_SOURCES = 10  # two composites of five queries


@dataclass(frozen=True, slots=True)
class Source:
    """One polled object.

    `replica` is the object whose `updated` list proves how far everything was seen: the object itself, or the parent of
    a history (its rows are committed with the parent's), None for a small table that is read whole each time. `lists`
    says that the object has `updated` and `deleted` lists of its own. `due` is a datetime field whose passing brings a
    row into view although nobody touches it. `fast` puts it into the fast pass.
    """

    name: str
    native: str
    reader: Reader
    condition: str = ""
    stamp: str = "SystemModstamp"
    replica: str | None = None
    lists: bool = True
    deletes: bool = True
    due: str | None = None
    fast: bool = True

    @property
    def archived(self) -> bool:
        """Whether some rows are only in queryAll: field history beyond 18 months, and that of deleted parents.

        A parent may be undeleted later, and its history is then not told again.
        """
        return self.replica is not None and not self.lists

    @property
    def loads_gone(self) -> bool:
        """Whether a whole read needs queryAll: for what is archived, and for leads and contacts in the recycle bin.

        The bin keeps them for 15 days; they have a past, and somebody may undelete them.
        """
        return self.archived or self.name in ("lead", "contact")


class Memberships:
    """Which permission sets and queues each user has, read only as far as the actors' conditions ask for them."""

    def __init__(self, actors: Mapping[str, Condition]) -> None:
        self.sets_asked = any("permission_set" in names(condition) for condition in actors.values())
        self.queues_asked = any("queue" in names(condition) for condition in actors.values())
        self._named = sorted(
            {value for condition in actors.values() for value in _equal_to(condition, "permission_set")}
        )
        self._sets: dict[str, set[str]] = {}
        self._queues: dict[str, set[str]] = {}

    def tables(self) -> list[tuple[str, Columns, Part]]:
        """Return the tables to read whole: the object, the columns and the query."""
        asked: list[tuple[str, tuple[str, ...], str]] = []
        if self.sets_asked:
            condition = (
                where("PermissionSet.Label IN {n} OR PermissionSet.Name IN {n}", n=self._named) if self._named else ""
            )
            asked.append(
                ("PermissionSetAssignment", ("AssigneeId", "PermissionSet.Label", "PermissionSet.Name"), condition)
            )
        if self.queues_asked:
            asked.append(("GroupMember", ("UserOrGroupId", "Group.Name"), where("Group.Type = {t}", t="Queue")))
        made = [(native, Columns(columns), condition) for native, columns, condition in asked]
        return [
            (native, columns, Part(path(select(columns.names, native, condition))))
            for native, columns, condition in made
        ]

    def learn(self, tables: Mapping[str, Sequence[tuple[Cell, ...]]]) -> None:
        """Take over the rows of the tables that `tables` named."""
        self._sets, self._queues = {}, {}
        for user, *labels in tables.get("PermissionSetAssignment", ()):
            self._sets.setdefault(str(user), set()).update(filter(None, map(text, labels)))
        for user, queue in tables.get("GroupMember", ()):
            self._queues.setdefault(str(user), set()).update(filter(None, [text(queue)]))

    def digest(self) -> str:
        """Return a short text that changes when anybody's memberships do."""
        held = sorted((user, sorted(found)) for table in (self._sets, self._queues) for user, found in table.items())
        return f"{zlib.crc32(repr(held).encode()):08x}"

    def of(self, user_id: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return a user's permission sets and queues."""
        return tuple(sorted(self._sets.get(user_id, ()))), tuple(sorted(self._queues.get(user_id, ())))


def _equal_to(condition: Condition, name: str) -> tuple[str, ...]:
    match condition:
        case Test(asked, "equals", operand) if asked == name:
            return tuple(str(value) for value in (operand if isinstance(operand, tuple) else (operand,)))
        case All(parts) | AnyOf(parts):
            return tuple(value for part in parts for value in _equal_to(part, name))
        case Not(part) | Named(_, part):
            return _equal_to(part, name)
        case _:
            return ()


def build_sources(
    crm: str,
    mapping: CrmMapping,
    zone: ZoneInfo,
    belongs: Callable[[str], tuple[tuple[str, ...], tuple[str, ...]]],
    *,
    person_accounts: bool,
) -> tuple[Source, ...]:
    """Return every source of this mapping in the order of polling."""
    objects = mapping.objects
    sources = [
        Source("user", "User", UserReader(crm, mapping.user, belongs), replica="User", deletes=False),
        Source("queue", "Group", QueueReader(crm), condition=where("Type = {t}", t="Queue"), lists=False, fast=False),
        Source("account", "Account", AccountReader(crm, mapping.account), replica="Account", fast=False),
    ]
    for name, one in objects.items():
        moves = MoveReader(crm, name, one)
        sources.append(
            Source(
                f"{name}_history", f"{one.native}History", moves, condition=where("Field IN {f}", f=moves.fields),
                stamp="CreatedDate", replica=one.native, lists=False, deletes=False,
            )
        )  # fmt: skip
    for name, one in objects.items():
        sources.append(
            Source(
                name,
                one.native,
                RecordReader(crm, name, one, zone, person_accounts=person_accounts),
                replica=one.native,
            )
        )
    sources += [
        Source("opportunity", "Opportunity", OpportunityReader(crm, mapping, zone), replica="Opportunity"),
        Source("opportunity_role", "OpportunityContactRole", RoleReader(crm), replica="OpportunityContactRole"),
        Source("campaign", "Campaign", CampaignReader(crm, mapping.campaign), replica="Campaign", fast=False),
    ]
    return (*sources, *_touch_sources(crm, mapping, zone, room=FAST_SOURCES - sum(source.fast for source in sources)))


def _touch_sources(crm: str, mapping: CrmMapping, zone: ZoneInfo, *, room: int) -> list[Source]:
    sources = []
    for number, native in enumerate(dict.fromkeys(touch.object for touch in mapping.touches)):
        mine = [touch for touch in mapping.touches if touch.object == native]
        reader = TouchReader(crm, native, mine, actors=mapping.actors, cadence_users=mapping.cadence_users, zone=zone)
        lookups = dict.fromkeys(column for touch in mine for column in person_columns(touch))
        # A meeting is dated by its end, which comes without anybody touching the row.
        due = at_columns(mine[0])[0] if native == "Event" else None
        sources.append(
            Source(
                f"touch:{native}", native, reader, replica=native, due=due, fast=number < room,
                condition=" OR ".join(f"{column} != null" for column in lookups),
            )
        )  # fmt: skip
    return sources
