"""The passes over a Salesforce org: complete ones that prove how far everything was seen, fast ones that only look.

A complete pass asks `updated` and `deleted` of every object in one composite, then reads the rows that changed, five
queries to a request. The mark is `latestDateCovered`, which Salesforce holds back while an older transaction is in
flight; the next pass starts a minute before it, because the lists ignore seconds. A fast pass asks for rows by their
stamp, from a minute and a half before the last one began, and proves nothing. First loads are in `load.py`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import chain
from threading import Event
from urllib.parse import quote

import msgspec

from leadsync.crm.salesforce.client import QUERIES_PER_COMPOSITE, Client, Part, PartAnswer
from leadsync.crm.salesforce.load import Load, part_refusal, read_rows
from leadsync.crm.salesforce.soql import IDS_PER_QUERY, Columns, ids, path, select, where
from leadsync.crm.salesforce.sources import Memberships, Source
from leadsync.crm.salesforce.verdicts import faults
from leadsync.crm.values import Cells, instant
from leadsync.domain.instants import from_text, to_text
from leadsync.domain.records import Gone, Ref
from leadsync.errors import ObjectBlocked
from leadsync.ports import Mark, Page, Row

OVERLAP = timedelta(seconds=60)
LATE = timedelta(seconds=90)  # how late a row may come into view and still be met by the next fast pass
FAST_REACH = timedelta(minutes=10)
DELETED_REACH = timedelta(days=15)  # older deletions are in no list: the whole source is read again
MINUTE = timedelta(minutes=1)


class _Updated(msgspec.Struct):
    ids: list[str]
    latestDateCovered: str | None  # noqa: N815 - Salesforce's own spelling


class _DeletedRow(msgspec.Struct):
    id: str
    deletedDate: str  # noqa: N815


class _Deleted(msgspec.Struct):
    deletedRecords: list[_DeletedRow]  # noqa: N815
    latestDateCovered: str | None  # noqa: N815
    earliestDateAvailable: str | None = None  # noqa: N815


@dataclass(slots=True)
class _Look:
    """What a complete pass found out about one source: what is still to be asked and the mark that is true afterwards."""

    source: Source
    since: datetime
    until: datetime
    mark: str | None = None
    changed: list[str] = field(default_factory=list)
    deleted: dict[str, datetime] = field(default_factory=dict)
    answered: list[PartAnswer] = field(default_factory=list)
    questions: range = range(0)  # which of the pass's batched queries are this source's
    whole: bool = False  # read the whole source again
    partly: bool = False  # the window was cut: the rest is for the next pass
    unproved: bool = False  # a list says nothing about this window: the old mark stays
    failed: bool = False


class _Batches:
    """First pages of many queries, five to a request, each request made only when one of its queries is wanted."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._asked: list[Part] = []
        self._answers: dict[int, tuple[PartAnswer, datetime]] = {}

    def ask(self, query: str, *, include_deleted: bool) -> int:
        """Note a query and return its number."""
        self._asked.append(Part(path(query, include_deleted=include_deleted)))
        return len(self._asked) - 1

    def take(self, number: int) -> tuple[PartAnswer, datetime]:
        """Return the answer to a query, once."""
        if number not in self._answers:
            some = self._asked[number : number + QUERIES_PER_COMPOSITE]
            answers, at = self._client.composite(some)
            self._answers = {number + place: (answer, at) for place, answer in enumerate(answers)}
        return self._answers.pop(number)


