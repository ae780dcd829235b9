"""Whom a message is for: the channel itself, or a CRM user behind it."""

from leadsync.domain.effects import Escalation, Notice
from leadsync.errors import ChannelFailed


def addressee(channel: str, message: Escalation | Notice, address: str | None) -> str | None:
    """Return the e-mail address of the person whom a message is for, None when it is for the channel itself.

    Raises ChannelFailed when it is for a person whose address nobody knows.
    """
    if message.recipient == channel:
        return None
    if not address:
        raise ChannelFailed(f"{channel}: the CRM knows no e-mail address of user {message.recipient}", permanent=True)
    return address
