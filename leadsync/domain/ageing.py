"""Ages in stage as numbers, for whoever cannot have a formula: written only when the mapping names a field for them.

An age follows from the entry instant that the record itself shows, as the deploy kit's formula does; so both say the
same, and a stay of unknown beginning has none.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from leadsync.domain.effects import WriteBack, canonical, effect_id
from leadsync.domain.instants import from_text
from leadsync.domain.mapping import CrmMapping
from leadsync.domain.records import Ref, Value
from leadsync.domain.writing import same

AGE: Final = "stage_age"
ENTERED: Final = "stage_entered_at"


def group_of(crm: str) -> str:
    """Return the group of effects that a CRM's daily ages belong to; its daily limit is their budget."""
    return f"{AGE}:{crm}"


def is_asked_for(mapping: CrmMapping, object_name: str) -> bool:
    """Say whether the mapping wants ages written on Leads or Contacts."""
    field = mapping.objects[object_name].fields.get(AGE)
    return field is not None and field.write


def whole_days(entered_at: datetime, now: datetime) -> int:
    """Return the whole days of 24 hours since an instant, weekends included; 0 for one that is still to come."""
    return max(0, (now - entered_at).days)


def stage_age_write(ref: Ref, version: str, fields: Mapping[str, Value], now: datetime) -> WriteBack | None:
    """Return the write of a record's age, None when it shows the right one (a blank is 0) or no entry instant.

    It is unguarded and least urgent: people do not edit ages, and thousands of them go out in a few requests.
    """
    entered_at = fields.get(ENTERED)
    if not isinstance(entered_at, str) or not entered_at:
        return None
    age = whole_days(from_text(entered_at), now)
    if same(fields.get(AGE), age):
        return None
    values: dict[str, Value] = {AGE: age}
    return WriteBack(
        effect_id=effect_id("write", ref, version, canonical(values)),
        ref=ref,
        values=values,
        base_version=version,
        guarded={},
        kinds=(AGE,),
        priority="score",
        group_id=group_of(ref.crm),
        cause=AGE,
    )
