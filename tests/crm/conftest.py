"""An org in the sandbox, and the sample's Salesforce mapping as data."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
import requests
from beside_a_crm import START, Follower, QuickClock
from meddling import Meddler, meddled_session
from sandboxes import Sandbox, running, several

from leadsync.crm.salesforce import Credentials, SalesforceCrm
from leadsync.domain.conditions import All, AnyOf
from leadsync.domain.conditions import Test as Ask
from leadsync.domain.effects import WriteBack, effect_id
from leadsync.domain.instants import to_text
from leadsync.domain.mapping import CrmMapping, FieldMapping, Nurture, ObjectMapping, TouchMapping, ValueMap
from leadsync.domain.records import Ref
from leadsync.secret import Secret


def _field(name: str, native: str, kind: Any = "text", *, write: bool = False) -> FieldMapping:
    return FieldMapping(name, (native,), kind, write)


_COMMON = (
    _field("first_name", "FirstName"), _field("last_name", "LastName"), _field("title", "Title"), _field("email", "Email", "email"),
    _field("source", "LeadSource"), _field("created_at", "CreatedDate", "datetime"), _field("created_by", "CreatedById", "user"),
    _field("email_opt_out", "HasOptedOutOfEmail", "yes_no"),
    _field("score", "LeadSync_Score__c", "number", write=True),
    _field("stage_entered_at", "LeadSync_Stage_Entered_At__c", "datetime", write=True),
    _field("recycle_reason", "LeadSync_Recycle_Reason__c", write=True),
    _field("recycle_count", "LeadSync_Recycle_Count__c", "number", write=True),
    _field("assignee", "LeadSync_Assignee__c", "user", write=True),
    _field("marketable", "LeadSync_Marketable__c", "yes_no", write=True),
    _field("operation", "LeadSync_Op__c", write=True),
)  # fmt: skip
_STAGES = {
    "raw": "Raw", "inquiry": "Inquiry", "maql": "MAQL", "lal": "LAL", "mql": "MQL", "sal": "SAL", "sql": "SQL",
    "remarket": "Re-Market", "disqualified": "Disqualified",
}  # fmt: skip


def sample_mapping(**changes: Any) -> CrmMapping:
    """Return the sample's mapping, with parts of it replaced."""
    common = {field.name: field for field in _COMMON}
    lead = {
        "company": _field("company", "Company"), "country": _field("country", "Country", "country"),
        "employees": _field("employees", "NumberOfEmployees", "number"), "record_type": _field("record_type", "RecordType.DeveloperName"),
    }  # fmt: skip
    closed = Ask("IsClosed", "yes")
    made = CrmMapping(
        crm="salesforce", kind="salesforce",
        objects={
            "lead": ObjectMapping("Lead", _field("stage", "Status", write=True), _field("owner", "OwnerId", "user", write=True), "owner", {**common, **lead}),
            "contact": ObjectMapping("Contact", _field("stage", "Contact_Status__c", write=True), _field("owner", "OwnerId", "user"), "assignee", {**common, "country": _field("country", "MailingCountry", "country")}),
        },
        stage_of_value={value: stage for stage, value in _STAGES.items()} | {"Marketing Qualified": "mql"},
        value_of_stage=dict(_STAGES), old_values={}, converted={"Closed - Converted": None, "Converted - SQL": "sql"},
        dispositions={"Left Vmail": "lal", "Attempting Contact": "lal"},
        deprecated={"Open - Not Contacted": "inquiry", "Working - Contacted": "lal", "Closed - Not Converted": "disqualified"},
        touches=(
            TouchMapping(
                "campaign_response", "CampaignMember", "inbound", campaign="Campaign.Name", not_engagement=("List Purchase",),
                channel=ValueMap(("Campaign.Type",), {"Webinar": "webinar"}, otherwise="web"),
                investment=ValueMap(("Campaign.BudgetedCost",), bands=((0.0, "low"), (5000.0, "medium"), (50000.0, "high")), otherwise="low"),
                response=ValueMap(("Status",), {"Attended": "attended", "Contact Me": "contact_me"}),
            ),
            TouchMapping(
                "inbound_call", "Task", "inbound", at=("CompletedDateTime",), when=_both(closed, Ask("CallType", "equals", "inbound")),
                channel=ValueMap(None, literal="phone"), investment=ValueMap(None, literal="low"), response=ValueMap(None, literal="replied"),
            ),
            TouchMapping(
                "follow_up_task", "Task", "outbound", at=("CompletedDateTime",),
                when=_both(closed, Ask("TaskSubtype", "equals", ("call", "email", "linkedin"))),
            ),
            TouchMapping("meeting", "Event", "both", at=("EndDateTime",), channel=ValueMap(None, literal="meeting"), response=ValueMap(None, literal="attended")),
        ),
        actors={
            "automation": AnyOf((Ask("profile", "equals", "integration user"), Ask("user", "equals", "autoproc@acme.example"))),
            "marketing": Ask("user", "equals", ("marketo@acme.example", "outreach@acme.example")),
            "ops": AnyOf((Ask("profile", "equals", "system administrator"), Ask("permission_set", "equals", "leadsync ops"))),
        },
        account={"name": _field("name", "Name"), "website": _field("website", "Website"), "owner": _field("owner", "OwnerId", "user"), "rating": FieldMapping("rating", ("Rating",), "number", values={"Hot": 100, "Warm": 50})},
        opportunity={"amount": _field("amount", "Amount"), "stage": _field("stage", "StageName"), "closed_at": _field("closed_at", "CloseDate")},
        loss_reason=ValueMap(None, literal=None, otherwise="lost_deal"),
        campaign={"name": _field("name", "Name"), "type": _field("type", "Type"), "cost": _field("cost", "ActualCost")},
        user={}, cadence_users=("outreach@acme.example",),
        nurture={"stay": Nurture("stay", "Nurture - stay in touch", "Sent")},
    )  # fmt: skip
    return replace(made, **changes)


