"""How values of the domain look in the tables: instants as text, mappings and lists as JSON, and back."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TypeVar

import msgspec

from leadsync.domain.conditions import fold
from leadsync.domain.effects import Effect, Escalation, Membership, Notice, WriteBack
from leadsync.domain.instants import from_text, to_text
from leadsync.domain.records import Record, Ref, Value
from leadsync.domain.sla import Clock
from leadsync.domain.touches import Touch
from leadsync.domain.transitions import Transition, Verdict

T = TypeVar("T")

_json = msgspec.json.Encoder()
_sorted_json = msgspec.json.Encoder(order="sorted")
_fields = msgspec.json.Decoder(dict[str, str | int | float | bool | None])
_any = msgspec.json.Decoder()

instant = lru_cache(maxsize=65536)(from_text)
"""The aware instant of a text of the ledger; the same few thousand come again and again."""


def text(at: datetime) -> str:
    """Return an aware instant as the ledger keeps it; a first load writes three for every row, so by the quickest way."""
    whole: str = msgspec.to_builtins(at) if at.tzinfo is UTC and not at.microsecond else to_text(at)
    return whole


def optional_text(at: datetime | None) -> str | None:
    """Return an instant as text, None for none."""
    return None if at is None else text(at)


def optional_instant(written: str | None) -> datetime | None:
    """Return the instant of a text, None for none."""
    return None if written is None else instant(written)


def to_json(value: object) -> str:
    """Return plain data as JSON text."""
    return _json.encode(value).decode()


def to_sorted_json(value: object) -> str:
    """Return plain data as JSON text that does not depend on the order of keys."""
    return _sorted_json.encode(value).decode()


def from_json(written: str) -> Any:
    """Return the plain data of a JSON text."""
    return _any.decode(written)


def fields_of(written: str) -> dict[str, Value]:
    """Return field values as they were stored."""
    return _fields.decode(written)


def as_data(value: Any) -> str:
    """Return a dataclass of the domain as JSON text from which `from_data` makes it again."""
    return _sorted_json.encode(value).decode()


_decoders: dict[type[Any], "msgspec.json.Decoder[Any]"] = {}


def from_data(written: str, kind: type[T]) -> T:
    """Return the dataclass that `as_data` wrote."""
    if kind not in _decoders:
        _decoders[kind] = msgspec.json.Decoder(kind)
    made: T = _decoders[kind].decode(written)
    return made


def email_key(value: object) -> str | None:
    """Return an e-mail address as twins are compared by it, None for what is no address."""
    if not isinstance(value, str):
        return None
    key = value.strip().lower() if value.isascii() else fold(value)
    return key if "@" in key and " " not in key else None


EFFECTS: Mapping[str, type[Effect]] = {
    "write": WriteBack,
    "membership": Membership,
    "escalation": Escalation,
    "notice": Notice,
}


def effect_kind(effect: Effect) -> str:
    """Return the word for a kind of effect that stands in the outbox."""
    match effect:
        case WriteBack():
            return "write"
        case Membership():
            return "membership"
        case Escalation():
            return "escalation"
        case Notice():
            return "notice"


RECORD_COLUMNS = (
    "crm, object, id, stage_value, owner_id, created_at, modified_at, modified_by, stamp, version, fields, created_by, state, "
    "account_id, converted_to, converted_account_id, converted_opportunity_id, converted_on, merged_into, operation, "
    "closed"
)


_RECORD_WIDTH = RECORD_COLUMNS.count(",") + 1


def record_of(row: tuple[Any, ...]) -> Record:
    """Return the record of a row of RECORD_COLUMNS."""
    return Record(
        Ref(row[0], row[1], row[2]), row[3], row[4], instant(row[5]), instant(row[6]), row[7], instant(row[8]), row[9],
        _fields.decode(row[10]), *(*row[11:-1], bool(row[-1])),
    )  # fmt: skip


def record_and_rest(row: tuple[Any, ...]) -> tuple[Record, tuple[Any, ...]]:
    """Return the record of a row that begins with RECORD_COLUMNS, and what follows them."""
    return record_of(row[:_RECORD_WIDTH]), row[_RECORD_WIDTH:]


BULK_SQL = "COALESCE(j.bulk_id, (SELECT x.group_id FROM outbox x WHERE x.effect_id = t.effect_id AND x.group_id LIKE 'remap:%'))"
"""The mass change that a transition belongs to; what an operator's job wrote is one from the first moment.

So it opens no door, starts no clock and tells nobody (semantics.md B).
"""

FIRST_SIGHT, IMPORTED = 1, 2
"""What of the time before going live a transition is: a record's first, or a move of its history."""

