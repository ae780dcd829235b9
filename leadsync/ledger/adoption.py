"""Since when each automatic rule is in force as it is: a new or changed one acts on what changes after its adoption."""

import sqlite3
from datetime import datetime
from hashlib import sha256

from leadsync.domain.funnel import FunnelLaw
from leadsync.ledger.codec import optional_instant

_Known = dict[str, tuple[str, datetime | None]]


def adopted_rules(con: sqlite3.Connection, law: FunnelLaw, now: datetime) -> dict[str, datetime]:
    """Return when the automatic rules were adopted as they are, those of the first rulebook left out."""
    known = _known(con)
    if not known:
        return {}
    found: dict[str, datetime] = {}
    for name, definition in _definitions(law).items():
        was, adopted_at = known.get(name, ("", None))
        if was != definition:
            found[name] = now
        elif adopted_at is not None:
            found[name] = adopted_at
    return found


def adopt_rules(con: sqlite3.Connection, law: FunnelLaw, at: str) -> None:
    """Note the automatic rules of a law that goes into force; runs inside a transaction."""
    known = con.execute("SELECT name, definition, adopted_at FROM automatic_rules").fetchall()
    before = {name: (definition, adopted_at) for name, definition, adopted_at in known}
    rows = []
    for name, definition in _definitions(law).items():
        was, adopted_at = before.get(name, ("", None))
        rows.append((name, definition, adopted_at if was == definition or not before else at))
    con.execute("DELETE FROM automatic_rules")
    con.executemany("INSERT INTO automatic_rules (name, definition, adopted_at) VALUES (?, ?, ?)", rows)


def _known(con: sqlite3.Connection) -> _Known:
    rows = con.execute("SELECT name, definition, adopted_at FROM automatic_rules")
    return {name: (definition, optional_instant(at)) for name, definition, at in rows}


def _definitions(law: FunnelLaw) -> dict[str, str]:
    return {name: sha256(text.encode()).hexdigest() for name, text in law.definitions().items()}
