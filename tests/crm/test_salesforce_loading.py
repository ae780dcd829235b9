"""First loads and whole re-reads of an org: page by page or in bulk, broken off and taken up again."""

from typing import Any

import pytest

from leadsync.domain.records import Gone, Move, Queue, Record, User
from leadsync.ports import Mark


def test_a_first_look_finds_every_source_and_ends_each_with_a_mark(org: Any, follow: Any) -> None:
    leads = org.leads(3)
    follower = follow(org.crm())

    found = follower.poll()

    assert sorted(row.ref.id for row in found.of(Record)) == sorted(leads)
    assert {user.profile for user in found.of(User)} == {"System Administrator", "Integration User"}
    assert [queue.name for queue in found.of(Queue)] == ["Unassigned Leads"]
    assert all(mark.mark for mark in follower.marks.values())
    assert {"lead", "contact", "lead_history", "touch:Task", "touch:CampaignMember"} <= follower.marks.keys()
    assert follower.crm.blocked() == {}


@pytest.mark.parametrize("bulk_above", [1, 100_000])
def test_a_first_look_finds_what_lies_in_the_recycle_bin_at_no_further_request(
    org: Any, follow: Any, bulk_above: int
) -> None:
    lead, deleted, loser = org.leads(3)
    org.edit(lead, Status="LAL")
    follow(org.crm(bulk_above=bulk_above)).poll()
    requests = org.api_requests()
    org.edit(deleted, Status="MQL")
    org.control("delete", object="Lead", id=deleted)
    org.control("merge", object="Lead", master=lead, losers=[loser])
    org.requests()

    found = follow(org.crm(bulk_above=bulk_above)).poll()

    gone = {row.ref.id: row for row in found.of(Gone)}
    assert [row.ref.id for row in found.of(Record)] == [lead]
    assert gone[deleted].last.stage_value == "MQL"
    assert (gone[deleted].merged_into, gone[loser].merged_into) == (None, lead)
    assert org.api_requests() <= requests


def test_rows_in_flight_during_a_first_load_are_met_by_the_next_pass(org: Any, follow: Any) -> None:
    (lead,) = org.leads(1)
    org.advance(600)
    org.faults(late_commit_seconds=300)
    org.edit(lead, Status="MQL")
    org.advance(200)
    follower = follow(org.crm())

    assert follower.poll().stages == {lead: "Inquiry"}
    org.faults(late_commit_seconds=0)
    org.advance(200)

    found = follower.poll()
    assert found.stages == {lead: "MQL"}
    assert [move.new for move in found.of(Move)] == ["MQL"]


def test_five_thousand_leads_of_one_second_arrive_once_each(org: Any, follow: Any) -> None:
    leads = org.leads(5000)
    follower = follow(org.crm())
    found = follower.poll()
    assert sorted(row.ref.id for row in found.of(Record)) == sorted(leads)

    org.advance(600)
    follower.poll()
    store = org.server.box.store
    with store.tx(by=org.admin, via="person") as tx:
        for lead in leads:
            tx.update("Lead", lead, {"Title": "CEO"})
    org.requests()

    found = follower.poll()

    pages = [page for page in found.pages if page.source == "lead"]
    assert [len(page.rows) for page in pages] == [2000, 2000, 1000]
    assert [page.mark is None for page in pages] == [True, True, False]
    assert len({row.ref for page in pages for row in page.rows}) == 5000
    assert org.api_requests() <= 2 + 3


def test_a_mark_older_than_the_deletions_reach_reads_the_source_again(org: Any, follow: Any) -> None:
    lead, other = org.leads(2)
    follower = follow(org.crm())
    follower.poll()
    org.control("delete", object="Lead", id=lead)
    org.advance(20 * 86400)

    found = follower.poll()

    last = [page for page in found.pages if page.source == "lead"][-1]
    assert last.full
    assert last.complete
    # The sandbox never empties its bin; Salesforce would not tell of the deleted one any more.
    assert [row.ref.id for row in last.rows if isinstance(row, Record)] == [other]
    assert follower.marks["lead"].mark.startswith("2026-12-09")


