"""A box, and simple-salesforce as it comes: nothing of the client is patched, its requests only go to another address."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter
from simple_salesforce import Salesforce

from leadsync.sandbox import Options, Server, serve

START = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
Control = Callable[..., Any]
Log = Callable[[], list[dict[str, Any]]]


class ToTheBox(HTTPAdapter):
    """Sends what is meant for a Salesforce host to the box, which speaks plain HTTP."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url

    def send(self, request: requests.PreparedRequest, *given: Any, **named: Any) -> requests.Response:
        assert request.url is not None
        path = request.url.removeprefix("https://").partition("/")[2]
        request.url = f"{self.url}/{path}"
        return super().send(request, *given, **named)


@pytest.fixture(scope="module")
def shared_box() -> Iterator[Server]:
    server = serve(Options(empty=True, frozen=True, start=START)).start()
    yield server
    server.stop()


@pytest.fixture
def control(shared_box: Server) -> Control:
    """Tells the box something behind the client's back."""

    def tell(what: str, **body: Any) -> Any:
        answer = requests.post(f"{shared_box.url}/sandbox/{what}", json=body, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return tell


@pytest.fixture
def box(shared_box: Server, control: Control) -> Iterator[Server]:
    """The module's box, with all faults off before and after."""
    control("faults")
    yield shared_box
    control("faults")


@pytest.fixture
def log(box: Server) -> Log:
    """The requests that reached the box since the test began."""

    def entries(after: int = 0) -> list[dict[str, Any]]:
        answer = requests.get(f"{box.url}/sandbox/requests", params={"after": after}, timeout=10)
        return [json.loads(line) for line in answer.text.splitlines()]

    before = max((int(str(entry["n"]).partition(".")[0]) for entry in entries()), default=0)
    return lambda: entries(before)


@pytest.fixture
def session(box: Server) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.mount("https://", ToTheBox(box.url))
        yield session


@pytest.fixture
def sf(box: Server, session: requests.Session) -> Salesforce:
    """The client, logged in by its own client credentials flow."""
    return Salesforce(
        consumer_key=box.client_id,
        consumer_secret=box.client_secret,
        domain="acme.my",
        session=session,
        version="65.0",
    )
