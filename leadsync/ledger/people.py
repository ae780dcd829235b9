"""Which records are one person: those connected by conversion and by merging, and how that changes.

A person is named after the earliest record of the group, so that the name does not depend on the order of reading;
inside the ledger it goes by that record's rid, the `pid`. Joining moves the clocks to the common person; an undelete of
a merged row gives it its own person back.
"""

# ruff: noqa: S608 -- only names of columns from this package are joined into statements, never a value

import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from leadsync.domain.effects import effect_id
from leadsync.ledger.connection import select_in

NAME_SQL = "('p_' || n.crm || '_' || n.object || '_' || n.id)"
"""A person's id in a statement in which `n` is the record that names the person (`n.rid = pid`)."""


def person_name(crm: str, object_name: str, record_id: str) -> str:
    """Return the id of the person whose earliest record this is."""
    return f"p_{crm}_{object_name}_{record_id}"


def pids_of(con: sqlite3.Connection, person_ids: Iterable[str]) -> dict[str, int]:
    """Return the pid behind each person id; one of somebody who is part of another person by now leads to that one."""
    groups: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for person_id in person_ids:
        head, _, record_id = person_id.removeprefix("p_").rpartition("_")
        crm, _, object_name = head.rpartition("_")
        groups[crm, object_name][record_id] = person_id
    return {
        names[record_id]: pid
        for key, names in groups.items()
        for record_id, pid in select_in(
            con, "SELECT id, pid FROM records WHERE crm = ? AND object = ? AND id IN (*)", names, key
        )
    }


def names_of(con: sqlite3.Connection, pids: Collection[int]) -> dict[int, str]:
    """Return the person id of each pid."""
    return {
        rid: person_name(crm, object_name, record_id)
        for rid, crm, object_name, record_id in select_in(
            con, "SELECT rid, crm, object, id FROM records WHERE rid IN (*)", pids
        )
    }


def members(con: sqlite3.Connection, columns: str, pids: Collection[int]) -> Iterator[tuple[Any, ...]]:
    """Yield these columns of every record of these persons.

    The index holds only records that belong to another one's person, since most are a person of their own.
    """
    yield from select_in(con, f"SELECT {columns} FROM records WHERE rid IN (*) AND pid = rid", pids)
    yield from select_in(con, f"SELECT {columns} FROM records WHERE pid IN (*) AND pid <> rid", pids)


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


def relink(con: sqlite3.Connection, rids: Iterable[int]) -> tuple[set[int], set[int]]:
    """Give every record connected with these the person of its group.

    Returns the records whose person is another one now, and the pids of every person concerned.
    """
    seeds = set(rids)
    before = {pid for (pid,) in select_in(con, "SELECT pid FROM records WHERE rid IN (*)", seeds)}
    # Whoever shared a person with them may have to be parted from them now.
    seeds |= {rid for (rid,) in members(con, "rid", before)}
    groups = _components(con, seeds)
    known = {
        row[0]: row
        for row in select_in(
            con,
            "SELECT rid, pid, created_at, id, crm FROM records WHERE rid IN (*)",
            [rid for group in groups for rid in group],
        )
    }
    changes: list[tuple[int, int]] = []
    persons = set(before)
    for group in groups:
        first = min((known[rid] for rid in group), key=lambda row: (row[2], row[3], row[0]))
        pid, crm = first[0], first[4]
        persons.add(pid)
        for rid in group:
            if known[rid][1] != pid:
                changes.append((pid, rid))
                persons.add(known[rid][1])
        con.execute("INSERT INTO persons (pid, crm, waiting) VALUES (?, ?, 1) ON CONFLICT DO NOTHING", (pid, crm))
    con.executemany("UPDATE records SET pid = ? WHERE rid = ?", changes)
    if changes:
        _move_clocks(con, persons)
        _retire(con, persons)
    return {rid for _, rid in changes}, persons


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


def _move_clocks(con: sqlite3.Connection, persons: set[int]) -> None:
    """Let each clock follow the record that started it; one whose start is not known stays with whoever is left.

    A clock's id holds the name that its person had then, which is that of a record. Had that record ended by then, as a lead
    that was converted or merged, the clock is of the record that went on.
    """
    clocks = list(
        select_in(
            con,
            "SELECT clock_id, pid, rule, kind, start_cause, owner_id, started_at FROM clocks WHERE pid IN (*)",
            persons,
        )
    )
    if not clocks:
        return
    current = dict(members(con, "rid, pid", persons))
    names = names_of(con, current)
    stays: dict[int, list[tuple[str, str | None]]] = defaultdict(list)
    for rid, entered_at, left_at in select_in(
        con, "SELECT rid, entered_at, left_at FROM spans WHERE rid IN (*) ORDER BY rid, n", current
    ):
        stays[rid].append((entered_at, left_at))
    alive = set(current.values())
    heir = next(iter(alive)) if len(alive) == 1 else None
    moves: list[tuple[int, str]] = []
    for clock_id, pid, rule, kind, cause, owner_id, started_at in clocks:
        there = [
            rid
            for rid in sorted(current)
            if any(entered <= started_at and (left is None or left > started_at) for entered, left in stays[rid])
        ]
        named = [
            rid for rid in sorted(current) if effect_id("clock", names[rid], rule, kind, cause, owner_id) == clock_id
        ]
        home = next((rid for rid in (*(rid for rid in named if rid in there), *there, *named)), None)
        new = current[home] if named and home is not None else heir if pid not in alive else pid
        if new is not None and new != pid:
            moves.append((new, clock_id))
    con.executemany("UPDATE clocks SET pid = ? WHERE clock_id = ?", moves)


def _retire(con: sqlite3.Connection, persons: set[int]) -> None:
    """Let persons without a record sleep; what they remember stays, should an undelete bring them back."""
    alive = {pid for (pid,) in members(con, "pid", persons)}
    gone = [(pid,) for pid in sorted(persons - alive)]
    con.executemany("DELETE FROM persons WHERE pid = ? AND decided_at IS NULL", gone)
    con.executemany("UPDATE persons SET wake_at = NULL, waiting = 0 WHERE pid = ?", gone)
    con.executemany("DELETE FROM lines WHERE pid = ?", gone)
