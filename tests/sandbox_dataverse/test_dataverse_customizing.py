"""Tables can be changed as an admin does it through the metadata operations, in one box without touching another."""

from typing import Any

import pytest

from leadsync.sandbox.dataverse.tables import TABLES

LABEL = {"LocalizedLabels": [{"Label": "Shoe Size", "LanguageCode": 1033}]}
SIZE = {
    "@odata.type": "Microsoft.Dynamics.CRM.IntegerAttributeMetadata", "SchemaName": "acme_ShoeSize", "DisplayName": LABEL,
    "MinValue": 0, "MaxValue": 60,
}  # fmt: skip
ATTRIBUTES = "/EntityDefinitions(LogicalName='lead')/Attributes"


def test_a_column_that_was_made_holds_values_within_its_limits(fresh_crm: Any) -> None:
    made = fresh_crm.post(ATTRIBUTES, SIZE)
    lead = fresh_crm.lead(acme_shoesize=43)

    assert made.status_code == 204
    assert "/Attributes(" in made.headers["OData-EntityId"]
    assert fresh_crm.get(f"/leads({lead})?$select=acme_shoesize")["acme_shoesize"] == 43
    assert [row["leadid"] for row in fresh_crm.rows("/leads?$filter=acme_shoesize gt 40")] == [lead]
    assert fresh_crm.patch(f"/leads({lead})", {"acme_shoesize": 61}).status_code == 400
    assert "acme_shoesize" not in TABLES["lead"].columns


def test_a_column_is_made_once_and_needs_a_prefix(fresh_crm: Any) -> None:
    fresh_crm.post(ATTRIBUTES, SIZE)

    assert fresh_crm.post(ATTRIBUTES, SIZE).status_code == 412
    assert fresh_crm.post(ATTRIBUTES, {**SIZE, "SchemaName": "ShoeSize"}).status_code == 400
    assert (
        fresh_crm.post(ATTRIBUTES, {**SIZE, "@odata.type": "Microsoft.Dynamics.CRM.FileAttributeMetadata"}).status_code
        == 400
    )


def test_a_lookup_comes_with_its_relationship(fresh_crm: Any) -> None:
    body = {
        "ReferencedEntity": "systemuser", "ReferencingEntity": "lead",
        "Lookup": {"SchemaName": "acme_Coach", "DisplayName": {"LocalizedLabels": [{"Label": "Coach"}]}},
    }  # fmt: skip
    assert fresh_crm.post("/RelationshipDefinitions", body).status_code == 204
    me = fresh_crm.get("/WhoAmI")["UserId"]
    lead = fresh_crm.create("leads", lastname="L", **{"acme_Coach@odata.bind": f"/systemusers({me})"})

    assert fresh_crm.get(f"/leads({lead})?$select=_acme_coach_value")["_acme_coach_value"] == me


@pytest.mark.parametrize(("name", "status"), [("leadsync_score", 204), ("lastname", 400)])
def test_only_columns_of_ones_own_are_dropped(fresh_crm: Any, name: str, status: int) -> None:
    answer = fresh_crm.call("DELETE", f"{ATTRIBUTES}(LogicalName='{name}')")

    assert answer.status_code == status
    there = {one["LogicalName"] for one in fresh_crm.get(f"{ATTRIBUTES}?$select=LogicalName")["value"]}
    assert (name in there) == (status != 204)


def test_a_status_reason_that_was_added_belongs_to_its_state(fresh_crm: Any) -> None:
    body = {"EntityLogicalName": "lead", "AttributeLogicalName": "statuscode", "StateCode": 2, "Label": LABEL}
    number = fresh_crm.post("/InsertStatusValue", body).json()["NewOptionValue"]
    lead = fresh_crm.lead()

    wrong = fresh_crm.patch(f"/leads({lead})", {"statecode": 0, "statuscode": number})
    right = fresh_crm.patch(f"/leads({lead})", {"statecode": 2, "statuscode": number})

    assert (wrong.status_code, right.status_code) == (400, 204)
    row = fresh_crm.get(f"/leads({lead})?$select=statecode,statuscode")
    assert (row["statecode"], row["statuscode"]) == (2, number)


def test_audits_since_an_instant_are_those_of_the_whole_list(fresh_crm: Any) -> None:
    lead = fresh_crm.lead()
    for place, label in enumerate(("MQL", "SAL", "MQL", "Inquiry")):
        fresh_crm.control("faults", late_commit_seconds=90 if place == 1 else 0)
        fresh_crm.edit("lead", lead, leadsync_leadstatus=label)
        fresh_crm.control("advance", seconds=40, world=False)
    fresh_crm.control("advance", seconds=100, world=False)
    everything = fresh_crm.rows("/audits?$orderby=createdon asc")

    assert len(everything) >= 4
    for since in sorted({row["createdon"] for row in everything}):
        wanted = {row["auditid"] for row in everything if row["createdon"] >= since}
        found = fresh_crm.rows(f"/audits?$filter=objecttypecode eq 'lead' and createdon ge {since}")
        assert {row["auditid"] for row in found} == {
            row["auditid"] for row in everything if row["auditid"] in wanted and row["objecttypecode"] == "lead"
        }
