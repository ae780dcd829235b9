"""Every behaviour that the world is asked for really occurs, and people react to what they see in the store."""

import re
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from leadsync.sandbox.world.names import CULTURES, mailable
from leadsync.sandbox.world.titles import TITLES

if TYPE_CHECKING:
    from conftest import Story

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
QUALIFIED = ("MAQL", "LAL", "MQL", "SAL", "SQL")


def _lead_moves(story: "Story") -> Counter[tuple[object, object]]:
    return Counter((c.old, c.new) for c in story.truth("Lead", "Status") if c.old is not None)


def test_leads_arrive_from_many_sources_cultures_and_with_dirty_data(past: "Story") -> None:
    rows = list(past.store.tables["Lead"].rows.values())
    sources = Counter(row["LeadSource"] for row in rows)
    countries = Counter(row["Country"] for row in rows)
    emails = Counter((row["Email"] or "").lower() for row in rows)

    assert {
        "Web",
        "Website",
        "Contact Form",
        "Trade Show",
        "Webinar",
        "Phone Inquiry",
        "Partner Referral",
    } <= sources.keys()
    assert sources["Purchased List"] + sources["List Import"] + sources["Other List"] > 50
    assert {"Germany", "Deutschland", "UK", None} <= countries.keys()
    assert len(countries) > 25
    assert emails[""] > 10
    assert [mail for mail in emails if mail and not re.fullmatch(r"[^@ ]+@[^@ ]+\.[a-z]+", mail)]
    assert [mail for mail, count in emails.items() if mail and count > 1]
    assert [mail for mail in emails if mail.startswith(("info@", "office@", "kontakt@"))]
    assert sum(row["Title"] is None for row in rows) > 5
    assert {row["Status"] for row in rows} >= {None, "Open - Not Contacted"}


def test_some_people_exist_as_lead_and_contact_at_once(past: "Story") -> None:
    contacts = {row["Email"].lower() for row in past.store.rows("Contact") if row["Email"]}
    leads = {row["Email"].lower() for row in past.store.rows("Lead") if row["Email"] and not row["IsConverted"]}

    assert contacts & leads


def test_most_leads_arrive_in_office_hours_and_some_at_night(past: "Story") -> None:
    # Central Europe is where most prospects live.
    hours = Counter(row["CreatedDate"].hour for row in past.store.tables["Lead"].rows.values())
    by_day = sum(count for hour, count in hours.items() if 6 <= hour < 20)

    assert 0.7 < by_day / sum(hours.values()) < 0.99


def test_bought_lists_come_as_inquiries_by_the_loader_and_mostly_untouched(past: "Story") -> None:
    loader = past.store.user("dataloader@acme.example")
    bought = [row for row in past.store.tables["Lead"].rows.values() if row["CreatedById"] == loader]
    born = {c.id: c.new for c in past.truth("Lead", "Status") if c.old is None}
    touched = {row["LeadId"] for row in past.store.rows("CampaignMember") if row["HasResponded"]}

    assert bought
    assert {born[row["Id"]] for row in bought} == {"Inquiry"}
    assert sum(row["Id"] not in touched for row in bought) > len(bought) / 2


def test_people_respond_fill_forms_call_and_meet(month: "Story") -> None:
    members = Counter(row["Status"] for row in month.store.rows("CampaignMember"))
    calls = Counter((row["CallType"], row["Status"], row["TaskSubtype"]) for row in month.store.rows("Task"))

    assert {
        "Sent",
        "Opened",
        "Clicked",
        "Registered",
        "Attended",
        "Replied",
        "Demo Request",
        "Contact Me",
    } <= members.keys()
    assert calls["Inbound", "Completed", "Call"]
    assert calls["Outbound", "Completed", "Call"]
    assert calls[None, "Completed", "Email"]
    assert list(month.store.rows("Event"))
    assert all(row["FirstRespondedDate"] for row in month.store.rows("CampaignMember") if row["HasResponded"])
    assert all(row["CompletedDateTime"] for row in month.store.rows("Task") if row["IsClosed"])


def test_the_cadence_tool_notes_mails_in_the_name_of_reps(past: "Story") -> None:
    tool = past.store.user("outreach@acme.example")

    assert [row for row in past.store.rows("Task") if row["CreatedById"] == tool and row["OwnerId"] != tool]


