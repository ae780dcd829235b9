"""The types of the schema and short constructors for its tables."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

FieldType = Literal[
    "id", "string", "textarea", "email", "phone", "url", "picklist", "boolean", "int", "double", "currency", "percent",
    "date", "datetime", "reference", "anyType",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Field:
    """One field. `written` says who may set it through an API or by hand; `derived` values are made at read time."""

    name: str
    label: str
    type: FieldType
    length: int = 0
    precision: int = 0
    scale: int = 0
    required: bool = False
    nillable: bool = True
    createable: bool = True
    updateable: bool = True
    filterable: bool = True
    calculated: bool = False
    external_id: bool = False
    unique: bool = False
    restricted: bool = False
    name_field: bool = False
    picklist: tuple[str, ...] = ()
    reference_to: tuple[str, ...] = ()
    relationship: str | None = None
    integration_only: bool = False
    help: str | None = None

    @property
    def custom(self) -> bool:
        return self.name.endswith("__c")

    @property
    def ranged(self) -> bool:
        """Whether values of this field are instants or days."""
        return self.type in ("datetime", "date")


@dataclass(frozen=True, slots=True)
class ObjectType:
    """One object. `writable` objects take rows from the API; the others only from the box itself."""

    name: str
    label: str
    plural: str
    prefix: str
    fields: dict[str, Field]
    writable: bool = True
    history_of: str | None = None
    by_lower: dict[str, Field] = field(default_factory=dict)
    by_relationship: dict[str, Field] = field(default_factory=dict)

    def field(self, name: str) -> Field | None:
        """The field of that name in any case, or None."""
        return self.fields.get(name) or self.by_lower.get(name.lower())

    def parent(self, relationship: str) -> Field | None:
        """The lookup behind a relationship name (Owner, Account, Assignee__r), in any case, or None."""
        return self.by_relationship.get(relationship.lower())

    @property
    def references(self) -> tuple[Field, ...]:
        return tuple(f for f in self.fields.values() if f.type == "reference")


def text(name: str, label: str, length: int = 255, *, required: bool = False) -> Field:
    return Field(name, label, "string", length=length, required=required, nillable=not required)


def long_text(name: str, label: str, length: int = 32000) -> Field:
    return Field(name, label, "textarea", length=length, filterable=length <= 255)


def email(name: str, label: str) -> Field:
    return Field(name, label, "email", length=80)


def phone(name: str, label: str) -> Field:
    return Field(name, label, "phone", length=40)


def url(name: str, label: str) -> Field:
    return Field(name, label, "url", length=255)


def picklist(
    name: str, label: str, values: Iterable[str], *, restricted: bool = False, required: bool = False
) -> Field:
    return Field(
        name, label, "picklist", length=255, picklist=tuple(values), restricted=restricted, required=required,
        nillable=not required,
    )  # fmt: skip


def flag(name: str, label: str, *, read_only: bool = False) -> Field:
    return Field(name, label, "boolean", nillable=False, createable=not read_only, updateable=not read_only)


def number(name: str, label: str, precision: int = 18, scale: int = 0) -> Field:
    return Field(name, label, "double", precision=precision, scale=scale)


def integer(name: str, label: str) -> Field:
    return Field(name, label, "int", precision=8)


def money(name: str, label: str) -> Field:
    return Field(name, label, "currency", precision=18, scale=2)


def moment(name: str, label: str, *, read_only: bool = False) -> Field:
    return Field(name, label, "datetime", createable=not read_only, updateable=not read_only)


def day(name: str, label: str, *, read_only: bool = False, required: bool = False) -> Field:
    return Field(
        name, label, "date", createable=not read_only, updateable=not read_only, required=required,
        nillable=not required,
    )  # fmt: skip


def lookup(
    name: str, label: str, *targets: str, relationship: str | None = None, read_only: bool = False,
    updateable: bool = True, required: bool = False,
) -> Field:  # fmt: skip
    """A reference; its relationship name is the field's without Id unless told otherwise."""
    by_rule = name[:-3] + "__r" if name.endswith("__c") else name.removesuffix("Id")
    return Field(
        name, label, "reference", length=18, reference_to=targets, relationship=relationship or by_rule,
        createable=not read_only, updateable=updateable and not read_only, required=required,
        nillable=not (read_only and required) and not required,
    )  # fmt: skip


def obj(
    name: str, label: str, prefix: str, fields: Iterable[Field], *, plural: str | None = None, writable: bool = True,
    owned: tuple[str, ...] = (), history_of: str | None = None,
) -> ObjectType:  # fmt: skip
    """An object with the system fields that every one of its kind has."""
    system = [Field("Id", f"{label} ID", "id", length=18, nillable=False, createable=False, updateable=False)]
    system.append(flag("IsDeleted", "Deleted", read_only=True))
    if owned:
        system.append(
            Field(
                "OwnerId", "Owner ID", "reference", length=18, nillable=False, reference_to=owned, relationship="Owner"
            )
        )
    stamps = [
        moment("CreatedDate", "Created Date", read_only=True),
        lookup("CreatedById", "Created By ID", "User", read_only=True, required=True),
    ]
    if history_of is None:
        stamps += [
            moment("LastModifiedDate", "Last Modified Date", read_only=True),
            lookup("LastModifiedById", "Last Modified By ID", "User", read_only=True, required=True),
            moment("SystemModstamp", "System Modstamp", read_only=True),
        ]
    table = {f.name: f for f in (*system, *fields, *stamps)}
    return ObjectType(
        name, label, plural or f"{label}s", prefix, table, writable and history_of is None, history_of,
        {n.lower(): f for n, f in table.items()},
        {f.relationship.lower(): f for f in table.values() if f.relationship},
    )  # fmt: skip


def history(name: str, label: str, prefix: str, parent: str) -> ObjectType:
    """The field history of an object: append-only, old and new value readable but not filterable."""
    return obj(
        name, label, prefix,
        (
            lookup(f"{parent}Id", f"{parent} ID", parent, read_only=True, required=True),
            Field("Field", "Changed Field", "picklist", length=255, nillable=False, createable=False, updateable=False),
            text("DataType", "Datatype"),
            Field("OldValue", "Old Value", "anyType", createable=False, updateable=False, filterable=False),
            Field("NewValue", "New Value", "anyType", createable=False, updateable=False, filterable=False),
        ),
        plural=label, history_of=parent,
    )  # fmt: skip
