"""Mass changes: many equal moves by one person, or many records made by one creator, within minutes (semantics.md B, C).

Asked only about transitions that nobody has judged yet, by one indexed range per author. A mass change of moves waits
until `release_change` lets it go.
"""

# ruff: noqa: S608 -- only names from this package are joined into statements, never a value

import sqlite3
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from leadsync.domain.effects import PRIORITIES
from leadsync.domain.funnel import FunnelLaw
from leadsync.domain.records import Record, Ref
from leadsync.domain.transitions import MASS, MASS_CREATION, Transition
from leadsync.ledger.codec import RECORD_COLUMNS, instant, record_and_rest, text
from leadsync.ledger.connection import select_in


@dataclass(frozen=True, slots=True)
class Bursts:
    """What of a person's news belongs to a mass change: group per transition, and whether they look imported."""

    groups: Mapping[int, str] = field(default_factory=dict)
    imported: bool = False


CameByItself = Callable[[Record], bool]
"""Says whether a record's own source stands for a touch, as that of a web form does."""

Signature = tuple[str, str, str | None, str | None]
"""Kind, author, from, to: moves that agree in these are equal."""

Crowd = tuple[list[datetime], list[datetime]]
"""Where stretches begin that hold enough changes for a mass change, and for an import of untouched records."""


class Crowds:
    """What each author did of one kind, read once for all batches of a pass and forgotten when the next page is stored.

    An import of a hundred thousand is decided in hundreds of batches, and each asks for all that its author made.
    """

    def __init__(self) -> None:
        self._law: FunnelLaw | None = None
        self._known: dict[tuple[str, Signature], tuple[datetime, Crowd]] = {}

    def forget(self) -> None:
        """Read everything anew when it is next asked for."""
        self._known.clear()

    def of(
        self, con: sqlite3.Connection, crm: str, signature: Signature, since: datetime, law: FunnelLaw,
        came_by_itself: CameByItself | None,
    ) -> Crowd:  # fmt: skip
        """Return where mass changes and imports of this kind begin, from `since` on."""
        if law is not self._law:
            self._law = law
            self.forget()
        known = self._known.get((crm, signature))
        if known is not None and known[0] <= since:
            return known[1]
        crowd = _crowd(con, crm, signature, since, law, came_by_itself)
        self._known[crm, signature] = (since, crowd)
        return crowd


def bursts(
    con: sqlite3.Connection,
    crm: str,
    transitions: Mapping[str, Sequence[Transition]],
    law: FunnelLaw,
    crowds: Crowds,
    came_by_itself: CameByItself | None = None,
) -> dict[str, Bursts]:
    """Return the mass changes that the unjudged transitions of these persons belong to."""
    signed = {person_id: _signatures(moves) for person_id, moves in transitions.items()}
    since: dict[Signature, datetime] = {}
    window = max(law.bulk.within.elapsed(), law.import_evidence.within.elapsed())
    for pairs in signed.values():
        for move, signature in pairs:
            since[signature] = min(since.get(signature, move.at), move.at)
    begun = {
        signature: crowds.of(con, crm, signature, first - window, law, came_by_itself)
        for signature, first in since.items()
    }
    found: dict[str, Bursts] = {}
    for person_id, pairs in signed.items():
        groups: dict[int, str] = {}
        imported = False
        for move, signature in pairs:
            mass, imports = begun[signature]
            if _is_within(move.at, mass, law.bulk.within.elapsed()):
                groups[move.seq] = _name(signature, move.at)
            imported |= _is_within(move.at, imports, law.import_evidence.within.elapsed())
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
        if (
            move.verdict is None
            and not move.is_adopted
            and move.actor_id
            and move.source != "leadsync"
            and move.reason != "converted"
        ):
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
    return f"{MASS_CREATION}{author}:{day}" if kind == "birth" else f"{MASS}{author}:{old or '-'}>{new or '-'}:{day}"


