"""Query over HTTP: paging, shapes, errors; and the language itself."""

from typing import Any

import pytest


def ids(answer: Any) -> Any:
    return [record["Id"] for record in answer["records"]]


@pytest.fixture(scope="module")
def many(shared_crm: Any) -> Any:
    """450 leads of one company, in three titles."""
    rows = [{"LastName": f"P{n:03d}", "Company": "Many", "Title": ("CFO", "cto", None)[n % 3]} for n in range(450)]
    return shared_crm.control("load", Lead=rows)["Lead"]


def test_a_page_holds_what_the_client_asks_for_within_200_and_2000(crm: Any, many: Any) -> None:
    soql = "SELECT Id FROM Lead WHERE Company = 'Many' ORDER BY Id"
    small = crm.query(soql, headers={"Sforce-Query-Options": "batchSize=50"})
    whole = crm.query(soql, headers={"Sforce-Query-Options": "batchSize=9000"})

    assert (small["totalSize"], small["done"], len(small["records"])) == (450, False, 200)
    assert (whole["done"], len(whole["records"])) == (True, 450)
    assert "nextRecordsUrl" not in whole


def test_following_the_pages_yields_every_row_once_although_rows_change_meanwhile(crm: Any, many: Any) -> None:
    page = crm.query("SELECT Id FROM Lead WHERE Company = 'Many'", headers={"Sforce-Query-Options": "batchSize=200"})
    seen = ids(page)
    crm.edit("Lead", many[-1], Company="Elsewhere")
    while not page["done"]:
        page = crm.get(page["nextRecordsUrl"]).json()
        seen += ids(page)
    crm.edit("Lead", many[-1], Company="Many")

    assert sorted(seen) == sorted(many)


def test_only_ten_cursors_stay_open(crm: Any, many: Any) -> None:
    soql, option = "SELECT Id FROM Lead WHERE Company = 'Many'", {"Sforce-Query-Options": "batchSize=200"}
    first = crm.query(soql, headers=option)["nextRecordsUrl"]
    others = [crm.query(soql, headers=option)["nextRecordsUrl"] for _ in range(10)]

    assert crm.get(first).json()[0]["errorCode"] == "INVALID_QUERY_LOCATOR"
    assert crm.get(others[0]).status_code == 200


def test_a_parent_is_nested_with_attributes_and_a_missing_one_is_null(crm: Any) -> None:
    account = crm.create("Account", Name="Hooli")
    crm.create("Contact", LastName="With", AccountId=account)
    crm.create("Contact", LastName="Without", FirstName="Nested")

    rows = crm.query(
        "SELECT Name, Account.Name, Account.Owner.Profile.Name FROM Contact WHERE LastName LIKE 'With%' ORDER BY Name DESC"
    )["records"]
    assert rows[0]["Account"]["attributes"]["type"] == "Account"
    assert rows[0]["Account"]["Name"] == "Hooli"
    assert rows[0]["Account"]["Owner"]["Profile"]["Name"] == "Integration User"
    assert rows[1]["Account"] is None


