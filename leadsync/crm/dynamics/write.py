"""Writing back: one PATCH a record, many to a batch, each sent at most once.

A guarded write names the version it was decided on (`If-Match: <ETag>`), any other `If-Match: *`: without the header a
PATCH would create again what somebody deleted. Every body carries the operation token. What became of each write follows
reliability.md 6 and the classes of crm/dataverse.md 11.
"""

from collections.abc import Mapping, Sequence

from leadsync.crm.dynamics import odata
from leadsync.crm.dynamics.client import Client
from leadsync.crm.dynamics.metadata import Attribute, Metadata, Table
from leadsync.crm.dynamics.multipart import Part, batch_answers
from leadsync.crm.dynamics.odata import any_of, guid, guids, path
from leadsync.crm.dynamics.people import Memberships
from leadsync.crm.dynamics.stages import DISQUALIFIED, NEW, OPEN, REASON, STATE, StageValues, known_values
from leadsync.crm.dynamics.verdicts import (
    BUSY_PAUSE,
    LONGEST_PAUSE,
    SLOWING,
    fault_of,
    judged,
)
from leadsync.crm.sending import SESSION_PAUSE, UNREACHABLE_PAUSE, all_alike, is_urgent, portions, unanswered
from leadsync.crm.values import to_native
from leadsync.domain.effects import Outcome, WriteBack
from leadsync.domain.mapping import CrmMapping, FieldMapping
from leadsync.domain.records import Value
from leadsync.errors import CrmUnavailable, LeadsyncError, ObjectBlocked
from leadsync.http import Answer, retry_after

BATCH = 50
CLOSED = "CLOSED_AND_NO_EDGE_REOPENS_IT"

Body = dict[str, Value]


