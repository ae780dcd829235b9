"""What the environment says of its own tables: the names to ask by, the options behind choices, what may be written.

Read once, for all tables together in one batch. Labels are those of the application user's language, as people see them
who share it; the numbers behind them are what travels.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from leadsync.crm.dynamics.client import Client
from leadsync.crm.dynamics.verdicts import refused
from leadsync.domain.conditions import fold
from leadsync.errors import CrmUnavailable, LeadsyncError, ObjectBlocked
from leadsync.http import Answer

_LOOKUPS = frozenset({"Lookup", "Owner", "Customer"})
_CAST = "Microsoft.Dynamics.CRM"


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a choice; `state` is that of a status reason."""

    number: int
    label: str
    state: int | None = None


@dataclass(frozen=True, slots=True)
class Attribute:
    """One column. `options` are those of a choice by number, `targets` the tables that a lookup may lead to.

    `audited` None: the environment does not say.
    """

    name: str
    schema_name: str
    type: str
    updateable: bool
    number: int | None = None
    audited: bool | None = None
    options: Mapping[int, Option] = field(default_factory=dict)
    targets: tuple[str, ...] = ()

    @property
    def is_lookup(self) -> bool:
        """Whether the column holds another row's id."""
        return self.type in _LOOKUPS

    @property
    def wire(self) -> str:
        """The property that carries the value: lookups are read as `_name_value`."""
        return f"_{self.name}_value" if self.is_lookup else self.name

    @property
    def navigation(self) -> str:
        """The property that a lookup is set by: custom ones are spelled as in the schema."""
        return self.schema_name if "_" in self.name else self.name

    def label(self, number: object) -> str | None:
        """Return the label of an option, a number without one as text."""
        if number is None:
            return None
        found = self.options.get(number) if isinstance(number, int) else None
        return found.label if found else str(number)

    def option(self, text: str) -> Option | None:
        """Return the option with this label, or with this number."""
        wanted = fold(text)
        return next((one for one in self.options.values() if wanted in (fold(one.label), str(one.number))), None)


@dataclass(frozen=True, slots=True)
class Table:
    """One table: its logical name, its entity set, its key, its columns by logical name.

    `tracked` says that change tracking is on, `audited` that auditing is (None: the environment does not say).
    """

    name: str
    set: str
    key: str
    tracked: bool
    audited: bool | None
    attributes: Mapping[str, Attribute]

    def attribute(self, name: str) -> Attribute:
        """Return a column by its logical name; raises ObjectBlocked when there is none."""
        found = self.attributes.get(name)
        if found is None:
            raise ObjectBlocked(f"{self.name}: no column {name}; create it (deploy/), or change the mapping")
        return found


class _Text(msgspec.Struct, rename="pascal"):
    label: str | None = None


class _Label(msgspec.Struct, rename="pascal"):
    user_localized_label: _Text | None = None
    localized_labels: list[_Text] = []


class _Option(msgspec.Struct, rename="pascal"):
    value: int
    label: _Label | None = None
    state: int | None = None


class _OptionSet(msgspec.Struct, rename="pascal"):
    options: list[_Option] = []


class _Managed(msgspec.Struct, rename="pascal"):
    value: bool = False


class _Definition(msgspec.Struct, rename="pascal"):
    logical_name: str
    entity_set_name: str
    primary_id_attribute: str
    change_tracking_enabled: bool = False
    is_audit_enabled: _Managed | None = None


class _Attribute(msgspec.Struct, rename="pascal"):
    logical_name: str
    schema_name: str | None = None
    attribute_type: str | None = None
    is_valid_for_update: bool = False
    column_number: int | None = None
    is_audit_enabled: _Managed | None = None


class _Choice(msgspec.Struct, rename="pascal"):
    logical_name: str
    option_set: _OptionSet | None = None
    global_option_set: _OptionSet | None = None


class _Lookup(msgspec.Struct, rename="pascal"):
    logical_name: str
    targets: list[str] = []


