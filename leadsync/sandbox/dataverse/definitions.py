"""Definitions as data: tables, columns with options and limits, keys and relationships, written as the service writes them."""

from collections.abc import Iterable
from typing import Any

from leadsync.sandbox.dataverse.encode import texts_of
from leadsync.sandbox.dataverse.guids import named_guid
from leadsync.sandbox.dataverse.schema.columns import Column, Table
from leadsync.sandbox.dataverse.tables import TABLES
from leadsync.sandbox.dataverse.view import View

Json = dict[str, Any]

PREFIX = "Microsoft.Dynamics.CRM."
MULTIPLE_TABLES = ("lead", "contact", "account")
"""The tables that take the Multiple actions, and are audited."""

_TYPES = {
    "key": "Uniqueidentifier", "guid": "Uniqueidentifier", "text": "String", "memo": "Memo", "integer": "Integer", "bigint": "BigInt",
    "decimal": "Decimal", "money": "Money", "flag": "Boolean", "moment": "DateTime", "day": "DateTime", "choice": "Picklist",
    "state": "State", "status": "Status", "lookup": "Lookup",
}  # fmt: skip
_ODATA_TYPES = {"Uniqueidentifier": "UniqueIdentifier"}


def entity(table: Table) -> Json:
    """The definition of a table, without its columns."""
    return {
        "MetadataId": metadata_id(table), "LogicalName": table.name, "SchemaName": table.name.title(), "EntitySetName": table.set,
        "LogicalCollectionName": table.set, "CollectionSchemaName": table.set.title(),
        "PrimaryIdAttribute": table.key, "PrimaryNameAttribute": table.title or None, "ObjectTypeCode": table.code,
        "DisplayName": _label(table.label), "DisplayCollectionName": _label(table.plural), "Description": _label(""),
        "OwnershipType": "UserOwned" if "ownerid" in table.columns else "OrganizationOwned",
        "IsActivity": table.activity, "IsCustomEntity": False, "IsPrivate": False, "IsIntersect": False, "IsLogicalEntity": False,
        "IsManaged": True, "IsValidForAdvancedFind": True, "TableType": "Standard", "DataProviderId": None,
        "ChangeTrackingEnabled": table.tracked, "CanChangeTrackingBeEnabled": _managed(table.tracked),
        "IsOptimisticConcurrencyEnabled": table.writable, "IsAuditEnabled": _managed(table.name in (*MULTIPLE_TABLES, "opportunity")),
        "IsBPFEntity": False, "IsStateModelAware": table.states is not None, "HasActivities": bool(table.collections),
    }  # fmt: skip


def attribute(view: View, table: Table, column: Column) -> Json:
    """The definition of a column, with its options and limits."""
    found: Json = {
        "@odata.type": f"#{PREFIX}{odata_type(column)}AttributeMetadata", "MetadataId": metadata_id(table, column.name),
        "LogicalName": column.name, "SchemaName": column.name, "EntityLogicalName": table.name, "AttributeType": type_of(column),
        "AttributeTypeName": {"Value": f"{type_of(column)}Type"}, "ColumnNumber": column.number, "DisplayName": _label(column.label),
        "Description": _label(""), "AttributeOf": None, "IsPrimaryId": column.name == table.key,
        "IsPrimaryName": column.name == table.title, "IsCustomAttribute": column.custom, "IsLogical": False, "IsManaged": not column.custom,
        "IsValidForCreate": column.createable and table.writable, "IsValidForUpdate": column.updateable and table.writable,
        "IsValidForRead": True, "IsValidForAdvancedFind": _managed(True), "IsAuditEnabled": _managed(_is_audited(view, table, column)), "IsSecured": False,
        "RequiredLevel": {"Value": _required(column), "CanBeChanged": True, "ManagedPropertyLogicalName": "canmodifyrequirementlevelsettings"},
        "SourceType": 1 if not column.createable and column.type == "decimal" else 0,
    }  # fmt: skip
    match column.type:
        case "text" | "memo":
            found.update(MaxLength=column.length or 100, Format="Text")
        case "integer" | "decimal" | "money" | "bigint":
            lowest = -column.maximum if column.type == "money" else column.minimum
            found.update(MinValue=lowest, MaxValue=column.maximum)
            if column.type != "integer":
                found["Precision"] = column.precision
        case "moment" | "day":
            found["Format"] = "DateOnly" if column.type == "day" else "DateAndTime"
            found["DateTimeBehavior"] = {"Value": "DateOnly" if column.type == "day" else "UserLocal"}
        case "lookup":
            found["Targets"] = list(column.targets)
        case "choice" | "state" | "status" | "flag":
            found["OptionSet"] = _options(view, table, column)
            found["GlobalOptionSet"] = None
            found["DefaultValue" if column.type == "flag" else "DefaultFormValue"] = (
                False if column.type == "flag" else -1
            )
    return found