class Writer:
    """Sends write-backs of one environment; `refused` names objects whose writes met a missing column or right."""

    def __init__(self, client: Client, metadata: Metadata, mapping: CrmMapping, members: Memberships) -> None:
        self._client, self._metadata, self._mapping, self._members = client, metadata, mapping, members
        self._lot = BATCH
        self._stale = False  # somebody changed the options since they were read
        self.refused: dict[str, str] = {}

    def write(self, writes: Sequence[WriteBack]) -> tuple[Outcome, ...]:
        """Return what became of each write, in order. Raises nothing that would hide what was already sent."""
        if self._stale:
            self._metadata.forget()
            self._stale = False
        ends: dict[int, Outcome] = {}
        bodies: dict[int, Body] = {}
        taken: set[object] = set()
        for place, write in enumerate(writes):
            if write.ref in taken:
                ends[place] = Outcome(write.effect_id, "pending", "one write per record at a time", 1.0)
                continue
            try:
                bodies[place] = self._body(write)
                taken.add(write.ref)
            except _Unwritable as error:
                ends[place] = Outcome(write.effect_id, "rejected", str(error))
            except LeadsyncError as error:
                ends[place] = _not_sent(write, error)
        self._reopen(writes, bodies, ends)
        for some in portions(list(bodies), lambda: self._lot, lambda place: is_urgent(writes[place])):
            sent = self._sent([writes[place] for place in some], [bodies[place] for place in some])
            ends.update(zip(some, sent, strict=True))
        return tuple(ends[place] for place in range(len(writes)))

    def _body(self, write: WriteBack) -> Body:
        """Return the columns of a write; raises _Unwritable when it may not be sent."""
        mapping = self._mapping.objects.get(write.ref.object)
        if mapping is None:
            raise _Unwritable(f"NOT_MAPPED:{write.ref.object}")
        if guid(write.ref.id) is None:
            raise _Unwritable("NO_ID")
        table = self._metadata.table(mapping.native)
        body: Body = {}
        for name, value in write.values.items():
            field = mapping.field_of(name)
            if field is None or not field.write:
                raise _Unwritable(f"NOT_WRITABLE:{name}")
            column = table.attribute(field.native[0])
            body |= self._stage(write, table, column) if name == "stage" else self._plain(field, column, value)
        token = mapping.fields.get("operation")
        if token is not None and token.write:
            body[token.native[0]] = write.token()
        return body

    def _stage(self, write: WriteBack, table: Table, column: Attribute) -> Body:
        value = write.values["stage"]
        values = StageValues(known_values(self._mapping), column, table.attributes.get(STATE))
        found = values.native(None if value is None else str(value))
        if found is None:
            raise _Unwritable(f"NOT_SETTABLE:{column.name}")
        if values.is_closed(write.guarded.get("stage")) and not write.reopen:
            raise _Unwritable(CLOSED)
        return found

    def _reopen(self, writes: Sequence[WriteBack], bodies: dict[int, Body], ends: dict[int, Outcome]) -> None:
        """Have those writes open their lead again that was closed by the button and is to get another stage, if they may.

        Whether it is closed is asked first: to set the state of an open lead would change its status reason.
        """
        leaving = [place for place in bodies if self._leaves_the_button(writes[place])]
        if not leaving:
            return
        try:
            closed = self._closed([writes[place].ref.id for place in leaving])
        except LeadsyncError as error:  # nothing of these writes was sent
            for place in leaving:
                del bodies[place]
                ends[place] = _not_sent(writes[place], error)
            return
        for place in leaving:
            if writes[place].ref.id not in closed:
                continue
            if writes[place].reopen:
                bodies[place] |= {STATE: OPEN, REASON: NEW}
            else:
                del bodies[place]
                ends[place] = Outcome(writes[place].effect_id, "rejected", CLOSED)

    def _leaves_the_button(self, write: WriteBack) -> bool:
        button = self._mapping.disqualify_button
        if button is None or write.ref.object != "lead" or "stage" not in write.values:
            return False
        if self._mapping.objects["lead"].stage.native[0] == REASON:
            return False
        stage_of = self._mapping.stage_of_value
        before, after = (stage_of.get(str(values.get("stage"))) for values in (write.guarded, write.values))
        return before == button.stage != after

    def _closed(self, ids: Sequence[str]) -> frozenset[str]:
        """Return which of these leads are closed."""
        table = self._metadata.table(self._mapping.objects["lead"].native)
        paths = [
            path(table.set, (table.key,), f"{STATE} eq {DISQUALIFIED} and {any_of(table.key, some)}")
            for some in odata.portions(guids(ids))
        ]
        return frozenset(str(row[table.key]) for row in self._client.gathered(paths, table.name))

    def _plain(self, field: FieldMapping, column: Attribute, value: Value) -> Body:
        value = to_native(field, value)
        if column.is_lookup:
            return {f"{column.navigation}@odata.bind": self._bound(column, value)}
        if value is not None and column.options:
            option = column.option(str(value))
            if option is None:
                raise _Unwritable(f"NO_SUCH_OPTION:{column.name}")
            return {column.name: option.number}
        if isinstance(value, str) and field.type == "date":
            return {column.name: value[:10]}
        return {column.name: value}

    def _bound(self, column: Attribute, value: Value) -> str | None:
        """Return the address of the row that a lookup is to lead to; an owner may be a user or a team."""
        if value is None:
            return None
        key = guid(str(value))
        if key is None:
            raise _Unwritable(f"NO_ID:{column.name}")
        target = column.targets[0] if len(column.targets) == 1 else "systemuser"
        if target == "systemuser" and len(column.targets) != 1 and self._members.is_team(key):
            target = "team"
        return f"/{self._metadata.table(target).set}({key})"

    def _sent(self, writes: Sequence[WriteBack], bodies: Sequence[Mapping[str, Value]]) -> list[Outcome]:
        parts = [
            Part(
                f"{self._set(write)}({write.ref.id})", "PATCH",
                {"If-Match": write.base_version if write.guarded else "*"}, body,
            )
            for write, body in zip(writes, bodies, strict=True)
        ]  # fmt: skip
        try:
            answer = self._client.batch(parts, urgent=all(is_urgent(write) for write in writes))
        except LeadsyncError as error:
            return unanswered(writes, error)
        if answer.status != 200:
            return self._turned_away(writes, answer)
        try:
            found = batch_answers(answer, len(parts))
        except CrmUnavailable:
            return all_alike(writes, "unknown", "ANSWERS_DO_NOT_FIT")
        self._mind(found)
        return [self._judged(write, one) for write, one in zip(writes, found, strict=True)]

    def _turned_away(self, writes: Sequence[WriteBack], answer: Answer) -> list[Outcome]:
        """Return what a batch means that was refused as a whole: nothing of it was carried out, if it was refused in time."""
        fault = fault_of(answer.body)
        self._mind([answer])
        if answer.status == 413:
            self._lot = max(self._lot // 2, 1)
            return all_alike(writes, "pending", "TOO_LARGE", 1.0)
        if answer.status == 403 and fault is not None and fault.kind() == "stranger":
            return all_alike(writes, "pending", str(fault), SESSION_PAUSE)
        if answer.status == 404:  # it is the API that is not there, not a record
            return all_alike(writes, "pending", "NO_API_HERE", SESSION_PAUSE)
        if answer.status < 400:
            return all_alike(writes, "unknown", f"HTTP_{answer.status}")
        wait = retry_after(answer, BUSY_PAUSE, LONGEST_PAUSE)
        return [judged(write.effect_id, answer.status, fault, wait) for write in writes]

    def _mind(self, answers: Sequence[Answer]) -> None:
        """Make smaller batches while the environment is short of time, and pause when a part is told to."""
        faults = [fault for one in answers if one.status >= 400 and (fault := fault_of(one.body))]
        slowed = any(fault.code in SLOWING for fault in faults)
        self._lot = max(self._lot // 2, 1) if slowed else min(self._lot * 2, BATCH)
        if told := [one for one in answers if one.status == 429]:
            self._client.close_gate(retry_after(told[0], BUSY_PAUSE, LONGEST_PAUSE))

    def _judged(self, write: WriteBack, answer: Answer) -> Outcome:
        fault = fault_of(answer.body) if answer.status >= 400 else None
        found = judged(write.effect_id, answer.status, fault, retry_after(answer, BUSY_PAUSE, LONGEST_PAUSE))
        if found.state == "applied":
            self.refused.pop(write.ref.object, None)
        elif fault is not None and fault.kind() == "mapping":
            self.refused[write.ref.object] = (
                f"writing {self._set(write)}: Dataverse refuses with {found.error}; grant the application user write access, or "
                "change the mapping (`leadsync check --live`)"
            )
        elif fault is not None and str(fault) == "STATE_AND_REASON_DO_NOT_FIT":
            self._stale = True
        return found

    def _set(self, write: WriteBack) -> str:
        return self._metadata.table(self._mapping.objects[write.ref.object].native).set


class _Unwritable(Exception):
    """A write that may not be sent; the message is a code and a name."""


def _not_sent(write: WriteBack, error: LeadsyncError) -> Outcome:
    """Return what becomes of a write of which nothing was sent."""
    if isinstance(error, ObjectBlocked):
        return Outcome(write.effect_id, "rejected", str(error))
    wait = getattr(error, "retry_after", None) or UNREACHABLE_PAUSE
    return Outcome(write.effect_id, "pending", "NOT_SENT", wait)
