"""Which rows changed, which vanished, how far that is known: updated, deleted, late commits, history."""

from datetime import datetime, timedelta
from typing import Any

import pytest


def written(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def shown(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def ask(crm: Any, what: Any, start: Any, end: Any, kind: Any = "Lead") -> Any:
    return crm.get(f"/sobjects/{kind}/{what}/", start=written(start), end=written(end))


def minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)


MINUTE = timedelta(minutes=1)


def test_spans_are_floored_to_minutes_and_half_open(fresh_crm: Any) -> None:
    crm = fresh_crm
    start = crm.now()
    first = crm.lead()
    crm.advance(61)
    second = crm.lead()
    crm.advance(120)

    assert ask(crm, "updated", start + timedelta(seconds=59), start + MINUTE + timedelta(seconds=59)).json()["ids"] == [
        first
    ]
    assert ask(crm, "updated", start + MINUTE, start + 2 * MINUTE).json()["ids"] == [second]
    assert ask(crm, "updated", start, crm.now() + MINUTE).json()["ids"] == [first, second]


def test_a_row_changed_often_is_told_once_and_moves_out_of_older_spans(fresh_crm: Any) -> None:
    crm = fresh_crm
    start, lead = crm.now(), crm.lead()
    crm.edit("Lead", lead, Title="a")
    crm.edit("Lead", lead, Title="b")

    assert ask(crm, "updated", start, start + MINUTE).json()["ids"] == [lead]
    crm.advance(120)
    crm.edit("Lead", lead, Title="c")
    assert ask(crm, "updated", start, start + MINUTE).json()["ids"] == []


def test_what_is_covered_ends_at_the_end_or_at_this_minute(fresh_crm: Any) -> None:
    crm = fresh_crm
    start = crm.now()
    crm.advance(200)

    assert ask(crm, "updated", start, start + MINUTE).json()["latestDateCovered"] == shown(start + MINUTE)
    assert ask(crm, "updated", start, start + 60 * MINUTE).json()["latestDateCovered"] == shown(minute(crm.now()))


@pytest.mark.parametrize(("what", "days"), [("updated", 30), ("deleted", 15)])
def test_a_span_too_short_or_too_old_is_refused(crm: Any, what: Any, days: Any) -> None:
    now = minute(crm.now())

    for start, end in [
        (now, now + timedelta(seconds=59)),
        (now, now - MINUTE),
        (now - timedelta(days=days, minutes=2), now),
    ]:
        answer = ask(crm, what, start, end)
        assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "INVALID_REPLICATION_DATE")


def test_deleted_rows_are_told_until_they_are_restored(fresh_crm: Any) -> None:
    crm = fresh_crm
    start, lead = crm.now(), crm.lead()
    crm.control("delete", object="Lead", id=lead)
    crm.advance(60)

    told = ask(crm, "deleted", start, crm.now()).json()
    assert told["deletedRecords"] == [{"id": lead, "deletedDate": shown(start)}]
    assert told["latestDateCovered"] == shown(minute(crm.now()))
    assert told["earliestDateAvailable"] == shown(minute(crm.now()) - timedelta(days=15))
    assert ask(crm, "updated", start, crm.now()).json()["ids"] == []

    crm.control("undelete", object="Lead", id=lead)
    crm.advance(60)
    assert ask(crm, "deleted", start, crm.now()).json()["deletedRecords"] == []
    assert ask(crm, "updated", start, crm.now()).json()["ids"] == [lead]


def test_a_late_commit_carries_its_old_stamp_and_holds_back_what_is_covered(fresh_crm: Any) -> None:
    crm = fresh_crm
    lead = crm.lead(Title="before")
    crm.advance(60)
    crm.control("faults", late_commit_seconds=90)
    begun = crm.now()
    crm.edit("Lead", lead, Title="after")
    crm.advance(75)

    assert crm.row("Lead", lead)["Title"] == "before"
    assert ask(crm, "updated", begun, begun + 3 * MINUTE).json() == {"ids": [], "latestDateCovered": shown(begun)}
    assert crm.truth("Lead", lead)[-1]["new"] != "after"

    crm.advance(15)
    assert crm.row("Lead", lead)["Title"] == "after"
    assert crm.row("Lead", lead)["SystemModstamp"] == shown(begun)
    told = ask(crm, "updated", begun, begun + 3 * MINUTE).json()
    assert told == {"ids": [lead], "latestDateCovered": shown(minute(crm.now()))}
    assert (crm.truth("Lead", lead)[-1]["new"], crm.truth("Lead", lead)[-1]["at"]) == ("after", written(begun))


