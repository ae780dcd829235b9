"""Writing back: guarded writes one by one inside composites, unguarded ones in collections, each sent at most once.

A guarded write carries `If-Unmodified-Since` with the record's LastModifiedDate, which Salesforce compares in whole
seconds; so a record that changed less than two seconds ago waits. Every body carries the operation token, every request
`Sforce-Auto-Assign: FALSE`. What became of each write follows reliability.md 6 and the classes of crm/salesforce.md 9.7.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from email.utils import format_datetime

import msgspec

from leadsync.crm.salesforce.client import PARTS_PER_COMPOSITE, Client, Part, parted
from leadsync.crm.salesforce.verdicts import BUSY_PAUSE, PAUSES, Fault, faults
from leadsync.crm.sending import SESSION_PAUSE, all_alike, is_urgent, portions, unanswered
from leadsync.crm.values import to_native
from leadsync.domain.effects import Outcome, WriteBack
from leadsync.domain.instants import from_text
from leadsync.domain.mapping import CrmMapping
from leadsync.domain.records import Value
from leadsync.errors import CrmUnavailable, LeadsyncError
from leadsync.http import Answer, retry_after

COLLECTION = 200
QUIET = timedelta(seconds=2)
_NO_ASSIGNMENT = {"Sforce-Auto-Assign": "FALSE"}


class _Result(msgspec.Struct):
    success: bool
    id: str | None = None
    errors: msgspec.Raw = msgspec.Raw(b"[]")


class Writer:
    """Sends write-backs of one org; `refused` names objects whose writes met a missing field or right."""

    def __init__(self, client: Client, mapping: CrmMapping) -> None:
        self._client, self._mapping = client, mapping
        self._lot = COLLECTION
        self.refused: dict[str, str] = {}

    def write(self, writes: Sequence[WriteBack]) -> tuple[Outcome, ...]:
        """Return what became of each write, in order. Raises nothing that would hide what was already sent."""
        ends: dict[int, Outcome] = {}
        bodies: dict[int, dict[str, Value]] = {}
        taken: set[object] = set()
        for place, write in enumerate(writes):
            body = self._body(write)
            if isinstance(body, str):
                ends[place] = Outcome(write.effect_id, "rejected", body)
            elif write.ref in taken:
                ends[place] = Outcome(write.effect_id, "pending", "one write per record at a time", 1.0)
            elif write.guarded and self._is_restless(write):
                ends[place] = Outcome(write.effect_id, "pending", "changed a moment ago", QUIET.total_seconds())
            else:
                taken.add(write.ref)
                bodies[place] = body
        guarded = [place for place in bodies if writes[place].guarded]
        # Collections are worked off in runs of one type, at most ten.
        free = sorted(
            (place for place in bodies if not writes[place].guarded), key=lambda place: writes[place].ref.object
        )
        for some in portions(guarded, lambda: PARTS_PER_COMPOSITE, lambda place: is_urgent(writes[place])):
            ends.update(zip(some, self._guarded([writes[p] for p in some], [bodies[p] for p in some]), strict=True))
        for some in portions(free, lambda: self._lot, lambda place: is_urgent(writes[place])):
            ends.update(zip(some, self._free([writes[p] for p in some], [bodies[p] for p in some]), strict=True))
        return tuple(ends[place] for place in range(len(writes)))

    def _is_restless(self, write: WriteBack) -> bool:
        changed_at = from_text(write.base_version)
        try:
            # Asked afresh only when the time that is known would hold the write back.
            return self._client.now() - changed_at < QUIET and self._client.fresh_now() - changed_at < QUIET
        except CrmUnavailable:
            return True

    def _body(self, write: WriteBack) -> dict[str, Value] | str:
        """Return the native fields of a write, or why it may not be sent."""
        mapping = self._mapping.objects.get(write.ref.object)
        if mapping is None:
            return f"NOT_MAPPED:{write.ref.object}"
        body: dict[str, Value] = {}
        for name, value in write.values.items():
            field = mapping.field_of(name)
            if field is None or not field.write:
                return f"NOT_WRITABLE:{name}"
            body[field.native[0]] = to_native(field, value)
        token = mapping.fields.get("operation")
        if token is not None and token.write:
            body[token.native[0]] = write.token()
        return body

    def _guarded(self, writes: Sequence[WriteBack], bodies: Sequence[Mapping[str, Value]]) -> list[Outcome]:
        parts = []
        for write, body in zip(writes, bodies, strict=True):
            since = format_datetime(from_text(write.base_version), usegmt=True)
            path = f"sobjects/{self._native(write)}/{write.ref.id}"
            parts.append(Part(path, "PATCH", {"If-Unmodified-Since": since, **_NO_ASSIGNMENT}, body))
        answer = self._sent(writes, "POST", "composite", self._client.envelope(parts))
        if isinstance(answer, list):
            return answer
        try:
            found = parted(answer, len(parts))
        except CrmUnavailable:
            return [Outcome(write.effect_id, "unknown", "UNREADABLE_ANSWER") for write in writes]
        return [self._judged(write, part.status, faults(part.body)) for write, part in zip(writes, found, strict=True)]

    def _free(self, writes: Sequence[WriteBack], bodies: Sequence[Mapping[str, Value]]) -> list[Outcome]:
        records = [
            {"attributes": {"type": self._native(write)}, "id": write.ref.id, **body}
            for write, body in zip(writes, bodies, strict=True)
        ]
        answer = self._sent(writes, "PATCH", "composite/sobjects", {"allOrNone": False, "records": records})
        if isinstance(answer, list):
            return answer
        try:
            found = msgspec.json.decode(answer.body, type=list[_Result])
        except msgspec.MsgspecError:
            found = []
        # By index and id: failed rows may come without one.
        if len(found) != len(writes) or any(
            one.id and one.id[:15] != write.ref.id[:15] for one, write in zip(found, writes, strict=False)
        ):
            return [Outcome(write.effect_id, "unknown", "RESULTS_DO_NOT_FIT") for write in writes]
        judged = [
            self._judged(write, 200 if one.success else 400, faults(one.errors))
            for one, write in zip(found, writes, strict=True)
        ]
        locked = any(outcome.error and outcome.error.startswith("UNABLE_TO_LOCK_ROW") for outcome in judged)
        # One locked row may have taken its whole batch along: smaller batches isolate it.
        self._lot = (50 if self._lot == COLLECTION else 1) if locked else COLLECTION
        return judged

    def _sent(self, writes: Sequence[WriteBack], method: str, path: str, body: object) -> Answer | list[Outcome]:
        """Return the answer to a request that was carried out, else what that means for each of its writes."""
        urgent = all(is_urgent(write) for write in writes)
        try:
            answer = self._client.send(method, path, body=body, headers=_NO_ASSIGNMENT, urgent=urgent)
        except LeadsyncError as error:
            return unanswered(writes, error)
        return answer if answer.status == 200 else self._refused(writes, answer)

    def _refused(self, writes: Sequence[WriteBack], answer: Answer) -> list[Outcome]:
        """Return what a request means that was refused as a whole."""
        found = faults(answer.body)
        if answer.status == 401:
            return all_alike(writes, "pending", "INVALID_SESSION_ID", SESSION_PAUSE)
        if answer.status in (420, 429):  # turned away at the door
            return all_alike(writes, "pending", f"HTTP_{answer.status}", retry_after(answer, BUSY_PAUSE))
        if answer.status >= 500 or answer.status < 300 or answer.status == 408:
            return all_alike(writes, "unknown", f"HTTP_{answer.status}")
        return [self._judged(write, answer.status, found) for write in writes]

    def _judged(self, write: WriteBack, status: int, found: Sequence[Fault]) -> Outcome:
        """Return what one answer means for one write."""
        key, first = write.effect_id, (found[0] if found else None)
        if 200 <= status < 300:
            self.refused.pop(write.ref.object, None)
            return Outcome(key, "applied")
        if status >= 500 or status == 408:
            return Outcome(key, "unknown", str(first) if first else f"HTTP_{status}")
        kind = first.kind() if first else None
        if status == 412 or kind == "conflict":
            return Outcome(key, "pending", "conflict")
        if first is None:
            if status in (401, 420, 429):
                return Outcome(key, "pending", f"HTTP_{status}", BUSY_PAUSE)
            return Outcome(key, "superseded" if status == 404 else "rejected", f"HTTP_{status}")
        match kind:
            case "soon" | "slow" | "busy" | "quota" | "session":
                return Outcome(key, "pending", str(first), PAUSES[kind])
            case "gone":
                return Outcome(key, "superseded", str(first))
            case "mapping":
                self.refused[write.ref.object] = (
                    f"writing {self._native(write)}: Salesforce refuses with {first}; grant edit access to the mapped fields and to "
                    "every record, or change the mapping (`leadsync check --live`)"
                )
        return Outcome(key, "rejected", str(first))

    def _native(self, write: WriteBack) -> str:
        return self._mapping.objects[write.ref.object].native
