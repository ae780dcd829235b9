"""Builders for CRM facts, and a ledger with the small talk of storing pages taken out."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from leadsync.domain.conditions import ALWAYS
from leadsync.domain.durations import Duration
from leadsync.domain.funnel import Bulk, Conversion, FunnelLaw, ImportEvidence
from leadsync.domain.mapping import CrmMapping, FieldMapping, ObjectMapping, ValueMap
from leadsync.domain.records import Move, Record, Ref
from leadsync.domain.touches import Touch
from leadsync.ledger import Ledger, Stored
from leadsync.ports import Page, Row

DAY_ONE = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
OWN = "005OWN"


def at(minutes: float) -> datetime:
    """Return an instant counted from the first morning."""
    return DAY_ONE + timedelta(minutes=minutes)


def a_mapping() -> CrmMapping:
    stage = FieldMapping("stage", ("Status",), write=True)
    owner = FieldMapping("owner", ("OwnerId",), write=True)
    stages = {
        name: name.upper() for name in ("raw", "inquiry", "maql", "mql", "sal", "sql", "remarket", "disqualified")
    }
    return CrmMapping(
        crm="salesforce",
        kind="salesforce",
        objects={
            "lead": ObjectMapping("Lead", stage, owner, "owner", {}),
            "contact": ObjectMapping("Contact", stage, owner, "assignee", {}),
        },
        stage_of_value={value: name for name, value in stages.items()} | {"Marketing Qualified": "mql"},
        value_of_stage=stages,
        old_values={"Hot": "mql"},
        converted={"Closed - Converted": None},
        dispositions={},
        deprecated={},
        touches=(),
        actors={},
        account={},
        opportunity={},
        loss_reason=ValueMap(None),
        campaign={},
        user={},
    )


def a_law(moves: int = 5, creations: int = 6, imported: int = 3) -> FunnelLaw:
    """Return a law of which only the numbers for mass changes and imports are asked."""
    minutes = Duration(600, "elapsed")
    return FunnelLaw(
        stages={}, qualified_to={}, reentry_to={}, edges=(), illegal=(), automatic=(), open_deal_guard="person",
        conversion=Conversion("sql", "carried", None, "keep"), merge="furthest", twins="exact_email",
        shared_mailboxes=frozenset(), basis="fresh", default_cool_down=Duration(1, "days"),
        won_cool_down=Duration(1, "days"), classes={}, reasons={},
        import_evidence=ImportEvidence(frozenset(), frozenset(), imported, minutes, minutes), birth_touches=(),
        bulk=Bulk(moves, creations, minutes, 50), excluded=ALWAYS,
    )  # fmt: skip


def a_ref(record_id: str = "00Q1", object_name: str = "lead") -> Ref:
    return Ref("salesforce", object_name, record_id)


def a_record(record_id: str = "00Q1", value: str | None = "INQUIRY", **changes: Any) -> Record:
    """Return a lead that was born on the first morning and not changed since."""
    object_name = changes.pop("object", "lead")
    created = changes.pop("created_at", DAY_ONE)
    modified = changes.pop("modified_at", created)
    values = {
        "ref": a_ref(record_id, object_name),
        "stage_value": value,
        "owner_id": "005A",
        "created_at": created,
        "modified_at": modified,
        "modified_by": "005A",
        "stamp": changes.pop("stamp", modified),
        "version": modified.isoformat(),
        "fields": {"email": f"{record_id.lower()}@initech.example"},
        "created_by": "005A",
    }
    return Record(**(values | changes))


def a_contact(record_id: str = "0031", value: str | None = None, **changes: Any) -> Record:
    return a_record(record_id, value, object="contact", **changes)


def changed(record: Record, minutes: float, **changes: Any) -> Record:
    """Return a later version of a record."""
    moment = at(minutes)
    values: dict[str, Any] = {"modified_at": moment, "stamp": moment, "version": moment.isoformat()}
    return record._replace(**(values | changes))


def a_move(
    minutes: float, old: str | None, new: str | None, move_id: str = "", record_id: str = "00Q1", **changes: Any
) -> Move:
    values: dict[str, Any] = {
        "ref": a_ref(record_id, changes.pop("object", "lead")),
        "move_id": move_id or f"m{minutes:09.3f}{old}{new}",
        "field": "stage",
        "old": old,
        "new": new,
        "at": at(minutes),
        "by": "005A",
    }
    return Move(**(values | changes))


def a_touch(touch_id: str, minutes: float, record_id: str = "00Q1", **changes: Any) -> Touch:
    values: dict[str, Any] = {
        "touch_id": touch_id,
        "ref": a_ref(record_id, changes.pop("object", "lead")),
        "kind": "campaign_response",
        "direction": "inbound",
        "at": at(minutes),
        "channel": "webinar",
        "response": "attended",
    }
    return Touch(**(values | changes))


@dataclass
class Books:
    """A ledger with the small talk of storing pages taken out."""

    ledger: Ledger
    go_live_at: datetime | None = DAY_ONE - timedelta(days=1)
    history: frozenset[str] = frozenset({"lead"})
    mapping: CrmMapping = field(default_factory=a_mapping)

    def see(self, *rows: Row, minutes: float = 10_000, source: str = "lead", **page: Any) -> Stored:
        """Store a page of rows as read at this minute."""
        return self.store(Page(source, tuple(rows), at(minutes), **page))

    def store(self, page: Page) -> Stored:
        return self.ledger.store(page, self.mapping, go_live_at=self.go_live_at, own_user_id=OWN, history=self.history)

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        return self.ledger.con.execute(sql, values).fetchall()

    def moves(self, record_id: str = "00Q1") -> list[tuple[str | None, str | None]]:
        """Return the stage changes of a record in order."""
        return [
            (old, new)
            for old, new in self.rows(
                "SELECT from_stage, to_stage FROM v_transitions WHERE record_id = ? ORDER BY at, seq", record_id
            )
        ]

    def line(self, record_id: str = "00Q1") -> list[tuple[str | None, str, str | None]]:
        """Return the person's line: stage, entered, left."""
        return self.rows(
            "SELECT stage, entered_at, left_at FROM v_spans WHERE person_id ="
            " (SELECT person_id FROM v_people WHERE record_id = ?) ORDER BY entered_at",
            record_id,
        )

    def person(self, record_id: str = "00Q1") -> str:
        return str(self.rows("SELECT person_id FROM v_people WHERE record_id = ?", record_id)[0][0])

    def decided(self, *record_ids: str) -> None:
        """Let the people behind these records have been decided, with nothing to wake them."""
        for record_id in record_ids:
            self.ledger.con.execute(
                "UPDATE persons SET wake_at = NULL, waiting = 0, decided_at = '2026-03-01T09:00:00Z'"
                " WHERE pid = (SELECT pid FROM records WHERE id = ?)",
                (record_id,),
            )
