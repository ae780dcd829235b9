"""One HTTP POST to an allowed address, sent once: what the answer means for a message, and nothing about its content.

An address is a secret (whoever has it may post), so errors name the channel and the host alone. Allowed hosts are met
over https with a checked certificate, which a host with a forged DNS answer cannot show; redirects are not followed.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError, LocationParseError
from urllib3.util import parse_url

from leadsync.errors import ChannelFailed, ConfigError
from leadsync.http import CONNECT_SECONDS, checked_url, new_session
from leadsync.secret import Secret

READ_SECONDS = 20.0  # a message waits for nobody: later ones are behind it
_READ_BYTES = 1024
_MAY_HEAL = frozenset({408, 409, 421, 423, 425, 429})


@dataclass(frozen=True, slots=True)
class Hook:
    """Where a channel posts to; made by `hook`, which has checked the address."""

    channel: str
    url: Secret
    host: str

    def post(self, body: bytes, headers: Mapping[str, str] | None = None) -> bytes:
        """Send JSON once and return how the answer begins; raises ChannelFailed unless it was accepted (2xx)."""
        sent = {"Content-Type": "application/json", **(headers or {})}
        try:
            # A session for each message: a kept connection may be stale, and then nobody knows what was received.
            with (
                new_session((CONNECT_SECONDS, READ_SECONDS)) as session,
                session.post(self.url.reveal(), data=body, headers=sent, stream=True) as response,
            ):
                status = response.status_code
                if 200 <= status < 300:
                    # Accepted: an answer that breaks off changes nothing.
                    with suppress(HTTPError, OSError):
                        return bytes(response.raw.read(_READ_BYTES, decode_content=True))
                    return b""
        except (requests.RequestException, HTTPError, OSError) as error:
            # Not chained: what these libraries raise quotes the address.
            raise ChannelFailed(
                f"{self.channel}: {self.host} cannot be reached or broke off ({type(error).__name__})", permanent=False
            ) from None
        raise ChannelFailed(f"{self.channel}: {self.host} answers {status}", permanent=is_final(status))


def is_final(status: int) -> bool:
    """Say whether an HTTP status other than 2xx means that the same message will never be accepted."""
    return 300 <= status < 500 and status not in _MAY_HEAL


def hook(channel: str, url: Secret, hosts: frozenset[str]) -> Hook:
    """Return the hook at an address; raises ConfigError unless it is https (http to this machine) and its host allowed."""
    text = url.reveal()
    try:
        checked_url(text)
        seen, met = urlsplit(text).hostname, parse_url(text)
    except (ValueError, LocationParseError):
        raise ConfigError("it is no address") from None
    host = (met.host or "").strip("[]").casefold()
    # The parser that connects has the last word: what two parsers read differently is there to deceive one of them.
    if host != (seen or "").casefold() or met.auth is not None or any(c.isspace() for c in text):
        raise ConfigError("it is no address that leadsync posts to; a user, a password or a space may not stand in it")
    if host not in hosts:
        raise ConfigError(f"its host {host} is not in channel_hosts:, and nothing is sent anywhere else")
    return Hook(channel, url, host)


def encode(payload: Mapping[str, Any]) -> bytes:
    """Return JSON in plain ASCII, the same bytes for the same payload."""
    return json.dumps(payload, separators=(",", ":")).encode("ascii")
