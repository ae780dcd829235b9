"""Collections, composite, batch and bulk: many rows or calls in one request."""

import csv
import io
from collections.abc import Iterator
from typing import Any

import pytest


def of(kind: Any, **fields: Any) -> Any:
    return {"attributes": {"type": kind}, **fields}


def patch(crm: Any, records: Any, **body: Any) -> Any:
    answer = crm.call("PATCH", "/composite/sobjects", json={"records": records, **body})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_collection_reports_each_row_in_order_and_keeps_the_good_ones(crm: Any) -> None:
    good, bad, converted = crm.lead(), crm.create("Contact", LastName="x"), crm.lead()
    crm.control("convert", lead=converted)

    results = patch(
        crm,
        [
            of("Lead", id=good, LeadSync_Score__c=74),
            of("Contact", Id=bad, Contact_Status__c="Nurtur"),
            of("Lead", id=converted, LeadSync_Score__c=9),
        ],
    )
    assert results[0] == {"id": good, "success": True, "errors": []}
    assert [r["success"] for r in results] == [True, False, False]
    assert results[1]["errors"][0]["statusCode"] == "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
    assert results[2]["errors"] == [
        {"statusCode": "CANNOT_UPDATE_CONVERTED_LEAD", "message": "cannot reference converted lead", "fields": []}
    ]
    assert crm.row("Lead", good)["LeadSync_Score__c"] == 74.0


def test_all_or_none_keeps_nothing_when_one_row_fails(crm: Any) -> None:
    good, bad = crm.lead(), crm.lead()

    results = patch(crm, [of("Lead", id=good, Title="CFO"), of("Lead", id=bad, Email="nonsense")], allOrNone=True)
    assert results[0]["errors"][0]["statusCode"] == "ALL_OR_NONE_OPERATION_ROLLED_BACK"
    assert results[1]["errors"][0]["statusCode"] == "INVALID_EMAIL_ADDRESS"
    assert crm.row("Lead", good)["Title"] is None


def test_the_same_row_twice_in_one_collection_is_refused_the_second_time(crm: Any) -> None:
    lead = crm.lead()

    results = patch(crm, [of("Lead", id=lead, Title="a"), of("Lead", id=lead[:15], Title="b")])
    assert [r["success"] for r in results] == [True, False]
    assert crm.row("Lead", lead)["Title"] == "a"


def test_a_collection_holds_at_most_200_rows_in_at_most_10_chunks_of_one_type(crm: Any) -> None:
    many = [of("Lead", LastName="x", Company="y") for _ in range(201)]
    mixed = [of(("Lead", "Contact")[n % 2], LastName="x", Company="y") for n in range(11)]

    assert crm.call("POST", "/composite/sobjects", json={"records": many}).status_code == 400
    assert crm.call("POST", "/composite/sobjects", json={"records": mixed}).status_code == 400


def test_collections_create_read_upsert_and_delete(crm: Any) -> None:
    made = crm.call(
        "POST",
        "/composite/sobjects",
        json={"records": [of("Lead", LastName="a", Company="c"), of("Lead", LastName="b")]},
    ).json()
    keyed = [of("Contact", LastName="k", Legacy_Id__c="k-1"), of("Contact", LastName="none")]
    upserted = crm.call("PATCH", "/composite/sobjects/Contact/Legacy_Id__c", json={"records": keyed}).json()
    again = crm.call("PATCH", "/composite/sobjects/Contact/Legacy_Id__c", json={"records": keyed[:1]}).json()
    lead = made[0]["id"]
    read = crm.call(
        "POST", "/composite/sobjects/Lead", json={"ids": [lead, upserted[0]["id"]], "fields": ["LastName"]}
    ).json()
    gone = crm.call("DELETE", f"/composite/sobjects?ids={lead},00Q8d00000zzzzz&allOrNone=false").json()

    assert [r["success"] for r in made] == [True, False]
    assert [r.get("created") for r in upserted] == [True, None]
    assert again == [{"id": upserted[0]["id"], "success": True, "errors": [], "created": False}]
    assert (read[0]["LastName"], read[1]) == ("a", None)
    assert [r["success"] for r in gone] == [True, False]


