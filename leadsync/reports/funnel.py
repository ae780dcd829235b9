"""`report funnel`: who stands where now, how many came into each stage, and how many of those went on.

Live records add up: every stage, what lies outside, who is excluded. Volumes and conversions are of passes (semantics.md H).
"""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from leadsync.domain.rulebook import Rulebook
from leadsync.reports import queries
from leadsync.reports.answer import Cell, Report, Table, definition_hash, percent
from leadsync.reports.passes import Life, Pass, funnel_stages, lives
from leadsync.reports.people import EVERYTHING, Filters, Person, left_out_notes, read_people
from leadsync.reports.statuses import OUTSIDE, StatusKind, kind_of

Count = Literal["passes", "persons", "events"]

WINDOW = timedelta(days=180)
"""How long after its start a pass may take to reach a stage and still count as converted."""

OBJECTS = ("lead", "contact")

DEFINITION = (
    "Snapshot: live records by the stage of their status now; every live record stands in exactly one line.",
    "Outside funnel: a status that is blank on a lead, unknown, deprecated, a call result, or an older name.",
    "A pass lasts from entering the funnel to the next recycle or exit; a conversion or a correction neither ends nor begins one.",
    "Events: entries into the stage itself. Passes: those whose first entry at that rank or beyond falls in the period."
    " Persons: the people behind these passes. Undated: entries of which nobody knows when; they are in no other column.",
    "Conversion from S to T: of the passes (persons, events) that reached S or beyond in the period, those that reached T or"
    f" beyond within {WINDOW.days} days. Immature: not yet, and still under way. Strict: entries into S and T themselves.",
)


@dataclass(frozen=True, slots=True)
class Start:
    """One thing that is counted as it reaches a stage, with what it reached in time: how far, and which stages themselves."""

    furthest: int
    stages: frozenset[str]
    may_still: bool


def funnel(
    con: sqlite3.Connection,
    rulebook: Rulebook,
    as_of: datetime,
    filters: Filters = EVERYTHING,
    count: Count = "passes",
    people: Mapping[int, Person] | None = None,
) -> Report:
    """Return the funnel report as of an instant of the CRM; `people` if they were read in the same moment already."""
    tally = Tally(rulebook, filters, count, as_of)
    with queries.one_moment(con):
        if people is None:
            people = read_people(con, rulebook, filters, as_of)
        statuses = list(_statuses(con, rulebook, people))
        for life in lives(queries.lines(con), rulebook.law):
            if life.passes and people[life.pid].left_out is None:
                tally.add(life)
        states = queries.states(con)
    return Report(
        name="funnel",
        definition=DEFINITION,
        definition_hash=definition_hash("funnel", DEFINITION, rulebook, count=count, days=WINDOW.days),
        as_of=as_of,
        filters={**filters.words(), "count": count},
        tables=(_snapshot(statuses, rulebook), _outside(statuses), tally.volume(), tally.conversion()),
        notes=(*left_out_notes(people), *_not_live(states)),
    )


@dataclass(frozen=True, slots=True)
class _Placed:
    crm: str
    object: str
    value: str | None
    kind: StatusKind
    is_excluded: bool
    records: int


def _statuses(con: sqlite3.Connection, rulebook: Rulebook, people: Mapping[int, Person]) -> Iterator[_Placed]:
    counts: Counter[tuple[str, str, str | None, bool]] = Counter()
    for row in queries.live_statuses(con):
        left_out = people[row.pid].left_out
        if left_out != "filtered":
            counts[row.crm, row.object, row.value or None, left_out is not None] += 1
    for (crm, object_name, value, excluded), number in counts.items():
        kind = kind_of(rulebook.mappings.get(crm), rulebook.law, object_name, value)
        yield _Placed(crm, object_name, value, kind, excluded, number)


def _snapshot(statuses: Sequence[_Placed], rulebook: Rulebook) -> Table:
    """Return one line a stage, then what has none; what lies outside goes before who is excluded, as in the audit."""

    def line(name: str, label: str, kind: str, fits: Callable[[_Placed], bool]) -> tuple[Cell, ...]:
        by_object = Counter[str]()
        for one in statuses:
            if fits(one):
                by_object[one.object] += one.records
        return (name, label, kind, *(by_object[name] for name in OBJECTS), by_object.total())

    def staged(name: str) -> Callable[[_Placed], bool]:
        return lambda one: one.kind.stage == name and one.kind.kind in ("stage", "none") and not one.is_excluded

    def nowhere(one: _Placed) -> bool:
        return one.kind.kind == "none" and one.kind.stage is None and not one.is_excluded

    rows = [line(stage.name, stage.label, "stage", staged(stage.name)) for stage in rulebook.law.stages.values()]
    if any(nowhere(one) for one in statuses):
        rows.append(line("blank", "Blank on a contact", "stage", nowhere))
    converted = line(
        "converted", "Value forced at conversion on a live record", "inside",
        lambda one: one.kind.kind == "converted" and not one.is_excluded,
    )  # fmt: skip
    excluded = line(
        "excluded", "Excluded by the rules", "excluded", lambda one: one.is_excluded and one.kind.kind not in OUTSIDE
    )
    rows += [row for row in (converted, excluded) if row[-1]]
    rows.append(line("outside", "Outside funnel", "outside", lambda one: one.kind.kind in OUTSIDE))
    rows.append(line("total", "Live records", "total", lambda _: True))
    return Table("snapshot", "Live records now", ("line", "label", "kind", "leads", "contacts", "records"), tuple(rows))


