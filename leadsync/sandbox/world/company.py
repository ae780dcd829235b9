"""Acme itself: its people with managers, roles, zones and absences, its queues, accounts, and campaigns. Founding writes them into
the store long before the first lead arrives and answers with the ids that everybody else in the world needs.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from random import Random
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from leadsync.sandbox.world.desks import Desk
from leadsync.sandbox.world.names import COMPANY_STEMS, COMPANY_TRADES, CULTURES, Culture, mailable
from leadsync.sandbox.world.staff import (
    CAMPAIGNS,
    DEVELOPMENT,
    LEAVER,
    NAMED_FIRMS,
    QUEUES,
    SALES_BY_COUNTRY,
    STAFF,
    Hire,
    profile_of,
)

if TYPE_CHECKING:
    from leadsync.sandbox.store import Store
    from leadsync.sandbox.transaction import Tx


@dataclass(frozen=True, slots=True)
class Firm:
    id: str
    name: str
    domain: str
    industry: str
    employees: int
    culture: Culture
    owner: str


@dataclass(frozen=True, slots=True)
class Drive:
    """A campaign as marketing runs it; `kind` picks what people do in it."""

    id: str
    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Habits:
    """How somebody works: a factor on every wait, and the shares that come late or never."""

    pace: float
    late: float
    forgets: float


@dataclass(slots=True)
class Company:
    users: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    """What each user does; "gone" for whoever was deactivated."""
    hired_as: dict[str, str] = field(default_factory=dict)
    desks: dict[str, Desk] = field(default_factory=dict)
    habits: dict[str, Habits] = field(default_factory=dict)
    queues: dict[str, str] = field(default_factory=dict)
    firms: list[Firm] = field(default_factory=list)
    by_domain: dict[str, Firm] = field(default_factory=dict)
    drives: dict[str, list[Drive]] = field(default_factory=dict)

    def seller(self, country: str, turn: int) -> str:
        """Return the user id of the account executive who would get a lead from there by hand."""
        names = SALES_BY_COUNTRY.get(country, ("emil", "hugo", "liam"))
        return self.users[names[turn % len(names)]]


def found_company(store: "Store", rng: Random, *, founded: datetime, start: datetime, leads: int) -> Company:
    """Write the company into the store and return it; what already stands there under the same name is used."""
    company = Company()
    admin = _insider(store, "System Administrator")
    with store.tx(by=admin, via="world", at=founded) as tx:
        profiles = {str(row["Name"]): str(row["Id"]) for row in store.rows("Profile")}
        for profile in sorted({profile_of(hire) for hire in STAFF} - profiles.keys()):
            profiles[profile] = tx.insert("Profile", {"Name": profile, "UserType": "Standard"})
        roles = {str(row["Name"]): str(row["Id"]) for row in store.rows("UserRole")}
        for role in sorted({hire.role for hire in STAFF if hire.role} - roles.keys()):
            roles[role] = tx.insert("UserRole", {"Name": role, "DeveloperName": role.replace(" ", "_")})
        known = {str(row["Username"]): str(row["Id"]) for row in store.rows("User")}
        for hire in STAFF:
            username = f"{hire.user}@acme.example"
            id_ = known.get(username)
            if id_ is None:
                first, _, last = hire.name.rpartition(" ")
                id_ = tx.insert(
                    "User",
                    {
                        "Username": username,
                        "Email": username,
                        "FirstName": first or None,
                        "LastName": last,
                        "Name": hire.name,
                        "IsActive": True,
                        "ManagerId": company.users.get(hire.manager),
                        "ProfileId": profiles[profile_of(hire)],
                        "UserRoleId": roles.get(hire.role),
                        "TimeZoneSidKey": hire.zone,
                        "Country": hire.country or None,
                        "Department": hire.team or None,
                        "UserType": "AutomatedProcess" if hire.user == "autoproc" else "Standard",
                    },
                )
            company.users[hire.user] = id_
            company.kinds[id_] = company.hired_as[id_] = hire.kind
            company.desks[id_] = _desk(hire, rng, founded, start)
            company.habits[id_] = Habits(rng.uniform(0.6, 1.3), rng.uniform(0.06, 0.2), rng.uniform(0.03, 0.12))
        company.users["admin"] = admin
        _found_queues(store, tx, company)
    with store.tx(by=company.users["revops"], via="world", at=founded + timedelta(days=1)) as tx:
        _found_accounts(tx, company, rng, leads)
    with store.tx(by=company.users["mia"], via="world", at=founded + timedelta(days=2)) as tx:
        _found_campaigns(tx, company, start)
    return company


def _insider(store: "Store", profile: str) -> str:
    wanted = {str(row["Id"]) for row in store.rows("Profile") if row["Name"] == profile}
    for row in store.rows("User"):
        if row["ProfileId"] in wanted:
            return str(row["Id"])
    raise LookupError(f"the store has no user with the profile {profile}")


def _desk(hire: Hire, rng: Random, founded: datetime, start: datetime) -> Desk:
    days, opens, closes = frozenset(range(5)), time(8, 40), time(17, 40)
    if hire.user == "jan":
        days, opens, closes = frozenset(range(3)), time(9), time(15)
    away: list[tuple[date, date]] = []
    day = founded.date() + timedelta(days=rng.randrange(20, 90))
    while day < start.date() + timedelta(days=366):
        away.append((day, day + timedelta(days=rng.choice((1, 4, 4, 6, 11)))))
        day += timedelta(days=rng.randrange(50, 110))
    if hire.user == "carla":
        away.append((date(2026, 12, 21), date(2027, 1, 2)))
    return Desk(ZoneInfo(hire.zone), opens, closes, days, tuple(away))


def _found_queues(store: "Store", tx: "Tx", company: Company) -> None:
    company.queues.update({str(row["Name"]): str(row["Id"]) for row in store.rows("Group") if row["Type"] == "Queue"})
    for name in QUEUES:
        if name not in company.queues:
            fields = {"Name": name, "DeveloperName": name.replace(" ", "_"), "Type": "Queue"}
            company.queues[name] = tx.insert("Group", fields)
    for user in sorted(set(DEVELOPMENT)):
        tx.insert("GroupMember", {"GroupId": company.queues["Inside Sales Desk"], "UserOrGroupId": company.users[user]})
    for queue, user in (
        ("Data Desk", "revops"),
        ("Data Desk", "mia"),
        ("Unassigned Leads", "dora"),
        ("Account Check", "greta"),
    ):
        tx.insert("GroupMember", {"GroupId": company.queues[queue], "UserOrGroupId": company.users[user]})
    rights = tx.insert("PermissionSet", {"Name": "LeadSync_Ops", "Label": "LeadSync Ops"})
    tx.insert("PermissionSetAssignment", {"PermissionSetId": rights, "AssigneeId": company.users["revops"]})


def _found_accounts(tx: "Tx", company: Company, rng: Random, leads: int) -> None:
    cultures = {culture.code: culture for culture in CULTURES}
    for index, (name, domain, industry, employees, code, type_, rating) in enumerate(NAMED_FIRMS):
        owner = company.users["nora"] if index % 2 == 0 else company.seller(code, index)
        _add_firm(
            tx, company, name=name, domain=domain, industry=industry, employees=employees, culture=cultures[code],
            type_=type_, rating=rating, owner=owner,
        )  # fmt: skip
    names = [(stem, trade) for stem in COMPANY_STEMS for trade in COMPANY_TRADES]
    rng.shuffle(names)
    for index, (stem, (trade, industry)) in enumerate(names[: 40 + min(360, leads // 12)]):
        culture = draw_culture(rng)
        name = f"{stem} {trade} {rng.choice(culture.forms)}"
        domain = f"{mailable(stem)}-{mailable(trade)}.example"
        type_ = rng.choice(("Prospect", "Prospect", "Customer", "Partner", "Other"))
        rating = rng.choice(("Hot", "Warm", "Warm", "Cold", "Cold", ""))
        owner = company.users[LEAVER] if rng.random() < 0.04 else company.seller(culture.code, index)
        _add_firm(
            tx, company, name=name, domain=domain, industry=industry, employees=draw_employees(rng), culture=culture,
            type_=type_, rating=rating, owner=owner,
        )  # fmt: skip
        if index % 40 == 7:
            # The same company twice, as in every CRM: whose the lead is cannot be told.
            _add_firm(
                tx, company, name=f"{stem} {trade}", domain=domain, industry=industry, employees=draw_employees(rng),
                culture=culture, type_="Prospect", rating="", owner=company.seller(culture.code, index + 1),
            )  # fmt: skip


def _add_firm(
    tx: "Tx", company: Company, *, name: str, domain: str, industry: str, employees: int, culture: Culture, type_: str, rating: str,
    owner: str,
) -> None:  # fmt: skip
    town, region, postal = culture.towns[employees % len(culture.towns)]
    fields = {
        "Name": name,
        "Website": f"https://www.{domain}",
        "Industry": industry,
        "NumberOfEmployees": employees,
        "Type": type_,
        "Rating": rating or None,
        "OwnerId": owner,
        "BillingCountry": culture.country,
        "BillingState": region or None,
        "BillingCity": town,
        "BillingPostalCode": postal,
    }
    firm = Firm(tx.insert("Account", fields), name, domain, industry, employees, culture, owner)
    company.firms.append(firm)
    company.by_domain[domain] = firm


def _found_campaigns(tx: "Tx", company: Company, start: datetime) -> None:
    for name, type_, kind, budget, cost in CAMPAIGNS:
        fields = {
            "Name": name,
            "Type": type_,
            "Status": "In Progress",
            "IsActive": True,
            "BudgetedCost": float(budget),
            "ActualCost": float(cost),
            "StartDate": (start - timedelta(days=120)).date(),
            "OwnerId": company.users["mia"],
        }
        company.drives.setdefault(kind, []).append(Drive(tx.insert("Campaign", fields), name, kind))


def draw_culture(rng: Random) -> Culture:
    """Return a country by how many of the company's prospects live there."""
    return rng.choices(CULTURES, weights=[culture.weight for culture in CULTURES])[0]


def draw_employees(rng: Random) -> int:
    """Return a plausible head count: many small firms, few giants."""
    return rng.choice((8, 24, 60, 120, 180, 240, 380, 520, 750, 900, 1300, 2800, 6500)) + rng.randrange(7)
