"""Describe: which objects and fields there are, as the caller may see them. Also the list of resources."""

from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec

from leadsync.sandbox.calls import Answer
from leadsync.sandbox.salesforce.desk import Desk
from leadsync.sandbox.salesforce.encode import http_date, read_http_date
from leadsync.sandbox.schema import OBJECTS, Field, ObjectType
from leadsync.sandbox.schema.own import DEFAULT_STATUS

_SOAP = {
    "id": "tns:ID", "reference": "tns:ID", "boolean": "xsd:boolean", "int": "xsd:int", "double": "xsd:double",
    "currency": "xsd:double", "percent": "xsd:double", "date": "xsd:date", "datetime": "xsd:dateTime",
    "anyType": "xsd:anyType",
}  # fmt: skip
_RESOURCES = ("sobjects", "query", "queryAll", "limits", "composite", "jobs")


def resources(desk: Desk) -> Answer:
    """The resources of this version, with the caller's identity."""
    ids = f"{desk.box.basics.organization}/{desk.box.basics.integration}"
    return Answer(
        200, {**{name: f"{desk.root}/{name}" for name in _RESOURCES}, "identity": f"{desk.call.base}/id/{ids}"}
    )


def everything(desk: Desk) -> Answer:
    """All objects, without their fields."""
    unchanged = _unchanged(desk)
    if unchanged is not None:
        return unchanged
    return Answer(
        200,
        {
            "encoding": "UTF-8", "maxBatchSize": 200,
            "sobjects": [_summary(kind, desk.version) for kind in OBJECTS.values()],
        },
        {"Last-Modified": http_date(_changed_at(desk))},
    )  # fmt: skip


def basic(desk: Desk, name: str) -> Answer:
    kind = desk.object(name)
    return Answer(200, {"objectDescribe": _summary(kind, desk.version), "recentItems": []})


def one(desk: Desk, name: str) -> Answer:
    """An object with all fields that the caller may see; 304 when nothing changed since If-Modified-Since."""
    kind = desk.object(name)
    unchanged = _unchanged(desk)
    if unchanged is not None:
        return unchanged
    body = msgspec.Raw(_described(kind.name, desk.version, desk.box.faults.hidden))
    return Answer(200, body, {"Last-Modified": http_date(_changed_at(desk))})


def _changed_at(desk: Desk) -> datetime:
    """Metadata changes when a fault hides a field; else it is as old as the org."""
    created: datetime = desk.box.store.tables["Organization"].rows[desk.box.basics.organization]["CreatedDate"]
    return desk.now if desk.box.faults.hidden else created


def _unchanged(desk: Desk) -> Answer | None:
    since = desk.call.headers.get("if-modified-since")
    if since is None:
        return None
    try:
        fresh = _changed_at(desk).replace(microsecond=0) <= read_http_date(since)
    except (ValueError, TypeError):
        return None
    return Answer(304) if fresh else None


@lru_cache(maxsize=64)
def _described(name: str, version: str, hidden: frozenset[tuple[str, str]]) -> bytes:
    kind = OBJECTS[name]
    fields = [_field(kind, f) for f in kind.fields.values() if (name, f.name) not in hidden]
    return msgspec.json.encode(
        {
            **_summary(kind, version), "fields": fields, "childRelationships": _children(kind),
            "recordTypeInfos": [
                {
                    "active": True, "available": True, "defaultRecordTypeMapping": True, "developerName": "Master",
                    "master": True, "name": "Master", "recordTypeId": "012000000000000AAA", "urls": {},
                }
            ],
            "actionOverrides": [], "namedLayoutInfos": [], "supportedScopes": [], "compactLayoutable": kind.writable,
            "lookupLayoutable": None, "networkScopeFieldName": None, "sobjectDescribeOption": "FULL",
        }
    )  # fmt: skip