def _both(*parts: Ask) -> All:
    return All(parts)


class SandboxOrg(Sandbox):
    """An org in a sandbox of its own, and adapters that talk to it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(start=START, **options)

    def crm(self, mapping: CrmMapping | None = None, **changes: Any) -> SalesforceCrm:
        credentials = Credentials("LEADSYNC_SALESFORCE", self.server.client_id, Secret(self.server.client_secret))
        given = {"company_zone": "Europe/Berlin", "clock": QuickClock(), **changes}
        return SalesforceCrm(
            "salesforce", self.url, "65.0", given.pop("credentials", credentials), mapping or sample_mapping(), **given
        )

    def leads(self, count: int, **fields: Any) -> list[str]:
        rows = [{"LastName": f"L{n}", "Company": "Acme", "Status": "Inquiry", **fields} for n in range(count)]
        return self.put(Lead=rows)["Lead"]

    def edit(self, key: str, **fields: Any) -> None:
        self.control("edit", object={"00Q": "Lead", "003": "Contact"}[key[:3]], id=key, fields=fields)

    @property
    def admin(self) -> str:
        return self.server.box.basics.admin

    def rows(self, name: str) -> list[dict[str, Any]]:
        return [dict(row) for row in self.server.box.store.rows(name)]

    def row(self, name: str, key: str) -> dict[str, Any]:
        return dict(self.server.box.store.get(name, key) or {})


@pytest.fixture
def org() -> Iterator[SandboxOrg]:
    yield from running(SandboxOrg)


@pytest.fixture
def sandbox_org() -> Iterator[Callable[..., SandboxOrg]]:
    """Make orgs with options; all are stopped at the end."""
    yield from several(SandboxOrg)


@pytest.fixture
def follow() -> type[Follower]:
    return Follower


@pytest.fixture
def mapping() -> Any:
    return sample_mapping


def a_write(
    key: str,
    base: datetime | str,
    guarded: Mapping[str, Any] | None = None,
    *,
    cause: str = "t:1",
    priority: Any = "stage",
    **values: Any,
) -> WriteBack:
    """Return a write-back; guarded when `guarded` holds anything."""
    ref = Ref("salesforce", {"00Q": "lead", "003": "contact"}[key[:3]], key)
    version = base if isinstance(base, str) else to_text(base)
    return WriteBack(
        effect_id(key, cause, sorted(values)),
        ref,
        values,
        version,
        guarded or {},
        ("lead_stage",),
        priority,
        "g",
        cause,
    )


@pytest.fixture
def write_of() -> Any:
    return a_write


@pytest.fixture
def quick_clock() -> QuickClock:
    return QuickClock()


@pytest.fixture
def meddled() -> tuple[requests.Session, Meddler]:
    """Return a session for an adapter, and what may change its answers."""
    return meddled_session()
