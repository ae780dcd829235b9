"""Leads and contacts one at a time: created, read, changed, deleted, with and without preconditions."""

from typing import Any
from uuid import uuid4

import pytest


def test_a_created_lead_is_found_under_the_address_it_was_given(crm: Any) -> None:
    answer = crm.post("/leads", {"firstname": "Ilse", "lastname": "Brandt", "emailaddress1": "ilse@initech.example"})
    address = answer.headers["OData-EntityId"]
    row = crm.get(address)

    assert (answer.status_code, answer.content) == (204, b"")
    assert address.startswith(f"{crm.api}/leads(")
    assert (row["fullname"], row["statecode"], row["statuscode"]) == ("Ilse Brandt", 0, 1)
    assert row["createdon"] == "2026-11-02T09:00:00Z"
    assert row["@odata.etag"] == f'W/"{row["versionnumber"]}"'


def test_the_application_user_makes_and_owns_what_it_creates(crm: Any) -> None:
    me = crm.get("/WhoAmI")["UserId"]
    row = crm.get(
        f"/leads({crm.lead()})?$select=_ownerid_value,_owninguser_value,_owningteam_value,_createdby_value,_modifiedby_value"
    )

    assert (
        row["_ownerid_value"] == row["_owninguser_value"] == row["_createdby_value"] == row["_modifiedby_value"] == me
    )
    assert row["_owningteam_value"] is None


def test_a_representation_comes_with_its_etag_and_only_the_selected_columns(crm: Any) -> None:
    answer = crm.post("/leads?$select=lastname", {"lastname": "Osei"}, Prefer="return=representation")
    body = answer.json()

    assert answer.status_code == 201
    assert set(body) == {"@odata.context", "@odata.etag", "lastname", "leadid"}
    assert answer.headers["ETag"] == body["@odata.etag"]
    changed = crm.patch(
        f"/leads({body['leadid']})", {"lastname": "Mensah"}, If_Match="*", Prefer="return=representation"
    )
    assert (changed.status_code, changed.json()["lastname"]) == (200, "Mensah")
    assert changed.json()["@odata.etag"] != body["@odata.etag"]


def test_a_change_under_the_version_that_was_read_succeeds_once_and_conflicts_afterwards(crm: Any) -> None:
    lead = crm.lead()
    etag = crm.get(f"/leads({lead})")["@odata.etag"]

    assert crm.patch(f"/leads({lead})", {"leadsync_score": 40}, If_Match=etag).status_code == 204
    refused = crm.patch(f"/leads({lead})", {"leadsync_score": 72}, If_Match=etag)

    assert crm.error(refused) == (412, "0x80060882")
    assert crm.get(f"/leads({lead})")["leadsync_score"] == 40


def test_a_persons_edit_moves_the_version_under_a_guarded_write(crm: Any) -> None:
    lead = crm.lead()
    etag = crm.get(f"/leads({lead})")["@odata.etag"]
    crm.edit("lead", lead, jobtitle="CFO")

    assert crm.patch(f"/leads({lead})", {"leadsync_score": 72}, If_Match=etag).status_code == 412


def test_a_change_without_if_match_makes_the_lead_that_is_missing(crm: Any) -> None:
    guid = str(uuid4())
    answer = crm.patch(f"/leads({guid})", {"lastname": "New"})

    assert answer.status_code == 204
    assert crm.get(f"/leads({guid})")["leadid"] == guid


def test_a_deleted_lead_comes_back_under_its_id_when_it_is_patched_without_if_match(crm: Any) -> None:
    lead = crm.lead()
    crm.call("DELETE", f"/leads({lead})")

    assert crm.error(crm.patch(f"/leads({lead})", {"lastname": "Ghost"}, If_Match="*")) == (404, "0x80040217")
    assert crm.patch(f"/leads({lead})", {"lastname": "Ghost"}).status_code == 204
    assert crm.get(f"/leads({lead})")["lastname"] == "Ghost"


