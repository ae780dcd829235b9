"""The stage's and the owner's history out of Dataverse's audit table, where auditing is on.

One table holds the audits of leads and contacts alike, so both are one source here. The list says when and who; what
changed is asked row by row, in batches, and only for rows whose mask names a column that matters (crm/dataverse.md 6:
the functions that answer several at once leave out when and who). Audits may be written a while after the change, so
each pass asks again for the last twenty minutes and remembers what it has seen of them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec

from leadsync.crm.dynamics.client import Client
from leadsync.crm.dynamics.metadata import Attribute, Table
from leadsync.crm.dynamics.odata import PAGE, any_of, literal, path
from leadsync.crm.dynamics.stages import QUALIFIED, REASON, STATE, StageValues
from leadsync.crm.dynamics.verdicts import refused
from leadsync.domain.instants import from_text, to_text
from leadsync.domain.mapping import CrmMapping
from leadsync.domain.records import Move, Ref
from leadsync.errors import CrmUnavailable
from leadsync.http import Answer
from leadsync.ports import Mark, Page, Row

SOURCE = "lead_history"
LAG = timedelta(minutes=20)
_SELECT = ("createdon", "objecttypecode", "attributemask", "_userid_value", "_objectid_value")
DATA = "changedata"
_UPDATE = 2


class _Detail(msgspec.Struct):
    old: dict[str, Any] = msgspec.field(default_factory=dict, name="OldValue")
    new: dict[str, Any] = msgspec.field(default_factory=dict, name="NewValue")


class _Details(msgspec.Struct):
    detail: _Detail = msgspec.field(name="AuditDetail")


class _Attribute(msgspec.Struct, rename="camel"):
    logical_name: str
    old_value: str | None = None
    new_value: str | None = None


class _Data(msgspec.Struct, rename="camel"):
    changed_attributes: list[_Attribute]


class _List(msgspec.Struct):
    value: list[dict[str, Any]] = []
    more: str | None = msgspec.field(default=None, name="@odata.nextLink")


@dataclass(frozen=True, slots=True)
class Audited:
    """One object whose stage is audited."""

    object: str
    table: Table
    stages: StageValues
    owner: Attribute
    converted: str | None  # the value that stands for being qualified, if the mapping lists one

    @property
    def columns(self) -> tuple[Attribute, ...]:
        """The columns whose changes matter."""
        states = [self.table.attributes[name] for name in (STATE, REASON) if name in self.table.attributes]
        return (self.stages.column, self.owner, *(states if self.object == "lead" else ()))


def is_audited(table: Table, column: str) -> bool:
    """Say whether the changes of a column are kept, as far as its table and itself say."""
    return table.audited is True and table.attribute(column).audited is not False


def qualified_value(mapping: CrmMapping, table: Table) -> str | None:
    """Return the mapping's name for the status reason of a qualified lead."""
    reasons = table.attributes.get(REASON)
    if reasons is None:
        return None
    values = StageValues(mapping.converted, reasons, table.attributes.get(STATE))
    found = (values.text(number) for number, option in reasons.options.items() if option.state == QUALIFIED)
    return next((text for text in found if text in mapping.converted), None)


