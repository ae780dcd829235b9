"""An environment in the sandbox, the sample's Dynamics mapping, and a clock whose waits cost nothing."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import pytest
import requests

from leadsync.crm.dynamics import Credentials, DynamicsCrm
from leadsync.domain.effects import WriteBack, effect_id
from leadsync.domain.mapping import CrmMapping
from leadsync.domain.records import Record, Ref
from leadsync.ports import Mark, Page
from leadsync.sandbox.box import Options
from leadsync.sandbox.server import Server
from leadsync.secret import Secret
from leadsync.settings import load
from leadsync.settings.write import sample_files

START = datetime(2026, 11, 19, 10, 0, 20, tzinfo=UTC)
TENANT = "acme.example"


class QuickClock:
    """Waits pass at once, but are remembered; monotonic time moves by them and by hand alone."""

    def __init__(self) -> None:
        self.waits: list[float] = []
        self.passed = 1000.0

    def wall(self) -> datetime:
        return START

    def monotonic(self) -> float:
        return self.passed

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.passed += seconds


@cache
def sample() -> CrmMapping:
    """Return the mapping that `init dynamics` writes."""
    with TemporaryDirectory() as folder:
        for path, text in sample_files("dynamics", "https://acme.crm4.dynamics.com").items():
            target = Path(folder, path)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        loaded = load(Path(folder, "config/leadsync.yaml"), Path(folder, "mappings"), {})
    return loaded.rulebook.mappings["dynamics"]


def sample_mapping(**changes: Any) -> CrmMapping:
    """Return the sample's mapping, with parts of it replaced."""
    return replace(sample(), **changes)


def with_object(name: str, **changes: Any) -> CrmMapping:
    """Return the sample's mapping with parts of the lead or the contact replaced."""
    objects = sample().objects
    return sample_mapping(objects={**objects, name: replace(objects[name], **changes)})