def test_an_owner_is_a_user_or_a_queue(crm: Any) -> None:
    queue = crm.query("SELECT Id FROM Group WHERE Type = 'Queue'")["records"][0]["Id"]
    crm.lead(Company="Owned", LastName="A")
    crm.lead(Company="Owned", LastName="B", OwnerId=queue)

    rows = crm.query(
        "SELECT Owner.Name, Owner.Type, Owner.IsActive FROM Lead WHERE Company = 'Owned' ORDER BY LastName"
    )["records"]
    assert [(row["Owner"]["Name"], row["Owner"]["Type"]) for row in rows] == [
        ("Integration User", "User"), ("Unassigned Leads", "Queue"),
    ]  # fmt: skip
    assert rows[0]["Owner"]["attributes"]["type"] == "Name"
    assert ids(crm.query("SELECT Id FROM Lead WHERE Company = 'Owned' AND Owner.Type = 'Queue'")) != []


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("Title = 'CTO'", 150),
        ("Title != 'cfo'", 300),
        ("Title = null", 150),
        ("Title != null", 300),
        ("Title IN ('cfo', 'nobody')", 150),
        ("Title NOT IN ('cfo')", 300),
        ("NOT Title LIKE 'c%'", 150),
        ("LastName LIKE 'P00_'", 10),
        ("LastName LIKE 'P\\_00%'", 0),
        ("LastName >= 'P440'", 10),
        ("(LastName < 'P010' OR LastName > 'P439') AND (Title = 'CFO' OR Title = null)", 14),
        ("CreatedDate = TODAY", 450),
        ("CreatedDate = LAST_N_DAYS:3", 450),
        ("CreatedDate < TODAY", 0),
        ("CreatedDate > YESTERDAY", 450),
        ("CreatedDate >= 2026-11-02T09:00:00Z", 450),
        ("CreatedDate > 2026-11-02T09:00:00.000Z", 0),
        ("CreatedDate = 2026-11-02T11:00:00+02:00", 450),
        ("IsConverted = false", 450),
        ("Owner.IsActive = true", 450),
        ("OwnerId IN (SELECT Id FROM User WHERE Username = 'admin@acme.example')", 450),
        ("OwnerId NOT IN (SELECT Id FROM User WHERE Username = 'admin@acme.example')", 0),
    ],
)
def test_a_condition_finds_what_it_says(crm: Any, many: Any, condition: Any, expected: Any) -> None:
    assert crm.query(f"SELECT COUNT() FROM Lead WHERE Company = 'Many' AND ({condition})")["totalSize"] == expected


def test_plus_and_percent_20_both_mean_a_space(crm: Any, many: Any) -> None:
    for space in ("+", "%20"):
        answer = crm.call(
            "GET", f"/query/?q=SELECT{space}COUNT(){space}FROM{space}Lead{space}WHERE{space}Company='Many'"
        )
        assert answer.json() == {"totalSize": 450, "done": True, "records": []}


def test_rows_are_ordered_with_blanks_first_unless_told_otherwise(crm: Any, many: Any) -> None:
    soql = "SELECT Title FROM Lead WHERE Company = 'Many' ORDER BY Title {} LIMIT 1"

    assert crm.query(soql.format(""))["records"][0]["Title"] is None
    assert crm.query(soql.format("NULLS LAST"))["records"][0]["Title"] == "CFO"
    assert crm.query(soql.format("DESC NULLS LAST"))["records"][0]["Title"] == "cto"


def test_limit_and_offset_cut_the_ordered_rows(crm: Any, many: Any) -> None:
    rows = crm.query("SELECT Id FROM Lead WHERE Company = 'Many' ORDER BY LastName LIMIT 2 OFFSET 3")

    assert (ids(rows), rows["totalSize"]) == (many[3:5], 2)
    assert crm.refused("SELECT Id FROM Lead LIMIT 1 OFFSET 2001") == "NUMBER_OUTSIDE_VALID_RANGE"


@pytest.mark.parametrize("field", ["SystemModstamp", "CreatedDate", "LastModifiedDate"])
def test_a_page_loop_over_stamp_and_id_meets_every_row_once(crm: Any, many: Any, field: Any) -> None:
    stamp, last, seen = "1970-01-01T00:00:00Z", "000000000000000", []
    while True:
        page = crm.query(
            f"SELECT Id, {field} FROM Lead WHERE Company = 'Many' AND (({field} = {stamp} AND Id > '{last}') OR {field} > {stamp}) "
            f"ORDER BY {field}, Id LIMIT 100"
        )["records"]
        if not page:
            break
        seen += [row["Id"] for row in page]
        stamp, last = page[-1][field].replace("+0000", "Z"), page[-1]["Id"]

    assert sorted(seen) == sorted(many)
    assert len(seen) == len(set(seen))


