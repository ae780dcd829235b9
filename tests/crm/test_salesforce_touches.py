"""Campaign members, tasks and meetings as the org shows them over time."""

from datetime import UTC, datetime
from typing import Any

from leadsync.domain.records import Ref
from leadsync.domain.touches import Touch


class TestTouches:
    """Campaign members, tasks and meetings as the org shows them."""

    def campaign(self, org: Any, **fields: Any) -> Any:
        return org.put(Campaign=[{"Name": "Autumn", "Type": "Webinar", "BudgetedCost": 6000, **fields}])["Campaign"][0]

    def test_a_member_is_a_touch_only_once_it_has_responded(self, org: Any, follow: Any) -> None:
        (lead,) = org.leads(1)
        campaign = self.campaign(org)
        org.put(CampaignMember=[{"CampaignId": campaign, "LeadId": lead, "Status": "Sent"}])
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
        org.put(Task=[done, {**done, "Status": "Not Started"}, {**done, "TaskSubtype": "Task"}])

        touches = follow(org.crm()).poll().of(Touch)

        assert [(touch.kind, touch.actor_id, touch.direction) for touch in touches] == [
            ("follow_up_task", org.admin, "outbound")
        ]

    def test_a_meeting_counts_when_it_has_ended_though_nobody_touches_it(self, org: Any, follow: Any) -> None:
        (lead,) = org.leads(1)
        start, end = "2026-11-19T12:00:00Z", "2026-11-19T13:00:00Z"
        org.put(
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
        org.put(CampaignMember=[{"CampaignId": campaign, "LeadId": lead, "Status": "Attended", "HasResponded": True}])
        follower = follow(org.crm())
        (before,) = follower.poll().of(Touch)
        org.advance(600)
        org.control("delete", object="CampaignMember", id=before.source_id)

        (after,) = follower.poll().of(Touch)

        assert (after.touch_id, after.retracted) == (before.touch_id, True)
