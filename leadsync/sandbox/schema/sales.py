"""The objects that sales and marketing work with: people, companies, deals and campaigns."""

from leadsync.sandbox.schema.fields import (
    Field,
    ObjectType,
    day,
    email,
    flag,
    history,
    integer,
    long_text,
    lookup,
    moment,
    money,
    number,
    obj,
    phone,
    picklist,
    text,
    url,
)  # fmt: skip
from leadsync.sandbox.schema.own import LEAD_STATUSES, STAGES, legacy_id, own_fields

_SOURCES = (
    "Web", "Website", "Contact Form", "Trade Show", "Conference", "Webinar", "Phone Inquiry", "Partner Referral",
    "Purchased List", "List Import", "Advertisement", "Employee Referral", "Other",
)  # fmt: skip
_INDUSTRIES = (
    "Manufacturing", "Transportation", "Retail", "Technology", "Healthcare", "Finance", "Education", "Energy",
    "Government", "Consulting", "Construction", "Media", "Other",
)  # fmt: skip
_RATINGS = ("Hot", "Warm", "Cold")
_SALUTATIONS = ("Mr.", "Ms.", "Mrs.", "Dr.", "Prof.", "Mx.")


def _name(label: str) -> Field:
    return Field(
        "Name", label, "string", length=121, nillable=False, createable=False, updateable=False, name_field=True
    )


def _title(length: int = 255) -> Field:
    return Field("Name", "Name", "string", length=length, required=True, nillable=False, name_field=True)


def _address(prefix: str, label: str) -> tuple[Field, ...]:
    return (
        Field(f"{prefix}Street", f"{label}Street", "textarea", length=255),
        text(f"{prefix}City", f"{label}City", 40),
        text(f"{prefix}State", f"{label}State/Province", 80),
        text(f"{prefix}PostalCode", f"{label}Zip/Postal Code", 20),
        text(f"{prefix}Country", f"{label}Country", 80),
    )


def _reachable() -> tuple[Field, ...]:
    return (
        text("LastName", "Last Name", 80, required=True),
        text("FirstName", "First Name", 40),
        picklist("Salutation", "Salutation", _SALUTATIONS),
        _name("Full Name"),
        text("Title", "Title", 128),
        phone("Phone", "Phone"),
        phone("MobilePhone", "Mobile Phone"),
        email("Email", "Email"),
        picklist("LeadSource", "Lead Source", _SOURCES),
        flag("HasOptedOutOfEmail", "Email Opt Out"),
        flag("DoNotCall", "Do Not Call"),
        text("EmailBouncedReason", "Email Bounced Reason"),
        moment("EmailBouncedDate", "Email Bounced Date"),
        day("LastActivityDate", "Last Activity", read_only=True),
        long_text("Description", "Description"),
        lookup("RecordTypeId", "Record Type ID", "RecordType"),
        legacy_id(),
    )


def _merged_into(target: str) -> Field:
    return lookup("MasterRecordId", "Master Record ID", target, read_only=True)


_LEAD = obj(
    "Lead", "Lead", "00Q",
    (
        _merged_into("Lead"),
        *_reachable(),
        text("Company", "Company", 255, required=True),
        *_address("", ""),
        url("Website", "Website"),
        picklist("Status", "Status", LEAD_STATUSES, required=True),
        picklist("Industry", "Industry", _INDUSTRIES),
        picklist("Rating", "Rating", _RATINGS),
        integer("NumberOfEmployees", "Employees"),
        money("AnnualRevenue", "Annual Revenue"),
        flag("IsUnreadByOwner", "Unread By Owner"),
        flag("IsConverted", "Converted", read_only=True),
        day("ConvertedDate", "Converted Date", read_only=True),
        lookup("ConvertedAccountId", "Converted Account ID", "Account", read_only=True),
        lookup("ConvertedContactId", "Converted Contact ID", "Contact", read_only=True),
        lookup("ConvertedOpportunityId", "Converted Opportunity ID", "Opportunity", read_only=True),
        *own_fields(),
    ),
    owned=("Group", "User"),
)  # fmt: skip

_CONTACT = obj(
    "Contact", "Contact", "003",
    (
        _merged_into("Contact"),
        lookup("AccountId", "Account ID", "Account"),
        *_reachable(),
        *_address("Mailing", "Mailing "),
        text("Department", "Department", 80),
        lookup("ReportsToId", "Reports To ID", "Contact"),
        picklist("Contact_Status__c", "Contact Status", STAGES, restricted=True),
        *own_fields(),
    ),
    owned=("User",),
)  # fmt: skip

