"""Changes of the tables themselves: columns made and dropped, lookups made by their relationship, status reasons added.

As the metadata operations of the Web API do it (Microsoft Learn, "Create and update column definitions using the Web API",
"Create and update table relationships", InsertStatusValue). What is changed lasts as long as the box's process. A column
that was made holds its values under its own name; a dropped one takes its values along.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from leadsync.sandbox.calls import Answer
from leadsync.sandbox.dataverse.definitions import metadata_id
from leadsync.sandbox.dataverse.desk import Desk
from leadsync.sandbox.dataverse.errors import DUPLICATE, INVALID, ApiError, bad
from leadsync.sandbox.dataverse.schema.choices import FIRST_OWN, Choice
from leadsync.sandbox.dataverse.schema.columns import Column, ColumnType, Reader, Reason, Table, table_of
from leadsync.sandbox.rows import Row

_KINDS: Mapping[str, ColumnType] = {
    "String": "text", "Memo": "memo", "Integer": "integer", "Decimal": "decimal", "Boolean": "flag", "DateTime": "moment",
    "Picklist": "choice",
}  # fmt: skip
_TYPE = "@odata.type"
_LONGEST = 100


def create_column(desk: Desk, table: Table) -> Answer:
    """POST EntityDefinitions(...)/Attributes."""
    body = desk.body()
    kind = str(body.get(_TYPE, "")).rpartition(".")[2].removesuffix("AttributeMetadata")
    if kind not in _KINDS:
        raise bad(f"A column of type {kind or 'none'} cannot be made here.", INVALID)
    name = _new_name(table, body)
    length = int(body.get("MaxLength") or (_LONGEST if kind in ("String", "Memo") else 0))
    top = float(body.get("MaxValue") or (2147483647 if kind in ("Integer", "Decimal") else 0))
    low = float(body.get("MinValue") or 0)
    column = Column(
        name, _KINDS[kind], _label(body), length=length, minimum=low, maximum=top, choice=_choice(name, body)
    )
    return _added(desk, table, column)


def create_relationship(desk: Desk) -> Answer:
    """POST RelationshipDefinitions: a lookup comes into being with its one-to-many relationship."""
    body = desk.body()
    given = body.get("Lookup")
    table = desk.view.tables.get(str(body.get("ReferencingEntity")))
    target = str(body.get("ReferencedEntity"))
    if table is None or target not in desk.view.tables or not isinstance(given, dict):
        raise bad("A one-to-many relationship needs ReferencedEntity, ReferencingEntity and Lookup.", INVALID)
    name = _new_name(table, given)
    navigation = {target: str(given["SchemaName"])}
    return _added(desk, table, Column(name, "lookup", _label(given), targets=(target,), navigation=navigation))


def delete_column(desk: Desk, table: Table, column: Column) -> Answer:
    """DELETE EntityDefinitions(...)/Attributes(...): custom columns only."""
    if not column.custom:
        raise bad(f"The column {column.name} is part of the system and cannot be deleted.", INVALID)
    _settle(desk, table_of(table, [one for one in table.columns.values() if one.name != column.name]))
    return desk.done()


def insert_status_value(desk: Desk, given: str) -> Answer:
    """POST InsertStatusValue: one more status reason of a state."""
    body = desk.body()
    table = desk.view.tables.get(str(body.get("EntityLogicalName")))
    model = table.states if table is not None else None
    state = int(body.get("StateCode", -1))
    if table is None or model is None or body.get("AttributeLogicalName") != "statuscode" or state not in model.names:
        raise bad(
            "InsertStatusValue needs EntityLogicalName, AttributeLogicalName statuscode and a StateCode.", INVALID
        )
    free = 1 + max([FIRST_OWN, *(reason.value for reason in model.reasons)])
    number = int(body.get("Value") or free)
    if any(reason.value == number for reason in model.reasons):
        raise ApiError(412, DUPLICATE, f"The value {number} is a status reason already.")
    label = _text(body.get("Label")) or str(number)

    def of(row: Row) -> int:
        return state if row["statuscode"] == number and not row["IsConverted"] else model.of(row)

    wider = replace(model, reasons=(*model.reasons, Reason(number, label, state)), of=of)
    reads: dict[str, Reader] = {
        "state": lambda view, row: wider.of(row), "status": lambda view, row: wider.reason(row),
    }  # fmt: skip
    columns = [replace(one, read=reads.get(one.type, one.read)) for one in table.columns.values()]
    _settle(desk, replace(table_of(table, columns), states=wider))
    context = f"{desk.api}/$metadata#Microsoft.Dynamics.CRM.InsertStatusValueResponse"
    return desk.shown(200, {"@odata.context": context, "NewOptionValue": number})


def publish(desk: Desk, given: str) -> Answer:
    """POST PublishXml and PublishAllXml: everything is published at once here."""
    return desk.done()


def _added(desk: Desk, table: Table, column: Column) -> Answer:
    _settle(desk, table_of(table, [*table.columns.values(), column]))
    here = f"{desk.api}/EntityDefinitions({metadata_id(table)})/Attributes({metadata_id(table, column.name)})"
    return desk.done({"OData-EntityId": here})


def _settle(desk: Desk, table: Table) -> None:
    desk.org.tables[table.name] = table


def _new_name(table: Table, body: Mapping[str, Any]) -> str:
    schema = str(body.get("SchemaName") or "")
    if "_" not in schema.strip("_"):
        raise bad("The SchemaName of a column begins with the publisher's prefix.", INVALID)
    name = schema.lower()
    if name in table.columns:
        # The code is assumed.
        raise ApiError(412, "0x80044363", f"Attribute with name {name} already exists on {table.name}.")
    return name


def _choice(name: str, body: Mapping[str, Any]) -> Choice | None:
    given = (body.get("OptionSet") or {}).get("Options")
    if given is None:
        return None
    options = {int(one["Value"]): _text(one.get("Label")) or str(one["Value"]) for one in given}
    return Choice(name, options, numbers={label: number for number, label in options.items()})


def _label(body: Mapping[str, Any]) -> str:
    return _text(body.get("DisplayName")) or str(body.get("SchemaName"))


def _text(label: Any) -> str:
    texts = label.get("LocalizedLabels") if isinstance(label, dict) else None
    return str(texts[0].get("Label") or "") if texts else ""


ACTIONS: Mapping[str, Callable[[Desk, str], Answer]] = {
    "InsertStatusValue": insert_status_value, "PublishXml": publish, "PublishAllXml": publish,
}  # fmt: skip
