"""Single rows: what a read or a write answers, and what it refuses."""

from email.utils import format_datetime, parsedate_to_datetime
from typing import Any

import pytest


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()[0]["errorCode"]


def test_creating_answers_201_with_the_id_and_changing_answers_204_without_a_body(crm: Any) -> None:
    created = crm.call("POST", "/sobjects/Lead/", json={"LastName": "Osei", "Company": "Initech"})
    changed = crm.change("Lead", created.json()["id"], {"Title": "CFO"})

    assert created.status_code == 201
    assert created.json() == {"id": created.json()["id"], "success": True, "errors": []}
    assert (changed.status_code, changed.content) == (204, b"")
    assert "Content-Type" not in changed.headers
    assert crm.row("Lead", created.json()["id"])["Title"] == "CFO"


@pytest.mark.parametrize(
    "path", ["/sobjects/Lead/describe", "/sobjects/Lead/describe/", "/limits", "/limits/", "/sobjects/"]
)
def test_a_path_counts_with_and_without_a_trailing_slash(crm: Any, path: Any) -> None:
    assert crm.get(path).status_code == 200


@pytest.mark.parametrize("version", ["59.0", "65.0", "68.0"])
def test_any_api_version_in_the_path_will_do(crm: Any, version: Any) -> None:
    answer = crm.get(f"/services/data/v{version}/query", q="SELECT Id FROM User")

    assert answer.json()["records"][0]["attributes"]["url"].startswith(f"/services/data/v{version}/sobjects/User/")


def test_a_retired_version_is_gone(crm: Any) -> None:
    assert code(crm.get("/services/data/v20.0/query", q="SELECT Id FROM User")) == (410, "UNSUPPORTED_API_VERSION")


def test_the_list_of_versions_needs_no_token_and_tells_no_limits(crm: Any) -> None:
    answer = crm.call("GET", "/services/data/", headers={"Authorization": ""})

    assert {"label": "Winter '27", "url": "/services/data/v68.0", "version": "68.0"} in answer.json()
    assert "Sforce-Limit-Info" not in answer.headers


def test_values_are_written_as_the_service_writes_them(crm: Any) -> None:
    lead = crm.lead(LeadSync_Score__c=72, NumberOfEmployees=300, LeadSync_Held_Until__c="2026-12-24T10:00:00+02:00")
    row = crm.row("Lead", lead)

    assert row["LeadSync_Score__c"] == 72.0
    assert '"LeadSync_Score__c":72.0' in crm.get(f"/sobjects/Lead/{lead}").text
    assert '"NumberOfEmployees":300,' in crm.get(f"/sobjects/Lead/{lead}").text
    assert row["LeadSync_Held_Until__c"] == "2026-12-24T08:00:00.000+0000"
    assert row["IsConverted"] is False
    assert row["Email"] is None
    assert row["attributes"] == {"type": "Lead", "url": f"/services/data/v65.0/sobjects/Lead/{lead}"}


def test_a_row_shows_the_fields_that_were_asked_for(crm: Any) -> None:
    lead = crm.lead(Title="CFO")
    row = crm.get(f"/sobjects/Lead/{lead}", fields="Title,owner.name").json()

    assert set(row) == {"attributes", "Id", "Title", "Owner"}
    assert row["Owner"]["Name"] == "Integration User"


def test_field_and_object_names_are_read_in_any_case(crm: Any) -> None:
    lead = crm.lead()

    assert crm.change("lead", lead, {"title": "CFO"}).status_code == 204
    assert crm.row("LEAD", lead)["Title"] == "CFO"


def test_ids_are_accepted_in_both_lengths_and_refused_in_the_wrong_case(crm: Any) -> None:
    lead = crm.lead()

    assert crm.get(f"/sobjects/Lead/{lead[:15]}").json()["Id"] == lead
    assert code(crm.get(f"/sobjects/Lead/{lead.upper()}")) == (400, "MALFORMED_ID")


def test_a_change_without_an_id_in_the_path_is_not_allowed(crm: Any) -> None:
    assert code(crm.call("PATCH", "/sobjects/Lead/", json={"Title": "x"})) == (405, "METHOD_NOT_ALLOWED")


def test_a_change_is_refused_when_the_row_was_modified_after_the_given_date(crm: Any) -> None:
    lead = crm.lead()
    seen = parsedate_to_datetime(crm.get(f"/sobjects/Lead/{lead}").headers["Last-Modified"])
    crm.advance(5)
    crm.edit("Lead", lead, Title="by a person")

    late = crm.change("Lead", lead, {"Title": "by us"}, If_Unmodified_Since=format_datetime(seen, usegmt=True))
    garbled = crm.change("Lead", lead, {"Title": "by us"}, If_Unmodified_Since="yesterday")

    assert late.status_code == 412
    assert garbled.status_code == 400
    assert crm.row("Lead", lead)["Title"] == "by a person"


