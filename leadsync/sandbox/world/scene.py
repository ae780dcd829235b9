"""The stage on which the world plays: the store, the clock of the current act, what is planned, and who is who.

A `Scene` knows no behaviour. The modules beside it read it, write through `Scene.doing` and plan with `Scene.later`; `world.py`
takes the plans from the heap and runs them.
"""

from collections import deque
from collections.abc import Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import heappush
from random import Random
from typing import TYPE_CHECKING, Any, TypeAlias

from leadsync.sandbox.world.desks import at_desk, is_at_desk

if TYPE_CHECKING:
    from leadsync.sandbox.store import Store, Via
    from leadsync.sandbox.transaction import Tx
    from leadsync.sandbox.world.company import Company

Row: TypeAlias = dict[str, Any]
Event: TypeAlias = tuple[datetime, int, str, tuple[Any, ...]]
"""When, a counter that breaks ties, the name of the act, its arguments (plain data, so that a scene can be kept in a file)."""

STAGE_FIELD = {"Lead": "Status", "Contact": "Contact_Status__c"}
WATCHED = frozenset({"Status", "Contact_Status__c", "OwnerId", "LeadSync_Assignee__c", "IsDeleted"})
"""Fields whose change makes somebody look at a record."""


@dataclass(slots=True)
class Prospect:
    """The human behind a lead or contact, with the traits that nobody at the company can see."""

    number: int
    """Place in `Scene.people`: stays when a conversion or a merge changes the record."""
    object: str
    id: str
    email: str | None
    country: str
    interest: float
    rng: Random
    stage: str | None = None
    """The stage somebody saw last."""
    heat: float = 0.0
    """How eager they have looked so far; what people went by before there were scores."""
    attempts: int = 0
    raised_at: datetime | None = None
    reopened: int = 0
    recycled: int = 0
    plan: int = 0
    """The newest plan somebody has for this record; older ones are dropped when they come up."""
    members: dict[str, str] = field(default_factory=dict)
    """Campaign id to campaign member id."""