def test_if_none_match_lets_a_patch_only_create(crm: Any) -> None:
    lead = crm.lead()

    assert crm.error(crm.patch(f"/leads({lead})", {"lastname": "X"}, If_None_Match="*")) == (412, "0x80040237")
    task = str(uuid4())
    assert crm.patch(f"/tasks({task})", {"subject": "Once"}, If_None_Match="*").status_code == 204
    assert crm.patch(f"/tasks({task})", {"subject": "Twice"}, If_None_Match="*").status_code == 412


def test_an_unchanged_lead_is_not_sent_again(crm: Any) -> None:
    lead = crm.lead()
    etag = crm.get(f"/leads({lead})")["@odata.etag"]
    answer = crm.call("GET", f"/leads({lead})", headers={"If-None-Match": etag})

    assert (answer.status_code, answer.content) == (304, b"")
    assert crm.call("GET", f"/leads({lead})", headers={"If-None-Match": "null"}).status_code == 200
    annotated = {"If-None-Match": etag, "Prefer": 'odata.include-annotations="*"'}
    assert crm.call("GET", f"/leads({lead})", headers=annotated).status_code == 200


def test_writing_what_is_already_so_moves_no_version(crm: Any) -> None:
    lead = crm.lead(leadsync_score=12)
    etag = crm.get(f"/leads({lead})")["@odata.etag"]
    crm.patch(f"/leads({lead})", {"leadsync_score": 12, "statecode": 0, "statuscode": 1}, If_Match="*")

    assert crm.get(f"/leads({lead})")["@odata.etag"] == etag


def test_single_columns_are_read_set_and_blanked(crm: Any) -> None:
    lead = crm.lead()
    assert crm.call("PUT", f"/leads({lead})/jobtitle", json={"value": "Buyer"}).status_code == 204
    assert crm.get(f"/leads({lead})/jobtitle")["value"] == "Buyer"
    assert crm.call("DELETE", f"/leads({lead})/jobtitle").status_code == 204
    assert crm.call("GET", f"/leads({lead})/jobtitle").status_code == 204
    assert crm.get(f"/leads({lead})")["jobtitle"] is None


def test_contacts_are_written_and_read_by_their_alternate_key(crm: Any) -> None:
    path = "/contacts(acme_legacyid='C-O''1')"
    made = crm.patch(path, {"lastname": "Key"}, Prefer="return=representation")
    changed = crm.patch(path, {"lastname": "Kay"}, Prefer="return=representation")

    assert (made.status_code, changed.status_code) == (201, 200)
    assert made.json()["contactid"] == changed.json()["contactid"]
    assert crm.get(path)["lastname"] == "Kay"
    assert crm.error(crm.patch("/contacts(acme_legacyid='none')", {"lastname": "X"}, If_Match="*")) == (
        404,
        "0x80060891",
    )
    assert (
        crm.call("GET", "/contacts(lastname='Kay')")
        .json()["error"]["message"]
        .startswith("The key in the request URI is not valid")
    )


def test_owners_are_users_or_teams_and_never_nobody(crm: Any) -> None:
    lead = crm.lead()
    team = crm.rows("/teams?$filter=name eq 'Unassigned Leads'")[0]["teamid"]
    assert crm.patch(f"/leads({lead})", {"ownerid@odata.bind": f"/teams({team})"}, If_Match="*").status_code == 204
    row = crm.get(f"/leads({lead})")

    assert (row["_ownerid_value"], row["_owningteam_value"], row["_owninguser_value"]) == (team, team, None)
    assert crm.patch(f"/leads({lead})", {"ownerid@odata.bind": None}, If_Match="*").status_code == 400
    me = crm.get("/WhoAmI")["UserId"]
    absolute = {"ownerid@odata.bind": f"{crm.api}/systemusers({me})"}
    assert crm.patch(f"/leads({lead})", absolute, If_Match="*").status_code == 204
    assert crm.get(f"/leads({lead})")["_owninguser_value"] == me


def test_a_disabled_user_gets_no_leads(crm: Any) -> None:
    gone = crm.control("load", systemuser=[{"lastname": "Gone", "domainname": "gone@acme.example", "isdisabled": True}])
    refused = crm.patch(
        f"/leads({crm.lead()})", {"ownerid@odata.bind": f"systemusers({gone['systemuser'][0]})"}, If_Match="*"
    )

    assert crm.error(refused) == (403, "0x80040225")


