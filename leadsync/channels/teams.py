"""Microsoft Teams, by a webhook of a channel (a workflow, or a connector of old): a message as an adaptive card.

Like Slack's, the webhook knows its channel only and takes no id with a message.
"""

import re
from dataclasses import dataclass
from typing import Any

from leadsync.channels.addressee import addressee
from leadsync.channels.posting import Hook, encode
from leadsync.domain.effects import Escalation, Notice
from leadsync.errors import ChannelFailed

LONGEST = 8_000  # Teams refuses messages above 28 KB, and a character may take six bytes of JSON, or be escaped
_MARKS = re.compile(r"([\\`*_{}\[\]()<>#+\-.!~|&])")


def escape(text: str) -> str:
    """Return a text that a card shows as it stands.

    Text blocks read Markdown and {{DATE(...)}}: unescaped, a lead's name could be a link that hides where it leads.
    """
    return _MARKS.sub(r"\\\1", text)


def payload(message: Escalation | Notice, person: str | None) -> dict[str, Any]:
    """Return what Teams is sent: a card with the title and a block for each line, since cards swallow line ends."""
    lines = [line for line in message.text[:LONGEST].splitlines() if line.strip()]
    body = [_block(f"For {person}")] if person else []
    body.append({**_block(message.title), "weight": "Bolder", "size": "Medium"})
    body += [_block(line) for line in lines]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


def _block(text: str) -> dict[str, Any]:
    return {"type": "TextBlock", "text": escape(text), "wrap": True}


@dataclass(slots=True)
class TeamsChannel:
    """One channel of one team."""

    name: str
    hook: Hook

    def send(self, message: Escalation | Notice, address: str | None) -> None:
        """Post the message once; raises ChannelFailed."""
        said = self.hook.post(encode(payload(message, addressee(self.name, message, address))))
        # Connectors answer 200 and tell in the body that Teams itself refused (learn.microsoft.com, Rate limiting).
        if b"returned HTTP error" in said:
            raise ChannelFailed(f"{self.name}: Teams did not take the message from {self.hook.host}", permanent=False)
