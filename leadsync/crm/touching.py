"""What the readers of touches share: which columns a mapping asks for, what a row is worth, what integrations did."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from leadsync.crm.values import Cell, RowFacts, instant_or_none, noon, text, translate
from leadsync.domain.conditions import Condition, fold, holds, names
from leadsync.domain.mapping import TouchMapping, ValueMap

Worth = Mapping[str, str | None]


def columns_asked(mapping: TouchMapping) -> tuple[str, ...]:
    """Return the columns that a mapping's tables, condition and campaign name."""
    tables = tuple(native for _, table in _tables(mapping) if table for native in table.native or ())
    conditions = tuple(sorted(names(mapping.when))) if mapping.when is not None else ()
    return (*tables, *conditions, *((mapping.campaign,) if mapping.campaign else ()))


def worth_of(mapping: TouchMapping, row: Mapping[str, Cell], skipped: Counter[str]) -> Worth | None:
    """Return channel, investment and response of a row; None, and counted, when one of them is not listed."""
    found: dict[str, str | None] = {}
    for name, table in _tables(mapping):
        found[name] = translate(table, row) if table else None
        if table and found[name] is None:
            shown = " ".join(text(row.get(native)) or "-" for native in table.native or ())
            skipped[f"{mapping.kind}: {name} {shown} is not listed"] += 1
            return None
    return found


def _tables(mapping: TouchMapping) -> Iterable[tuple[str, ValueMap | None]]:
    return (("channel", mapping.channel), ("investment", mapping.investment), ("response", mapping.response))


class Integrations:
    """Tells follow-up by people from follow-up that integrations entered (users with the role `automation` or `marketing`).

    What those in `cadence_users` enter counts as the owner's all the same.
    """

    def __init__(self, actors: Mapping[str, Condition], cadence_users: Sequence[str]) -> None:
        self._roles = [actors[role] for role in ("automation", "marketing") if role in actors]
        self._cadence = frozenset(fold(user) for user in cadence_users)

    def did(self, hands: Iterable[RowFacts]) -> bool:
        """Say whether nobody but integrations had a hand in it; a hand is what is known of a user, by the actors' names."""
        return all(self._is_one(hand) for hand in hands)

    def _is_one(self, hand: RowFacts) -> bool:
        known = hand.get("user")
        if any(fold(str(name)) in self._cadence for name in (known if isinstance(known, tuple) else (known,)) if name):
            return False
        return any(holds(condition, hand) for condition in self._roles)


def dated(cell: Cell, days_known: Iterable[datetime | None], zone: ZoneInfo) -> datetime | None:
    """Return when something happened: a bare day is one of the known instants if it fell on it, else noon."""
    if not isinstance(cell, str) or len(cell) != 10:
        return instant_or_none(cell)
    for at in days_known:
        if at is not None and at.astimezone(zone).date().isoformat() == cell:
            return at
    return noon(cell, zone)
