"""Tasks for people: a message of leadsync as a Salesforce Task beside its lead or contact, made once for each key.

The key stands in the last line of the comments (Description): the one text field of a Task that has room, that every
org has and that means nothing else; it cannot be filtered by, so the tasks that leadsync itself made for the person
are read and looked through. Deleted ones count too: who threw a task away has seen it.
"""

from leadsync.crm.salesforce.adapter import SalesforceCrm
from leadsync.crm.salesforce.client import Client
from leadsync.crm.salesforce.soql import Columns, ids, path, select, where
from leadsync.crm.salesforce.verdicts import refused
from leadsync.domain.records import Ref
from leadsync.errors import CrmRejected

LONGEST_SUBJECT = 255
LONGEST_TEXT = 31_000  # Description holds 32,000 characters, and the key needs a line
_TASKS = Columns(("Id", "Description"))


class Tasks:
    """Makes tasks in one org; `user_id` is leadsync's own user there."""

    def __init__(self, client: Client, user_id: str) -> None:
        self._client, self._user_id = client, user_id

    def create(self, subject: str, text: str, owner_id: str, ref: Ref, key: str) -> None:
        """Make the task unless one with this key is there; costs two API requests.

        Raises CrmUnavailable, OutcomeUnknown or CrmAuthFailed when trying again can help, else CrmRejected or
        ObjectBlocked. A task is how a rung or a new lead is told, so it may spend what is kept for urgent work.
        """
        if len(ids([owner_id, ref.id])) < 2:
            raise CrmRejected("a task needs a user and a lead or contact of the org")
        if self._is_there(ref, key):
            return
        body = {
            "WhoId": ref.id,
            "OwnerId": owner_id,
            "Subject": " ".join(subject.split())[:LONGEST_SUBJECT],
            "Description": f"{text[:LONGEST_TEXT]}\n\n{_line(key)}",
        }
        answer = self._client.send("POST", "sobjects/Task", body=body)
        if answer.status != 201:
            raise refused(answer, "Task")

    def _is_there(self, ref: Ref, key: str) -> bool:
        ours = where("WhoId = {who} AND CreatedById = {user}", who=ref.id, user=self._user_id)
        more: str | None = path(select(_TASKS.names, "Task", ours), include_deleted=True)
        while more:
            # Asked once, unlike other reads: a message waits in the outbox, not here, where others wait behind it.
            answer = self._client.send("GET", more)
            if answer.status != 200:
                raise refused(answer, "Task")
            page = _TASKS.decode(answer.body)
            if any(_line(key) in (text or "").splitlines() for _, text in page.rows):
                return True
            more = page.more
        return False


def _line(key: str) -> str:
    return f"leadsync {key}"


def tasks_of(crm: SalesforceCrm) -> Tasks:
    """Return the tasks of an org, through its adapter's session and share of requests; logs in if needed."""
    return Tasks(crm._client, crm.connect().user_id)
