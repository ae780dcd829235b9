"""What simple-salesforce reads: queries and their pages, describes, the lists of what was updated and deleted, limits.

The client is typed as Any here and beside: its own types make every attribute a union of three APIs.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from simple_salesforce.format import format_soql

from leadsync.sandbox import Server

Log = Callable[[], list[dict[str, Any]]]
PAGES_OF_200 = {"Sforce-Query-Options": "batchSize=200"}


@pytest.fixture
def crowd(control: Callable[..., Any]) -> list[str]:
    """Ids of 430 leads of one company of the test's own."""
    company = f"Crowd {datetime.now(UTC).timestamp()}"
    rows = [{"LastName": f"L{n:03d}", "Company": company} for n in range(430)]
    return [company, *control("load", Lead=rows)["Lead"]]


def test_a_query_answers_records_with_their_attributes(sf: Any, crowd: list[str]) -> None:
    soql = format_soql(
        "SELECT Id, Name, CreatedDate, IsConverted, Owner.Name FROM Lead WHERE Company = {} ORDER BY LastName LIMIT 1",
        crowd[0],
    )
    answer = sf.query(soql)

    (record,) = answer["records"]
    assert (answer["totalSize"], answer["done"]) == (1, True)
    assert record["attributes"] == {"type": "Lead", "url": f"/services/data/v65.0/sobjects/Lead/{crowd[1]}"}
    assert (record["Id"], record["Name"], record["IsConverted"]) == (crowd[1], "L000", False)
    assert datetime.strptime(record["CreatedDate"], "%Y-%m-%dT%H:%M:%S.%f%z").utcoffset() == timedelta(0)
    assert record["Owner"]["attributes"]["type"] == "Name"
    assert record["Owner"]["Name"]


def test_query_all_and_its_lazy_twin_walk_every_page(sf: Any, crowd: list[str], log: Log) -> None:
    soql = format_soql("SELECT Id FROM Lead WHERE Company = {} ORDER BY Id", crowd[0])
    answer = sf.query_all(soql, headers=PAGES_OF_200)
    lazily = [record["Id"] for record in sf.query_all_iter(soql, headers=PAGES_OF_200)]

    assert (answer["totalSize"], answer["done"]) == (430, True)
    assert [record["Id"] for record in answer["records"]] == lazily == crowd[1:]
    assert len(log()) == 2 * 3


def test_pages_follow_by_locator_and_by_url(sf: Any, crowd: list[str]) -> None:
    first = sf.query(format_soql("SELECT Id FROM Lead WHERE Company = {}", crowd[0]), headers=PAGES_OF_200)
    by_url = sf.query_more(first["nextRecordsUrl"], identifier_is_url=True)
    by_locator = sf.query_more(first["nextRecordsUrl"].rpartition("/")[2])

    assert (first["totalSize"], first["done"], len(first["records"])) == (430, False, 200)
    assert by_url == by_locator
    assert (len(by_url["records"]), by_url["done"]) == (200, False)
    assert len(sf.query_more(by_url["nextRecordsUrl"], identifier_is_url=True)["records"]) == 30


def test_deleted_rows_show_only_when_asked_for(sf: Any, crowd: list[str]) -> None:
    sf.Lead.delete(crowd[1])
    soql = format_soql("SELECT Id FROM Lead WHERE Company = {} AND IsDeleted = {}", crowd[0], True)

    assert sf.query(soql)["totalSize"] == 0
    assert [record["Id"] for record in sf.query(soql, include_deleted=True)["records"]] == [crowd[1]]
    # The pages of a query with deleted rows say `query` in their address and go on with deleted rows.
    everyone = format_soql("SELECT Id FROM Lead WHERE Company = {}", crowd[0])
    assert len(list(sf.query_all_iter(everyone, include_deleted=True, headers=PAGES_OF_200))) == 430
    assert len(list(sf.query_all_iter(everyone, headers=PAGES_OF_200))) == 429


@pytest.mark.parametrize(
    "name", ["O'Hara", 'say "hi"', "back\\slash", "tab\tand\nline", "Žofie & Söhne + 100 %", "日本", "_under%"]
)
def test_every_string_that_the_client_quotes_is_found_as_it_is(sf: Any, name: str) -> None:
    lead = sf.Lead.create({"LastName": name, "Company": "Quoted"})["id"]

    found = sf.query(format_soql("SELECT Id FROM Lead WHERE LastName IN {} AND Company LIKE 'Q%'", [name, "nobody"]))
    alike = sf.query(format_soql("SELECT Id FROM Lead WHERE LastName LIKE '{:like}%'", name))

    assert [record["Id"] for record in found["records"]] == [lead]
    assert [record["Id"] for record in alike["records"]] == [lead]


