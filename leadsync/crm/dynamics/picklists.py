"""The environment's own choices, for `leadsync init`: lead statuses, campaign types and lead sources."""

import re
from dataclasses import dataclass
from threading import Event
from urllib.parse import urlsplit

from leadsync.clock import Clock
from leadsync.crm.calls import Budget
from leadsync.crm.dynamics.auth import AUTHORITY, Credentials, Login
from leadsync.crm.dynamics.client import Client
from leadsync.crm.dynamics.metadata import Metadata, Table
from leadsync.crm.dynamics.stages import QUALIFIED, REASON
from leadsync.errors import CrmUnavailable
from leadsync.http import checked_url, exchange, new_session

_AUTHORITY = re.compile(r'authorization_uri="?(https?://[\w.:-]+)/([\w.-]+)', re.IGNORECASE)
STATUS = "leadsync_leadstatus"
"""The deploy kit's choice; without it the status reasons are what there is."""


@dataclass(frozen=True, slots=True)
class OrgPicklists:
    """Labels in the environment's order; lead statuses with whether they mean qualified. `tenant` is as config wants it."""

    tenant: str
    lead_status: tuple[tuple[str, bool], ...]
    campaign_types: tuple[str, ...]
    lead_sources: tuple[str, ...]


def read_picklists(url: str, api_version: str, credentials: Credentials, clock: Clock) -> OrgPicklists:
    """Return the environment's choices; costs two requests besides the log-in. Raises what a log-in may raise."""
    stop = Event()
    tenant = tenant_of(url, api_version, clock)
    login = Login(url, tenant, credentials, clock=clock, stop=stop)
    budget = Budget(clock, 1.0, 0.0)
    client = Client(new_session(), login, url, api_version, clock=clock, stop=stop, budget=budget)
    metadata = Metadata(client)
    metadata.load(("lead", "campaign"))
    lead, campaign = metadata.table("lead"), metadata.table("campaign")
    status = lead.attribute(STATUS if STATUS in lead.attributes else REASON)
    return OrgPicklists(
        tenant=tenant,
        lead_status=tuple((option.label, option.state == QUALIFIED) for option in status.options.values()),
        campaign_types=_labels(campaign, "typecode"),
        lead_sources=_labels(lead, "leadsourcecode"),
    )


def tenant_of(url: str, api_version: str, clock: Clock) -> str:
    """Return the authority that issues the environment's tokens, as it says itself when it is asked without one.

    Raises CrmUnavailable when it does not say: `init` has no config yet that would name the tenant.
    """
    answer = exchange(new_session(), "GET", f"{checked_url(url)}/api/data/v{api_version}/WhoAmI", clock=clock)
    found = _AUTHORITY.search(answer.headers.get("www-authenticate", ""))
    if answer.status != 401 or found is None:
        raise CrmUnavailable("the environment does not say which tenant it belongs to; look at --url")
    here = urlsplit(url).scheme == "http" or found[1] == AUTHORITY
    return found[2] if here else f"{found[1]}/{found[2]}"


def _labels(table: Table, column: str) -> tuple[str, ...]:
    found = table.attributes.get(column)
    return tuple(option.label for option in found.options.values()) if found else ()
