"""What the Salesforce adapter sees of an org, and what looking costs; over HTTP against the sandbox."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from leadsync.domain.records import Account, Gone, Move, Opportunity, OpportunityRole, Record, Ref, User
from leadsync.ports import Mark


def test_sources_come_in_the_order_in_which_they_rely_on_each_other(org: Any, follow: Any) -> None:
    order = [page.source for page in follow(org.crm()).poll().pages]

    assert order == [
        "user", "queue", "account", "lead_history", "contact_history", "lead", "contact", "opportunity", "opportunity_role",
        "campaign", "touch:CampaignMember", "touch:Task", "touch:Event",
    ]  # fmt: skip


def test_an_idle_pass_of_either_kind_costs_at_most_two_requests(org: Any, follow: Any) -> None:
    org.leads(3)
    follower = follow(org.crm())
    follower.poll()
    org.advance(600)
    follower.poll()  # the overlap still shows the rows of the minute in which the load began
    org.advance(600)
    org.requests()

    complete = follower.poll()
    assert org.api_requests() <= 2
    assert not complete.of(Record)

    fast = follower.poll("fast")
    assert org.api_requests() <= 2
    assert fast.rows == []


def test_two_hundred_changed_leads_cost_at_most_three_requests_more(org: Any, follow: Any) -> None:
    leads = org.leads(200)
    follower = follow(org.crm())
    follower.poll()
    org.advance(600)
    follower.poll()
    for lead in leads:
        org.edit(lead, Status="MAQL")
    org.requests()

    found = follower.poll()

    assert org.api_requests() <= 5
    assert set(found.stages.values()) == {"MAQL"}
    assert len(found.of(Move)) == 200


def test_a_change_of_the_running_minute_is_seen_by_a_complete_pass(org: Any, follow: Any) -> None:
    (lead,) = org.leads(1)
    follower = follow(org.crm())
    follower.poll()
    org.advance(5)
    org.edit(lead, Status="MQL")

    found = follower.poll()

    assert found.stages[lead] == "MQL"
    assert [(move.field, move.old, move.new) for move in found.of(Move)] == [("stage", "Inquiry", "MQL")]


def test_the_mark_never_passes_what_salesforce_says_is_covered(org: Any, follow: Any) -> None:
    org.leads(1)
    follower = follow(org.crm())
    follower.poll()

    assert follower.marks["lead"].mark == "2026-11-19T10:00:00Z"
    org.advance(100)
    follower.poll()
    assert follower.marks["lead"].mark == "2026-11-19T10:02:00Z"


@pytest.mark.parametrize("reach", ["fast", "complete"])
def test_a_fast_pass_sees_the_news_but_proves_nothing(org: Any, follow: Any, reach: Any) -> None:
    (lead,) = org.leads(1)
    follower = follow(org.crm())
    follower.poll()
    org.advance(300)
    org.edit(lead, Status="MQL")
    before = dict(follower.marks)

    found = follower.poll(reach)

    assert found.stages == {lead: "MQL"}
    assert (follower.marks == before) is (reach == "fast")
    assert all(page.complete is (reach == "complete") for page in found.pages)


def test_rows_that_come_into_view_late_are_not_lost(org: Any, follow: Any) -> None:
    (lead,) = org.leads(1)
    follower = follow(org.crm())
    follower.poll()
    org.advance(600)
    org.faults(late_commit_seconds=90)
    org.edit(lead, Status="MQL")  # stamped now, visible in a minute and a half
    org.advance(70)
    org.faults(late_commit_seconds=0)

    assert not follower.poll().of(Move)
    org.advance(60)

    assert follower.poll().stages == {lead: "MQL"}


def test_a_deleted_lead_is_gone_and_comes_back_when_undeleted(org: Any, follow: Any) -> None:
    lead, _ = org.leads(2)
    follower = follow(org.crm())
    follower.poll()
    org.advance(600)
    org.control("delete", object="Lead", id=lead)
    org.advance(30)

    (gone,) = follower.poll().of(Gone)
    assert (gone.ref.id, gone.merged_into) == (lead, None)
    assert gone.at == datetime(2026, 11, 19, 10, 10, 20, tzinfo=UTC)

    org.advance(600)
    org.control("undelete", object="Lead", id=lead)
    assert follower.poll().stages == {lead: "Inquiry"}


def test_a_merged_lead_names_the_lead_it_became(org: Any, follow: Any) -> None:
    winner, loser = org.leads(2)
    follower = follow(org.crm())
    follower.poll()
    org.advance(600)
    org.control("merge", object="Lead", master=winner, losers=[loser])

    found = follower.poll()

    assert [(gone.ref.id, gone.merged_into) for gone in found.of(Gone)] == [(loser, winner)]


def test_a_conversion_shows_on_the_lead_and_brings_the_contact(org: Any, follow: Any) -> None:
    (lead,) = org.leads(1, Email="ada@acme.example")
    follower = follow(org.crm())
    follower.poll()
    org.advance(600)
    made = org.control("convert", lead=lead, opportunity=True)

    found = follower.poll()

    by_id = {row.ref.id: row for row in found.of(Record)}
    assert by_id[lead].state == "converted"
    assert by_id[lead].converted_to == made["contact"]
    assert by_id[lead].converted_opportunity_id == made["opportunity"]
    assert by_id[lead].converted_on == "2026-11-19"
    assert by_id[made["contact"]].account_id == made["account"]
    assert [deal.outcome for deal in found.of(Opportunity)] == ["open"]
    assert [role.contact_id for role in found.of(OpportunityRole)] == [made["contact"]]
    assert [account.id for account in found.of(Account)] == [made["account"]]


def test_an_owner_change_is_one_move_with_ids(org: Any, follow: Any) -> None:
    (lead,) = org.leads(1)
    follower = follow(org.crm())
    follower.poll()
    org.advance(600)
    org.edit(lead, OwnerId=org.server.box.basics.integration)

    (move,) = follower.poll().of(Move)

    assert (move.field, move.old, move.new) == ("owner", org.admin, org.server.box.basics.integration)


def test_history_counts_as_kept_once_a_row_of_it_was_seen(org: Any, follow: Any) -> None:
    (lead,) = org.leads(1)
    follower = follow(org.crm())
    follower.poll()
    assert follower.crm.history == frozenset()
    org.advance(600)
    org.edit(lead, Status="MQL")

    follower.poll("fast")

    assert follower.crm.history == {"lead"}
    later = org.crm()
    later.connect()
    assert later.history == {"lead"}


def test_read_shows_records_as_they_are_now_and_leaves_out_what_is_nowhere(org: Any) -> None:
    live, gone, *_ = org.leads(2)
    org.control("delete", object="Lead", id=gone)
    crm = org.crm()
    refs = [Ref("salesforce", "lead", key) for key in (live, gone, "00Q8d0000099999AAA", "not an id")]

    found = crm.read(refs)

    assert isinstance(found[refs[0]], Record)
    assert isinstance(found[refs[1]], Gone)
    assert set(found) == set(refs[:2])


def test_two_hundred_records_are_read_by_one_request(org: Any) -> None:
    leads = org.leads(200)
    crm = org.crm()
    crm.connect()
    org.requests()

    found = crm.read([Ref("salesforce", "lead", key) for key in leads])

    assert len(found) == 200
    assert org.api_requests() == 1


def test_a_mark_survives_being_written_down(org: Any, follow: Any) -> None:
    follower = follow(org.crm())
    follower.poll()
    org.advance(timedelta(minutes=10).total_seconds())
    later = follow(org.crm())
    later.marks = {source: Mark(mark.mark) for source, mark in follower.marks.items()}
    later.crm.connect()
    org.requests()

    found = later.poll()

    assert org.api_requests() <= 2
    assert not found.of(User)


def test_a_change_of_permission_sets_reads_the_users_again(org: Any, follow: Any) -> None:
    follower = follow(org.crm())
    follower.poll()
    org.advance(600)
    assert follower.poll().of(User) == []
    (made,) = org.put(PermissionSet=[{"Name": "LeadSync_Ops", "Label": "LeadSync Ops"}])["PermissionSet"]
    org.put(PermissionSetAssignment=[{"PermissionSetId": made, "AssigneeId": org.admin}])
    org.advance(600)

    found = follower.poll()

    assert {user.id: user.permission_sets for user in found.of(User)}[org.admin] == ("LeadSync Ops", "LeadSync_Ops")
    org.advance(600)
    assert follower.poll().of(User) == []