def test_groups_are_counted_named_and_filtered(crm: Any, many: Any) -> None:
    answer = crm.query(
        "SELECT Title, COUNT(Id), MIN(LastName) first FROM Lead WHERE Company = 'Many' GROUP BY Title HAVING COUNT(Id) > 1 ORDER BY Title NULLS LAST"
    )

    assert answer["records"] == [
        {"attributes": {"type": "AggregateResult"}, "Title": "CFO", "expr0": 150, "first": "P000"},
        {"attributes": {"type": "AggregateResult"}, "Title": "cto", "expr0": 150, "first": "P001"},
        {"attributes": {"type": "AggregateResult"}, "Title": None, "expr0": 150, "first": "P002"},
    ]


def test_the_shape_of_a_result_can_be_asked_for(crm: Any) -> None:
    shape = crm.get("/query", q="SELECT Id, Owner.Name FROM Lead", columns="true").json()

    assert [column["columnName"] for column in shape["columnMetadata"]] == ["Id", "Owner"]
    assert shape["columnMetadata"][1]["joinColumns"][0]["columnName"] == "Name"
    assert (shape["entityName"], shape["idSelected"], shape["keyPrefix"]) == ("Lead", True, "00Q")


@pytest.mark.parametrize(
    ("soql", "expected"),
    [
        ("SELECT Scor__c FROM Lead", "INVALID_FIELD"),
        ("SELECT Foo.Name FROM Lead", "INVALID_FIELD"),
        ("SELECT Id FROM Led", "INVALID_TYPE"),
        ("SELECT Id FROM Lead WHERE", "MALFORMED_QUERY"),
        ("SELECT Id FROM Lead WHERE Title = CFO", "MALFORMED_QUERY"),
        ("SELECT Id FROM Lead WHERE Title = 'a' AND Title = 'b' OR Title = 'c'", "MALFORMED_QUERY"),
        ("SELECT Id FROM Lead WHERE Title = 'it\\'s \\x'", "MALFORMED_QUERY"),
        ("SELECT Id FROM Lead WHERE CreatedDate > '2026-01-01T00:00:00Z'", "INVALID_FIELD"),
        ("SELECT Id FROM Lead WHERE IsConverted = 'false'", "INVALID_FIELD"),
        ("SELECT Id FROM Lead WHERE Id = 'nonsense'", "INVALID_QUERY_FILTER_OPERATOR"),
        ("SELECT Id FROM LeadHistory WHERE OldValue = 'Raw'", "INVALID_FIELD"),
        ("SELECT Title, COUNT(Id) FROM Lead", "MALFORMED_QUERY"),
        ("SELECT Id, Id FROM Lead", "INVALID_FIELD"),
        ("SELECT FIELDS(ALL) FROM Lead", "MALFORMED_QUERY"),
        ("DELETE FROM Lead", "MALFORMED_QUERY"),
    ],
)
def test_what_is_not_understood_is_refused(crm: Any, soql: Any, expected: Any) -> None:
    assert crm.refused(soql) == expected


def test_a_refusal_points_at_the_place(crm: Any) -> None:
    message = crm.get("/query", q="SELECT Id, Scor__c FROM Lead").json()[0]["message"]

    assert message.startswith(
        "\nSELECT Id, Scor__c FROM Lead\n           ^\nERROR at Row:1:Column:12\nNo such column 'Scor__c'"
    )


def test_deleted_rows_show_in_query_all_only(crm: Any) -> None:
    lead = crm.lead(Company="Short-lived")
    crm.control("delete", object="Lead", id=lead)
    soql = "SELECT Id, IsDeleted FROM Lead WHERE Company = 'Short-lived'"

    assert ids(crm.query(soql)) == []
    assert crm.query(soql, deleted=True)["records"][0]["IsDeleted"] is True


def test_an_aliased_object_and_quoted_escapes_are_understood(crm: Any) -> None:
    lead = crm.lead(LastName="O'Brien \\ Söhne", Company="Quoted")

    assert ids(crm.query("SELECT l.Id FROM Lead l WHERE l.LastName = 'O\\'Brien \\\\ S\\u00f6hne' ALL ROWS")) == [lead]
