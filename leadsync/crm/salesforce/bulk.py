"""Bulk API 2.0 queries: start a job, wait for it, stream its CSV in bounded memory, take up again where one stopped.

Locators are stable while the job exists, so a part of the results can be fetched again and the rows that were delivered
left out. Cells get the types that describe names, because CSV has only text. Jobs are not for writing.
"""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from threading import Event

import msgspec

from leadsync.clock import Clock
from leadsync.crm.ahead import ahead
from leadsync.crm.salesforce.client import Client
from leadsync.crm.salesforce.soql import PAGE
from leadsync.crm.values import Cell, Cells
from leadsync.errors import CrmUnavailable, ObjectBlocked, OutcomeUnknown

PART_ROWS = 10_000  # of one fetched part: its bytes are held while its rows are worked on
READ_SECONDS = 300.0
FIRST_WAIT, LONGEST_WAIT = 1.0, 30.0


class _Job(msgspec.Struct):
    id: str
    state: str


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows of a job in page size; `locator` and `delivered` say how to go on after them."""

    rows: list[Cells]
    at: datetime
    locator: str
    delivered: int


@dataclass(frozen=True, slots=True)
class _Part:
    """One fetched part of a job's results as it came; `after` is the locator of the next one, None on the last."""

    body: bytes
    at: datetime
    locator: str
    after: str | None


class Bulk:
    """Query jobs of one org."""

    def __init__(self, client: Client, *, clock: Clock, stop: Event) -> None:
        self._client, self._clock, self._stop = client, clock, stop

    def start(self, query: str, *, include_deleted: bool = False) -> str | None:
        """Return the id of a new job, None when this query cannot be had in bulk.

        A job whose answer is lost is only an orphan at Salesforce; nothing of the org changes, so this is no write.
        """
        try:
            answer = self._client.send(
                "POST", "jobs/query", body={"operation": "queryAll" if include_deleted else "query", "query": query}
            )
            return msgspec.json.decode(answer.body, type=_Job).id if answer.status == 200 else None
        except (OutcomeUnknown, msgspec.MsgspecError):
            return None

    def wait(self, job: str) -> Iterator[datetime]:
        """Yield the CRM's time after each look at an unfinished job; ends when it is done. Raises ObjectBlocked if it failed."""
        pause = FIRST_WAIT
        while not self._stop.is_set():
            answer = self._client.read(f"jobs/query/{job}", "Bulk job")
            try:
                state = msgspec.json.decode(answer.body, type=_Job).state
            except msgspec.MsgspecError:
                raise CrmUnavailable("the state of a Bulk job cannot be read") from None
            if state == "JobComplete":
                return
            if state in ("Failed", "Aborted"):
                raise ObjectBlocked(f"a Bulk query job ended as {state}; it is in Setup under Bulk Data Load Jobs")
            self._clock.sleep(pause)
            pause = min(pause * 2, LONGEST_WAIT)
            yield self._client.now()
        raise CrmUnavailable("stopped while a Bulk job was under way")

    def rows(self, job: str, native: str, columns: Sequence[str], locator: str, skip: int) -> Iterator[Chunk]:
        """Yield the rows of a finished job from a locator on, the first `skip` of that part left out."""
        typed = self._converters(native, columns)
        for part in ahead(self._parts(job, locator)):
            waiting: list[Cells] = []
            delivered = 0
            for cells in _rows_of(part.body, columns, typed):
                delivered += 1
                if delivered <= skip:
                    continue
                waiting.append(cells)
                if len(waiting) == PAGE:
                    yield Chunk(waiting, part.at, part.locator, delivered)
                    waiting = []
            if waiting:
                last = part.after is None
                yield Chunk(waiting, part.at, part.after or part.locator, delivered if last else 0)
            skip = 0

    def _parts(self, job: str, locator: str) -> Iterator[_Part]:
        """Yield the parts of a finished job from a locator on."""
        while True:
            query = f"maxRecords={PART_ROWS}" + (f"&locator={locator}" if locator else "")
            answer = self._client.read(
                f"jobs/query/{job}/results?{query}",
                "Bulk results",
                headers={"Accept": "text/csv"},
                read_seconds=READ_SECONDS,
            )
            named = answer.headers.get("sforce-locator", "null")
            after = None if named == "null" else named
            yield _Part(answer.body, answer.date() or self._client.now(), locator, after)
            if after is None:
                return
            locator = after

    def forget(self, job: str) -> None:
        """Remove a job that was read; if that fails it goes by itself after seven days."""
        with suppress(CrmUnavailable, OutcomeUnknown):
            self._client.send("DELETE", f"jobs/query/{job}")

    def _converters(self, native: str, columns: Sequence[str]) -> list[tuple[int, Callable[[str], Cell]]]:
        """Return the places of the columns that are no text, each with what reads its cells."""
        described: dict[str, dict[str, tuple[str, str | None, str | None]]] = {}
        types = [self._type(native, column, described) for column in columns]
        return [(place, _CONVERT[kind]) for place, kind in enumerate(types) if kind in _CONVERT]

    def _type(
        self, native: str, column: str, described: dict[str, dict[str, tuple[str, str | None, str | None]]]
    ) -> str:
        if native not in described:
            described[native] = {}
            for field in self._client.describe(native)["fields"]:
                entry = (field["type"], field.get("relationshipName"), (field.get("referenceTo") or [None])[0])
                described[native][field["name"]] = entry
        parent, _, below = column.partition(".")
        if not below:
            return described[native].get(column, ("string", None, None))[0]
        target = next((to for _, relationship, to in described[native].values() if relationship == parent), None)
        return self._type(target, below, described) if target else "string"


def _rows_of(
    body: bytes, columns: Sequence[str], typed: Sequence[tuple[int, Callable[[str], Cell]]]
) -> Iterator[Cells]:
    """Yield the rows of a part, in the order of the columns asked for; an empty cell is None.

    It is decoded as it is read: the whole part as text would take four times the room of its bytes.
    """
    lines = csv.reader(io.TextIOWrapper(io.BytesIO(body.replace(b"\0", b"")), "utf-8", newline=""))
    header = next(lines, None)
    if header is None:
        return
    places = _places(header, columns)
    for line in lines:
        cells: list[Cell] = [line[place] or None for place in places]
        for place, make in typed:
            cells[place] = make(line[places[place]])
        yield tuple(cells)


def _places(header: Sequence[str], columns: Sequence[str]) -> list[int]:
    found = {name: place for place, name in enumerate(header)}
    try:
        return [found[column] for column in columns]
    except KeyError:
        raise ObjectBlocked("a Bulk result lacks a column; are the names spelled as in Salesforce?") from None


def _number(cell: str) -> Cell:
    return float(cell) if cell else None


def _yes_no(cell: str) -> Cell:
    return cell == "true"


_CONVERT: dict[str, Callable[[str], Cell]] = {
    "boolean": _yes_no, "int": _number, "double": _number, "currency": _number, "percent": _number,
}  # fmt: skip
