"""Spans per record and the line per person, worked out from transitions in the transaction that changes them."""

# ruff: noqa: S608 -- only names of columns and tables from this package are joined into statements, never a value

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from leadsync.domain.persons import CARRIED_FOR
from leadsync.domain.transitions import Transition, spans
from leadsync.ledger.codec import TRANSITION_COLUMNS, instant, text, transition_of
from leadsync.ledger.connection import select_in
from leadsync.ledger.people import members

ENDED = ("converted", "merged", "deleted")


def transitions_in_force(con: sqlite3.Connection, rids: Iterable[int]) -> dict[int, list[Transition]]:
    """Return the transitions of each record in order, withdrawn ones left out."""
    found: dict[int, list[Transition]] = defaultdict(list)
    for row in select_in(
        con,
        f"SELECT {TRANSITION_COLUMNS}, t.rid FROM transitions t JOIN records r ON r.rid = t.rid"
        " LEFT JOIN judgements j ON j.seq = t.seq LEFT JOIN withdrawals w ON w.seq = t.seq"
        " WHERE w.seq IS NULL AND t.rid IN (*) ORDER BY t.rid, t.at, t.seq",
        rids,
    ):
        found[row[-1]].append(transition_of(row))
    return found


def respan(con: sqlite3.Connection, rids: Iterable[int]) -> None:
    """Write the spans of these records anew where they differ."""
    wanted = sorted(set(rids))
    moves = transitions_in_force(con, wanted)
    ends = {
        rid: ended_at
        for rid, state, ended_at in select_in(con, "SELECT rid, state, ended_at FROM records WHERE rid IN (*)", wanted)
        if state in ENDED
    }
    stored: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
    for row in select_in(
        con,
        "SELECT rid, n, stage, entered_at, left_at, entered_exact FROM spans WHERE rid IN (*) ORDER BY rid, n",
        wanted,
    ):
        stored[row[0]].append(row)
    gone, added = [], []
    for rid in wanted:
        rows = _span_rows(rid, moves.get(rid, []), ends.get(rid))
        if rows != stored.get(rid, []):
            gone.append((rid,))
            added += rows
    con.executemany("DELETE FROM spans WHERE rid = ?", gone)
    con.executemany(
        "INSERT INTO spans (rid, n, stage, entered_at, left_at, entered_exact) VALUES (?, ?, ?, ?, ?, ?)", added
    )


def _span_rows(rid: int, moves: Sequence[Transition], ended_at: str | None) -> list[tuple[Any, ...]]:
    ended = max(instant(ended_at), moves[-1].at) if ended_at and moves else None
    return [
        (
            rid,
            n,
            span.stage,
            text(span.entered_at),
            text(span.left_at) if span.left_at else None,
            int(span.entered_exact),
        )
        for n, span in enumerate(spans(moves, ended))
    ]


@dataclass(frozen=True, slots=True)
class Stay:
    """One span of one record as the line looks at it; `converted_at`: when a lead was converted into this blank contact."""

    rid: int
    contact: bool
    rank: int
    born: str  # when, and the record's id, so that those of one second do not stand in the order of reading
    stage: str | None
    entered_at: str
    left_at: str | None
    exact: int
    converted_at: str | None


