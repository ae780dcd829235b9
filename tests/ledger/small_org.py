"""A CRM of a few records for property tests: it lives through a list of deeds and shows what a poll would read.

A deed is four small numbers, so that any list of them is a history and shrinks well: what is done, to whom, with which
value, and how long after the deed before. Instants have whole seconds, as the CRM's have.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ledger_facts import DAY_ONE, a_ref

from leadsync.cli.demo.lines import Life, Step
from leadsync.domain.instants import to_text
from leadsync.domain.mapping import CrmMapping, stage_of
from leadsync.domain.records import Gone, Move, Record
from leadsync.domain.touches import Touch
from leadsync.ports import Row

VALUES = ("RAW", "INQUIRY", "MAQL", "MQL", "Marketing Qualified", "SAL", "SQL", "REMARKET", "Left Vmail", None)
"""One value per stage, a second one of `mql`, one outside the mapping, and a blank."""

FORCED = "Closed - Converted"
WAITS = (0, 0, 1, 60, 3600, 90_000)
"""Seconds before a deed: twice none, since an automation does several things in a second."""

PEOPLE = ("005A", "005B", "005C")

DEEDS = (
    "new lead", "new contact", "move", "move", "move", "move twice", "hand over", "edit", "respond",
    "convert anew", "convert anew", "convert into", "merge", "delete", "undelete", "undelete quietly",
)  # fmt: skip

Deed = tuple[int, int, int, int]


@dataclass(slots=True)
class Shown:
    """One row of the CRM with what became of it."""

    record: Record
    deleted_at: datetime | None = None

    @property
    def row(self) -> Record | Gone:
        """What a query that includes the recycle bin gives."""
        if self.deleted_at is None:
            return self.record
        return Gone(self.record.ref, self.deleted_at, self.record.merged_into, self.record._replace(merged_into=None))


@dataclass(slots=True)
class Org:
    """Everything that ever happened in the CRM, and how it stands now."""

    now: datetime = DAY_ONE
    rows: dict[str, Shown] = field(default_factory=dict)
    moves: list[Move] = field(default_factory=list)
    touches: dict[str, Touch] = field(default_factory=dict)
    seen_change: dict[str, int] = field(default_factory=dict)  # the number of the last deed that changed a row
    values: dict[str, list[tuple[datetime, str | None]]] = field(default_factory=dict)
    conversions: dict[str, datetime] = field(default_factory=dict)  # by lead
    deeds: int = 0

    def do(self, deed: Deed) -> None:
        """Let a deed happen, if there is somebody it can happen to."""
        what, whom, value, wait = deed
        self.now += timedelta(seconds=WAITS[wait % len(WAITS)])
        self.deeds += 1
        by = PEOPLE[(what + whom + value) % len(PEOPLE)]
        match DEEDS[what % len(DEEDS)]:
            case "new lead":
                self._create("lead", VALUES[value % (len(VALUES) - 1)], by)
            case "new contact":
                self._create("contact", VALUES[-1 - value % len(VALUES)], by)
            case "move":
                if key := self._pick(whom, self._movable):
                    self._move(key, value, by)
            case "move twice":
                if key := self._pick(whom, self._movable):
                    self._move(key, value, by)
                    self._move(key, value + whom + 1, by)
            case "hand over":
                if key := self._pick(whom, self._is_alive):
                    self._hand_over(key, PEOPLE[value % len(PEOPLE)], by)
            case "edit":
                if key := self._pick(whom, self._is_there):
                    self._edit(key, by, fields={"email": f"{key}@initech.example", "title": str(self.deeds)})
            case "respond":
                if key := self._pick(whom, self._is_alive):
                    ref = self.rows[key].record.ref
                    touch_id = f"t{self.deeds}"
                    self.touches[touch_id] = Touch(
                        touch_id, ref, "campaign_response", "inbound", self.now, channel="webinar", response="attended"
                    )
            case "convert anew":
                if key := self._pick(whom, lambda one: self._movable(one) and one.record.ref.object == "lead"):
                    self._convert(key, self._create("contact", None, by), by)
            case "convert into":
                contact = self._pick(value, lambda one: self._is_alive(one) and self._was_there(one, by))
                lead = self._pick(whom, lambda one: self._movable(one) and one.record.ref.object == "lead")
                if lead and contact:
                    self._convert(lead, contact, by)
            case "merge":
                self._merge(whom, value, by)
            case "delete":
                if key := self._pick(whom, self._is_there):
                    self._change(key, deleted_at=self.now)
            case "undelete":
                if key := self._pick(whom, lambda one: one.deleted_at is not None):
                    self._change(key, deleted_at=None)
                    self._edit(key, by, merged_into=None)
            case "undelete quietly":  # whether an undelete moves the stamp is not documented
                if key := self._pick(whom, lambda one: one.deleted_at is not None):
                    self.rows[key].record = self.rows[key].record._replace(merged_into=None)
                    self._change(key, deleted_at=None)

    def changed_since(self, deed: int, object_name: str) -> list[Row]:
        """Return the rows of an object that changed with or after a deed."""
        return [
            one.row
            for key, one in sorted(self.rows.items())
            if one.record.ref.object == object_name and self.seen_change[key] >= deed
        ]

    def life(self, key: str, mapping: CrmMapping) -> Life:
        """Return what truly became of a record."""
        shown = self.rows[key]
        ended = self.conversions.get(key) or shown.deleted_at
        stages = [Step(to_text(at), stage_of(mapping, value)) for at, value in self.values[key]]
        led = [
            (to_text(at), stage_of(mapping, self.values[lead][-1][1]))
            for lead, at in self.conversions.items()
            if self.rows[lead].record.converted_to == key
        ]
        return Life(
            shown.record.ref.object, key, to_text(shown.record.created_at), tuple(stages),
            to_text(ended) if ended else None, tuple(led),
        )  # fmt: skip

    def _pick(self, number: int, fits: Callable[[Shown], bool]) -> str | None:
        keys = [key for key, one in sorted(self.rows.items()) if fits(one)]
        return keys[number % len(keys)] if keys else None

    @staticmethod
    def _is_there(one: Shown) -> bool:
        return one.deleted_at is None

    @staticmethod
    def _is_alive(one: Shown) -> bool:
        return one.deleted_at is None and one.record.state == "live"

    _movable = _is_alive

    def _was_there(self, one: Shown, by: str) -> bool:
        """Say whether it can be told from a contact made by this person's converting a lead now.

        One that the same person made within the minute and left as it was cannot: a conversion takes its time.
        """
        record = one.record
        moved = any(at < self.now for at, _ in self.values[record.ref.id][1:])
        old = self.now - record.created_at > timedelta(minutes=1)
        return record.ref.object == "contact" and (old or moved or record.created_by != by)

    def _create(self, object_name: str, value: str | None, by: str) -> str:
        key = f"{'00Q' if object_name == 'lead' else '003'}{len(self.rows):03}"
        record = Record(
            ref=a_ref(key, object_name), stage_value=value, owner_id=by, created_at=self.now, modified_at=self.now,
            modified_by=by, stamp=self.now, version=self.now.isoformat(), fields={"email": f"{key}@initech.example"},
            created_by=by,
        )  # fmt: skip
        self.rows[key] = Shown(record)
        self.values[key] = [(self.now, value)]
        self.seen_change[key] = self.deeds
        return key

    def _edit(self, key: str, by: str, **changes: object) -> None:
        record = self.rows[key].record
        stamped = {"modified_at": self.now, "modified_by": by, "stamp": self.now, "version": f"{self.now.isoformat()}"}
        self.rows[key].record = record._replace(**(stamped | changes))  # type: ignore[arg-type]
        self.seen_change[key] = self.deeds

    def _change(self, key: str, *, deleted_at: datetime | None) -> None:
        self.rows[key].deleted_at = deleted_at
        self.seen_change[key] = self.deeds

    def _history(self, key: str, name: str, old: str | None, new: str | None, by: str) -> None:
        ref = self.rows[key].record.ref
        self.moves.append(Move(ref, f"m{len(self.moves):04}", name, old, new, self.now, by))

    def _move(self, key: str, value: int, by: str) -> None:
        record = self.rows[key].record
        wanted = VALUES[value % len(VALUES)]
        if record.ref.object == "lead" and wanted is None:
            wanted = "DISQUALIFIED"  # a lead's status cannot be emptied
        if wanted != record.stage_value:
            self._history(key, "stage", record.stage_value, wanted, by)
            self._edit(key, by, stage_value=wanted)
            self.values[key].append((self.now, wanted))

    def _hand_over(self, key: str, owner: str, by: str) -> None:
        record = self.rows[key].record
        if owner != record.owner_id:
            self._history(key, "owner", record.owner_id, owner, by)
            self._edit(key, by, owner_id=owner)

    def _convert(self, lead: str, contact: str, by: str) -> None:
        self.conversions[lead] = self.now
        self._history(lead, "stage", self.rows[lead].record.stage_value, FORCED, by)
        self._edit(
            lead, by, stage_value=FORCED, state="converted", converted_to=contact,
            converted_on=self.now.date().isoformat(),
        )  # fmt: skip

    def _merge(self, whom: int, other: int, by: str) -> None:
        winner = self._pick(whom, self._is_alive)
        if winner is None:
            return
        kind = self.rows[winner].record.ref.object
        loser = self._pick(
            other, lambda one: self._is_alive(one) and one.record.ref.object == kind and one.record.ref.id != winner
        )
        if loser is not None:
            self._edit(winner, by)
            self._edit(loser, by, merged_into=winner)
            self._change(loser, deleted_at=self.now)