def _is_audited(view: View, table: Table, column: Column) -> bool:
    """Whether the audit log tells of a column: those that history is kept for, and the state beside them."""
    kept = view.box.store.history_fields.get(str(table.kind), ())
    return column.source in kept or (bool(kept) and column.type in ("state", "status"))


def _options(view: View, table: Table, column: Column) -> Json:
    found: Json = {
        "MetadataId": metadata_id(table, column.name, "options"), "Name": f"{table.name}_{column.name}", "IsGlobal": False,
        "IsCustomOptionSet": column.custom, "IsManaged": not column.custom, "OptionSetType": type_of(column),
        "DisplayName": _label(column.label), "Description": _label(""),
    }  # fmt: skip
    if column.type == "flag":
        return {**found, "TrueOption": _option(1, "Yes"), "FalseOption": _option(0, "No")}
    options: list[Json] = []
    model = table.states
    match column.type:
        case "state" if model is not None:
            options = [
                {
                    **_option(value, label),
                    "DefaultStatus": model.defaults[value],
                    "InvariantName": label.replace(" ", ""),
                }
                for value, label in model.names.items()
            ]
        case "status" if model is not None:
            options = [{**_option(r.value, r.label), "State": r.state, "TransitionData": None} for r in model.reasons]
        case _ if column.choice is not None:
            texts = _seen(view, table, column)
            known = {column.choice.number(text): column.choice.called.get(text, text) for text in texts}
            options = [_option(value, label) for value, label in {**known, **column.choice.options}.items()]
            options.sort(key=lambda option: int(option["Value"]))
    return {**found, "Options": options}


def _seen(view: View, table: Table, column: Column) -> list[str]:
    if column.name == "leadsync_leadstatus":
        # A converted value is what the store's status becomes at conversion; the choice has none such.
        rows = view.box.store.tables["Lead"].rows.values()
        return list(dict.fromkeys(row["Status"] for row in rows if row["Status"] and not row["IsConverted"]))
    return texts_of(view, table, column)


def _option(value: int, label: str) -> Json:
    return {
        "Value": value, "Color": None, "IsManaged": value < 100_000_000, "ExternalValue": "", "ParentValues": [],
        "Label": _label(label), "Description": _label(""), "MetadataId": None, "HasChanged": None,
    }  # fmt: skip


def alternate_key(table: Table, name: str, columns: Iterable[str]) -> Json:
    return {
        "MetadataId": metadata_id(table, name), "LogicalName": name, "SchemaName": name, "EntityLogicalName": table.name,
        "KeyAttributes": list(columns), "EntityKeyIndexStatus": "Active", "DisplayName": _label(name), "IsManaged": False,
    }  # fmt: skip