def test_a_first_load_goes_on_where_it_was_broken_off(org: Any, follow: Any) -> None:
    leads = org.leads(4500)
    follower = follow(org.crm())
    taken = []
    for page in follower.crm.changes(follower.marks, "complete"):
        follower.keep(page)
        if page.source == "lead":
            taken += [row.ref.id for row in page.rows]
            break
    assert follower.marks["lead"].mark is None

    later = follow(org.crm())
    later.marks = follower.marks
    found = later.poll()

    rest = [row.ref.id for row in found.of(Record)]
    assert len(rest) == 2500
    assert sorted(taken + rest) == sorted(leads)


def test_a_change_made_during_a_first_load_is_met_by_the_next_pass(org: Any, follow: Any) -> None:
    leads = org.leads(2500)
    follower = follow(org.crm())
    for number, page in enumerate(follower.crm.changes(follower.marks, "complete")):
        follower.keep(page)
        if page.source == "lead" and number:
            org.advance(120)
            org.edit(leads[0], Status="MQL")
            break
    follower.poll()

    assert follower.poll().stages[leads[0]] == "MQL"


def test_a_large_first_load_goes_through_one_bulk_job_and_is_resumable(org: Any, follow: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("leadsync.crm.salesforce.bulk.PART_ROWS", 3000)
    leads = org.leads(7000, NumberOfEmployees=250, DoNotCall=True)
    follower = follow(org.crm(bulk_above=5000))
    taken = []
    for page in follower.crm.changes(follower.marks, "complete"):
        follower.keep(page)
        if page.source == "lead":
            taken += page.rows
            if len(taken) == 5000:  # one page into the second part of the results
                break
    assert follower.marks["lead"].progress.startswith("bulk|")

    later = follow(org.crm(bulk_above=5000))
    later.marks = dict(follower.marks)
    org.requests()
    rest = later.poll().of(Record)

    log = org.requests()
    assert not any(line["method"] == "POST" and line["path"].endswith("/jobs/query") for line in log)
    assert sorted(row.ref.id for row in [*taken, *rest]) == sorted(leads)
    assert later.marks["lead"].mark == "2026-11-19T10:00:00Z"


def test_a_row_reads_the_same_in_bulk_and_page_by_page(org: Any, follow: Any) -> None:
    org.leads(2, NumberOfEmployees=250, Title='a "quoted", title', HasOptedOutOfEmail=True, LeadSync_Score__c=72)

    slow = follow(org.crm()).poll().of(Record)
    fast = follow(org.crm(bulk_above=1)).poll().of(Record)

    assert slow == fast
    assert slow[0].fields["employees"] == 250
    assert slow[0].fields["email_opt_out"] is True


def test_old_history_comes_in_bulk_too_and_once(org: Any, follow: Any) -> None:
    leads = org.leads(10)
    for status in ("MAQL", "LAL", "MQL"):
        org.advance(60)
        for lead in leads:
            org.edit(lead, Status=status)

    slow, fast = follow(org.crm()), follow(org.crm(bulk_above=1))
    moves = slow.poll().of(Move)

    assert len({move.move_id for move in moves}) == 30
    assert fast.poll().of(Move) == moves
    assert fast.crm.history == {"lead"}


def test_a_bulk_job_that_is_no_more_is_replaced_by_pages(org: Any, follow: Any) -> None:
    leads = org.leads(3)
    follower = follow(org.crm())
    follower.marks["lead"] = Mark(None, "bulk|2026-11-19T09:59:00Z|7508d0000099999AAA||0")

    found = follower.poll()

    assert sorted(found.stages) == sorted(leads)
    assert follower.marks["lead"].mark == "2026-11-19T09:59:00Z"