@dataclass(slots=True)
class Scene:
    store: "Store"
    seed: int
    company: "Company"
    now: datetime
    aided: bool = False
    """False while the company works without leadsync and sets every stage by hand."""
    heap: list[Event] = field(default_factory=list)
    counter: int = 0
    people: list[Prospect] = field(default_factory=list)
    prospects: dict[str, Prospect] = field(default_factory=dict)
    """The same by record id."""
    by_email: dict[str, list[str]] = field(default_factory=dict)
    """Addresses to record ids, oldest first: how the company would find a duplicate."""
    addresses: list[str] = field(default_factory=list)
    contacts: dict[str, str] = field(default_factory=dict)
    """Addresses to contact ids."""
    contact_addresses: list[str] = field(default_factory=list)
    streams: dict[str, Random] = field(default_factory=dict)
    noticed: deque[tuple[str, str]] = field(default_factory=deque)
    """Records that changed in a way somebody may react to; filled by commits, also those of the API, emptied by `World.live`."""
    open_deals: dict[str, int] = field(default_factory=dict)
    """Contact id to the number of deals that are being worked."""
    asked: dict[str, str] = field(default_factory=dict)
    """Record id to the newest open task that the API made for its responsible."""
    turns: dict[str, int] = field(default_factory=dict)
    arrived: int = 0
    arrivals_per_day: float = 0.0
    waiting: dict[str, float] = field(default_factory=dict)
    """Arrivals of the plan that are still to come, by pool: fractions of a lead, and batches that fill up."""

    def later(self, at: datetime, act: str, *arguments: Any) -> None:
        """Plan an act; one planned for the past happens next."""
        self.counter += 1
        heappush(self.heap, (max(at, self.now), self.counter, act, arguments))

    def after(self, seconds: float, act: str, *arguments: Any) -> None:
        """Plan an act for so many seconds from now."""
        self.later(self.now + timedelta(seconds=int(seconds)), act, *arguments)

    def at_desk_of(self, user: str, hours: float, act: str, *arguments: Any) -> None:
        """Plan an act of a person for the first moment at their desk after so many hours."""
        wished = self.now + timedelta(seconds=int(hours * 3600))
        self.later(at_desk(self.company.desks[user], wished, self.stream(user)), act, *arguments)

    def stream(self, name: str) -> Random:
        """Return the randomness of one actor, so that what one does never shifts the dice of another."""
        found = self.streams.get(name)
        if found is None:
            found = self.streams[name] = Random(f"{self.seed}:{name}")
        return found

    def doing(self, user: str, via: "Via" = "person") -> "AbstractContextManager[Tx]":
        """Open a transaction at the instant of the current act."""
        return self.store.tx(by=user, via=via, at=self.now)

    def turn(self, name: str, among: list[str]) -> str:
        """Return the next in line, as people share work when they do it by hand."""
        index = self.turns.get(name, -1) + 1
        self.turns[name] = index
        return among[index % len(among)]

    def is_working(self, user: str) -> bool:
        """Whether somebody is with the company and at their desk now."""
        return not self.has_left(user) and is_at_desk(self.company.desks[user], self.now)

    def has_left(self, user: str) -> bool:
        """Whether somebody is no longer with the company."""
        return self.company.kinds.get(user) == "gone"

    def who_answers(self) -> str:
        """Return who picks up the phone: a development rep at work, else the shared desk."""
        users = self.company.users
        reps = [users[name] for name in ("ada", "bela", "carla") if self.is_working(users[name])]
        return self.turn("phone", reps) if reps else users["lead-desk"]

    def current(self, object_: str, id_: str) -> Row | None:
        """Return a row as it stands, deleted ones included.

        What somebody else has saved but not committed yet is waited for: people block each other, they do not collide.
        """
        if self.store.is_locked(object_, id_):
            self.store.release(object_, id_)
        return self.store.get(object_, id_)

    def live_row(self, prospect: Prospect) -> Row | None:
        """Return the row as it stands, or None when it was deleted, converted or merged away."""
        row = self.current(prospect.object, prospect.id)
        return None if row is None or row["IsDeleted"] or row["IsConverted"] else row

    def add_person(
        self, object_: str, id_: str, *, email: str | None, country: str, interest: float, rng: Random
    ) -> Prospect:
        """Make somebody known to the world and return them."""
        prospect = Prospect(len(self.people), object_, id_, email, country, interest, rng)
        self.people.append(prospect)
        self.settle(prospect)
        return prospect

    def settle(self, prospect: Prospect) -> None:
        """Remember which record stands for a prospect now."""
        self.prospects[prospect.id] = prospect
        if prospect.email:
            address = prospect.email.lower()
            if address not in self.by_email:
                self.addresses.append(address)
            self.by_email.setdefault(address, []).append(prospect.id)
            if prospect.object == "Contact" and address not in self.contacts:
                self.contacts[address] = prospect.id
                self.contact_addresses.append(address)

    def committed(self, object_: str, id_: str, fields: Collection[str], _by: str, via: str) -> None:
        """Take note of a commit, whoever made it; called by the store for each row of a transaction."""
        is_person = object_ in STAGE_FIELD and not WATCHED.isdisjoint(fields)
        has_come_or_gone = object_ == "User" and "IsActive" in fields
        if is_person or has_come_or_gone or (object_ == "Task" and via == "api" and "WhoId" in fields):
            self.noticed.append((object_, id_))


def stage_of(row: Row, object_: str) -> str | None:
    """Return the status as it stands in the row, blank as None."""
    value: str | None = row.get(STAGE_FIELD[object_])
    return value or None


def responsible_for(row: Row, object_: str) -> str:
    """Return who has to act: a contact's assignee if there is one, else the owner."""
    if object_ == "Contact" and row.get("LeadSync_Assignee__c"):
        return str(row["LeadSync_Assignee__c"])
    return str(row["OwnerId"])
