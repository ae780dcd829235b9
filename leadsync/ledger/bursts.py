"""Mass changes: many equal moves by one person, or many records made by one creator, within minutes (semantics.md B, C).

Asked only about transitions that nobody has judged yet, by one indexed range per author.
"""

import sqlite3
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from leadsync.domain.funnel import FunnelLaw
from leadsync.domain.records import Ref
from leadsync.domain.transitions import Transition
from leadsync.ledger.codec import instant, text


@dataclass(frozen=True, slots=True)
class Bursts:
    """What of a person's news belongs to a mass change: group per transition, and whether they look imported."""

    groups: Mapping[int, str] = field(default_factory=dict)
    imported: bool = False


Signature = tuple[str, str, str | None, str | None]
"""Kind, author, from, to: moves that agree in these are equal."""


def bursts(
    con: sqlite3.Connection, crm: str, transitions: Mapping[str, Sequence[Transition]], law: FunnelLaw
) -> dict[str, Bursts]:
    """Return the mass changes that the unjudged transitions of these persons belong to."""
    signed = {person_id: _signatures(moves) for person_id, moves in transitions.items()}
    asked: dict[Signature, list[datetime]] = defaultdict(list)
    for pairs in signed.values():
        for move, signature in pairs:
            asked[signature].append(move.at)
    if not asked:
        return {}
    window = max(law.bulk.within.elapsed(), law.import_evidence.within.elapsed())
    times = {signature: _times(con, crm, signature, moments, window) for signature, moments in asked.items()}
    found: dict[str, Bursts] = {}
    for person_id, pairs in signed.items():
        groups: dict[int, str] = {}
        imported = False
        for move, signature in pairs:
            all_times, untouched = times[signature]
            limit = law.bulk.creations + 1 if signature[0] == "birth" else law.bulk.moves
            if _densest(all_times, move.at, law.bulk.within.elapsed()) >= limit:
                groups[move.seq] = _name(signature, move.at)
            if signature[0] == "birth":
                evidence = law.import_evidence
                imported |= _densest(untouched, move.at, evidence.within.elapsed()) >= evidence.creations
        if groups or imported:
            found[person_id] = Bursts(groups, imported)
    return found


def _signatures(moves: Sequence[Transition]) -> list[tuple[Transition, Signature]]:
    """Return what each unjudged transition is to be compared by; the first of a record is its birth."""
    pairs: list[tuple[Transition, Signature]] = []
    born: set[Ref] = set()
    for move in moves:
        is_birth = move.ref not in born
        born.add(move.ref)
        if move.verdict is None and move.actor_id and move.source != "leadsync" and move.reason != "converted":
            signature = (
                ("birth", move.actor_id, None, None)
                if is_birth
                else ("move", move.actor_id, move.from_value, move.to_value)
            )
            pairs.append((move, signature))
    return pairs


def _name(signature: Signature, at: datetime) -> str:
    kind, author, old, new = signature
    day = text(at)[:10]
    return f"bulk:births:{author}:{day}" if kind == "birth" else f"bulk:{author}:{old or '-'}>{new or '-'}:{day}"


def _times(
    con: sqlite3.Connection, crm: str, signature: Signature, moments: Sequence[datetime], window: timedelta
) -> tuple[list[datetime], list[datetime]]:
    """Return when the equal changes around these moments happened, and those to records without any touch."""
    kind, author, old, new = signature
    rows = con.execute(
        "SELECT t.at, NOT EXISTS (SELECT 1 FROM touches u WHERE u.record_id = r.id AND u.object = r.object AND u.crm = r.crm"
        "  AND u.retracted_at IS NULL)"
        " FROM transitions t JOIN records r ON r.rid = t.rid LEFT JOIN withdrawals w ON w.seq = t.seq"
        " WHERE t.adopted = 0 AND t.actor_id = ? AND t.at BETWEEN ? AND ? AND r.crm = ? AND w.seq IS NULL"
        " AND t.source <> 'leadsync'"
        " AND (CASE WHEN ? = 'birth' THEN t.kind = 'birth'"
        "      ELSE t.kind <> 'birth' AND t.from_value IS ? AND t.to_value IS ? END)"
        " ORDER BY t.at",
        (author, text(min(moments) - window), text(max(moments) + window), crm, kind, old, new),
    ).fetchall()
    return [instant(at) for at, _ in rows], [instant(at) for at, untouched in rows if untouched]


def _densest(times: Sequence[datetime], at: datetime, within: timedelta) -> int:
    """Return the most changes in any stretch of this length that holds `at`."""
    first, last = bisect_left(times, at - within), bisect_right(times, at)
    return max(
        (bisect_right(times, times[start] + within) - start for start in range(first, last)),
        default=0,
    )
