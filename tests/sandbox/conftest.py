"""A box per module of tests and a client that speaks to it over HTTP."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from leadsync.sandbox import Options, Server, serve

START = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
TOKEN = "a-token-of-the-tests"


@dataclass(slots=True)
class Client:
    """What a test says to a box."""

    server: Server
    session: requests.Session = field(default_factory=requests.Session)
    version: str = "65.0"

    def __post_init__(self) -> None:
        self.session.headers["Authorization"] = f"Bearer {TOKEN}"

    @property
    def root(self) -> str:
        return f"/services/data/v{self.version}"

    def call(self, method: str, path: str, **given: Any) -> requests.Response:
        url = path if path.startswith(("/services", "/sandbox", "/id")) else f"{self.root}{path}"
        return self.session.request(method, self.server.url + url, timeout=10, **given)

    def get(self, path: str, **params: Any) -> requests.Response:
        return self.call("GET", path, params=params)

    def query(self, soql: str, *, deleted: bool = False, **given: Any) -> Any:
        answer = self.call("GET", "/queryAll" if deleted else "/query", params={"q": soql}, **given)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refused(self, soql: str) -> str:
        """The error code that a query is refused with."""
        answer = self.get("/query", q=soql)
        assert answer.status_code == 400
        return str(answer.json()[0]["errorCode"])

    def row(self, kind: str, record_id: str) -> Any:
        answer = self.get(f"/sobjects/{kind}/{record_id}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def create(self, kind: str, **fields: Any) -> str:
        answer = self.call("POST", f"/sobjects/{kind}/", json=fields)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def lead(self, **fields: Any) -> str:
        return self.create("Lead", **{"LastName": "Person", "Company": "Firm", **fields})

    def change(self, kind: str, record_id: str, fields: dict[str, Any], **headers: str) -> requests.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.call("PATCH", f"/sobjects/{kind}/{record_id}", json=fields, headers=named)

    def control(self, what: str, **body: Any) -> Any:
        answer = self.call("POST", f"/sandbox/{what}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def edit(self, kind: str, record_id: str, **fields: Any) -> None:
        """Change a row as a person does it."""
        self.control("edit", object=kind, id=record_id, fields=fields)

    def advance(self, seconds: float) -> None:
        self.control("advance", seconds=seconds)

    def now(self) -> datetime:
        return datetime.fromisoformat(self.get("/sandbox/now").json()["now"])

    def truth(self, record_id: str) -> list[dict[str, Any]]:
        lines = self.get("/sandbox/truth").text.splitlines()
        return [change for change in map(json.loads, lines) if change["id"] == record_id]

    def requests(self, after: int = 0) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.get("/sandbox/requests", after=after).text.splitlines()]

    def last_request(self) -> int:
        return max((int(str(entry["n"]).partition(".")[0]) for entry in self.requests()), default=0)


def running(**given: Any) -> Iterator[Client]:
    server = serve(Options(**{"empty": True, "frozen": True, "start": START, "token": TOKEN, **given})).start()
    client = Client(server)
    try:
        yield client
    finally:
        client.session.close()
        server.stop()


@pytest.fixture(scope="module")
def shared_crm() -> Iterator[Client]:
    yield from running()


@pytest.fixture
def crm(shared_crm: Client) -> Iterator[Client]:
    """The module's box, with all faults off before and after."""
    shared_crm.control("faults")
    yield shared_crm
    shared_crm.control("faults")


@pytest.fixture
def fresh_crm() -> Iterator[Client]:
    """A box of the test's own."""
    yield from running()