def test_a_change_passes_when_the_row_was_modified_within_the_second_of_the_given_date(crm: Any) -> None:
    lead = crm.lead()
    crm.advance(0.4)
    seen = crm.get(f"/sobjects/Lead/{lead}").headers["Last-Modified"]
    crm.edit("Lead", lead, Title="in the same second")

    assert crm.change("Lead", lead, {"Title": "by us"}, If_Unmodified_Since=seen).status_code == 204


def test_an_unmodified_row_is_not_sent_again(crm: Any) -> None:
    lead = crm.lead()
    seen = crm.get(f"/sobjects/Lead/{lead}").headers["Last-Modified"]

    assert crm.call("GET", f"/sobjects/Lead/{lead}", headers={"If-Modified-Since": seen}).status_code == 304


def test_entity_tags_guard_accounts_only(crm: Any) -> None:
    account, lead = crm.create("Account", Name="Initech"), crm.lead()
    tag = crm.get(f"/sobjects/Account/{account}").headers["ETag"]
    crm.edit("Account", account, Name="Initech GmbH")

    assert crm.change("Account", account, {"Name": "x"}, If_Match=tag).status_code == 412
    assert crm.change("Lead", lead, {"Title": "x"}, If_Match=tag).status_code == 204
    assert "ETag" not in crm.get(f"/sobjects/Lead/{lead}").headers


def test_a_converted_lead_can_no_longer_be_changed(crm: Any) -> None:
    lead = crm.lead()
    crm.control("convert", lead=lead)

    assert code(crm.change("Lead", lead, {"Title": "x"})) == (400, "CANNOT_UPDATE_CONVERTED_LEAD")


def test_a_lead_cannot_be_set_to_a_converted_status(crm: Any) -> None:
    lead = crm.lead()

    assert crm.change("Lead", lead, {"Status": "Closed - Converted"}).status_code == 400
    assert crm.change("Lead", lead, {"IsConverted": True}).json()[0]["errorCode"] == "INVALID_FIELD_FOR_INSERT_UPDATE"
    assert crm.row("Lead", lead)["Status"] == "Inquiry"


def test_an_unknown_lead_status_is_accepted_and_an_unknown_contact_status_is_not(crm: Any) -> None:
    lead, contact = crm.lead(), crm.create("Contact", LastName="Osei")

    assert crm.change("Lead", lead, {"Status": "Something new"}).status_code == 204
    refused = crm.change("Contact", contact, {"Contact_Status__c": "Nurtur"})
    assert refused.json() == [
        {
            "message": "Contact Status: bad value for restricted picklist field: Nurtur",
            "errorCode": "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            "fields": ["Contact_Status__c"],
        }
    ]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"Nonsense__c": 1}, "INVALID_FIELD"),
        ({"LeadSync_Stage_Age__c": 1}, "INVALID_FIELD_FOR_INSERT_UPDATE"),
        ({"FirstName": "x" * 41}, "STRING_TOO_LONG"),
        ({"Email": "not an address"}, "INVALID_EMAIL_ADDRESS"),
        ({"LeadSync_Score__c": 1000}, "NUMBER_OUTSIDE_VALID_RANGE"),
        ({"LeadSync_Held_Until__c": "soon"}, "JSON_PARSER_ERROR"),
        ({"LastName": None}, "REQUIRED_FIELD_MISSING"),
        ({"OwnerId": None}, "INVALID_EMPTY_KEY_OWNER"),
        ({"OwnerId": "0058d0000000000AAA"}, "INVALID_CROSS_REFERENCE_KEY"),
        ({"OwnerId": "nobody"}, "MALFORMED_ID"),
    ],
)
def test_a_bad_value_is_refused_with_the_service_s_code_and_changes_nothing(
    crm: Any, fields: Any, expected: Any
) -> None:
    lead = crm.lead()
    answer = crm.change("Lead", lead, {"Title": "x", **fields})

    assert code(answer) == (400, expected)
    assert crm.row("Lead", lead)["Title"] is None


def test_a_lead_may_belong_to_a_queue_and_a_contact_may_not(crm: Any) -> None:
    lead, contact = crm.lead(), crm.create("Contact", LastName="Osei")
    queue = crm.query("SELECT Id FROM Group WHERE Type = 'Queue'")["records"][0]["Id"]

    assert crm.change("Lead", lead, {"OwnerId": queue}).status_code == 204
    assert code(crm.change("Contact", contact, {"OwnerId": queue})) == (400, "INVALID_CROSS_REFERENCE_KEY")


def test_nothing_can_be_given_to_an_inactive_user(crm: Any) -> None:
    user = crm.control("load", User=[{"Username": "gone@acme.example", "LastName": "Gone", "IsActive": False}])["User"][
        0
    ]

    assert code(crm.change("Lead", crm.lead(), {"OwnerId": user})) == (400, "INACTIVE_OWNER_OR_USER")


def test_required_fields_are_named_when_they_are_missing(crm: Any) -> None:
    answer = crm.call("POST", "/sobjects/Lead/", json={"FirstName": "Rita"})

    assert answer.json()[0]["errorCode"] == "REQUIRED_FIELD_MISSING"
    assert set(answer.json()[0]["fields"]) == {"LastName", "Company"}


