"""What a batch of decisions leaves behind, written in one transaction: verdicts, persons, clocks, assignments, wishes."""

# ruff: noqa: S608 -- only names of columns and tables from this package are joined into statements, never a value

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from leadsync.domain.effects import Effect
from leadsync.domain.situation import Assignment
from leadsync.domain.sla import Clock
from leadsync.domain.transitions import Judgement
from leadsync.ledger.codec import CLOCK_COLUMNS, clock_row, optional_text, text, to_json
from leadsync.ledger.connection import select_in
from leadsync.ledger.outbox import wish
from leadsync.ledger.people import members, pids_of
from leadsync.ledger.stays import reline, respan

if TYPE_CHECKING:
    # Only their names are needed: whoever reads a ledger need not load all rules.
    from leadsync.domain.decision import PersonState
    from leadsync.domain.plan import Plan


@dataclass(frozen=True, slots=True)
class TouchValue:
    """What the rules made of one touch: whole points of now (None: none) and whether it is strong enough to count."""

    touch_id: str
    points: int | None
    strength: str  # strong | weak


@dataclass(frozen=True, slots=True)
class PlanRows:
    """Everything of a Plan that the ledger keeps. `held` are the groups whose effects wait for a release."""

    judgements: tuple[Judgement, ...] = ()
    persons: "tuple[PersonState, ...]" = ()
    clocks: tuple[Clock, ...] = ()
    assignments: tuple[Assignment, ...] = ()
    charges: Mapping[tuple[str, str, str], float] = field(default_factory=dict)
    effects: tuple[Effect, ...] = ()
    held: frozenset[str] = frozenset()
    rulebook_hash: str | None = None
    crm: str | None = None  # whose touches `touches` are
    touches: tuple[TouchValue, ...] = ()
    decided: frozenset[str] = frozenset()  # persons looked at who have no state to keep
    noticed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CommitCounts:
    """How many rows a commit really added or changed; deciding the same thing again adds none."""

    judged: int
    persons: int
    clocks: int
    assigned: int
    wished: int
    held: int


def rows_of(plan: "Plan") -> PlanRows:
    """Return what the ledger keeps of a Plan."""
    return PlanRows(
        judgements=tuple(judgement for decision in plan.decisions for judgement in decision.judgements),
        persons=tuple(decision.state for decision in plan.decisions),
        clocks=tuple(clock for decision in plan.decisions for clock in decision.clocks),
        assignments=tuple(decision.assignment for decision in plan.decisions if decision.assignment is not None),
        charges=plan.charges,
        effects=plan.effects,
        held=frozenset(plan.held),
        rulebook_hash=plan.rulebook_hash,
        crm=plan.decisions[0].ref.crm if plan.decisions else None,
        touches=tuple(
            TouchValue(worth.touch_id, worth.points, worth.strength)
            for decision in plan.decisions
            for worth in decision.touches
        ),
    )


def store_plan(con: sqlite3.Connection, rows: PlanRows, now: datetime) -> CommitCounts:
    """Write a Plan; runs inside a transaction."""
    at = text(now)
    pids = _pids(con, rows)
    judged = _store_judgements(con, rows, at)
    changed = _store_persons(con, rows, pids, at)
    clocks = _store_clocks(con, rows, pids)
    assigned = _store_assignments(con, rows, pids)
    con.executemany(
        "INSERT INTO pool_state (pool, tier, user_id, vt) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (pool, tier, user_id) DO UPDATE SET vt = excluded.vt WHERE pool_state.vt <> excluded.vt",
        [(*key, vt) for key, vt in rows.charges.items()],
    )
    con.executemany(
        "UPDATE touches SET points = ?1, strength = ?2 WHERE crm = ?3 AND touch_id = ?4"
        " AND (points IS NOT ?1 OR strength IS NOT ?2)",
        [(value.points, value.strength, rows.crm, value.touch_id) for value in rows.touches],
    )
    wished = wish(con, rows.effects, rows.held, at)
    held = sum(1 for effect in rows.effects if effect.group_id in rows.held)
    return CommitCounts(judged, changed, clocks, assigned, wished, held)


def _pids(con: sqlite3.Connection, rows: PlanRows) -> dict[str, int]:
    """Return the pid of every person that the rows name."""
    named = {state.person_id for state in rows.persons} | {clock.person_id for clock in rows.clocks}
    named |= {assignment.person_id for assignment in rows.assignments}
    return pids_of(con, named | rows.decided | set(rows.noticed))