@pytest.mark.parametrize(
    "moves",
    [
        [("MAQL", "LAL"), ("LAL", "MQL"), ("MQL", "SAL")],
        [("Inquiry", "LAL")],
        [("MAQL", "MQL")],
        [("MQL", "SQL")],
        [("MAQL", "Re-Market"), ("MQL", "Re-Market"), ("SAL", "Re-Market")],
        [("MAQL", "Disqualified"), ("MQL", "Disqualified")],
        [("MAQL", "Left Vmail"), ("MAQL", "Attempting Contact")],
        [("MAQL", "Inquiry"), ("LAL", "Inquiry"), ("MQL", "Inquiry")],
        [("Re-Market", "MAQL")],
    ],
    ids=lambda moves: " ".join(f"{old}-{new}".replace(" ", "_") for old, new in moves),
)
def test_leads_move_in_the_past_as_a_company_moves_them(past: "Story", moves: list[tuple[str, str]]) -> None:
    seen = _lead_moves(past)

    assert [move for move in moves if not seen[move]] == []


def test_now_and_then_somebody_reopens_what_was_disqualified(month: "Story") -> None:
    reopened = [c for c in month.truth("Lead", "Status", via=["person"]) if c.old == "Disqualified"]

    assert {c.new for c in reopened} >= {"SQL", "MQL"}


def test_slips_are_taken_back_within_minutes_by_the_same_person(month: "Story") -> None:
    last: dict[str, tuple[object, str, datetime]] = {}
    undone = 0
    for change in month.truth("Lead", "Status", via=["person"]):
        before = last.get(change.id)
        undone += before is not None and before[:2] == (change.new, change.by) and change.at - before[2] < HOUR / 4
        last[change.id] = (change.old, change.by, change.at)

    assert undone


def test_reasons_are_given_forgotten_and_added_later(month: "Story") -> None:
    reasons = {(c.id, c.at): c.new for c in month.truth("Lead", "LeadSync_Recycle_Reason__c")}
    recycled = [(c.id, c.at) for c in month.truth("Lead", "Status", via=["person"]) if c.new == "Re-Market"]
    without = {id_ for id_, at in recycled if (id_, at) not in reasons}

    assert [key for key in recycled if key in reasons]
    assert without
    assert [id_ for id_, at in reasons if id_ in without and (id_, at) not in recycled]


def test_leads_are_converted_with_and_without_deal_into_new_and_known_contacts_and_accounts(month: "Story") -> None:
    converted = [row for row in month.store.rows("Lead") if row["IsConverted"]]
    contacts, accounts = month.store.tables["Contact"].rows, month.store.tables["Account"].rows
    shapes = Counter(
        (
            bool(row["ConvertedOpportunityId"]),
            contacts[row["ConvertedContactId"]]["CreatedDate"] < row["LastModifiedDate"],
            accounts[row["ConvertedAccountId"]]["CreatedDate"] < row["LastModifiedDate"],
        )
        for row in converted
    )

    assert {row["Status"] for row in converted} == {"Closed - Converted", "Converted - SQL"}
    assert {(True, False, False), (False, False, False), (True, False, True), (False, False, True)} <= shapes.keys()
    assert shapes[True, True, True] + shapes[False, True, True] > 0


def test_deals_are_won_and_lost_and_some_have_no_contact_role(month: "Story") -> None:
    stages = Counter(row["StageName"] for row in month.store.rows("Opportunity"))
    with_role = {row["OpportunityId"] for row in month.store.rows("OpportunityContactRole")}

    assert stages["Closed Won"]
    assert stages["Closed Lost"]
    assert stages["Prospecting"]
    assert [row for row in month.store.rows("Opportunity") if row["Id"] not in with_role]


def test_contacts_go_cold_and_warm_up_again_through_answers(past: "Story") -> None:
    cold = {c.id: c.at for c in past.truth("Contact", "Contact_Status__c") if c.new == "Re-Market"}
    answers = [row for row in past.store.rows("CampaignMember") if row["ContactId"] in cold and row["HasResponded"]]

    assert [row for row in answers if row["CreatedDate"] > cold[row["ContactId"]] + 14 * DAY]
    assert [c for c in past.truth("Contact", "Contact_Status__c") if (c.old, c.new) == ("Re-Market", "MQL")]


def test_people_on_a_nurture_list_answer_it(month: "Story") -> None:
    nurture = {row["Id"] for row in month.store.rows("Campaign") if row["Name"].startswith("Nurture - ")}
    members = [row for row in month.store.rows("CampaignMember") if row["CampaignId"] in nurture]

    assert [row for row in members if row["Status"] == "Sent" and not row["HasResponded"]]
    assert [row for row in members if row["HasResponded"]]


def test_a_slow_commit_never_trips_the_world(new_story: "Callable[..., Story]") -> None:
    story = new_story(leads=300, days=60)
    story.store.late_commit = timedelta(minutes=20)
    for _ in range(20 * 48):
        story.live_for(timedelta(minutes=30))
        story.store.settle(story.store.clock.now())

    assert len(story.truth("Lead", "Status", via=["person"])) > 100


