"""What the environment says of its own tables: the names to ask by, the options behind choices, what may be written.

Read once, for all tables together in one request. Labels are those of the application user's language, as people see them
who share it; the numbers behind them are what travels.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

import msgspec

from leadsync.crm.dynamics.client import Client
from leadsync.domain.conditions import fold
from leadsync.errors import CrmUnavailable, ObjectBlocked

_LOOKUPS = frozenset({"Lookup", "Owner", "Customer"})
_CHOICES = frozenset({"Picklist", "State", "Status"})  # of which a row holds the number of one option
_DISPLAY_NAME = "Microsoft.Xrm.Sdk.Metadata.AttributeTypeDisplayName"


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
    options: list[_Option] | None = None  # a yes/no column has two named ones instead


class _Managed(msgspec.Struct, rename="pascal"):
    value: bool = False


class _Column(msgspec.Struct, rename="pascal"):
    logical_name: str
    schema_name: str | None = None
    attribute_type: str | None = None
    is_valid_for_update: bool | None = None
    column_number: int | None = None
    is_audit_enabled: _Managed | None = None
    option_set: _OptionSet | None = None
    targets: list[str] | None = None


class _Definition(msgspec.Struct, rename="pascal"):
    logical_name: str
    entity_set_name: str
    primary_id_attribute: str
    change_tracking_enabled: bool | None = None
    is_audit_enabled: _Managed | None = None
    attributes: list[_Column] | None = None


class _Definitions(msgspec.Struct, rename="pascal"):
    entity_metadata: list[_Definition]


class Metadata:
    """The tables of one environment, as far as anybody asked for them."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._tables: dict[str, Table | ObjectBlocked] = {}

    def load(self, names: Iterable[str]) -> None:
        """Read what is not known yet of these tables; what may not be read is told by whoever asks for it."""
        wanted = [name for name in dict.fromkeys(names) if name not in self._tables]
        if not wanted:
            return
        try:
            answer = self._client.read(_question(wanted), "the description of the tables")
        except ObjectBlocked as error:
            self._tables |= dict.fromkeys(wanted, error)
            return
        try:
            found = msgspec.json.decode(answer.body, type=_Definitions).entity_metadata
        except msgspec.MsgspecError:
            raise CrmUnavailable("the description of the tables cannot be read; look at url: in config") from None
        tables = {one.logical_name: _table(one) for one in found}
        self._tables |= {
            name: tables.get(name)
            or ObjectBlocked(f"{name}: no such table, or the application user may not see it; look at the mapping")
            for name in wanted
        }

    def table(self, name: str) -> Table:
        """Return a table by its logical name; raises ObjectBlocked when there is none, or we may not see it."""
        self.load([name])
        found = self._tables[name]
        if isinstance(found, Table):
            return found
        raise found

    def forget(self) -> None:
        """Read everything anew when it is asked for next: somebody changed the tables."""
        self._tables.clear()


def _question(names: Iterable[str]) -> str:
    """Return the address that describes all these tables at once (Microsoft Learn, "Query schema definitions").

    EntityDefinitions would need six requests a table, as one can cast to a single type of column. Virtual columns are
    the names beside lookups and choices, half of all columns, which cannot be asked for in queries.
    """
    query = {
        "Properties": _properties(_Definition),
        "Criteria": {"FilterOperator": "Or", "Conditions": [_is("Equals", "LogicalName", "System.String", name) for name in names]},
        "AttributeQuery": {
            "Properties": _properties(_Column),
            "Criteria": {"FilterOperator": "And", "Conditions": [_is("NotEquals", "AttributeTypeName", _DISPLAY_NAME, "VirtualType")]},
        },
    }  # fmt: skip
    return f"RetrieveMetadataChanges(Query=@p1)?@p1={quote(msgspec.json.encode(query), safe='')}"


def _properties(asked: type[msgspec.Struct]) -> dict[str, object]:
    return {"AllProperties": False, "PropertyNames": [one.encode_name for one in msgspec.structs.fields(asked)]}


def _is(operator: str, name: str, kind: str, value: str) -> dict[str, object]:
    return {"ConditionOperator": operator, "PropertyName": name, "Value": {"Type": kind, "Value": value}}


def _table(found: _Definition) -> Table:
    return Table(
        found.logical_name, found.entity_set_name, found.primary_id_attribute, found.change_tracking_enabled is True,
        _value(found.is_audit_enabled),
        {
            one.logical_name: Attribute(
                one.logical_name, one.schema_name or one.logical_name, one.attribute_type or "",
                one.is_valid_for_update is True, one.column_number, _value(one.is_audit_enabled), _options(one),
                tuple(one.targets or ()),
            )
            for one in found.attributes or ()
        },
    )  # fmt: skip


def _options(column: _Column) -> dict[int, Option]:
    if column.attribute_type not in _CHOICES or column.option_set is None:
        return {}
    return {one.value: Option(one.value, _label(one), one.state) for one in column.option_set.options or ()}


def _label(option: _Option) -> str:
    labels: list[_Text] = []
    if option.label:
        mine = option.label.user_localized_label
        labels = [*([mine] if mine else []), *option.label.localized_labels]
    return next((one.label for one in labels if one.label), str(option.value))


def _value(managed: _Managed | None) -> bool | None:
    return managed.value if managed else None
