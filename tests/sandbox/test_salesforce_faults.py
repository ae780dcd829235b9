"""The knobs: what goes wrong, to whom, and how often."""

from typing import Any

import pytest
import requests


def code(answer: Any) -> Any:
    return answer.status_code, answer.json()[0]["errorCode"]


def queue_of(crm: Any) -> Any:
    return crm.query("SELECT Id FROM Group WHERE Type = 'Queue'")["records"][0]["Id"]


def test_the_assignment_rule_takes_the_owner_unless_the_request_forbids_it(crm: Any) -> None:
    crm.control("faults", assignment_rule_resets_owner=True)
    queue = queue_of(crm)
    kept = crm.call(
        "POST", "/sobjects/Lead", json={"LastName": "x", "Company": "y"}, headers={"Sforce-Auto-Assign": "FALSE"}
    ).json()["id"]
    taken = crm.lead()
    owner = crm.row("Lead", kept)["OwnerId"]

    assert owner != queue
    assert crm.row("Lead", taken)["OwnerId"] == queue
    crm.change("Lead", kept, {"LeadSync_Score__c": 5}, Sforce_Auto_Assign="FALSE")
    assert crm.row("Lead", kept)["OwnerId"] == owner
    crm.change("Lead", kept, {"LeadSync_Score__c": 6})
    assert crm.row("Lead", kept)["OwnerId"] == queue


def test_the_header_of_a_composite_part_counts(crm: Any) -> None:
    crm.control("faults", assignment_rule_resets_owner=True)
    lead = crm.call(
        "POST", "/sobjects/Lead", json={"LastName": "x", "Company": "y"}, headers={"Sforce-Auto-Assign": "FALSE"}
    ).json()["id"]
    owner = crm.row("Lead", lead)["OwnerId"]
    part = {
        "method": "PATCH",
        "url": f"/services/data/v65.0/sobjects/Lead/{lead}",
        "referenceId": "a",
        "body": {"Title": "x"},
    }

    crm.call(
        "POST", "/composite", json={"compositeRequest": [{**part, "httpHeaders": {"Sforce-Auto-Assign": "FALSE"}}]}
    )
    assert crm.row("Lead", lead)["OwnerId"] == owner
    crm.call("POST", "/composite", json={"compositeRequest": [{**part, "body": {"Title": "y"}}]})
    assert crm.row("Lead", lead)["OwnerId"] == queue_of(crm)


def test_a_token_expires_after_so_many_calls_and_a_new_one_works(fresh_crm: Any) -> None:
    crm = fresh_crm
    crm.control("faults", expire_token_after=3)

    assert [crm.get("/limits").status_code for _ in range(5)] == [200, 200, 200, 401, 401]
    assert code(crm.get("/limits")) == (401, "INVALID_SESSION_ID")
    grant = {
        "grant_type": "client_credentials",
        "client_id": crm.server.client_id,
        "client_secret": crm.server.client_secret,
    }
    token = crm.session.post(f"{crm.server.url}/services/oauth2/token", data=grant, timeout=60).json()["access_token"]
    crm.session.headers["Authorization"] = f"Bearer {token}"
    assert crm.get("/limits").status_code == 200


def test_a_hidden_field_looks_exactly_like_one_that_does_not_exist(crm: Any) -> None:
    lead = crm.lead(Title="CFO")
    crm.control("faults", hide_field="Lead.Title")

    assert crm.refused("SELECT Title FROM Lead") == "INVALID_FIELD"
    assert crm.refused("SELECT Id FROM Lead WHERE Title = 'CFO'") == "INVALID_FIELD"
    assert code(crm.change("Lead", lead, {"Title": "x"})) == (400, "INVALID_FIELD")
    assert "Title" not in {f["name"] for f in crm.get("/sobjects/Lead/describe").json()["fields"]}
    assert "Title" not in crm.row("Lead", lead)


