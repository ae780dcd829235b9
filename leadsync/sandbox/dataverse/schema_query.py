"""RetrieveMetadataChanges: the definitions of many tables and their columns by one query (Microsoft Learn, "Query schema
definitions").

What was not asked for is null; names and ids always come, tables that are not there are left out. Columns have the
complex types, whose choices stand in OptionSet whether they are global or not. No history of the tables is kept, so a
ClientVersionStamp has always expired, which the service allows itself too ("Cache Schema data").
"""

import json
import re
from typing import Any

from leadsync.sandbox.calls import Answer
from leadsync.sandbox.dataverse.definitions import PREFIX, Json, attribute, entity
from leadsync.sandbox.dataverse.desk import Desk
from leadsync.sandbox.dataverse.errors import EXPIRED_STAMP, INVALID, bad

_ALWAYS = ("MetadataId", "LogicalName", "HasChanged", "@odata.type")
_STAMP = "%m/%d/%Y %H:%M:%S"


def retrieve_changes(desk: Desk, given: str) -> Answer:
    """GET RetrieveMetadataChanges(Query=@p1)."""
    parameters = desk.parameters(given)
    try:
        asked = json.loads(parameters.get("Query", "{}"))
    except ValueError:
        raise bad("The parameter 'Query' cannot be read.") from None
    if "ClientVersionStamp" in parameters:
        raise bad("Version stamp associated with the client has expired. Please perform a full sync.", EXPIRED_STAMP)
    wanted = _wanted(asked)
    columns = asked.get("AttributeQuery") or {}
    found = []
    for table in desk.view.tables.values():
        if not _meets(asked.get("Criteria"), whole := entity(table)):
            continue
        one = _named({**whole, "HasChanged": None}, wanted)
        if wanted is None or "Attributes" in wanted:
            known = (attribute(desk.view, table, column) for column in table.columns.values())
            one["Attributes"] = [
                _named(_complex(column), _wanted(columns))
                for column in known
                if _meets(columns.get("Criteria"), column)
            ]
        else:
            one["Attributes"] = None
        found.append(one)
    body = {
        "@odata.context": f"{desk.api}/$metadata#Microsoft.Dynamics.CRM.RetrieveMetadataChangesResponse",
        "ServerVersionStamp": f"{desk.box.store.version}!{desk.view.now.strftime(_STAMP)}",
        "DeletedMetadata": {"Count": 0, "IsReadOnly": False, "Keys": [], "Values": []}, "EntityMetadata": found,
    }  # fmt: skip
    return desk.shown(200, body)


def _wanted(query: Json) -> list[str] | None:
    """The names of the properties that a query asks for, None for all."""
    asked = query.get("Properties") or {}
    return None if not query or asked.get("AllProperties") is True else list(asked.get("PropertyNames") or ())


def _named(found: Json, wanted: list[str] | None) -> Json:
    return {
        name: value if wanted is None or name in wanted or name in _ALWAYS else None for name, value in found.items()
    }


def _complex(found: Json) -> Json:
    """A column as the complex type that answers of functions hold."""
    kind = str(found["@odata.type"]).removeprefix(f"#{PREFIX}")
    rest = {name: value for name, value in found.items() if name not in ("@odata.type", "GlobalOptionSet")}
    # Keys were seen without a type: they have no complex type of their own.
    named = {} if kind.startswith("UniqueIdentifier") else {"@odata.type": f"#{PREFIX}Complex{kind}"}
    return {**named, **rest, "HasChanged": None}


def _meets(criteria: Json | None, known: Json) -> bool:
    """Whether a definition meets a MetadataFilterExpression; without conditions everything does."""
    if criteria is None:
        return True
    met = [
        *(_holds(one, known) for one in criteria.get("Conditions") or ()),
        *(_meets(one, known) for one in criteria.get("Filters") or ()),
    ]
    return any(met) if met and criteria.get("FilterOperator") == "Or" else all(met)


def _holds(condition: Json, known: Json) -> bool:
    name = condition.get("PropertyName")
    if name not in known:
        raise bad(f"Could not find a property named '{name}'.", INVALID)
    property_: Any = known[name]
    held = str(property_["Value"] if isinstance(property_, dict) else property_).lower()
    value = str((condition.get("Value") or {}).get("Value", "")).lower()
    match condition.get("ConditionOperator"):
        case "Equals":
            return held == value
        case "NotEquals":
            return held != value
        case "In":
            return held in re.findall(r"'([^']*)'", value)
        case "NotIn":
            return held not in re.findall(r"'([^']*)'", value)
        case other:
            raise bad(f"The condition operator '{other}' is not supported.", INVALID)
