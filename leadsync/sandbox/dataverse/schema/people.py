"""Lead, contact and account."""

from collections.abc import Mapping

from leadsync.sandbox.dataverse.schema import choices
from leadsync.sandbox.dataverse.schema.columns import (
    Collection,
    Column,
    Reason,
    Ref,
    States,
    Table,
    choice,
    day,
    derived,
    flag,
    integer,
    key,
    lookup,
    memo,
    money,
    states_of,
    table,
    text,
)
from leadsync.sandbox.dataverse.schema.common import (
    address,
    currency,
    originating_lead,
    own,
    owners,
    stamps,
    versioned,
)
from leadsync.sandbox.dataverse.view import View, is_merged
from leadsync.sandbox.rows import Row, Value
from leadsync.sandbox.schema.own import CONVERTED

OPEN, QUALIFIED, DISQUALIFIED = 0, 1, 2
LOST_REASONS = (4, 5, 6, 7)


def _lead_state(row: Row) -> int:
    if row["IsConverted"]:
        return QUALIFIED
    # Which state the loser of a merge gets is not documented; this one is assumed.
    return DISQUALIFIED if row["statuscode"] in LOST_REASONS or is_merged(row) else OPEN


def _set_lead_state(row: Row, state: int) -> Mapping[str, Value]:
    """Qualified by hand makes no contact; reopened, a lead keeps what came of its qualification."""
    return {"IsConverted": state == QUALIFIED} if bool(row["IsConverted"]) != (state == QUALIFIED) else {}


LEAD_STATES = States(
    {OPEN: "Open", QUALIFIED: "Qualified", DISQUALIFIED: "Disqualified"},
    (
        Reason(1, "New", OPEN), Reason(2, "Contacted", OPEN), Reason(3, "Qualified", QUALIFIED),
        Reason(4, "Lost", DISQUALIFIED), Reason(5, "Cannot Contact", DISQUALIFIED),
        Reason(6, "No Longer Interested", DISQUALIFIED), Reason(7, "Canceled", DISQUALIFIED),
    ),
    {OPEN: 1, QUALIFIED: 3, DISQUALIFIED: 4}, _lead_state, _set_lead_state,
)  # fmt: skip

ACTIVE_OR_NOT = States(
    {0: "Active", 1: "Inactive"},
    (Reason(1, "Active", 0), Reason(2, "Inactive", 1)),
    {0: 1, 1: 2},
    lambda row: 1 if row["statuscode"] == 2 or is_merged(row) else 0,
    lambda row, state: {},
)


def _stage(view: View, row: Row) -> int | None:
    """The stage; qualification leaves the choice as it was, while the store's status takes a converted value."""
    status = row["Status"]
    if row["IsConverted"] and status in CONVERTED:
        status = view.trail.stage_before.get(row["Id"])
    return None if status is None else choices.LEAD_STATUS.number(status)


def _set_stage(view: View, row: Row, value: Value) -> Mapping[str, Value]:
    if value is None:
        return {"Status": None}
    texts = (other["Status"] for other in view.rows(view.tables["lead"]) if other["Status"])
    return {"Status": choices.LEAD_STATUS.text(value, texts)}


def _merged(kind: str, table_name: str) -> tuple[Column, ...]:
    return (
        derived("flag", "merged", "Merged", lambda view, row: is_merged(row)),
        derived(
            "lookup", "masterid", "Master ID", lambda view, row: view.ref(row["MasterRecordId"]) if is_merged(row) else None,
            targets=(table_name,), source="MasterRecordId",
        ),
    )  # fmt: skip


def _person() -> tuple[Column, ...]:
    return (
        text("firstname", "First Name", "FirstName", 50),
        text("lastname", "Last Name", "LastName", 50, required=True),
        derived("text", "fullname", "Full Name", lambda view, row: row["Name"], source="Name", length=160),
        text("salutation", "Salutation", "Salutation", 100),
        text("jobtitle", "Job Title", "Title", 100),
        text("emailaddress1", "Email", "Email"),
        text("telephone1", "Business Phone", "Phone", 50),
        text("mobilephone", "Mobile Phone", "MobilePhone", 20),
        choice("leadsourcecode", "Lead Source", choices.SOURCE, "LeadSource"),
        flag("donotbulkemail", "Do not allow Bulk Emails", "HasOptedOutOfEmail"),
        flag("donotemail", "Do not allow Emails"),
        flag("donotphone", "Do not allow Phone Calls", "DoNotCall"),
        memo("description", "Description", "Description"),
    )


def _activities(prefix: str) -> dict[str, Collection]:
    return {
        f"{prefix}_Tasks": Collection("task", "regardingobjectid"),
        f"{prefix}_Phonecalls": Collection("phonecall", "regardingobjectid"),
        f"{prefix}_Emails": Collection("email", "regardingobjectid"),
        f"{prefix}_Appointments": Collection("appointment", "regardingobjectid"),
    }


def _parent(stored: str, extra: str) -> "Column":
    """Where a qualification led, or what was linked by hand before."""
    target = extra.removeprefix("parent").removesuffix("id")

    def read(view: View, row: Row) -> Ref | None:
        return view.ref(row[stored]) or row[extra]

    return derived(
        "lookup", extra, f"Parent {target.title()} for lead", read, targets=(target,),
        write=lambda view, row, value: {extra: value},
    )  # fmt: skip


