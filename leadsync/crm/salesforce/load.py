"""First loads and whole re-reads of one source: by Id in pages over REST, or by one Bulk job when there are many rows.

The mark that stands at the end is `latestDateCovered` as it was before the first row was asked for, so the next complete
pass meets everything that changed, or was still in flight, meanwhile. The progress of an unfinished load is
`rest|mark|last id` or `bulk|mark|job|locator|rows of that part already delivered`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote

import msgspec

from leadsync.crm.ahead import ahead
from leadsync.crm.salesforce.bulk import Bulk
from leadsync.crm.salesforce.client import Client, Part, PartAnswer
from leadsync.crm.salesforce.soql import PAGE, Columns, Found, path, select, where
from leadsync.crm.salesforce.sources import Source
from leadsync.crm.salesforce.verdicts import faults, refusal
from leadsync.crm.values import Cells, instant
from leadsync.domain.instants import to_text
from leadsync.errors import CrmUnavailable, ObjectBlocked
from leadsync.http import Answer
from leadsync.ports import Page, Row


class _Covered(msgspec.Struct):
    latestDateCovered: str  # noqa: N815 - Salesforce's own spelling


class _Total(msgspec.Struct):
    totalSize: int  # noqa: N815


@dataclass(frozen=True, slots=True)
class _Begun:
    """Where a load stands: the mark for its end, how far it came, how many rows there are (None: not asked)."""

    mark: str
    last_id: str = ""
    job: str = ""
    locator: str = ""
    skip: int = 0
    total: int | None = None


def part_refusal(answer: PartAnswer, what: str) -> ObjectBlocked | Exception:
    """Return the error of one refused part of a composite: what is wrong with one object does not stop the others."""
    error = refusal(answer.status, faults(answer.body), what)
    if type(error) is CrmUnavailable:
        return ObjectBlocked(f"{error}; the next pass asks again")
    return error


class Load:
    """Reads whole sources. `bulk_above` rows or more go through a Bulk job."""

    def __init__(self, crm: str, client: Client, bulk: Bulk, *, bulk_above: int) -> None:
        self.crm = crm
        self._client, self._bulk, self._bulk_above = client, bulk, bulk_above

    def whole(self, source: Source, progress: str | None) -> Iterator[Page]:
        """Yield every row of a source, the last page with the mark; raises ObjectBlocked when it cannot be read."""
        begun = _parsed(progress) or self._begin(source)
        pages = self._by_bulk(source, begun) if begun.job else self._by_id(source, begun)
        # A small table without lists of its own is never worth a job.
        if not progress and not begun.job and source.replica and (begun.total or 0) >= self._bulk_above:
            query = select(source.reader.columns.names, source.native, source.condition)
            if job := self._bulk.start(query, include_deleted=source.loads_gone):
                pages = self._by_bulk(source, _Begun(begun.mark, job=job, total=begun.total))
        yield from pages

    def following(self, columns: Columns, first: PartAnswer, what: str) -> Iterator[Found]:
        """Yield a query's first page and those after it; raises ObjectBlocked when one is refused."""
        if first.status != 200:
            raise part_refusal(first, what)
        found = columns.decode(first.body)
        yield found
        while found.more:
            found = columns.decode(self._client.read(found.more, what).body)
            yield found

    def _begin(self, source: Source) -> _Begun:
        now = self._client.fresh_now()
        parts = []
        if source.replica:
            start, end = to_text(now - timedelta(minutes=2)), to_text(now)
            parts.append(
                Part(f"sobjects/{source.replica}/updated/?start={quote(start, safe='')}&end={quote(end, safe='')}")
            )
        count = select(("Id",), source.native, source.condition).replace("SELECT Id", "SELECT COUNT()", 1)
        parts.append(Part(path(count, include_deleted=source.loads_gone)))
        answers, at = self._client.composite(parts)
        total = _total(answers[-1])
        if not source.replica:
            return _Begun(to_text(at), total=total)
        if answers[0].status != 200:
            raise part_refusal(answers[0], source.replica)
        try:
            covered = instant(msgspec.json.decode(answers[0].body, type=_Covered).latestDateCovered)
        except (ValueError, msgspec.MsgspecError):
            raise ObjectBlocked(f"{source.replica}: the list of what was updated cannot be read") from None
        return _Begun(to_text(min(covered, at)), total=total)

    def _by_id(self, source: Source, begun: _Begun) -> Iterator[Page]:
        place = source.reader.columns.at("Id")
        held: Page | None = None
        for found, at in ahead(self._pages_by_id(source, begun.last_id)):
            if held:
                yield held
            last = str(found.rows[-1][place]) if found.rows else begun.last_id
            held = Page(
                source.name,
                read_rows(source, found.rows, at),
                at,
                progress=f"rest|{begun.mark}|{last}",
                total=begun.total,
            )
        assert held is not None
        yield Page(source.name, held.rows, held.read_at, mark=begun.mark, full=True, complete=True, total=begun.total)

    def _pages_by_id(self, source: Source, last: str) -> Iterator[tuple[Found, datetime]]:
        """Yield pages in the order of Id. A limit that was not reached is the end; short pages before it are no sign."""
        columns = source.reader.columns
        while True:
            beyond = where("Id > {last}", last=last) if last else ""
            query = select(columns.names, source.native, source.condition, beyond, order="Id", limit=PAGE)
            answer = self._client.read(path(query, include_deleted=source.loads_gone), source.native)
            count = 0
            while True:
                found = columns.decode(answer.body)
                count += len(found.rows)
                if found.rows:
                    last = str(found.rows[-1][columns.at("Id")])
                yield found, self._at(answer)
                if not found.more:
                    break
                answer = self._client.read(found.more, source.native)
            if count < PAGE:
                return

    def _by_bulk(self, source: Source, begun: _Begun) -> Iterator[Page]:
        columns = source.reader.columns
        try:
            for waited_at in self._bulk.wait(begun.job):
                # Nothing yet, but the job is on record: a restart finds it again, and nobody takes the wait for a hang.
                yield Page(
                    source.name,
                    (),
                    waited_at,
                    progress=_bulk_progress(begun, begun.locator, begun.skip),
                    total=begun.total,
                )
        except ObjectBlocked:  # the job failed, or was forgotten after seven days
            yield from self._by_id(source, _Begun(begun.mark, total=begun.total))
            return
        held: Page | None = None
        for chunk in self._bulk.rows(begun.job, source.native, columns.names, begun.locator, begun.skip):
            if held:
                yield held
            progress = _bulk_progress(begun, chunk.locator, chunk.delivered)
            held = Page(
                source.name, read_rows(source, chunk.rows, chunk.at), chunk.at, progress=progress, total=begun.total
            )
        rows, at = (held.rows, held.read_at) if held else ((), self._client.now())
        yield Page(source.name, rows, at, mark=begun.mark, full=True, complete=True, total=begun.total)
        self._bulk.forget(begun.job)

    def _at(self, answer: Answer) -> datetime:
        return answer.date() or self._client.now()


def read_rows(source: Source, rows: list[Cells], at: datetime) -> tuple[Row, ...]:
    """Return leadsync's values of rows, those left out that count for nothing."""
    return tuple(row for cells in rows if (row := source.reader(cells, at)) is not None)


def _total(counted: PartAnswer) -> int | None:
    """Return how many rows there are, None when that cannot be had: it only serves progress bars and the choice of way."""
    try:
        return msgspec.json.decode(counted.body, type=_Total).totalSize if counted.status == 200 else None
    except msgspec.MsgspecError:
        return None


def _parsed(progress: str | None) -> _Begun | None:
    match (progress or "").split("|"):
        case ["rest", mark, last_id]:
            return _Begun(mark, last_id=last_id)
        case ["bulk", mark, job, locator, skip] if skip.isdigit():
            return _Begun(mark, job=job, locator=locator, skip=int(skip))
        case _:
            return None


def _bulk_progress(begun: _Begun, locator: str, delivered: int) -> str:
    return f"bulk|{begun.mark}|{begun.job}|{locator}|{delivered}"
