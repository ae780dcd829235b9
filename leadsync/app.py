"""Builds every object of a running leadsync, by hand, in one readable place.

Which class stands behind `kind:` in config is decided here and nowhere else; heavy CRM libraries are imported only
when their CRM is configured.
"""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from threading import Event
from types import MappingProxyType
from typing import TYPE_CHECKING, TypedDict

from leadsync import channels as channel_kinds
from leadsync.channels.crm_task import CreateTask
from leadsync.clock import Clock, SystemClock
from leadsync.cycle import ALL_KINDS, Cycle, Rules
from leadsync.delivery import Hindrance
from leadsync.domain.instants import from_text
from leadsync.domain.records import Ref
from leadsync.domain.rulebook import Rulebook
from leadsync.domain.standing import Grounds
from leadsync.errors import ConfigError, CrmRejected, LeadsyncError
from leadsync.hygiene import FORMATS
from leadsync.ledger import Ledger, open_ledger
from leadsync.ports import Channel, Crm
from leadsync.secret import Secret
from leadsync.settings import Loaded, load
from leadsync.settings.credentials import Credentials, channel_secrets, credentials
from leadsync.settings.runtime import CrmConnection, Settings
from leadsync.settings.write import Picklists

if TYPE_CHECKING:
    from leadsync.crm.dynamics.auth import Credentials as DynamicsCredentials
    from leadsync.crm.salesforce.auth import Credentials as SalesforceCredentials


DISK_FLOOR = 64 * 1024 * 1024
"""Free bytes beside the ledger below which nothing is sent: what cannot be written down must not be done."""


@dataclass(slots=True)
class App:
    """Everything of one configuration, over one ledger. `unset` names channels that lack something, with what to set."""

    loaded: Loaded
    ledger: Ledger
    crms: Mapping[str, Crm]
    channels: Mapping[str, Channel]
    rules: Rules
    clock: Clock
    stop: Event
    unset: Mapping[str, str] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        """Return how the daemon runs."""
        return self.loaded.settings

    @property
    def rulebook(self) -> Rulebook:
        """Return what the business wants."""
        return self.loaded.rulebook

    def grounds(self, crm: str, now: datetime | None) -> Grounds:
        """Return what a decision read from the ledger alone stands on; now is the last instant seen of the CRM."""
        ledger = self.ledger
        moment = now or self.seen_at(crm) or self.clock.wall()
        return Grounds(
            rulebook=self.rulebook,
            crm=crm,
            directory=ledger.directory(crm, ledger.meta(f"user:{crm}") or "", moment),
            now=moment,
            go_live_at=self.rules.go_live_at or ledger.go_live(crm) or moment,
            kinds=ALL_KINDS,
            link=self.settings.crms[crm].url,
            adopted=ledger.adopted_rules(self.rulebook.law, moment),
            formats=FORMATS,
        )

    def seen_at(self, crm: str) -> datetime | None:
        """Return the last instant that the CRM is known to have told, None before the first cycle."""
        seen = self.ledger.meta(f"seen:{crm}")
        return from_text(seen) if seen else None

    def hindrance(self) -> Hindrance | None:
        """Return why nothing may be sent now, None when nothing is in the way (reliability.md 3, 6, 9)."""
        if why := self.ledger.recovery():
            return Hindrance(
                "recovery", f"an older ledger was {why}; look at `leadsync outbox list`, then say `leadsync recover`"
            )
        folder = self.ledger.path.parent
        if (folder / "pause").exists():
            return Hindrance("paused", f"{folder / 'pause'} is there; remove it to go on")
        free = shutil.disk_usage(folder).free
        if free < DISK_FLOOR:
            return Hindrance("disk_low", f"{free >> 20} MiB are free at {folder}; make room, it goes on by itself")
        return None

    def adopt(self, loaded: Loaded, rules: Rules, env: Mapping[str, str]) -> None:
        """Go over to newly loaded files between cycles; the ledger stays open."""
        crms = {
            name: build_crm(name, connection, loaded, env, self.clock, stop=self.stop)
            for name, connection in loaded.settings.crms.items()
        }
        # Everything is built before anything is taken over: nothing may leave half of the new files live.
        channels, unset = _channels_for(loaded, env, crms, delivering=bool(rules.deliver))
        self.loaded, self.rules, self.crms, self.channels, self.unset = loaded, rules, crms, channels, unset

    def cycles(self) -> Mapping[str, Cycle]:
        """Return the cycle of each CRM, by the CRM's name."""
        return {name: self.cycle(name) for name in self.crms}

    def cycle(self, name: str) -> Cycle:
        """Return the cycle of one CRM."""
        return Cycle(
            self.crms[name],
            self.ledger,
            self.rules,
            self.channels,
            alerts=self.settings.alerts.to,
            link=self.settings.crms[name].url,
            stopping=self.stop.is_set,
            unset=self.unset,
            hindrance=self.hindrance,
        )


