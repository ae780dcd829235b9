"""Sandboxes with their controls, as every test of something that talks to a CRM drives them."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, TypeVar

import requests

from leadsync.sandbox import Options, Server

TIMEOUT = 120.0
"""Seconds; far more than a control ever takes, since the machine may be busy."""


class Sandbox:
    """A sandbox of one's own; its clock stands still and nobody is in it, unless options say otherwise."""

    def __init__(self, **options: Any) -> None:
        self.server = Server(Options(**{"empty": True, "frozen": True, **options})).start()
        self.url = self.server.url
        self._seen = 0

    def stop(self) -> None:
        self.server.stop()

    def control(self, what: str, **body: Any) -> Any:
        """Ask the sandbox for something that no vendor's API offers; a refusal fails the test."""
        answer = requests.post(f"{self.url}/sandbox/{what}", json=body, timeout=TIMEOUT)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def put(self, **rows: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
        """Insert rows, in the words of either vendor, and return their ids."""
        found: dict[str, list[str]] = self.control("load", **rows)
        return found

    def advance(self, seconds: float = 60, *, world: bool = False, **span: float) -> None:
        """Let time pass: seconds, or days=, hours=, minutes=; with `world` people live through it."""
        self.control("advance", seconds=timedelta(**span).total_seconds() if span else seconds, world=world)

    def faults(self, **knobs: Any) -> None:
        """Set the faults that are to be; without any, end all."""
        self.control("faults", **knobs)

    def requests(self) -> list[dict[str, Any]]:
        """Return what clients have asked since the last call, parts of batches behind their whole."""
        lines = self._lines("requests", after=self._seen)
        self._seen = max((int(str(line["n"]).partition(".")[0]) for line in lines), default=self._seen)
        return lines

    def api_requests(self) -> int:
        """Return how many API requests the org has counted since the last look at its requests."""
        return sum(1 for line in self.requests() if line["api"])

    def truth(self, object_name: str, key: str | None = None) -> list[dict[str, Any]]:
        """Return every change of an object's rows, or of one row, in order."""
        return [line for line in self._lines("truth", object=object_name) if key in (None, line["id"])]

    def _lines(self, name: str, **params: Any) -> list[dict[str, Any]]:
        answer = requests.get(f"{self.url}/sandbox/{name}", params=params, timeout=TIMEOUT)
        assert answer.status_code == 200, answer.text
        return [json.loads(line) for line in answer.text.splitlines() if line]


class Client(Sandbox):
    """A sandbox and a session that is logged in to it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(start=datetime(2026, 11, 2, 9, 0, tzinfo=UTC), **options)
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {self.server.token}"

    def stop(self) -> None:
        self.session.close()
        super().stop()

    def edit(self, object_name: str, key: str, **fields: Any) -> None:
        """Change a row as a person does it."""
        self.control("edit", object=object_name, id=key, fields=fields)


class Running(Protocol):
    def stop(self) -> None: ...


S = TypeVar("S", bound=Sandbox)
R = TypeVar("R", bound=Running)


def running(make: Callable[..., R], **options: Any) -> Iterator[R]:
    """For a fixture: something of the test's or the module's own, stopped in the end."""
    made = make(**options)
    try:
        yield made
    finally:
        made.stop()


def several(make: Callable[..., R]) -> Iterator[Callable[..., R]]:
    """For a fixture: make them with options; all are stopped in the end."""
    made: list[R] = []

    def one_more(**options: Any) -> R:
        made.append(make(**options))
        return made[-1]

    try:
        yield one_more
    finally:
        for one in made:
            one.stop()


def without_faults(sandbox: S) -> Iterator[S]:
    """For a fixture: a sandbox that tests share, with all faults off before and after."""
    sandbox.faults()
    yield sandbox
    sandbox.faults()