def test_a_row_in_flight_is_locked_for_the_api_and_not_for_people(fresh_crm: Any) -> None:
    crm = fresh_crm
    lead = crm.lead()
    crm.control("faults", late_commit_seconds=90)
    crm.edit("Lead", lead, Title="first")

    refused = crm.change("Lead", lead, {"LeadSync_Score__c": 5})
    assert (refused.status_code, refused.json()[0]["errorCode"]) == (400, "UNABLE_TO_LOCK_ROW")

    crm.edit("Lead", lead, City="Lyon")
    crm.advance(90)
    assert (crm.row("Lead", lead)["Title"], crm.row("Lead", lead)["City"]) == ("first", "Lyon")


def test_an_api_change_becomes_visible_late_too_and_its_writer_is_told_at_once(fresh_crm: Any) -> None:
    crm = fresh_crm
    lead = crm.lead()
    crm.control("faults", late_commit_seconds=30)

    assert crm.change("Lead", lead, {"Title": "CFO"}).status_code == 204
    assert crm.row("Lead", lead)["Title"] is None
    crm.advance(30)
    assert crm.row("Lead", lead)["Title"] == "CFO"


def test_history_tells_of_status_and_owner_and_the_owner_twice(crm: Any) -> None:
    lead = crm.lead()
    queue = crm.query("SELECT Id FROM Group WHERE Type = 'Queue'")["records"][0]["Id"]
    owner = crm.row("Lead", lead)["OwnerId"]
    crm.edit("Lead", lead, Status="MAQL", Title="CFO")
    crm.edit("Lead", lead, OwnerId=queue)

    rows = crm.query(
        f"SELECT Field, OldValue, NewValue, DataType, CreatedById FROM LeadHistory WHERE LeadId = '{lead}' ORDER BY CreatedDate, Id"
    )["records"]
    assert [(row["Field"], row["OldValue"], row["NewValue"]) for row in rows] == [
        ("created", None, None),
        ("Status", "Inquiry", "MAQL"),
        ("Owner", "Integration User", "Unassigned Leads"),
        ("Owner", owner, queue),
    ]
    assert (
        crm.query(f"SELECT CreatedBy.Name FROM LeadHistory WHERE LeadId = '{lead}' AND Field = 'Status'")["records"][0][
            "CreatedBy"
        ]["Name"]
        == "System Admin"
    )


def test_contact_status_has_no_history_until_a_setting_says_so(crm: Any) -> None:
    contact = crm.create("Contact", LastName="Osei", Contact_Status__c="Raw")
    soql = (
        f"SELECT OldValue, NewValue FROM ContactHistory WHERE ContactId = '{contact}' AND Field = 'Contact_Status__c'"
    )
    crm.edit("Contact", contact, Contact_Status__c="Inquiry")
    assert crm.query(soql)["records"] == []

    crm.control("faults", history_fields=["Contact.Contact_Status__c"])
    crm.edit("Contact", contact, Contact_Status__c="MAQL")
    rows = crm.query(soql)["records"]
    assert [(row["OldValue"], row["NewValue"]) for row in rows] == [("Inquiry", "MAQL")]


def test_at_most_twenty_fields_keep_history(crm: Any) -> None:
    fields = [f["name"] for f in crm.get("/sobjects/Lead/describe").json()["fields"] if f["updateable"]][:21]

    answer = crm.call("POST", "/sandbox/faults", json={"history_fields": [f"Lead.{name}" for name in fields]})
    assert answer.status_code == 400