class Poll:
    """The passes, and what could not be read in the last one."""

    def __init__(
        self, client: Client, sources: Sequence[Source], members: Memberships, load: Load, *, stop: Event
    ) -> None:
        self._client, self._members, self._load, self._stop = client, members, load, stop
        self._fast_since: dict[str, datetime] = {}
        self._future_end = True
        self.blocked: dict[str, str] = {}
        self._sources: list[Source] = []
        for source in sources:
            try:
                select(source.reader.columns.names, source.native)
                self._sources.append(source)
            except ObjectBlocked as error:  # the mapping holds something that is no name: only a new mapping helps
                self.blocked[source.name] = str(error)

    def complete(self, marks: Mapping[str, Mark]) -> Iterator[Page]:
        """Yield everything changed since the marks; sources without one are loaded whole."""
        known = [source for source in self._sources if (found := marks.get(source.name)) and found.mark]
        batches = _Batches(self._client)
        looks = self._look(known, marks, batches)
        for source in self._sources:
            if self._stop.is_set():
                return
            look = looks.get(source.name)
            if look and look.failed:
                continue
            try:
                if look and not look.whole:
                    yield from self._pages(look, batches)
                else:
                    yield from self._whole(source, marks.get(source.name, Mark()))
                self.blocked.pop(source.name, None)
            except ObjectBlocked as error:
                self.blocked[source.name] = str(error)

    def fast(self, marks: Mapping[str, Mark]) -> Iterator[Page]:
        """Yield what the stamps show as changed lately in the sources that are loaded; proves nothing."""
        now = self._client.fresh_now()
        batches = _Batches(self._client)
        asked: list[tuple[Source, int]] = []
        for source in self._sources:
            if source.fast and (found := marks.get(source.name)) and found.mark:
                since = max(self._fast_since.get(source.name) or _instant(found.mark) - OVERLAP, now - FAST_REACH)
                stamp = _since(source, since)
                if source.due:
                    stamp = f"{stamp} OR ({_ended(source, since, now)})"
                asked.append((source, batches.ask(_range(source, stamp), include_deleted=False)))
        for source, number in asked:
            answer, at = batches.take(number)
            try:
                for page in self._load.following(source.reader.columns, answer, source.native):
                    if page.rows:
                        yield Page(source.name, read_rows(source, page.rows, at), at)
                    at = self._client.now()
                self._fast_since[source.name] = now - LATE
                self.blocked.pop(source.name, None)
            except ObjectBlocked as error:
                self.blocked[source.name] = str(error)

    def _whole(self, source: Source, mark: Mark) -> Iterator[Page]:
        """Yield a whole source; the users' mark also says what their memberships looked like."""
        if source.name == "user":
            tables = self._members.tables()
            answers, _ = self._client.composites([part for _, _, part in tables])
            self._members.learn(
                {
                    native: self._rows_of(native, columns, one)
                    for (native, columns, _), one in zip(tables, answers, strict=True)
                }
            )
        # A read again beside a mark begins anew each time; its pages still say that it is under way, for the ledger.
        for page in self._load.whole(source, None if mark.mark else mark.progress):
            signed = f"{page.mark}#{self._members.digest()}" if source.name == "user" and page.mark else page.mark
            yield replace(page, mark=signed)

    def _look(self, known: Sequence[Source], marks: Mapping[str, Mark], batches: _Batches) -> dict[str, _Look]:
        """Ask the lists of every source in one go, together with the queries that no list can replace."""
        if not known:
            return {}
        now = self._client.fresh_now()
        # Seconds are cut off, so an end one minute ahead brings in the minute that is still running.
        until = now + MINUTE if self._future_end else now
        looks = {
            source.name: _Look(source, _floor(_instant(marks[source.name].mark or "")) - OVERLAP, until)
            for source in known
        }
        for look in looks.values():
            look.whole = look.source.replica is not None and now - look.since > DELETED_REACH
        live = [look for look in looks.values() if not look.whole]
        # Lists first: a history row belongs to a transaction that its parent's list has already covered.
        asked = [(look, kind, part) for look in live for kind, part in self._lists(look)]
        asked += [
            (look, "first", Part(path(query, include_deleted=look.source.archived)))
            for look in live
            if (query := _unlisted(look, now))
        ]
        tables = self._members.tables() if "user" in looks else []
        asked += [(looks["user"], native, part) for native, _, part in tables]
        columns_of = {native: columns for native, columns, _ in tables}
        answers, at = self._client.composites([part for _, _, part in asked])
        listed = [answer for (_, kind, _), answer in zip(asked, answers, strict=True) if kind in ("updated", "deleted")]
        if self._future_end and listed and all(_has(answer, "INVALID_REPLICATION_DATE") for answer in listed):
            self._future_end = False  # an end that is still to come is taken by no list
            return self._look(known, marks, batches)
        members: dict[str, list[Cells]] = {}
        for (look, kind, _), answer in zip(asked, answers, strict=True):
            try:
                if kind in columns_of:
                    members[kind] = self._rows_of(kind, columns_of[kind], answer)
                elif kind == "first":
                    look.answered.append(answer)
                else:
                    self._listed(look, kind, answer, at)
            except ObjectBlocked as error:
                self.blocked[look.source.name] = str(error)
                look.failed = True
        if "user" in looks:
            self._members.learn(members)
        for look in looks.values():
            self._conclude(look, looks, marks[look.source.name].mark or "", at, batches)
        return looks

    def _rows_of(self, native: str, columns: Columns, answer: PartAnswer) -> list[Cells]:
        """Return all rows of a table of memberships; none when it may not be read, for users are worth having without."""
        try:
            rows = [row for found in self._load.following(columns, answer, native) for row in found.rows]
            self.blocked.pop(f"user:{native}", None)
        except ObjectBlocked as error:
            self.blocked[f"user:{native}"] = str(error)
            return []
        return rows

    def _lists(self, look: _Look) -> list[tuple[str, Part]]:
        if not look.source.lists:
            return []
        kinds = ("updated", "deleted") if look.source.deletes else ("updated",)
        return [(kind, _list_part(look.source.native, kind, look.since, look.until)) for kind in kinds]

    def _listed(self, look: _Look, kind: str, answer: PartAnswer, at: datetime) -> None:
        """Take over an `updated` or `deleted` list; raises ObjectBlocked when it cannot be had."""
        if answer.status != 200:
            answer = self._narrower(look, kind, answer, at)
        if answer.status != 200:
            if _has(answer, "INVALID_REPLICATION_DATE"):
                look.unproved = True  # start and end are the same minute: nothing to prove yet
                return
            raise part_refusal(answer, look.source.native)
        try:
            found: _Updated | _Deleted
            if kind == "updated":
                found = msgspec.json.decode(answer.body, type=_Updated)
            else:
                found = msgspec.json.decode(answer.body, type=_Deleted)
            covered = instant(found.latestDateCovered)
            if isinstance(found, _Updated):
                look.changed = found.ids
            else:
                look.deleted = {row.id: instant(row.deletedDate) for row in found.deletedRecords}
                earliest = found.earliestDateAvailable
                look.whole = look.whole or (earliest is not None and instant(earliest) > look.since + OVERLAP)
        except (ValueError, msgspec.MsgspecError):
            raise ObjectBlocked(f"{look.source.native}: the list of what was {kind} cannot be read") from None
        # Never beyond what has happened, whatever end was asked for.
        mark = to_text(min(covered, at))
        look.mark = mark if look.mark is None else min(look.mark, mark)

    def _narrower(self, look: _Look, kind: str, answer: PartAnswer, at: datetime) -> PartAnswer:
        """Ask again for half the window while there are too many ids in it."""
        end = at
        while _has(answer, "EXCEEDED_ID_LIMIT"):
            end = look.since + (end - look.since) / 2
            look.partly = True
            if _floor(end) <= look.since:
                break
            answers, _ = self._client.composite([_list_part(look.source.native, kind, look.since, end)])
            answer = answers[0]
        return answer

    def _conclude(self, look: _Look, looks: Mapping[str, _Look], before: str, at: datetime, batches: _Batches) -> None:
        """Give a look its mark, which never falls, and note the queries for the rows it listed."""
        source = look.source
        if source.replica is None:
            look.mark = to_text(at)
        elif not source.lists:
            parent = next(
                (one for one in looks.values() if one.source.lists and one.source.native == source.replica), None
            )
            look.mark = parent.mark if parent and not parent.failed else None
        if look.unproved:
            look.mark = None
        if look.mark is not None:
            look.mark = max(look.mark, before[:20])
        if source.name == "user":
            digest = self._members.digest()
            look.whole = look.whole or before[21:] != digest
            look.mark = f"{look.mark}#{digest}" if look.mark else None
        if look.failed or look.whole:
            return
        numbers = [
            batches.ask(query, include_deleted=source.deletes or source.archived) for query in _row_queries(look)
        ]
        look.questions = range(numbers[0], numbers[-1] + 1) if numbers else range(0)

    def _pages(self, look: _Look, batches: _Batches) -> Iterator[Page]:
        """Yield the rows of one source, the last page with the mark."""
        source = look.source
        total = len(look.changed) + len(look.deleted) or None
        missing = dict(look.deleted)
        held: Page | None = None
        begun = self._client.now()
        for answer, at in chain(((answer, begun) for answer in look.answered), map(batches.take, look.questions)):
            read_at = at
            for found in self._load.following(source.reader.columns, answer, source.native):
                if held:
                    yield held
                held = Page(
                    source.name, _dated(read_rows(source, found.rows, read_at), look.deleted), read_at, total=total
                )
                if missing:
                    place = source.reader.columns.at("Id")
                    for cells in found.rows:
                        missing.pop(cells[place], None)
                read_at = self._client.now()
        last = held or Page(source.name, (), begun, total=total)
        # Deleted for good before anybody could read them.
        purged = tuple(
            Gone(Ref(self._load.crm, source.name, key), at)
            for key, at in missing.items()
            if source.name in ("lead", "contact")
        )
        proved = look.mark is not None and not look.partly
        yield replace(last, rows=(*last.rows, *purged), mark=look.mark, full=source.replica is None, complete=proved)


