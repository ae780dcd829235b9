"""What simple-salesforce moves in bulk: query and ingest jobs of Bulk API 2.0, with their states, pages and outcomes."""

import csv
from collections.abc import Callable, Iterable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from simple_salesforce.bulk2 import ColumnDelimiter, LineEnding, Operation, SFBulk2Type
from simple_salesforce.exceptions import SalesforceGeneralError, SalesforceMalformedRequest, SalesforceOperationError

_companies = count(1)


@pytest.fixture
def company() -> str:
    """A company that no other test knows."""
    return f"Bulk {next(_companies)}"


def rows(pages: Iterable[str]) -> list[dict[str, str]]:
    return [row for page in pages for row in csv.DictReader(page.splitlines())]


def of(company: str) -> str:
    return f"SELECT Id, LastName, Title, IsConverted, LeadSync_Score__c FROM Lead WHERE Company = '{company}'"


def leads(company: str, many: int) -> list[dict[str, str]]:
    return [{"LastName": f"L{n}", "Company": company} for n in range(many)]


def everything(sf: Any, result: dict[str, Any]) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = sf.bulk2.Lead.get_all_ingest_records(result["job_id"])
    return found


def test_inserted_rows_are_found_page_by_page(sf: Any, company: str) -> None:
    (result,) = sf.bulk2.Lead.insert(records=leads(company, 5), wait=0)
    pages = list(sf.bulk2.Lead.query(of(company), max_records=2, wait=0))

    counts = {name: result[name] for name in ("numberRecordsFailed", "numberRecordsProcessed", "numberRecordsTotal")}
    assert counts == {"numberRecordsFailed": 0, "numberRecordsProcessed": 5, "numberRecordsTotal": 5}
    assert [len(rows([page])) for page in pages] == [2, 2, 1]
    assert {row["LastName"] for row in rows(pages)} == {f"L{n}" for n in range(5)}
    assert {(row["Title"], row["IsConverted"]) for row in rows(pages)} == {("", "false")}


def test_downloaded_pages_hold_what_the_query_held(sf: Any, company: str, tmp_path: Path) -> None:
    sf.bulk2.Lead.insert(records=leads(company, 3), wait=0)
    pages = sf.bulk2.Lead.download(of(company), path=str(tmp_path), max_records=2, wait=0)

    assert [page["number_of_records"] for page in pages] == [2, 1]
    assert pages[-1]["locator"] == ""
    assert len(rows(Path(page["file"]).read_text() for page in pages)) == 3


def test_updates_change_what_they_name_and_say_what_failed(sf: Any, company: str) -> None:
    sf.bulk2.Lead.insert(records=leads(company, 2), wait=0)
    first, second = (row["Id"] for row in rows(sf.bulk2.Lead.query(of(company), wait=0)))
    (result,) = sf.bulk2.Lead.update(
        records=[
            {"Id": first, "Title": "CFO", "LeadSync_Score__c": "74"},
            {"Id": second, "Title": "CEO", "LeadSync_Score__c": "many"},
        ],
        wait=0,
    )
    outcomes = everything(sf, result)

    assert (result["numberRecordsProcessed"], result["numberRecordsFailed"]) == (2, 1)
    assert [(row["sf__Id"], row["sf__Created"]) for row in outcomes["successfulRecords"]] == [(first, "false")]
    assert [row["sf__Id"] for row in outcomes["failedRecords"]] == [second]
    assert outcomes["failedRecords"][0]["sf__Error"]
    assert outcomes["failedRecords"][0]["Title"] == "CEO"
    assert outcomes["unprocessedRecords"] == []
    found = {
        row["Id"]: (row["Title"], row["LeadSync_Score__c"]) for row in rows(sf.bulk2.Lead.query(of(company), wait=0))
    }
    assert found == {first: ("CFO", "74.0"), second: ("", "")}


def test_upserts_create_what_they_do_not_find(sf: Any, company: str) -> None:
    def upsert(keys: Iterable[str], title: str) -> list[tuple[str, str]]:
        records = [
            {**lead, "Legacy_Id__c": key, "Title": title} for key, lead in zip(keys, leads(company, 9), strict=False)
        ]
        (result,) = sf.bulk2.Lead.upsert(records=records, external_id_field="Legacy_Id__c", wait=0)
        return [(row["Legacy_Id__c"], row["sf__Created"]) for row in everything(sf, result)["successfulRecords"]]

    assert upsert([f"{company} a"], "first") == [(f"{company} a", "true")]
    assert upsert([f"{company} a", f"{company} b"], "second") == [(f"{company} a", "false"), (f"{company} b", "true")]
    assert [row["Title"] for row in rows(sf.bulk2.Lead.query(of(company), wait=0))] == ["second", "second"]


