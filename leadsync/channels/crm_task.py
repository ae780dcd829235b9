"""A task in the CRM for a person, beside the record that it is about; how a CRM makes one is its adapter's business."""

from collections.abc import Callable
from dataclasses import dataclass

from leadsync.domain.effects import Escalation, Notice
from leadsync.domain.records import Ref
from leadsync.errors import ChannelFailed, CrmAuthFailed, CrmUnavailable, LeadsyncError, OutcomeUnknown

CreateTask = Callable[[str, str, str, Ref, str], None]
"""Makes a task of (subject, text, owner id, record, key), once for each key; raises LeadsyncError."""


@dataclass(slots=True)
class CrmTaskChannel:
    """The tasks of all CRMs; a message says by its record which of them is meant."""

    name: str
    create_task: CreateTask

    def send(self, message: Escalation | Notice, address: str | None) -> None:
        """Make the task unless it is there; raises ChannelFailed. The user's id is enough, no address is needed."""
        if message.recipient == self.name:
            raise ChannelFailed(f"{self.name}: a task needs a person, and this is for no person", permanent=True)
        try:
            self.create_task(message.title, message.text, message.recipient, message.ref, message.effect_id)
        except (CrmUnavailable, CrmAuthFailed, OutcomeUnknown) as error:
            raise ChannelFailed(f"{self.name}: {error}", permanent=False) from error
        except LeadsyncError as error:
            raise ChannelFailed(f"{self.name}: {error}", permanent=True) from error
