"""config/leadsync.yaml into `Settings`: how the daemon runs, ready for whoever builds it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from leadsync.domain.limits import Limit
from leadsync.domain.rulebook import Company
from leadsync.domain.telling import INSTEAD_WORDS, TELL_WORDS
from leadsync.settings.checks import Checks
from leadsync.settings.loader import Node
from leadsync.settings.schema.config import MONTHS, WRITES, ConfigFile
from leadsync.settings.schema.config import Channel as ChannelSpec

API_VERSIONS = {"salesforce": "65.0", "dynamics": "9.2"}
HAS_TENANT = {"salesforce": False, "dynamics": True}
RESERVED = ("funnel", "scoring", "routing", "sla", "calendars", "leadsync")
ChannelKind = Literal["slack", "teams", "email", "webhook", "pagerduty", "crm_task", "log"]


@dataclass(frozen=True, slots=True)
class CrmConnection:
    """Where one org is; `credentials` begins the names of its environment variables."""

    name: str
    kind: Literal["salesforce", "dynamics"]
    url: str
    api_version: str
    tenant: str | None
    credentials: str


@dataclass(frozen=True, slots=True)
class Schedule:
    """When the daemon does what; times of day are company time."""

    fast: timedelta
    complete: timedelta
    sla: timedelta
    reconcile: time
    report: time


@dataclass(frozen=True, slots=True)
class LedgerSettings:
    """Where the ledger and its backups are kept."""

    location: Path
    backups: Path
    keep_backups: int


@dataclass(frozen=True, slots=True)
class Limits:
    """Shares of the org's daily API calls, and the most effects of a group by kind (`normal`: kinds not named)."""

    api_share: float
    api_reserve: float
    writes: Mapping[str, Limit]


@dataclass(frozen=True, slots=True)
class ChannelSettings:
    """One place where people are told something; host, port and sender are e-mail's."""

    name: str
    kind: ChannelKind
    host: str | None = None
    port: int = 587
    sender: str | None = None


@dataclass(frozen=True, slots=True)
class Alerts:
    """Names of the channels that hear of trouble with leadsync itself."""

    to: str
    urgent: str


@dataclass(frozen=True, slots=True)
class Web:
    """Where health, metrics and the dashboard are served."""

    address: str
    port: int
    dashboard: bool
    hosts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Logging:
    """What is logged, and how it looks."""

    level: Literal["debug", "info", "warning", "error"]
    format: Literal["auto", "json", "pretty"]


@dataclass(frozen=True, slots=True)
class Settings:
    """How the daemon runs. `deliver` are the kinds of effects that may go out; `go_live_at` None: the first delivery."""

    company: Company
    crms: Mapping[str, CrmConnection]
    schedule: Schedule
    ledger: LedgerSettings
    deliver: frozenset[str]
    go_live_at: datetime | None
    limits: Limits
    channels: Mapping[str, ChannelSettings]
    channel_hosts: frozenset[str]
    alerts: Alerts
    heartbeat: str | None
    web: Web
    logging: Logging


def settings(file: ConfigFile, tree: Node, checks: Checks) -> Settings:
    """Return the runtime settings, noting names and addresses that cannot be right."""
    _channels(file, tree, checks)
    location = Path(file.ledger.location)
    limits = file.limits
    return Settings(
        company=company(file),
        crms=_crms(file, tree, checks),
        schedule=Schedule(
            file.schedule.fast,
            file.schedule.complete,
            file.schedule.sla,
            file.schedule.reconcile,
            file.schedule.report,
        ),
        ledger=LedgerSettings(
            location,
            Path(file.ledger.backups) if file.ledger.backups else location.parent / "backups",
            file.ledger.keep_backups,
        ),
        deliver=file.deliver,
        go_live_at=file.go_live_at,
        limits=Limits(
            limits.api_share,
            limits.api_reserve,
            {
                **{kind: Limit(**numbers) for kind, numbers in WRITES.items()},
                **{kind: Limit(limit.per_cycle, limit.per_day) for kind, limit in limits.writes.items()},
            },
        ),
        channels={
            name: ChannelSettings(name, spec.kind, spec.host, spec.port or 587, spec.sender)
            for name, spec in {"log": ChannelSpec(kind="log"), **file.channels}.items()
        },
        channel_hosts=frozenset(host.casefold() for host in file.channel_hosts),
        alerts=Alerts(file.alerts.to, file.alerts.urgent or file.alerts.to),
        heartbeat=file.heartbeat,
        web=Web(file.web.address, file.web.port, file.web.dashboard, file.web.hosts),
        logging=Logging(file.logging.level, file.logging.format),
    )


