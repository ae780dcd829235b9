"""What the environment tells about its tables, columns and choices."""

from typing import Any

LEAD = "/EntityDefinitions(LogicalName='lead')"


def options(found: Any) -> dict[int, str]:
    return {o["Value"]: o["Label"]["UserLocalizedLabel"]["Label"] for o in found["OptionSet"]["Options"]}


def test_the_stages_are_choices_of_their_own_on_both_tables(crm: Any) -> None:
    cast = "/Attributes(LogicalName='{}')/Microsoft.Dynamics.CRM.PicklistAttributeMetadata?$select=LogicalName&$expand=OptionSet"
    lead = crm.get(LEAD + cast.format("leadsync_leadstatus"))
    contact = crm.get("/EntityDefinitions(LogicalName='contact')" + cast.format("leadsync_contactstatus"))
    stages = ["Raw", "Inquiry", "MAQL", "LAL", "MQL", "SAL", "SQL", "Re-Market", "Disqualified"]

    assert list(options(contact).values()) == stages
    assert list(options(lead).values()) == [*stages, "Left Vmail", "Attempting Contact", "Open", "Working", "Closed"]
    assert lead["LogicalName"] == "leadsync_leadstatus"


def test_status_reasons_name_their_state_and_states_their_default(crm: Any) -> None:
    reasons = crm.get(
        f"{LEAD}/Attributes(LogicalName='statuscode')/Microsoft.Dynamics.CRM.StatusAttributeMetadata?$expand=OptionSet"
    )
    states = crm.get(
        f"{LEAD}/Attributes(LogicalName='statecode')/Microsoft.Dynamics.CRM.StateAttributeMetadata?$expand=OptionSet"
    )

    assert {o["Value"]: o["State"] for o in reasons["OptionSet"]["Options"]} == {
        1: 0,
        2: 0,
        3: 1,
        4: 2,
        5: 2,
        6: 2,
        7: 2,
    }
    assert {o["Value"]: o["DefaultStatus"] for o in states["OptionSet"]["Options"]} == {0: 1, 1: 3, 2: 4}


def test_a_status_that_somebody_typed_becomes_an_option_with_its_label(crm: Any) -> None:
    answer = crm.session.post(
        f"{crm.server.url}/sandbox/load",
        json={"Lead": [{"LastName": "X", "Company": "Y", "Status": "Gone fishing"}]},
        timeout=10,
    )
    assert answer.status_code == 200
    number = crm.option("lead", "leadsync_leadstatus", "Gone fishing")
    rows = crm.rows(f"/leads?$filter=leadsync_leadstatus eq {number}", Prefer='odata.include-annotations="*"')

    assert rows[0]["leadsync_leadstatus@OData.Community.Display.V1.FormattedValue"] == "Gone fishing"
    assert crm.patch(f"/leads({crm.lead()})", {"leadsync_leadstatus": number}, If_Match="*").status_code == 204


def test_all_choices_of_a_table_come_in_one_reading(crm: Any) -> None:
    rows = crm.rows(
        f"{LEAD}/Attributes/Microsoft.Dynamics.CRM.PicklistAttributeMetadata?$select=LogicalName&$expand=OptionSet($select=Options),GlobalOptionSet"
    )
    named = {row["LogicalName"]: row for row in rows}

    assert {"leadsourcecode", "industrycode", "leadsync_leadstatus", "leadsync_recycle_reason"} <= named.keys()
    assert options(named["leadsourcecode"])[7] == "Trade Show"
    assert named["leadsourcecode"]["GlobalOptionSet"] is None


def test_a_table_is_found_by_name_by_filter_and_by_id(crm: Any) -> None:
    by_name = crm.get(f"{LEAD}?$select=LogicalName,EntitySetName,PrimaryIdAttribute,ChangeTrackingEnabled")
    filtered = crm.rows("/EntityDefinitions?$select=LogicalName,EntitySetName&$filter=LogicalName eq 'lead'")
    by_id = crm.get(f"/EntityDefinitions({by_name['MetadataId']})?$select=SchemaName")

    assert (by_name["EntitySetName"], by_name["PrimaryIdAttribute"], by_name["ChangeTrackingEnabled"]) == (
        "leads",
        "leadid",
        True,
    )
    assert [row["EntitySetName"] for row in filtered] == ["leads"]
    assert by_id["SchemaName"] == "Lead"
    assert crm.call("GET", "/EntityDefinitions(LogicalName='nosuch')").status_code == 404
    some = crm.rows(
        "/EntityDefinitions?$filter=IsPrivate eq false and (LogicalName eq 'lead' or LogicalName eq 'contact')"
    )
    assert {row["LogicalName"] for row in some} == {"lead", "contact"}


def test_columns_tell_their_type_limits_and_whether_they_may_be_written(crm: Any) -> None:
    rows = crm.rows(f"{LEAD}/Attributes?$select=LogicalName,AttributeType,IsValidForUpdate,ColumnNumber")
    named = {row["LogicalName"]: row for row in rows}
    brief = crm.get(
        f"{LEAD}/Attributes(LogicalName='leadsync_brief')/Microsoft.Dynamics.CRM.MemoAttributeMetadata?$select=MaxLength"
    )

    assert (named["leadsync_score"]["AttributeType"], named["leadsync_score"]["IsValidForUpdate"]) == ("Integer", True)
    assert (named["leadsync_stage_age"]["IsValidForUpdate"], named["ownerid"]["AttributeType"]) == (False, "Owner")
    assert len({row["ColumnNumber"] for row in rows}) == len(rows)
    assert brief["MaxLength"] == 4000


def test_relationships_name_the_navigation_properties_to_bind_by(crm: Any) -> None:
    rows = crm.rows(
        "/EntityDefinitions(LogicalName='task')/ManyToOneRelationships?$select=ReferencedEntity,ReferencingAttribute,ReferencingEntityNavigationPropertyName"
    )
    names = {
        r["ReferencedEntity"]: r["ReferencingEntityNavigationPropertyName"]
        for r in rows
        if r["ReferencingAttribute"] == "regardingobjectid"
    }

    assert (names["lead"], names["contact"]) == ("regardingobjectid_lead_task", "regardingobjectid_contact_task")


def test_keys_and_the_multiple_actions_can_be_asked_for(crm: Any) -> None:
    keys = crm.rows(
        "/EntityDefinitions(LogicalName='contact')/Keys?$select=LogicalName,KeyAttributes,EntityKeyIndexStatus"
    )
    asked = "/sdkmessagefilters?$select=sdkmessagefilterid&$filter=sdkmessageid/name eq '{}' and primaryobjecttypecode eq '{}'"

    assert (keys[0]["KeyAttributes"], keys[0]["EntityKeyIndexStatus"]) == (["acme_legacyid"], "Active")
    assert len(crm.rows(asked.format("UpdateMultiple", "lead"))) == 1
    assert crm.rows(asked.format("UpdateMultiple", "task")) == []


def test_the_root_lists_the_sets_and_the_csdl_describes_them(crm: Any) -> None:
    assert {"leads", "contacts", "campaignresponses", "audits"} <= {row["name"] for row in crm.rows("/")}
    csdl = crm.call("GET", "/$metadata")
    assert csdl.headers["Content-Type"] == "application/xml"
    assert '<EntitySet Name="leads"' in csdl.text
