"""Who must be looked at along with somebody because they share an e-mail: what one of them does concerns them all."""

import sqlite3
from collections.abc import Collection, Iterable

from leadsync.ledger.connection import select_in
from leadsync.ledger.people import members
from leadsync.ledger.postponed import are_postponed


def twins_of(con: sqlite3.Connection, crm: str, pids: Collection[int], shared: Collection[str]) -> list[int]:
    """Return the live persons who share an e-mail with these, records that are gone included, without themselves.

    `shared` are the names of mailboxes that many people share and that make no twins, in lower case.
    """
    emails = {key for (key,) in members(con, "email_key", pids) if key and key.partition("@")[0] not in shared}
    known = set(pids)
    return sorted({pid for pid in _with_email(con, crm, emails) if pid not in known})


def wake_twins(con: sqlite3.Connection, crm: str, emails: Iterable[str]) -> None:
    """Make those due who have an e-mail that somebody has just given up: they may have been parked beside them."""
    wanted = set(emails)
    if not wanted or are_postponed(con):  # during a first load nobody has been decided yet
        return
    con.executemany(
        "UPDATE persons SET wake_at = '' WHERE pid = ? AND decided_at IS NOT NULL",
        [(pid,) for pid in sorted(set(_with_email(con, crm, wanted)))],
    )


def _with_email(con: sqlite3.Connection, crm: str, emails: Iterable[str]) -> Iterable[int]:
    statement = "SELECT pid FROM records WHERE email_key IN (*) AND crm = ? AND state = 'live'"
    return (row[0] for row in select_in(con, statement, sorted(emails), after=(crm,)))
