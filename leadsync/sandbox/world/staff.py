"""Who works at Acme and what Acme runs, as data: staff, queues, territories as people know them by heart, campaigns, named accounts.

User names, queues and campaigns are those of the sample mappings, so that the mappings fit this company as they stand.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Hire:
    """One line of the staff list; `kind` is what the person does all day."""

    user: str
    name: str
    kind: str
    role: str
    team: str
    manager: str
    zone: str
    country: str


_LDR, _AE, _MANAGER, _MARKETING = "Lead Development", "Account Executive", "Sales Manager", "Marketing"
STAFF: tuple[Hire, ...] = (
    Hire("sam", "Sam Sales", "chief", _MANAGER, "Sales", "", "Europe/Berlin", "Germany"),
    Hire("paula", "Paula Marketing", "chief", _MARKETING, "Marketing", "", "Europe/Berlin", "Germany"),
    Hire("revops", "Rieke Vos", "ops", "Revenue Operations", "Sales", "sam", "Europe/Amsterdam", "Netherlands"),
    Hire("dora", "Dora Lindqvist", "lead", _LDR, "Lead Development", "sam", "Europe/Berlin", "Germany"),
    Hire("ada", "Ada Brenner", "ldr", _LDR, "Lead Development", "dora", "Europe/Berlin", "Germany"),
    Hire("bela", "Bela Kowalczyk", "ldr", _LDR, "Lead Development", "dora", "Europe/Warsaw", "Poland"),
    Hire("carla", "Carla Mendes", "ldr", _LDR, "Lead Development", "dora", "Europe/Lisbon", "Portugal"),
    Hire("greta", "Greta Holm", "lead", _MANAGER, "Sales EMEA", "sam", "Europe/Berlin", "Germany"),
    Hire("emil", "Emil Krause", "ae", _AE, "Sales DACH", "greta", "Europe/Berlin", "Germany"),
    Hire("frieda", "Frieda Bauer", "ae", _AE, "Sales DACH", "greta", "Europe/Berlin", "Germany"),
    Hire("fabian", "Fabian Keller", "ae", _AE, "Sales DACH", "greta", "Europe/Zurich", "Switzerland"),
    Hire("hugo", "Hugo Lambert", "ae", _AE, "Sales EMEA", "greta", "Europe/Paris", "France"),
    Hire("ines", "Ines Duarte", "ae", _AE, "Sales EMEA", "greta", "Europe/Madrid", "Spain"),
    Hire("jan", "Jan Zalewski", "ae", _AE, "Sales EMEA", "greta", "Europe/Warsaw", "Poland"),
    Hire("kate", "Kate Morrison", "lead", _MANAGER, "Sales Americas", "sam", "America/New_York", "United States"),
    Hire("liam", "Liam Harper", "ae", _AE, "Sales Americas", "kate", "America/New_York", "United States"),
    Hire("maria", "Maria Santana", "ae", _AE, "Sales Americas", "kate", "America/Chicago", "United States"),
    Hire("nora", "Nora Winter", "ae", _AE, "Strategic", "kate", "Europe/Berlin", "Germany"),
    Hire("otto", "Otto Reimer", "ae", _AE, "Sales DACH", "greta", "Europe/Berlin", "Germany"),
    Hire("mia", "Mia Feldmann", "marketing", _MARKETING, "Marketing", "paula", "Europe/Berlin", "Germany"),
    Hire("nils", "Nils Aydin", "marketing", _MARKETING, "Marketing", "paula", "Europe/Berlin", "Germany"),
    Hire("lead-desk", "Lead Desk", "placeholder", _LDR, "Lead Development", "dora", "Europe/Berlin", "Germany"),
    Hire("marketing-house", "Marketing House", "placeholder", _MARKETING, "Marketing", "paula", "Europe/Berlin", "Germany"),
    Hire("marketo", "Marketo Sync", "machine", "", "", "", "UTC", ""),
    Hire("pardot", "Pardot Connector", "machine", "", "", "", "UTC", ""),
    Hire("dataloader", "Data Loader", "machine", "", "", "", "UTC", ""),
    Hire("outreach", "Outreach Sync", "machine", "", "", "", "UTC", ""),
    Hire("autoproc", "Automated Process", "machine", "", "", "", "UTC", ""),
)  # fmt: skip


def profile_of(hire: Hire) -> str:
    """Return the profile that somebody of that kind logs in with."""
    if hire.kind == "machine":
        return "Integration User"
    if hire.kind == "ops":
        return "System Administrator"
    return "Marketing User" if hire.role == _MARKETING else "Standard User"


QUEUES = ("Unassigned Leads", "Inside Sales Desk", "Data Desk", "Account Check", "Nurture")
DEVELOPMENT = ("ada", "ada", "bela", "carla")
SALES_BY_COUNTRY = {
    **dict.fromkeys(("DE", "AT", "CH"), ("emil", "frieda", "fabian")),
    **dict.fromkeys(("FR", "NL", "GB"), ("hugo",)),
    **dict.fromkeys(("ES", "IT", "PT"), ("ines",)),
    **dict.fromkeys(("US", "CA", "IN"), ("liam", "liam", "maria")),
    **dict.fromkeys(("MX", "BR"), ("maria",)),
    "PL": ("jan",),
}
LEAVER = "otto"
"""An account executive who leaves while his leads and accounts stay with him."""

CAMPAIGNS: tuple[tuple[str, str, str, int, int], ...] = (
    ("Website forms", "Other", "web", 0, 0),
    ("Warehouse Suite: product tour", "Other", "web", 1200, 900),
    ("WMS buyer's guide", "Content", "content", 3500, 3100),
    ("Telematics white paper", "Content", "content", 6000, 6400),
    ("Webinar: fleet costs under control", "Webinar", "webinar", 5500, 5200),
    ("Webinar: Lager ohne Papier (warehouse)", "Webinar", "webinar", 4000, 4300),
    ("LogiMAT trade fair, warehouse hall", "Trade Show", "event", 80000, 91500),
    ("Transport Logistic fair, fleet stand", "Trade Show", "event", 65000, 61000),
    ("Supply Chain Summit", "Conference", "event", 30000, 28800),
    ("Monthly newsletter", "Email", "email", 800, 750),
    ("Fleet Suite launch mailing", "Email", "email", 5200, 4900),
    ("Fuhrpark letter", "Direct Mail", "email", 9000, 9900),
    ("Search ads: warehouse software", "Advertisement", "ads", 24000, 25500),
    ("Banner: telematics trial", "Banner Ads", "ads", 7000, 6600),
    ("Customers recommend customers", "Referral Program", "referral", 2500, 1800),
    ("Partner days", "Partners", "referral", 15000, 14200),
    ("Autumn call-down", "Telemarketing", "phone", 12000, 12800),
    ("Purchased: European shippers", "List Purchase", "list", 6500, 6500),
    ("Target accounts of the year", "Target List", "list", 0, 0),
    ("Nurture - stay in touch", "Email", "nurture", 1000, 600),
    ("Nurture - win back", "Email", "nurture", 1000, 300),
)
"""Name, type, how it works, what it was to cost and what it cost."""

NAMED_FIRMS: tuple[tuple[str, str, str, int, str, str, str], ...] = (
    ("Initech Inc.", "initech.example", "Manufacturing", 2400, "US", "Prospect", "Hot"),
    ("Hooli Corp.", "hooli.example", "Technology", 8000, "US", "Prospect", "Warm"),
    ("Umbrella plc", "umbrella.example", "Healthcare", 5200, "GB", "Customer", "Hot"),
    ("Globex Corporation", "globex.example", "Manufacturing", 1800, "DE", "Customer", "Warm"),
)
