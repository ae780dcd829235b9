"""States, qualification, merges, activities and lists: what happens to leads in Dynamics."""

from typing import Any

import pytest

QUALIFY = {"CreateAccount": True, "CreateContact": True, "CreateOpportunity": True, "Status": 3}


def qualified(crm: Any, lead: str, **parameters: Any) -> dict[str, str]:
    answer = crm.post(f"/leads({lead})/Microsoft.Dynamics.CRM.QualifyLead", {**QUALIFY, **parameters})
    assert answer.status_code == 200, answer.text
    rows = answer.json()["value"]
    return {(name := row["@odata.type"].rpartition(".")[2]): row[f"{name}id"] for row in rows}


def test_a_lead_is_disqualified_and_reopened_by_state_and_reason_together(crm: Any) -> None:
    lead = crm.lead()
    assert crm.patch(f"/leads({lead})", {"statecode": 2, "statuscode": 5}, If_Match="*").status_code == 204
    row = crm.get(f"/leads({lead})")
    assert (row["statecode"], row["statuscode"], row["leadsync_leadstatus"]) == (
        2,
        5,
        crm.option("lead", "leadsync_leadstatus", "Inquiry"),
    )
    crm.patch(f"/leads({lead})", {"statecode": 0}, If_Match="*")
    row = crm.get(f"/leads({lead})")

    assert (row["statecode"], row["statuscode"]) == (0, 1)


@pytest.mark.parametrize(
    "columns",
    [{"statecode": 1, "statuscode": 1}, {"statuscode": 4}, {"statecode": 9}, {"statecode": 0, "statuscode": 99}],
)
def test_a_reason_of_another_state_is_refused(crm: Any, columns: dict[str, int]) -> None:
    assert crm.error(crm.patch(f"/leads({crm.lead()})", columns, If_Match="*")) == (400, "0x80048408")


def test_a_new_lead_is_open_whatever_its_maker_says(crm: Any) -> None:
    row = crm.get(f"/leads({crm.lead(statecode=2, statuscode=4)})")

    assert (row["statecode"], row["statuscode"]) == (0, 1)


def test_qualification_makes_contact_account_and_opportunity_and_links_them(crm: Any) -> None:
    mql = crm.option("lead", "leadsync_leadstatus", "MQL")
    lead = crm.lead(lastname="Osei", companyname="Initech", leadsync_leadstatus=mql, leadsync_score=120)
    made = qualified(crm, lead)
    row = crm.get(f"/leads({lead})")
    contact = crm.get(f"/contacts({made['contact']})")

    assert (row["statecode"], row["statuscode"], row["leadsync_leadstatus"]) == (1, 3, mql)
    assert row["_parentcontactid_value"] == made["contact"]
    assert row["_parentaccountid_value"] == made["account"]
    assert row["_qualifyingopportunityid_value"] == made["opportunity"]
    assert contact["_originatingleadid_value"] == lead
    assert contact["_parentcustomerid_value"] == made["account"]
    assert (contact["lastname"], contact["leadsync_score"]) == ("Osei", 120)
    deal = crm.get(f"/opportunities({made['opportunity']})")
    assert (deal["_originatingleadid_value"], deal["_parentcontactid_value"], deal["statecode"]) == (
        lead,
        made["contact"],
        0,
    )


def test_qualification_makes_only_what_it_is_asked_for(crm: Any) -> None:
    lead = crm.lead()
    made = qualified(crm, lead, CreateAccount=False, CreateOpportunity=False, Status=-1)
    row = crm.get(f"/leads({lead})")

    assert set(made) == {"contact"}
    assert (row["_parentaccountid_value"], row["_qualifyingopportunityid_value"]) == (None, None)
    nobody = crm.lead()
    assert qualified(crm, nobody, CreateAccount=False, CreateContact=False, CreateOpportunity=False) == {}
    assert crm.get(f"/leads({nobody})")["statecode"] == 1