def part(method: Any, url: Any, name: Any, body: Any = None, **headers: Any) -> Any:
    made = {"method": method, "url": f"/services/data/v65.0{url}", "referenceId": name}
    if body is not None:
        made["body"] = body
    if headers:
        made["httpHeaders"] = {k.replace("_", "-"): v for k, v in headers.items()}
    return made


def composite(crm: Any, *parts: Any, **body: Any) -> Any:
    answer = crm.call("POST", "/composite", json={"compositeRequest": list(parts), **body})
    assert answer.status_code == 200, answer.text
    return {p["referenceId"]: p for p in answer.json()["compositeResponse"]}


def test_later_parts_of_a_composite_use_what_earlier_ones_answered(crm: Any) -> None:
    done = composite(
        crm,
        part("POST", "/sobjects/Account", "a", {"Name": "Umbrella"}),
        part("POST", "/sobjects/Contact", "c", {"LastName": "Ref", "AccountId": "@{a.id}"}),
        part("GET", "/query?q=SELECT+Id+FROM+Contact+WHERE+AccountId='@{a.id}'", "q"),
    )

    assert [p["httpStatusCode"] for p in done.values()] == [201, 201, 200]
    assert done["q"]["body"]["records"][0]["Id"] == done["c"]["body"]["id"]


def test_a_part_that_needs_a_failed_one_is_halted_and_the_others_go_on(crm: Any) -> None:
    lead = crm.lead()
    done = composite(
        crm,
        part("POST", "/sobjects/Account", "a", {}),
        part("POST", "/sobjects/Contact", "c", {"LastName": "Ref", "AccountId": "@{a.id}"}),
        part("PATCH", f"/sobjects/Lead/{lead}", "l", {"Title": "CFO"}),
    )

    assert [p["httpStatusCode"] for p in done.values()] == [400, 400, 204]
    assert done["c"]["body"][0]["errorCode"] == "PROCESSING_HALTED"
    assert done["l"]["body"] is None


def test_a_composite_of_all_or_none_rolls_back(crm: Any) -> None:
    lead = crm.lead()
    done = composite(
        crm,
        part("PATCH", f"/sobjects/Lead/{lead}", "good", {"Title": "CFO"}),
        part("PATCH", f"/sobjects/Lead/{lead}", "bad", {"Email": "nonsense"}),
        allOrNone=True,
    )

    assert done["good"]["body"][0]["errorCode"] == "PROCESSING_HALTED"
    assert crm.row("Lead", lead)["Title"] is None


def test_a_composite_of_all_or_none_keeps_each_part_s_token(crm: Any) -> None:
    first, second = crm.lead(), crm.lead()
    composite(
        crm,
        part("PATCH", f"/sobjects/Lead/{first}", "a", {"Title": "CFO", "LeadSync_Op__c": "op-a"}),
        part("PATCH", f"/sobjects/Lead/{second}", "b", {"Title": "CEO", "LeadSync_Op__c": "op-b"}),
        allOrNone=True,
    )

    tokens = [c["token"] for lead in (first, second) for c in crm.truth("Lead", lead) if c["field"] == "Title"]
    assert tokens == ["op-a", "op-b"]


def test_parts_honour_their_own_preconditions_and_the_truth_keeps_token_and_guard(crm: Any) -> None:
    lead = crm.lead()
    seen = crm.get(f"/sobjects/Lead/{lead}").headers["Last-Modified"]
    crm.advance(3)
    done = composite(
        crm,
        part(
            "PATCH",
            f"/sobjects/Lead/{lead}",
            "first",
            {"Status": "MAQL", "LeadSync_Op__c": "op-1"},
            If_Unmodified_Since=seen,
        ),
        part(
            "PATCH",
            f"/sobjects/Lead/{lead}",
            "late",
            {"Status": "MQL", "LeadSync_Op__c": "op-2"},
            If_Unmodified_Since=seen,
        ),
    )

    assert [p["httpStatusCode"] for p in done.values()] == [204, 412]
    change = [c for c in crm.truth("Lead", lead) if c["field"] == "Status"][-1]
    assert (change["old"], change["new"], change["via"], change["token"], change["guard"]) == (
        "Inquiry",
        "MAQL",
        "api",
        "op-1",
        seen,
    )


