"""Rows of Dataverse to leadsync's Records, by the mapping.

Each reader names the columns it needs and makes values of a page of rows and of the ids of deleted ones; what surrounds
the records is read in `companions.py` and `touches.py`. A column that the mapping does not name is never asked for.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from leadsync.crm.dynamics.client import Client
from leadsync.crm.dynamics.metadata import Attribute, Table
from leadsync.crm.dynamics.odata import Columns, any_of, guids, path, portions
from leadsync.crm.dynamics.stages import DISQUALIFIED, QUALIFIED, REASON, STATE, StageValues, known_values
from leadsync.crm.values import Cell, Cells, RowFacts, first_filled, instant, moment, parser, text
from leadsync.domain.conditions import holds
from leadsync.domain.mapping import CrmMapping, DisqualifyButton, FieldMapping, ValueMap
from leadsync.domain.records import (
    Gone,
    Record,
    Ref,
    State,
    Value,
)
from leadsync.errors import CrmUnavailable, ObjectBlocked
from leadsync.ports import Row

_BASE = ("createdon", "modifiedon", "createdby", "modifiedby", STATE, REASON)
_LINKS = {
    "lead": ("merged", "masterid", "parentaccountid", "parentcontactid", "qualifyingopportunityid"),
    "contact": ("merged", "masterid", "parentcustomerid"),
}
_ACCOUNT = {"lead": "parentaccountid", "contact": "parentcustomerid"}


class Reader(Protocol):
    """Makes leadsync's values of one page."""

    columns: Columns

    def rows(self, page: Sequence[Cells], at: datetime) -> list[Row]:
        """Return the values of rows that were read at this CRM time."""

    def gone(self, ids: Sequence[str], at: datetime) -> list[Row]:
        """Return what the deletion of rows means."""


def labelled(field: FieldMapping, table: Table) -> FieldMapping:
    """Return a field whose table of values names options by label, also where the mapping wrote numbers."""
    return _by_label(field, table.attributes.get(field.native[0]))


def _by_label(field: FieldMapping, attribute: Attribute | None) -> FieldMapping:
    if attribute is None or not attribute.options or not field.values:
        return field
    values = {_label_of(attribute, key): value for key, value in field.values.items()}
    return FieldMapping(field.name, field.native, field.type, field.write, field.opt_out, field.cleanse, values)


def labelled_map(value_map: ValueMap, table: Table) -> ValueMap:
    """Return a value map that names options by label, also where the mapping wrote numbers."""
    attribute = table.attributes.get(value_map.native[0]) if value_map.native else None
    if attribute is None or not attribute.options:
        return value_map
    values = {_label_of(attribute, key): value for key, value in value_map.values.items()}
    return ValueMap(value_map.native, values, value_map.bands, value_map.otherwise, value_map.literal)


def _label_of(attribute: Attribute, key: str) -> str:
    found = attribute.option(key)
    return found.label if found else key


def natives(fields: Mapping[str, FieldMapping]) -> list[str]:
    """Return every column that mapped fields name."""
    return [native for field in fields.values() for native in field.native]


