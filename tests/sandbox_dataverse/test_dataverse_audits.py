"""The audit log: who changed status and owner, when, from what to what."""

from typing import Any


def details(crm: Any, audit: str) -> Any:
    return crm.get(f"/audits({audit})/Microsoft.Dynamics.CRM.RetrieveAuditDetails")["AuditDetail"]


def audits(crm: Any, lead: str) -> list[dict[str, Any]]:
    filter_ = f"objecttypecode eq 'lead' and _objectid_value eq {lead}"
    found: list[dict[str, Any]] = crm.rows(f"/audits?$filter={filter_}&$orderby=createdon asc")
    return found


def test_a_change_of_stage_is_audited_with_who_when_and_both_values(crm: Any) -> None:
    user = crm.control("load", systemuser=[{"lastname": "Auditor", "domainname": "auditor@acme.example"}])[
        "systemuser"
    ][0]
    lead = crm.lead()
    crm.control("advance", seconds=60)
    crm.control("edit", object="lead", id=lead, by=user, fields={"leadsync_leadstatus": "MQL"})
    first, second = audits(crm, lead)
    detail = details(crm, second["auditid"])
    column = crm.get(
        "/EntityDefinitions(LogicalName='lead')/Attributes(LogicalName='leadsync_leadstatus')?$select=ColumnNumber"
    )

    assert (first["action"], first["operation"], second["action"], second["operation"]) == (1, 1, 2, 2)
    assert second["_userid_value"] == user
    assert second["createdon"] > first["createdon"]
    assert second["attributemask"] == str(column["ColumnNumber"])
    assert detail["@odata.type"] == "#Microsoft.Dynamics.CRM.AttributeAuditDetail"
    assert detail["OldValue"]["leadsync_leadstatus"] == crm.option("lead", "leadsync_leadstatus", "Inquiry")
    assert detail["NewValue"]["leadsync_leadstatus"] == crm.option("lead", "leadsync_leadstatus", "MQL")


def test_an_assignment_a_qualification_and_a_deletion_have_actions_of_their_own(crm: Any) -> None:
    lead = crm.lead()
    team = crm.rows("/teams?$filter=name eq 'Unassigned Leads'")[0]["teamid"]
    me = crm.get("/WhoAmI")["UserId"]
    for owner in (f"/teams({team})", f"/systemusers({me})"):
        crm.control("advance", seconds=1)
        crm.patch(f"/leads({lead})", {"ownerid@odata.bind": owner}, If_Match="*")
    crm.control("advance", seconds=1)
    crm.control("convert", lead=lead)
    found = audits(crm, lead)
    assigned = details(crm, found[1]["auditid"])
    qualified = details(crm, found[3]["auditid"])

    assert [row["action"] for row in found] == [1, 13, 13, 24]
    assert (assigned["OldValue"]["_ownerid_value"], assigned["NewValue"]["_ownerid_value"]) == (me, team)
    assert (qualified["OldValue"]["statecode"], qualified["NewValue"]["statecode"]) == (0, 1)
    assert (qualified["OldValue"]["statuscode"], qualified["NewValue"]["statuscode"]) == (1, 3)
    gone = crm.lead()
    crm.control("advance", seconds=1)
    crm.call("DELETE", f"/leads({gone})")
    assert [row["action"] for row in audits(crm, gone)] == [1, 3]


def test_a_disqualification_is_audited_as_one(crm: Any) -> None:
    lead = crm.lead()
    crm.control("advance", seconds=1)
    crm.edit("lead", lead, statecode=2, statuscode=4)
    found = audits(crm, lead)

    assert found[1]["action"] == 25
    assert details(crm, found[1]["auditid"])["NewValue"] == {
        "@odata.type": "#Microsoft.Dynamics.CRM.lead",
        "statecode": 2,
        "statuscode": 4,
    }


def test_contacts_are_audited_only_where_history_is_kept(fresh_crm: Any) -> None:
    def stages(title: str) -> list[Any]:
        contact = fresh_crm.create("contacts", lastname=title)
        fresh_crm.control("advance", seconds=1)
        fresh_crm.edit("contact", contact, leadsync_contactstatus="MQL")
        found: list[Any] = fresh_crm.rows(
            f"/audits?$filter=objecttypecode eq 'contact' and _objectid_value eq {contact}"
        )
        return found

    def is_audited() -> bool:
        path = "/EntityDefinitions(LogicalName='contact')/Attributes(LogicalName='leadsync_contactstatus')?$select=IsAuditEnabled"
        return bool(fresh_crm.get(path)["IsAuditEnabled"]["Value"])

    assert stages("Untold") == []
    assert not is_audited()
    fresh_crm.control("faults", history_fields=["contact.leadsync_contactstatus"])
    assert len(stages("Told")) == 1
    assert is_audited()


def test_histories_come_without_who_and_when_newest_first_and_in_pages(crm: Any) -> None:
    lead = crm.lead()
    for stage in ("MAQL", "MQL", "SAL"):
        crm.control("advance", seconds=1)
        crm.edit("lead", lead, leadsync_leadstatus=stage)
    target = f"@t={{'@odata.id':'leads({lead})'}}"
    paging = '@p={"PageNumber":1,"Count":2,"ReturnTotalRecordCount":true}'
    found = crm.get(f"/RetrieveRecordChangeHistory(Target=@t,PagingInfo=@p)?{target}&{paging}")["AuditDetailCollection"]
    column = crm.get(
        f"/RetrieveAttributeChangeHistory(Target=@t,AttributeLogicalName=@a)?{target}&@a='leadsync_leadstatus'"
    )["AuditDetailCollection"]  # fmt: skip

    assert (found["MoreRecords"], found["TotalRecordCount"], len(found["AuditDetails"])) == (True, 4, 2)
    assert found["AuditDetails"][0]["NewValue"]["leadsync_leadstatus"] == crm.option(
        "lead", "leadsync_leadstatus", "SAL"
    )
    assert "AuditRecord" not in found["AuditDetails"][0]
    assert len(column["AuditDetails"]) == 4
