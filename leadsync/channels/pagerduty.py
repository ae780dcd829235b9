"""PagerDuty, by its Events API v2: an alert on the service that the routing key belongs to.

`dedup_key` is the message's id, so an attempt that is repeated after a lost answer opens no second incident.
"""

from dataclasses import dataclass
from typing import Any

from leadsync.channels.posting import Hook, encode
from leadsync.domain.effects import Escalation, Notice
from leadsync.domain.instants import to_text
from leadsync.secret import Secret

EVENTS = Secret("https://events.pagerduty.com/v2/enqueue")  # the same for everybody; the routing key is the secret
LONGEST_SUMMARY = 1024
LONGEST_TEXT = 30_000  # an event may have 512 KB


def payload(message: Escalation | Notice, routing_key: Secret) -> dict[str, Any]:
    """Return the event. Whoever sends a message to those on call means it to wake them, so it is always an error."""
    details: dict[str, Any] = {
        "text": message.text[:LONGEST_TEXT],
        "person_id": message.person_id,
        "record": str(message.ref),
        "recipient": message.recipient,
    }
    match message:
        case Escalation():
            details |= {"clock": message.clock, "rung": message.rung, "due_at": to_text(message.due_at)}
        case Notice():
            details["notice"] = message.notice
    return {
        "routing_key": routing_key.reveal(),
        "event_action": "trigger",
        "dedup_key": message.effect_id,
        "payload": {
            "summary": message.title[:LONGEST_SUMMARY] or "leadsync",
            "source": message.ref.crm or "leadsync",
            "severity": "error",
            "component": "leadsync",
            "custom_details": details,
        },
    }


@dataclass(slots=True)
class PagerDutyChannel:
    """One service."""

    name: str
    hook: Hook
    routing_key: Secret

    def send(self, message: Escalation | Notice, address: str | None) -> None:
        """Open the alert once; raises ChannelFailed. Whom it reaches is PagerDuty's rota, not the recipient."""
        self.hook.post(encode(payload(message, self.routing_key)))
