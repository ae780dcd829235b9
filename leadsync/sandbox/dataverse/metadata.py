"""What the environment says about itself: tables, columns with their options and limits, keys, relationships.

Tables are found by LogicalName or MetadataId, filtered and selected as clients do it (Microsoft Learn, "Query table
definitions using the Web API"). Many tables by one query are in `schema_query.py`, changes of
tables in `customizing.py`.
"""

import re
from collections.abc import Iterable
from typing import Any

from leadsync.sandbox.calls import Answer
from leadsync.sandbox.dataverse import customizing, query
from leadsync.sandbox.dataverse.definitions import (
    MULTIPLE_TABLES,
    PREFIX,
    Json,
    alternate_key,
    attribute,
    csdl,
    entity,
    metadata_id,
    odata_type,
    relationships,
)
from leadsync.sandbox.dataverse.desk import Desk
from leadsync.sandbox.dataverse.errors import SEGMENT, ApiError, bad, no_segment
from leadsync.sandbox.dataverse.guids import named_guid, read_guid
from leadsync.sandbox.dataverse.schema.columns import Column, Table
from leadsync.sandbox.dataverse.tables import TABLES

ROOTS = ("EntityDefinitions", "GlobalOptionSetDefinitions", "RelationshipDefinitions", "sdkmessagefilters")
_MULTIPLE = ("CreateMultiple", "UpdateMultiple", "UpsertMultiple")
_NAMED = re.compile(r"(\w+)(?:\((.*)\))?")
_BY_NAME = re.compile(r"(?:LogicalName|SchemaName|Name)='(.*)'")
_COMPARED = re.compile(
    r"^\(?\s*(?:Microsoft\.Dynamics\.CRM\.\w+)?([\w/]+)\s+(eq|ne)\s+(?:[\w.]+(?='))?('[^']*'|true|false|null|[\w-]+)\s*\)?$"
)


def service_document(desk: Desk) -> Answer:
    """GET of the root: the entity sets."""
    sets = [{"name": t.set, "kind": "EntitySet", "url": t.set} for t in TABLES.values()]
    return desk.shown(200, {"@odata.context": f"{desk.api}/$metadata", "value": sets})


def answer(desk: Desk, segments: list[str]) -> Answer:
    """GET below one of the metadata roots."""
    if (made := _customized(desk, segments)) is not None:
        return made
    if desk.call.method not in ("GET", "HEAD"):
        raise ApiError(405, SEGMENT, f"The requested resource does not support http method '{desk.call.method}'.")
    if segments[0] == "$metadata":
        return Answer(200, csdl().encode(), {"OData-Version": "4.0"}, media_type="application/xml")
    named = _NAMED.fullmatch(segments[0])
    assert named is not None
    match named[1], named[2]:
        case "EntityDefinitions", None:
            return _many(desk, "EntityDefinitions", (entity(t) for t in desk.view.tables.values()))
        case "EntityDefinitions", key:
            return _below_entity(desk, _table(desk, key), segments)
        case "GlobalOptionSetDefinitions", None:
            return _many(desk, "GlobalOptionSetDefinitions", ())
        case "RelationshipDefinitions", None:
            return _many(
                desk, "RelationshipDefinitions", (r for t in desk.view.tables.values() for r in relationships(t))
            )
        case "sdkmessagefilters", None:
            return _message_filters(desk)
    raise ApiError(404, "0x80040217", f"Could not find metadata with the key {named[2]}")


def _customized(desk: Desk, segments: list[str]) -> Answer | None:
    """The answer to a request that changes a table, None for any other."""
    named = _NAMED.fullmatch(segments[0])
    match desk.call.method, named[1] if named else "", segments[1:]:
        case "POST", "EntityDefinitions", ["Attributes"] if named and named[2]:
            return customizing.create_column(desk, _table(desk, named[2]))
        case "DELETE", "EntityDefinitions", [attribute] if named and named[2] and attribute.startswith("Attributes("):
            table = _table(desk, named[2])
            column = _column(table, attribute.removeprefix("Attributes(").removesuffix(")"))
            return customizing.delete_column(desk, table, column)
        case "POST", "RelationshipDefinitions", []:
            return customizing.create_relationship(desk)
        case _:
            return None


