"""What every org of the box has before anybody works in it: the organisation, one integration user, one admin, one
queue and the lead status values. The world and `bare` build on it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from leadsync.sandbox.ids import nth_id
from leadsync.sandbox.schema import OBJECTS
from leadsync.sandbox.schema.own import CONVERTED, DEFAULT_STATUS, LEAD_STATUSES
from leadsync.sandbox.store import Store

INTEGRATION_USERNAME = "integration@acme.example"
ADMIN_USERNAME = "admin@acme.example"
QUEUE = "Unassigned Leads"
_AGE = timedelta(days=5 * 365)


@dataclass(frozen=True, slots=True)
class Basics:
    """The ids that the box itself needs."""

    organization: str
    integration: str
    admin: str
    queue: str


def found_basics(store: Store, start: datetime) -> Basics:
    """Write the basics as of years before the start and return their ids."""
    # The first user is his own creator.
    admin = nth_id(OBJECTS["User"].prefix, 0)
    with store.tx(by=admin, via="world", at=start - _AGE) as tx:
        admins = tx.insert("Profile", {"Name": "System Administrator", "UserType": "Standard"})
        machines = tx.insert("Profile", {"Name": "Integration User", "UserType": "Standard"})
        tx.insert("User", {"Id": admin, **_user(ADMIN_USERNAME, "System", "Admin", admins)})
        integration = tx.insert("User", _user(INTEGRATION_USERNAME, "Integration", "User", machines))
        queue = tx.insert("Group", {"Name": QUEUE, "DeveloperName": QUEUE.replace(" ", "_"), "Type": "Queue"})
        organization = tx.insert(
            "Organization",
            {
                "Name": "Acme", "InstanceName": "BOX1", "IsSandbox": True, "OrganizationType": "Enterprise Edition",
                "TimeZoneSidKey": "Europe/Berlin", "DefaultLocaleSidKey": "en_GB", "LanguageLocaleKey": "en_US",
            },
        )  # fmt: skip
        for place, value in enumerate(LEAD_STATUSES):
            tx.insert(
                "LeadStatus",
                {
                    "MasterLabel": value, "ApiName": value, "SortOrder": 2 * place + 1,
                    "IsDefault": value == DEFAULT_STATUS, "IsConverted": value in CONVERTED,
                },
            )  # fmt: skip
    return Basics(organization, integration, admin, queue)


def _user(username: str, first: str, last: str, profile: str) -> dict[str, object]:
    return {
        "Username": username, "Email": username, "FirstName": first, "LastName": last, "Alias": username[:8],
        "ProfileId": profile, "TimeZoneSidKey": "Europe/Berlin", "Country": "Germany", "LocaleSidKey": "en_GB",
        "LanguageLocaleKey": "en_US",
    }  # fmt: skip
