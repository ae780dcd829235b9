"""Is the ledger right? Compared with the sandbox's own record of every change, not with leadsync's opinion.

*Equal*: every row's value, owner and state are the truth's; where the CRM keeps history so is each record's sequence
of (from, to, at), elsewhere it is a subsequence that ends in the same value; and every person's line has no gap and no
overlap, its passes are numbered rightly, and where there is history it tells at each instant where they truly stood
(`lines.py`). Rows that were gone for good before the first look are no difference: Dynamics shows none of them,
Salesforce those in its recycle bin. *Overwritten*: a write of ours to a field that a person had set after the version
the write named, or, without a precondition, to any field that a person set last.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import msgspec
import requests

from leadsync.cli.demo.lines import Life, Stay, Step, misnumbered, torn, untrue
from leadsync.domain.instants import to_text
from leadsync.domain.mapping import CrmMapping, stage_of


class Change(msgspec.Struct):
    """One committed field change, as the sandbox tells it."""

    seq: int
    object: str
    id: str
    field: str
    old: Any
    new: Any
    at: datetime
    by: str | None
    via: str
    token: str | None = None
    guard: str | None = None


def changes(url: str, native: str) -> list[Change]:
    """Return every committed change of one native object, in order of commit."""
    answer = requests.get(f"{url}/sandbox/truth", params={"object": native}, timeout=120)
    answer.raise_for_status()
    return [msgspec.json.decode(line, type=Change) for line in answer.content.splitlines() if line]


def overwritten(found: Iterable[Change], own_user_id: str) -> list[Change]:
    """Return our writes that replaced a person's edit nobody had read."""
    set_at: dict[tuple[str, str, str], datetime | None] = {}
    lost: list[Change] = []
    for change in found:
        key = (change.object, change.id, change.field)
        if change.via == "api" and change.by == own_user_id:
            by_person = set_at.get(key)
            if by_person is not None and _is_blind(change.guard, by_person):
                lost.append(change)
            set_at[key] = None
        elif change.via == "person":
            set_at[key] = change.at
        else:
            set_at[key] = None
    return lost


def _is_blind(guard: str | None, set_at: datetime) -> bool:
    """Say whether a precondition let a write through that had not seen this edit; an ETag never does, `*` always."""
    if guard is None or guard == "*":
        return True
    return not guard.startswith("W/") and _second(set_at) > _instant(guard)