TRANSITION_COLUMNS = (
    "t.seq, r.crm, r.object, r.id, t.from_stage, t.to_stage, t.from_value, t.to_value, t.at, t.at_exact, t.observed_at, "
    "t.source, t.actor_id, t.coalesced, COALESCE(j.reason, t.reason), j.verdict, "
    "CASE WHEN t.adopted = 0 THEN 0 WHEN t.kind = 'birth' THEN 1 ELSE 2 END, j.actor_roles, "
    f"t.correction, j.correction, {BULK_SQL}, j.why"
)


def transition_of(row: tuple[Any, ...]) -> Transition:
    """Return the transition of a row of TRANSITION_COLUMNS."""
    verdict: Verdict | None = row[15] or ("adopted" if row[16] == FIRST_SIGHT else None)
    return Transition(
        seq=row[0],
        ref=Ref(row[1], row[2], row[3]),
        from_stage=row[4],
        to_stage=row[5],
        from_value=row[6],
        to_value=row[7],
        at=instant(row[8]),
        at_exact=bool(row[9]),
        observed_at=instant(row[10]),
        source=row[11],
        actor_id=row[12],
        coalesced=bool(row[13]),
        reason=row[14],
        verdict=verdict,
        actor_roles=tuple(_any.decode(row[17])) if row[17] else (),
        correction=bool(row[18] or row[19]),
        bulk_id=row[20],
        why=row[21] or "",
        imported=row[16] == IMPORTED,
    )


TOUCH_COLUMNS = (
    "touch_id, crm, object, record_id, kind, direction, at, channel, investment, response, campaign, campaign_id, "
    "actor_id, by, source_id, text, retracted_at"
)


def touch_row(touch: Touch, read_at: str) -> tuple[Any, ...]:
    """Return a touch as a row of TOUCH_COLUMNS."""
    ref = touch.ref
    return (
        touch.touch_id, ref.crm, ref.object, ref.id, touch.kind, touch.direction, text(touch.at), touch.channel,
        touch.investment, touch.response, touch.campaign, touch.campaign_id, touch.actor_id, touch.by, touch.source_id,
        touch.text, read_at if touch.retracted else None,
    )  # fmt: skip


def touch_of(row: tuple[Any, ...]) -> Touch:
    """Return the touch of a row of TOUCH_COLUMNS."""
    touch_id, crm, object_name, record_id, kind, direction, at, *words, retracted_at = row
    channel, investment, response, campaign, campaign_id, actor_id, by, source_id, said = words
    return Touch(
        touch_id, Ref(crm, object_name, record_id), kind, direction, instant(at), channel, investment, response,
        campaign, campaign_id, actor_id, by, source_id, said, retracted_at is not None,
    )  # fmt: skip


CLOCK_COLUMNS = (
    "clock_id, pid, rule, kind, start_cause, owner_id, calendar, started_at, due_at, state, stopped_at, "
    "paused_since, paused_minutes, breached_at, void_reason, followed_up, rungs_done, rung_times"
)


def clock_row(clock: Clock, pid: int) -> tuple[Any, ...]:
    """Return a clock as a row of CLOCK_COLUMNS."""
    return (
        clock.clock_id, pid, clock.rule, clock.kind, clock.start_cause, clock.owner_id, clock.calendar,
        text(clock.started_at), optional_text(clock.due_at), clock.state, optional_text(clock.stopped_at),
        optional_text(clock.paused_since), clock.paused_minutes, optional_text(clock.breached_at), clock.void_reason,
        int(clock.followed_up), to_json(clock.rungs_done), to_json([text(at) for at in clock.rung_times]),
    )  # fmt: skip


def clock_of(row: tuple[Any, ...], person_id: str) -> Clock:
    """Return the clock of a row of CLOCK_COLUMNS."""
    return Clock(
        clock_id=row[0],
        person_id=person_id,
        rule=row[2],
        kind=row[3],
        start_cause=row[4],
        owner_id=row[5],
        calendar=row[6],
        started_at=instant(row[7]),
        due_at=optional_instant(row[8]),
        state=row[9],
        stopped_at=optional_instant(row[10]),
        paused_since=optional_instant(row[11]),
        paused_minutes=row[12],
        breached_at=optional_instant(row[13]),
        void_reason=row[14],
        followed_up=bool(row[15]),
        rungs_done=tuple(_any.decode(row[16])),
        rung_times=tuple(instant(at) for at in _any.decode(row[17])),
    )
