"""Which records are one person: those connected by conversion and by merging, and how that changes.

A person is named after the earliest record of the group, so that the name does not depend on the order of reading.
Joining moves the clocks to the common person; an undelete of a merged row gives it its own person back.
"""

import hashlib
import sqlite3
from collections import defaultdict
from collections.abc import Iterable

from leadsync.ledger.connection import select_in


def person_name(crm: str, object_name: str, record_id: str) -> str:
    """Return the id of the person whose earliest record this is."""
    return "p_" + hashlib.sha256(f"{crm}|{object_name}|{record_id}".encode()).hexdigest()[:16]


_NEIGHBOURS = (
    # converted into
    "SELECT a.rid, b.rid FROM records a JOIN records b ON b.crm = a.crm AND b.object = 'contact' AND b.id = a.converted_to"
    " WHERE a.rid IN (*)",
    "SELECT b.rid, a.rid FROM records b JOIN records a ON a.converted_to = b.id AND a.crm = b.crm"
    " WHERE b.object = 'contact' AND b.rid IN (*)",
    # merged into
    "SELECT a.rid, b.rid FROM records a JOIN records b ON b.crm = a.crm AND b.object = a.object AND b.id = a.merged_into"
    " WHERE a.rid IN (*)",
    "SELECT b.rid, a.rid FROM records b JOIN records a ON a.merged_into = b.id AND a.crm = b.crm AND a.object = b.object"
    " WHERE b.rid IN (*)",
)


def relink(con: sqlite3.Connection, rids: Iterable[int]) -> tuple[set[int], set[str]]:
    """Give every record connected with these the person of its group.

    Returns the records whose person is another one now, and every person concerned.
    """
    seeds = set(rids)
    before = dict(select_in(con, "SELECT rid, person_id FROM records WHERE rid IN (*)", seeds))
    # Whoever shared a person with them may have to be parted from them now.
    old_persons = set(before.values())
    seeds |= {row[0] for row in select_in(con, "SELECT rid FROM records WHERE person_id IN (*)", old_persons)}
    groups = _components(con, seeds)
    everyone = [rid for group in groups for rid in group]
    known = {
        row[0]: row
        for row in select_in(
            con, "SELECT rid, person_id, created_at, id, crm, object FROM records WHERE rid IN (*)", everyone
        )
    }
    changes: list[tuple[str, int]] = []
    persons: set[str] = set(old_persons)
    for group in groups:
        _, _, _, first_id, crm, object_name = min(
            (known[rid] for rid in group), key=lambda row: (row[2], row[3], row[0])
        )
        name = person_name(crm, object_name, first_id)
        persons.add(name)
        for rid in group:
            if known[rid][1] != name:
                changes.append((name, rid))
                persons.add(known[rid][1])
        con.execute(
            "INSERT INTO persons (person_id, crm, waiting) VALUES (?, ?, 1) ON CONFLICT DO NOTHING", (name, crm)
        )
    con.executemany("UPDATE records SET person_id = ? WHERE rid = ?", changes)
    moved = {rid for _, rid in changes}
    if moved:
        _move_clocks(con, persons)
    _retire(con, persons)
    return moved, persons


def _components(con: sqlite3.Connection, seeds: set[int]) -> list[list[int]]:
    edges: dict[int, set[int]] = defaultdict(set)
    seen: set[int] = set()
    frontier = set(seeds)
    while frontier:
        seen |= frontier
        for statement in _NEIGHBOURS:
            for near, far in select_in(con, statement, frontier):
                edges[near].add(far)
                edges[far].add(near)
        frontier = {rid for near in frontier for rid in edges[near]} - seen
    groups: list[list[int]] = []
    left = set(seen)
    while left:
        stack, group = [left.pop()], []
        while stack:
            rid = stack.pop()
            group.append(rid)
            stack += edges[rid] & left
            left -= edges[rid]
        groups.append(sorted(group))
    return groups


def _move_clocks(con: sqlite3.Connection, persons: set[str]) -> None:
    """Let each clock follow the record whose transition or touch started it."""
    clocks = list(
        select_in(con, "SELECT clock_id, person_id, start_cause FROM clocks WHERE person_id IN (*)", sorted(persons))
    )
    if not clocks:
        return
    seqs = [int(cause[2:]) for _, _, cause in clocks if cause.startswith("t:") and cause[2:].isdigit()]
    home: dict[str, str] = {
        f"t:{seq}": person_id
        for seq, person_id in select_in(
            con, "SELECT t.seq, r.person_id FROM transitions t JOIN records r ON r.rid = t.rid WHERE t.seq IN (*)", seqs
        )
    }
    home.update(
        select_in(
            con,
            "SELECT u.touch_id, r.person_id FROM records r JOIN touches u"
            " ON u.record_id = r.id AND u.object = r.object AND u.crm = r.crm WHERE r.person_id IN (*)",
            sorted(persons),
        )
    )
    con.executemany(
        "UPDATE clocks SET person_id = ? WHERE clock_id = ?",
        [
            (home[cause], clock_id)
            for clock_id, person_id, cause in clocks
            if home.get(cause, person_id) != person_id and home[cause] in persons
        ],
    )
    # A clock whose start is not known any more stays with whoever holds the records of its person now.
    con.executemany(
        "UPDATE clocks SET person_id = ? WHERE clock_id = ?",
        [
            (heir, clock_id)
            for clock_id, person_id, cause in clocks
            if cause not in home and (heir := _heir(con, person_id, persons))
        ],
    )


def _heir(con: sqlite3.Connection, person_id: str, persons: set[str]) -> str | None:
    """Return the one person with records among these, when the clock's own has none."""
    alive = {row[0] for row in select_in(con, "SELECT DISTINCT person_id FROM records WHERE person_id IN (*)", persons)}
    return next(iter(alive)) if person_id not in alive and len(alive) == 1 else None


def _retire(con: sqlite3.Connection, persons: set[str]) -> None:
    """Let persons without a record sleep; what they remember stays, should an undelete bring them back."""
    alive = {row[0] for row in select_in(con, "SELECT DISTINCT person_id FROM records WHERE person_id IN (*)", persons)}
    for person_id in sorted(persons - alive):
        con.execute("DELETE FROM persons WHERE person_id = ? AND decided_at IS NULL", (person_id,))
        con.execute("UPDATE persons SET wake_at = NULL, waiting = 0 WHERE person_id = ?", (person_id,))
        con.execute("DELETE FROM lines WHERE person_id = ?", (person_id,))