def test_a_lead_of_a_known_contact_is_qualified_into_it(crm: Any) -> None:
    contact = crm.create("contacts", lastname="Known")
    lead = crm.lead(**{"parentcontactid@odata.bind": f"/contacts({contact})"})
    made = qualified(crm, lead, CreateContact=False, CreateAccount=False)

    assert set(made) == {"opportunity"}
    assert crm.get(f"/leads({lead})")["_parentcontactid_value"] == contact


def test_a_lead_is_qualified_once(crm: Any) -> None:
    lead = crm.lead()
    qualified(crm, lead)

    assert crm.post(f"/leads({lead})/Microsoft.Dynamics.CRM.QualifyLead", QUALIFY).status_code == 400


def test_setting_the_state_by_hand_qualifies_without_a_contact_and_can_be_undone(crm: Any) -> None:
    lead = crm.lead()
    crm.patch(f"/leads({lead})", {"statecode": 1, "statuscode": 3}, If_Match="*")
    row = crm.get(f"/leads({lead})")
    assert (row["statecode"], row["_parentcontactid_value"]) == (1, None)
    crm.patch(f"/leads({lead})", {"statecode": 0, "statuscode": 1}, If_Match="*")

    assert crm.get(f"/leads({lead})")["statecode"] == 0


def test_a_reopened_lead_keeps_its_contact_and_its_stage(crm: Any) -> None:
    sal = crm.option("lead", "leadsync_leadstatus", "SAL")
    lead = crm.lead(leadsync_leadstatus=sal)
    contact = crm.control("convert", lead=lead, opportunity=False)["contact"]
    crm.patch(f"/leads({lead})", {"statecode": 0, "statuscode": 1}, If_Match="*")
    row = crm.get(f"/leads({lead})")

    assert (row["statecode"], row["leadsync_leadstatus"], row["_parentcontactid_value"]) == (0, sal, contact)


def test_the_loser_of_a_merge_is_deactivated_and_its_activities_move(crm: Any) -> None:
    winner, loser = crm.lead(lastname="Winner"), crm.lead(lastname="Loser", jobtitle="CFO")
    task = crm.create("tasks", subject="Call", **{"regardingobjectid_lead_task@odata.bind": f"/leads({loser})"})
    _, link = crm.delta("/leads?$select=merged,statecode")
    body = {
        "Target": {"@odata.type": "Microsoft.Dynamics.CRM.lead", "leadid": winner},
        "Subordinate": {"@odata.type": "Microsoft.Dynamics.CRM.lead", "leadid": loser},
        "UpdateContent": {"@odata.type": "Microsoft.Dynamics.CRM.lead", "telephone1": "+49 30 5550101"},
        "PerformParentingChecks": False,
    }
    assert crm.post("/Merge", body).status_code == 204
    lost, won = crm.get(f"/leads({loser})"), crm.get(f"/leads({winner})")

    assert (lost["merged"], lost["_masterid_value"], lost["statecode"]) == (True, winner, 2)
    assert (won["telephone1"], won["jobtitle"], won["merged"]) == ("+49 30 5550101", None, False)
    assert crm.get(f"/tasks({task})")["_regardingobjectid_value"] == winner
    assert {row.get("leadid") for row in crm.rows(link)} == {winner, loser}
    assert crm.post("/Merge", body).status_code == 400
    assert crm.patch(f"/leads({loser})", {"jobtitle": "Still"}, If_Match="*").status_code == 204
    assert crm.call("DELETE", f"/leads({loser})").status_code == 204
    assert crm.call("GET", f"/leads({loser})").status_code == 404


def test_a_merge_by_hand_is_told_by_the_truth_as_a_merge(crm: Any) -> None:
    winner, loser = crm.create("contacts", lastname="W"), crm.create("contacts", lastname="L")
    crm.control("merge", object="contact", master=winner, losers=[loser])
    told = {c["field"]: c["new"] for c in crm.truth("contact", loser)}

    assert (told["merged"], told["masterid"]) == (True, winner)
    assert crm.get(f"/contacts({loser})")["statecode"] == 1


