"""Slack, by an incoming webhook: a message on the floor that the webhook belongs to.

A webhook knows its channel only, so a message for a person begins with whom it is for. Slack takes no id with a
message: after a lost answer the same message may stand there twice.
"""

from dataclasses import dataclass
from typing import Any

from leadsync.channels.addressee import addressee
from leadsync.channels.posting import Hook, encode
from leadsync.domain.effects import Escalation, Notice

LONGEST = 30_000  # Slack cuts at 40,000 characters


def escape(text: str) -> str:
    """Return a text in which nothing mentions, links or commands (api.slack.com, Formatting text: & < > are all)."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def payload(message: Escalation | Notice, person: str | None) -> dict[str, Any]:
    """Return what Slack is sent; `person` is whom it is for, None for the whole floor."""
    lines = [f"For {escape(person)}"] if person else []
    lines += [f"*{escape(message.title)}*", escape(message.text[:LONGEST])]
    return {"text": "\n".join(lines)}


@dataclass(slots=True)
class SlackChannel:
    """One Slack channel."""

    name: str
    hook: Hook

    def send(self, message: Escalation | Notice, address: str | None) -> None:
        """Post the message once; raises ChannelFailed."""
        self.hook.post(encode(payload(message, addressee(self.name, message, address))))