def _below_entity(desk: Desk, table: Table, segments: list[str]) -> Answer:
    where = f"EntityDefinitions('{table.name}')"
    match segments[1:]:
        case []:
            return _one(desk, "EntityDefinitions", _shaped(desk, entity(table), _parts(desk, table)))
        case ["Attributes"]:
            return _many(desk, f"{where}/Attributes", (attribute(desk.view, table, c) for c in table.columns.values()))
        case ["Attributes", cast] if cast.startswith(PREFIX):
            kind = cast.removeprefix(PREFIX).removesuffix("AttributeMetadata")
            found = (c for c in table.columns.values() if odata_type(c) == kind)
            return _many(desk, f"{where}/Attributes/{cast}", (attribute(desk.view, table, c) for c in found), cast=True)
        case [named, *rest] if named.startswith("Attributes("):
            column = _column(table, named.removeprefix("Attributes(").removesuffix(")"))
            return _below_attribute(desk, table, column, rest, where)
        case ["Keys"]:
            return _many(
                desk, f"{where}/Keys", (alternate_key(table, name, columns) for name, columns in table.keys.items())
            )
        case ["ManyToOneRelationships"]:
            return _many(desk, f"{where}/ManyToOneRelationships", relationships(table))
        case ["OneToManyRelationships"]:
            found_here = (
                r for t in desk.view.tables.values() for r in relationships(t) if r["ReferencedEntity"] == table.name
            )
            return _many(desk, f"{where}/OneToManyRelationships", found_here)
        case ["ManyToManyRelationships"]:
            return _many(desk, f"{where}/ManyToManyRelationships", ())
        case [name] if name in entity(table):
            return _one(desk, f"{where}/{name}", {"value": entity(table)[name]})
    raise no_segment(segments[-1])


def _below_attribute(desk: Desk, table: Table, column: Column, rest: list[str], where: str) -> Answer:
    found = attribute(desk.view, table, column)
    here = f"{where}/Attributes('{column.name}')"
    if rest and rest[0].startswith(PREFIX):
        if rest[0].removeprefix(PREFIX).removesuffix("AttributeMetadata") != odata_type(column):
            raise ApiError(404, SEGMENT, f"'{column.name}' is no {rest[0]}.")
        here, rest = f"{where}/Attributes/{rest[0]}", rest[1:]
        shown = _shaped(desk, found, {})
        shown.pop("@odata.type", None)
    else:
        shown = _shaped(desk, {k: v for k, v in found.items() if k not in ("OptionSet", "GlobalOptionSet")}, {})
    match rest:
        case []:
            return _one(desk, here, shown)
        case ["OptionSet"] if "OptionSet" in found:
            return _one(desk, f"{here}/OptionSet", _shaped(desk, found["OptionSet"], {}))
    raise no_segment(rest[-1])


def _message_filters(desk: Desk) -> Answer:
    """Which tables take which of the Multiple actions."""
    text = desk.option("$filter") or ""
    rows = [
        {"sdkmessagefilterid": named_guid("message", table, message)}
        for table in MULTIPLE_TABLES for message in _MULTIPLE
        if f"'{message}'" in text and f"'{table}'" in text
    ]  # fmt: skip
    return desk.shown(
        200, {"@odata.context": f"{desk.api}/$metadata#sdkmessagefilters(sdkmessagefilterid)", "value": rows}
    )


def _parts(desk: Desk, table: Table) -> dict[str, Any]:
    """What can be expanded from a table's definition."""
    return {
        "Attributes": lambda: [attribute(desk.view, table, c) for c in table.columns.values()],
        "Keys": lambda: [alternate_key(table, name, columns) for name, columns in table.keys.items()],
        "ManyToOneRelationships": lambda: list(relationships(table)),
        "OneToManyRelationships": lambda: [
            r for t in desk.view.tables.values() for r in relationships(t) if r["ReferencedEntity"] == table.name
        ],
    }


def _shaped(desk: Desk, found: Json, parts: dict[str, Any]) -> Json:
    """What $select and $expand leave of a definition. The key always stays, and the type where there are several."""
    expanded = dict(_expands(desk.option("$expand") or ""))
    select = [name.strip() for name in (desk.option("$select") or "").split(",") if name.strip()]
    kept = {
        k: v for k, v in found.items()
        if k in ("MetadataId", "@odata.type") or (k in expanded) or ((not select or k in select) and k not in ("OptionSet", "GlobalOptionSet"))
    }  # fmt: skip
    for name, names in expanded.items():
        value = parts[name]() if name in parts else kept.get(name)
        if names and isinstance(value, dict):
            value = {k: v for k, v in value.items() if k in names or k == "MetadataId"}
        elif names and isinstance(value, list):
            value = [
                {k: v for k, v in item.items() if k in names or k in ("MetadataId", "@odata.type")} for item in value
            ]
        kept[name] = value
    return kept


