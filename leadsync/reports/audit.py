"""`report audit` and `leadsync audit`: is the set of statuses mutually exclusive and collectively exhaustive (MECE), with
exact counts of what lies outside it, and the six points of a lead-management audit with their evidence.

What the CRM says is compared in `reconcile.py`.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from leadsync.domain.funnel import FunnelLaw
from leadsync.domain.mapping import CrmMapping
from leadsync.domain.rulebook import Rulebook
from leadsync.reports import queries
from leadsync.reports.answer import Cell, Report, Table, definition_hash
from leadsync.reports.checklist import Evidence, checklist
from leadsync.reports.funnel import funnel
from leadsync.reports.people import EVERYTHING, read_people
from leadsync.reports.quality import quality
from leadsync.reports.statuses import OUTSIDE, Kind, kind_of
from leadsync.reports.velocity import velocity

DEFINITION = (
    "Every live record of both objects, those excluded by the rules too, by the value of its status.",
    "Outside: blank on a lead, unknown, deprecated, a call result, or an older name. A blank on a contact is no fault: nobody has"
    " worked on it yet. A value forced at conversion belongs to the set.",
    "The parts (in a stage, blank on a contact, forced at conversion, outside) add up to the live records.",
    "without_stay: live records whose open stay is not their stage. gaps: live records whose value the field history has not"
    " explained yet; the next two complete passes settle them.",
)

_PARTS: tuple[tuple[str, tuple[Kind, ...]], ...] = (
    ("in_stage", ("stage",)),
    ("none", ("none",)),
    ("converted", ("converted",)),
    ("outside", OUTSIDE),
)


@dataclass(frozen=True, slots=True)
class Audit:
    """The report, and what is off in plain words; nothing off, nothing to do."""

    report: Report
    off: tuple[str, ...]


def audit(con: sqlite3.Connection, rulebook: Rulebook, as_of: datetime) -> Audit:
    """Return the audit of what the ledger holds, as of an instant of the CRM."""
    law = rulebook.law
    with queries.one_moment(con):
        values: Counter[tuple[str, str, str | None]] = Counter()
        for row in queries.live_statuses(con):
            values[row.crm, row.object, row.value or None] += 1
        states = queries.states(con)
        doubts = queries.doubts(
            con, {name: {*one.converted, *one.old_values} for name, one in rulebook.mappings.items()}
        )
        adopted = queries.adoptions(con)
        person_accounts = queries.person_accounts(con)
        people = read_people(con, rulebook, EVERYTHING, as_of)
        volumes = funnel(con, rulebook, as_of, people=people)
        times = velocity(con, rulebook, as_of, people=people)
        data = quality(con, rulebook, as_of, people=people)
    listed = _values(values, rulebook)
    sums = _sums(listed, states, doubts)
    declared = [fault for name, mapping in rulebook.mappings.items() for fault in faults(name, mapping, law)]
    measured = Evidence(
        outside=sum(number for *_, kind, _, number in listed if kind in OUTSIDE),
        contacts=sum(number for _, name, _, _, _, number in listed if name == "contact"),
        staged_contacts=sum(number for _, name, _, kind, _, number in listed if name == "contact" and kind == "stage"),
        adopted=adopted[-1] if adopted else None,
        funnel=volumes,
        velocity=times,
    )
    points = checklist(rulebook, measured, as_of)
    tables = (
        _table("outside", "What lies outside", ("crm", "object", "value", "kind", "instead", "records"),
               [row for row in listed if row[3] in OUTSIDE]),
        _table("values", "Every value of live records", ("crm", "object", "value", "kind", "stage", "records"), listed),
        sums,
        _table("not_live", "Records that are not live", ("crm", "object", "state", "records", "person_accounts"), _not_live(states, person_accounts)),
        replace(data.table("sums"), name="quality", title="How good the data are (`leadsync report quality` lists them)"),
        _table("declared", "Faults of the declared set", ("crm", "fault", "what"), declared),
        _table("checklist", "The six points", ("point", "state", "what", "evidence"),
               [(n, point.state, point.what, point.evidence) for n, point in enumerate(points, 1)]),
    )  # fmt: skip
    report = Report(
        name="audit",
        definition=DEFINITION,
        definition_hash=definition_hash("audit", DEFINITION, rulebook),
        as_of=as_of,
        tables=tables,
    )
    return Audit(report, (*_off(listed, sums), *(f"{crm}: {what}" for crm, _, what in declared)))


Listed = tuple[str, str, str | None, str, str | None, int]


def _values(values: Mapping[tuple[str, str, str | None], int], rulebook: Rulebook) -> list[Listed]:
    rows: list[Listed] = []
    for (crm, object_name, value), number in values.items():
        found = kind_of(rulebook.mappings.get(crm), rulebook.law, object_name, value)
        rows.append((crm, object_name, value, found.kind, found.stage, number))
    return sorted(rows, key=lambda row: (row[0], row[1], -row[5], row[2] or ""))


def _sums(listed: Sequence[Listed], states: Sequence[queries.StateCount], doubts: Sequence[queries.Doubts]) -> Table:
    """Return the parts beside the whole, which is counted on its own."""
    live = {(one.crm, one.object): one.records for one in states if one.state == "live"}
    by_object = {(one.crm, one.object): one for one in doubts}
    rows: list[tuple[Cell, ...]] = []
    for (crm, name), whole in sorted(live.items()):
        parts = [sum(row[5] for row in listed if row[:2] == (crm, name) and row[3] in kinds) for _, kinds in _PARTS]
        doubt = by_object[crm, name]
        rows.append((crm, name, whole, *parts, whole - sum(parts), doubt.gaps, doubt.without_stay))
    columns = ("crm", "object", "live", *(part for part, _ in _PARTS), "missing", "gaps", "without_stay")
    return Table("sums", "The parts add up to the whole", columns, tuple(rows))


def _not_live(
    states: Sequence[queries.StateCount], person_accounts: Mapping[tuple[str, str], int]
) -> list[tuple[Cell, ...]]:
    return [
        (
            one.crm, one.object, one.state, one.records,
            person_accounts.get((one.crm, one.object), 0) if one.state == "out_of_scope" else None,
        )
        for one in states
        if one.state != "live"
    ]  # fmt: skip


def _table(name: str, title: str, columns: tuple[str, ...], rows: Iterable[tuple[Cell, ...]]) -> Table:
    return Table(name, title, columns, tuple(rows))


def _off(listed: Sequence[Listed], sums: Table) -> list[str]:
    found: list[str] = []
    words = {
        "blank": "live {object}s of {crm} have no status at all",
        "unknown": "live {object}s of {crm} have a status that stands in no list of the mapping",
        "deprecated": "live {object}s of {crm} have a deprecated status; `leadsync remap plan` proposes others",
        "disposition": "live {object}s of {crm} have a call result for a status; leadsync moves it away once it may write stages",
        "older": "live {object}s of {crm} have an older name of a stage; put it under read: in the mapping, or change them",
    }
    counts: Counter[tuple[str, str, str]] = Counter()
    for crm, object_name, _, kind, _, number in listed:
        if kind in OUTSIDE:
            counts[crm, object_name, kind] += number
    for (crm, object_name, kind), number in counts.items():
        found.append(f"{number} {words[kind].format(crm=crm, object=object_name)}")
    for crm, name, missing, wrong in zip(
        *(sums.column(c) for c in ("crm", "object", "missing", "without_stay")), strict=True
    ):
        if missing:
            found.append(f"{missing} live {name}s of {crm} are in no part: the sums do not add up")
        if wrong:
            found.append(f"{wrong} live {name}s of {crm} have an open stay that is not their stage")
    return found


def faults(crm: str, mapping: CrmMapping, law: FunnelLaw) -> list[tuple[str, str, str]]:
    """Return overlaps, gaps and dead ends of the declared set as (crm, fault, what). Loading refuses them; this proves it."""
    lists = {
        "stages": mapping.stage_of_value, "converted": mapping.converted, "dispositions": mapping.dispositions,
        "deprecated": mapping.deprecated,
    }  # fmt: skip
    places: dict[str, list[str]] = {}
    for name, values in lists.items():
        for value in values:
            places.setdefault(value, []).append(name)
    found = [
        (crm, "overlap", f"{value!r} stands in {' and in '.join(names)}")
        for value, names in places.items()
        if len(names) > 1
    ]
    for stage in law.stages.values():
        if stage.role != "outside" and stage.name not in mapping.value_of_stage:
            found.append((crm, "gap", f"the stage {stage.name} has no value"))
        leaves = any(stage.name in edge.froms and edge.tos - {stage.name} for edge in law.edges)
        if stage.role not in ("outside", "exit") and not leaves:
            found.append((crm, "dead end", f"no move leads out of {stage.name}"))
    return found
