"""Any HTTP receiver, after Standard Webhooks (standardwebhooks.com): signed, with an id that stays the same.

Receivers drop what they have seen by `webhook-id`, and believe nothing without a good `webhook-signature`.
"""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from typing import Any

from leadsync.channels.posting import Hook, encode
from leadsync.clock import Clock
from leadsync.domain.effects import Escalation, Notice
from leadsync.domain.instants import to_text
from leadsync.errors import ConfigError
from leadsync.secret import Secret

SHORTEST_KEY = 24  # bytes; the specification asks for 24 to 64


def payload(message: Escalation | Notice, address: str | None) -> dict[str, Any]:
    """Return the body: the kind of event, and the message with every id; the same at every attempt."""
    data: dict[str, Any] = {
        "effect_id": message.effect_id,
        "person_id": message.person_id,
        "crm": message.ref.crm,
        "object": message.ref.object,
        "record_id": message.ref.id,
        "channel": message.channel,
        "recipient": message.recipient,
        "address": address,
        "title": message.title,
        "text": message.text,
    }
    match message:
        case Escalation():
            due_at = to_text(message.due_at)
            data |= {"clock": message.clock, "clock_id": message.clock_id, "rung": message.rung, "due_at": due_at}
            return {"type": "escalation.due", "timestamp": due_at, "data": {**data, "late": message.late}}
        case Notice():
            return {"type": f"notice.{message.notice}", "data": data}


def signature(key: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """Return the signature of one attempt: HMAC-SHA256 over `id.timestamp.body`."""
    signed = b".".join((message_id.encode(), str(timestamp).encode(), body))
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode("ascii")


def keys_of(secret: Secret) -> tuple[bytes, ...]:
    """Return the keys of a secret of `whsec_` and base64; several with spaces between them while keys are rotated.

    Raises ConfigError for anything else: a receiver's library would read other forms in its own way.
    """
    found = []
    for one in secret.reveal().split():
        try:
            key = base64.b64decode(one.removeprefix("whsec_"), validate=True) if one.startswith("whsec_") else b""
        except (binascii.Error, ValueError):
            key = b""
        if len(key) < SHORTEST_KEY:
            raise ConfigError(
                f"it is no signing key; write whsec_ and the base64 of {SHORTEST_KEY} or more random bytes"
            )
        found.append(key)
    if not found:
        raise ConfigError("it is empty")
    return tuple(found)


@dataclass(slots=True)
class WebhookChannel:
    """One receiver. `secret` signs; it is read again for each message, so that keys stand in no other place."""

    name: str
    hook: Hook
    secret: Secret
    clock: Clock

    def send(self, message: Escalation | Notice, address: str | None) -> None:
        """Post the signed message once; raises ChannelFailed. A user without a known address is named by id alone."""
        body = encode(payload(message, address))
        at = int(self.clock.wall().timestamp())
        signatures = (signature(key, message.effect_id, at, body) for key in keys_of(self.secret))
        self.hook.post(
            body,
            {
                "webhook-id": message.effect_id,
                "webhook-timestamp": str(at),
                "webhook-signature": " ".join(signatures),
            },
        )