def _store_judgements(con: sqlite3.Connection, rows: PlanRows, at: str) -> int:
    """Add verdicts; a transition is judged once, but that a legal birth is flagged when nothing has come of it.

    A correction joins stays, so those are written anew.
    """
    cursor = con.executemany(
        "INSERT INTO judgements (seq, verdict, actor_roles, correction, why, reason, bulk_id, at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (seq) DO UPDATE SET verdict = excluded.verdict,"
        " why = excluded.why, at = excluded.at WHERE judgements.verdict = 'legal' AND excluded.verdict = 'flagged'",
        [
            (j.seq, j.verdict, to_json(j.actor_roles), int(j.correction), j.why, j.reason, j.bulk_id, at)
            for j in rows.judgements
        ],
    )
    corrected = [j.seq for j in rows.judgements if j.correction]
    if corrected:
        rids = {row[0] for row in select_in(con, "SELECT rid FROM transitions WHERE seq IN (*)", corrected)}
        respan(con, rids)
        reline(con, {row[0] for row in select_in(con, "SELECT pid FROM records WHERE rid IN (*)", sorted(rids))})
    return max(cursor.rowcount, 0)


def _store_persons(con: sqlite3.Connection, rows: PlanRows, pids: Mapping[str, int], at: str) -> int:
    cursor = con.executemany(
        "UPDATE persons SET wake_at = ?, waiting = 0, decided_at = ?, score = ?, band = ?, product = ?, fired = ?,"
        " rulebook_hash = ?, recycle_count = ?, mql_count = ?, first_mql_at = ?, last_mql_at = ?, held_until = ?,"
        " passes = ?, outcome = ?, outcome_at = ?, twin_of = ?, marketable = ? WHERE pid = ?",
        [
            (
                optional_text(state.wake_at), at, state.score, state.band, state.product, to_json(dict(state.fired)),
                rows.rulebook_hash, state.recycle_count, state.mql_count, optional_text(state.first_mql_at),
                optional_text(state.last_mql_at), optional_text(state.held_until), state.passes, state.outcome,
                optional_text(state.outcome_at), state.twin_of, int(state.marketable), pids[state.person_id],
            )
            for state in rows.persons
            if state.person_id in pids
        ],
    )  # fmt: skip
    con.executemany(
        "UPDATE persons SET noticed = ? WHERE pid = ?",
        [(to_json(noticed), pids[person_id]) for person_id, noticed in rows.noticed.items() if person_id in pids],
    )
    con.executemany(
        "UPDATE persons SET wake_at = NULL, waiting = 0, decided_at = ?, rulebook_hash = ? WHERE pid = ?",
        [(at, rows.rulebook_hash, pids[person_id]) for person_id in sorted(rows.decided) if person_id in pids],
    )
    return max(cursor.rowcount, 0)


def _store_clocks(con: sqlite3.Connection, rows: PlanRows, pids: Mapping[str, int]) -> int:
    names = [name.strip() for name in CLOCK_COLUMNS.split(",")]
    changes = [name for name in names if name not in ("clock_id", "pid", "rule", "kind", "start_cause")]
    before = con.total_changes
    con.executemany(
        f"INSERT INTO clocks ({CLOCK_COLUMNS}) VALUES ({', '.join('?' * len(names))}) ON CONFLICT (clock_id) DO UPDATE SET "
        + ", ".join(f"{name} = excluded.{name}" for name in changes)
        + " WHERE "
        + " OR ".join(f"clocks.{name} IS NOT excluded.{name}" for name in changes),
        [clock_row(clock, pids[clock.person_id]) for clock in rows.clocks if clock.person_id in pids],
    )
    return con.total_changes - before


def _store_assignments(con: sqlite3.Connection, rows: PlanRows, pids: Mapping[str, int]) -> int:
    """Add assignments; the same one decided again is no other."""
    wanted = {pids[assignment.person_id] for assignment in rows.assignments if assignment.person_id in pids}
    rids = {(pid, record_id): rid for pid, record_id, rid in members(con, "pid, id, rid", wanted)}
    added = 0
    for a in rows.assignments:
        rid = rids.get((pids.get(a.person_id, 0), a.record_id))
        if rid is None:
            continue
        added += con.execute(
            "INSERT INTO assignments (rid, rule, pool, tier, sticky, owner_id, by, at, reason, door, candidates)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (
                rid, a.rule, a.pool, a.tier, int(a.sticky), a.owner_id, a.by, text(a.at), a.reason, a.door,
                to_json(a.candidates),
            ),
        ).rowcount  # fmt: skip
    return added