class RecordReader:
    """Reads leads or contacts."""

    def __init__(self, client: Client, object_name: str, table: Table, mapping: CrmMapping, zone: ZoneInfo) -> None:
        mine = mapping.objects[object_name]
        present = [name for name in (*_BASE, *_LINKS[object_name]) if name in table.attributes]
        entered = tuple(mine.entered_from.values())
        self.columns = Columns(
            table, [*present, *mine.stage.native, *mine.owner.native, *natives(mine.fields), *entered]
        )
        self._client, self._crm, self._object, self._zone = client, mapping.crm, object_name, zone
        self._scope = mine.scope
        stage = table.attribute(mine.stage.native[0])
        self.stages = StageValues(known_values(mapping), stage, table.attributes.get(STATE))
        self._fields = [
            (name, self._first(field.native), parser(labelled(field, table)))
            for name, field in mine.fields.items()
            if name != "operation"
        ]
        known = {native for name, field in mine.fields.items() if name != "operation" for native in field.native}
        self._fields += [
            (native, self._first((native,)), parser(FieldMapping(native, (native,), "datetime")))
            for native in entered
            if native not in known
        ]
        self._owner = self._first(mine.owner.native)
        self._operation = self._first(mine.fields["operation"].native if "operation" in mine.fields else ())
        self._stage = self.columns.at(stage.name)
        self._base = [self._place(name) for name in (*_BASE, *_LINKS["contact"][:2])]
        self._links = [self._place(name) for name in _LINKS["lead"][2:]] if object_name == "lead" else []
        self._account = self._place(_ACCOUNT[object_name])
        button = mapping.disqualify_button if object_name == "lead" else None
        self._by_reason = object_name == "lead" and stage.name == REASON
        self._closed = _Closed(button, mapping, table.attributes.get(REASON)) if button else None

    def _place(self, name: str) -> int | None:
        return self.columns.at(name) if name in self.columns.names else None

    def _first(self, columns: Sequence[str]) -> Callable[[Cells], Cell]:
        return first_filled([self.columns.at(name) for name in columns])

    def rows(self, page: Sequence[Cells], at: datetime) -> list[Row]:
        """Return the records; those merged away as gone."""
        born = self._conversion_days(page)
        return [self._one(cells, at, born) for cells in page]

    def gone(self, ids: Sequence[str], at: datetime) -> list[Row]:
        """Return the deleted records."""
        return [Gone(Ref(self._crm, self._object, key), at) for key in ids]

    @property
    def sweep_columns(self) -> tuple[str, ...]:
        """The columns that a row's stamp and stage follow from."""
        wanted = (self.columns.names[self._stage], STATE, REASON, "merged")
        return ("modifiedon", *(name for name in wanted if name in self.columns.names))

    def stage_value(self, stage: Cell, state: Cell, reason: Cell) -> tuple[str | None, str | None]:
        """Return a row's stage value, and the reason that it was closed with by the button."""
        shown = self.stages.text(stage)
        if self._closed is not None and state == DISQUALIFIED:
            return self._closed.meaning(shown, reason)
        return shown, None

    def _one(self, raw: Cells, at: datetime, born: Mapping[str, str]) -> Row:
        created, changed, creator, editor, state, why, merged, master = (
            None if place is None else raw[place] for place in self._base
        )
        ref = Ref(self._crm, self._object, str(raw[0]))
        modified = instant(changed)
        if merged and master:
            return Gone(ref, modified, str(master))
        cells = self.columns.shown(raw)
        fields = {name: value for name, cell_of, parse in self._fields if (value := parse(cell_of(cells))) is not None}
        stage, reason = self.stage_value(raw[self._stage], state, why)
        if reason is not None:
            fields["recycle_reason"] = reason
        account = contact = deal = day = None
        converted = self._object == "lead" and state == QUALIFIED
        if converted:
            account, contact, deal = (None if place is None else text(raw[place]) for place in self._links)
            day = born.get(ref.id) or (moment(changed) or "")[:10]
        return Record(
            ref, stage, text(self._owner(raw)), instant(created), modified, text(editor), modified,
            str(raw[1] or ""), fields, text(creator), self._state(fields, state, converted=converted, at=at),
            None if self._account is None else text(raw[self._account]), contact, account, deal, day, None,
            text(self._operation(raw)), self._is_closed(state),
        )  # fmt: skip

    def _is_closed(self, state: Cell) -> bool:
        """Say whether another stage means to open a lead again; a choice of its own may be set on a closed one."""
        return state == DISQUALIFIED and (self._closed is not None or self._by_reason)

    def _state(self, fields: Mapping[str, Value], state: Cell, *, converted: bool, at: datetime) -> State:
        if converted:
            return "converted"
        if self._object == "contact" and state not in (None, 0):
            return "out_of_scope"  # deactivated: no delete, and it may come back
        if self._scope is not None and not holds(self._scope, RowFacts(fields, at, self._zone)):
            return "out_of_scope"
        return "live"

    def _conversion_days(self, page: Sequence[Cells]) -> dict[str, str]:
        """Return by lead the day on which the contact was made that it became.

        Dataverse keeps no day of qualification, and the lead's last change may be a later one. A contact that was there
        before names another lead or none, so the day of the last change has to do for its leads.
        """
        state, contact = self._base[4], self._links[1] if self._links else None
        if state is None or contact is None:
            return {}
        became = {str(cells[0]): str(cells[contact]) for cells in page if cells[state] == QUALIFIED and cells[contact]}
        found: dict[str, str] = {}
        select = ("createdon", "_originatingleadid_value")
        paths = [path("contacts", select, any_of("contactid", some)) for some in portions(guids(became.values()))]
        try:
            rows = self._client.gathered(paths, "contact") if paths else []
        except (ObjectBlocked, CrmUnavailable):
            return {}
        for row in rows:
            lead, created = str(row.get("_originatingleadid_value")), row.get("createdon")
            if lead in became and isinstance(created, str):
                found[lead] = created[:10]
        return found


class _Closed:
    """What a lead means that was closed by the button: the stage, and the reason that its status reason stands for."""

    def __init__(self, button: DisqualifyButton, mapping: CrmMapping, reasons: Attribute | None) -> None:
        self._stage = button.stage
        self._mapping = mapping
        self._reasons = {
            option.number: reason
            for label, reason in button.reasons.items()
            if reasons is not None and (option := reasons.option(label)) is not None
        }

    def meaning(self, shown: str | None, reason: Cell) -> tuple[str | None, str | None]:
        """Return the stage value and the reason; a stage column that says the same already keeps both."""
        if shown is not None and self._mapping.stage_of_value.get(shown) == self._stage:
            return shown, None
        return self._mapping.value_of_stage.get(self._stage, shown), self._reasons.get(reason)  # type: ignore[call-overload]
