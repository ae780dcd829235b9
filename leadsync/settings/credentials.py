"""Secrets from the environment: `LEADSYNC_<CRM>_CLIENT_SECRET` and so on, or a file that `..._FILE` names.

Secrets stand in no YAML file. An error names the variable, never what it holds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from leadsync.errors import ConfigError
from leadsync.secret import Secret

MAX_SECRET_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a CRM's login may need; None where nothing is given. Which of them it takes is the adapter's business."""

    client_id: Secret | None = None
    client_secret: Secret | None = None
    private_key: Secret | None = None
    certificate: Secret | None = None
    username: Secret | None = None
    password: Secret | None = None
    security_token: Secret | None = None
    token: Secret | None = None


@dataclass(frozen=True, slots=True)
class ChannelSecrets:
    """What a channel may need; None where nothing is given."""

    url: Secret | None = None
    token: Secret | None = None
    password: Secret | None = None
    signing_key: Secret | None = None


def credentials(prefix: str, env: Mapping[str, str]) -> Credentials:
    """Return a CRM's credentials from the variables that begin with `prefix`.

    Raises ConfigError when a variable and its `_FILE` are both set, or a file cannot be read.
    """
    return Credentials(**{name: secret(f"{prefix}_{name.upper()}", env) for name in Credentials.__slots__})


def channel_secrets(channel: str, env: Mapping[str, str]) -> ChannelSecrets:
    """Return a channel's secrets from `LEADSYNC_CHANNEL_<NAME>_...`; errors as for `credentials`."""
    prefix = f"LEADSYNC_CHANNEL_{channel.upper()}"
    return ChannelSecrets(**{name: secret(f"{prefix}_{name.upper()}", env) for name in ChannelSecrets.__slots__})


def secret(variable: str, env: Mapping[str, str]) -> Secret | None:
    """Return one secret, without the line end that editors leave in files; an empty variable counts as none."""
    given, path = env.get(variable), env.get(f"{variable}_FILE")
    if given and path:
        raise _wrong(variable, f"{variable} and {variable}_FILE are both set; unset one of them")
    if not path:
        return Secret(given) if given else None
    try:
        with Path(path).open("rb") as file:
            content = file.read(MAX_SECRET_BYTES + 1)
        if len(content) > MAX_SECRET_BYTES:
            raise _wrong(variable, f"the file that {variable}_FILE names is larger than {MAX_SECRET_BYTES // 1024} KiB")
        text = content.decode("utf-8-sig").rstrip("\r\n")
    except (OSError, ValueError) as error:
        # Decoding errors quote the bytes they stumble over, so nothing of them is passed on.
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "it is not text"
        raise _wrong(variable, f"the file that {variable}_FILE names cannot be read: {reason}") from None
    if not text:
        raise _wrong(variable, f"the file that {variable}_FILE names is empty")
    return Secret(text)


def _wrong(variable: str, message: str) -> ConfigError:
    return ConfigError(message, (f"environment:{variable}: {message}",))