def test_rows_are_merged_deleted_and_undeleted(month: "Story") -> None:
    assert [c for c in month.truth("Lead", "MasterRecordId") if c.new]
    assert [c for c in month.truth("Contact", "MasterRecordId") if c.new]
    assert [c for c in month.truth("Lead", "IsDeleted") if c.new is False]
    assert [c for c in month.truth("Lead", "EmailBouncedDate") if c.old is None]
    assert [c for c in month.truth("Lead", "HasOptedOutOfEmail") if c.old is False]


def test_owners_are_changed_by_hand_and_misrouted_leads_are_ticked(month: "Story") -> None:
    owners = [c for c in month.truth("Lead", "OwnerId", via=["person"]) if c.old is not None]

    assert [c for c in owners if c.new != c.by]
    assert month.truth("Lead", "LeadSync_Misrouted__c", via=["person"])


def test_follow_up_is_mostly_in_time_sometimes_late_sometimes_never(month: "Story") -> None:
    given: dict[str, datetime] = {}
    hours: list[float | None] = []
    for change in month.store.truth:
        if change.object == "Lead" and change.field == "Status":
            if change.new == "MAQL" and change.via == "api":
                given[change.id] = change.at
            elif change.id in given and change.via == "person":
                hours.append((change.at - given.pop(change.id)) / HOUR)
    never = [id_ for id_, at in given.items() if month.store.clock.now() - at > 7 * DAY]
    in_time = [h for h in hours if h is not None and h <= 24]

    assert len(in_time) > 20
    assert len(hours) - len(in_time) > 5
    assert never


def test_development_reps_work_what_leadsync_hands_them(new_story: "Callable[..., Story]") -> None:
    story = new_story()
    leads = [story.lead("ada", "MAQL") for _ in range(60)]
    story.live_for(4 * DAY)
    worked = {row["WhoId"] for row in story.store.rows("Task")}

    assert 36 <= sum(lead in worked for lead in leads) < 60
    assert sum(story.store.tables["Lead"].rows[lead]["Status"] != "MAQL" for lead in leads) >= 36


def test_nobody_works_what_lies_with_an_owner_on_paper(new_story: "Callable[..., Story]") -> None:
    story = new_story()
    lead = story.lead("marketing-house", "MAQL")
    story.live_for(5 * DAY)

    assert story.store.tables["Lead"].rows[lead]["Status"] == "MAQL"


def test_a_new_owner_takes_over_and_the_old_one_keeps_off(new_story: "Callable[..., Story]") -> None:
    story = new_story()
    leads = [story.lead("emil", "MQL") for _ in range(12)]
    for lead in leads:
        story.edit("Lead", lead, OwnerId=story.store.user("hugo@acme.example"))
    story.live_for(6 * DAY)
    callers = {row["OwnerId"] for row in story.store.rows("Task") if row["WhoId"] in leads}

    assert story.store.user("hugo@acme.example") in callers
    assert story.store.user("emil@acme.example") not in callers


def test_whoever_is_deactivated_does_nothing_until_he_comes_back(new_story: "Callable[..., Story]") -> None:
    story = new_story(leads=300, days=60)
    ada, mia = story.store.user("ada@acme.example"), story.store.user("mia@acme.example")
    for user in (ada, mia):
        story.edit("User", user, IsActive=False)
    before = len(story.store.truth)
    story.live_for(10 * DAY)
    away = story.store.truth[before:]
    story.edit("User", ada, IsActive=True)
    leads = [story.lead("ada", "MAQL") for _ in range(10)]
    story.live_for(5 * DAY)

    assert len(away) > 100
    assert {ada, mia}.isdisjoint({change.by for change in away})
    assert [row for row in story.store.rows("Task") if row["OwnerId"] == ada and row["WhoId"] in leads]


def test_a_contact_is_worked_by_its_assignee_rather_than_its_owner(new_story: "Callable[..., Story]") -> None:
    story = new_story(leads=200)
    liam, jan = story.store.user("liam@acme.example"), story.store.user("jan@acme.example")
    contacts = [
        row["Id"] for row in story.store.rows("Contact") if row["OwnerId"] != liam and not row["Contact_Status__c"]
    ][:10]
    for contact in contacts:
        story.edit("Contact", contact, Contact_Status__c="MQL", LeadSync_Assignee__c=liam)
    story.live_for(6 * DAY)
    callers = [
        row["OwnerId"] for row in story.store.rows("Task") if row["WhoId"] in contacts and row["CallType"] != "Inbound"
    ]

    assert callers.count(liam) >= 5
    assert jan not in callers


