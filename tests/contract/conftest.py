"""Three orgs that every Crm must stand: one in memory, and one of each vendor in the sandbox. People act through `Org`."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.resources import as_file, files
from types import SimpleNamespace
from typing import Any, Literal, Protocol

import pytest
import requests

from leadsync.clock import SystemClock
from leadsync.crm.dynamics import Credentials as DynamicsCredentials
from leadsync.crm.dynamics import DynamicsCrm
from leadsync.crm.memory import MemoryCrm
from leadsync.crm.salesforce import Credentials as SalesforceCredentials
from leadsync.crm.salesforce import SalesforceCrm
from leadsync.domain.effects import Membership, WriteBack, effect_id
from leadsync.domain.mapping import CrmMapping
from leadsync.domain.records import Gone, Record, Ref, User, Value
from leadsync.ports import Crm, Mark, Page, Reach
from leadsync.sandbox.box import Options
from leadsync.sandbox.server import Server
from leadsync.secret import Secret
from leadsync.settings import load
from leadsync.settings.write import sample_files

START = datetime(2026, 11, 19, 10, 0, 20, tzinfo=UTC)
ZONE = "Europe/Berlin"
LIST = "stay_in_touch"


class Quick(SystemClock):
    """The machine's clock, but nobody waits; what was waited counts as passed."""

    def __init__(self) -> None:
        super().__init__()
        self._skipped = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self._skipped

    def sleep(self, seconds: float) -> None:
        self._skipped += seconds


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
        self.mapping = shipped("salesforce")
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


class InSandbox:
    """A vendor's org in the sandbox; everything is said in the vendor's names, as the mapping spells them."""

    def __init__(self, kind: Literal["salesforce", "dynamics"]) -> None:
        self.mapping = shipped(kind)
        self._kind = kind
        self.server = Server(Options(start=START, frozen=True, empty=True)).start()
        self.crm = self.again()
        self._person: str | None = None

    @property
    def admin(self) -> str:
        """A user who is not leadsync's own."""
        if self._person is None:
            mine = self.crm.connect().user_id
            users = (row for page in self.crm.changes({}, "complete") for row in page.rows if isinstance(row, User))
            self._person = next(row.id for row in users if row.active and row.id != mine)
        return self._person

    def again(self) -> Crm:
        made: Mapping[str, Callable[[], Crm]] = {"salesforce": self._salesforce, "dynamics": self._dynamics}
        return made[self._kind]()

    def _salesforce(self) -> Crm:
        given = SalesforceCredentials("X", self.server.client_id, Secret(self.server.client_secret))
        return SalesforceCrm(
            "salesforce", self.server.url, "65.0", given, self.mapping, company_zone=ZONE, clock=Quick()
        )

    def _dynamics(self) -> Crm:
        given = DynamicsCredentials("X", self.server.client_id, Secret(self.server.client_secret))
        return DynamicsCrm(
            "dynamics", self.server.url, "acme.example", "9.2", given, self.mapping, company_zone=ZONE, clock=Quick()
        )

    def create(self, object_name: str, **values: Value) -> Ref:
        required: dict[str, Value] = {"last_name": "Hopper"}
        if object_name == "lead":
            required["company"] = "Navy"
        native = self.mapping.objects[object_name].native
        found = self.control("load", **{native: [self._native(object_name, {**required, **values})]})
        return Ref(self.mapping.crm, object_name, found[native][0])

    def edit(self, ref: Ref, **values: Value) -> None:
        self.control("edit", **self._named(ref), fields=self._native(ref.object, values), by=self.admin)
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
        self.control("advance", seconds=seconds, world=False)

    def lose_answers(self, when: Literal["before", "after"] | None) -> None:
        self.control("faults", rate={} if when is None else {f"timeout_{when}_apply": 1})

    def control(self, name: str, **body: Any) -> Any:
        answer = requests.post(f"{self.server.url}/sandbox/{name}", json=body, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def _named(self, ref: Ref) -> dict[str, str]:
        return {"object": self.mapping.objects[ref.object].native, "id": ref.id}

    def _native(self, object_name: str, values: Mapping[str, Value]) -> dict[str, Value]:
        mapping = self.mapping.objects[object_name]
        own = {"stage": mapping.stage, "owner": mapping.owner}
        return {(own.get(name) or mapping.fields[name]).native[0]: value for name, value in values.items()}


@cache
def shipped(kind: Literal["salesforce", "dynamics"]) -> CrmMapping:
    """Return the mapping that leadsync ships for a kind of CRM."""
    if kind == "salesforce":
        with as_file(files("leadsync.settings").joinpath("samples")) as samples:
            return load(samples / "config" / "leadsync.yaml", samples / "mappings", {}).rulebook.mappings[kind]
    from pathlib import Path
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        for path, text in sample_files(kind, "https://acme.crm4.dynamics.com").items():
            target = Path(folder, path)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        return load(Path(folder, "config/leadsync.yaml"), Path(folder, "mappings"), {}).rulebook.mappings[kind]


@pytest.fixture(params=["memory", "salesforce", "dynamics"])
def org(request: pytest.FixtureRequest) -> Iterator[Org]:
    """Every Crm in turn, each over an org without leads."""
    if request.param == "memory":
        yield InMemory()
        return
    made = InSandbox(request.param)
    yield made
    made.server.stop()


class Follower:
    """Keeps the marks as the ledger does and gathers what was delivered."""

    def __init__(self, crm: Crm, marks: Mapping[str, Mark] | None = None) -> None:
        self.crm = crm
        self.marks: dict[str, Mark] = dict(marks or {})

    def poll(self, reach: Reach = "complete") -> SimpleNamespace:
        pages = []
        for page in self.crm.changes(self.marks, reach):
            pages.append(page)
            self.keep(page)
        rows = [row for page in pages for row in page.rows]
        people = {row.ref: row for row in rows if isinstance(row, (Record, Gone))}
        return SimpleNamespace(pages=pages, rows=rows, people=people)

    def keep(self, page: Page) -> None:
        if page.mark is not None:
            self.marks[page.source] = Mark(page.mark)
        elif page.progress is not None:
            self.marks[page.source] = Mark(self.marks.get(page.source, Mark()).mark, page.progress)


@pytest.fixture
def follow() -> Callable[..., Follower]:
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
    """Return a write-back of a record as it was read; guarded by its version if so asked."""

    def make(record: Record, *, guarded: bool = False, cause: str = "t:1", **values: Value) -> WriteBack:
        held = {name: record.stage_value if name == "stage" else record.fields.get(name) for name in values}
        return WriteBack(
            effect_id(record.ref, cause, sorted(values)), record.ref, values, record.version, held if guarded else {},
            ("lead_stage",), "stage", "g", cause,
        )  # fmt: skip

    return make


@pytest.fixture
def membership_of() -> Callable[..., Membership]:
    def make(ref: Ref, *, join: bool = True) -> Membership:
        return Membership(effect_id(ref, LIST, join), ref, LIST, join, "g")

    return make