def _expands(text: str) -> list[tuple[str, list[str]]]:
    found = []
    for part in query.split(text, ","):
        name, _, rest = part.strip().partition("(")
        select = next((o for o in query.split(rest.removesuffix(")"), ";") if o.startswith("$select=")), "")
        found.append((name, [n.strip() for n in select.removeprefix("$select=").split(",") if n.strip()]))
    return found


def _many(desk: Desk, where: str, found: Iterable[Json], *, cast: bool = False) -> Answer:
    text = desk.option("$filter")
    kept = [item for item in found if text is None or _fits(item, text)]
    shaped = []
    for item in kept:
        parts = _parts(desk, desk.view.tables[item["LogicalName"]]) if where == "EntityDefinitions" else {}
        one = _shaped(desk, item, parts)
        if cast:
            one.pop("@odata.type", None)
        shaped.append(one)
    select = desk.option("$select")
    body = {"@odata.context": f"{desk.api}/$metadata#{where}{f'({select})' if select else ''}", "value": shaped}
    return desk.shown(200, body)


def _one(desk: Desk, where: str, found: Json) -> Answer:
    select = desk.option("$select")
    suffix = f"({select})/$entity" if select else "/$entity"
    return desk.shown(200, {"@odata.context": f"{desk.api}/$metadata#{where}{suffix}", **found})


def _fits(item: Json, text: str) -> bool:
    """Whether a definition passes a filter of comparisons joined by `and` and `or`; 400 for what is none."""
    outer = text.strip()
    if outer.startswith("(") and query.split(outer, "\0") == [outer] and _closes_last(outer):
        outer = outer[1:-1]
    for word in (" or ", " and "):
        parts = _split_words(outer, word)
        if len(parts) > 1:
            return any(_fits(item, p) for p in parts) if word == " or " else all(_fits(item, p) for p in parts)
    compared = _COMPARED.match(outer)
    if compared is None:
        raise bad(f"The query parameter $filter cannot be read: '{text}'.")
    name, operator, literal = compared.groups()
    held: Any = item
    for step in name.split("/"):
        if not isinstance(held, dict) or step not in held:
            raise bad(f"Could not find a property named '{step}' on type 'Microsoft.Dynamics.CRM.MetadataBase'.")
        held = held[step]
    wanted: Any = {"true": True, "false": False, "null": None}.get(literal, literal.strip("'"))
    same = held == wanted if not isinstance(held, int) or isinstance(held, bool) else str(held) == wanted
    return bool(same == (operator == "eq"))


def _closes_last(text: str) -> bool:
    depth = 0
    for place, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return place == len(text) - 1
    return False


def _split_words(text: str, word: str) -> list[str]:
    parts, depth, at, quoted = [], 0, 0, False
    for place, character in enumerate(text):
        quoted ^= character == "'"
        depth += 0 if quoted else (character == "(") - (character == ")")
        if depth == 0 and not quoted and text.startswith(word, place):
            parts.append(text[at:place])
            at = place + len(word)
    return [*parts, text[at:]]


def _table(desk: Desk, key: str) -> Table:
    guid, named = read_guid(key), _BY_NAME.fullmatch(key)
    tables = desk.view.tables
    found = tables.get(named[1]) if named else next((t for t in tables.values() if metadata_id(t) == guid), None)
    if found is None:
        raise ApiError(404, "0x80060888", f"Could not find an entity with the key {key} in the Metadata cache.")
    return found


def _column(table: Table, key: str) -> Column:
    guid, named = read_guid(key), _BY_NAME.fullmatch(key)
    if named is not None:
        found = table.columns.get(named[1])
    else:
        found = next((c for c in table.columns.values() if metadata_id(table, c.name) == guid), None)
    if found is None:
        raise ApiError(404, "0x80060888", f"Could not find an attribute with the key {key} for entity {table.name}.")
    return found
