"""Three orgs that every Crm must stand: one in memory, and one of each vendor in the sandbox. People act through `Org`."""

from collections.abc import Callable, Iterator, Mapping
from typing import Literal, Protocol

import pytest
from beside_a_crm import START, Follower, QuickClock, a_write
from samples import Kind, sample_mapping
from sandboxes import Sandbox, running

from leadsync.crm.dynamics import Credentials as DynamicsCredentials
from leadsync.crm.dynamics import DynamicsCrm
from leadsync.crm.memory import MemoryCrm
from leadsync.crm.salesforce import Credentials as SalesforceCredentials
from leadsync.crm.salesforce import SalesforceCrm
from leadsync.domain.effects import Membership, WriteBack, effect_id
from leadsync.domain.mapping import CrmMapping
from leadsync.domain.records import Record, Ref, User, Value
from leadsync.ports import Crm
from leadsync.secret import Secret

ZONE = "Europe/Berlin"
LIST = "stay_in_touch"


class Org(Protocol):
    """An org with people in it. Fields go by leadsync's names; `stage` and `owner` hold the CRM's values."""

    mapping: CrmMapping
    crm: Crm

    def again(self) -> Crm:
        """Return a Crm to the same org in another process."""

    def create(self, object_name: str, **values: Value) -> Ref:
        """Create a lead or a contact."""

    def edit(self, ref: Ref, **values: Value) -> None:
        """Change a record as a person does."""

    def delete(self, ref: Ref) -> None:
        """Delete a record."""

    def convert(self, ref: Ref) -> Ref:
        """Convert a lead and return the contact."""

    def merge(self, winner: Ref, loser: Ref) -> None:
        """Merge one record into another of its kind."""

    def pass_time(self, seconds: float) -> None:
        """Let the CRM's time pass."""

    def lose_answers(self, when: Literal["before", "after"] | None) -> None:
        """Lose the answers of the next writes, before or after they are carried out; None: no more."""


class InMemory:
    """MemoryCrm and its people."""

    def __init__(self) -> None:
        self.mapping = sample_mapping("salesforce")
        self._made = MemoryCrm("salesforce", self.mapping, at=START)
        self.crm: Crm = self._made
        for key in ("ada", "grace"):
            self._made.put(User("salesforce", key, f"{key}@acme.example", None, key.title(), active=True))

    def again(self) -> Crm:
        return self._made

    def create(self, object_name: str, **values: Value) -> Ref:
        stage, owner = values.pop("stage", None), values.pop("owner", "ada")
        ref = self._made.create(object_name, None if stage is None else str(stage), owner=str(owner), by="ada")
        if values:
            self._made.edit_as_human(ref, by="ada", **values)
        return ref

    def edit(self, ref: Ref, **values: Value) -> None:
        self._made.edit_as_human(ref, by="ada", **values)

    def delete(self, ref: Ref) -> None:
        self._made.delete(ref)

    def convert(self, ref: Ref) -> Ref:
        return self._made.convert(ref, next(iter(self.mapping.converted)), by="ada")

    def merge(self, winner: Ref, loser: Ref) -> None:
        self._made.delete(loser, merged_into=winner)

    def pass_time(self, seconds: float) -> None:
        self._made.advance(seconds)

    def lose_answers(self, when: Literal["before", "after"] | None) -> None:
        self._made.fate = [] if when is None else ["lost_before" if when == "before" else "lost_after"]


class InSandbox(Sandbox):
    """A vendor's org in the sandbox; everything is said in the vendor's names, as the mapping spells them."""

    def __init__(self, kind: Kind) -> None:
        super().__init__(start=START)
        self.mapping = sample_mapping(kind)
        self._kind = kind
        self.crm = self.again()

    def again(self) -> Crm:
        made: Mapping[str, Callable[[], Crm]] = {"salesforce": self._salesforce, "dynamics": self._dynamics}
        return made[self._kind]()

    def _salesforce(self) -> Crm:
        given = SalesforceCredentials("X", self.server.client_id, Secret(self.server.client_secret))
        return SalesforceCrm("salesforce", self.url, "65.0", given, self.mapping, company_zone=ZONE, clock=QuickClock())

    def _dynamics(self) -> Crm:
        given = DynamicsCredentials("X", self.server.client_id, Secret(self.server.client_secret))
        return DynamicsCrm(
            "dynamics", self.url, "acme.example", "9.2", given, self.mapping, company_zone=ZONE, clock=QuickClock()
        )

    def create(self, object_name: str, **values: Value) -> Ref:
        required: dict[str, Value] = {"last_name": "Hopper"}
        if object_name == "lead":
            required["company"] = "Navy"
        native = self.mapping.objects[object_name].native
        found = self.put(**{native: [self._native(object_name, {**required, **values})]})
        return Ref(self.mapping.crm, object_name, found[native][0])

    def edit(self, ref: Ref, **values: Value) -> None:
        self.control("edit", **self._named(ref), fields=self._native(ref.object, values))
        self.pass_time(1)

    def delete(self, ref: Ref) -> None:
        self.control("delete", **self._named(ref))
        self.pass_time(1)

    def convert(self, ref: Ref) -> Ref:
        found = self.control("convert", lead=ref.id, contact=None, account=None, opportunity=False, status=None)
        self.pass_time(1)
        return Ref(ref.crm, "contact", found["contact"])

    def merge(self, winner: Ref, loser: Ref) -> None:
        native = self.mapping.objects[winner.object].native
        self.control("merge", object=native, master=winner.id, losers=[loser.id])
        self.pass_time(1)

    def pass_time(self, seconds: float) -> None:
        self.advance(seconds)

    def lose_answers(self, when: Literal["before", "after"] | None) -> None:
        self.faults(rate={} if when is None else {f"timeout_{when}_apply": 1})

    def _named(self, ref: Ref) -> dict[str, str]:
        return {"object": self.mapping.objects[ref.object].native, "id": ref.id}

    def _native(self, object_name: str, values: Mapping[str, Value]) -> dict[str, Value]:
        mapping = self.mapping.objects[object_name]
        own = {"stage": mapping.stage, "owner": mapping.owner}
        return {(own.get(name) or mapping.fields[name]).native[0]: value for name, value in values.items()}


@pytest.fixture(params=["memory", "salesforce", "dynamics"])
def org(request: pytest.FixtureRequest) -> Iterator[Org]:
    """Every Crm in turn, each over an org without leads."""
    if request.param == "memory":
        yield InMemory()
    else:
        yield from running(InSandbox, kind=request.param)


@pytest.fixture
def follow() -> type[Follower]:
    return Follower


@pytest.fixture
def seen(org: Org) -> Callable[[Ref], Record]:
    """Return a record as the Crm reads it now, well after anybody's last edit."""

    def read(ref: Ref) -> Record:
        org.pass_time(5)
        found = org.crm.read([ref])[ref]
        assert isinstance(found, Record)
        return found

    return read


@pytest.fixture
def write_of() -> Callable[..., WriteBack]:
    return a_write


@pytest.fixture
def membership_of() -> Callable[..., Membership]:
    def make(ref: Ref, *, join: bool = True) -> Membership:
        return Membership(effect_id(ref, LIST, join), ref, LIST, join, "g")

    return make