class _Attributes(msgspec.Struct):
    value: list[_Attribute]


class _Choices(msgspec.Struct):
    value: list[_Choice] = []


class _Lookups(msgspec.Struct):
    value: list[_Lookup] = []


class Metadata:
    """The tables of one environment, as far as anybody asked for them."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._tables: dict[str, Table | LeadsyncError] = {}

    def load(self, names: Iterable[str]) -> None:
        """Read what is not known yet of these tables; what cannot be read is told by whoever asks for it."""
        wanted = [name for name in dict.fromkeys(names) if name not in self._tables]
        paths = [path for name in wanted for path in _paths(name)]
        answers = self._client.gather(paths)
        each = len(paths) // len(wanted) if wanted else 0
        for place, name in enumerate(wanted):
            self._tables[name] = _table(name, answers[place * each : (place + 1) * each])

    def table(self, name: str) -> Table:
        """Return a table by its logical name; raises ObjectBlocked when there is none, or we may not see it."""
        self.load([name])
        found = self._tables[name]
        if isinstance(found, Table):
            return found
        if not isinstance(found, ObjectBlocked):
            del self._tables[name]
        raise found

    def forget(self) -> None:
        """Read everything anew when it is asked for next: somebody changed the tables."""
        self._tables.clear()


def _paths(name: str) -> tuple[str, ...]:
    one = f"EntityDefinitions(LogicalName='{name}')"
    choices = "$select=LogicalName&$expand=OptionSet"
    return (
        f"{one}?$select=LogicalName,EntitySetName,PrimaryIdAttribute,ChangeTrackingEnabled,IsAuditEnabled",
        f"{one}/Attributes?$select=LogicalName,SchemaName,AttributeType,IsValidForUpdate,ColumnNumber,IsAuditEnabled",
        f"{one}/Attributes/{_CAST}.PicklistAttributeMetadata?{choices},GlobalOptionSet",
        f"{one}/Attributes/{_CAST}.StateAttributeMetadata?{choices}",
        f"{one}/Attributes/{_CAST}.StatusAttributeMetadata?{choices}",
        f"{one}/Attributes/{_CAST}.LookupAttributeMetadata?$select=LogicalName,Targets",
    )


def _table(name: str, answers: Sequence[Answer]) -> Table | LeadsyncError:
    for answer in answers:
        if answer.status != 200:
            return refused(answer, name)
    definition, attributes, *choices, lookups = answers
    try:
        found = msgspec.json.decode(definition.body, type=_Definition)
        columns = msgspec.json.decode(attributes.body, type=_Attributes).value
        options = {
            one.logical_name: _options(one)
            for answer in choices
            for one in msgspec.json.decode(answer.body, type=_Choices).value
        }
        targets = {
            one.logical_name: tuple(one.targets) for one in msgspec.json.decode(lookups.body, type=_Lookups).value
        }
    except msgspec.MsgspecError:
        return CrmUnavailable(f"{name}: the description of the table cannot be read")
    return Table(
        found.logical_name, found.entity_set_name, found.primary_id_attribute, found.change_tracking_enabled,
        _value(found.is_audit_enabled),
        {
            one.logical_name: Attribute(
                one.logical_name, one.schema_name or one.logical_name, one.attribute_type or "", one.is_valid_for_update,
                one.column_number, _value(one.is_audit_enabled), options.get(one.logical_name, {}),
                targets.get(one.logical_name, ()),
            )
            for one in columns
        },
    )  # fmt: skip


def _options(choice: _Choice) -> dict[int, Option]:
    found = choice.option_set or choice.global_option_set or _OptionSet()
    return {one.value: Option(one.value, _label(one), one.state) for one in found.options}


def _label(option: _Option) -> str:
    labels: list[_Text] = []
    if option.label:
        mine = option.label.user_localized_label
        labels = [*([mine] if mine else []), *option.label.localized_labels]
    return next((one.label for one in labels if one.label), str(option.value))


def _value(managed: _Managed | None) -> bool | None:
    return managed.value if managed else None