def _customer(view: View, row: Row) -> Ref | None:
    return view.ref(row["ConvertedAccountId"]) or view.ref(row["ConvertedContactId"])


LEAD = table(
    "lead", "leads", "leadid", "fullname", "Lead", "Leads", 4,
    (
        key("leadid", "Lead"), *_person(), *stamps(), *owners(), versioned("lead"), *states_of(LEAD_STATES),
        text("subject", "Topic", length=300),
        text("companyname", "Company Name", "Company"),
        text("websiteurl", "Website", "Website", 200),
        choice("industrycode", "Industry", choices.INDUSTRY, "Industry"),
        integer("numberofemployees", "No. of Employees", "NumberOfEmployees", 1_000_000),
        money("revenue", "Annual Revenue", "AnnualRevenue"),
        *address(""),
        choice("leadqualitycode", "Rating", choices.QUALITY, "Rating"),
        choice("prioritycode", "Priority", choices.LEAD_PRIORITY),
        choice("salesstagecode", "Sales Stage Code", choices.SALES_STAGE),
        choice("initialcommunication", "Initial Communication", choices.FIRST_TALK),
        money("estimatedamount", "Est. Value"), day("estimatedclosedate", "Est. Close Date"), currency(),
        _parent("ConvertedAccountId", "parentaccountid"), _parent("ConvertedContactId", "parentcontactid"),
        derived("lookup", "qualifyingopportunityid", "Qualifying Opportunity",
                lambda view, row: view.ref(row["ConvertedOpportunityId"]), targets=("opportunity",)),
        derived("lookup", "customerid", "Customer", _customer, targets=("account", "contact"),
                navigation={"account": "customerid_account", "contact": "customerid_contact"}),
        lookup("campaignid", "Source Campaign", "campaign"),
        *_merged("Lead", "lead"),
        derived("choice", "leadsync_leadstatus", "Lead Status", _stage, source="Status", choice=choices.LEAD_STATUS,
                write=_set_stage),
        *own(),
    ),
    kind="Lead", states=LEAD_STATES, keys={"acme_legacyid_key": ("acme_legacyid",)}, collections=_activities("Lead"),
)  # fmt: skip

CONTACT = table(
    "contact", "contacts", "contactid", "fullname", "Contact", "Contacts", 2,
    (
        key("contactid", "Contact"), *_person(), *stamps(), *owners(), versioned("contact"), *states_of(ACTIVE_OR_NOT),
        *address("Mailing"),
        text("department", "Department", "Department"),
        lookup("parentcustomerid", "Company Name", "account", source="AccountId",
               navigation={"account": "parentcustomerid_account"}),
        derived("lookup", "accountid", "Account", lambda view, row: view.ref(row["AccountId"]), targets=("account",)),
        lookup("parentcontactid", "Manager", "contact", source="ReportsToId"),
        originating_lead("ConvertedContactId"),
        day("birthdate", "Birthday"), day("anniversary", "Anniversary"), currency(),
        *_merged("Contact", "contact"),
        choice("leadsync_contactstatus", "Contact Status", choices.CONTACT_STATUS, "Contact_Status__c"),
        *own(),
    ),
    kind="Contact", states=ACTIVE_OR_NOT, keys={"acme_legacyid_key": ("acme_legacyid",)}, collections=_activities("Contact"),
)  # fmt: skip

ACCOUNT = table(
    "account", "accounts", "accountid", "name", "Account", "Accounts", 1,
    (
        key("accountid", "Account"), text("name", "Account Name", "Name", 160, required=True), *stamps(), *owners(),
        versioned("account"), *states_of(ACTIVE_OR_NOT), *address("Billing"),
        text("telephone1", "Main Phone", "Phone", 50),
        text("emailaddress1", "Email"),
        text("accountnumber", "Account Number", length=20),
        text("websiteurl", "Website", "Website", 200),
        choice("industrycode", "Industry", choices.INDUSTRY, "Industry"),
        integer("numberofemployees", "Number of Employees", "NumberOfEmployees", 1_000_000_000),
        money("revenue", "Annual Revenue", "AnnualRevenue"),
        choice("customertypecode", "Relationship Type", choices.CUSTOMER_TYPE, "Type"),
        choice("accountcategorycode", "Category", choices.ACCOUNT_CATEGORY, "Rating"),
        lookup("parentaccountid", "Parent Account", "account", source="ParentId"),
        lookup("primarycontactid", "Primary Contact", "contact"),
        originating_lead("ConvertedAccountId"),
        memo("description", "Description", "Description"), currency(),
        *_merged("Account", "account"),
        text("acme_legacyid", "Legacy ID", "Legacy_Id__c", 64),
    ),
    kind="Account", states=ACTIVE_OR_NOT, keys={"acme_legacyid_key": ("acme_legacyid",)},
    collections={
        **_activities("Account"), "contact_customer_accounts": Collection("contact", "parentcustomerid"),
        "opportunity_customer_accounts": Collection("opportunity", "parentaccountid"),
    },
)  # fmt: skip

PEOPLE: tuple[Table, ...] = (LEAD, CONTACT, ACCOUNT)
