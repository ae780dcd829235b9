"""Paths into readers: what a field name means on an object, over its parents, and for the person who asks.

A field hidden from the asking user is refused exactly like one that does not exist.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from leadsync.sandbox.rows import Row, Value
from leadsync.sandbox.schema import OBJECTS, Field, ObjectType, object_of
from leadsync.sandbox.schema.own import STAGE_AGE, STAGE_ENTERED
from leadsync.sandbox.soql.refusals import QueryRefused, at
from leadsync.sandbox.soql.syntax import Path
from leadsync.sandbox.store import Store

Reader = Callable[[Row], Value]


@dataclass(frozen=True, slots=True)
class Env:
    """Who asks, when, and what is hidden from him; `name` fields are (object, field)."""

    store: Store
    now: datetime
    hidden: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Step:
    """One step to a parent: the lookup field and, of several possible objects, none."""

    lookup: Field
    target: ObjectType | None


@dataclass(frozen=True, slots=True)
class Column:
    """A resolved path: the field at its end, the lookups on the way, how to read it from a row of the object.

    `stored` is the key under which the row itself holds the value as it is, None when it has to be computed.
    """

    names: tuple[str, ...]
    field: Field
    steps: tuple[Step, ...]
    read: Reader

    @property
    def stored(self) -> str | None:
        plain = not self.steps and self.field.type != "boolean" and not self.field.calculated
        return self.field.name if plain else None


def resolve(env: Env, kind: ObjectType, path: Path, soql: str) -> Column:
    """The column that a path names on an object; QueryRefused when there is none."""
    steps: list[Step] = []
    names: list[str] = []
    holder: ObjectType | None = kind
    lookup: Field | None = None
    for name in path.names[:-1]:
        lookup = _lookup(env, holder, lookup, name)
        if lookup is None or lookup.relationship is None:
            raise at(
                soql, path.at, "INVALID_FIELD",
                f"Didn't understand relationship '{name}' in field path. If you are attempting to use a custom "
                "relationship, be sure to append the '__r' after the custom relationship name.",
            )  # fmt: skip
        holder = OBJECTS[lookup.reference_to[0]] if len(lookup.reference_to) == 1 else None
        steps.append(Step(lookup, holder))
        names.append(lookup.relationship)
    field = _field(env, holder, lookup, path.names[-1])
    if field is None:
        where = holder.name if holder else "Name"
        raise at(soql, path.at, "INVALID_FIELD", no_such_column(path.names[-1], where))
    return Column((*names, field.name), field, tuple(steps), _reader(env, steps, field))


def no_such_column(name: str, where: str) -> str:
    return (
        f"No such column '{name}' on entity '{where}'. If you are attempting to use a custom field, be sure to append "
        "the '__c' after the custom field name. Please reference your WSDL or the describe call for the appropriate names."
    )


def all_columns(env: Env, kind: ObjectType, group: str) -> list[Column]:
    """The columns of FIELDS(ALL), FIELDS(STANDARD) or FIELDS(CUSTOM)."""
    fields = [
        f for f in kind.fields.values()
        if (kind.name, f.name) not in env.hidden and (group == "ALL" or f.custom == (group == "CUSTOM"))
    ]  # fmt: skip
    return [Column((f.name,), f, (), _reader(env, (), f)) for f in fields]


def filterable(column: Column) -> Column:
    """The column, unless it cannot be asked about in WHERE."""
    if not column.field.filterable:
        raise QueryRefused("INVALID_FIELD", f"field '{column.field.name}' can not be filtered in a query call")
    return column


def parent_row(env: Env, row: Row, lookup: Field) -> Row | None:
    """The row that a lookup leads to, or None."""
    record_id = row[lookup.name]
    if record_id is None:
        return None
    kind = object_of(record_id)
    return env.store.tables[kind.name].rows.get(record_id) if kind else None


def _lookup(env: Env, holder: ObjectType | None, via: Field | None, name: str) -> Field | None:
    kinds = [holder] if holder else [OBJECTS[target] for target in (via.reference_to if via else ())]
    for kind in kinds:
        found = kind.parent(name)
        if found is not None and (kind.name, found.name) not in env.hidden:
            return found
    return None


_TYPE = Field("Type", "Type", "picklist", createable=False, updateable=False)


def _field(env: Env, holder: ObjectType | None, via: Field | None, name: str) -> Field | None:
    if holder is None and via is not None:
        if name.lower() == "type":
            return _TYPE
        kinds = [OBJECTS[target] for target in via.reference_to]
    else:
        kinds = [holder] if holder else []
    for kind in kinds:
        found = kind.field(name)
        if found is not None and (kind.name, found.name) not in env.hidden:
            return found
    return None


def _reader(env: Env, steps: "list[Step] | tuple[Step, ...]", field: Field) -> Reader:
    read = _type_of if field is _TYPE else _own_reader(env, field)
    for step in reversed(steps):
        read = _over(env, step.lookup, read)
    return read


def _over(env: Env, lookup: Field, read: Reader) -> Reader:
    def over(row: Row) -> Value:
        parent = parent_row(env, row, lookup)
        return None if parent is None else read(parent)

    return over


def _own_reader(env: Env, field: Field) -> Reader:
    name, now = field.name, env.now
    if name == STAGE_AGE:

        def age(row: Row) -> Value:
            entered = row[STAGE_ENTERED]
            return None if entered is None else round((now - entered).total_seconds() / 86_400, 2)

        return age
    if field.type == "boolean":
        return lambda row: row[name] or False
    return lambda row: row[name]


def _type_of(row: Row) -> Value:
    """Owner.Type and Who.Type: the kind of object, and Queue for a queue."""
    kind = object_of(row["Id"])
    return row["Type"] if kind and kind.name == "Group" else kind.name if kind else None
