"""Tasks for people: a message of leadsync as a Dynamics task beside its lead or contact, made once for each key.

The task's id follows from the key, and it is made only if there is none (`If-None-Match: *`), so that asking again after
a lost answer makes no second one.
"""

import uuid
from typing import Any

from leadsync.crm.dynamics.adapter import DynamicsCrm
from leadsync.crm.dynamics.client import Client
from leadsync.crm.dynamics.odata import guid
from leadsync.crm.dynamics.verdicts import fault_of, refused
from leadsync.domain.effects import NAMESPACE
from leadsync.domain.records import Ref
from leadsync.errors import CrmRejected

LONGEST_SUBJECT = 200
LONGEST_TEXT = 2000
_SETS = {"lead": "leads", "contact": "contacts"}
_OWNERS = ("ownerid_task", "ownerid")
"""How a task's owner is set: the first is documented for activities, older environments know the second."""


class Tasks:
    """Makes tasks in one environment."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def create(self, subject: str, text: str, owner_id: str, ref: Ref, key: str) -> None:
        """Make the task unless one with this key is there; costs one API request.

        Raises CrmUnavailable, OutcomeUnknown or CrmAuthFailed when trying again can help, else CrmRejected or
        ObjectBlocked. A task is how a rung or a new lead is told, so it may spend what is kept for urgent work.
        """
        owner, person = guid(owner_id), guid(ref.id)
        if owner is None or person is None or ref.object not in _SETS:
            raise CrmRejected("a task needs a user and a lead or contact of the environment")
        body: dict[str, Any] = {
            "subject": " ".join(subject.split())[:LONGEST_SUBJECT],
            "description": text[:LONGEST_TEXT],
            f"regardingobjectid_{ref.object}_task@odata.bind": f"/{_SETS[ref.object]}({person})",
        }
        address = f"tasks({uuid.uuid5(NAMESPACE, f'task:{key}')})"
        for lookup in _OWNERS:
            mine = {**body, f"{lookup}@odata.bind": f"/systemusers({owner})"}
            answer = self._client.send("PATCH", address, body=mine, headers={"If-None-Match": "*"})
            fault = fault_of(answer.body) if answer.status >= 400 else None
            if answer.status in (200, 201, 204) or answer.status == 412:  # 412: it is there already
                return
            if fault is None or lookup not in fault.text:
                break
        raise refused(answer, "task")


def tasks_of(crm: DynamicsCrm) -> Tasks:
    """Return the tasks of an environment, through its adapter's session and share of requests."""
    return Tasks(crm._client)