def _row_queries(look: _Look) -> list[str]:
    """Return the queries for listed rows: by id while they are few, else by stamp; deleted ones always by id."""
    source = look.source
    many = len(look.changed) > IDS_PER_QUERY
    keys = ids(list(dict.fromkeys([*([] if many else look.changed), *look.deleted])))
    by_id = [
        select(
            source.reader.columns.names, source.native, where("Id IN {ids}", ids=keys[start : start + IDS_PER_QUERY])
        )
        for start in range(0, len(keys), IDS_PER_QUERY)
    ]
    return [_range(source, _since(source, look.since)), *by_id] if many else by_id


def _unlisted(look: _Look, now: datetime) -> str | None:
    """Return the query that a source needs besides or instead of its lists."""
    source = look.source
    if source.replica is None:
        return select(source.reader.columns.names, source.native, source.condition)
    if not source.lists:
        return _range(source, _since(source, look.since))
    if source.due:
        return select(
            source.reader.columns.names, source.native, source.condition, _ended(source, look.since, now), order="Id"
        )
    return None


def _dated(rows: tuple[Row, ...], deleted: Mapping[str, datetime]) -> tuple[Row, ...]:
    """Give rows that are gone the instant that the list of deletions names."""
    if not deleted:
        return rows
    return tuple(replace(row, at=deleted.get(row.ref.id, row.at)) if isinstance(row, Gone) else row for row in rows)


def _has(answer: PartAnswer, code: str) -> bool:
    return answer.status != 200 and any(fault.code == code for fault in faults(answer.body))


def _list_part(native: str, kind: str, start: datetime, end: datetime) -> Part:
    return Part(f"sobjects/{native}/{kind}/?start={quote(to_text(start), safe='')}&end={quote(to_text(end), safe='')}")


def _range(source: Source, stamp: str) -> str:
    return select(source.reader.columns.names, source.native, source.condition, stamp, order=f"{source.stamp}, Id")


def _since(source: Source, since: datetime) -> str:
    return where(f"{source.stamp} >= {{since}}", since=since)


def _ended(source: Source, since: datetime, now: datetime) -> str:
    return where(f"{source.due} >= {{since}} AND {source.due} <= {{now}}", since=since, now=now)


def _floor(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)


def _instant(mark: str) -> datetime:
    """Return the instant of a mark; the users' mark has more to it."""
    return from_text(mark[:20])