class History:
    """Reads the audits of all audited objects."""

    def __init__(self, crm: str, client: Client, audited: Sequence[Audited], *, with_data: bool) -> None:
        """`with_data`: the audit table has the column that holds the changes themselves, so few rows need be asked for."""
        self._crm, self._client = crm, client
        self._select = (*_SELECT, DATA) if with_data else _SELECT
        self._audited = {one.table.name: one for one in audited}
        self._seen: dict[str, str] = {}
        self._numbers = {
            one.table.name: {str(column.number) for column in one.columns if column.number is not None}
            for one in audited
        }

    def pages(self, mark: Mark, *, complete: bool) -> Iterator[Page]:
        """Yield what was audited since the mark, all of it at first; the last page holds the mark."""
        begun = self._client.now()
        since, link = mark.mark, None
        if since is None and mark.progress:
            known, _, rest = mark.progress.partition("|")
            if self._client.leads_here(rest):
                begun, link = from_text(known), rest
        held: Page | None = None
        fresh: dict[str, str] = {}
        for rows, more, at in self._lists(since, link):
            if held:
                yield held
                self._seen |= fresh  # only now is the page stored
            wanted = [row for row in rows if self._matters(row)]
            fresh = {str(row["auditid"]): str(row["createdon"]) for row in wanted} if since else {}
            progress = f"{to_text(begun)}|{more}" if more and since is None else None
            held = Page(SOURCE, tuple(self._moves(wanted)), at, progress=progress)
        assert held is not None
        # Never below the mark that stands: the CRM's time may be known less well than it was.
        end = max(to_text(begun - LAG), since or "")
        yield Page(SOURCE, held.rows, held.read_at, mark=end, full=since is None, complete=complete)
        self._seen = {key: seen for key, seen in (self._seen | fresh).items() if seen >= end}

    def _lists(
        self, since: str | None, link: str | None
    ) -> Iterator[tuple[list[dict[str, Any]], str | None, datetime]]:
        conditions = [any_of("objecttypecode", map(literal, self._audited)), f"operation eq {_UPDATE}"]
        conditions += [f"createdon ge {since}"] if since else []
        query = link or path("audits", self._select, " and ".join(conditions), order="createdon asc")
        more: str | None = query
        while more:
            answer = self._client.read(
                more, "audit", headers={"Prefer": f"odata.maxpagesize={PAGE if since else 1000}"}
            )
            try:
                page = msgspec.json.decode(answer.body, type=_List)
            except msgspec.MsgspecError:
                raise CrmUnavailable("audit: an answer cannot be read") from None
            more = page.more
            yield page.value, more, answer.date() or self._client.now()

    def _moves(self, wanted: Sequence[Mapping[str, Any]]) -> Iterator[Row]:
        details = {str(row["auditid"]): self._told(row) for row in wanted}
        asked = [key for key, detail in details.items() if detail is None]
        answers = self._client.gather([f"audits({key})/Microsoft.Dynamics.CRM.RetrieveAuditDetails" for key in asked])
        details |= {key: _detail(answer) for key, answer in zip(asked, answers, strict=True)}
        for row in wanted:
            if (detail := details[str(row["auditid"])]) is not None:
                yield from self._changes(row, detail)

    def _told(self, row: Mapping[str, Any]) -> _Detail | None:
        """Return what the row itself says was changed, None when that cannot be had."""
        try:
            found = msgspec.json.decode(row.get(DATA) or "", type=_Data).changed_attributes
        except msgspec.MsgspecError:
            return None
        columns = self._audited[str(row["objecttypecode"])].table.attributes
        detail = _Detail()
        for one in found:
            if (column := columns.get(one.logical_name)) is not None:
                try:
                    detail.old[column.name] = _spelled(one.old_value, column)
                    detail.new[column.name] = _spelled(one.new_value, column)
                except ValueError:
                    return None
        return detail

    def _matters(self, row: Mapping[str, Any]) -> bool:
        if str(row.get("auditid")) in self._seen or row.get("objecttypecode") not in self._audited:
            return False
        numbers = self._numbers[str(row["objecttypecode"])]
        mask = {one for one in str(row.get("attributemask") or "").split(",") if one}
        return not mask or not numbers or not mask.isdisjoint(numbers)

    def _changes(self, row: Mapping[str, Any], detail: _Detail) -> Iterator[Row]:
        one = self._audited[str(row["objecttypecode"])]
        ref = Ref(self._crm, one.object, str(row["_objectid_value"]))
        at, by, key = from_text(str(row["createdon"])), row.get("_userid_value"), str(row["auditid"])
        stage = one.stages.column
        if _holds(detail, stage):
            old, new = one.stages.text(_value(detail.old, stage)), one.stages.text(_value(detail.new, stage))
            yield Move(ref, f"{key}:stage", "stage", old, new, at, by)
        if _holds(detail, one.owner):
            yield Move(ref, f"{key}:owner", "owner", _id(detail.old, one.owner), _id(detail.new, one.owner), at, by)
        state = one.table.attributes.get(STATE)
        if (
            one.object == "lead" and one.converted and state and stage.name != REASON
            and _holds(detail, state) and _value(detail.new, state) == QUALIFIED
        ):  # fmt: skip
            # The forced value tells when the lead was converted; it is no stage (semantics.md C).
            yield Move(ref, f"{key}:qualified", "stage", None, one.converted, at, by)


def _detail(answer: Answer) -> _Detail | None:
    """Return what an audit's details say, None for details of another kind and for audits deleted meanwhile."""
    if answer.status == 404:
        return None
    if answer.status != 200:
        raise refused(answer, "audit")
    try:
        return msgspec.json.decode(answer.body, type=_Details).detail
    except msgspec.ValidationError:
        return None


def _spelled(value: str | None, column: Attribute) -> Any:
    """Return a value out of the text form of change data: a choice's number, a lookup's id behind its table.

    Raises ValueError for a choice that is no number.
    """
    if value is None or value == "":
        return None
    if column.options:
        return int(value)
    return value.rpartition(",")[2] if column.is_lookup else value


def _holds(detail: _Detail, column: Attribute) -> bool:
    return any(name in values for values in (detail.old, detail.new) for name in (column.wire, column.name))


def _value(values: Mapping[str, Any], column: Attribute) -> Any:
    return values.get(column.wire, values.get(column.name))


def _id(values: Mapping[str, Any], column: Attribute) -> str | None:
    found = _value(values, column)
    return found.lower() if isinstance(found, str) else None