def test_calls_name_who_rang_whom(crm: Any) -> None:
    lead, me = crm.lead(), crm.get("/WhoAmI")["UserId"]
    call = crm.create(
        "phonecalls", subject="Rang", directioncode=False,
        phonecall_activity_parties=[
            {"partyid_lead@odata.bind": f"/leads({lead})", "participationtypemask": 1},
            {"partyid_systemuser@odata.bind": f"/systemusers({me})", "participationtypemask": 2},
        ],
        **{"regardingobjectid_lead_phonecall@odata.bind": f"/leads({lead})"},
    )  # fmt: skip
    row = crm.get(
        f"/phonecalls({call})?$expand=phonecall_activity_parties($select=participationtypemask,_partyid_value)"
    )
    parties = {p["participationtypemask"]: p["_partyid_value"] for p in row["phonecall_activity_parties"]}

    assert (row["directioncode"], parties[1], parties[2], parties[8]) == (False, lead, me, lead)
    asked = f"/phonecalls?$filter=phonecall_activity_parties/any(p:p/_partyid_value eq {lead} and p/participationtypemask eq 1)"
    assert [found["activityid"] for found in crm.rows(asked)] == [call]


def test_a_task_is_completed_by_its_state_and_then_has_an_end(crm: Any) -> None:
    lead = crm.lead()
    task = crm.create(
        "tasks", subject="Call back", scheduledend="2026-11-03T16:00:00Z", prioritycode=2,
        **{"regardingobjectid_lead_task@odata.bind": f"/leads({lead})"},
    )  # fmt: skip
    row = crm.get(f"/tasks({task})")
    assert (row["statecode"], row["statuscode"], row["scheduledend"], row["actualend"]) == (
        0,
        2,
        "2026-11-03T16:00:00Z",
        None,
    )
    crm.patch(f"/tasks({task})", {"statecode": 1, "statuscode": 5}, If_Match="*")
    row = crm.get(f"/leads({lead})/Lead_Tasks")["value"][0]

    assert (row["activityid"], row["statecode"], row["actualend"]) == (task, 1, "2026-11-02T09:00:00Z")
    assert crm.error(crm.patch(f"/tasks({task})", {"subject": "x" * 201}, If_Match="*")) == (400, "0x80044331")


def test_a_meeting_is_completed_once_it_is_over(fresh_crm: Any) -> None:
    lead = fresh_crm.lead()
    meeting = fresh_crm.create(
        "appointments", subject="Demo", scheduledstart="2026-11-02T10:00:00Z", scheduledend="2026-11-02T11:00:00Z",
        **{"regardingobjectid_lead_appointment@odata.bind": f"/leads({lead})"},
    )  # fmt: skip
    assert fresh_crm.get(f"/appointments({meeting})")["statecode"] == 3
    _, link = fresh_crm.delta("/appointments?$select=statecode")
    fresh_crm.control("advance", seconds=7200)

    assert [(row["activityid"], row["statecode"]) for row in fresh_crm.rows(link)] == [(meeting, 1)]


def test_a_list_takes_people_of_its_kind_only(crm: Any) -> None:
    lead, contact = crm.lead(), crm.create("contacts", lastname="Contact")
    held = crm.create("lists", listname="Nurture - again", createdfromcode=4)
    added = crm.post(f"/lists({held})/Microsoft.Dynamics.CRM.AddMemberList", {"EntityId": lead})
    assert added.status_code == 200
    member = crm.rows(f"/listmembers?$filter=_listid_value eq {held}")[0]

    assert (member["listmemberid"], member["_entityid_value"], member["entitytype"]) == (
        added.json()["Id"],
        lead,
        "lead",
    )
    assert crm.post(f"/lists({held})/Microsoft.Dynamics.CRM.AddMemberList", {"EntityId": contact}).status_code == 400
    assert [row["leadid"] for row in crm.rows(f"/lists({held})/listlead_association")] == [lead]
    assert crm.get(f"/lists({held})")["membercount"] == 1
    assert crm.post(f"/lists({held})/Microsoft.Dynamics.CRM.RemoveMemberList", {"EntityId": lead}).status_code == 204
    assert crm.rows(f"/listmembers?$filter=_listid_value eq {held}") == []