def company(file: ConfigFile) -> Company:
    """Return the company."""
    spec = file.company
    return Company(spec.name, spec.zone, MONTHS.index(spec.fiscal_year_starts) + 1)


def is_loopback(host: str) -> bool:
    """Say whether a host is this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _crms(file: ConfigFile, tree: Node, checks: Checks) -> dict[str, CrmConnection]:
    crms: dict[str, CrmConnection] = {}
    for name, spec in file.crms.items():
        node = tree.at("crms", name)
        if name in RESERVED:
            checks.problems.add(
                tree.at("crms").key(name), f'"{name}" cannot be the name of a CRM: mappings/{name}.yaml is another file'
            )
        if HAS_TENANT[spec.kind] and not spec.tenant:
            checks.problems.add(node.place, f'the CRM "{name}" needs tenant:, the Entra ID tenant that issues tokens')
        if spec.tenant and not HAS_TENANT[spec.kind]:
            checks.problems.add(node.key("tenant"), "tenant: belongs to Dynamics")
        crms[name] = CrmConnection(
            name,
            spec.kind,
            _url(spec.url, node.at("url"), checks),
            (spec.api_version or API_VERSIONS[spec.kind]).removeprefix("v"),
            spec.tenant,
            spec.credentials or f"LEADSYNC_{name.upper()}",
        )
    return crms


def _url(url: str, node: Node, checks: Checks) -> str:
    """Return the address without a slash at the end; credentials must never travel unencrypted over a network."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port, parts = "", None, urlsplit("")
    if parts.scheme not in ("https", "http") or not host or port == 0:
        checks.problems.add(node.place, "this is no address of a CRM", "fix: write https://acme.my.salesforce.com")
    elif parts.username is not None or parts.password is not None:
        checks.problems.add(
            node.place, "no user or password may stand in the address", "fix: use environment variables"
        )
    elif parts.query or parts.fragment or parts.path not in ("", "/"):
        checks.problems.add(node.place, "only the org's own address is needed", f"fix: {parts.scheme}://{parts.netloc}")
    elif parts.scheme == "http" and not is_loopback(host):
        checks.problems.add(node.place, "http is only possible for a CRM on this machine", "fix: write https://")
    return url.rstrip("/")


def _channels(file: ConfigFile, tree: Node, checks: Checks) -> None:
    hosts = {host.casefold() for host in file.channel_hosts}
    for name, spec in file.channels.items():
        node = tree.at("channels", name)
        if name in (*TELL_WORDS, *INSTEAD_WORDS):
            checks.problems.add(
                tree.at("channels").key(name), f'"{name}" cannot be the name of a channel: it means a person'
            )
        if spec.kind == "email":
            for key in ("host", "sender"):
                if getattr(spec, key) is None:
                    checks.problems.add(node.place, f'the channel "{name}" needs {key}:')
            if spec.host and spec.host.casefold() not in hosts:
                checks.problems.add(
                    node.at("host").place,
                    f'the host "{spec.host}" is not in channel_hosts:, and nothing is sent anywhere else',
                    f"fix: add {spec.host} there",
                )
            continue
        for key in ("host", "port", "sender"):
            if node.child(key):
                checks.problems.add(node.key(key), f"{key}: belongs to channels of kind email")
    for path in (("alerts", "to"), ("alerts", "urgent"), ("heartbeat",)):
        node = tree.at(*path)
        if isinstance(node.value, str):
            checks.exists(node.place, "the channel", node.value, checks.names.channels)