def reline(con: sqlite3.Connection, pids: Iterable[int]) -> None:
    """Write the lines of those of these persons that have several records; for the others the spans are the line."""
    wanted = sorted(set(pids))
    rids: dict[int, list[int]] = defaultdict(list)
    for pid, rid in members(con, "pid, rid", wanted):
        rids[pid].append(rid)
    several = {pid: group for pid, group in rids.items() if len(group) > 1}
    con.executemany("DELETE FROM lines WHERE pid = ?", [(pid,) for pid in wanted])
    con.executemany(
        "UPDATE spans SET in_line = ?1 WHERE rid = ?2 AND in_line <> ?1",
        [(int(pid not in several), rid) for pid, group in rids.items() for rid in group],
    )
    home = {rid: pid for pid, group in several.items() for rid in group}
    stays: dict[int, list[Stay]] = defaultdict(list)
    for row in select_in(
        con,
        "SELECT s.rid, r.object = 'contact', COALESCE(g.rank, -1), r.created_at || r.id, s.stage, s.entered_at, s.left_at, s.entered_exact,"
        " CASE WHEN s.stage IS NULL AND r.object = 'contact' THEN (SELECT min(t.at) FROM transitions t"
        "  LEFT JOIN withdrawals w ON w.seq = t.seq WHERE t.rid = s.rid AND t.kind = 'conversion' AND w.seq IS NULL"
        "  AND t.at >= s.entered_at AND (s.left_at IS NULL OR t.at < s.left_at)) END"
        " FROM spans s JOIN records r ON r.rid = s.rid LEFT JOIN stages g ON g.stage = s.stage WHERE s.rid IN (*)",
        home,
    ):
        rid, contact, rank, born, stage, entered_at, left_at, exact, converted_at = row
        stays[home[rid]].append(Stay(rid, bool(contact), rank, born, stage, entered_at, left_at, exact, converted_at))
    con.executemany(
        "INSERT INTO lines (pid, n, rid, stage, entered_at, left_at, entered_exact) VALUES (?, ?, ?, ?, ?, ?, ?)",
        [(pid, n, *piece) for pid, group in stays.items() for n, piece in enumerate(line_of(group))],
    )


def _precedence(stay: Stay) -> tuple[bool, bool, int, str]:
    return (stay.stage is None, not stay.contact, -stay.rank, stay.born)


Piece = tuple[int, str | None, str, str | None, int]


def line_of(stays: Sequence[Stay]) -> list[Piece]:
    """Return a person's line as (record, stage, entered, left, exact): at each instant the stage of who speaks for them.

    That is a record with a stage before one without, a Contact before a Lead, the further Lead, the earlier one. A conversion
    that keeps the stage does not split the line: the blank in between belongs to the stage that soon follows it, or, as
    long as none does, to the one before.
    """
    edges = sorted({at for stay in stays for at in (stay.entered_at, stay.left_at) if at is not None})
    pieces: list[tuple[Stay, str, str | None]] = []
    for index, start in enumerate(edges):
        end = edges[index + 1] if index + 1 < len(edges) else None
        alive = [stay for stay in stays if stay.entered_at <= start and (stay.left_at is None or stay.left_at > start)]
        if not alive:
            continue
        best = min(alive, key=_precedence)
        if pieces and pieces[-1][0] is best and pieces[-1][2] == start:
            pieces[-1] = (best, pieces[-1][1], end)
        else:
            pieces.append((best, start, end))
    line: list[Piece] = []
    blank_from, blank = "", -1
    for stay, start, end in pieces:
        stage, entered, exact = stay.stage, start, stay.exact if start == stay.entered_at else 1
        if stay.converted_at is not None and start >= stay.converted_at and line and line[-1][3] == start:
            # Until the contact shows a stage of its own, the lead's goes on.
            blank_from, blank = start, stay.rid
            stage = line[-1][1]
        elif stay.rid == blank:
            rid, before, since, _, before_exact = line[-1]
            if stage not in (before, None) and instant(start) - instant(blank_from) <= CARRIED_FOR:
                line[-1] = (rid, before, since, blank_from, before_exact)
                entered = blank_from
            blank = -1
        else:  # a record that was merged in speaks, with a stage of its own
            blank = -1
        if line and line[-1][1] == stage and line[-1][3] == entered:
            rid, _, since, _, since_exact = line[-1]
            line[-1] = (rid, stage, since, end, since_exact)
        else:
            line.append((stay.rid, stage, entered, end, exact))
    return [piece for piece in line if piece[3] is None or piece[3] > piece[2]]
