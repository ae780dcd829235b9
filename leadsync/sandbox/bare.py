"""N plain rows without lives, half leads and half contacts, for load tests: realistic columns, made in seconds.

They are written into the tables directly: no history, no truth, stamps spread evenly over the past days.
"""

from datetime import datetime, timedelta
from random import Random
from sys import intern

from leadsync.sandbox.founding import Basics
from leadsync.sandbox.rows import Row
from leadsync.sandbox.schema import OBJECTS
from leadsync.sandbox.schema.own import STAGES
from leadsync.sandbox.store import Store

_FIRST = ("Anna", "Ben", "Chloe", "Daan", "Elif", "Farid", "Giulia", "Hana", "Ivan", "Joana", "Karl", "Lucía")
_LAST = ("Abel", "Brandt", "Costa", "Dupont", "Eriksen", "Fischer", "García", "Hansen", "Ito", "Janssen", "Kowalski")
_TITLES = ("Head of Logistics", "Geschäftsführer", "Directeur achats", "Operations Manager", "CFO", "Gerente de TI")
_FIRMS = ("Initech", "Hooli", "Umbrella", "Globex", "Stark", "Wayne", "Wonka", "Tyrell", "Soylent", "Vehement")
_PLACES = (("Germany", "Hamburg", "20095"), ("France", "Lyon", "69002"), ("United States", "Austin", "73301"),
           ("Poland", "Gdańsk", "80-001"), ("Spain", "Madrid", "28001"))  # fmt: skip
_INDUSTRIES = ("Manufacturing", "Transportation", "Retail", "Technology")
_SOURCES = ("Web", "Trade Show", "Webinar", "Purchased List", "Partner Referral")
_USERS = 5
_ACCOUNTS_PER_CONTACT = 5


def fill(store: Store, basics: Basics, *, leads: int, days: int, start: datetime) -> None:
    """Add so many rows, born evenly over the days before the start, owned by a handful of users."""
    random = Random(f"{store.seed}:bare")
    with store.tx(by=basics.admin, via="world", at=start - timedelta(days=days + 1)) as tx:
        owners = [
            tx.insert(
                "User",
                {"Username": f"rep{n}@acme.example", "Email": f"rep{n}@acme.example", "FirstName": "Rep", "LastName": str(n),
                 "ManagerId": basics.admin, "Country": "Germany"},
            )
            for n in range(1, _USERS + 1)
        ]  # fmt: skip
        accounts = [
            tx.insert("Account", {"Name": f"{_FIRMS[n % len(_FIRMS)]} {n}", "Website": f"https://firm{n}.example",
                                  "Industry": _INDUSTRIES[n % 4], "Type": "Prospect"})
            for n in range(max(1, leads // 2 // _ACCOUNTS_PER_CONTACT))
        ]  # fmt: skip
    step = timedelta(days=days) / max(1, leads)
    lead_count = leads - leads // 2
    for n in range(leads):
        at = start - timedelta(days=days) + n * step
        if n < lead_count * 2 and n % 2 == 0:
            _put(store, "Lead", _lead(random, n), at, random.choice(owners))
        else:
            _put(store, "Contact", _contact(random, n, accounts), at, random.choice(owners))


def _put(store: Store, object_: str, fields: dict[str, object], at: datetime, owner: str) -> None:
    record_id = store.new_id(OBJECTS[object_])
    row = Row(Id=record_id, IsDeleted=False)
    row.update(fields)
    row["OwnerId"] = row["CreatedById"] = row["LastModifiedById"] = owner
    row["CreatedDate"] = row["LastModifiedDate"] = row["SystemModstamp"] = at
    store.version += 1
    store.tables[object_].put(record_id, row, store.version)


def _person(random: Random, n: int) -> dict[str, object]:
    first, last = random.choice(_FIRST), random.choice(_LAST)
    return {
        "FirstName": first, "LastName": last, "Name": intern(f"{first} {last}"), "Title": random.choice(_TITLES),
        "Email": f"{first}.{last}.{n}@firm{n % 5000}.example".lower(), "Phone": f"+49 40 {n:07d}",
        "LeadSource": random.choice(_SOURCES), "HasOptedOutOfEmail": False, "DoNotCall": False,
        "LeadSync_Marketable__c": False, "LeadSync_Misrouted__c": False,
    }  # fmt: skip


def _lead(random: Random, n: int) -> dict[str, object]:
    country, city, code = random.choice(_PLACES)
    firm = random.choice(_FIRMS)
    return {
        **_person(random, n), "Company": firm, "City": city, "PostalCode": code, "Country": country,
        "Website": intern(f"https://{firm.lower()}.example"), "Status": random.choice(STAGES),
        "Industry": random.choice(_INDUSTRIES), "NumberOfEmployees": random.choice((20, 200, 2000)),
        "IsConverted": False, "IsUnreadByOwner": False,
    }  # fmt: skip


def _contact(random: Random, n: int, accounts: list[str]) -> dict[str, object]:
    country, city, code = random.choice(_PLACES)
    return {
        **_person(random, n), "AccountId": random.choice(accounts), "MailingCity": city, "MailingPostalCode": code,
        "MailingCountry": country, "Contact_Status__c": random.choice(STAGES), "Department": "Operations",
    }  # fmt: skip
