"""A box, and simple-salesforce as it comes: nothing of the client is patched, its requests only go to another address."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter
from sandboxes import Sandbox, running, without_faults
from simple_salesforce import Salesforce

from leadsync.sandbox import Server

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
def shared_box() -> Iterator[Sandbox]:
    yield from running(Sandbox, start=START)


@pytest.fixture
def sandbox(shared_box: Sandbox) -> Iterator[Sandbox]:
    """The module's box with its controls, and with all faults off before and after."""
    yield from without_faults(shared_box)


@pytest.fixture
def box(sandbox: Sandbox) -> Server:
    """The box as a client knows it."""
    return sandbox.server


@pytest.fixture
def control(sandbox: Sandbox) -> Control:
    """Tells the box something behind the client's back."""
    return sandbox.control


@pytest.fixture
def log(sandbox: Sandbox) -> Log:
    """The requests that reached the box since the test began, or since the last look."""
    sandbox.requests()
    return sandbox.requests


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
