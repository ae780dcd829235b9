"""What the environment tells about its tables, columns and choices."""

import json
from typing import Any
from urllib.parse import quote

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
        timeout=60,
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


def condition(name: str, operator: str, value: str, kind: str = "System.String") -> dict[str, Any]:
    return {"PropertyName": name, "ConditionOperator": operator, "Value": {"Type": kind, "Value": value}}


def described(crm: Any, query: dict[str, Any]) -> dict[str, Any]:
    """The tables that RetrieveMetadataChanges tells of, by name."""
    found = crm.get(f"/RetrieveMetadataChanges(Query=@p1)?@p1={quote(json.dumps(query))}")
    assert found["DeletedMetadata"]["Count"] == 0
    return {table["LogicalName"]: table for table in found["EntityMetadata"]}


def test_one_query_describes_many_tables_with_their_columns_and_choices(crm: Any) -> None:
    either = {
        "FilterOperator": "Or",
        "Conditions": [condition("LogicalName", "Equals", name) for name in ("lead", "contact", "nosuch")],
    }
    choices = {
        "FilterOperator": "And",
        "Conditions": [condition("AttributeType", "In", "['Picklist','Status','Uniqueidentifier']", "System.String[]")],
        "Filters": [{"FilterOperator": "Or", "Conditions": [condition("IsValidForRead", "Equals", "True", "System.Boolean")]}],
    }  # fmt: skip
    tables = described(crm, {
        "Properties": {"AllProperties": False, "PropertyNames": ["EntitySetName", "Attributes"]}, "Criteria": either,
        "AttributeQuery": {"Properties": {"PropertyNames": ["OptionSet"]}, "Criteria": choices},
    })  # fmt: skip
    columns = {column["LogicalName"]: column for column in tables["lead"]["Attributes"]}

    assert set(tables) == {"lead", "contact"}  # a table that is not there is left out
    assert (tables["lead"]["EntitySetName"], tables["lead"]["SchemaName"]) == ("leads", None)
    assert columns["leadsourcecode"]["@odata.type"] == "#Microsoft.Dynamics.CRM.ComplexPicklistAttributeMetadata"
    assert columns["leadsourcecode"]["AttributeType"] is None
    assert options(columns["leadsourcecode"])[7] == "Trade Show"
    assert {o["State"] for o in columns["statuscode"]["OptionSet"]["Options"]} == {0, 1, 2}
    assert "@odata.type" not in columns["leadid"]
    assert "lastname" not in columns


def test_a_query_may_leave_tables_and_columns_out_and_ask_for_everything_of_the_rest(crm: Any) -> None:
    tables = described(crm, {
        "Properties": {"AllProperties": True}, "Criteria": {"Conditions": [
            condition("LogicalName", "NotIn", "['contact']", "System.String[]"), condition("IsActivity", "NotEquals", "true"),
            condition("IsAuditEnabled", "Equals", "true"),
        ]},
        "AttributeQuery": {"Properties": {"AllProperties": True}, "Criteria": {"Conditions": [condition("LogicalName", "Equals", "ownerid")]}},
    })  # fmt: skip

    assert "lead" in tables
    assert not {"contact", "task", "team"} & set(tables)
    assert tables["lead"]["PrimaryIdAttribute"] == "leadid"
    (owner,) = tables["lead"]["Attributes"]
    assert (owner["AttributeType"], owner["Targets"]) == ("Owner", ["systemuser", "team"])
    bare = described(crm, {"Properties": {"PropertyNames": ["SchemaName"]}})
    assert (bare["lead"]["SchemaName"], bare["lead"]["Attributes"]) == ("Lead", None)


def test_a_query_of_tables_that_makes_no_sense_is_refused(crm: Any) -> None:
    for criteria in (condition("Nonsense", "Equals", "x"), condition("LogicalName", "Like", "x")):
        query = quote(json.dumps({"Criteria": {"Conditions": [criteria]}}))
        refused = crm.call("GET", f"/RetrieveMetadataChanges(Query=@p1)?@p1={query}")
        assert crm.error(refused) == (400, "0x80040203")
    assert crm.call("GET", "/RetrieveMetadataChanges(Query=@p1)?@p1=nonsense").status_code == 400
    since = crm.call("GET", "/RetrieveMetadataChanges(Query=@p1,ClientVersionStamp=@p2)?@p1={}&@p2='1!03/04/2026'")
    assert crm.error(since) == (400, "0x80044352")


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