def test_a_composite_takes_at_most_25_parts_and_5_queries(crm: Any) -> None:
    parts = [part("GET", "/limits", f"p{n}") for n in range(26)]
    queries = [part("GET", "/query?q=SELECT+Id+FROM+User", f"q{n}") for n in range(6)]

    assert crm.call("POST", "/composite", json={"compositeRequest": parts}).status_code == 400
    assert crm.call("POST", "/composite", json={"compositeRequest": queries}).status_code == 400


def used(answer: Any) -> Any:
    return int(answer.headers["Sforce-Limit-Info"].partition("=")[2].partition("/")[0])


def test_a_composite_is_one_api_request_and_each_part_of_a_batch_is_one(crm: Any) -> None:
    base = used(crm.get("/limits"))
    crm.requests()
    whole = crm.call(
        "POST", "/composite", json={"compositeRequest": [part("GET", "/limits", f"p{n}") for n in range(5)]}
    )
    batch = crm.call("POST", "/composite/batch", json={"batchRequests": [{"method": "GET", "url": "v65.0/limits"}] * 3})

    assert used(whole) == base + 1
    assert used(batch) == base + 4
    log = crm.requests()
    first = log[0]["n"]
    assert [entry["n"] for entry in log[:6]] == [first, *(f"{first}.{k}" for k in range(1, 6))]
    assert sum(entry["api"] for entry in log) == 4


def test_a_batch_goes_on_after_a_failure_unless_told_to_halt(crm: Any) -> None:
    lead = crm.lead()
    parts = [
        {"method": "PATCH", "url": f"v65.0/sobjects/Lead/{lead}", "richInput": {"Email": "nonsense"}},
        {"method": "PATCH", "url": f"v65.0/sobjects/Lead/{lead}", "richInput": {"Title": "CFO"}},
    ]

    on = crm.call("POST", "/composite/batch", json={"batchRequests": parts}).json()
    halted = crm.call("POST", "/composite/batch", json={"batchRequests": parts, "haltOnError": True}).json()
    assert (on["hasErrors"], [r["statusCode"] for r in on["results"]]) == (True, [400, 204])
    assert halted["results"][1]["statusCode"] == 412


def bulk_lines(answer: Any) -> Any:
    return list(csv.DictReader(io.StringIO(answer.content.decode())))


def test_a_bulk_query_is_read_in_pages_until_the_locator_is_null(crm: Any) -> None:
    crm.control("load", Lead=[{"LastName": f"B{n}", "Company": "Bulk"} for n in range(7)])
    body = {
        "operation": "query",
        "query": "SELECT Id, LastName, Email, IsConverted, LeadSync_Score__c, Owner.Name, CreatedDate FROM Lead WHERE Company = 'Bulk'",
    }
    job = crm.call("POST", "/jobs/query", json=body).json()
    done = crm.get(f"/jobs/query/{job['id']}").json()
    pages, locator = [], ""
    while locator != "null":
        answer = crm.get(f"/jobs/query/{job['id']}/results", maxRecords=3, **({"locator": locator} if locator else {}))
        locator = answer.headers["Sforce-Locator"]
        pages.append(bulk_lines(answer))
        assert int(answer.headers["Sforce-NumberOfRecords"]) == len(pages[-1])

    assert (job["state"], done["state"], done["numberRecordsProcessed"]) == ("UploadComplete", "JobComplete", 7)
    assert [len(page) for page in pages] == [3, 3, 1]
    line = pages[0][0]
    assert (line["LastName"], line["Email"], line["IsConverted"], line["Owner.Name"]) == (
        "B0",
        "",
        "false",
        "System Admin",
    )
    assert line["CreatedDate"].endswith(".000+0000")
    assert crm.get(f"/services/data/v64.0/jobs/query/{job['id']}/results").status_code == 409
    assert crm.call("DELETE", f"/jobs/query/{job['id']}").status_code == 204
    assert crm.get(f"/jobs/query/{job['id']}").status_code == 404