class Environment:
    """A sandbox of one's own, its controls by Dynamics' names, and adapters that talk to it."""

    def __init__(self, **options: Any) -> None:
        self.server = Server(Options(start=START, frozen=True, **{"empty": True, **options})).start()
        self.url = self.server.url
        self.counted = 0

    def credentials(self, **changes: Any) -> Credentials:
        given = {"client_id": self.server.client_id, "client_secret": Secret(self.server.client_secret), **changes}
        return Credentials("LEADSYNC_DYNAMICS", **given)

    def crm(self, mapping: CrmMapping | None = None, **changes: Any) -> DynamicsCrm:
        given = {"company_zone": "Europe/Berlin", "clock": QuickClock(), **changes}
        return DynamicsCrm(
            "dynamics",
            self.url,
            TENANT,
            "9.2",
            given.pop("credentials", self.credentials()),
            mapping or sample(),
            **given,
        )

    def control(self, name: str, **body: Any) -> Any:
        answer = requests.post(f"{self.url}/sandbox/{name}", json=body, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def load(self, **rows: Sequence[Mapping[str, Any]]) -> Any:
        return self.control("load", **rows)

    def leads(self, count: int, **fields: Any) -> list[str]:
        rows = [
            {"lastname": f"L{n}", "companyname": "Acme", "leadsync_leadstatus": "Inquiry", **fields}
            for n in range(count)
        ]
        found: list[str] = self.load(lead=rows)["lead"]
        return found

    def edit(self, key: str, object_name: str = "lead", **fields: Any) -> None:
        self.control("edit", object=object_name, id=key, fields=fields, by=self.admin)

    def advance(self, seconds: float) -> None:
        self.control("advance", seconds=seconds, world=False)

    def faults(self, **knobs: Any) -> None:
        self.control("faults", **knobs)

    @property
    def admin(self) -> str:
        """The admin's id, as Dynamics spells it."""
        from leadsync.sandbox.dataverse.guids import guid_of

        return guid_of(self.server.box.basics.admin)

    def api(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Ask the Web API as somebody else does; returns the decoded body, if any."""
        answer = requests.request(
            method, f"{self.url}/api/data/v9.2/{path}", json=body, timeout=10,
            headers={"Authorization": f"Bearer {self.token()}", **headers},
        )  # fmt: skip
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    def token(self) -> str:
        form = {
            "client_id": self.server.client_id, "client_secret": self.server.client_secret, "grant_type": "client_credentials",
            "scope": f"{self.url}/.default",
        }  # fmt: skip
        answer = requests.post(f"{self.url}/{TENANT}/oauth2/v2.0/token", data=form, timeout=10)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    def row(self, path: str, select: str = "") -> dict[str, Any]:
        found: dict[str, Any] = self.api("GET", f"{path}?$select={select}" if select else path)
        return found

    def requests(self) -> list[dict[str, Any]]:
        """Return what was logged since the last call."""
        answer = requests.get(f"{self.url}/sandbox/requests?after={self.counted}", timeout=10)
        lines = [json.loads(line) for line in answer.text.splitlines() if line]
        if lines:
            self.counted = max(int(str(line["n"]).split(".")[0]) for line in lines)
        return lines

    def truth(self, object_name: str) -> list[dict[str, Any]]:
        answer = requests.get(f"{self.url}/sandbox/truth?object={object_name}", timeout=10)
        return [json.loads(line) for line in answer.text.splitlines() if line]


@pytest.fixture
def org() -> Iterator[Environment]:
    made = Environment()
    yield made
    made.server.stop()


@pytest.fixture
def environment() -> Iterator[Any]:
    """Make environments with options; all are stopped at the end."""
    made: list[Environment] = []

    def make(**options: Any) -> Environment:
        made.append(Environment(**options))
        return made[-1]

    yield make
    for one in made:
        one.server.stop()


class Follower:
    """Keeps the marks as the ledger does and gathers what was delivered."""

    def __init__(self, crm: DynamicsCrm) -> None:
        self.crm = crm
        self.marks: dict[str, Mark] = {}

    def poll(self, reach: Any = "complete") -> SimpleNamespace:
        pages: list[Page] = []
        for page in self.crm.changes(self.marks, reach):
            pages.append(page)
            self.keep(page)
        rows = [row for page in pages for row in page.rows]
        return SimpleNamespace(
            pages=pages, rows=rows, of=lambda kind: [row for row in rows if isinstance(row, kind)],
            stages={row.ref.id: row.stage_value for row in rows if isinstance(row, Record)},
        )  # fmt: skip

    def keep(self, page: Page) -> None:
        if page.mark is not None:
            self.marks[page.source] = Mark(page.mark)
        elif page.progress is not None:
            self.marks[page.source] = Mark(self.marks.get(page.source, Mark()).mark, page.progress)


@pytest.fixture
def follow() -> Any:
    return Follower


@pytest.fixture
def mapping() -> Any:
    return sample_mapping


@pytest.fixture
def mapped() -> Any:
    return with_object


@pytest.fixture
def quick_clock() -> QuickClock:
    return QuickClock()


def a_write(
    record: Record, *, guarded: bool = False, cause: str = "t:1", priority: Any = "stage", reopen: bool = False,
    **values: Any,
) -> WriteBack:  # fmt: skip
    """Return a write-back of a record as it was read; guarded by its version if so asked."""
    held = {name: record.stage_value if name == "stage" else record.fields.get(name) for name in values}
    return WriteBack(
        effect_id(record.ref, cause, sorted(values)), record.ref, values, record.version, held if guarded else {},
        ("lead_stage",), priority, "g", cause, reopen=reopen,
    )  # fmt: skip


@pytest.fixture
def write_of() -> Any:
    return a_write


@pytest.fixture
def ref_of() -> Any:
    return lambda key, object_name="lead": Ref("dynamics", object_name, key)
