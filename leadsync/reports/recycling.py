"""`report recycling`: why people are sent to Re-Market, how many come back, and who qualifies a second time."""

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from leadsync.domain.funnel import FunnelLaw
from leadsync.domain.rulebook import Rulebook
from leadsync.reports import queries
from leadsync.reports.answer import Cell, Report, Table, definition_hash, percent
from leadsync.reports.estimate import quantile
from leadsync.reports.funnel import OBJECTS
from leadsync.reports.passes import Life, Rest, lives
from leadsync.reports.people import EVERYTHING, Filters, left_out_notes, read_people
from leadsync.reports.queries import Reason

DEFINITION = (
    "A recycle is an entry into a stage with the role recycle; its period is that of the entry, corrections are none.",
    "waiting, re_entered, disqualified, gone: what became of it; the four add up to recycles. cooling: those waiting whose"
    " hold lasts, as of their last decision.",
    "The reason is the one that came with the move or that the record showed when leadsync judged it; of a recycle that lasts else"
    " the one that the record shows.",
    "Re-entries are counted in the period of the re-entry, by the object that the person was then.",
    "second_handoffs, second_sales_qualified: passes after the first that came into that role, in the period of that entry,"
    " with an earlier pass of the person that had come into it too; again_sales_qualified: with or without one.",
)


@dataclass(frozen=True, slots=True)
class Recycle:
    """A rest with the reason for it."""

    rest: Rest
    reason: str | None
    cooling: bool


def recycling(con: sqlite3.Connection, rulebook: Rulebook, as_of: datetime, filters: Filters = EVERYTHING) -> Report:
    """Return the recycling report as of an instant of the CRM."""
    law = rulebook.law
    with queries.one_moment(con):
        people = read_people(con, rulebook, filters, as_of)
        told = [life for life in lives(queries.lines(con), law) if people[life.pid].left_out is None]
        given = queries.reasons(con, law.with_role("recycle"))
        shown = queries.shown_reasons(con, law.with_role("recycle"))
        held = queries.held_until(con)
    every = [rest for life in told for rest in life.rests]
    recycles = [
        Recycle(
            rest, _reason(rest, given, shown, law), rest.end == "open" and rest.pid in held and held[rest.pid] > as_of
        )
        for rest in every
        if rest.dated and filters.covers(rest.at)
    ]
    undated = sum(1 for rest in every if not rest.dated)
    notes = (f"{undated} recycles of unknown date are in no line",) if undated else ()
    return Report(
        name="recycling",
        definition=DEFINITION,
        definition_hash=definition_hash("recycling", DEFINITION, rulebook),
        as_of=as_of,
        filters=filters.words(),
        tables=(_reasons(recycles, law), _origins(recycles, law), _returns(told, law, filters)),
        notes=(*left_out_notes(people), *notes),
    )


def _reason(rest: Rest, given: Mapping[int, Sequence[Reason]], shown: Mapping[int, str], law: FunnelLaw) -> str | None:
    """Return the reason of the move that began a rest, for one that lasts else the reason that its record shows.

    A redirect's stay begins before it, with the move that it replaced.
    """
    moves = (
        one.key
        for one in given.get(rest.rid, ())
        if one.stage == rest.stage and one.at >= rest.at and (rest.ended_at is None or one.at <= rest.ended_at)
    )
    if (key := next(moves, None)) in law.reasons:
        return key
    known = law.reason_by_label(shown.get(rest.rid)) if rest.end == "open" else None
    return known.key if known else None


def _reasons(recycles: Sequence[Recycle], law: FunnelLaw) -> Table:
    groups: dict[str | None, list[Recycle]] = defaultdict(list)
    for one in recycles:
        groups[one.reason].append(one)
    rows: list[tuple[Cell, ...]] = [
        (key, reason.label, *_outcomes(groups[key])) for key, reason in law.reasons.items() if groups[key]
    ]
    if groups[None]:
        rows.append((None, "No reason on record", *_outcomes(groups[None])))
    rows.append(("total", "All recycles", *_outcomes(recycles)))
    columns = (
        "reason", "label", "recycles", "persons", "waiting", "cooling", "re_entered", "disqualified", "gone",
        "percent_re_entered", "median_days",
    )  # fmt: skip
    return Table("reasons", "Recycles by reason", columns, tuple(rows))


def _outcomes(group: Sequence[Recycle]) -> tuple[Cell, ...]:
    ends = Counter(one.rest.end for one in group)
    away = [
        (one.rest.ended_at - one.rest.at) / timedelta(days=1)
        for one in group
        if one.rest.end == "back" and one.rest.ended_at is not None
    ]
    return (
        len(group), len({one.rest.pid for one in group}), ends["open"], sum(1 for one in group if one.cooling),
        ends["back"], ends["exit"], ends["gone"], percent(ends["back"], len(group)), quantile(away, 0.5),
    )  # fmt: skip


def _origins(recycles: Sequence[Recycle], law: FunnelLaw) -> Table:
    counts = Counter(one.rest.came_from for one in recycles)
    rows: list[tuple[Cell, ...]] = [
        (name, stage.label, counts[name]) for name, stage in law.stages.items() if counts[name]
    ]
    if counts[None]:
        rows.append((None, "First stage that is known", counts[None]))
    return Table("origins", "Recycled from", ("stage", "label", "recycles"), tuple(rows))


def _returns(told: Sequence[Life], law: FunnelLaw, filters: Filters) -> Table:
    """Return re-entries and second qualifications by the object that the person was at that moment."""
    counts: dict[str, Counter[str]] = {name: Counter() for name in OBJECTS}
    for life in told:
        for rest in life.rests:
            if rest.back is not None and filters.covers(rest.back.at):
                counts[rest.back.object]["re_entries"] += 1
        for role in ("handoff", "sales_qualified"):
            _again(life, role, law, filters, counts)
    columns = ("re_entries", "second_handoffs", "again_sales_qualified", "second_sales_qualified")
    rows: list[tuple[Cell, ...]] = [(name, *(counts[name][column] for column in columns)) for name in OBJECTS]
    total: tuple[Cell, ...] = ("total", *(sum(counts[name][column] for name in OBJECTS) for column in columns))
    return Table("returns", "Back in the funnel", ("object", *columns), (*rows, total))


def _again(life: Life, role: str, law: FunnelLaw, filters: Filters, counts: Mapping[str, Counter[str]]) -> None:
    before = 0
    for one in life.passes:
        entry = next((entry for entry in one.entries if law.stages[entry.stage].role == role), None)
        if entry is None:
            continue
        if one.number > 1 and filters.covers(entry.at):
            name = "handoffs" if role == "handoff" else role
            if before:
                counts[entry.object][f"second_{name}"] += 1
            if role == "sales_qualified":
                counts[entry.object]["again_sales_qualified"] += 1
        before += 1