@pytest.mark.parametrize(
    "soql",
    ["SELECT COUNT() FROM Lead", "SELECT Status, COUNT(Id) FROM Lead GROUP BY Status", "SELECT Id FROM LeadStatus"],
)
def test_bulk_refuses_what_it_does_not_support(crm: Any, soql: Any) -> None:
    assert crm.call("POST", "/jobs/query", json={"operation": "query", "query": soql}).status_code == 400


def ingest(crm: Any, content: Any, **body: Any) -> Any:
    job = crm.call("POST", "/jobs/ingest", json={"contentType": "CSV", "lineEnding": "LF", **body}).json()["id"]

    def in_chunks() -> Iterator[bytes]:
        yield from (content[i : i + 10].encode() for i in range(0, len(content), 10))

    # Without Content-Length, as several clients upload.
    assert (
        crm.call(
            "PUT", f"/jobs/ingest/{job}/batches", data=in_chunks(), headers={"Content-Type": "text/csv"}
        ).status_code
        == 201
    )
    assert crm.call("PATCH", f"/jobs/ingest/{job}", json={"state": "UploadComplete"}).status_code == 200
    done = crm.get(f"/jobs/ingest/{job}").json()
    assert done["state"] == "JobComplete"
    return job, done


def test_a_bulk_insert_tells_what_was_made_and_what_failed(crm: Any) -> None:
    job, done = ingest(crm, "LastName,Company\nGood,Firm\nBad,\n", object="Lead", operation="insert")
    made, failed = (
        bulk_lines(crm.get(f"/jobs/ingest/{job}/{which}")) for which in ("successfulResults", "failedResults")
    )

    assert (done["numberRecordsProcessed"], done["numberRecordsFailed"]) == (2, 1)
    assert (made[0]["sf__Created"], made[0]["LastName"]) == ("true", "Good")
    assert crm.row("Lead", made[0]["sf__Id"])["Company"] == "Firm"
    assert failed[0]["sf__Error"].startswith("REQUIRED_FIELD_MISSING:")
    assert bulk_lines(crm.get(f"/jobs/ingest/{job}/unprocessedRecords")) == []


def test_a_bulk_update_leaves_empty_cells_alone_and_clears_marked_ones(crm: Any) -> None:
    lead = crm.lead(Title="CFO", Website="https://a.example")
    ingest(crm, f"Id,Title,Website,City\n{lead},,#N/A,Lyon\n", object="Lead", operation="update")

    row = crm.row("Lead", lead)
    assert (row["Title"], row["Website"], row["City"]) == ("CFO", None, "Lyon")


def test_bulk_upsert_and_delete(crm: Any) -> None:
    job, _ = ingest(
        crm,
        "Legacy_Id__c,LastName\nb-1,One\nb-1,Two\n",
        object="Contact",
        operation="upsert",
        externalIdFieldName="Legacy_Id__c",
    )
    lines = bulk_lines(crm.get(f"/jobs/ingest/{job}/successfulResults"))
    contact = lines[0]["sf__Id"]

    assert [(line["sf__Id"], line["sf__Created"]) for line in lines] == [(contact, "true"), (contact, "false")]
    ingest(crm, f"Id\n{contact}\n", object="Contact", operation="delete")
    assert crm.get(f"/sobjects/Contact/{contact}").status_code == 404


def test_an_aborted_ingest_job_leaves_its_lines_unprocessed(crm: Any) -> None:
    job = crm.call("POST", "/jobs/ingest", json={"object": "Lead", "operation": "insert"}).json()["id"]
    crm.call("PUT", f"/jobs/ingest/{job}/batches", data=b"LastName,Company\nNever,Firm\n")
    crm.call("PATCH", f"/jobs/ingest/{job}", json={"state": "Aborted"})

    assert bulk_lines(crm.get(f"/jobs/ingest/{job}/unprocessedRecords")) == [{"LastName": "Never", "Company": "Firm"}]
    assert crm.query("SELECT COUNT() FROM Lead WHERE LastName = 'Never'")["totalSize"] == 0
