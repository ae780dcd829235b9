"""What the Salesforce adapter sees of an org, and what looking costs; over HTTP against the sandbox."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from leadsync.clock import SystemClock
from leadsync.crm.salesforce import Credentials
from leadsync.crm.salesforce import poll as poll_module
from leadsync.domain.records import Account, Gone, Move, Opportunity, OpportunityRole, Queue, Record, Ref, User
from leadsync.domain.touches import Touch
from leadsync.errors import CrmUnavailable
from leadsync.ports import Mark
from leadsync.secret import Secret


def stages(found: Any) -> Any:
    return {row.ref.id: row.stage_value for row in found.of(Record)}


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
    assert set(stages(found).values()) == {"MAQL"}
    assert len(found.of(Move)) == 200


def test_a_change_of_the_running_minute_is_seen_by_a_complete_pass(org: Any, follow: Any) -> None:
    (lead,) = org.leads(1)
    follower = follow(org.crm())
    follower.poll()
    org.advance(5)
    org.edit(lead, Status="MQL")

    found = follower.poll()

    assert stages(found)[lead] == "MQL"
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

    assert stages(found) == {lead: "MQL"}
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

    assert stages(follower.poll()) == {lead: "MQL"}


def test_rows_in_flight_during_a_first_load_are_met_by_the_next_pass(org: Any, follow: Any) -> None:
    (lead,) = org.leads(1)
    org.advance(600)
    org.faults(late_commit_seconds=300)
    org.edit(lead, Status="MQL")
    org.advance(200)
    follower = follow(org.crm())

    assert stages(follower.poll()) == {lead: "Inquiry"}
    org.faults(late_commit_seconds=0)
    org.advance(200)

    found = follower.poll()
    assert stages(found) == {lead: "MQL"}
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
    assert stages(follower.poll()) == {lead: "Inquiry"}


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


def test_a_hidden_field_blocks_its_object_and_no_other(org: Any, follow: Any) -> None:
    org.leads(1)
    org.load(Contact=[{"LastName": "C"}])
    org.faults(hide_field="Lead.LeadSync_Score__c")
    follower = follow(org.crm())

    found = follower.poll()

    assert {row.ref.object for row in found.of(Record)} == {"contact"}
    assert list(follower.crm.blocked()) == ["lead"]
    assert "LeadSync_Score__c" in follower.crm.blocked()["lead"]
    assert "lead" not in follower.marks

    org.faults(hide_field=[])
    found = follower.poll()
    assert {row.ref.object for row in found.of(Record)} >= {"lead"}
    assert follower.crm.blocked() == {}


def test_an_object_blocked_after_its_first_load_keeps_its_mark(org: Any, follow: Any) -> None:
    (lead,) = org.leads(1)
    follower = follow(org.crm())
    follower.poll()
    org.advance(600)
    mark = follower.marks["lead"]
    org.faults(hide_field="Lead.LeadSync_Score__c")
    org.edit(lead, Status="MQL")

    follower.poll()

    assert follower.marks["lead"] == mark
    assert "LeadSync_Score__c" in follower.crm.blocked()["lead"]
    org.faults(hide_field=[])
    assert stages(follower.poll()) == {lead: "MQL"}


def test_a_name_that_is_no_field_name_never_reaches_a_query(org: Any, follow: Any, mapping: Any) -> None:
    wrong = mapping()
    lead = wrong.objects["lead"]
    bad = replace(lead.fields["title"], native=("Title FROM User",))
    broken = replace(wrong, objects={**wrong.objects, "lead": replace(lead, fields={**lead.fields, "title": bad})})
    follower = follow(org.crm(broken))

    follower.poll()

    assert "no field or object name" in follower.crm.blocked()["lead"]


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
    assert [row.ref.id for row in last.rows] == [other]
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

    assert stages(follower.poll())[leads[0]] == "MQL"


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


def test_an_expired_session_is_renewed_without_anybody_noticing(org: Any, follow: Any) -> None:
    (lead,) = org.leads(1)
    follower = follow(org.crm())
    org.faults(expire_token_after=3)

    found = follower.poll()

    assert stages(found) == {lead: "Inquiry"}


def test_reads_survive_passing_faults(org: Any, follow: Any) -> None:
    leads = org.leads(30)
    follower = follow(org.crm())
    org.faults(rate={"503": 0.1, "html": 0.1, "reset": 0.05, "429": 0.05, "timeout_after_apply": 0.05})

    found = follower.poll()

    assert sorted(stages(found)) == sorted(leads)


def test_an_org_that_stays_down_is_unavailable(org: Any, follow: Any) -> None:
    follower = follow(org.crm())
    org.faults(rate={"503": 1.0})

    with pytest.raises(CrmUnavailable):
        follower.poll()


def test_stop_ends_a_pass_between_sources(org: Any, follow: Any) -> None:
    stop = Event()
    follower = follow(org.crm(stop=stop))
    pages = follower.crm.changes(follower.marks, "complete")
    next(pages)
    stop.set()

    assert len(list(pages)) <= 1


class TestTouches:
    """Campaign members, tasks and meetings as the org shows them."""

    def campaign(self, org: Any, **fields: Any) -> Any:
        return org.load(Campaign=[{"Name": "Autumn", "Type": "Webinar", "BudgetedCost": 6000, **fields}])["Campaign"][0]

    def test_a_member_is_a_touch_only_once_it_has_responded(self, org: Any, follow: Any) -> None:
        (lead,) = org.leads(1)
        campaign = self.campaign(org)
        org.load(CampaignMember=[{"CampaignId": campaign, "LeadId": lead, "Status": "Sent"}])
        follower = follow(org.crm())
        assert follower.poll().of(Touch) == []
        (member,) = org.rows("CampaignMember")
        org.advance(600)
        store = org.server.box.store
        with store.tx(by=org.admin, via="person") as tx:
            tx.update("CampaignMember", member["Id"], {"Status": "Attended", "HasResponded": True})

        (touch,) = follower.poll().of(Touch)

        assert touch.touch_id == f"cm:{member['Id']}:Attended"
        assert (touch.channel, touch.investment, touch.response) == ("webinar", "medium", "attended")
        assert (touch.campaign, touch.campaign_id, touch.direction) == ("Autumn", campaign, "inbound")
        assert touch.ref == Ref("salesforce", "lead", lead)
        assert touch.at == datetime(2026, 11, 19, 10, 10, 20, tzinfo=UTC)

    def test_finished_tasks_of_people_count_as_their_owners_follow_up(self, org: Any, follow: Any) -> None:
        (lead,) = org.leads(1)
        done = {"WhoId": lead, "Status": "Completed", "TaskSubtype": "Call", "OwnerId": org.admin, "Subject": "x"}
        org.load(Task=[done, {**done, "Status": "Not Started"}, {**done, "TaskSubtype": "Task"}])

        touches = follow(org.crm()).poll().of(Touch)

        assert [(touch.kind, touch.actor_id, touch.direction) for touch in touches] == [
            ("follow_up_task", org.admin, "outbound")
        ]

    def test_a_meeting_counts_when_it_has_ended_though_nobody_touches_it(self, org: Any, follow: Any) -> None:
        (lead,) = org.leads(1)
        start, end = "2026-11-19T12:00:00Z", "2026-11-19T13:00:00Z"
        org.load(
            Event=[{"WhoId": lead, "OwnerId": org.admin, "Subject": "x", "StartDateTime": start, "EndDateTime": end}]
        )
        complete, fast = follow(org.crm()), follow(org.crm())
        assert complete.poll().of(Touch) == []
        fast.marks = dict(complete.marks)
        org.advance(3 * 3600 - 600)
        complete.poll()
        fast.marks = dict(complete.marks)
        fast.poll("fast")
        org.advance(660)

        (seen,) = complete.poll().of(Touch)
        assert (seen.kind, seen.direction, seen.at) == ("meeting", "both", datetime(2026, 11, 19, 13, tzinfo=UTC))
        assert fast.poll("fast").of(Touch) == [seen]
        org.advance(600)
        complete.poll()
        assert complete.poll().of(Touch) == []

    def test_a_deleted_member_takes_its_touch_back(self, org: Any, follow: Any) -> None:
        (lead,) = org.leads(1)
        campaign = self.campaign(org)
        org.load(CampaignMember=[{"CampaignId": campaign, "LeadId": lead, "Status": "Attended", "HasResponded": True}])
        follower = follow(org.crm())
        (before,) = follower.poll().of(Touch)
        org.advance(600)
        org.control("delete", object="CampaignMember", id=before.source_id)

        (after,) = follower.poll().of(Touch)

        assert (after.touch_id, after.retracted) == (before.touch_id, True)


def test_an_interval_is_halved_when_it_holds_too_many_ids(org: Any, follow: Any, monkeypatch: Any) -> None:
    (lead,) = org.leads(1)
    follower = follow(org.crm())
    follower.poll()
    org.advance(86400)
    org.edit(lead, Status="MQL")
    whole = poll_module.Client.composite
    refused = []

    def crowded(self, parts: Any) -> Any:
        answers, at = whole(self, parts)
        for place, part in enumerate(parts):
            if "Lead/updated" in part.path and len(refused) < 2:
                refused.append(part.path)
                body = b'[{"errorCode":"EXCEEDED_ID_LIMIT","message":"too many"}]'
                answers[place] = poll_module.PartAnswer(400, msgspec.Raw(body))
        return answers, at

    monkeypatch.setattr(poll_module.Client, "composite", crowded)
    found = follower.poll()

    last = [page for page in found.pages if page.source == "lead"][-1]
    assert not last.complete
    assert last.mark < "2026-11-19T18:00:00Z"
    monkeypatch.undo()
    assert stages(follower.poll())[lead] == "MQL"


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


@pytest.fixture
def meddle(monkeypatch: Any) -> Any:
    """Change what composites answer: the given function may replace the answer of a part."""

    def on(change: Any) -> Any:
        true = poll_module.Client.composite

        def composite(self, parts: Any) -> Any:
            answers, at = true(self, parts)
            changed = [change(part, answer) or answer for part, answer in zip(parts, answers, strict=True)]
            return changed, at

        monkeypatch.setattr(poll_module.Client, "composite", composite)

    return on


def refused(code: Any) -> Any:
    return poll_module.PartAnswer(400, msgspec.Raw(b'[{"errorCode":"%s","message":""}]' % code.encode()))


def test_an_org_that_takes_no_end_in_the_future_is_asked_up_to_now(org: Any, follow: Any, meddle: Any) -> None:
    (lead,) = org.leads(1)
    follower = follow(org.crm())
    follower.poll()
    org.advance(300)
    org.edit(lead, Status="MQL")
    org.advance(100)
    meddle(lambda part, answer: refused("INVALID_REPLICATION_DATE") if "10%3A08" in part.path else None)

    assert stages(follower.poll())[lead] == "MQL"
    assert follower.marks["lead"].mark == "2026-11-19T10:07:00Z"


def test_a_window_about_which_nothing_can_be_said_keeps_the_mark(org: Any, follow: Any, meddle: Any) -> None:
    org.leads(1)
    follower = follow(org.crm())
    follower.poll()
    before = follower.marks["lead"]
    org.advance(300)
    meddle(lambda part, answer: refused("INVALID_REPLICATION_DATE") if "Lead/updated" in part.path else None)

    found = follower.poll()

    assert follower.marks["lead"] == before
    assert not any(page.complete for page in found.pages if page.source == "lead")
    assert follower.crm.blocked() == {}


def test_a_lead_deleted_for_good_is_gone_though_no_row_tells_of_it(org: Any, follow: Any, meddle: Any) -> None:
    (lead,) = org.leads(1)
    follower = follow(org.crm())
    follower.poll()
    org.advance(600)
    follower.poll()
    org.control("delete", object="Lead", id=lead)
    nothing = poll_module.PartAnswer(200, msgspec.Raw(b'{"totalSize":0,"done":true,"records":[]}'))
    meddle(lambda part, answer: nothing if part.path.startswith("queryAll") else None)

    (gone,) = follower.poll().of(Gone)

    assert (gone.ref.id, gone.merged_into) == (lead, None)


@pytest.mark.parametrize("code", ["QUERY_TIMEOUT", "SERVER_UNAVAILABLE", "INSUFFICIENT_ACCESS"])
def test_one_object_that_does_not_answer_does_not_stop_the_others(
    org: Any, follow: Any, meddle: Any, code: Any
) -> None:
    org.leads(1)
    org.load(Contact=[{"LastName": "C"}])
    follower = follow(org.crm())
    follower.poll()
    org.advance(600)
    for row in (*org.rows("Lead"), *org.rows("Contact")):
        org.edit(row["Id"], Title="CEO")
    meddle(lambda part, answer: refused(code) if "FROM%20Lead%20" in part.path else None)

    found = follower.poll()

    assert {row.ref.object for row in found.of(Record)} == {"contact"}
    assert list(follower.crm.blocked()) == ["lead"]
    assert not follower.poll("fast").of(Gone)
    assert list(follower.crm.blocked()) == ["lead"]


def test_a_bulk_job_that_is_no_more_is_replaced_by_pages(org: Any, follow: Any) -> None:
    leads = org.leads(3)
    follower = follow(org.crm())
    follower.marks["lead"] = Mark(None, "bulk|2026-11-19T09:59:00Z|7508d0000099999AAA||0")

    found = follower.poll()

    assert sorted(stages(found)) == sorted(leads)
    assert follower.marks["lead"].mark == "2026-11-19T09:59:00Z"


def test_a_change_of_permission_sets_reads_the_users_again(org: Any, follow: Any) -> None:
    follower = follow(org.crm())
    follower.poll()
    org.advance(600)
    assert follower.poll().of(User) == []
    (made,) = org.load(PermissionSet=[{"Name": "LeadSync_Ops", "Label": "LeadSync Ops"}])["PermissionSet"]
    org.load(PermissionSetAssignment=[{"PermissionSetId": made, "AssigneeId": org.admin}])
    org.advance(600)

    found = follower.poll()

    assert {user.id: user.permission_sets for user in found.of(User)}[org.admin] == ("LeadSync Ops", "LeadSync_Ops")
    org.advance(600)
    assert follower.poll().of(User) == []


def test_a_list_that_cannot_be_read_blocks_its_object_alone(org: Any, follow: Any, meddle: Any) -> None:
    org.leads(1)
    follower = follow(org.crm())
    follower.poll()
    before = follower.marks["lead"]
    org.advance(600)
    odd = poll_module.PartAnswer(200, msgspec.Raw(b'{"ids": 5}'))
    meddle(lambda part, answer: odd if "Lead/updated" in part.path else None)

    follower.poll()

    assert "cannot be read" in follower.crm.blocked()["lead"]
    assert follower.marks["lead"] == before
    assert follower.marks["contact"].mark == "2026-11-19T10:10:00Z"


def test_users_come_without_memberships_when_those_may_not_be_read(org: Any, follow: Any, meddle: Any) -> None:
    meddle(lambda part, answer: refused("INSUFFICIENT_ACCESS") if "PermissionSetAssignment" in part.path else None)
    follower = follow(org.crm())

    found = follower.poll()

    assert len(found.of(User)) == 2
    assert list(follower.crm.blocked()) == ["user:PermissionSetAssignment"]


def test_every_flow_lets_leadsync_in_as_the_integration_user(org: Any) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    app, secret, user = org.server.client_id, Secret(org.server.client_secret), org.rows("User")[1]["Username"]
    for credentials in (
        Credentials("X", token=Secret(org.server.token)),
        Credentials("X", app, secret),
        Credentials("X", app, private_key=Secret(pem), username=user),
        Credentials("X", app, secret, username=user, password=Secret("whatever")),
    ):
        assert (
            org.crm(credentials=credentials, clock=SystemClock()).connect().user_id == org.server.box.basics.integration
        )