def test_deletes_leave_rows_to_be_seen_only_with_the_deleted_ones(sf: Any, company: str) -> None:
    sf.bulk2.Lead.insert(records=leads(company, 3), wait=0)
    ids = [row["Id"] for row in rows(sf.bulk2.Lead.query(of(company), wait=0))]
    (result,) = sf.bulk2.Lead.delete(records=[{"Id": record} for record in ids[:2]], wait=0)
    (again,) = sf.bulk2.Lead.delete(records=[{"Id": record} for record in ids[:1]], wait=0)

    assert (result["numberRecordsProcessed"], result["numberRecordsFailed"]) == (2, 0)
    assert [row["Id"] for row in rows(sf.bulk2.Lead.query(of(company), wait=0))] == ids[2:]
    assert [row["Id"] for row in rows(sf.bulk2.Lead.query_all(of(company), wait=0))] == ids
    assert everything(sf, again)["failedRecords"][0]["sf__Error"].startswith("ENTITY_IS_DELETED:")


@pytest.mark.parametrize("delimiter", [ColumnDelimiter.SEMICOLON, ColumnDelimiter.TAB, ColumnDelimiter.PIPE])
def test_every_delimiter_and_line_ending_works_both_ways(sf: Any, company: str, delimiter: ColumnDelimiter) -> None:
    sf.bulk2.Lead.insert(
        records=[{"LastName": 'O"Hara; | ,\t', "Company": company, "Title": "Žofie 日本"}],
        column_delimiter=delimiter, line_ending=LineEnding.CRLF, wait=0,
    )  # fmt: skip
    (page,) = sf.bulk2.Lead.query(of(company), column_delimiter=delimiter, line_ending=LineEnding.CRLF, wait=0)
    mark = {ColumnDelimiter.SEMICOLON: ";", ColumnDelimiter.TAB: "\t", ColumnDelimiter.PIPE: "|"}[delimiter]

    (row,) = csv.DictReader(page.splitlines(), delimiter=mark)
    assert (row["LastName"], row["Title"]) == ('O"Hara; | ,\t', "Žofie 日本")
    assert page.count("\r\n") == 2


def test_values_with_line_breaks_come_through_whole(sf: Any, company: str) -> None:
    sf.bulk2.Lead.insert(records=[{"LastName": "L", "Company": company, "LeadSync_Brief__c": "one\ntwo"}], wait=0)

    (record,) = sf.query(f"SELECT LeadSync_Brief__c FROM Lead WHERE Company = '{company}'")["records"]
    assert record["LeadSync_Brief__c"] == "one\ntwo"


def test_a_file_is_loaded_in_several_jobs_when_asked(sf: Any, company: str, tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    path.write_text("LastName,Company\n" + "".join(f"L{n},{company}\n" for n in range(5)), newline="")
    results = sf.bulk2.Lead.insert(csv_file=str(path), batch_size=3, wait=0)

    assert [result["numberRecordsProcessed"] for result in results] == [3, 2]
    assert len(rows(sf.bulk2.Lead.query(of(company), wait=0))) == 5


def test_jobs_are_aborted_and_deleted(sf: Any, company: str) -> None:
    client = SFBulk2Type("Lead", sf.bulk2_url, sf.bulk2.headers, sf.session)._client
    job = client.create_job(Operation.insert)
    client.upload_job_data(job["id"], f"LastName,Company\nL,{company}\n")

    assert (job["state"], client.get_job(job["id"], is_query=False)["state"]) == ("Open", "Open")
    assert client.abort_job(job["id"], is_query=False)["state"] == "Aborted"
    with pytest.raises(SalesforceOperationError):
        client.wait_for_job(job["id"], is_query=False, wait=0)
    assert sf.restful(f"jobs/ingest/{job['id']}", method="DELETE") is None
    assert rows(sf.bulk2.Lead.query(of(company), wait=0)) == []


@pytest.mark.parametrize(
    "soql", ["SELECT COUNT(Id) n FROM Lead", "SELECT Id FROM LeadStatus", "SELECT Nonsense FROM Lead", "SELECT FROM"]
)
def test_what_bulk_cannot_query_is_refused_when_the_job_is_made(sf: Any, soql: str) -> None:
    with pytest.raises(SalesforceMalformedRequest):
        next(sf.bulk2.Lead.query(soql, wait=0))


def test_a_broken_service_is_no_lost_job(sf: Any, company: str, control: Callable[..., Any]) -> None:
    job = sf.restful("jobs/query", method="POST", json={"operation": "query", "query": of(company)})
    control("faults", rate={"503": 1.0})
    with pytest.raises(SalesforceGeneralError):
        sf.restful(f"jobs/query/{job['id']}")
    control("faults")

    assert sf.restful(f"jobs/query/{job['id']}")["state"] == "JobComplete"
