"""Opportunities, campaigns and the answers to them, marketing lists and their members."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, time

from leadsync.sandbox.dataverse.guids import guid_of
from leadsync.sandbox.dataverse.schema import choices
from leadsync.sandbox.dataverse.schema.columns import (
    Collection,
    Reader,
    Reason,
    Ref,
    States,
    Table,
    choice,
    day,
    derived,
    flag,
    key,
    lookup,
    memo,
    money,
    states_of,
    table,
    text,
)
from leadsync.sandbox.dataverse.schema.common import currency, originating_lead, owners, stamps, versioned, whole
from leadsync.sandbox.dataverse.schema.parties import parties_of
from leadsync.sandbox.dataverse.view import LIST_TAGS, View
from leadsync.sandbox.rows import Row, Value

_WON, _LOST = 1, 2
_STAGE_OF_STATE = {_WON: "Closed Won", _LOST: "Closed Lost"}


def _deal_state(row: Row) -> int:
    if not row["IsClosed"]:
        return 0
    return _WON if row["IsWon"] else _LOST


def _set_deal_state(row: Row, state: int) -> Mapping[str, Value]:
    if _deal_state(row) == state:
        return {}
    return {"StageName": _STAGE_OF_STATE.get(state, "Prospecting")}


DEAL_STATES = States(
    {0: "Open", _WON: "Won", _LOST: "Lost"},
    (Reason(1, "In Progress", 0), Reason(2, "On Hold", 0), Reason(3, "Won", _WON), Reason(4, "Canceled", _LOST),
     Reason(5, "Out-Sold", _LOST)),
    {0: 1, _WON: 3, _LOST: 5}, _deal_state, _set_deal_state,
)  # fmt: skip


def _parent_contact(view: View, row: Row) -> Ref | None:
    """The deal's contact; where people use contact roles instead, the one of the first."""
    if row["ContactId"]:
        return view.ref(row["ContactId"])
    roles = [
        role for role in view.holding("OpportunityContactRole", "OpportunityId", row["Id"]) if not role["IsDeleted"]
    ]
    roles.sort(key=lambda role: not role["IsPrimary"])
    return view.ref(roles[0]["ContactId"]) if roles else None


def _customer(view: View, row: Row) -> Ref | None:
    return view.ref(row["AccountId"]) or _parent_contact(view, row)


def _set_customer(view: View, row: Row, value: Value) -> Mapping[str, Value]:
    if value is None:
        return {"AccountId": None}
    return {"AccountId" if value.table == "account" else "ContactId": view.record(value)}


OPPORTUNITY = table(
    "opportunity", "opportunities", "opportunityid", "name", "Opportunity", "Opportunities", 3,
    (
        key("opportunityid", "Opportunity"), text("name", "Topic", "Name", 300, required=True), *stamps(), *owners(),
        versioned("opportunity"), *states_of(DEAL_STATES),
        text("stepname", "Pipeline Phase", "StageName", 200),
        money("estimatedvalue", "Est. Revenue", "Amount"),
        derived("money", "actualvalue", "Actual Revenue", lambda view, row: row["Amount"] if row["IsClosed"] else None,
                write=lambda view, row, value: {"Amount": value}),
        day("estimatedclosedate", "Est. Close Date", "CloseDate"),
        derived("day", "actualclosedate", "Actual Close Date",
                lambda view, row: row["CloseDate"] if row["IsClosed"] else None,
                write=lambda view, row, value: {"CloseDate": value}),
        derived("lookup", "customerid", "Potential Customer", _customer, targets=("account", "contact"),
                navigation={"account": "customerid_account", "contact": "customerid_contact"}, write=_set_customer),
        lookup("parentaccountid", "Account", "account", source="AccountId"),
        derived("lookup", "parentcontactid", "Contact", _parent_contact, targets=("contact",),
                write=lambda view, row, value: {"ContactId": None if value is None else view.record(value)}),
        lookup("campaignid", "Source Campaign", "campaign", source="CampaignId"),
        originating_lead("ConvertedOpportunityId"),
        memo("description", "Description", "Description"), currency(),
    ),
    kind="Opportunity", states=DEAL_STATES, born={"StageName": "Prospecting"},
    collections={"Opportunity_Tasks": Collection("task", "regardingobjectid")},
)  # fmt: skip

CAMPAIGN_STATES = States(
    {0: "Active", 1: "Inactive"},
    (Reason(0, "Proposed", 0), Reason(1, "Ready To Launch", 0), Reason(2, "Launched", 0), Reason(3, "Completed", 1),
     Reason(4, "Canceled", 1), Reason(5, "Suspended", 1)),
    {0: 2, 1: 3}, lambda row: 1 if row["statuscode"] in (3, 4, 5) else 0, lambda row, state: {},
)  # fmt: skip

