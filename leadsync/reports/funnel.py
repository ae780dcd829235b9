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
from leadsync.reports.passes import Entry, Life, Pass, funnel_stages, lives
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
    """One thing that is counted as it reaches a stage: when, what it reached since, and whether it may still reach more."""

    pid: int
    at: datetime
    later: tuple[Entry, ...]
    is_open: bool


def funnel(
    con: sqlite3.Connection, rulebook: Rulebook, as_of: datetime, filters: Filters = EVERYTHING, count: Count = "passes"
) -> Report:
    """Return the funnel report as of an instant of the CRM."""
    with queries.one_moment(con):
        people = read_people(con, rulebook, filters, as_of)
        statuses = list(_statuses(con, rulebook, people))
        told = [life for life in lives(queries.lines(con), rulebook.law) if people[life.pid].left_out is None]
        states = queries.states(con)
    return Report(
        name="funnel",
        definition=DEFINITION,
        definition_hash=definition_hash("funnel", DEFINITION, rulebook, count=count, days=WINDOW.days),
        as_of=as_of,
        filters={**filters.words(), "count": count},
        tables=(
            _snapshot(statuses, rulebook),
            _outside(statuses),
            _volume(told, rulebook, filters),
            _conversion(told, rulebook, filters, count, as_of),
        ),
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


def _volume(told: Sequence[Life], rulebook: Rulebook, filters: Filters) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for stage, rank in funnel_stages(rulebook.law):
        into = [e for life in told for one in life.passes for e in one.entries if e.stage == stage.name]
        reached = [
            one for life in told for one in life.passes
            if (first := one.first_at_or_beyond(rank)) and first.dated and filters.covers(first.at)
        ]  # fmt: skip
        events = sum(1 for entry in into if entry.dated and filters.covers(entry.at))
        undated = sum(1 for entry in into if not entry.dated)
        rows.append((stage.name, stage.label, events, len(reached), len({one.pid for one in reached}), undated))
    columns = ("stage", "label", "events", "passes", "persons", "undated")
    return Table("volume", "Came into each stage", columns, tuple(rows))


def _conversion(told: Sequence[Life], rulebook: Rulebook, filters: Filters, count: Count, as_of: datetime) -> Table:
    rows: list[tuple[Cell, ...]] = []
    stages = funnel_stages(rulebook.law)
    for place, (source, rank) in enumerate(stages):
        loose = list(_starts(told, filters, count, source.name, rank))
        strict = list(_strict_starts(told, filters, count, source.name))
        entered = _counted(loose, count, lambda _: True)
        entered_itself = _counted(strict, count, lambda _: True)
        under_way = _counted(loose, count, lambda start: start.is_open and as_of < start.at + WINDOW)
        for target, beyond in stages[place + 1 :]:
            reached = _counted(loose, count, _reaching(target.name, beyond))
            exactly = _counted(strict, count, _reaching(target.name, None))
            rows.append((
                source.name, target.name, len(entered), len(reached), len(under_way - reached),
                percent(len(reached), len(entered)),
                len(entered_itself), len(exactly), percent(len(exactly), len(entered_itself)),
            ))  # fmt: skip
    columns = (
        "from", "to", "entered", "reached", "immature", "percent", "strict_entered", "strict_reached", "strict_percent",
    )  # fmt: skip
    return Table("conversion", f"Reached or beyond within {WINDOW.days} days ({count})", columns, tuple(rows))


def _starts(told: Sequence[Life], filters: Filters, count: Count, stage: str, rank: int) -> Iterator[Start]:
    """Yield what is counted as it reaches a rank or beyond: once a pass, or with each entry into the stage."""
    for one in (one for life in told for one in life.passes):
        if count == "events":
            yield from _entries_into(one, filters, stage)
            continue
        place = next((index for index, entry in enumerate(one.entries) if entry.rank >= rank), None)
        if place is not None and (start := _start(one, place, place, filters)):
            yield start


def _strict_starts(told: Sequence[Life], filters: Filters, count: Count, stage: str) -> Iterator[Start]:
    for one in (one for life in told for one in life.passes):
        yield from _entries_into(one, filters, stage, every=count == "events")


def _entries_into(one: Pass, filters: Filters, stage: str, *, every: bool = True) -> Iterator[Start]:
    places = [index for index, entry in enumerate(one.entries) if entry.stage == stage]
    for place in places if every else places[:1]:
        if start := _start(one, place, place + 1, filters):
            yield start


def _start(one: Pass, place: int, since: int, filters: Filters) -> Start | None:
    first = one.entries[place]
    if not first.dated or not filters.covers(first.at):
        return None
    return Start(one.pid, first.at, one.entries[since:], one.end == "open")


def _reaching(stage: str, rank: int | None) -> Callable[[Start], bool]:
    """Return the question whether a start came in time to a rank or beyond, or, without one, into the stage itself."""

    def reaches(start: Start) -> bool:
        return any(
            (entry.stage == stage if rank is None else entry.rank >= rank) and entry.at - start.at <= WINDOW
            for entry in start.later
        )

    return reaches


def _counted(starts: Sequence[Start], count: Count, fits: Callable[[Start], bool]) -> set[int]:
    """Return what fits as a set of places, or of persons if those are counted: they count once."""
    return {start.pid if count == "persons" else place for place, start in enumerate(starts) if fits(start)}


def _not_live(states: Sequence[queries.StateCount]) -> tuple[str, ...]:
    counts: Counter[str] = Counter()
    for one in states:
        if one.state != "live":
            counts[one.state] += one.records
    words = ", ".join(f"{state.replace('_', ' ')} {number}" for state, number in sorted(counts.items()))
    return (f"not live, and in no line: {words}",) if words else ()