@contextmanager
def open_app(
    config: Path,
    mappings: Path,
    env: Mapping[str, str],
    *,
    deliver: Sequence[str] | None = None,
    read_only: bool = False,
    stop: Event | None = None,
    clock: Clock | None = None,
) -> Iterator[App]:
    """Yield the whole application; `deliver` replaces what config says may be delivered.

    Raises ConfigError with every problem of every file, LockHeld when another process writes the ledger.
    """
    loaded = load(config, mappings, env)
    stop = stop or Event()
    clock = clock or SystemClock(stop)
    settings = loaded.settings
    ledger = open_ledger(Path(settings.ledger.location), read_only=read_only)
    try:
        crms = {
            name: build_crm(name, connection, loaded, env, clock, stop=stop)
            for name, connection in settings.crms.items()
        }
        rules = build_rules(loaded, deliver)
        channels, unset = _channels_for(loaded, env, crms, delivering=bool(rules.deliver) and not read_only)
        yield App(
            loaded=loaded,
            ledger=ledger,
            crms=crms,
            channels=channels,
            rules=rules,
            clock=clock,
            stop=stop,
            unset=unset,
        )
    finally:
        ledger.close()


def build_rules(loaded: Loaded, deliver: Sequence[str] | None = None) -> Rules:
    """Return what the cycle goes by."""
    settings = loaded.settings
    return Rules(
        rulebook=loaded.rulebook,
        deliver=frozenset(settings.deliver if deliver is None else deliver),
        go_live_at=settings.go_live_at,
        limits=settings.limits.writes,
    )


def build_crm(
    name: str,
    connection: CrmConnection,
    loaded: Loaded,
    env: Mapping[str, str],
    clock: Clock,
    *,
    stop: Event | None = None,
) -> Crm:
    """Return the adapter of one org; a set `stop` ends its waits."""
    if connection.kind not in _ADAPTERS:
        raise ConfigError(f"{name}: this version of leadsync speaks {', '.join(_ADAPTERS)}, not {connection.kind}")
    return _ADAPTERS[connection.kind](name, connection, loaded, env, clock, stop or Event())


class _Shared(TypedDict):
    """What every adapter is given besides its org, its credentials and its mapping."""

    company_zone: str
    clock: Clock
    stop: Event
    share: float
    reserve: float
    named_users: list[str]


def _shared(loaded: Loaded, clock: Clock, stop: Event) -> _Shared:
    limits, pools = loaded.settings.limits, loaded.rulebook.routing.pools
    return _Shared(
        company_zone=loaded.rulebook.company.zone,
        clock=clock,
        stop=stop,
        share=limits.api_share,
        reserve=limits.api_reserve,
        named_users=sorted({member.user for pool in pools.values() for member in pool.members}),
    )


def _salesforce(
    name: str,
    connection: CrmConnection,
    loaded: Loaded,
    env: Mapping[str, str],
    clock: Clock,
    stop: Event,
) -> Crm:
    from leadsync.crm.salesforce import SalesforceCrm

    return SalesforceCrm(
        name,
        connection.url,
        connection.api_version,
        _salesforce_credentials(connection.credentials, env),
        loaded.rulebook.mappings[name],
        **_shared(loaded, clock, stop),
    )


def _salesforce_credentials(prefix: str, env: Mapping[str, str]) -> "SalesforceCredentials":
    """Return what the environment offers to log in to Salesforce with."""
    from leadsync.crm.salesforce.auth import Credentials as SalesforceCredentials

    given = credentials(prefix, env)
    return SalesforceCredentials(
        prefix=prefix,
        client_id=_plain(given.client_id),
        client_secret=given.client_secret,
        private_key=given.private_key,
        username=_plain(given.username),
        password=_with_security_token(given),
        token=given.token,
    )


def _plain(secret: Secret | None) -> str | None:
    """Return what is given like a secret but is none: a consumer key, a user name."""
    return secret.reveal() if secret else None


def _with_security_token(given: Credentials) -> Secret | None:
    """Return the password with the security token behind it, as the password flow wants them."""
    if given.password and given.security_token:
        return Secret(given.password.reveal() + given.security_token.reveal())
    return given.password


def _dynamics(
    name: str,
    connection: CrmConnection,
    loaded: Loaded,
    env: Mapping[str, str],
    clock: Clock,
    stop: Event,
) -> Crm:
    from leadsync.crm.dynamics import DynamicsCrm

    return DynamicsCrm(
        name,
        connection.url,
        connection.tenant or "",
        connection.api_version,
        _dynamics_credentials(connection.credentials, env),
        loaded.rulebook.mappings[name],
        **_shared(loaded, clock, stop),
    )


def _dynamics_credentials(prefix: str, env: Mapping[str, str]) -> "DynamicsCredentials":
    """Return what the environment offers to log in to Dynamics with."""
    from leadsync.crm.dynamics.auth import Credentials as DynamicsCredentials

    given = credentials(prefix, env)
    return DynamicsCredentials(
        prefix=prefix,
        client_id=_plain(given.client_id),
        client_secret=given.client_secret,
        certificate=given.certificate,
        private_key=given.private_key,
        password=given.password,
        token=given.token,
    )


