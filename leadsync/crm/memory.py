"""A Crm in memory: the port's meaning in the fewest lines, for tests of whatever stands above it.

Time moves by `advance` alone and every deed takes one second, so that versions differ. People act through
`edit_as_human`, `convert`, `merge`, `delete` and `undelete`; `fate` makes the next writes meet a fault.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal

from leadsync.domain.effects import Membership, Outcome, WriteBack
from leadsync.domain.instants import to_text
from leadsync.domain.mapping import CrmMapping
from leadsync.domain.records import (
    Account,
    Campaign,
    Gone,
    Move,
    Opportunity,
    OpportunityRole,
    Queue,
    Record,
    Ref,
    User,
    Value,
)
from leadsync.domain.touches import Touch
from leadsync.errors import CrmUnavailable
from leadsync.ports import Finding, Mark, Org, Page, Reach, Row, Usage

SOURCES = (
    "user", "queue", "account", "lead_history", "contact_history", "lead", "contact", "opportunity",
    "opportunity_role", "campaign", "touch:memory",
)  # fmt: skip
Fate = Literal["lost_before", "lost_after", "locked", "rejected"]


class MemoryCrm:
    """One org that forgets everything; `history` names the objects that keep field history of stage and owner."""

    def __init__(
        self, name: str, mapping: CrmMapping, *, at: datetime, own_user_id: str = "own", history: frozenset[str] = frozenset({"lead"})
    ) -> None:  # fmt: skip
        self.name, self.history, self.own_user_id = name, history, own_user_id
        self.records: dict[Ref, Record] = {}
        self.members: dict[str, set[Ref]] = {}
        self.fate: list[Fate] = []
        self.down = False
        self.writes = 0
        self.counted_in = 0
        self._mapping, self._at = mapping, at
        self._log: list[tuple[str, Row]] = []
        self._calls = 0
        self._ids = 0

    # What people and time do

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._at += timedelta(seconds=seconds)

    def put(self, row: User | Queue | Account | Opportunity | OpportunityRole | Campaign | Touch) -> None:
        """Add or replace a row that is no record."""
        kinds = {
            User: "user",
            Queue: "queue",
            Account: "account",
            Opportunity: "opportunity",
            OpportunityRole: "opportunity_role",
        }
        self._log.append((kinds.get(type(row), "campaign" if isinstance(row, Campaign) else "touch:memory"), row))

    def create(
        self, object_name: str, stage_value: str | None, *, owner: str | None = None, by: str = "human", at: datetime | None = None, **fields: Value
    ) -> Ref:  # fmt: skip
        """Create a record, now or back in time, and return where it lives."""
        self._ids += 1
        prefix = {"lead": "00Q", "contact": "003"}[object_name]
        ref = Ref(self.name, object_name, f"{prefix}8d{self._ids:010d}AAA")
        born = at or self._tick()
        self._show(Record(ref, stage_value, owner, born, born, by, born, "", fields, created_by=by))
        return ref

    def edit_as_human(self, ref: Ref, *, by: str = "human", **values: Value) -> None:
        """Change fields as a person does; `stage` and `owner` go by these names."""
        self._change(ref, values, by)

    def convert(
        self, ref: Ref, value: str, *, contact: Ref | None = None, opportunity: str | None = None, by: str = "human"
    ) -> Ref:
        """Convert a lead into a new or an existing contact, which is returned."""
        lead = self.records[ref]
        contact = contact or self.create("contact", None, owner=lead.owner_id, by=by)
        self._change(ref, {"stage": value}, by)
        day = to_text(self._at)[:10]
        self._show(
            self.records[ref]._replace(
                state="converted",
                converted_to=contact.id,
                converted_on=day,
                converted_opportunity_id=opportunity,
            )
        )
        return contact

    def delete(self, ref: Ref, *, merged_into: Ref | None = None) -> None:
        """Delete a record, or merge it away."""
        gone = Gone(ref, self._tick(), merged_into.id if merged_into else None)
        self.records[ref] = self.records[ref]._replace(
            state="merged" if merged_into else "deleted", merged_into=gone.merged_into
        )
        self._log.append((ref.object, gone))

    def undelete(self, ref: Ref) -> None:
        """Bring a deleted or merged record back."""
        self._tick()
        self._show(self.records[ref]._replace(state="live", merged_into=None))

    # The port

    def connect(self) -> Org:
        """Return whom we reached."""
        self._call()
        return Org(f"org-{self.name}", "memory", sandbox=True, user_id=self.own_user_id)

    def now(self) -> datetime:
        """Return the CRM's time."""
        return self._at

    def changes(self, marks: Mapping[str, Mark], reach: Reach) -> Iterator[Page]:
        """Yield what changed since the marks, one page a source; a record that changed twice is shown as it is now."""
        self._call()
        upto = len(self._log)
        for source in SOURCES:
            known = marks.get(source, Mark()).mark
            if reach == "fast" and known is None:
                continue
            fresh = [row for kind, row in self._log[int(known or 0) : upto] if kind == source]
            rows = {self._key(row): row for row in fresh}
            if reach == "complete":
                yield Page(source, tuple(rows.values()), self._at, mark=str(upto), full=known is None, complete=True)
            elif rows:
                yield Page(source, tuple(rows.values()), self._at)

    def blocked(self) -> Mapping[str, str]:
        """Return nothing: every source can be read."""
        return {}

    def read(self, refs: Sequence[Ref]) -> Mapping[Ref, Record | Gone]:
        """Return these records as they stand now."""
        self._call()
        return {ref: self._seen(self.records[ref]) for ref in refs if ref in self.records}

    def write(self, writes: Sequence[WriteBack]) -> tuple[Outcome, ...]:
        """Apply each write unless its record is newer than its base, is no longer live, or fate is against it."""
        self._call()
        return tuple(self._write(write) for write in writes)

    def join(self, memberships: Sequence[Membership]) -> tuple[Outcome, ...]:
        """Let people join and leave."""
        self._call()
        for one in memberships:
            joined = self.members.setdefault(one.nurture, set())
            (joined.add if one.join else joined.discard)(one.ref)
        return tuple(Outcome(one.effect_id, "applied") for one in memberships)

    def inspect(self) -> tuple[Finding, ...]:
        """Return that all is well."""
        return (Finding("org", True, "in memory"),)

    def count_in(self, earlier: Iterable[tuple[float, int]]) -> None:
        """Remember what is said of earlier processes: there is no budget here."""
        self.counted_in = sum(count for _, count in earlier)

    def usage(self) -> Usage:
        """Return how many calls were made."""
        return Usage(self._calls)

    # Behind it

    def _call(self) -> None:
        self._calls += 1
        if self.down:
            raise CrmUnavailable(f"{self.name} is down")

    def _tick(self) -> datetime:
        self._at += timedelta(seconds=1)
        return self._at

    def _show(self, record: Record) -> None:
        record = record._replace(version=f"v{len(self._log)}", stamp=max(record.stamp, self._at))
        self.records[record.ref] = record
        self._log.append((record.ref.object, record))

    def _change(self, ref: Ref, values: Mapping[str, Value], by: str, operation: str | None = None) -> None:
        before, at = self.records[ref], self._tick()
        stage = values.get("stage", before.stage_value)
        owner = values.get("owner", before.owner_id)
        fields = {**before.fields, **{name: value for name, value in values.items() if name not in ("stage", "owner")}}
        for kind, old, new in (("stage", before.stage_value, stage), ("owner", before.owner_id, owner)):
            if old != new and ref.object in self.history:
                move = Move(ref, f"move{len(self._log)}", kind, _text(old), _text(new), at, by)
                self._log.append((f"{ref.object}_history", move))
        after = before._replace(
            stage_value=_text(stage), owner_id=_text(owner), modified_at=at, modified_by=by,
            operation=operation or before.operation, fields={name: value for name, value in fields.items() if value is not None},
        )  # fmt: skip
        self._show(after)

    def _write(self, write: WriteBack) -> Outcome:
        fate = self.fate.pop(0) if self.fate else None
        record = self.records.get(write.ref)
        if fate == "lost_before":
            return Outcome(write.effect_id, "unknown", "NO_ANSWER")
        if fate == "locked":
            return Outcome(write.effect_id, "pending", "UNABLE_TO_LOCK_ROW", 10.0)
        if fate == "rejected":
            return Outcome(write.effect_id, "rejected", "FIELD_CUSTOM_VALIDATION_EXCEPTION")
        if record is None or record.state not in ("live", "out_of_scope"):
            return Outcome(write.effect_id, "superseded", "NOT_LIVE")
        if write.guarded and record.version != write.base_version:
            return Outcome(write.effect_id, "pending", "conflict")
        self.writes += 1
        self._change(write.ref, write.values, self.own_user_id, write.token())
        return Outcome(write.effect_id, "unknown" if fate else "applied", "NO_ANSWER" if fate else None)

    def _seen(self, record: Record) -> Record | Gone:
        if record.state in ("merged", "deleted"):
            return Gone(record.ref, record.stamp, record.merged_into)
        return record

    def _key(self, row: Row) -> object:
        match row:
            case Record() | Gone():
                return row.ref
            case Move():
                return row.move_id
            case Touch():
                return row.touch_id
            case _:
                return row.id


def _text(value: Value) -> str | None:
    return None if value is None else str(value)
