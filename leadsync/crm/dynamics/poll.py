"""The passes over an environment: change tracking, table by table, from the link that the last pass ended with.

A fast pass and a complete one ask the same; only the complete one loads what has no mark yet, reads small tables that are
not in a hurry, and lets gaps be settled. The mark holds the columns that the link was made for: others mean a whole read.
So does a link that Dataverse no longer takes, or that was made at another address or for another version of the API.
Deleted rows come with change tracking; where it is off for a table, rows are asked for by their last change and deletions
are found by whole reads alone.
"""

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from threading import Event

from leadsync.crm.ahead import ahead
from leadsync.crm.dynamics.audits import SOURCE as HISTORY
from leadsync.crm.dynamics.client import Client
from leadsync.crm.dynamics.odata import PAGE, Found
from leadsync.crm.dynamics.people import Memberships
from leadsync.crm.dynamics.sources import Source, Sources
from leadsync.crm.dynamics.verdicts import fault_of, is_expired, refused
from leadsync.domain.instants import from_text, to_text
from leadsync.errors import CrmUnavailable, ObjectBlocked
from leadsync.http import Answer
from leadsync.ports import Mark, Page, Reach, Row

LAG = timedelta(minutes=20)
"""How far back a table without change tracking is asked again: a long transaction may bring old stamps into view late."""
_SIZE = {"Prefer": f"odata.maxpagesize={PAGE}"}
_TRACKED = {"Prefer": f"odata.track-changes,odata.maxpagesize={PAGE}"}


class _Expired(Exception):
    """The link is too old, or no link any more."""


@dataclass(frozen=True, slots=True)
class _Point:
    """Where a source stands: `delta` and `next` links, or `since` an instant. `digest` is of users' memberships."""

    kind: str
    columns: str
    digest: str
    place: str

    def __str__(self) -> str:
        return "|".join((self.kind, self.columns, self.digest, self.place))


def _point(text: str | None) -> _Point | None:
    parts = (text or "").split("|", 3)
    return _Point(*parts) if len(parts) == 4 and parts[0] in ("delta", "since", "next") else None


