"""Which rows are touches, whose they are, what they are worth; and how single values read in leadsync's words."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from leadsync.crm.dynamics.metadata import Attribute, Option
from leadsync.crm.dynamics.odata import guid, guids, literal, path
from leadsync.crm.dynamics.stages import StageValues
from leadsync.domain.conditions import Test as Ask
from leadsync.domain.mapping import FieldMapping, TouchMapping, ValueMap
from leadsync.domain.records import Campaign, Record
from leadsync.domain.touches import Touch
from leadsync.errors import ObjectBlocked


@pytest.fixture
def people(org: Any) -> Any:
    """A lead, a contact and a campaign."""

    class People:
        lead = org.leads(1, emailaddress1="lead@navy.example")[0]
        contact = org.put(contact=[{"lastname": "Hopper", "emailaddress1": "grace@navy.example"}])["contact"][0]
        campaign = org.put(campaign=[{"name": "Autumn", "typecode": "Webinar", "budgetedcost": 6000}])["campaign"][0]

    return People


def posted(org: Any, table: str, **fields: Any) -> None:
    org.api("POST", table, fields)


def touches(org: Any, follow: Any, mapping: Any = None) -> list[Touch]:
    found: list[Touch] = follow(org.crm(mapping)).poll().of(Touch)
    return found


def party(table: str, key: str, mask: int) -> dict[str, Any]:
    return {f"partyid_{table[:-1]}@odata.bind": f"/{table}({key})", "participationtypemask": mask}


def test_a_response_of_a_customer_is_a_touch_with_its_worth(org: Any, follow: Any, people: Any) -> None:
    posted(
        org, "campaignresponses", subject="wants a demo", promotioncodename="Demo", channeltypecode=1, responsecode=1,
        receivedon="2026-11-18T09:00:00Z", **{"regardingobjectid_campaign_campaignresponse@odata.bind": f"/campaigns({people.campaign})"},
        campaignresponse_activity_parties=[party("contacts", people.contact, 11)],
    )  # fmt: skip
    (touch,) = touches(org, follow)
    assert (touch.kind, touch.ref.object, touch.ref.id, touch.direction) == (
        "campaign_response",
        "contact",
        people.contact,
        "inbound",
    )
    assert (touch.channel, touch.investment, touch.response, touch.campaign) == (
        "email",
        "medium",
        "demo_request",
        "Autumn",
    )
    assert (touch.at, touch.campaign_id) == (datetime(2026, 11, 18, 9, tzinfo=UTC), people.campaign)
    assert touch.touch_id == f"campaignresponse:{touch.source_id}"


def test_a_response_that_means_no_interest_is_none(org: Any, follow: Any, people: Any) -> None:
    posted(
        org, "campaignresponses", subject="no", responsecode=2, receivedon="2026-11-18T09:00:00Z",
        campaignresponse_activity_parties=[party("contacts", people.contact, 11)],
        **{"regardingobjectid_campaign_campaignresponse@odata.bind": f"/campaigns({people.campaign})"},
    )  # fmt: skip
    assert touches(org, follow) == []


@pytest.mark.parametrize("address", ["grace@navy.example", "GRACE@navy.example"])
def test_a_response_without_a_customer_is_found_by_its_address(
    org: Any, follow: Any, people: Any, address: str
) -> None:
    posted(
        org, "campaignresponses", subject="demo", responsecode=1, receivedon="2026-11-18T09:00:00Z", emailaddress=address,
        **{"regardingobjectid_campaign_campaignresponse@odata.bind": f"/campaigns({people.campaign})"},
    )  # fmt: skip
    (touch,) = touches(org, follow)
    assert touch.ref.id == people.contact


def test_a_response_of_nobody_is_counted(org: Any, follow: Any, people: Any) -> None:
    posted(
        org, "campaignresponses", subject="demo", responsecode=1, receivedon="2026-11-18T09:00:00Z", emailaddress="x@y.example",
        **{"regardingobjectid_campaign_campaignresponse@odata.bind": f"/campaigns({people.campaign})"},
    )  # fmt: skip
    crm = org.crm()
    assert follow(crm).poll().of(Touch) == []
    assert dict(crm.skipped()) == {"campaign_response: nobody of ours is in it": 1}


def call(org: Any, people: Any, *, out: bool, owner: str | None = None, **fields: Any) -> None:
    parties = [party("systemusers", owner or org.admin, 1 if out else 2), party("leads", people.lead, 2 if out else 1)]
    posted(
        org, "phonecalls", subject="call", directioncode=out, phonecall_activity_parties=parties,
        **{"regardingobjectid_lead_phonecall@odata.bind": f"/leads({people.lead})", "actualend": "2026-11-18T09:00:00Z", **fields},
    )  # fmt: skip


def done(org: Any, table: str) -> None:
    for row in org.api("GET", f"{table}?$select=activityid")["value"]:
        reason = {"tasks": 5, "phonecalls": 2, "emails": 2}[table]
        org.api("PATCH", f"{table}({row['activityid']})", {"statecode": 1, "statuscode": reason}, **{"If-Match": "*"})


def test_a_call_counts_when_it_is_done_and_by_its_direction(org: Any, follow: Any, people: Any) -> None:
    call(org, people, out=False)
    follower = follow(org.crm())
    assert follower.poll().of(Touch) == []
    done(org, "phonecalls")
    (touch,) = follower.poll().of(Touch)
    assert (touch.kind, touch.direction, touch.ref.id, touch.response) == ("call_in", "inbound", people.lead, "replied")


def test_a_deleted_activity_is_taken_back(org: Any, follow: Any, people: Any) -> None:
    call(org, people, out=False)
    done(org, "phonecalls")
    follower = follow(org.crm())
    (touch,) = follower.poll().of(Touch)
    org.api("DELETE", f"phonecalls({touch.source_id})")
    (gone,) = follower.poll().of(Touch)
    assert (gone.touch_id, gone.retracted) == (touch.touch_id, True)


def test_follow_up_that_only_an_integration_entered_does_not_count(
    org: Any, follow: Any, people: Any, mapping: Any
) -> None:
    owner = org.admin
    task = {
        "subject": "Call", "category": "Call", "actualend": "2026-11-18T09:00:00Z",
        "regardingobjectid_lead_task@odata.bind": f"/leads({people.lead})", "ownerid_task@odata.bind": f"/systemusers({owner})",
    }  # fmt: skip
    posted(org, "tasks", **task)
    done(org, "tasks")
    me = org.api("GET", f"systemusers({org.crm().connect().user_id})?$select=domainname")["domainname"]
    machines = mapping(actors={**mapping().actors, "automation": Ask("user", "equals", me)})
    people_only = org.crm(machines)
    assert follow(people_only).poll().of(Touch) == []
    assert dict(people_only.skipped()) == {"follow_up_task: entered by an integration": 1}
    (touch,) = touches(org, follow, replace(machines, cadence_users=(me,)))
    assert (touch.kind, touch.direction, touch.actor_id) == ("follow_up_task", "outbound", owner)


def test_an_email_to_several_is_a_touch_of_each(org: Any, follow: Any, people: Any) -> None:
    parties = [party("systemusers", org.admin, 2), party("leads", people.lead, 1), party("contacts", people.contact, 1)]
    posted(
        org,
        "emails",
        subject="re: pumps",
        directioncode=False,
        actualend="2026-11-18T09:00:00Z",
        email_activity_parties=parties,
    )
    done(org, "emails")
    found = touches(org, follow)
    assert {touch.ref.id for touch in found} == {people.lead, people.contact}
    assert len({touch.touch_id for touch in found}) == 2
    assert {touch.source_id for touch in found} == {found[0].source_id}


def test_numbers_mean_what_labels_mean(org: Any, follow: Any, people: Any, mapping: Any) -> None:
    by_number = [
        replace(touch, when=Ask("statecode", "equals", 1), channel=ValueMap(("prioritycode",), {"2": "phone"}))
        for touch in mapping().touches
        if touch.kind == "call_in"
    ]
    call(org, people, out=False, prioritycode=2)
    done(org, "phonecalls")
    (touch,) = touches(org, follow, mapping(touches=tuple(by_number)))
    assert touch.channel == "phone"


def test_a_table_of_ones_own_with_a_lookup_will_do(org: Any, follow: Any, people: Any, mapping: Any) -> None:
    own = TouchMapping(
        "deal", "opportunity", "inbound", person=("parentcontactid",), at=("createdon",), channel=ValueMap(None, literal="web"),
        investment=ValueMap(None, literal="low"), response=ValueMap(None, literal="replied"),
    )  # fmt: skip
    org.put(opportunity=[{"name": "Compiler", "parentcontactid": people.contact}])
    (touch,) = touches(org, follow, mapping(touches=(own,)))
    assert (touch.ref.object, touch.ref.id) == ("contact", people.contact)


def test_campaigns_are_read_by_label(org: Any, follow: Any, people: Any) -> None:
    (one,) = [row for row in follow(org.crm()).poll().of(Campaign) if row.id == people.campaign]
    assert (one.name, one.type) == ("Autumn", "Webinar")


def test_scope_and_values_go_by_leadsyncs_names(org: Any, follow: Any, mapped: Any, mapping: Any) -> None:
    fields = {
        **mapping().objects["lead"].fields,
        "industry": FieldMapping("industry", ("industrycode",), values={"12": "Making things"}),
    }
    inside, outside = (
        org.leads(1, leadsourcecode=source, industrycode="Durable Manufacturing")[0] for source in ("Web", "Partner")
    )
    found = follow(org.crm(mapped("lead", fields=fields, scope=Ask("source", "equals", "web")))).poll()
    records = {row.ref.id: row for row in found.of(Record)}
    assert {key: row.state for key, row in records.items()} == {inside: "live", outside: "out_of_scope"}
    assert records[inside].fields["industry"] == "Making things"


def test_a_deactivated_contact_leaves_scope_and_comes_back(org: Any, follow: Any, people: Any) -> None:
    follower = follow(org.crm())
    follower.poll()
    states = []
    for state, reason in ((1, 2), (0, 1)):
        org.api("PATCH", f"contacts({people.contact})", {"statecode": state, "statuscode": reason}, **{"If-Match": "*"})
        states += [row.state for row in follower.poll().of(Record)]
    assert states == ["out_of_scope", "live"]


# Single values

STATES = Attribute(
    "statecode", "StateCode", "State", True, options={0: Option(0, "Open"), 2: Option(2, "Disqualified")}
)
REASONS = Attribute(
    "statuscode", "StatusCode", "Status", True, options={1: Option(1, "New", 0), 4: Option(4, "Lost", 2), 100000001: Option(100000001, "MQL", 0)}
)  # fmt: skip
CHOICE = Attribute(
    "leadsync_leadstatus", "leadsync_LeadStatus", "Picklist", True, options={7: Option(7, "MQL"), 8: Option(8, "SAL")}
)


@pytest.mark.parametrize(
    ("known", "cell", "text"),
    [
        (("Open/MQL",), 100000001, "Open/MQL"), (("MQL",), 100000001, "MQL"), (("100000001",), 100000001, "100000001"),
        (("open/mql",), 100000001, "open/mql"), ((), 100000001, "MQL"), (("Open/New",), 1, "Open/New"), ((), 99, "99"), ((), None, None),
        (("0/1",), 1, "0/1"),
    ],
)  # fmt: skip
def test_a_status_reason_reads_as_the_mapping_spells_it(known: tuple[str, ...], cell: Any, text: str | None) -> None:
    assert StageValues(known, REASONS, STATES).text(cell) == text


@pytest.mark.parametrize(
    ("value", "native"),
    [("Open/MQL", {"statecode": 0, "statuscode": 100000001}), ("MQL", {"statecode": 0, "statuscode": 100000001}),
     ("Disqualified/Lost", None), ("Nothing", None), (None, None)],
)  # fmt: skip
def test_a_status_reason_is_written_with_its_state(value: str | None, native: Any) -> None:
    assert StageValues((), REASONS, STATES).native(value) == native


def test_a_choice_of_its_own_is_written_alone_and_may_be_emptied() -> None:
    values = StageValues(("MQL", "SAL"), CHOICE, STATES)
    assert (values.native("SAL"), values.native("8"), values.native(None)) == (
        {"leadsync_leadstatus": 8}, {"leadsync_leadstatus": 8}, {"leadsync_leadstatus": None},
    )  # fmt: skip
    assert StageValues((), replace(CHOICE, options={}), None).native("anything") == {"leadsync_leadstatus": "anything"}


def test_a_lookup_goes_by_other_names_than_its_own() -> None:
    owner = Attribute("ownerid", "OwnerId", "Owner", True)
    own = Attribute("acme_partner", "acme_Partner", "Lookup", True)
    assert (owner.wire, owner.navigation, own.wire, own.navigation) == (
        "_ownerid_value",
        "ownerid",
        "_acme_partner_value",
        "acme_Partner",
    )


def test_values_in_queries_cannot_break_out_of_them() -> None:
    assert literal("O'Neil' or 1 eq 1") == "'O''Neil'' or 1 eq 1'"
    assert (
        path("lists", (), f"listname eq {literal('a&b=c#d+é')}")
        == "lists?$filter=listname%20eq%20'a%26b%3Dc%23d%2B%C3%A9'"
    )
    assert guids(["{A7714E60-9FD9-EE11-904C-000D3A2B1C33}", "a7714e60-9fd9-ee11-904c-000d3a2b1c33", "1 or 1 eq 1"]) == [
        "a7714e60-9fd9-ee11-904c-000d3a2b1c33"
    ]
    assert guid("leads") is None
    with pytest.raises(ObjectBlocked):
        path("leads", ("name) or (1",))
