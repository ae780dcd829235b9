"""The log as a channel: says that somebody would have been told, by ids alone, and never what."""

from dataclasses import dataclass

from leadsync import logs
from leadsync.domain.effects import Escalation, Notice

_log = logs.get("leadsync.channels.log")


@dataclass(slots=True)
class LogChannel:
    """Writes `message.sent` with the ids of the message; texts and names stay out of logs."""

    name: str

    def send(self, message: Escalation | Notice, address: str | None) -> None:
        """Log the message; nothing is needed and nothing can fail."""
        ids = {
            "channel": self.name,
            "effect_id": message.effect_id,
            "person_id": message.person_id,
            "ref": str(message.ref),
            "recipient": message.recipient,
        }
        match message:
            case Escalation():
                _log.info("message.sent", **ids, clock=message.clock, rung=message.rung, late=message.late)
            case Notice():
                _log.info("message.sent", **ids, notice=message.notice)
