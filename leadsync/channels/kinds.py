"""Which module stands behind a channel's `kind:`, and what each kind needs before it can be made.

To add a kind: its module, a case here, and the word in config's schema.
"""

from typing import Protocol

from leadsync.channels.crm_task import CreateTask, CrmTaskChannel
from leadsync.channels.email import EmailChannel, checked_address
from leadsync.channels.log import LogChannel
from leadsync.channels.pagerduty import EVENTS, PagerDutyChannel
from leadsync.channels.posting import Hook, hook
from leadsync.channels.slack import SlackChannel
from leadsync.channels.teams import TeamsChannel
from leadsync.channels.webhook import WebhookChannel, keys_of
from leadsync.clock import Clock
from leadsync.errors import ConfigError
from leadsync.ports import Channel
from leadsync.secret import Secret


class Spec(Protocol):
    """A channel as config describes it; host, port and sender are e-mail's."""

    @property
    def kind(self) -> str: ...
    @property
    def host(self) -> str | None: ...
    @property
    def port(self) -> int: ...
    @property
    def sender(self) -> str | None: ...


class Secrets(Protocol):
    """A channel's secrets; None where none is given."""

    @property
    def url(self) -> Secret | None: ...
    @property
    def token(self) -> Secret | None: ...
    @property
    def password(self) -> Secret | None: ...
    @property
    def signing_key(self) -> Secret | None: ...


def build(
    name: str, spec: Spec, secrets: Secrets, hosts: frozenset[str], *, clock: Clock, create_task: CreateTask
) -> Channel:
    """Return the channel of that name; nothing is sent yet.

    Raises ConfigError, which names the variable, for a missing or unusable secret and for a host that is not in `hosts`.
    """
    match spec.kind:
        case "log":
            return LogChannel(name)
        case "slack":
            return SlackChannel(name, _hook(name, secrets, hosts))
        case "teams":
            return TeamsChannel(name, _hook(name, secrets, hosts))
        case "webhook":
            key = _needed(name, "SIGNING_KEY", secrets.signing_key)
            try:
                keys_of(key)
            except ConfigError as error:
                raise _wrong(name, "SIGNING_KEY", str(error)) from None
            return WebhookChannel(name, _hook(name, secrets, hosts), key, clock)
        case "pagerduty":
            # The address is given for an account in another service region only.
            where = _hook(name, secrets, hosts, usual=EVENTS)
            return PagerDutyChannel(name, where, _needed(name, "TOKEN", secrets.token))
        case "email":
            return _email(name, spec, secrets, hosts, clock)
        case "crm_task":
            return CrmTaskChannel(name, create_task)
        case kind:
            raise ConfigError(f'the channel "{name}" is of the kind {kind}, which leadsync does not know')


def _email(name: str, spec: Spec, secrets: Secrets, hosts: frozenset[str], clock: Clock) -> EmailChannel:
    if not spec.host or not spec.sender:
        raise ConfigError(f'the channel "{name}" needs host: and sender:')
    if spec.host.casefold() not in hosts:
        raise ConfigError(
            f'the host of the channel "{name}" is not in channel_hosts:, and nothing is sent anywhere else'
        )
    try:
        checked_address(spec.sender)
    except ValueError:
        raise ConfigError(f'the sender of the channel "{name}" is no e-mail address') from None
    if secrets.password is not None and not secrets.password.reveal().isascii():
        raise _wrong(name, "PASSWORD", "it is not plain ASCII, and SMTP has no way to say it")
    return EmailChannel(name, spec.host, spec.port, spec.sender, secrets.password, clock)


def _hook(name: str, secrets: Secrets, hosts: frozenset[str], usual: Secret | None = None) -> Hook:
    try:
        return hook(name, _needed(name, "URL", secrets.url or usual), hosts)
    except ConfigError as error:
        raise error if error.problems else _wrong(name, "URL", str(error)) from None


def _needed(name: str, what: str, secret: Secret | None) -> Secret:
    if secret is None:
        raise _wrong(name, what, f'it is not set, and the channel "{name}" cannot do without it')
    return secret


def _wrong(name: str, what: str, why: str) -> ConfigError:
    variable = f"LEADSYNC_CHANNEL_{name.upper()}_{what}"
    return ConfigError(f"{variable}: {why}", (f"environment:{variable}: {why}",))
