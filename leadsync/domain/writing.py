"""What the CRM should show of a decision: wished values compared with the mirrored ones, merged into one write.

A person's edit wins: whatever a person may have set is guarded by the record's version and the values it had when this
was decided. That is every field that people edit, and each of leadsync's own fields that shows anything but what leadsync
wrote there last (a conversion copies them from lead to contact). The rest may go without a precondition.
"""

from collections.abc import Mapping
from datetime import datetime

from leadsync.domain.effects import Priority, WriteBack, WriteKind, canonical, effect_id
from leadsync.domain.instants import to_text
from leadsync.domain.mapping import CrmMapping
from leadsync.domain.records import Record, Value

SHARED = frozenset({"stage", "owner", "assignee", "disposition", "recycle_reason", "misrouted", "queue"})
"""Fields that people edit too; the rest of leadsync's own fields are read-only for them."""

_KIND: Mapping[str, WriteKind] = {
    "owner": "owner",
    "assignee": "owner",
    "queue": "owner",
    "brief": "owner",
    "misrouted": "owner",
    "score": "score",
    "product": "score",
    "stage_entered_at": "stage_entered",
    "held_until": "stage_entered",
    "recycle_count": "stage_entered",
    "mql_count": "stage_entered",
    "first_mql_at": "stage_entered",
    "last_mql_at": "stage_entered",
    "sla_due_at": "stage_entered",
    "marketable": "stage_entered",
    "stage_age": "stage_entered",
}
_WRITES = frozenset({"lead_stage", "contact_stage", "owner", "stage_entered", "score"})


def kind_of(field: str, record: Record) -> WriteKind:
    """Return which kind of effect a field belongs to; stage, disposition and reason go with the stage.

    A field that is not leadsync's own is only ever put in order.
    """
    if field in ("stage", "disposition", "recycle_reason"):
        return "contact_stage" if record.ref.object == "contact" else "lead_stage"
    return _KIND.get(field, "cleanse")


def is_delivered(kind: WriteKind, kinds: frozenset[str]) -> bool:
    """Say whether a kind may be written; for putting fields in order it is the mapping that switches each on."""
    return not kinds.isdisjoint(_WRITES) if kind == "cleanse" else kind in kinds


def write_back(
    record: Record,
    wished: Mapping[str, Value],
    mapping: CrmMapping,
    kinds: frozenset[str],
    *,
    written: Mapping[str, Value],
    cause: str,
    priority: Priority,
    correction: bool = False,
    reopen: bool = False,
) -> WriteBack | None:
    """Return the one write that brings a record to the wished values, None when it shows them already.

    Values whose kind may not be delivered, or whose field the mapping does not let us write, are left out. `written` is
    what leadsync wrote to this record last. The id covers record, version and values: wished again on the same version,
    it is the same wish.
    """
    if record.state != "live":
        return None
    values = {
        name: value
        for name, value in sorted(wished.items())
        if is_writable(mapping, record, name)
        and is_delivered(kind_of(name, record), kinds)
        and not same(current(record, name), value)
    }
    if not values:
        return None
    found = {kind_of(name, record) for name in values}
    order: tuple[WriteKind, ...] = ("lead_stage", "contact_stage", "owner", "stage_entered", "score", "cleanse")
    listed = tuple(kind for kind in order if kind in found)
    return WriteBack(
        effect_id=effect_id("write", record.ref, record.version, canonical(values)),
        ref=record.ref,
        values=values,
        base_version=record.version,
        guarded={name: current(record, name) for name in values if _is_guarded(record, name, written)},
        kinds=listed,
        priority=priority,
        group_id=f"{listed[0]}:{cause}",
        cause=cause,
        correction=correction,
        reopen=reopen and "stage" in values,
    )


def _is_guarded(record: Record, field: str, written: Mapping[str, Value]) -> bool:
    """Say whether a person may have set a field: a shared one, or one that does not show what we wrote last."""
    if field in SHARED or kind_of(field, record) == "cleanse":
        return True
    shown = current(record, field)
    return not same(shown, written.get(field))


def current(record: Record, field: str) -> Value:
    """Return what a record shows in a field of leadsync's name."""
    match field:
        case "stage":
            return record.stage_value
        case "owner":
            return record.owner_id
        case _:
            return record.fields.get(field)


def is_writable(mapping: CrmMapping, record: Record, field: str) -> bool:
    """Say whether the mapping lets leadsync write a field of this kind of record."""
    found = mapping.objects[record.ref.object].field_of(field)
    return found is not None and found.write


def same(shown: Value, wished: Value) -> bool:
    """Say whether a shown value means the wished one: a blank is a blank, 72.0 is 72, an unticked box is no."""
    if wished is None or wished == "":
        return shown is None or shown in ("", 0)
    if isinstance(wished, bool):
        return bool(shown) is wished
    if isinstance(wished, (int, float)):
        return (shown or 0) == wished
    return shown == wished


def instant(at: datetime | None) -> Value:
    """Return an instant as a field value."""
    return None if at is None else to_text(at)