def test_a_deleted_row_is_gone_for_writers_and_readers_of_rows(crm: Any) -> None:
    lead = crm.lead()

    assert crm.call("DELETE", f"/sobjects/Lead/{lead}").status_code == 204
    assert code(crm.change("Lead", lead, {"Title": "x"})) == (404, "ENTITY_IS_DELETED")
    assert crm.get(f"/sobjects/Lead/{lead}").status_code == 404
    assert crm.change("Lead", "00Q8d00000zzzzzEAA"[:15], {"Title": "x"}).status_code == 404


def test_upsert_by_external_id_creates_then_updates_then_lists_several(crm: Any) -> None:
    made = crm.call("PATCH", "/sobjects/Contact/Legacy_Id__c/A%201%2F2", json={"LastName": "One"})
    again = crm.call("PATCH", "/sobjects/Contact/Legacy_Id__c/A%201%2F2", json={"LastName": "Two"})
    strict = crm.call("PATCH", "/sobjects/Contact/Legacy_Id__c/none?updateOnly=true", json={"LastName": "Two"})
    crm.control("load", Contact=[{"LastName": "Three", "Legacy_Id__c": "A 1/2"}])
    several = crm.call("PATCH", "/sobjects/Contact/Legacy_Id__c/A%201%2F2", json={"LastName": "Four"})

    assert (made.status_code, made.json()["created"]) == (201, True)
    assert (again.status_code, again.json()["id"]) == (200, made.json()["id"])
    assert strict.status_code == 404
    assert (several.status_code, len(several.json())) == (300, 2)
    assert crm.row("Contact", made.json()["id"])["LastName"] == "Two"


def test_a_unique_key_is_not_given_twice(crm: Any) -> None:
    crm.create("Account", Name="One", Legacy_Id__c="key-1")

    answer = crm.call("POST", "/sobjects/Account", json={"Name": "Two", "Legacy_Id__c": "key-1"})
    assert code(answer) == (400, "DUPLICATE_VALUE")


def test_describe_tells_types_picklists_and_who_may_write(crm: Any) -> None:
    fields = {field["name"]: field for field in crm.get("/sobjects/Contact/describe").json()["fields"]}

    status = fields["Contact_Status__c"]
    assert (status["type"], status["restrictedPicklist"], status["custom"]) == ("picklist", True, True)
    assert [value["value"] for value in status["picklistValues"]][:2] == ["Raw", "Inquiry"]
    assert (fields["LeadSync_Stage_Age__c"]["calculated"], fields["LeadSync_Stage_Age__c"]["updateable"]) == (
        True,
        False,
    )
    assert fields["OwnerId"]["referenceTo"] == ["User"]
    assert (fields["LeadSync_Assignee__c"]["relationshipName"], fields["LeadSync_Op__c"]["updateable"]) == (
        "LeadSync_Assignee__r",
        True,
    )
    assert "Contact_Status__c" not in {f["name"] for f in crm.get("/sobjects/Lead/describe").json()["fields"]}


def test_describe_is_not_sent_again_when_nothing_changed(crm: Any) -> None:
    stamp = crm.get("/sobjects/Lead/describe").headers["Last-Modified"]
    answer = crm.call("GET", "/sobjects/Lead/describe", headers={"If-Modified-Since": stamp})

    assert (answer.status_code, answer.content) == (304, b"")


def test_the_age_in_a_stage_is_computed_when_it_is_read(crm: Any) -> None:
    lead = crm.lead(LeadSync_Stage_Entered_At__c=crm.now().isoformat())
    stamp = crm.row("Lead", lead)["SystemModstamp"]
    crm.advance(36 * 3600)

    row = crm.row("Lead", lead)
    assert (row["LeadSync_Stage_Age__c"], row["SystemModstamp"]) == (1.5, stamp)


def test_the_lead_statuses_are_those_of_the_sample(crm: Any) -> None:
    rows = crm.query("SELECT ApiName, IsConverted, IsDefault FROM LeadStatus ORDER BY SortOrder")["records"]

    assert [row["ApiName"] for row in rows][:9] == [
        "Raw", "Inquiry", "MAQL", "LAL", "MQL", "SAL", "SQL", "Re-Market", "Disqualified",
    ]  # fmt: skip
    assert [row["ApiName"] for row in rows if row["IsConverted"]] == ["Closed - Converted", "Converted - SQL"]
    assert [row["ApiName"] for row in rows if row["IsDefault"]] == ["Inquiry"]


def test_people_cannot_write_the_operation_token(crm: Any) -> None:
    lead = crm.lead()
    body = {"object": "Lead", "id": lead, "fields": {"LeadSync_Op__c": "forged"}}

    assert crm.call("POST", "/sandbox/edit", json=body).status_code == 400
    assert crm.change("Lead", lead, {"LeadSync_Op__c": "ours"}).status_code == 204
    assert crm.row("Lead", lead)["LeadSync_Op__c"] == "ours"