def _crowd(
    con: sqlite3.Connection,
    crm: str,
    signature: Signature,
    since: datetime,
    law: FunnelLaw,
    came_by_itself: CameByItself | None,
) -> Crowd:
    times, untouched = _times(con, crm, signature, since)
    is_birth = signature[0] == "birth"
    limit = law.bulk.creations + 1 if is_birth else law.bulk.moves
    evidence = law.import_evidence
    silent = _silent(con, untouched, came_by_itself) if is_birth and len(untouched) >= evidence.creations else []
    imports = _stretches(silent, evidence.creations, evidence.within.elapsed())
    return _stretches(times, limit, law.bulk.within.elapsed()), imports


def _times(
    con: sqlite3.Connection, crm: str, signature: Signature, since: datetime
) -> tuple[list[datetime], dict[int, datetime]]:
    """Return when the equal changes since then happened, and by record those where nobody has answered."""
    kind, author, old, new = signature
    rows = con.execute(
        "SELECT r.rid, t.at, NOT EXISTS (SELECT 1 FROM touches u WHERE u.record_id = r.id AND u.object = r.object AND u.crm = r.crm"
        "  AND u.retracted_at IS NULL AND u.direction <> 'outbound')"
        " FROM transitions t JOIN records r ON r.rid = t.rid LEFT JOIN withdrawals w ON w.seq = t.seq"
        " WHERE t.adopted = 0 AND t.actor_id = ? AND t.at >= ? AND r.crm = ? AND w.seq IS NULL"
        " AND t.source <> 'leadsync'"
        " AND (CASE WHEN ? = 'birth' THEN t.kind = 'birth'"
        "      ELSE t.kind <> 'birth' AND t.from_value IS ? AND t.to_value IS ? END)"
        " ORDER BY t.at",
        (author, text(since), crm, kind, old, new),
    ).fetchall()
    return [instant(at) for _, at, _ in rows], {rid: instant(at) for rid, at, untouched in rows if untouched}


def _silent(
    con: sqlite3.Connection, untouched: Mapping[int, datetime], came_by_itself: CameByItself | None
) -> list[datetime]:
    """Return when those of the untouched records were made whose own source stands for no touch."""
    if came_by_itself is None:
        return list(untouched.values())
    rows = select_in(con, f"SELECT {RECORD_COLUMNS}, rid FROM records WHERE rid IN (*)", sorted(untouched))
    found = map(record_and_rest, rows)
    return sorted(untouched[rid] for record, (rid,) in found if not came_by_itself(record))


def _stretches(times: Sequence[datetime], limit: int, within: timedelta) -> list[datetime]:
    """Return the times at which a stretch of this length begins that holds at least `limit` of them."""
    ends = times[limit - 1 :]
    return [start for start, end in zip(times, ends, strict=False) if end - start <= within]


def _is_within(at: datetime, starts: Sequence[datetime], within: timedelta) -> bool:
    """Say whether an instant lies in one of the stretches of this length that begin at `starts`."""
    place = bisect_left(starts, at - within)
    return place < len(starts) and starts[place] <= at


_HELD = (
    " FROM judgements j JOIN transitions t ON t.seq = j.seq JOIN records r ON r.rid = t.rid"
    " LEFT JOIN withdrawals w ON w.seq = j.seq LEFT JOIN releases x ON x.group_id = j.bulk_id"
    f" WHERE j.bulk_id IS NOT NULL AND j.bulk_id LIKE '{MASS}%' AND j.bulk_id NOT LIKE '{MASS_CREATION}%'"
    " AND w.seq IS NULL AND j.correction = 0 AND (x.at IS NULL OR t.at > x.at)"
)
"""The judged moves of mass changes that nobody has let go; a slip that was taken back is none."""