def relationships(table: Table) -> Iterable[Json]:
    """The lookups of a table as many-to-one relationships: where to find the navigation property to bind by."""
    for column in table.columns.values():
        for target in column.targets:
            if target not in TABLES:
                continue
            name = f"{target}_{table.name}_{column.name}"
            held = next(
                (n for n, c in TABLES[target].collections.items() if c.table == table.name and c.lookup == column.name),
                name,
            )
            yield {
                "@odata.type": f"#{PREFIX}OneToManyRelationshipMetadata", "MetadataId": named_guid("relationship", name),
                "SchemaName": name, "RelationshipType": "OneToManyRelationship", "IsCustomRelationship": column.custom,
                "ReferencedEntity": target, "ReferencedAttribute": TABLES[target].key, "ReferencingEntity": table.name,
                "ReferencingAttribute": column.name, "ReferencedEntityNavigationPropertyName": held,
                "ReferencingEntityNavigationPropertyName": column.navigation.get(target, column.name),
            }  # fmt: skip


def type_of(column: Column) -> str:
    if column.type == "lookup" and column.name == "ownerid":
        return "Owner"
    if column.type == "lookup" and column.name in ("customerid", "parentcustomerid"):
        return "Customer"
    return _TYPES[column.type]


def odata_type(column: Column) -> str:
    """Owners and customers are lookups too; a key is spelled differently in the names of types."""
    found = type_of(column)
    return "Lookup" if found in ("Owner", "Customer") else _ODATA_TYPES.get(found, found)


def _required(column: Column) -> str:
    if column.type == "key" or column.name == "ownerid":
        return "SystemRequired"
    return "ApplicationRequired" if column.required else "None"


def metadata_id(table: Table | str, *names: str) -> str:
    return named_guid("metadata", table if isinstance(table, str) else table.name, *names)


def _label(text: str) -> Json:
    if not text:
        return {"LocalizedLabels": [], "UserLocalizedLabel": None}
    label = {
        "Label": text,
        "LanguageCode": 1033,
        "IsManaged": True,
        "MetadataId": named_guid("label", text),
        "HasChanged": None,
    }
    return {"LocalizedLabels": [label], "UserLocalizedLabel": label}


def _managed(value: bool) -> Json:
    return {"Value": value, "CanBeChanged": True, "ManagedPropertyLogicalName": "canmodify"}


_EDM = {
    "key": "Edm.Guid", "guid": "Edm.Guid", "lookup": "Edm.Guid", "text": "Edm.String", "memo": "Edm.String", "integer": "Edm.Int32",
    "choice": "Edm.Int32", "state": "Edm.Int32", "status": "Edm.Int32", "bigint": "Edm.Int64", "decimal": "Edm.Decimal",
    "money": "Edm.Decimal", "flag": "Edm.Boolean", "moment": "Edm.DateTimeOffset", "day": "Edm.Date",
}  # fmt: skip


def csdl() -> str:
    """The service's CSDL: entity types with their properties, and the sets."""
    types, sets = [], []
    for table in TABLES.values():
        properties = "".join(f'<Property Name="{c.shown}" Type="{_EDM[c.type]}"/>' for c in table.columns.values())
        navigation = "".join(
            f'<NavigationProperty Name="{name}" Type="mscrm.{target or column.targets[0]}"/>'
            for name, (column, target) in table.by_navigation.items() if column.targets
        )  # fmt: skip
        many = "".join(
            f'<NavigationProperty Name="{name}" Type="Collection(mscrm.{held.table})"/>'
            for name, held in table.collections.items()
        )
        types.append(
            f'<EntityType Name="{table.name}"><Key><PropertyRef Name="{table.key}"/></Key>{properties}{navigation}{many}</EntityType>'
        )
        sets.append(f'<EntitySet Name="{table.set}" EntityType="Microsoft.Dynamics.CRM.{table.name}"/>')
    return (
        '<?xml version="1.0" encoding="utf-8"?><edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx">'
        '<edmx:DataServices><Schema Namespace="Microsoft.Dynamics.CRM" Alias="mscrm" '
        f'xmlns="http://docs.oasis-open.org/odata/ns/edm">{"".join(types)}'
        f'<EntityContainer Name="System">{"".join(sets)}</EntityContainer></Schema></edmx:DataServices></edmx:Edmx>'
    )