def test_a_task_from_leadsync_pushes_the_rep_and_is_closed_with_the_next_attempt(
    new_story: "Callable[..., Story]",
) -> None:
    story = new_story()
    ada = story.store.user("ada@acme.example")
    leads = [story.lead("ada", "MAQL") for _ in range(15)]
    with story.store.tx(by=story.world.scene.company.users["admin"], via="api") as tx:
        tasks = [
            tx.insert("Task", {"WhoId": lead, "OwnerId": ada, "Subject": "Waits for you", "Status": "Not Started"})
            for lead in leads
        ]
    story.live_for(3 * DAY)

    assert sum(story.store.tables["Task"].rows[task]["IsClosed"] for task in tasks) >= 9


def test_somebody_converted_by_others_goes_on_as_the_contact(new_story: "Callable[..., Story]") -> None:
    story = new_story(leads=400, days=60)
    users = story.world.scene.company.users
    open_leads = [row["Id"] for row in story.store.rows("Lead") if not row["IsConverted"]]
    with story.store.tx(by=users["admin"], via="person") as tx:
        contacts = {tx.convert(lead, owner=users["emil"])["contact"] for lead in open_leads}
    story.live_for(30 * DAY)

    assert [row for row in story.store.rows("CampaignMember") if row["ContactId"] in contacts and not row["LeadId"]]


def test_what_came_due_while_only_time_passed_happens_afterwards(new_story: "Callable[..., Story]") -> None:
    story = new_story()
    story.store.clock.advance((3 * DAY).total_seconds())
    resumed = story.store.clock.now()
    story.world.skip(resumed)
    before = len(story.store.truth)
    story.live_for(DAY)
    acts = story.store.truth[before:]

    assert len(acts) > 20
    assert all(c.at >= resumed for c in acts)


def test_nobody_acts_in_the_past_of_a_reader(new_story: "Callable[..., Story]") -> None:
    story = new_story()
    read_at = story.store.clock.advance((2 * DAY).total_seconds())
    story.store.read(read_at)
    before = len(story.store.truth)
    story.live_for(DAY)

    assert all(c.at >= read_at for c in story.store.truth[before:])


def test_every_user_and_campaign_that_the_mappings_name_exists(past: "Story") -> None:
    names = {"stay in touch", "win back"}
    mappings = Path(__file__).parents[2] / "mappings"
    named = set(
        re.findall(r"[\w-]+@acme\.example", "".join(p.read_text("utf-8") for p in sorted(mappings.glob("*.yaml"))))
    )
    named -= {"marketing-sync@acme.example"}  # a user of the Dynamics org
    users = {row["Username"] for row in past.store.rows("User")}
    queues = {row["Name"] for row in past.store.rows("Group")}

    assert named <= users
    assert {
        f"{name}@acme.example" for name in ("ada", "emil", "nora", "lead-desk", "marketo", "outreach", "autoproc")
    } <= users
    assert {"Unassigned Leads", "Inside Sales Desk", "Data Desk", "Account Check"} <= queues
    assert {f"Nurture - {name}" for name in names} <= {row["Name"] for row in past.store.rows("Campaign")}
    assert "Marketing House" in {row["Name"] for row in past.store.rows("User")}


def test_campaigns_cost_little_some_and_much_and_name_products(past: "Story") -> None:
    campaigns = list(past.store.rows("Campaign"))
    budgets = [row["BudgetedCost"] for row in campaigns]

    assert min(budgets) < 5000
    assert [b for b in budgets if 5000 <= b < 50000]
    assert max(budgets) >= 50000
    for word in ("warehouse", "wms", "fleet", "telematics"):
        assert [row for row in campaigns if word in row["Name"].lower()]


def test_staff_has_managers_zones_and_roles(past: "Story") -> None:
    company, users = past.world.scene.company, past.store.tables["User"].rows
    for user, kind in company.kinds.items():
        if kind in ("ldr", "ae"):
            assert users[users[user]["ManagerId"]]["IsActive"]
            assert all(users[user][field] for field in ("TimeZoneSidKey", "Country", "UserRoleId", "ProfileId"))


def test_titles_come_in_eight_languages_and_names_can_be_mailed() -> None:
    assert set(TITLES) >= {"en", "de", "fr", "es", "pt", "it", "nl", "pl"}
    assert len(CULTURES) >= 10
    for culture in CULTURES:
        for name in (*culture.first, *culture.last):
            assert re.fullmatch(r"[a-z-]+", mailable(name)), name