class Poll:
    """The passes, and what could not be read in the last one."""

    def __init__(self, client: Client, sources: Sources, members: Memberships, *, stop: Event) -> None:
        self._client, self._sources, self._members, self._stop = client, sources, members, stop
        self.blocked: dict[str, str] = dict(sources.blocked)

    def changes(self, marks: Mapping[str, Mark], reach: Reach) -> Iterator[Page]:
        """Yield everything changed since the marks; a complete pass loads sources without one whole."""
        for source in self._sources.first:
            yield from self._guarded(source.name, self._source(source, marks, reach))
        if self._sources.history:
            mark = marks.get(HISTORY, Mark())
            if mark.mark or reach == "complete":
                pages = self._sources.history.pages(mark, complete=reach == "complete")
                yield from self._guarded(HISTORY, pages)
        for source in self._sources.rest:
            yield from self._guarded(source.name, self._source(source, marks, reach))

    def _guarded(self, name: str, pages: Iterator[Page]) -> Iterator[Page]:
        if self._stop.is_set():
            return
        try:
            yield from pages
            self.blocked.pop(name, None)
        except ObjectBlocked as error:
            self.blocked[name] = str(error)

    def _source(self, source: Source, marks: Mapping[str, Mark], reach: Reach) -> Iterator[Page]:
        mark = marks.get(source.name, Mark())
        complete = reach == "complete"
        if not complete and (not source.fast or mark.mark is None):
            return
        if source.name == "user" and (complete or not self._members.learnt):
            self._members.learn()
            self.blocked = {name: text for name, text in self.blocked.items() if not name.startswith("user:")}
            self.blocked |= self._members.blocked
        point = _point(mark.mark)
        now = self._stamp(source, "", "")
        elsewhere = point and point.kind == "delta" and not self._client.leads_here(point.place)
        if point is None or elsewhere or (point.columns, point.digest) != (now.columns, now.digest):
            if complete:
                yield from self._whole(source, mark)
            return
        try:
            yield from self._changed(source, point, complete=complete)
        except _Expired:
            if complete:  # never "from now": what happened in between would be lost
                yield from self._whole(source, mark)

    def _stamp(self, source: Source, kind: str, place: str) -> _Point:
        columns = f"{zlib.crc32(','.join(source.reader.columns.select).encode()):08x}"
        return _Point(kind, columns, self._members.digest() if source.name == "user" else "", place)

    def _changed(self, source: Source, point: _Point, *, complete: bool) -> Iterator[Page]:
        begun = self._client.now()
        tracked = point.kind == "delta"
        first = point.place if tracked else self._since(source, from_text(point.place))
        held: Page | None = None
        delta: str | None = None
        for found, at in self._pages(source, first, _SIZE, expiring=tracked):
            if held:
                yield held
            held, delta = Page(source.name, self._rows(source, found, at), at), found.delta
        assert held is not None
        if tracked and delta is None:
            raise ObjectBlocked(f"{source.reader.columns.table.name}: the changes came without a link to the next ones")
        place = delta or max(to_text(begun - LAG), point.place)
        yield replace(held, mark=str(replace(point, place=place)), complete=complete)

    def _since(self, source: Source, at: datetime) -> str:
        columns = source.reader.columns
        return columns.query(f"modifiedon ge {to_text(at)}", order=f"modifiedon asc,{columns.table.key} asc")

    def _whole(self, source: Source, mark: Mark) -> Iterator[Page]:
        """Yield a whole source, from where an earlier read of the same columns was broken off."""
        table = source.reader.columns.table
        headers = _TRACKED if table.tracked else _SIZE
        begun = to_text(self._client.now() - LAG)
        resumed = _point(mark.progress)
        if resumed and resumed.columns == self._stamp(source, "", "").columns:
            since, _, link = resumed.place.partition("|")
            try:
                if self._client.leads_here(link):
                    yield from self._load(source, link, headers, since, expiring=True)
                    return
            except _Expired:
                pass
        yield from self._load(source, source.reader.columns.query(), headers, begun)

    def _load(
        self, source: Source, first: str, headers: Mapping[str, str], begun: str, *, expiring: bool = False
    ) -> Iterator[Page]:
        held: Page | None = None
        end: str | None = None
        for found, at in ahead(self._pages(source, first, headers, expiring=expiring)):
            if held:
                yield held
            # Progress stands beside an older mark too: by it the ledger knows that a whole read is under way.
            progress = str(self._stamp(source, "next", f"{begun}|{found.more}")) if found.more else None
            held, end = Page(source.name, self._rows(source, found, at), at, progress=progress), found.delta
        assert held is not None
        # Without a link at the end (change tracking off, or a server that leaves it out) the table is asked by time.
        point = self._stamp(source, "delta", end) if end else self._stamp(source, "since", begun)
        yield replace(held, mark=str(point), progress=None, full=True, complete=True)

    def _pages(
        self, source: Source, first: str, headers: Mapping[str, str], *, expiring: bool
    ) -> Iterator[tuple[Found, datetime]]:
        columns, link = source.reader.columns, first
        while True:
            answer = self._client.retried(lambda link=link: self._answer(source, link, headers, expiring=expiring))  # type: ignore[misc]
            found = columns.decode(answer.body)
            yield found, answer.date() or self._client.now()
            if found.more is None:
                return
            if found.more == link:
                raise CrmUnavailable(f"{columns.table.name}: a next page that leads to itself")
            link = found.more

    def _answer(self, source: Source, link: str, headers: Mapping[str, str], *, expiring: bool) -> Answer:
        answer = self._client.send("GET", link, headers=headers)
        if answer.status == 200:
            return answer
        if expiring and is_expired(answer.status, fault_of(answer.body)):
            raise _Expired
        raise refused(answer, source.reader.columns.table.name)

    def _rows(self, source: Source, found: Found, at: datetime) -> tuple[Row, ...]:
        return (*source.reader.rows(found.rows, at), *source.reader.gone(found.gone, at))