def _summary(kind: ObjectType, version: str) -> dict[str, Any]:
    url = f"/services/data/v{version}/sobjects/{kind.name}"
    writable = kind.writable
    return {
        "name": kind.name, "label": kind.label, "labelPlural": kind.plural, "keyPrefix": kind.prefix, "custom": False,
        "customSetting": False, "activateable": False, "createable": writable, "updateable": writable,
        "deletable": writable, "undeletable": writable, "mergeable": kind.name in ("Lead", "Contact", "Account"),
        "queryable": True, "retrieveable": True, "searchable": writable, "replicateable": True, "layoutable": writable,
        "triggerable": writable, "feedEnabled": False, "mruEnabled": writable, "hasSubtypes": False, "isSubtype": False,
        "isInterface": False, "deprecatedAndHidden": False, "associateEntityType": "History" if kind.history_of else None,
        "associateParentEntity": kind.history_of,
        "urls": {"sobject": url, "describe": f"{url}/describe", "rowTemplate": f"{url}/{{ID}}"},
    }  # fmt: skip


def _children(kind: ObjectType) -> list[dict[str, Any]]:
    return [
        {"cascadeDelete": False, "childSObject": child.name, "deprecatedAndHidden": False, "field": f.name,
         "junctionIdListNames": [], "junctionReferenceTo": [], "relationshipName": None, "restrictedDelete": False}
        for child in OBJECTS.values() for f in child.references if kind.name in f.reference_to
    ]  # fmt: skip


def _field(kind: ObjectType, field: Field) -> dict[str, Any]:
    defaulted = field.type == "boolean" or field.name == "OwnerId" or (kind.name == "Lead" and field.name == "Status")
    polymorphic = len(field.reference_to) > 1
    return {
        "name": field.name, "label": field.label, "type": field.type, "length": field.length,
        "byteLength": field.length * 3, "precision": field.precision, "scale": field.scale, "digits": 8 if field.type == "int" else 0,
        "custom": field.custom, "nillable": field.nillable, "createable": field.createable,
        "updateable": field.updateable, "filterable": field.filterable, "sortable": field.filterable,
        "groupable": field.type in ("string", "picklist", "reference", "boolean", "date", "int", "email", "phone", "id"),
        "aggregatable": field.type not in ("textarea", "boolean", "anyType"), "calculated": field.calculated,
        "calculatedFormula": None, "externalId": field.external_id, "unique": field.unique, "caseSensitive": False,
        "nameField": field.name_field, "idLookup": field.type == "id" or field.external_id or field.name == "Email",
        "autoNumber": False, "encrypted": False, "htmlFormatted": False, "deprecatedAndHidden": False,
        "dependentPicklist": False, "controllerName": None, "restrictedPicklist": field.restricted,
        "picklistValues": [_value(kind, field, value) for value in field.picklist],
        "referenceTo": list(field.reference_to), "relationshipName": field.relationship, "relationshipOrder": None,
        "namePointing": polymorphic, "polymorphicForeignKey": polymorphic, "permissionable": field.nillable,
        "defaultedOnCreate": defaulted, "defaultValue": False if field.type == "boolean" else None,
        "defaultValueFormula": None, "compoundFieldName": None, "extraTypeInfo": None, "filteredLookupInfo": None,
        "formulaTreatNullNumberAsZero": False, "highScaleNumber": False, "inlineHelpText": field.help, "mask": None,
        "maskType": None, "queryByDistance": False, "referenceTargetField": None, "restrictedDelete": False,
        "searchPrefilterable": False, "soapType": _SOAP.get(field.type, "xsd:string"), "writeRequiresMasterRead": False,
        "cascadeDelete": False, "displayLocationInDecimal": False, "aiPredictionField": False,
    }  # fmt: skip


def _value(kind: ObjectType, field: Field, value: str) -> dict[str, Any]:
    is_default = kind.name == "Lead" and field.name == "Status" and value == DEFAULT_STATUS
    return {"active": True, "defaultValue": is_default, "label": value, "validFor": None, "value": value}
