"""Builds the adapter of each kind of CRM, and what leadsync asks of it beyond the port `Crm`.

Which class stands behind a CRM's `kind:` in config is decided here and nowhere else. Each function imports its adapter
when it is called, so that the heavy libraries of a CRM are loaded only for an installation that has one of that kind.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING, TypedDict

from leadsync.channels.crm_task import CreateTask
from leadsync.clock import Clock, SystemClock
from leadsync.domain.mapping import CrmMapping
from leadsync.errors import LeadsyncError
from leadsync.ports import Crm
from leadsync.secret import Secret
from leadsync.settings import Loaded
from leadsync.settings.credentials import Credentials, credentials
from leadsync.settings.runtime import API_VERSIONS, CrmConnection
from leadsync.settings.write import Picklists

if TYPE_CHECKING:
    from leadsync.crm.dynamics.auth import Credentials as DynamicsCredentials
    from leadsync.crm.salesforce.auth import Credentials as SalesforceCredentials


class _Shared(TypedDict):
    """What every adapter is given besides its credentials."""

    name: str
    url: str
    api_version: str
    mapping: CrmMapping
    company_zone: str
    clock: Clock
    stop: Event
    share: float
    reserve: float
    named_users: list[str]


@dataclass(frozen=True, slots=True)
class Kind:
    """What leadsync can do with one kind of CRM: its adapter, tasks for its people, and its picklists for `init`."""

    adapter: Callable[[CrmConnection, Mapping[str, str], _Shared], Crm]
    tasks: Callable[[Crm], CreateTask]
    picklists: Callable[[str, str, str, Mapping[str, str]], Picklists]


def build_crms(loaded: Loaded, env: Mapping[str, str], clock: Clock, stop: Event) -> Mapping[str, Crm]:
    """Return the adapter of every org of config, by its name; a set `stop` ends their waits."""
    return {
        name: build_crm(name, connection, loaded, env, clock, stop=stop)
        for name, connection in loaded.settings.crms.items()
    }


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
    limits, pools = loaded.settings.limits, loaded.rulebook.routing.pools
    shared = _Shared(
        name=name,
        url=connection.url,
        api_version=connection.api_version,
        mapping=loaded.rulebook.mappings[name],
        company_zone=loaded.rulebook.company.zone,
        clock=clock,
        stop=stop or Event(),
        share=limits.api_share,
        reserve=limits.api_reserve,
        named_users=sorted({member.user for pool in pools.values() for member in pool.members}),
    )
    return KINDS[connection.kind].adapter(connection, env, shared)


def picklists_of(kind: str, url: str, env: Mapping[str, str]) -> tuple[Picklists | None, str]:
    """Return the org's own picklists for `init`, or None with the reason why it could not be asked."""
    try:
        return KINDS[kind].picklists(url, API_VERSIONS[kind], f"LEADSYNC_{kind.upper()}", env), ""
    except LeadsyncError as error:
        return None, str(error)


def _salesforce(connection: CrmConnection, env: Mapping[str, str], shared: _Shared) -> Crm:
    from leadsync.crm.salesforce import SalesforceCrm

    return SalesforceCrm(credentials=_salesforce_credentials(connection.credentials, env), **shared)


def _salesforce_tasks(crm: Crm) -> CreateTask:
    from leadsync.crm.salesforce import SalesforceCrm
    from leadsync.crm.salesforce.tasks import tasks_of

    assert isinstance(crm, SalesforceCrm)
    return tasks_of(crm).create


def _salesforce_picklists(url: str, api_version: str, prefix: str, env: Mapping[str, str]) -> Picklists:
    from leadsync.crm.salesforce.picklists import read_picklists

    found = read_picklists(url, api_version, _salesforce_credentials(prefix, env), SystemClock())
    return Picklists(found.lead_status, found.campaign_types, found.lead_sources)


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


def _with_security_token(given: Credentials) -> Secret | None:
    """Return the password with the security token behind it, as the password flow wants them."""
    if given.password and given.security_token:
        return Secret(given.password.reveal() + given.security_token.reveal())
    return given.password


def _dynamics(connection: CrmConnection, env: Mapping[str, str], shared: _Shared) -> Crm:
    from leadsync.crm.dynamics import DynamicsCrm

    return DynamicsCrm(
        tenant=connection.tenant or "", credentials=_dynamics_credentials(connection.credentials, env), **shared
    )


def _dynamics_tasks(crm: Crm) -> CreateTask:
    from leadsync.crm.dynamics import DynamicsCrm
    from leadsync.crm.dynamics.tasks import tasks_of

    assert isinstance(crm, DynamicsCrm)
    return tasks_of(crm).create


def _dynamics_picklists(url: str, api_version: str, prefix: str, env: Mapping[str, str]) -> Picklists:
    from leadsync.crm.dynamics.picklists import read_picklists

    found = read_picklists(url, api_version, _dynamics_credentials(prefix, env), SystemClock())
    return Picklists(found.lead_status, found.campaign_types, found.lead_sources, found.tenant)


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


def _plain(secret: Secret | None) -> str | None:
    """Return what is given like a secret but is none: a consumer key, a user name."""
    return secret.reveal() if secret else None


KINDS: Mapping[str, Kind] = {
    "salesforce": Kind(_salesforce, _salesforce_tasks, _salesforce_picklists),
    "dynamics": Kind(_dynamics, _dynamics_tasks, _dynamics_picklists),
}
"""By the word that config has for it."""
