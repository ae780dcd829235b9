"""The rulebook in force, and since when each automatic rule is in force as it is: a new or changed one acts on what
changes after its adoption.
"""

import sqlite3
from datetime import datetime
from hashlib import sha256

from leadsync.domain.funnel import FunnelLaw
from leadsync.ledger.codec import instant
from leadsync.ledger.meta import write_meta


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
            found[name] = instant(adopted_at)
    return found


def adopt_rulebook(con: sqlite3.Connection, law: FunnelLaw, rulebook_hash: str, at: str) -> None:
    """Note the rulebook that goes into force, and its stages for the views, and call up everybody for a new decision.

    Runs inside a transaction.
    """
    _adopt_rules(con, law, at)
    con.execute("INSERT INTO rulebooks (hash, adopted_at) VALUES (?, ?) ON CONFLICT DO NOTHING", (rulebook_hash, at))
    con.execute("DELETE FROM stages")
    con.executemany(
        "INSERT INTO stages (stage, role, rank, routed) VALUES (?, ?, ?, ?)",
        [(stage.name, stage.role, stage.rank, int(stage.routed)) for stage in law.stages.values()],
    )
    con.execute("UPDATE persons SET waiting = 1 WHERE waiting = 0 AND pid IN (SELECT pid FROM records)")
    write_meta(con, "rulebook", rulebook_hash)


def _adopt_rules(con: sqlite3.Connection, law: FunnelLaw, at: str) -> None:
    known = _known(con)
    rows = []
    for name, definition in _definitions(law).items():
        was, adopted_at = known.get(name, ("", None))
        rows.append((name, definition, adopted_at if was == definition or not known else at))
    con.execute("DELETE FROM automatic_rules")
    con.executemany("INSERT INTO automatic_rules (name, definition, adopted_at) VALUES (?, ?, ?)", rows)


def _known(con: sqlite3.Connection) -> dict[str, tuple[str, str | None]]:
    """Return each rule's definition, and the instant of its adoption as text."""
    rows = con.execute("SELECT name, definition, adopted_at FROM automatic_rules")
    return {name: (definition, adopted_at) for name, definition, adopted_at in rows}


def _definitions(law: FunnelLaw) -> dict[str, str]:
    return {name: sha256(text.encode()).hexdigest() for name, text in law.definitions().items()}