_ACCOUNT = obj(
    "Account", "Account", "001",
    (
        _merged_into("Account"),
        _title(),
        picklist("Type", "Account Type", ("Prospect", "Customer", "Partner", "Competitor", "Other")),
        lookup("ParentId", "Parent Account ID", "Account"),
        *_address("Billing", "Billing "),
        phone("Phone", "Account Phone"),
        url("Website", "Website"),
        picklist("Industry", "Industry", _INDUSTRIES),
        picklist("Rating", "Account Rating", _RATINGS),
        integer("NumberOfEmployees", "Employees"),
        money("AnnualRevenue", "Annual Revenue"),
        long_text("Description", "Account Description"),
        day("LastActivityDate", "Last Activity", read_only=True),
        legacy_id(),
    ),
    owned=("User",),
)  # fmt: skip

_STAGE_NAMES = (
    "Prospecting", "Qualification", "Needs Analysis", "Value Proposition", "Proposal/Price Quote",
    "Negotiation/Review", "Closed Won", "Closed Lost",
)  # fmt: skip

_OPPORTUNITY = obj(
    "Opportunity", "Opportunity", "006",
    (
        lookup("AccountId", "Account ID", "Account"),
        _title(120),
        picklist("StageName", "Stage", _STAGE_NAMES, required=True),
        money("Amount", "Amount"),
        Field("Probability", "Probability (%)", "percent", precision=3),
        day("CloseDate", "Close Date", required=True),
        picklist("Type", "Opportunity Type", ("New Customer", "Existing Customer - Upgrade")),
        picklist("LeadSource", "Lead Source", _SOURCES),
        lookup("CampaignId", "Campaign ID", "Campaign"),
        lookup("ContactId", "Contact ID", "Contact"),
        long_text("Description", "Description"),
        flag("IsClosed", "Closed", read_only=True),
        flag("IsWon", "Won", read_only=True),
    ),
    plural="Opportunities", owned=("User",),
)  # fmt: skip

_CONTACT_ROLE = obj(
    "OpportunityContactRole", "Opportunity Contact Role", "00K",
    (
        lookup("OpportunityId", "Opportunity ID", "Opportunity", updateable=False, required=True),
        lookup("ContactId", "Contact ID", "Contact", required=True),
        picklist("Role", "Role", ("Decision Maker", "Evaluator", "Economic Buyer", "Business User", "Other")),
        flag("IsPrimary", "Primary"),
    ),
)  # fmt: skip

_CAMPAIGN_TYPES = (
    "Webinar", "Conference", "Trade Show", "Email", "Direct Mail", "Advertisement", "Banner Ads", "Content",
    "Referral Program", "Partners", "Telemarketing", "Public Relations", "List Purchase", "Target List", "Other",
)  # fmt: skip

_CAMPAIGN = obj(
    "Campaign", "Campaign", "701",
    (
        _title(80),
        lookup("ParentId", "Parent Campaign ID", "Campaign"),
        picklist("Type", "Type", _CAMPAIGN_TYPES),
        picklist("Status", "Status", ("Planned", "In Progress", "Completed", "Aborted")),
        flag("IsActive", "Active"),
        day("StartDate", "Start Date"),
        day("EndDate", "End Date"),
        money("BudgetedCost", "Budgeted Cost"),
        money("ActualCost", "Actual Cost"),
        money("ExpectedRevenue", "Expected Revenue"),
        number("NumberSent", "Num Sent"),
        long_text("Description", "Description"),
    ),
    owned=("User",),
)  # fmt: skip

_MEMBER_STATUSES = (
    "Sent", "Responded", "Opened", "Clicked", "Visited", "Downloaded", "Registered", "Attended", "Replied",
    "Demo Request", "Contact Me",
)  # fmt: skip

_CAMPAIGN_MEMBER = obj(
    "CampaignMember", "Campaign Member", "00v",
    (
        lookup("CampaignId", "Campaign ID", "Campaign", updateable=False, required=True),
        lookup("LeadId", "Lead ID", "Lead", updateable=False),
        lookup("ContactId", "Contact ID", "Contact", updateable=False),
        picklist("Status", "Status", _MEMBER_STATUSES),
        flag("HasResponded", "Responded", read_only=True),
        day("FirstRespondedDate", "First Responded Date", read_only=True),
    ),
)  # fmt: skip

SALES: tuple[ObjectType, ...] = (
    _LEAD, _CONTACT, _ACCOUNT, _OPPORTUNITY, _CONTACT_ROLE, _CAMPAIGN, _CAMPAIGN_MEMBER,
    history("LeadHistory", "Lead History", "017", "Lead"),
    history("ContactHistory", "Contact History", "02s", "Contact"),
    obj(
        "LeadStatus", "Lead Status Value", "01J",
        (
            text("MasterLabel", "Master Label"),
            text("ApiName", "API Name"),
            integer("SortOrder", "Sort Order"),
            flag("IsDefault", "Default"),
            flag("IsConverted", "Converted"),
        ),
        writable=False,
    ),
)  # fmt: skip