def test_lookups_are_bound_followed_expanded_and_cleared(crm: Any) -> None:
    account = crm.create("accounts", name="Initech")
    contact = crm.create(
        "contacts", lastname="Osei", **{"parentcustomerid_account@odata.bind": f"/accounts({account})"}
    )
    row = crm.get(f"/contacts({contact})?$select=lastname&$expand=parentcustomerid_account($select=name)")

    assert row["parentcustomerid_account"]["name"] == "Initech"
    assert crm.get(f"/contacts({contact})/parentcustomerid_account")["accountid"] == account
    assert [c["contactid"] for c in crm.rows(f"/accounts({account})/contact_customer_accounts")] == [contact]
    assert crm.call("DELETE", f"/contacts({contact})/parentcustomerid_account/$ref").status_code == 204
    assert crm.get(f"/contacts({contact})")["_parentcustomerid_value"] is None


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"nosuch": 1}, (400, "0x80060888")),
        ({"lastname": "x" * 51}, (400, "0x80044331")),
        ({"leadsync_leadstatus": 7}, (400, "0x80040203")),
        ({"numberofemployees": "many"}, (400, "0x80048d19")),
        ({"leadsync_marketable": "yes"}, (400, "0x80048d19")),
        ({"nosuch@odata.bind": "/leads(1)"}, (400, "0x80048d19")),
    ],
)  # fmt: skip
def test_what_does_not_fit_a_column_is_refused_and_changes_nothing(crm: Any, columns: Any, expected: Any) -> None:
    lead = crm.lead()
    etag = crm.get(f"/leads({lead})")["@odata.etag"]

    assert crm.error(crm.patch(f"/leads({lead})", columns, If_Match="*")) == expected
    assert crm.get(f"/leads({lead})")["@odata.etag"] == etag


def test_columns_that_nobody_may_write_are_passed_over(crm: Any) -> None:
    lead = crm.lead()
    crm.patch(
        f"/leads({lead})",
        {"createdon": "2020-01-01T00:00:00Z", "leadsync_stage_age": 3, "jobtitle": "CEO"},
        If_Match="*",
    )
    row = crm.get(f"/leads({lead})")

    assert (row["createdon"], row["leadsync_stage_age"], row["jobtitle"]) == ("2026-11-02T09:00:00Z", None, "CEO")


def test_what_the_store_has_no_field_for_is_kept_all_the_same(crm: Any) -> None:
    lead = crm.lead(subject="Pilot plant", donotemail=True, estimatedclosedate="2027-01-31")
    row = crm.get(f"/leads({lead})")

    assert (row["subject"], row["donotemail"], row["estimatedclosedate"]) == ("Pilot plant", True, "2027-01-31")


def test_a_lead_of_dataverse_is_the_same_row_on_salesforce(crm: Any) -> None:
    mql = crm.option("lead", "leadsync_leadstatus", "MQL")
    crm.lead(lastname="Twofold", leadsync_leadstatus=mql, leadsourcecode=7)
    soql = "SELECT LastName, Status, LeadSource FROM Lead WHERE LastName = 'Twofold'"
    found = crm.session.get(f"{crm.server.url}/services/data/v65.0/query", params={"q": soql}, timeout=60).json()[
        "records"
    ][0]

    assert (found["Status"], found["LeadSource"]) == ("MQL", "Trade Show")


def test_the_guard_and_the_operation_of_a_write_are_in_the_truth(crm: Any) -> None:
    lead = crm.lead()
    etag = crm.get(f"/leads({lead})")["@odata.etag"]
    lal = crm.option("lead", "leadsync_leadstatus", "LAL")
    crm.patch(f"/leads({lead})", {"leadsync_leadstatus": lal, "leadsync_op": "op-7"}, If_Match=etag)
    change = next(c for c in crm.truth("lead", lead) if c["field"] == "leadsync_leadstatus" and c["new"] == "LAL")

    assert (change["old"], change["via"], change["guard"], change["token"]) == ("Inquiry", "api", etag, "op-7")
    assert change["by"] == crm.get("/WhoAmI")["UserId"]