_Adapter = Callable[[str, CrmConnection, Loaded, Mapping[str, str], Clock, Event], Crm]
_ADAPTERS: Mapping[str, _Adapter] = {"salesforce": _salesforce, "dynamics": _dynamics}


def _channels_for(
    loaded: Loaded, env: Mapping[str, str], crms: Mapping[str, Crm], *, delivering: bool
) -> tuple[Mapping[str, Channel], Mapping[str, str]]:
    """Return the channels and, by name, what those still need that cannot send yet."""
    if not delivering:
        return build_channels(loaded, env, crms, watching=True), {}
    ready, problems = _set_up_channels(loaded, env, crms)
    return ready, {name: "; ".join(lines) for name, lines in problems.items()}


def build_channels(
    loaded: Loaded,
    env: Mapping[str, str],
    crms: Mapping[str, Crm] = MappingProxyType({}),
    *,
    watching: bool = False,
) -> Mapping[str, Channel]:
    """Return every channel of config by its name; tasks for people are made in `crms`.

    Raises ConfigError with every secret of every channel that is missing or of no use. While leadsync only watches, such
    a channel writes to the log instead: a first look at an org needs nobody's webhook.
    """
    ready, problems = _set_up_channels(loaded, env, crms)
    if problems and not watching:
        lines = tuple(line for lines in problems.values() for line in lines)
        raise ConfigError(f"{len(lines)} problems with channels; their messages wait until they are mended", lines)
    return {name: ready.get(name) or channel_kinds.LogChannel(name) for name in loaded.settings.channels}


def _set_up_channels(
    loaded: Loaded, env: Mapping[str, str], crms: Mapping[str, Crm]
) -> tuple[Mapping[str, Channel], Mapping[str, tuple[str, ...]]]:
    """Return the channels that have what they need, and the problems of the others."""

    def create_task(subject: str, text: str, owner_id: str, ref: Ref, key: str) -> None:
        connection = loaded.settings.crms.get(ref.crm)
        if connection is None or connection.kind not in _TASK_MAKERS or ref.crm not in crms:
            raise CrmRejected(f"leadsync makes no tasks in {ref.crm or 'no CRM'}")
        _TASK_MAKERS[connection.kind](crms[ref.crm])(subject, text, owner_id, ref, key)

    ready: dict[str, Channel] = {}
    problems: dict[str, tuple[str, ...]] = {}
    for name, spec in loaded.settings.channels.items():
        try:
            ready[name] = channel_kinds.build(
                name,
                spec,
                channel_secrets(name, env),
                loaded.settings.channel_hosts,
                clock=SystemClock(),
                create_task=create_task,
            )
        except ConfigError as error:
            problems[name] = error.problems or (str(error),)
    return ready, problems


def _salesforce_tasks(crm: Crm) -> CreateTask:
    from leadsync.crm.salesforce import SalesforceCrm
    from leadsync.crm.salesforce.tasks import tasks_of

    assert isinstance(crm, SalesforceCrm)
    return tasks_of(crm).create


def _dynamics_tasks(crm: Crm) -> CreateTask:
    from leadsync.crm.dynamics import DynamicsCrm
    from leadsync.crm.dynamics.tasks import tasks_of

    assert isinstance(crm, DynamicsCrm)
    return tasks_of(crm).create


_TASK_MAKERS: Mapping[str, Callable[[Crm], CreateTask]] = {
    "salesforce": _salesforce_tasks,
    "dynamics": _dynamics_tasks,
}


def picklists_of(kind: str, url: str, env: Mapping[str, str]) -> tuple[Picklists | None, str]:
    """Return the org's own picklists for `init`, or None with the reason why it could not be asked."""
    from leadsync.settings.runtime import API_VERSIONS

    try:
        return _PICKLISTS[kind](url, API_VERSIONS[kind], env), ""
    except LeadsyncError as error:
        return None, str(error)


def _salesforce_picklists(url: str, api_version: str, env: Mapping[str, str]) -> Picklists:
    from leadsync.crm.salesforce.picklists import read_picklists

    found = read_picklists(url, api_version, _salesforce_credentials("LEADSYNC_SALESFORCE", env), SystemClock())
    return Picklists(found.lead_status, found.campaign_types, found.lead_sources)


def _dynamics_picklists(url: str, api_version: str, env: Mapping[str, str]) -> Picklists:
    from leadsync.crm.dynamics.picklists import read_picklists

    found = read_picklists(url, api_version, _dynamics_credentials("LEADSYNC_DYNAMICS", env), SystemClock())
    return Picklists(found.lead_status, found.campaign_types, found.lead_sources, found.tenant)


_PICKLISTS: Mapping[str, Callable[[str, str, Mapping[str, str]], Picklists]] = {
    "salesforce": _salesforce_picklists,
    "dynamics": _dynamics_picklists,
}


def parse_now(text: str | None) -> datetime | None:
    """Return the instant that `--now` names; raises ConfigError for anything else."""
    if text is None:
        return None
    try:
        return from_text(text)
    except ValueError as error:
        raise ConfigError(f"--now {text!r} is no instant; write it like 2026-12-01T08:00:00Z") from error