CAMPAIGN = table(
    "campaign", "campaigns", "campaignid", "name", "Campaign", "Campaigns", 4400,
    (
        key("campaignid", "Campaign"), text("name", "Name", "Name", 128, required=True), *stamps(), *owners(),
        versioned("campaign"), *states_of(CAMPAIGN_STATES),
        choice("typecode", "Campaign Type", choices.CAMPAIGN_TYPE, "Type"),
        text("codename", "Campaign Code", length=32),
        money("budgetedcost", "Budget Allocated", "BudgetedCost"),
        money("totalactualcost", "Total Cost of Campaign", "ActualCost"),
        money("expectedrevenue", "Estimated Revenue", "ExpectedRevenue"),
        day("actualstart", "Actual Start", "StartDate"), day("actualend", "Actual End", "EndDate"),
        memo("description", "Description", "Description"), currency(),
    ),
    kind="Campaign", states=CAMPAIGN_STATES, holds=lambda view, row: row["createdfromcode"] is None,
    collections={"Campaign_CampaignResponses": Collection("campaignresponse", "regardingobjectid")},
)  # fmt: skip

_TRACES = ("Opened", "Clicked")
"""What a mailing counts by itself is no response in Dynamics."""
_PROMOTION = {"Demo Request": "Demo", "Attended": "Webinar"}
_STATUS = {promotion: status for status, promotion in _PROMOTION.items()}
_CHANNEL_OF = {
    "Email": 1, "Direct Mail": 4, "Telemarketing": 2, "Conference": 5, "Trade Show": 5,
}  # fmt: skip
_OTHERS = 6


def _is_response(view: View, row: Row) -> bool:
    return bool(row["HasResponded"]) and row["Status"] not in _TRACES


def _received(view: View, row: Row) -> datetime | None:
    """When the answer came: the store dates the first one only, the truth knows when the status changed."""
    at = row["receivedon"] or view.trail.answered_at.get(row["Id"])
    if at is None:
        first = row["FirstRespondedDate"]
        at = row["CreatedDate"]
        if first is not None and first != at.date():
            at = datetime.combine(first, time(12), tzinfo=UTC)
    found: datetime = whole(at)
    return found


def _channel(view: View, row: Row) -> int:
    if row["channeltypecode"] is not None:
        return int(row["channeltypecode"])
    campaign = view.row("Campaign", row["CampaignId"]) if row["CampaignId"] else None
    return _CHANNEL_OF.get(str(campaign["Type"]), _OTHERS) if campaign else _OTHERS


def _person(view: View, row: Row) -> Row | None:
    if row["ContactId"]:
        return view.row("Contact", row["ContactId"])
    return view.row("Lead", row["LeadId"]) if row["LeadId"] else None


def _of_person(column: str, field: str) -> Reader:
    def read(view: View, row: Row) -> Value:
        person = _person(view, row)
        return row[column] or (person[field] if person else None)

    return read


RESPONSE_STATES = States(
    {0: "Open", 1: "Closed", 2: "Canceled"},
    (Reason(1, "Open", 0), Reason(2, "Closed", 1), Reason(3, "Canceled", 2)),
    {0: 1, 1: 2, 2: 3}, lambda row: {2: 1, 3: 2}.get(row["statuscode"], 0), lambda row, state: {},
)  # fmt: skip

CAMPAIGN_RESPONSE = table(
    "campaignresponse", "campaignresponses", "activityid", "subject", "Campaign Response", "Campaign Responses", 4401,
    (
        key("activityid", "Campaign Response"),
        derived("text", "subject", "Subject", lambda view, row: row["subject"] or row["Status"], length=200,
                write=lambda view, row, value: {"subject": value}),
        *stamps(),
        derived("lookup", "ownerid", "Owner", lambda view, row: row["ownerid"] or view.ref(row["CreatedById"]),
                targets=("systemuser", "team"), write=lambda view, row, value: {"ownerid": value}),
        derived("lookup", "owningbusinessunit", "Owning Business Unit", lambda view, row: view.business_unit,
                targets=("businessunit",)),
        versioned("campaignresponse"), *states_of(RESPONSE_STATES),
        lookup("regardingobjectid", "Parent Campaign", "campaign", source="CampaignId",
               navigation={"campaign": "regardingobjectid_campaign_campaignresponse"}),
        derived("moment", "receivedon", "Received On", _received,
                write=lambda view, row, value: {
                    "receivedon": value, "FirstRespondedDate": None if value is None else value.date()}),
        derived("choice", "responsecode", "Response Code", lambda view, row: row["responsecode"] or 1,
                choice=choices.RESPONSE, write=lambda view, row, value: {"responsecode": value}),
        derived("choice", "channeltypecode", "Channel", _channel, choice=choices.CHANNEL,
                write=lambda view, row, value: {"channeltypecode": value}),
        derived("text", "promotioncodename", "Promotion Code", length=250,
                read=lambda view, row: _PROMOTION.get(row["Status"], row["Status"]),
                write=lambda view, row, value: {"Status": _STATUS.get(value, value) or "Responded"}),
        derived("text", "firstname", "First Name", _of_person("firstname", "FirstName"), length=50,
                write=lambda view, row, value: {"firstname": value}),
        derived("text", "lastname", "Last Name", _of_person("lastname", "LastName"), length=50,
                write=lambda view, row, value: {"lastname": value}),
        derived("text", "emailaddress", "Email", _of_person("emailaddress", "Email"), length=100,
                write=lambda view, row, value: {"emailaddress": value}),
        memo("description", "Description"),
    ),
    kind="CampaignMember", states=RESPONSE_STATES, holds=_is_response, activity=True,
    born={"Status": "Responded", "HasResponded": True},
    collections={"campaignresponse_activity_parties": Collection("activityparty", rows=parties_of)},
)  # fmt: skip