def test_a_validation_rule_refuses_what_it_names(crm: Any) -> None:
    rule = {
        "object": "Lead",
        "when": {"Status": "MQL", "Email": None},
        "message": "An MQL needs an e-mail",
        "field": "Email",
    }
    crm.control("faults", validation_rule=rule)
    lead = crm.lead()

    refused = crm.change("Lead", lead, {"Status": "MQL"})
    assert code(refused) == (400, "FIELD_CUSTOM_VALIDATION_EXCEPTION")
    assert refused.json()[0]["message"] == "An MQL needs an e-mail"
    assert crm.change("Lead", lead, {"Status": "MQL", "Email": "a@b.example"}).status_code == 204


def test_the_daily_limit_ends_in_403(crm: Any) -> None:
    used = int(crm.get("/limits").headers["Sforce-Limit-Info"].split("=")[1].split("/")[0])
    crm.control("faults", api_limit=used + 1)

    assert crm.get("/limits").headers["Sforce-Limit-Info"] == f"api-usage={used + 1}/{used + 1}"
    assert code(crm.get("/limits")) == (403, "REQUEST_LIMIT_EXCEEDED")
    crm.advance(24 * 3600 + 1)
    assert crm.get("/limits").json()["DailyApiRequests"]["Remaining"] == used


@pytest.mark.parametrize(("fault", "status"), [("503", 503), ("500", 500), ("429", 429), ("html", 503)])
def test_a_failing_server_applies_nothing(crm: Any, fault: Any, status: Any) -> None:
    lead = crm.lead()
    crm.control("faults", rate={fault: 1.0})

    answer = crm.change("Lead", lead, {"Title": "CFO"})
    assert answer.status_code == status
    assert (answer.headers["Content-Type"].startswith("text/html")) == (fault == "html")
    crm.control("faults")
    assert crm.row("Lead", lead)["Title"] is None


@pytest.mark.parametrize(
    ("fault", "applied"), [("reset", None), ("timeout_before_apply", None), ("timeout_after_apply", "CFO")]
)
def test_a_broken_connection_leaves_the_client_in_doubt(crm: Any, fault: Any, applied: Any) -> None:
    lead = crm.lead()
    crm.control("faults", rate={fault: 1.0})
    crm.requests()

    with pytest.raises(requests.ConnectionError):
        crm.change("Lead", lead, {"Title": "CFO"})
    crm.control("faults")
    assert crm.row("Lead", lead)["Title"] == applied
    entry = crm.requests()[0]
    assert (entry["method"], entry["api"], entry["status"], entry["fault"]) == ("PATCH", True, None, fault)


def test_locks_strike_rows_one_by_one(fresh_crm: Any) -> None:
    crm = fresh_crm
    leads = [crm.lead() for _ in range(60)]
    crm.control("faults", rate={"lock_row": 0.5})
    records = [{"attributes": {"type": "Lead"}, "id": lead, "Title": "CFO"} for lead in leads]

    results = crm.call("PATCH", "/composite/sobjects", json={"records": records}).json()
    locked = [r for r in results if not r["success"]]
    assert 10 < len(locked) < 50
    assert {r["errors"][0]["statusCode"] for r in locked} == {"UNABLE_TO_LOCK_ROW"}


def test_the_token_endpoint_and_the_controls_are_spared(crm: Any) -> None:
    crm.control("faults", rate={"reset": 1.0})
    grant = {
        "grant_type": "client_credentials",
        "client_id": crm.server.client_id,
        "client_secret": crm.server.client_secret,
    }

    assert crm.session.post(f"{crm.server.url}/services/oauth2/token", data=grant, timeout=60).status_code == 200
    assert crm.get("/sandbox/now").status_code == 200


def test_the_same_seed_draws_the_same_faults(fresh_crm: Any, shared_crm: Any) -> None:
    def drawn() -> Any:
        from leadsync.sandbox.faults import Faults

        faults = Faults(fresh_crm.server.box.store, seed=7)
        faults.set({"rate": {"503": 0.2, "reset": 0.1}})
        return [faults.drawn() for _ in range(200)]

    first = drawn()
    assert drawn() == first
    assert {"503", "reset", None} == set(first)


def test_an_unknown_fault_is_refused(crm: Any) -> None:
    assert crm.call("POST", "/sandbox/faults", json={"gremlins": True}).status_code == 400
    assert crm.call("POST", "/sandbox/faults", json={"rate": {"507": 1}}).status_code == 400