def test_every_value_that_the_client_quotes_is_understood(sf: Any) -> None:
    born = datetime(2026, 10, 1, 12, 30, tzinfo=UTC)
    lead = sf.Lead.create(
        {
            "LastName": "Typed",
            "Company": "Typed",
            "NumberOfEmployees": 250,
            "AnnualRevenue": 1.5,
            "LeadSync_Stage_Entered_At__c": born.isoformat(),
        }
    )["id"]
    soql = format_soql(
        "SELECT Id FROM Lead WHERE Id = {id} AND NumberOfEmployees >= {number} AND AnnualRevenue = {fraction}"
        " AND LeadSync_Stage_Entered_At__c = {instant} AND CreatedDate >= {earlier} AND IsConverted = {no}"
        " AND ConvertedDate = {nothing} AND (NOT Status IN {statuses}) AND ConvertedDate != {day}",
        id=lead, number=250, fraction=1.5, instant=born, earlier=datetime(2026, 1, 1, tzinfo=UTC), no=False,
        nothing=None, statuses=["SQL", "SAL"], day=date(2026, 1, 1),
    )  # fmt: skip

    assert [record["Id"] for record in sf.query(soql)["records"]] == [lead]


def test_counts_and_groups_come_as_the_client_expects_them(sf: Any, crowd: list[str]) -> None:
    counted = sf.query(format_soql("SELECT COUNT() FROM Lead WHERE Company = {}", crowd[0]))
    (group,) = sf.query(
        format_soql(
            "SELECT Company, COUNT(Id) n, MAX(LastName) FROM Lead WHERE Company = {} GROUP BY Company", crowd[0]
        )
    )["records"]

    assert counted == {"totalSize": 430, "done": True, "records": []}
    assert group == {"attributes": {"type": "AggregateResult"}, "Company": crowd[0], "n": 430, "expr0": "L429"}


def test_describes_name_the_objects_and_their_fields(sf: Any) -> None:
    everything = {kind["name"]: kind for kind in sf.describe()["sobjects"]}
    lead = {field["name"]: field for field in sf.Lead.describe()["fields"]}
    contact = {field["name"]: field for field in sf.Contact.describe()["fields"]}
    basics = sf.Lead.metadata()

    assert {"Account", "Contact", "Lead", "LeadHistory", "LeadStatus", "Task", "User"} <= set(everything)
    assert everything["Lead"]["keyPrefix"] == basics["objectDescribe"]["keyPrefix"] == "00Q"
    assert everything["Lead"]["urls"]["describe"] == "/services/data/v65.0/sobjects/Lead/describe"
    assert (lead["OwnerId"]["referenceTo"], lead["OwnerId"]["relationshipName"]) == (["Group", "User"], "Owner")
    assert (lead["LeadSync_Stage_Age__c"]["calculated"], lead["LeadSync_Stage_Age__c"]["updateable"]) == (True, False)
    assert contact["Contact_Status__c"]["restrictedPicklist"] is True
    assert "MQL" in {entry["value"] for entry in contact["Contact_Status__c"]["picklistValues"] if entry["active"]}


def test_lists_of_updated_and_deleted_rows_are_complete_up_to_where_they_say(
    sf: Any, box: Server, control: Callable[..., Any]
) -> None:
    kept, gone = (sf.Lead.create({"LastName": "Listed", "Company": "Listed"})["id"] for _ in range(2))
    sf.Lead.delete(gone)
    now = box.box.clock.now()
    start, end = now - timedelta(minutes=1), now + timedelta(minutes=2)
    control("advance", seconds=60)

    updated, deleted = sf.Lead.updated(start, end), sf.Lead.deleted(start, end)

    assert kept in updated["ids"]
    assert gone not in updated["ids"]
    assert gone in {record["id"] for record in deleted["deletedRecords"]}
    assert updated["latestDateCovered"] == deleted["latestDateCovered"]
    assert updated["latestDateCovered"].endswith(":00.000+0000")
    assert "earliestDateAvailable" in deleted


def test_limits_and_what_is_left_of_them(sf: Any) -> None:
    before = sf.limits()["DailyApiRequests"]
    after = sf.limits()["DailyApiRequests"]

    assert before["Max"] == 100_000
    assert before["Remaining"] - after["Remaining"] == 1
    assert (sf.api_usage["api-usage"].used, sf.api_usage["api-usage"].total) == (100_000 - after["Remaining"], 100_000)
