"""What simple-salesforce writes one by one and many at once, and how it is told about refusals."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import (
    SalesforceError,
    SalesforceExpiredSession,
    SalesforceGeneralError,
    SalesforceMalformedRequest,
    SalesforceRefusedRequest,
    SalesforceResourceNotFound,
)
from simple_salesforce.format import format_external_id

from leadsync.sandbox import Server

Log = Callable[[], list[dict[str, Any]]]
Control = Callable[..., Any]
LEAD = {"LastName": "Osei", "Company": "Initech"}


def error_of(refused: pytest.ExceptionInfo[SalesforceError]) -> Any:
    """The first error of the body, which the client has read as JSON."""
    content: Any = refused.value.content
    return content[0]


def test_a_lead_is_created_read_changed_and_deleted(sf: Any) -> None:
    made = sf.Lead.create({**LEAD, "FirstName": "Rita", "LeadSync_Score__c": 72})
    lead = made["id"]
    before = sf.Lead.get(lead)

    assert (made["success"], made["errors"]) == (True, [])
    assert (before["Name"], before["LeadSync_Score__c"], before["Title"]) == ("Rita Osei", 72.0, None)
    assert sf.Lead.update(lead, {"Title": "CFO", "FirstName": None}) == 204
    after = sf.Lead.get(lead, params={"fields": "Name,Title"})
    assert (after["Name"], after["Title"]) == ("Osei", "CFO")
    assert sf.Lead.delete(lead) == 204
    with pytest.raises(SalesforceResourceNotFound) as gone:
        sf.Lead.get(lead)
    assert error_of(gone)["errorCode"] == "ENTITY_IS_DELETED"


def test_answers_without_content_have_no_body(sf: Any) -> None:
    lead = sf.Lead.create(LEAD)["id"]

    changed = sf.Lead.update(lead, {"Title": "CFO"}, raw_response=True)
    removed = sf.Lead.delete(lead, raw_response=True)

    assert isinstance(removed, requests.Response)
    assert [(answer.status_code, answer.content) for answer in (changed, removed)] == [(204, b""), (204, b"")]
    assert all(answer.headers["Sforce-Limit-Info"].startswith("api-usage=") for answer in (changed, removed))


@pytest.mark.parametrize("key", ["plain-1", "with space/and slash", "Žofie+1", "100%"])
def test_a_contact_is_created_then_updated_by_its_external_id(sf: Any, key: str) -> None:
    path = format_external_id("Legacy_Id__c", key)

    assert sf.Contact.upsert(path, {"LastName": "First"}) == 201
    again = sf.Contact.upsert(path, {"LastName": "Second"}, raw_response=True)

    found = sf.Contact.get(path)
    assert (found["LastName"], found["Legacy_Id__c"]) == ("Second", key)
    assert (again.status_code, again.json()["id"], again.json()["created"]) == (200, found["Id"], False)
    assert sf.Contact.delete(path) == 204


def test_a_row_is_read_by_an_external_id_that_the_client_encodes(sf: Any) -> None:
    sf.Contact.upsert("Legacy_Id__c/K-7", {"LastName": "Keyed"})

    assert sf.Contact.get_by_custom_id("Legacy_Id__c", "K-7")["LastName"] == "Keyed"


def test_collections_report_every_row_in_order(sf: Any) -> None:
    record = {"attributes": {"type": "Lead"}, **LEAD}
    made = sf.restful(
        "composite/sobjects",
        method="POST",
        json={"allOrNone": False, "records": [record, {**record, "LastName": None}, record]},
    )
    first, last = made[0]["id"], made[2]["id"]
    changed = sf.restful(
        "composite/sobjects",
        method="PATCH",
        json={
            "records": [
                {"attributes": {"type": "Lead"}, "id": first, "Title": "CFO"},
                {"attributes": {"type": "Lead"}, "id": last, "Email": "no address"},
            ]
        },
    )
    read = sf.restful("composite/sobjects/Lead", method="POST", json={"ids": [last, first], "fields": ["Title"]})
    removed = sf.restful("composite/sobjects", method="DELETE", params={"ids": f"{first},{last}", "allOrNone": "false"})

    assert [item["success"] for item in made] == [True, False, True]
    assert made[1]["errors"][0]["statusCode"] == "REQUIRED_FIELD_MISSING"
    assert [item["success"] for item in changed] == [True, False]
    assert changed[1]["errors"][0]["statusCode"] == "INVALID_EMAIL_ADDRESS"
    assert [(row["Id"], row["Title"]) for row in read] == [(last, None), (first, "CFO")]
    assert [item["success"] for item in removed] == [True, True]


def test_all_or_none_keeps_none(sf: Any) -> None:
    record = {"attributes": {"type": "Lead"}, "Company": "Wholly", "LastName": "One"}
    made = sf.restful(
        "composite/sobjects", method="POST", json={"allOrNone": True, "records": [record, {**record, "LastName": None}]}
    )

    assert [item["errors"][0]["statusCode"] for item in made] == [
        "ALL_OR_NONE_OPERATION_ROLLED_BACK",
        "REQUIRED_FIELD_MISSING",
    ]
    assert sf.query("SELECT COUNT() FROM Lead WHERE Company = 'Wholly'")["totalSize"] == 0


def test_collections_upsert_by_external_id(sf: Any) -> None:
    def upsert(name: str) -> Any:
        records = [{"attributes": {"type": "Contact"}, "Legacy_Id__c": f"C-{n}", "LastName": name} for n in range(2)]
        return sf.restful("composite/sobjects/Contact/Legacy_Id__c", method="PATCH", json={"records": records})

    made, changed = upsert("Before"), upsert("After")

    assert [item["created"] for item in made + changed] == [True, True, False, False]
    assert [item["id"] for item in made] == [item["id"] for item in changed]


def test_a_composite_costs_one_request_and_refers_to_its_own_parts(sf: Any) -> None:
    root = "/services/data/v65.0"
    parts = [
        {"method": "POST", "url": f"{root}/sobjects/Lead", "referenceId": "made", "body": LEAD},
        {"method": "PATCH", "url": f"{root}/sobjects/Lead/@{{made.id}}", "referenceId": "ok", "body": {"Title": "CFO"}},
        {"method": "GET", "url": f"{root}/query?q=SELECT+Title+FROM+Lead+WHERE+Id='@{{made.id}}'", "referenceId": "q"},
    ]
    before = sf.limits()["DailyApiRequests"]["Remaining"]
    answer = sf.restful("composite", method="POST", json={"compositeRequest": parts})

    assert [part["httpStatusCode"] for part in answer["compositeResponse"]] == [201, 204, 200]
    assert answer["compositeResponse"][2]["body"]["records"][0]["Title"] == "CFO"
    assert before - sf.limits()["DailyApiRequests"]["Remaining"] == 2


def test_a_batch_answers_each_part(sf: Any) -> None:
    parts = [{"method": "GET", "url": "v65.0/limits"}, {"method": "GET", "url": "v65.0/sobjects/Nothing"}]
    answer = sf.restful("composite/batch", method="POST", json={"batchRequests": parts})

    assert answer["hasErrors"] is True
    assert [part["statusCode"] for part in answer["results"]] == [200, 404]


def test_headers_of_a_call_arrive_as_they_were_sent(sf: Any, log: Log) -> None:
    lead = sf.Lead.create(LEAD)["id"]
    sf.Lead.update(lead, {"Title": "x"}, headers={"Sforce-Auto-Assign": "FALSE"})

    entry = log()[-1]
    assert (entry["method"], entry["status"], entry["Sforce-Auto-Assign"]) == ("PATCH", 204, "FALSE")


def test_paths_are_the_ones_that_the_client_makes(sf: Any, log: Log) -> None:
    """Some end in a slash and some do not; the client decides, and the box takes both."""
    lead = sf.Lead.create(LEAD)["id"]
    sf.query("SELECT Id FROM Organization")
    sf.query("SELECT Id FROM Organization", include_deleted=True)
    sf.limits()
    sf.describe()
    sf.Lead.metadata()
    sf.Lead.describe()
    sf.Lead.get(lead)
    root = "/services/data/v65.0"

    assert {entry["path"].removeprefix(root) for entry in log() if entry["path"].startswith(root)} == {
        "/sobjects/Lead/",
        "/query/",
        "/queryAll/",
        "/limits/",
        "/sobjects",
        "/sobjects/Lead/describe",
        f"/sobjects/Lead/{lead}",
    }


def test_a_row_that_somebody_changed_meanwhile_is_not_written(sf: Any, control: Control) -> None:
    lead = sf.Lead.create(LEAD)["id"]
    control("advance", seconds=2)
    seen = {"If-Unmodified-Since": sf.Lead.update(lead, {"Title": "CEO"}, raw_response=True).headers["Date"]}
    control("advance", seconds=2)
    assert sf.Lead.update(lead, {"Title": "CFO"}, headers=seen) == 204

    with pytest.raises(SalesforceGeneralError) as refused:
        sf.Lead.update(lead, {"Title": "COO"}, headers=seen)

    assert refused.value.status == 412
    assert sf.Lead.get(lead)["Title"] == "CFO"


@pytest.mark.parametrize(
    ("soql", "code"),
    [
        ("SELECT Nonsense FROM Lead", "INVALID_FIELD"),
        ("SELECT Id FROM Nonsense", "INVALID_TYPE"),
        ("SELECT Id WHERE FROM Lead", "MALFORMED_QUERY"),
        ("SELECT Id FROM LeadHistory WHERE OldValue = 'x'", "INVALID_FIELD"),
    ],
)
def test_a_query_that_cannot_be_answered_is_a_malformed_request(sf: Any, soql: str, code: str) -> None:
    with pytest.raises(SalesforceMalformedRequest) as refused:
        sf.query(soql)

    assert refused.value.status == 400
    assert error_of(refused)["errorCode"] == code


@pytest.mark.parametrize(
    ("fields", "code", "named"),
    [
        ({"Contact_Status__c": "Nurtur"}, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", ["Contact_Status__c"]),
        ({"LastName": None}, "REQUIRED_FIELD_MISSING", ["LastName"]),
        ({"Email": "no address"}, "INVALID_EMAIL_ADDRESS", ["Email"]),
        ({"CreatedDate": "2026-01-01T00:00:00Z"}, "INVALID_FIELD_FOR_INSERT_UPDATE", ["CreatedDate"]),
        ({"OwnerId": "nobody"}, "MALFORMED_ID", ["OwnerId"]),
    ],
)
def test_a_write_that_cannot_be_done_names_its_fields(
    sf: Any, fields: dict[str, Any], code: str, named: list[str]
) -> None:
    contact = sf.Contact.create({"LastName": "Refused"})["id"]

    with pytest.raises(SalesforceMalformedRequest) as refused:
        sf.Contact.update(contact, fields)

    error = error_of(refused)
    assert (error["errorCode"], error["fields"]) == (code, named)


def test_a_converted_lead_cannot_be_updated(sf: Any, control: Control) -> None:
    lead = sf.Lead.create(LEAD)["id"]
    control("convert", lead=lead)

    with pytest.raises(SalesforceMalformedRequest) as refused:
        sf.Lead.update(lead, {"Title": "CFO"})

    assert error_of(refused)["errorCode"] == "CANNOT_UPDATE_CONVERTED_LEAD"


def test_faults_of_the_service_are_general_errors(sf: Any, control: Control) -> None:
    for fault, status in (("503", 503), ("500", 500), ("429", 429), ("html", 503)):
        control("faults", rate={fault: 1.0})
        with pytest.raises(SalesforceGeneralError) as refused:
            sf.query("SELECT Id FROM Organization")
        assert refused.value.status == status


def test_a_day_whose_requests_are_used_up_is_refused(sf: Any, control: Control) -> None:
    control("faults", api_limit=0)

    with pytest.raises(SalesforceRefusedRequest) as refused:
        sf.query("SELECT Id FROM Organization")

    assert error_of(refused)["errorCode"] == "REQUEST_LIMIT_EXCEEDED"


def test_a_stranger_is_refused_on_every_path(box: Server, session: requests.Session) -> None:
    stranger: Any = Salesforce(session_id="stranger", instance_url=box.url, session=session, version="65.0")

    for act in (
        lambda: stranger.Lead.create(LEAD),
        stranger.Lead.describe,
        stranger.limits,
        lambda: stranger.Lead.updated(datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC)),
    ):
        with pytest.raises(SalesforceExpiredSession):
            act()