def _second(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(microsecond=0)


def _instant(text: str) -> datetime:
    """Return a precondition's instant: an HTTP date, or the ISO text of a version."""
    try:
        return parsedate_to_datetime(text).astimezone(UTC)
    except ValueError:
        return datetime.fromisoformat(text).astimezone(UTC)


@dataclass(slots=True)
class _Row:
    value: str | None = None
    owner: str | None = None
    deleted: bool = False
    binned: bool = False  # into a recycle bin, where a first look still finds it
    converted: bool = False
    merged: bool = False

    @property
    def state(self) -> str:
        if self.merged and self.deleted:
            return "merged"
        if self.deleted:
            return "deleted"
        return "converted" if self.converted else "live"


def differences(
    location: Path, found: Mapping[str, list[Change]], mapping: CrmMapping, history: frozenset[str]
) -> Iterator[str]:
    """Yield what the ledger has wrong, one line each; `found` holds the changes of lead and contact."""
    con = sqlite3.connect(f"{location.resolve().as_uri()}?mode=ro", uri=True)
    con.row_factory = sqlite3.Row
    try:
        for name, told in found.items():
            yield from _wrong_rows(con, name, told, mapping)
            yield from _wrong_moves(con, name, told, mapping, exact=name in history)
        yield from _wrong_lines(con, found, mapping, history)
    finally:
        con.close()


def joined(location: Path) -> list[str]:
    """Return a line for each person whose records are in several CRMs, which leadsync never joins."""
    con = sqlite3.connect(f"{location.resolve().as_uri()}?mode=ro", uri=True)
    try:
        found = con.execute("SELECT person_id FROM v_people GROUP BY person_id HAVING count(DISTINCT crm) > 1")
        return [f"person {person_id}: joined across CRMs" for (person_id,) in found]
    finally:
        con.close()


def _wrong_rows(con: sqlite3.Connection, name: str, told: list[Change], mapping: CrmMapping) -> Iterator[str]:
    objects = mapping.objects[name]
    truth: dict[str, _Row] = defaultdict(_Row)
    for change in told:
        row = truth[change.id]
        match change.field:
            case "IsDeleted" | "deleted":
                row.deleted = bool(change.new)
                row.binned = change.field == "IsDeleted"
            case "merged":
                row.deleted = row.merged = bool(change.new)
            case "IsConverted":
                row.converted = bool(change.new)
            case "statecode":
                row.converted = change.new == "Qualified"
            case "MasterRecordId" | "masterid":
                row.merged = change.new is not None
            case field if field in objects.stage.native:
                row.value = change.new
            case field if field in objects.owner.native:
                row.owner = change.new
    known = {
        row["record_id"]: row
        for row in con.execute(
            "SELECT record_id, stage_value, owner_id, state FROM v_people WHERE crm = ? AND object = ?",
            (mapping.crm, name),
        )
    }
    for record_id, row in truth.items():
        mine = known.pop(record_id, None)
        if mine is None:
            if not row.deleted or row.binned:
                yield f"{name} {record_id}: the ledger has never seen it ({row.state})"
            continue
        for what, wanted in (("stage_value", row.value), ("owner_id", row.owner), ("state", row.state)):
            if (mine[what] or None) != (wanted or None):
                yield f"{name} {record_id}: {what} is {mine[what]!r} in the ledger and {wanted!r} in truth"
    for record_id in known:
        yield f"{name} {record_id}: the CRM never had it"


def _wrong_moves(
    con: sqlite3.Connection, name: str, told: list[Change], mapping: CrmMapping, *, exact: bool
) -> Iterator[str]:
    fields = mapping.objects[name].stage.native
    truth: dict[str, list[tuple[str | None, str]]] = defaultdict(list)
    last: dict[str, str | None] = {}
    for change in told:
        if change.field not in fields or change.new in mapping.converted:
            continue
        if change.id in last and _means_the_same(mapping, last[change.id], change.new):
            last[change.id] = change.new
            continue
        last[change.id] = change.new
        truth[change.id].append((change.new, to_text(change.at)))
    mine: dict[str, list[tuple[str | None, str]]] = defaultdict(list)
    for row in con.execute(
        "SELECT record_id, to_value, at, reason FROM v_transitions WHERE crm = ? AND object = ?"
        " ORDER BY record_id, at, seq",
        (mapping.crm, name),
    ):
        blank_birth = row["to_value"] is None and not mine[row["record_id"]]
        if row["reason"] != "converted" and not blank_birth:
            mine[row["record_id"]].append((row["to_value"], row["at"]))
    for record_id, moves in mine.items():
        wanted = truth.get(record_id, [])
        if exact and moves != wanted:
            yield f"{name} {record_id}: the ledger tells {moves}, truth {wanted}"
        elif not exact and not _is_subsequence([value for value, _ in moves], [value for value, _ in wanted]):
            yield f"{name} {record_id}: the ledger tells {moves}, which is no part of {wanted}"
    if exact:
        gone = {change.id for change in told if change.field in ("deleted", "merged") and change.new}
        for record_id in sorted(truth.keys() - mine.keys() - gone):
            yield f"{name} {record_id}: the ledger tells of no move, truth of {truth[record_id]}"


def _wrong_lines(
    con: sqlite3.Connection, found: Mapping[str, list[Change]], mapping: CrmMapping, history: frozenset[str]
) -> Iterator[str]:
    stages = con.execute("SELECT stage, role, rank FROM stages").fetchall()
    ranks = {stage: rank for stage, _, rank in stages if rank is not None}
    inside = frozenset(stage for stage, role, rank in stages if rank is not None and role != "raw")
    ends = frozenset(stage for stage, role, _ in stages if role in ("recycle", "exit"))
    lives = _lives(con, found, mapping)
    records: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for person, name, record_id in con.execute(
        "SELECT person_id, object, record_id FROM v_people WHERE crm = ?", (mapping.crm,)
    ):
        records[person].append((name, record_id))
    lines: dict[str, list[Stay]] = defaultdict(list)
    for person, *stay in con.execute(
        "SELECT person_id, stage, entered_at, left_at, pass_number FROM v_spans WHERE crm = ?"
        " ORDER BY person_id, entered_at, left_at IS NULL, left_at, pass_number",
        (mapping.crm,),
    ):
        lines[person].append(Stay(*stay))
    for person, refs in records.items():
        line = lines[person]
        wrong = [*torn(line), *misnumbered(line, inside, ends)]
        if all(ref[0] in history and ref in lives for ref in refs):
            wrong += untrue(line, [lives[ref] for ref in refs], ranks)
        yield from (f"{person}: {one}" for one in wrong)


def _lives(
    con: sqlite3.Connection, found: Mapping[str, list[Change]], mapping: CrmMapping
) -> dict[tuple[str, str], Life]:
    """Return what truly became of each record, by its object and id; which moves were taken back is the law's word."""
    taken_back: set[tuple[str, str, str | None]] = set()
    conversions: dict[str, list[tuple[str, str | None]]] = defaultdict(list)
    for record_id, at, value, stage, correction, reason in con.execute(
        "SELECT record_id, at, to_value, from_stage, correction, reason FROM v_transitions"
        " WHERE crm = ? AND (correction = 1 OR reason = 'converted') ORDER BY at, seq",
        (mapping.crm,),
    ):
        if reason == "converted":
            conversions[record_id].append((at, stage))
        elif correction:
            taken_back.add((record_id, at, value))
    lives: dict[tuple[str, str], Life] = {}
    for name, told in found.items():
        stages = mapping.objects[name].stage.native
        born: dict[str, str] = {}
        steps: dict[str, list[Step]] = defaultdict(list)
        deleted: dict[str, str | None] = {}
        undated: set[str] = set()
        converted: dict[str, str | None] = {}
        for change in told:
            key, at = change.id, to_text(change.at)
            born.setdefault(key, at)
            match change.field:
                case "IsDeleted" | "deleted" | "merged":
                    deleted[key] = at if change.new else None
                    undated |= {key} if change.field == "deleted" else set()  # change tracking tells no instant
                case "IsConverted":
                    converted[key] = at if change.new else None
                case "statecode":  # a qualified lead may be opened again
                    converted[key] = at if change.new == "Qualified" else None
                case field if field in stages and change.new not in mapping.converted:
                    steps[key].append(Step(at, stage_of(mapping, change.new), (key, at, change.new) in taken_back))
        for key, at in born.items():
            ended = converted.get(key) or deleted.get(key)
            lives[name, key] = Life(
                name, key, at, tuple(steps[key]), ended, tuple(conversions[key]), dated=key not in undated
            )
    return lives


def _means_the_same(mapping: CrmMapping, one: str | None, other: str | None) -> bool:
    stage = stage_of(mapping, one)
    return one == other or (stage is not None and stage == stage_of(mapping, other))


def _is_subsequence(part: list[str | None], whole: list[str | None]) -> bool:
    rest = iter(whole)
    return all(any(value == other for other in rest) for value in part)
