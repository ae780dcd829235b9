"""The shape of config/leadsync.yaml: how the daemon runs, owned by whoever runs the container."""

from typing import Annotated, Any, Literal, get_args

from pydantic import Field, PlainValidator, WithJsonSchema

from leadsync.settings.schema.types import (
    Block,
    Count,
    ElapsedText,
    Name,
    PartText,
    Text,
    Texts,
    TimeText,
    ZoneText,
    instant,
    shown,
    wrong,
)

DELIVERABLE = ("notices", "stage_entered", "score", "contact_stage", "lead_stage", "owner", "membership")
Month = Literal[
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
MONTHS = get_args(Month)


class Company(Block):
    """Whose funnel this is, and where its days begin."""

    name: Text = "The company"
    """Shown in reports and in the agreement."""
    zone: ZoneText = "UTC"
    """Days, periods, cool-downs and digests are cut in this time zone."""
    fiscal_year_starts: Month = "january"
    """First month of years and quarters in reports."""


class Crm(Block):
    """One org."""

    kind: Literal["salesforce", "dynamics"]
    """Which CRM this is."""
    url: Text
    """The org's address, https://...; http only for a CRM on this machine."""
    api_version: Annotated[str, Field(pattern=r"^v?\d+\.\d+$")] | None = None
    """In quotes: it is a name, not a number. Left out: 65.0 for Salesforce, 9.2 for Dynamics."""
    tenant: Text | None = None
    """Dynamics only: the Entra ID tenant that issues tokens."""
    credentials: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")] | None = None
    """Start of the environment variables' names. Left out: LEADSYNC_ and the name in capitals."""


class Schedule(Block):
    """When the daemon does what."""

    fast: ElapsedText = Field(default="1m", validate_default=True)
    """A quick look for news."""
    complete: ElapsedText = Field(default="5m", validate_default=True)
    """The pass that proves nothing was missed."""
    sla: ElapsedText = Field(default="30s", validate_default=True)
    """How often due clocks are looked for."""
    reconcile: TimeText = Field(default="02:30", validate_default=True)
    """Daily, company time: every record is compared with the ledger."""
    report: TimeText = Field(default="06:30", validate_default=True)
    """Daily, company time."""


class Ledger(Block):
    """Where the ledger is kept."""

    location: Text
    """The SQLite file, on a local disk."""
    backups: Text | None = None
    """The folder of the daily backups. Left out: `backups` beside the ledger."""
    keep_backups: Count = 14
    """How many backups are kept."""


def _deliver(raw: Any) -> frozenset[str]:
    match raw:
        case False:
            return frozenset()
        case list() if all(isinstance(kind, str) for kind in raw):
            unknown = [kind for kind in raw if kind not in DELIVERABLE]
            if unknown:
                raise wrong(f"{shown(unknown[0])} cannot be delivered; the kinds are {', '.join(DELIVERABLE)}")
            return frozenset(raw)
        case _:
            raise wrong(f"write false (watch only) or a list of {', '.join(DELIVERABLE)}, not {shown(raw)}")


def _go_live(raw: Any) -> Any:
    return None if raw == "first_delivery" else instant(raw)


class WriteLimit(Block):
    """The most effects of one group; more are held."""

    per_cycle: Count
    """In one cycle."""
    per_day: Count
    """In one day."""


WRITES = {
    "normal": {"per_cycle": 500, "per_day": 5000},
    "lead_stage": {"per_cycle": 1000, "per_day": 10000},
    "score": {"per_cycle": 5000, "per_day": 100000},
    "sla": {"per_cycle": 300, "per_day": 3000},
    "hand_raiser": {"per_cycle": 100, "per_day": 1000},
    "stage_age": {"per_cycle": 1000, "per_day": 10000},
}
LimitedKind = Literal[
    "normal", "notices", "stage_entered", "score", "contact_stage", "lead_stage", "owner", "membership", "sla", "hand_raiser",
    "cleanse", "stage_age",
]  # fmt: skip


class Limits(Block):
    """What leadsync may use up, and how much it may change before somebody must look."""

    api_share: PartText = Field(default="20%", validate_default=True)
    """Of the org's daily API calls."""
    api_reserve: PartText = Field(default="20%", validate_default=True)
    """Of that share, kept for SLA work and hand-raisers."""
    writes: dict[LimitedKind, WriteLimit] = Field(default=WRITES, validate_default=True)
    """By kind of effect; `normal` is every kind that is not named. `stage_age` is a budget: nothing is held for it."""


class Channel(Block):
    """One place where people are told something; its secrets come from the environment."""

    kind: Literal["slack", "teams", "email", "webhook", "pagerduty", "crm_task", "log"]
    """What it speaks."""
    host: Text | None = None
    """email only: the mail server."""
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    """email only: 587 if left out."""
    sender: Text | None = None
    """email only: the address that messages come from."""


class Alerts(Block):
    """Who hears of trouble with leadsync itself."""

    to: Name
    """A channel."""
    urgent: Name | None = None
    """A channel for what cannot wait; `to` if left out."""


class Web(Block):
    """Health, metrics and the dashboard."""

    address: Text = "127.0.0.1"
    """The address to listen on."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    """The port to listen on."""
    dashboard: bool = False
    """true needs LEADSYNC_WEB_TOKEN."""
    hosts: Texts = ("localhost",)
    """Names by which browsers may address it."""


class Logging(Block):
    """What is logged, and how it looks."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least important lines that are written."""
    format: Literal["auto", "json", "pretty"] = "auto"
    """auto: JSON, but easy to read on a terminal."""


class ConfigFile(Block):
    """How the daemon runs; owned by whoever runs the container."""

    company: Company = Field(default_factory=Company)
    """Whose funnel this is."""
    crms: Annotated[dict[Name, Crm], Field(min_length=1)]
    """One entry per org; its name picks mappings/<name>.yaml and appears in logs and reports."""
    schedule: Schedule = Field(default_factory=Schedule)
    """When the daemon does what."""
    ledger: Ledger
    """Where the ledger is kept."""
    deliver: Annotated[
        frozenset[str],
        PlainValidator(_deliver),
        WithJsonSchema(
            {"anyOf": [{"const": False}, {"type": "array", "items": {"enum": list(DELIVERABLE)}, "uniqueItems": True}]}
        ),
    ] = frozenset()
    """false: watch only. Or a list of what may be delivered."""
    go_live_at: Annotated[
        Any,
        PlainValidator(_go_live),
        WithJsonSchema({"type": "string", "examples": ["first_delivery", "2026-12-01T08:00:00Z"]}),
    ] = None
    """Nothing older causes an effect: first_delivery, or an instant."""
    limits: Limits = Field(default_factory=Limits)
    """What leadsync may use up."""
    channel_hosts: Texts = ()
    """Nothing is sent to any other host."""
    channels: dict[Name, Channel] = Field(default_factory=dict)
    """Where people are told something, by a name of your choice."""
    alerts: Alerts
    """Who hears of trouble with leadsync itself."""
    heartbeat: Name | None = None
    """A channel that is told after every finished cycle, so that silence can be noticed."""
    web: Web = Field(default_factory=Web)
    """Health, metrics and the dashboard."""
    logging: Logging = Field(default_factory=Logging)
    """What is logged, and how."""