_LAST = (
    "NOT EXISTS (SELECT 1 FROM transitions n LEFT JOIN withdrawals v ON v.seq = n.seq"
    " WHERE n.rid = t.rid AND v.seq IS NULL AND (n.at > t.at OR (n.at = t.at AND n.seq > t.seq)))"
)
"""The moves after which their record has not been moved again."""


@dataclass(frozen=True, slots=True)
class HeldChange:
    """A mass change that waits for its release: how many of its moves still stand, and when the last was made."""

    group_id: str
    crm: str
    moves: int
    at: datetime


def held_changes(con: sqlite3.Connection) -> list[HeldChange]:
    """Return the mass changes that wait; one whose records have all been moved on waits no more."""
    rows = con.execute(
        f"SELECT j.bulk_id, r.crm, count(*), max(t.at){_HELD} AND {_LAST}"
        " GROUP BY j.bulk_id, r.crm ORDER BY j.bulk_id, r.crm"
    )
    return [HeldChange(group, crm, count, instant(at)) for group, crm, count, at in rows]


def hold_back(con: sqlite3.Connection, group_id: str, law: FunnelLaw) -> int:
    """Hold what is still to be sent about moves that were judged before it was seen which mass change they belong to.

    Return how many effects that are. What answers to a raised hand or to a clock goes on, and so do people who have
    moved on since.
    """
    within = law.bulk.within.elapsed()
    kinds = con.execute(
        f"SELECT r.crm, t.actor_id, t.from_value, t.to_value, min(t.at){_HELD} AND j.bulk_id = ? GROUP BY 1, 2, 3, 4",
        (group_id,),
    ).fetchall()
    held = 0
    for crm, author, old, new, first in kinds:
        since = instant(first) - within
        times, _ = _times(con, crm, ("move", author, old, new), since)
        begun = _stretches(times, law.bulk.moves, within)
        earlier = con.execute(
            "SELECT t.at, r.object, r.id, j.at FROM transitions t JOIN records r ON r.rid = t.rid"
            " JOIN judgements j ON j.seq = t.seq LEFT JOIN withdrawals w ON w.seq = t.seq"
            " WHERE t.adopted = 0 AND t.actor_id = ? AND t.at >= ? AND r.crm = ? AND w.seq IS NULL"
            " AND t.source <> 'leadsync' AND t.kind <> 'birth' AND t.from_value IS ? AND t.to_value IS ?"
            f" AND j.bulk_id IS NULL AND {_LAST}",
            (author, text(since), crm, old, new),
        ).fetchall()
        for at, object_name, record_id, judged_at in earlier:
            if _is_within(instant(at), begun, within):
                held += con.execute(
                    "UPDATE outbox SET state = 'held', group_id = ? WHERE crm = ? AND object = ? AND record_id = ?"
                    " AND state = 'pending' AND decided_at >= ? AND (kind IN ('notice', 'membership')"
                    " OR (kind = 'write' AND priority >= ?))",
                    (group_id, crm, object_name, record_id, judged_at, PRIORITIES.index("stage")),
                ).rowcount
    return held


def releases(con: sqlite3.Connection) -> dict[str, datetime]:
    """Return the mass changes that were let go, and when."""
    return {group: instant(at) for group, at in con.execute("SELECT group_id, at FROM releases")}


def release_change(con: sqlite3.Connection, group_id: str, at: str) -> int:
    """Let a mass change go and wake whom it moved; return how many moves that were.

    Moves of the same kind that are made after `at` are another mass change.
    """
    moved = con.execute(f"SELECT r.pid, t.at{_HELD} AND j.bulk_id = ?", (group_id,)).fetchall()
    if moved:
        con.execute(
            "INSERT INTO releases (group_id, at) VALUES (?, ?) ON CONFLICT (group_id) DO UPDATE SET at = excluded.at",
            (group_id, max(at, *(last for _, last in moved))),
        )
        con.executemany("UPDATE persons SET wake_at = '' WHERE pid = ?", sorted({(pid,) for pid, _ in moved}))
    return len(moved)
