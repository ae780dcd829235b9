"""The three audit functions. Over the Web API the histories come without AuditRecord, hence without who and when
(Microsoft Learn, "Retrieve the history of audited data changes", notes); only RetrieveAuditDetails of a row that was
found in `audits` goes with a time and a user."""

import json
from typing import Any

from leadsync.sandbox.calls import Answer
from leadsync.sandbox.dataverse.addresses import Addressed, KeyValues
from leadsync.sandbox.dataverse.desk import Desk
from leadsync.sandbox.dataverse.encode import plain
from leadsync.sandbox.dataverse.errors import bad, no_row
from leadsync.sandbox.dataverse.schema.audits import Entry, entries, values
from leadsync.sandbox.dataverse.schema.columns import Column, Ref, Table

_PREFIX = "#Microsoft.Dynamics.CRM."
_PAGE = 5000


def details(desk: Desk, table: Table, key: str | KeyValues) -> Answer:
    """GET audits(<id>)/Microsoft.Dynamics.CRM.RetrieveAuditDetails."""
    found = next((entry for entry in entries(desk.view) if entry.guid == key), None) if table.name == "audit" else None
    if found is None:
        raise no_row(table.name, str(key))
    body = {
        "@odata.context": f"{desk.api}/$metadata#Microsoft.Dynamics.CRM.RetrieveAuditDetailsResponse",
        "AuditDetail": _detail(desk, found, None),
    }
    return desk.shown(200, body)


def record_history(desk: Desk, given: str) -> Answer:
    """GET RetrieveRecordChangeHistory(Target=@t,PagingInfo=@p)."""
    return _history(desk, given, None, "RetrieveRecordChangeHistory")


def attribute_history(desk: Desk, given: str) -> Answer:
    """GET RetrieveAttributeChangeHistory(Target=@t,AttributeLogicalName=@a,PagingInfo=@p)."""
    named = str(desk.parameters(given).get("AttributeLogicalName", "")).strip("'")
    return _history(desk, given, named, "RetrieveAttributeChangeHistory")


def _history(desk: Desk, given: str, column: str | None, name: str) -> Answer:
    parameters = desk.parameters(given)
    ref = Addressed(desk.view).ref(str(_object(parameters.get("Target", "")).get("@odata.id", "")))
    if column is not None and column not in desk.view.tables[ref.table].columns:
        raise bad(f"The attribute '{column}' does not exist on {ref.table}.")
    paging = _object(parameters.get("PagingInfo", "{}"))
    size, number = int(paging.get("Count") or _PAGE), int(paging.get("PageNumber") or 1)
    found = [_detail(desk, entry, column) for entry in reversed(list(entries(desk.view, ref)))]
    found = [detail for detail in found if detail["OldValue"].keys() | detail["NewValue"].keys() != {"@odata.type"}]
    page = found[(number - 1) * size : number * size]
    is_more = number * size < len(found)
    body = {
        "@odata.context": f"{desk.api}/$metadata#Microsoft.Dynamics.CRM.{name}Response",
        "AuditDetailCollection": {
            "MoreRecords": is_more, "PagingCookie": f'<cookie page="{number}" />' if is_more else "",
            "TotalRecordCount": len(found) if paging.get("ReturnTotalRecordCount") else -1, "AuditDetails": page,
        },
    }  # fmt: skip
    return desk.shown(200, body)


def _detail(desk: Desk, entry: Entry, only: str | None) -> dict[str, Any]:
    kind = f"{_PREFIX}{entry.table}"
    old: dict[str, Any] = {"@odata.type": kind}
    new: dict[str, Any] = {"@odata.type": kind}
    for column, before, after in values(desk.view, entry):
        if only is not None and column.name != only:
            continue
        # A column that was or became blank is not named on that side.
        _put(old, column, before)
        _put(new, column, after)
    return {
        "@odata.type": f"{_PREFIX}AttributeAuditDetail", "InvalidNewValueAttributes": [], "LocLabelLanguageCode": 0,
        "DeletedAttributes": {"Count": 0, "Keys": [], "Values": []}, "OldValue": old, "NewValue": new,
    }  # fmt: skip


def _put(into: dict[str, Any], column: Column, value: Any) -> None:
    if value is None:
        return
    if isinstance(value, Ref):
        into[f"{column.shown}@Microsoft.Dynamics.CRM.lookuplogicalname"] = value.table
    into[column.shown] = plain(value)


def _object(text: str) -> dict[str, Any]:
    """A JSON object; the documentation writes entity references with single quotes."""
    for attempt in (text, text.replace("'", '"')):
        try:
            found = json.loads(attempt)
        except ValueError:
            continue
        if isinstance(found, dict):
            return found
    raise bad(f"The parameter '{text}' cannot be read.")