def _outside(statuses: Sequence[_Placed]) -> Table:
    counts: Counter[tuple[str, str, str, str, str]] = Counter()
    for one in statuses:
        if one.kind.kind in OUTSIDE:
            counts[one.crm, one.object, one.value or "", one.kind.kind, one.kind.stage or ""] += one.records
    rows = [(crm, name, value or None, kind, stage or None, n) for (crm, name, value, kind, stage), n in counts.items()]
    rows.sort(key=lambda row: (row[0], row[1], -row[5], row[2] or ""))
    columns = ("crm", "object", "value", "kind", "instead", "records")
    return Table("outside", "What lies outside the funnel", columns, tuple(rows))


class Tally:
    """Volumes and conversions, person by person, so that nobody has to be kept."""

    def __init__(self, rulebook: Rulebook, filters: Filters, count: Count, as_of: datetime) -> None:
        self._stages = funnel_stages(rulebook.law)
        self._filters, self._count, self._as_of = filters, count, as_of
        self._volume: Counter[tuple[str, str]] = Counter()
        self._reached: Counter[tuple[str, str]] = Counter()
        self._immature: Counter[tuple[str, str]] = Counter()
        self._strict: Counter[tuple[str, str]] = Counter()

    def add(self, life: Life) -> None:
        """Count one person's passes."""
        persons = self._count == "persons"
        for place, (stage, rank) in enumerate(self._stages):
            self._came(life, stage.name, rank)
            loose = list(self._starts(life, stage.name, rank))
            strict = list(self._entries_into(life, stage.name))
            if not loose and not strict:
                continue
            furthest = max((start.furthest for start in loose), default=-1)
            waits = any(start.may_still for start in loose)
            met = frozenset[str]().union(*(start.stages for start in strict))
            for target, beyond in self._stages[place + 1 :]:
                pair = (stage.name, target.name)
                if furthest >= beyond:
                    self._reached[pair] += 1 if persons else sum(1 for start in loose if start.furthest >= beyond)
                if waits and not (persons and furthest >= beyond):
                    late = sum(1 for start in loose if start.may_still and start.furthest < beyond)
                    self._immature[pair] += 1 if persons else late
                if target.name in met:
                    self._strict[pair] += 1 if persons else sum(1 for start in strict if target.name in start.stages)
            self._volume[stage.name, "entered"] += bool(loose) if persons else len(loose)
            self._volume[stage.name, "strict"] += bool(strict) if persons else len(strict)

    def _came(self, life: Life, stage: str, rank: int) -> None:
        for one in life.passes:
            for entry in one.entries:
                if entry.stage == stage:
                    self._volume[stage, "events"] += entry.dated and self._filters.covers(entry.at)
                    self._volume[stage, "undated"] += not entry.dated
        firsts = (one.first_at_or_beyond(rank) for one in life.passes)
        reached = sum(1 for first in firsts if first and first.dated and self._filters.covers(first.at))
        self._volume[stage, "passes"] += reached
        self._volume[stage, "persons"] += bool(reached)

    def volume(self) -> Table:
        """Return how many came into each stage."""
        columns = ("events", "passes", "persons", "undated")
        rows: list[tuple[Cell, ...]] = [
            (stage.name, stage.label, *(self._volume[stage.name, column] for column in columns))
            for stage, _ in self._stages
        ]
        return Table("volume", "Came into each stage", ("stage", "label", *columns), tuple(rows))

    def conversion(self) -> Table:
        """Return how many went from each stage to each later one."""
        rows: list[tuple[Cell, ...]] = []
        for place, (source, _) in enumerate(self._stages):
            entered, strict = self._volume[source.name, "entered"], self._volume[source.name, "strict"]
            for target, _ in self._stages[place + 1 :]:
                pair = (source.name, target.name)
                reached, immature, exactly = self._reached[pair], self._immature[pair], self._strict[pair]
                share, strict_share = percent(reached, entered), percent(exactly, strict)
                rows.append(
                    (source.name, target.name, entered, reached, immature, share, strict, exactly, strict_share)
                )
        columns = (
            "from", "to", "entered", "reached", "immature", "percent", "strict_entered", "strict_reached", "strict_percent",
        )  # fmt: skip
        title = f"Reached or beyond within {WINDOW.days} days ({self._count})"
        return Table("conversion", title, columns, tuple(rows))

    def _starts(self, life: Life, stage: str, rank: int) -> Iterator[Start]:
        """Yield what is counted as it reaches a rank or beyond: once a pass, or with each entry into the stage."""
        if self._count == "events":
            yield from self._entries_into(life, stage)
            return
        for one in life.passes:
            place = next((index for index, entry in enumerate(one.entries) if entry.rank >= rank), None)
            if place is not None and (start := self._start(one, place, place)):
                yield start

    def _entries_into(self, life: Life, stage: str) -> Iterator[Start]:
        """Yield the first entry of each pass into the stage itself; every one when events are counted."""
        for one in life.passes:
            places = [index for index, entry in enumerate(one.entries) if entry.stage == stage]
            for place in places if self._count == "events" else places[:1]:
                if start := self._start(one, place, place + 1):
                    yield start

    def _start(self, one: Pass, place: int, since: int) -> Start | None:
        first = one.entries[place]
        if not first.dated or not self._filters.covers(first.at):
            return None
        later = [entry for entry in one.entries[since:] if entry.at - first.at <= WINDOW]
        return Start(
            max((entry.rank for entry in later), default=-1),
            frozenset(entry.stage for entry in later),
            one.end == "open" and self._as_of < first.at + WINDOW,
        )


def _not_live(states: Sequence[queries.StateCount]) -> tuple[str, ...]:
    counts: Counter[str] = Counter()
    for one in states:
        if one.state != "live":
            counts[one.state] += one.records
    words = ", ".join(f"{state.replace('_', ' ')} {number}" for state, number in sorted(counts.items()))
    return (f"not live, and in no line: {words}",) if words else ()
