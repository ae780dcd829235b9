"""The store itself: what a transaction leaves behind, and that truth, history and rows tell one story."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadsync.sandbox.clock import SimClock
from leadsync.sandbox.founding import Basics, found_basics
from leadsync.sandbox.ids import canonical, id18, nth_id
from leadsync.sandbox.schema.own import STAGES
from leadsync.sandbox.soql import Env, parse, run
from leadsync.sandbox.store import Store
from leadsync.sandbox.transaction import NotLive, RowLocked

START = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


class Org:
    """A store with its basics and a few words."""

    def __init__(self) -> None:
        self.clock = SimClock(START)
        self.store = Store(self.clock, seed=1)
        self.basics: Basics = found_basics(self.store, START)

    def doing(self, via: Any = "person", **given: Any) -> Any:
        return self.store.tx(by=self.basics.admin, via=via, **given)

    def lead(self, **fields: Any) -> Any:
        with self.doing() as tx:
            return tx.insert("Lead", {"LastName": "Osei", "Company": "Initech", **fields})

    def row(self, record_id: Any, kind: Any = "Lead") -> Any:
        return self.store.get(kind, record_id)

    def edit(self, record_id: Any, kind: Any = "Lead", **fields: Any) -> None:
        with self.doing() as tx:
            tx.update(kind, record_id, fields)

    def changes(self, record_id: Any, field: Any) -> Any:
        return [(c.old, c.new) for c in self.store.truth if c.id == record_id and c.field == field]


@pytest.fixture
def org() -> Any:
    return Org()


@pytest.mark.parametrize("printed", ["00Q8d00000Kp3aTEAR", "0058d000004Qm7RAAS", "0018d00000Rt5BnAAJ"])
def test_the_suffix_keeps_the_case_of_the_first_fifteen(printed: Any) -> None:
    assert id18(printed[:15]) == printed
    assert canonical(printed[:15]) == printed
    assert canonical(printed.swapcase()) is None


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_ids_rise_with_their_number(first: Any, second: Any) -> None:
    assert (nth_id("00Q", first) < nth_id("00Q", second)) == (first < second)


def test_a_transaction_that_fails_leaves_no_trace(org: Any) -> None:
    lead = org.lead()
    before = len(org.store.truth)

    def two_changes() -> None:
        with org.doing() as tx:
            tx.update("Lead", lead, {"Title": "CFO"})
            tx.update("Lead", lead, {"LeadSync_Held_Until__c": "soon"})

    with pytest.raises(ValueError, match="soon"):
        two_changes()
    assert org.row(lead)["Title"] is None
    assert len(org.store.truth) == before


def test_what_is_already_so_is_no_change(org: Any) -> None:
    lead = org.lead(Title="CFO")
    stamp = org.row(lead)["SystemModstamp"]
    org.clock.advance(60)
    org.edit(lead, Title="CFO")

    assert org.row(lead)["SystemModstamp"] == stamp


def test_a_change_moves_the_stamps_and_names_who_made_it(org: Any) -> None:
    lead = org.lead()
    org.clock.advance(61.5)
    org.edit(lead, Status="MAQL")

    row = org.row(lead)
    assert row["LastModifiedDate"] == row["SystemModstamp"] == START + timedelta(seconds=61.5)
    assert row["CreatedDate"] == START
    assert row["LastModifiedById"] == org.basics.admin


def test_full_names_and_closed_flags_follow_from_other_fields(org: Any) -> None:
    with org.doing() as tx:
        contact = tx.insert("Contact", {"FirstName": "Rita", "LastName": "Osei"})
        task = tx.insert("Task", {"WhoId": contact, "Subject": "Call", "Status": "Completed"})
        deal = tx.insert("Opportunity", {"Name": "x", "StageName": "Closed Lost", "CloseDate": "2026-12-01"})
        campaign = tx.insert("Campaign", {"Name": "Webinar"})
        member = tx.insert("CampaignMember", {"CampaignId": campaign, "ContactId": contact, "Status": "Attended"})

    store = org.store
    assert store.get("Contact", contact)["Name"] == "Rita Osei"
    assert (store.get("Task", task)["IsClosed"], store.get("Task", task)["CompletedDateTime"]) == (True, START)
    assert (store.get("Opportunity", deal)["IsClosed"], store.get("Opportunity", deal)["IsWon"]) == (True, False)
    assert store.get("CampaignMember", member)["HasResponded"] is True
    assert store.get("CampaignMember", member)["FirstRespondedDate"] == START.date()


def test_the_truth_begins_with_the_birth_of_a_lead(org: Any) -> None:
    lead = org.lead(Status="Raw")

    assert org.changes(lead, "Status") == [(None, "Raw")]
    assert org.changes(lead, "OwnerId") == [(None, org.basics.admin)]


def test_an_instant_in_the_past_counts_until_somebody_has_read(org: Any) -> None:
    with org.doing(at=START - timedelta(days=3)) as tx:
        lead = tx.insert("Lead", {"LastName": "Old", "Company": "y"})
    org.store.read(START)
    with org.doing(at=START - timedelta(days=2)) as tx:
        tx.update("Lead", lead, {"Title": "CFO"})

    row = org.row(lead)
    assert (row["CreatedDate"], row["SystemModstamp"]) == (START - timedelta(days=3), START)


def test_conversion_carries_the_person_the_company_and_what_they_did(org: Any) -> None:
    with org.doing() as tx:
        lead = tx.insert(
            "Lead",
            {
                "FirstName": "Rita", "LastName": "Osei", "Company": "Initech", "Email": "rita@initech.example", "Country": "DE",
                "LeadSource": "Web", "LeadSync_Score__c": 120, "LeadSync_MQL_Count__c": 2, "NumberOfEmployees": 300,
                "LeadSync_Op__c": "op-1",
            },
        )  # fmt: skip
        task = tx.insert("Task", {"WhoId": lead, "Subject": "Call"})
        campaign = tx.insert("Campaign", {"Name": "Webinar"})
        member = tx.insert("CampaignMember", {"CampaignId": campaign, "LeadId": lead})
    with org.doing() as tx:
        ids = tx.convert(lead, opportunity=True, status="Converted - SQL")

    get = org.store.get
    row, contact = get("Lead", lead), get("Contact", ids["contact"])
    assert (row["IsConverted"], row["Status"], row["ConvertedDate"]) == (True, "Converted - SQL", START.date())
    assert (row["ConvertedContactId"], row["ConvertedOpportunityId"]) == (ids["contact"], ids["opportunity"])
    assert (contact["Name"], contact["Email"], contact["MailingCountry"]) == ("Rita Osei", "rita@initech.example", "DE")
    assert (contact["LeadSync_Score__c"], contact["LeadSync_MQL_Count__c"], contact["LeadSync_Op__c"]) == (120, 2, None)
    assert contact["Contact_Status__c"] is None
    assert (get("Account", ids["account"])["Name"], get("Account", ids["account"])["NumberOfEmployees"]) == (
        "Initech",
        300,
    )
    assert get("Opportunity", ids["opportunity"])["AccountId"] == ids["account"]
    roles = [r for r in org.store.rows("OpportunityContactRole") if r["OpportunityId"] == ids["opportunity"]]
    assert [r["ContactId"] for r in roles] == [ids["contact"]]
    assert (get("CampaignMember", member)["LeadId"], get("CampaignMember", member)["ContactId"]) == (
        lead,
        ids["contact"],
    )
    assert get("Task", task)["WhoId"] == ids["contact"]
    assert org.changes(lead, "IsConverted") == [(False, True)]


def test_converting_into_an_existing_contact_fills_only_its_blanks(org: Any) -> None:
    with org.doing() as tx:
        account = tx.insert("Account", {"Name": "Hooli"})
        contact = tx.insert(
            "Contact", {"LastName": "Osei", "Title": "CFO", "AccountId": account, "Contact_Status__c": "Re-Market"}
        )
    lead = org.lead(Title="CEO", Phone="+49 40 1")
    with org.doing() as tx:
        ids = tx.convert(lead, contact=contact)

    row = org.store.get("Contact", contact)
    assert (ids["contact"], ids["account"], ids["opportunity"]) == (contact, account, None)
    assert (row["Title"], row["Phone"], row["Contact_Status__c"]) == ("CFO", "+49 40 1", "Re-Market")


def test_a_lead_is_converted_once_and_with_a_converted_status_only(org: Any) -> None:
    lead = org.lead()
    with pytest.raises(ValueError, match="no converted status"), org.doing() as tx:
        tx.convert(lead, status="SQL")
    with org.doing() as tx:
        tx.convert(lead)
    with pytest.raises(ValueError, match="converted already"), org.doing() as tx:
        tx.convert(lead)


def test_a_merge_moves_what_hangs_on_the_losers_and_fills_the_winner_s_blanks(org: Any) -> None:
    winner, loser = org.lead(Email="rita@initech.example"), org.lead(Email="other@initech.example", Title="CFO")
    with org.doing() as tx:
        task = tx.insert("Task", {"WhoId": loser, "Subject": "Call"})
    with org.doing() as tx:
        tx.merge("Lead", winner, [loser])

    kept, gone = org.store.get("Lead", winner), org.store.get("Lead", loser)
    assert (kept["Email"], kept["Title"]) == ("rita@initech.example", "CFO")
    assert (gone["IsDeleted"], gone["MasterRecordId"]) == (True, winner)
    assert org.store.get("Task", task)["WhoId"] == winner
    assert org.changes(loser, "MasterRecordId") == [(None, winner)]

    with org.doing() as tx:
        tx.undelete("Lead", loser)
    assert (org.store.get("Lead", loser)["IsDeleted"], org.store.get("Lead", loser)["MasterRecordId"]) == (False, None)
    assert org.store.get("Task", task)["WhoId"] == winner


def test_what_hangs_on_a_row_is_deleted_and_restored_with_it(org: Any) -> None:
    lead = org.lead()
    with org.doing() as tx:
        kept = tx.insert("Task", {"WhoId": lead, "Subject": "Call"})
        gone_before = tx.insert("Task", {"WhoId": lead, "Subject": "Old"})
    with org.doing() as tx:
        tx.delete("Task", gone_before)
    org.clock.advance(60)
    with org.doing() as tx:
        tx.delete("Lead", lead)
    assert org.store.get("Task", kept)["IsDeleted"]
    assert all(row["LeadId"] != lead for row in org.store.rows("LeadHistory"))

    org.clock.advance(60)
    with org.doing() as tx:
        tx.undelete("Lead", lead)
    assert not org.store.get("Task", kept)["IsDeleted"]
    assert org.store.get("Task", gone_before)["IsDeleted"]
    assert any(row["LeadId"] == lead for row in org.store.rows("LeadHistory"))
    assert org.changes(lead, "IsDeleted") == [(False, True), (True, False)]


def test_a_deleted_row_cannot_be_edited(org: Any) -> None:
    lead = org.lead()
    with org.doing() as tx:
        tx.delete("Lead", lead)

    with pytest.raises(NotLive), org.doing() as tx:
        tx.update("Lead", lead, {"Title": "CFO"})


def test_listeners_hear_of_a_row_once_per_commit_with_all_that_changed(org: Any) -> None:
    heard = []
    org.store.listen(lambda *told: heard.append(told))
    lead = org.lead()
    with org.doing(via="automation") as tx:
        tx.update("Lead", lead, {"Title": "CFO"})
        tx.update("Lead", lead, {"Status": "MAQL"})

    assert heard[0][:2] == ("Lead", lead)
    assert heard[-1] == ("Lead", lead, ("Title", "Status"), org.basics.admin, "automation")


def test_people_see_what_is_in_flight_and_the_api_may_not_touch_it(org: Any) -> None:
    lead = org.lead()
    org.store.late_commit = timedelta(seconds=90)
    org.edit(lead, Title="CFO")

    assert org.row(lead)["Title"] == "CFO"
    assert org.store.tables["Lead"].rows[lead]["Title"] is None
    with pytest.raises(RowLocked), org.doing(via="api") as tx:
        tx.update("Lead", lead, {"City": "Lyon"})
    assert org.store.oldest_in_flight() == START


STEPS = st.lists(
    st.tuples(st.integers(0, 4), st.sampled_from(STAGES), st.integers(0, 90), st.booleans(), st.booleans()), max_size=40
)


@settings(max_examples=60, deadline=None)
@given(STEPS, st.integers(0, 60))
def test_truth_history_and_rows_tell_one_story(steps: Any, late: Any) -> None:
    org = Org()
    leads = [org.lead(Status="Raw") for _ in range(5)]
    org.store.late_commit = timedelta(seconds=late)
    for which, status, seconds, by_api, deleting in steps:
        now = org.clock.advance(seconds)
        org.store.read(now)
        try:
            with org.doing(via="api" if by_api else "person") as tx:
                row = org.row(leads[which])
                if deleting:
                    (tx.undelete if row["IsDeleted"] else tx.delete)("Lead", leads[which])
                else:
                    tx.update("Lead", leads[which], {"Status": status})
        except (NotLive, RowLocked):
            continue
    org.store.settle(org.clock.advance(3600))

    for lead in leads:
        told = org.changes(lead, "Status")
        assert [old for old, _ in told] == [None, *(new for _, new in told[:-1])]
        assert told[-1][1] == org.row(lead)["Status"]
        held = [
            r for r in org.store.tables["LeadHistory"].rows.values() if r["LeadId"] == lead and r["Field"] == "Status"
        ]
        assert [(r["OldValue"], r["NewValue"]) for r in held] == told[1:]
    assert [change.seq for change in org.store.truth] == list(range(1, len(org.store.truth) + 1))


CONDITIONS = st.sampled_from(
    [
        "SystemModstamp >= {t}", "SystemModstamp < {t}", "CreatedDate = {t}", "LastModifiedDate > {t}", "OwnerId = '{owner}'",
        "Id IN ('{id}')", "Id > '{id}'", "Status = 'MAQL'", "OwnerId != '{owner}'", "SystemModstamp <= {t}",
    ]
)  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 9), st.sampled_from(STAGES[:3]), st.floats(0, 2)), min_size=5, max_size=30),
    st.lists(CONDITIONS, min_size=1, max_size=3),
    st.sampled_from(["AND", "OR"]),
    st.floats(0, 30),
    st.sampled_from(
        [
            "",
            "ORDER BY SystemModstamp, Id",
            "ORDER BY Id",
            "ORDER BY CreatedDate DESC, Id",
            "ORDER BY LastModifiedDate, Status, Id",
        ]
    ),
    st.sampled_from(["", "LIMIT 3"]),
)
def test_an_index_never_changes_an_answer(
    steps: Any, conditions: Any, joint: Any, seconds: Any, order: Any, limit: Any
) -> None:
    org = Org()
    leads = [org.lead(LastName=str(n)) for n in range(10)]
    for which, status, passed in steps:
        org.clock.advance(passed)
        org.edit(leads[which], Status=status, OwnerId=org.basics.integration if passed > 1 else org.basics.admin)
    when = (START + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
    where = f" {joint} ".join(conditions).format(t=when, id=leads[4], owner=org.basics.admin)
    env = Env(org.store, org.clock.now())

    def found(condition: Any) -> Any:
        return [row["Id"] for row in run(env, parse(f"SELECT Id FROM Lead WHERE {condition} {order} {limit}")).rows]

    # A condition that is always true and cannot be bounded makes the planner look at every row.
    scanned = found(f"({where}) OR (LastName = 'nobody' AND Title = 'nobody')")
    if order:
        assert found(where) == scanned
    elif not limit:
        assert sorted(found(where)) == sorted(scanned)
    else:
        assert len(found(where)) == len(scanned)
