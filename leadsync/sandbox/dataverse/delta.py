"""Change tracking: the first complete reading with a delta link at its end, and what changed since (Microsoft Learn, "Use
change tracking to synchronize data with external systems").

A token names the version up to which its holder knows everything, and when that was. Changed rows come in the order of
their versions, then the deleted ones. Expired tokens are refused as ExpiredVersionStamp,
with its text; the HTTP status is assumed.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from leadsync.sandbox.calls import Answer
from leadsync.sandbox.dataverse import query
from leadsync.sandbox.dataverse.desk import Desk
from leadsync.sandbox.dataverse.errors import EXPIRED_STAMP, NOT_TRACKED, ApiError, bad
from leadsync.sandbox.dataverse.schema.columns import Table
from leadsync.sandbox.dataverse.schema.directory import EXPIRE_AFTER_DAYS
from leadsync.sandbox.dataverse.view import is_live
from leadsync.sandbox.rows import Row

_REFUSED = ("$filter", "$orderby", "$expand", "$top")
_TOKEN = re.compile(r"(\d+)!(\d\d/\d\d/\d{4} \d\d:\d\d:\d\d)")
_CLOCK = "%m/%d/%Y %H:%M:%S"


def first(desk: Desk, table: Table) -> Answer:
    """All rows of a table; its last page carries the delta link."""
    for name in _REFUSED:
        if desk.option(name) is not None:
            raise bad(f'The "{name}" query parameter isn\'t supported when Change Tracking is enabled.', "0x80060888")
    _check_tracked(table)
    if "$skiptoken" in desk.call.query:
        return query.more(desk)
    desk.check_options()
    found = list(desk.view.rows(table))
    return _answer(desk, table, found, [], "")


def since(desk: Desk, table: Table) -> Answer:
    """What changed since a delta token was issued."""
    _check_tracked(table)
    changed, deleted = _changes(desk, table)
    gone = [
        {"@odata.context": f"{desk.api}/$metadata#{table.set}/$deletedEntity", "id": guid, "reason": "deleted"} for guid in deleted
    ]  # fmt: skip
    return _answer(desk, table, changed, gone, "/$delta")


def pending(desk: Desk, table: Table) -> Answer:
    """How many changes wait for the holder of a token."""
    changed, deleted = _changes(desk, table)
    return Answer(200, str(len(changed) + len(deleted)).encode(), {"OData-Version": "4.0"}, media_type="text/plain")


def _answer(desk: Desk, table: Table, changed: list[Row], gone: list[dict[str, Any]], suffix: str) -> Answer:
    link = query.link_of(desk, without="$skiptoken $deltatoken")
    token = f"{desk.box.store.version}!{desk.view.now.astimezone(UTC).strftime(_CLOCK)}"
    # The documentation shows its tokens with lower-case escapes.
    encoded = re.sub(r"%[0-9A-F]{2}", lambda found: found[0].lower(), quote(token, safe=""))
    head = {"@odata.context": query.context(desk, table, suffix)}
    record = query.recorder(desk, table, desk.option("$select"), None)
    result = query.Result(
        table, changed, record, link, head, desk.page_size, tracking=True,
        last={"@odata.deltaLink": f"{link}$deltatoken={encoded}"}, tail=gone,
    )  # fmt: skip
    answer = query.page(desk, result, 1, None)
    if "odata.track-changes" not in answer.headers.get("Preference-Applied", ""):
        answer.headers.setdefault("Preference-Applied", "odata.track-changes")
    return answer


def _check_tracked(table: Table) -> None:
    if not table.tracked or table.kind is None:
        raise ApiError(
            400,
            NOT_TRACKED,
            f"Entity : {table.name} does not have Change Tracking enabled. Please enable it and try again.",
        )


def _changes(desk: Desk, table: Table) -> tuple[list[Row], list[str]]:
    version = _version(desk)
    view = desk.view
    changed: list[Row] = []
    deleted: list[str] = []
    for row in desk.box.store.tables[str(table.kind)].since(version):
        if is_live(row):
            shown = (
                view.shown(table, row) if table.rows is None else (r for r in table.rows(view) if r["Id"] == row["Id"])
            )
            changed.extend(shown)
        elif table.rows is not None:
            deleted.append(view.guid(table, Row({table.key: (view.ref(row["Id"]) or ("", ""))[1]})))
        else:
            # A row that was made anew under its old GUID is not gone.
            deleted.extend(g for r in view.shown(table, row) if view.find(table, g := view.guid(table, r)) is None)
    return changed, deleted


def _version(desk: Desk) -> int:
    """The version that a token stands for; 400 when it is none or has expired."""
    found = _TOKEN.fullmatch(desk.option("$deltatoken") or "")
    if found is None:
        raise bad("Invalid delta token.", "0x80040203")
    version, at = int(found[1]), datetime.strptime(found[2], _CLOCK).replace(tzinfo=UTC)
    too_old = desk.view.now - at > timedelta(days=EXPIRE_AFTER_DAYS)
    if too_old or version < desk.box.faults.delta_tokens_from:
        raise bad("Version stamp associated with the client has expired. Please perform a full sync.", EXPIRED_STAMP)
    return version