_LIST_TYPES = ("Target List",)
_NURTURE = "Nurture"


def is_list(row: Row) -> bool:
    """Whether a campaign is what Dynamics calls a marketing list: it was made as one, or it only gathers people."""
    named = row["Name"] or ""
    return row["createdfromcode"] is not None or row["Type"] in _LIST_TYPES or named.startswith(_NURTURE)


def _list_variants(row: Row) -> Iterable[Row]:
    """A list is of leads or of contacts, never of both, so a campaign of people is two lists of one name."""
    codes = (row["createdfromcode"],) if row["createdfromcode"] else tuple(LIST_TAGS)
    return (Row({**row, "createdfromcode": code, "tag": LIST_TAGS[code]}) for code in codes if code in LIST_TAGS)


def members_of(view: View, row: Row) -> Iterable[Row]:
    """The members of a list: campaign members of the list's sort of people."""
    field = "LeadId" if row["tag"] == LIST_TAGS[4] else "ContactId"
    for member in view.holding("CampaignMember", "CampaignId", row["Id"]):
        if member[field] and not member["IsDeleted"] and (field == "ContactId" or not member["ContactId"]):
            yield member


def _people(kind: str, field: str) -> Callable[[View, Row], Iterable[Row]]:
    def rows(view: View, row: Row) -> Iterable[Row]:
        return [found for member in members_of(view, row) if (found := view.row(kind, member[field])) is not None]

    return rows


LIST = table(
    "list", "lists", "listid", "listname", "Marketing List", "Marketing Lists", 4300,
    (
        key("listid", "Marketing List"), text("listname", "Name", "Name", 128, required=True), *stamps(), *owners(),
        versioned("list"), *states_of(CAMPAIGN_STATES),
        choice("createdfromcode", "Targeted At", choices.LIST_OF),
        flag("type", "Type"), flag("lockstatus", "Locked"),
        derived("integer", "membercount", "Members Count", lambda view, row: sum(1 for _ in members_of(view, row))),
        memo("description", "Description", "Description"),
    ),
    kind="Campaign", tag=1, states=CAMPAIGN_STATES, holds=lambda view, row: is_list(row), variants=_list_variants,
    born={"Type": "Target List"},
    collections={
        "listlead_association": Collection("lead", rows=_people("Lead", "LeadId")),
        "listcontact_association": Collection("contact", rows=_people("Contact", "ContactId")),
    },
)  # fmt: skip


def _member_list(view: View, row: Row) -> Ref:
    return Ref("list", guid_of(row["CampaignId"], LIST_TAGS[2 if row["ContactId"] else 4]))


def _is_member(view: View, row: Row) -> bool:
    campaign = view.row("Campaign", row["CampaignId"]) if row["CampaignId"] else None
    return campaign is not None and is_list(campaign) and bool(row["LeadId"] or row["ContactId"])


def _set_member(view: View, row: Row, value: Value) -> Mapping[str, Value]:
    return {} if value is None else {"ContactId" if value.table == "contact" else "LeadId": view.record(value)}


LIST_MEMBER = table(
    "listmember", "listmembers", "listmemberid", "", "Marketing List Member", "Marketing List Members", 4301,
    (
        key("listmemberid", "Marketing List Member"),
        derived("lookup", "listid", "Marketing List", _member_list, targets=("list",),
                write=lambda view, row, value: {"CampaignId": None if value is None else view.record(value)}),
        derived("lookup", "entityid", "Member", lambda view, row: view.ref(row["ContactId"] or row["LeadId"]),
                targets=("lead", "contact"), navigation={"lead": "entityid_lead", "contact": "entityid_contact"},
                write=_set_member),
        derived("text", "entitytype", "Entity Type", lambda view, row: "contact" if row["ContactId"] else "lead"),
        *stamps(), versioned("listmember"),
    ),
    kind="CampaignMember", tag=1, holds=_is_member, tracked=False,
)  # fmt: skip

SALES: tuple[Table, ...] = (OPPORTUNITY, CAMPAIGN, CAMPAIGN_RESPONSE, LIST, LIST_MEMBER)
