"""The stage in Dataverse: a choice of its own on either table, or the lead's status reason, read and written as text.

A mapping may name an option by its label or its number, and a status reason as a pair with its state (`Open/MQL`). Moves
between states are observed and never written, but for the reopening of a lead that an edge declares: only Qualify creates
what a qualified lead needs, and closing is a rep's business.
"""

from collections.abc import Iterable, Mapping

from leadsync.crm.dynamics.metadata import Attribute, Option
from leadsync.domain.conditions import fold
from leadsync.domain.mapping import CrmMapping
from leadsync.domain.records import Value

PAIR = "/"  # as settings joins state and status reason
STATE, REASON = "statecode", "statuscode"
OPEN, QUALIFIED, DISQUALIFIED = 0, 1, 2  # a lead's states, which no environment can change
NEW = 1  # the status reason of a lead that is opened again


def known_values(mapping: CrmMapping) -> tuple[str, ...]:
    """Return every status value that a mapping names."""
    tables: Iterable[Mapping[str, object]] = (
        mapping.stage_of_value, mapping.old_values, mapping.converted, mapping.dispositions, mapping.deprecated,
    )  # fmt: skip
    return tuple(dict.fromkeys(value for table in tables for value in table))


class StageValues:
    """One stage column's values as the mapping spells them."""

    def __init__(self, known: Iterable[str], column: Attribute, states: Attribute | None) -> None:
        """`states` is the statecode of the same table, for a status reason."""
        self.column = column
        self._states = states if column.name == REASON else None
        values = tuple(known)
        spelled = {fold(value): value for value in values}
        if column.name != REASON:
            # Where the lead's stages are pairs, a contact's choice has their second part.
            spelled = {fold(_second(value)): value for value in reversed(values)} | spelled
        self._texts = {
            number: next(
                (spelled[folded] for name in self._names(option) if (folded := fold(name)) in spelled), option.label
            )
            for number, option in column.options.items()
        }

    def _names(self, option: Option) -> Iterable[str]:
        plain = (option.label, str(option.number))
        if self._states is None or option.state is None:
            return plain
        states = (self._states.label(option.state) or "", str(option.state))
        return (*(f"{state}{PAIR}{reason}" for state in states for reason in plain), *plain)

    def text(self, cell: object) -> str | None:
        """Return a cell's value as the mapping names it, else by its label; a number without an option as it is."""
        if cell is None or cell == "":
            return None
        if isinstance(cell, int) and (found := self._texts.get(cell)) is not None:
            return found
        return str(cell)

    def is_closed(self, value: object) -> bool:
        """Say whether a value is a status reason of another state than open."""
        wanted = fold(str(value or ""))
        return self._states is not None and any(
            option.state not in (None, OPEN) and wanted in (fold(name) for name in self._names(option))
            for option in self.column.options.values()
        )

    def native(self, value: str | None) -> dict[str, Value] | None:
        """Return the columns that hold a value, None when no option means it or it cannot be set by writing."""
        if value is None or value == "":
            return None if self._states else {self.column.name: None}
        if not self.column.options:
            return {self.column.name: value}
        for wanted in (fold(value), fold(value if self._states else _second(value))):
            for number, option in self.column.options.items():
                if wanted in (fold(name) for name in self._names(option)):
                    if self._states is None:
                        return {self.column.name: number}
                    return {STATE: OPEN, REASON: number} if option.state == OPEN else None
        return None


def _second(value: str) -> str:
    """Return the status reason of a pair, any other value as it is."""
    return value.rpartition(PAIR)[2] or value
