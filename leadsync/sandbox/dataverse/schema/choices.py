"""Choices: numbers for the values that the store holds as text.

Numbers that Dynamics has out of the box are kept (Microsoft Learn, table references of lead, account, campaign); what
this company added begins at 100000000, as a publisher's own options do. A text that is no option of its own, because
people may type what they like in the store, gets a number made from itself.
"""

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from leadsync.sandbox.schema.own import CONVERTED, LEAD_STATUSES, RECYCLE_REASONS, STAGES

FIRST_OWN = 100_000_000
_FIRST_UNKNOWN = 100_100_000
_UNKNOWN_SPAN = 800_000


@dataclass(frozen=True, slots=True)
class Choice:
    """The options of a choice column. `called` takes the store's word to the label where they differ."""

    name: str
    options: Mapping[int, str]
    called: Mapping[str, str] = field(default_factory=dict)
    stored: Mapping[str, str] = field(default_factory=dict)
    numbers: Mapping[str, int] = field(default_factory=dict)

    def label(self, value: int, seen: Iterable[str] = ()) -> str | None:
        """The label of an option; `seen` are texts of the store that may stand behind a number that is no option."""
        found = self.options.get(value)
        if found is None and value >= _FIRST_UNKNOWN:
            found = next((text for text in seen if _unknown(text) == value), None)
        return found

    def number(self, text: str) -> int:
        """The number of a text of the store."""
        called = self.called.get(text, text)
        found = self.numbers.get(called)
        return _unknown(called) if found is None else found

    def text(self, value: int, seen: Iterable[str] = ()) -> str | None:
        """The text that the store holds for a number, None when there is no such option."""
        label = self.label(value, seen)
        return None if label is None else self.stored.get(label, label)


def _unknown(text: str) -> int:
    return _FIRST_UNKNOWN + zlib.crc32(text.encode()) % _UNKNOWN_SPAN


def choice(
    name: str, standard: Iterable[str | tuple[int, str]] = (), own: Iterable[str] = (), called: Mapping[str, str] | None = None
) -> Choice:  # fmt: skip
    """A choice of standard options (numbered from 1 unless they bring their number) and of the company's own."""
    options: dict[int, str] = {}
    for place, option in enumerate(standard, 1):
        number, label = (place, option) if isinstance(option, str) else option
        options[number] = label
    options.update((FIRST_OWN + place, label) for place, label in enumerate(own))
    called = called or {}
    stored: dict[str, str] = {}
    for text, label in called.items():
        stored.setdefault(label, text)
    return Choice(name, options, called, stored, {label: number for number, label in options.items()})


_NAMED = {
    "Open - Not Contacted": "Open", "Working - Contacted": "Working", "Closed - Not Converted": "Closed",
}  # fmt: skip
LEAD_STATUS = choice(
    "leadsync_leadstatus",
    own=[_NAMED.get(value, value) for value in LEAD_STATUSES if value not in (*CONVERTED, "Marketing Qualified")],
    # MQL itself comes first: what is written is MQL, the older name is only read as it.
    called={"MQL": "MQL", "Marketing Qualified": "MQL", **_NAMED},
)
CONTACT_STATUS = choice("leadsync_contactstatus", own=STAGES)
RECYCLE_REASON = choice("leadsync_recycle_reason", own=RECYCLE_REASONS)

SOURCE = choice(
    "leadsourcecode",
    ("Advertisement", "Employee Referral", "External Referral", "Partner", "Public Relations", "Seminar", "Trade Show",
     "Web", "Word of Mouth", "Other"),
    ("Website", "Contact Form", "Conference", "Webinar", "Phone Inquiry", "Partner Referral", "Purchased List", "List Import",
     "Other List"),
)  # fmt: skip
INDUSTRY = choice(
    "industrycode",
    ("Accounting", "Agriculture and Non-petrol Natural Resource Extraction", "Broadcasting Printing and Publishing", "Brokers",
     "Building Supply Retail", "Business Services", "Consulting", "Consumer Services", "Design, Direction and Creative Management",
     "Distributors, Dispatchers and Processors", "Doctor's Offices and Clinics", "Durable Manufacturing",
     "Eating and Drinking Places", "Entertainment Retail", "Equipment Rental and Leasing", "Financial",
     "Food and Tobacco Processing", "Inbound Capital Intensive Processing", "Inbound Repair and Services", "Insurance",
     "Legal Services", "Non-Durable Merchandise Retail", "Outbound Consumer Service", "Petrochemical Extraction and Distribution",
     "Service Retail", "SIG Affiliations", "Social Services", "Special Outbound Trade Contractors", "Specialty Realty",
     "Transportation", "Utility Creation and Distribution", "Vehicle Retail", "Wholesale"),
    ("Retail", "Technology", "Healthcare", "Education", "Energy", "Government", "Construction", "Media", "Other"),
    {"Manufacturing": "Durable Manufacturing", "Finance": "Financial"},
)  # fmt: skip
QUALITY = choice("leadqualitycode", ("Hot", "Warm", "Cold"))
PRIORITY = choice("prioritycode", ((0, "Low"), (1, "Normal"), (2, "High")))
LEAD_PRIORITY = choice("lead_prioritycode", ("Default Value",))
SALES_STAGE = choice("salesstagecode", ("Default Value",))
FIRST_TALK = choice("initialcommunication", ((0, "Contacted"), (1, "Not Contacted")))
SALUTATION = ("Mr.", "Ms.", "Mrs.", "Dr.", "Prof.", "Mx.")
CUSTOMER_TYPE = choice(
    "customertypecode",
    ("Competitor", "Consultant", "Customer", "Investor", "Partner", "Influencer", "Press", "Prospect", "Reseller", "Supplier",
     "Vendor", "Other"),
)  # fmt: skip
ACCOUNT_CATEGORY = choice(
    "accountcategorycode", ("Preferred Customer", "Standard"), called={"Hot": "Preferred Customer", "Warm": "Standard"}
)
CAMPAIGN_TYPE = choice(
    "typecode", ("Advertisement", "Direct Marketing", "Event", "Co-branding", "Other"),
    ("Webinar", "Conference", "Trade Show", "Email", "Direct Mail", "Banner Ads", "Content", "Referral Program", "Partners",
     "Telemarketing", "Public Relations", "List Purchase", "Target List"),
)  # fmt: skip
RESPONSE = choice("responsecode", ("Interested", "Not Interested", "Do Not Send Marketing Materials", "Error"))
CHANNEL = choice("channeltypecode", ("Email", "Phone", "Fax", "Letter", "Appointment", "Others"))
LIST_OF = choice("createdfromcode", ((1, "Account"), (2, "Contact"), (4, "Lead")))
TEAM_TYPE = choice("teamtype", ((0, "Owner"), (1, "Access"), (2, "AAD Security Group"), (3, "AAD Office Group")))
OPERATION = choice("operation", ((1, "Create"), (2, "Update"), (3, "Delete"), (4, "Access")))
ACTION = choice(
    "action",
    ((1, "Create"), (2, "Update"), (3, "Delete"), (12, "Merge"), (13, "Assign"), (24, "Qualify"), (25, "Disqualify"),
     (41, "Set State")),
)  # fmt: skip
PARTICIPATION = choice(
    "participationtypemask",
    ("Sender", "To Recipient", "CC Recipient", "BCC Recipient", "Required attendee", "Optional attendee", "Organizer",
     "Regarding", "Owner", "Resource", "Customer"),
)  # fmt: skip
