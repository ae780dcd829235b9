"""Who shares a key with whom: records sorted into blocks by SQL in a scratch file of their own, never compared in pairs.

The ledger is only read. SQLite keeps the scratch file out of memory and removes it with the connection, so a million
records cost their keys on disk and nothing else.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b

TOGETHER = 5000
"""Rows written at once."""

_TABLES = (
    "CREATE TABLE seen (rid INTEGER PRIMARY KEY, crm TEXT NOT NULL, object TEXT NOT NULL, id TEXT NOT NULL,"
    " unusable INTEGER NOT NULL, malformed INTEGER NOT NULL)",
    "CREATE TABLE doubled (rid INTEGER PRIMARY KEY)",
    "CREATE TABLE keys (hash INTEGER NOT NULL, kind TEXT NOT NULL, rid INTEGER NOT NULL, pid INTEGER NOT NULL)",
)
_FIND = (
    "CREATE TABLE shared AS SELECT hash FROM keys GROUP BY hash HAVING min(pid) <> max(pid)",
    "CREATE UNIQUE INDEX shared_by_hash ON shared (hash)",
    "CREATE TABLE members AS SELECT k.hash, k.kind, k.rid, k.pid FROM keys k JOIN shared s ON s.hash = k.hash",
    "DROP TABLE keys",
    "CREATE INDEX members_by_hash ON members (hash)",
    "CREATE TABLE blocks AS SELECT row_number() OVER (ORDER BY crm, kind, persons DESC, first) AS number, hash, crm, kind, persons"
    " FROM (SELECT m.hash, m.kind, min(s.crm) AS crm, count(DISTINCT m.pid) AS persons, min(s.id) AS first"
    " FROM members m JOIN seen s ON s.rid = m.rid GROUP BY m.hash, m.kind)",
    "CREATE UNIQUE INDEX blocks_by_hash ON blocks (hash)",
)


@dataclass(frozen=True, slots=True)
class Blocked:
    """How many blocks of a kind there are, with the records and persons in them; a record may be in several."""

    crm: str
    kind: str
    blocks: int
    records: int
    persons: int


@dataclass(frozen=True, slots=True)
class Doubled:
    """One record in a block of several persons."""

    crm: str
    kind: str
    block: int
    persons: int
    object: str
    record_id: str


@dataclass(frozen=True, slots=True)
class Parts:
    """The live records of an object, each in one part only: unusable, else double, else malformed, else sound."""

    crm: str
    object: str
    unusable: int
    duplicate: int
    malformed: int
    sound: int


class Blocks:
    """Records with their keys. Blocks are made by `find` once all are in."""

    def __init__(self) -> None:
        self._con = sqlite3.connect("", isolation_level=None)
        for statement in ("PRAGMA synchronous=0", "PRAGMA journal_mode=OFF", *_TABLES, "BEGIN"):
            self._con.execute(statement)
        self._seen: list[tuple[int, str, str, str, bool, bool]] = []
        self._keys: list[tuple[int, str, int, int]] = []

    def __enter__(self) -> "Blocks":
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Throw everything away."""
        self._con.close()

    def add(
        self,
        rid: int,
        pid: int,
        ref: tuple[str, str, str],
        keys: Mapping[str, set[str]],
        *,
        unusable: bool,
        malformed: bool,
    ) -> None:
        """Take in one record, by (crm, object, id), with its keys by kind."""
        self._seen.append((rid, *ref, unusable, malformed))
        self._keys += [
            (_hash(ref[0], kind, value), kind, rid, pid) for kind, values in keys.items() for value in values
        ]
        if len(self._seen) >= TOGETHER:
            self._write()

    def _write(self) -> None:
        self._con.executemany("INSERT INTO seen VALUES (?, ?, ?, ?, ?, ?)", self._seen)
        self._con.executemany("INSERT INTO keys VALUES (?, ?, ?, ?)", self._keys)
        self._seen.clear()
        self._keys.clear()

    def find(self, most: Mapping[str, tuple[int, str]], apart: tuple[str, ...]) -> None:
        """Make blocks of records of several persons that share a key.

        `most` says from how many persons on a kind's block is of another kind: a phone of five is a shared line.
        Blocks of a kind in `apart` are counted but make nobody a duplicate.
        """
        self._write()
        for statement in _FIND:
            self._con.execute(statement)
        for kind, (persons, name) in most.items():
            self._con.execute("UPDATE blocks SET kind = ? WHERE kind = ? AND persons >= ?", (name, kind, persons))
        marks = ",".join("?" * len(apart))
        self._con.execute(
            "INSERT INTO doubled SELECT DISTINCT m.rid FROM blocks b"  # noqa: S608 -- question marks alone are joined in
            f" JOIN members m ON m.hash = b.hash WHERE b.kind NOT IN ({marks})",
            apart,
        )

    def kinds(self) -> Iterator[Blocked]:
        """Yield how many blocks there are of each kind."""
        for row in self._con.execute(
            "SELECT b.crm, b.kind, count(DISTINCT b.number), count(DISTINCT m.rid), count(DISTINCT m.pid) FROM blocks b"
            " JOIN members m ON m.hash = b.hash GROUP BY b.crm, b.kind ORDER BY b.crm, b.kind"
        ):
            yield Blocked(*row)

    def doubled(self, kind: str, limit: int) -> Iterator[Doubled]:
        """Yield the records in blocks of a kind, block by block, the largest first."""
        for row in self._con.execute(
            "SELECT b.crm, b.kind, b.number, b.persons, s.object, s.id FROM blocks b"
            " JOIN members m ON m.hash = b.hash JOIN seen s ON s.rid = m.rid"
            " WHERE b.kind = ? ORDER BY b.number, s.object, s.id LIMIT ?",
            (kind, limit),
        ):
            yield Doubled(*row)

    def parts(self) -> Iterator[Parts]:
        """Yield how many records of each object are in each part."""
        for row in self._con.execute(
            "SELECT crm, object, sum(unusable), sum(NOT unusable AND twice), sum(NOT unusable AND NOT twice AND malformed),"
            " sum(NOT unusable AND NOT twice AND NOT malformed) FROM ("
            "  SELECT s.*, d.rid IS NOT NULL AS twice FROM seen s LEFT JOIN doubled d ON d.rid = s.rid"
            ") GROUP BY crm, object ORDER BY crm, object"
        ):
            yield Parts(*row)


def _hash(crm: str, kind: str, value: str) -> int:
    """Return what stands for a key: eight bytes, so that a million records fit into a small temporary folder.

    That two of three million keys have one by chance happens once in four million reports.
    """
    found = blake2b(f"{crm}\n{kind}\n{value}".encode(), digest_size=8).digest()
    return int.from_bytes(found, "big", signed=True)
