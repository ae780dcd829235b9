"""The org's own picklists, for `leadsync init`: lead statuses, campaign types and lead sources."""

from dataclasses import dataclass
from threading import Event

import msgspec

from leadsync.clock import Clock
from leadsync.crm.calls import Budget
from leadsync.crm.salesforce.auth import Credentials, Login
from leadsync.crm.salesforce.client import Client, Part
from leadsync.crm.salesforce.load import part_refusal
from leadsync.crm.salesforce.soql import Columns, path, select
from leadsync.http import new_session

_STATUS = Columns(("ApiName", "IsConverted"))


@dataclass(frozen=True, slots=True)
class OrgPicklists:
    """Values in the org's order; lead statuses with whether they mean converted."""

    lead_status: tuple[tuple[str, bool], ...]
    campaign_types: tuple[str, ...]
    lead_sources: tuple[str, ...]


class _Value(msgspec.Struct):
    value: str
    active: bool = True


class _Field(msgspec.Struct, rename="camel"):
    name: str
    picklist_values: list[_Value] = []


class _Described(msgspec.Struct):
    fields: list[_Field] = []


def read_picklists(url: str, api_version: str, credentials: Credentials, clock: Clock) -> OrgPicklists:
    """Return the org's picklists; costs one request besides the log-in. Raises what a log-in may raise."""
    session, stop = new_session(), Event()
    login = Login(session, url, credentials, clock=clock, stop=stop)
    client = Client(session, login, api_version, clock=clock, stop=stop, budget=Budget(clock, 1.0, 0.0))
    asked = [
        Part(path(select(_STATUS.names, "LeadStatus", "", order="SortOrder"))),
        Part("sobjects/Campaign/describe"),
        Part("sobjects/Lead/describe"),
    ]
    (statuses, campaign, lead), _ = client.composite(asked)
    for answer, name in ((statuses, "LeadStatus"), (campaign, "Campaign"), (lead, "Lead")):
        if answer.status != 200:
            raise part_refusal(answer, name)
    return OrgPicklists(
        lead_status=tuple((str(name), bool(converted)) for name, converted in _STATUS.decode(statuses.body).rows),
        campaign_types=_values(campaign.body, "Type"),
        lead_sources=_values(lead.body, "LeadSource"),
    )


def _values(body: bytes | msgspec.Raw, field: str) -> tuple[str, ...]:
    described = msgspec.json.decode(body, type=_Described)
    return tuple(one.value for f in described.fields if f.name == field for one in f.picklist_values if one.active)