def test_members_are_rows_too_and_leave_by_being_deleted(crm: Any) -> None:
    lead, held = crm.lead(), crm.create("lists", listname="Rows", createdfromcode=4)
    member = crm.create(
        "listmembers", **{"listid@odata.bind": f"/lists({held})", "entityid_lead@odata.bind": f"/leads({lead})"}
    )
    assert [row["leadid"] for row in crm.rows(f"/lists({held})/listlead_association")] == [lead]
    assert crm.call("DELETE", f"/listmembers({member})").status_code == 204

    assert crm.rows(f"/listmembers?$filter=_listid_value eq {held}") == []


def test_several_join_a_list_at_once(crm: Any) -> None:
    held = crm.create("lists", listname="Many", createdfromcode=2)
    people = [crm.create("contacts", lastname=str(n)) for n in range(3)]
    members = [{"@odata.type": "Microsoft.Dynamics.CRM.contact", "contactid": person} for person in people]
    body = {"List": {"@odata.type": "Microsoft.Dynamics.CRM.list", "listid": held}, "Members": members}

    assert crm.post("/AddListMembersList", body).status_code == 204
    assert crm.call("GET", f"/lists({held})/listcontact_association/$count").text == "3"


def test_deals_are_won_and_lost_by_their_actions(crm: Any) -> None:
    deals = [crm.create("opportunities", name=name, estimatedvalue=1000) for name in ("Win", "Lose")]
    for deal, action, reason in zip(deals, ("WinOpportunity", "LoseOpportunity"), (3, 4), strict=True):
        body = {
            "Status": reason,
            "OpportunityClose": {"opportunityid@odata.bind": f"/opportunities({deal})", "subject": "Done"},
        }
        assert crm.post(f"/{action}", body).status_code == 204
    rows = [crm.get(f"/opportunities({deal})") for deal in deals]

    assert [(row["statecode"], row["statuscode"], row["actualvalue"]) for row in rows] == [(1, 3, 1000), (2, 4, 1000)]


def test_people_speak_of_leads_by_logical_names_labels_and_guids(crm: Any) -> None:
    user = crm.control("load", systemuser=[{"firstname": "Ada", "lastname": "Rep", "domainname": "ada@acme.example"}])[
        "systemuser"
    ][0]
    made = crm.control(
        "load", lead=[{"lastname": "Loaded", "leadsync_leadstatus": "MAQL", "ownerid": user, "createdon": "2026-10-01T08:00:00Z"}],
        contact=[{"lastname": "Also", "leadsync_contactstatus": "SQL"}],
    )  # fmt: skip
    lead = made["lead"][0]
    crm.control(
        "edit",
        object="lead",
        id=lead,
        by=user,
        fields={"leadsync_leadstatus": "Disqualified", "statecode": 2, "statuscode": 4},
    )
    row = crm.get(f"/leads({lead})")
    told = {c["field"]: c for c in crm.truth("lead", lead) if c["old"] is not None}

    assert (row["createdon"], row["_ownerid_value"], row["statuscode"]) == ("2026-10-01T08:00:00Z", user, 4)
    assert (told["leadsync_leadstatus"]["old"], told["leadsync_leadstatus"]["new"]) == ("MAQL", "Disqualified")
    assert (told["leadsync_leadstatus"]["by"], told["leadsync_leadstatus"]["via"]) == (user, "person")
    assert (told["statecode"]["new"], told["statuscode"]["new"]) == ("Disqualified", "Lost")
    assert crm.get(f"/contacts({made['contact'][0]})")["leadsync_contactstatus"] == crm.option(
        "contact", "leadsync_contactstatus", "SQL"
    )


def test_people_may_not_write_the_operation(crm: Any) -> None:
    body = {"object": "lead", "id": crm.lead(), "fields": {"leadsync_op": "forged"}}
    answer = crm.session.post(f"{crm.server.url}/sandbox/edit", json=body, timeout=60)

    assert answer.status_code == 400
