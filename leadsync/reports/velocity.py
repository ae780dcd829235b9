"""`report velocity`: how long people stay in each stage before they go on, and from which sources they are slow.

One observation for each pass and stage: from its first entry into the stage itself to the first entry further on. A recycle
or an exit ends it otherwise, an open one is censored, and one of which nobody knows the start is counted apart.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from leadsync.domain.rulebook import Rulebook
from leadsync.reports import queries
from leadsync.reports.answer import Cell, Report, Table, definition_hash
from leadsync.reports.estimate import Observation, incidence, quantile
from leadsync.reports.passes import Entry, Pass, funnel_stages, lives
from leadsync.reports.people import EVERYTHING, Filters, Person, left_out_notes, read_people

WITHIN = (7, 30, 90)

NEXT = "next"

DEFINITION = (
    "One observation for each pass and stage: from the first entry into the stage itself to the next one further on.",
    "A skipped stage has no observation. The period is that of the entry.",
    "next, recycled, disqualified: how it ended. open: it has not, as of the instant of the report. gone: the record was deleted or"
    " merged away. The five add up to entered. unknown_start: nobody knows since when; not among them, lasts at least"
    " at_least_days (median).",
    "median_days, p80_days: of those that went on. within: percent that go on within so many days, recycled and disqualified as"
    " competing exits, open and gone censored (Aalen-Johansen). open_days: median age of the open ones.",
    "Days are elapsed ones of 24 hours.",
)


@dataclass(frozen=True, slots=True)
class Stay:
    """One pass in one stage. `end` is next, recycled, disqualified, open or gone."""

    stage: str
    source: str | None
    days: float
    end: str
    dated: bool

    def observed(self) -> Observation:
        """Return it as the estimate needs it."""
        return Observation(self.days, None if self.end in ("open", "gone") else self.end)


def velocity(
    con: sqlite3.Connection,
    rulebook: Rulebook,
    as_of: datetime,
    filters: Filters = EVERYTHING,
    people: Mapping[int, Person] | None = None,
) -> Report:
    """Return the velocity report as of an instant of the CRM; `people` if they were read in the same moment already."""
    with queries.one_moment(con):
        if people is None:
            people = read_people(con, rulebook, filters, as_of)
        stays = [
            stay
            for life in lives(queries.lines(con), rulebook.law)
            if (person := people[life.pid]).left_out is None
            for one in life.passes
            for stay in _stays(one, person.source, rulebook, filters, as_of)
        ]
    return Report(
        name="velocity",
        definition=DEFINITION,
        definition_hash=definition_hash("velocity", DEFINITION, rulebook, within=WITHIN),
        as_of=as_of,
        filters=filters.words(),
        tables=(_stages(stays, rulebook), _sources(stays, rulebook)),
        notes=left_out_notes(people),
    )


def _stays(one: Pass, source: str | None, rulebook: Rulebook, filters: Filters, as_of: datetime) -> list[Stay]:
    found: list[Stay] = []
    for stage, rank in funnel_stages(rulebook.law):
        place = next((index for index, entry in enumerate(one.entries) if entry.stage == stage.name), None)
        if place is None:
            continue
        entry = one.entries[place]
        further = next((later for later in one.entries[place:] if later.rank > rank), None)
        # An unknown start is in no period.
        if filters.covers(entry.at) if entry.dated else filters.period is None:
            end, until = _end(one, further, as_of)
            days = max(0.0, (until - entry.at) / timedelta(days=1))
            found.append(Stay(stage.name, source, days, end, entry.dated))
    return found


def _end(one: Pass, further: Entry | None, as_of: datetime) -> tuple[str, datetime]:
    if further is not None:
        return NEXT, further.at
    match one.end:
        case "recycle":
            return "recycled", one.ended_at or as_of
        case "exit":
            return "disqualified", one.ended_at or as_of
        case "gone":
            return "gone", one.ended_at or as_of
        case "open":
            return "open", as_of


def _stages(stays: Sequence[Stay], rulebook: Rulebook) -> Table:
    columns = (
        "stage", "label", "entered", NEXT, "recycled", "disqualified", "open", "gone", "unknown_start",
        "median_days", "p80_days", *(f"within_{days}d" for days in WITHIN), "open_days", "at_least_days",
    )  # fmt: skip
    rows: list[tuple[Cell, ...]] = []
    for stage, _ in funnel_stages(rulebook.law):
        dated = [stay for stay in stays if stay.stage == stage.name and stay.dated]
        undated = [stay for stay in stays if stay.stage == stage.name and not stay.dated]
        gone_on = [stay.days for stay in dated if stay.end == NEXT]
        observed = [stay.observed() for stay in dated]
        rows.append((
            stage.name, stage.label, len(dated),
            *(sum(1 for stay in dated if stay.end == end) for end in (NEXT, "recycled", "disqualified", "open", "gone")),
            len(undated), quantile(gone_on, 0.5), quantile(gone_on, 0.8),
            *(incidence(observed, NEXT, days) for days in WITHIN),
            quantile([stay.days for stay in dated if stay.end == "open"], 0.5),
            quantile([stay.days for stay in undated], 0.5),
        ))  # fmt: skip
    return Table("stages", "Time in stage", columns, tuple(rows))


def _sources(stays: Sequence[Stay], rulebook: Rulebook) -> Table:
    """Return each stage by source, the slowest first: by the median of those that went on, then by what is still open."""
    groups: dict[tuple[str, str], list[Stay]] = defaultdict(list)
    for stay in stays:
        if stay.dated:
            groups[stay.stage, stay.source or ""].append(stay)
    rows: list[tuple[Cell, ...]] = []
    for stage, _ in funnel_stages(rulebook.law):
        found: list[tuple[float, tuple[Cell, ...]]] = []
        for source in sorted(source for name, source in groups if name == stage.name):
            group = groups[stage.name, source]
            median = quantile([stay.days for stay in group if stay.end == NEXT], 0.5)
            gone_on = sum(1 for stay in group if stay.end == NEXT)
            waiting = sum(1 for stay in group if stay.end == "open")
            within = incidence([stay.observed() for stay in group], NEXT, WITHIN[1])
            row = (stage.name, source or None, len(group), gone_on, waiting, median, within)
            found.append((-1.0 if median is None else median, row))
        rows += [row for _, row in sorted(found, key=lambda one: -one[0])]
    columns = ("stage", "source", "entered", NEXT, "open", "median_days", f"within_{WITHIN[1]}d")
    return Table("sources", "Time in stage by source, the slowest first", columns, tuple(rows))
