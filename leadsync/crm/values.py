"""Single values on their way in and out: a CRM's JSON and CSV cells to leadsync's scalars and back."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from operator import itemgetter
from typing import Any
from zoneinfo import ZoneInfo

from leadsync.domain.conditions import FactValue, fold
from leadsync.domain.durations import Duration
from leadsync.domain.instants import from_text, to_text
from leadsync.domain.mapping import FieldMapping, FieldType, ValueMap
from leadsync.domain.records import Value

Cell = object
Cells = tuple[Any, ...]  # a row in the order of the columns asked for
Parse = Callable[[Cell], Value]


@lru_cache(maxsize=4096)
def instant(cell: Cell) -> datetime:
    """Return the instant in a datetime cell (`2026-11-19T16:02:41.000+0000`); raises ValueError for anything else.

    Remembered for a while: a row's stamps are mostly one instant.
    """
    if not isinstance(cell, str):
        raise ValueError("no instant")
    return from_text(cell)


def instant_or_none(cell: Cell) -> datetime | None:
    """Return the instant in a cell, None when it is empty or none."""
    try:
        return instant(cell)
    except ValueError:
        return None


def text(cell: Cell) -> str | None:
    """Return a cell as text, None when it is empty; numbers and yes/no are spelled alike in JSON and CSV."""
    if cell.__class__ is str:  # nearly always
        return cell or None
    match cell:
        case None:
            return None
        case bool():
            return "true" if cell else "false"
        case float() if cell.is_integer():
            return str(int(cell))
        case _:
            return str(cell)


def _number(cell: Cell) -> Value:
    if isinstance(cell, bool) or cell is None or cell == "":
        return None
    try:
        found = float(cell)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return int(found) if found.is_integer() else found


def _day(cell: Cell) -> Value:
    return cell[:10] if isinstance(cell, str) and len(cell) >= 10 else None


def moment(cell: Cell) -> str | None:
    """Return a datetime cell as leadsync's instant text, None when it is empty or none."""
    if isinstance(cell, str) and len(cell) == 28 and cell.endswith(".000+0000"):
        return cell[:19] + "Z"  # what nearly every cell of Salesforce looks like
    if isinstance(cell, str) and len(cell) == 20 and cell.endswith("Z"):
        return cell  # and every cell of Dataverse
    at = instant_or_none(cell)
    return to_text(at) if at else None


def _yes_no(cell: Cell) -> Value:
    match cell:
        case bool():
            return cell
        case "true" | "false":
            return cell == "true"
        case int() | float():
            return bool(cell)
        case _:
            return None


_PARSERS: Mapping[FieldType, Parse] = {
    "text": text, "email": text, "phone": text, "country": text, "state": text, "user": text,
    "number": _number, "date": _day, "datetime": moment, "yes_no": _yes_no,
}  # fmt: skip


def parser(mapping: FieldMapping) -> Parse:
    """Return what reads one cell of a mapped field: first its value table, then its type."""
    plain = _PARSERS[mapping.type]
    if not mapping.values:
        return plain
    table = {fold(native): value for native, value in mapping.values.items()}

    def translated(cell: Cell) -> Value:
        shown = text(cell)
        found = table.get(fold(shown)) if shown is not None else None
        return plain(cell) if found is None else found

    return translated


def picker(places: Sequence[int]) -> Callable[[Cells], Cells]:
    """Return what takes the cells at these places out of a row."""
    match places:
        case []:
            return lambda _: ()
        case [place]:
            return lambda cells: (cells[place],)
        case _:
            return itemgetter(*places)


def first_filled(keys: Sequence[Any]) -> Callable[[Any], Cell]:
    """Return what finds the first filled cell of a row, None where none is; keys are places in a tuple, or columns by name."""
    if len(keys) == 1:
        return itemgetter(keys[0])
    return lambda row: next((row[key] for key in keys if row[key] not in (None, "")), None)


def fields_reader(fields: Mapping[str, FieldMapping]) -> Callable[[Mapping[str, Cell]], dict[str, Value]]:
    """Return what reads mapped fields of a row by column, each by leadsync's name, an empty one as None."""
    read = [(name, first_filled(field.native), parser(field)) for name, field in fields.items()]
    return lambda row: {name: parse(cell_of(row)) for name, cell_of, parse in read}


def to_native(mapping: FieldMapping, value: Value) -> Value:
    """Return a value as the CRM takes it: through the value table backwards, an empty text as null."""
    for native, ours in mapping.values.items():
        if ours == value and value is not None:
            return native
    return None if value == "" else value


def translate(table: ValueMap, cells: Mapping[str, Cell]) -> str | None:
    """Return what a value map makes of a row, None when the row's value is not listed."""
    if table.native is None:
        return table.otherwise if table.literal is None else table.literal
    cell = next((found for name in table.native if (found := cells.get(name)) not in (None, "")), None)
    number = _number(cell)
    if table.bands and isinstance(number, (int, float)):
        fitting = [value for lowest, value in table.bands if number >= lowest]
        return fitting[-1] if fitting else table.otherwise
    shown = text(cell)
    if shown is not None:
        folded = fold(shown)
        for native, ours in table.values.items():
            if fold(native) == folded:
                return ours
    return table.otherwise


def noon(day: str, zone: ZoneInfo) -> datetime:
    """Return noon of a day in a zone, in UTC: the best that is known when only the day is."""
    return datetime.combine(date.fromisoformat(day), time(12), zone).astimezone(UTC)


class RowFacts:
    """Facts for conditions about one row, whether by native or by leadsync's names."""

    def __init__(self, values: Mapping[str, Cell], now: datetime, zone: ZoneInfo) -> None:
        self._values = values
        self._now = now
        self._zone = zone

    @property
    def now(self) -> datetime:
        """The CRM's time of the row."""
        return self._now

    def get(self, name: str) -> FactValue:
        """Return the row's value."""
        return self._values.get(name)  # type: ignore[return-value]

    def after(self, start: datetime, duration: Duration) -> datetime:
        """Return when a duration from `start` has passed; which rows count does not hang on working hours, so business
        days are days here and business hours are hours.
        """
        match duration.unit:
            case "elapsed":
                return start + timedelta(seconds=duration.amount)
            case "business_hours":
                return start + timedelta(hours=duration.amount)
            case _:
                return (start.astimezone(self._zone) + timedelta(days=duration.amount)).astimezone(UTC)


def named(names: tuple[str, ...], cells: Cells) -> dict[str, Cell]:
    """Return a row's cells by column."""
    return dict(zip(names, cells, strict=True))
