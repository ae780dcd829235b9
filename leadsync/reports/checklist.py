"""The six points of a lead-management audit, each with the evidence that leadsync has for it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from zoneinfo import ZoneInfo

from leadsync.domain.durations import Duration, parse_duration
from leadsync.domain.funnel import Role
from leadsync.domain.rulebook import Rulebook
from leadsync.reports.answer import Cell, Report, percent

State = Literal["ok", "due", "off"]


@dataclass(frozen=True, slots=True)
class Point:
    """One point. `due`: nothing is wrong in the data, but somebody has to do something; `off`: the data are wrong."""

    what: str
    state: State
    evidence: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was counted for the points."""

    outside: int
    contacts: int
    staged_contacts: int
    adopted: datetime | None  # when the rules in force were adopted
    funnel: Report
    velocity: Report


def checklist(rulebook: Rulebook, evidence: Evidence, as_of: datetime) -> tuple[Point, ...]:
    """Return the six points in their order."""
    today = as_of.astimezone(ZoneInfo(rulebook.company.zone)).date()
    return (
        _reviewed(rulebook.sla.agreement, today),
        _exhaustive(evidence),
        _contact_status(rulebook, evidence),
        _scoring(rulebook, evidence, as_of),
        _ageing(rulebook, evidence),
        _measured(rulebook, evidence),
    )


def _reviewed(agreement: Mapping[str, object], today: date) -> Point:
    what = "Both sides have reviewed the definitions"
    reviewed, following = agreement.get("reviewed"), agreement.get("next_review")
    if not isinstance(reviewed, str):
        return Point(what, "due", "no review is on record; note it under agreement: in mappings/sla.yaml")
    evidence = f"reviewed {reviewed}"
    if not isinstance(following, str):
        return Point(what, "ok", f"{evidence}, no next review is planned")
    days = (date.fromisoformat(following) - today).days
    if days < 0:
        return Point(what, "due", f"{evidence}; the next one was due {following}, {-days} days ago")
    return Point(what, "ok", f"{evidence}; the next one is due {following}")


def _exhaustive(evidence: Evidence) -> Point:
    what = "Statuses exclude each other, cover everybody, and old ones are remapped"
    if evidence.outside:
        return Point(what, "off", f"{evidence.outside} live records lie outside")
    return Point(what, "ok", "no live record lies outside")


def _contact_status(rulebook: Rulebook, evidence: Evidence) -> Point:
    what = "Contacts have a status, and it is used"
    without = [name for name, mapping in rulebook.mappings.items() if "contact" not in mapping.objects]
    if without:
        return Point(what, "due", f"contacts are not mapped in {', '.join(without)}")
    share = percent(evidence.staged_contacts, evidence.contacts)
    text = f"{evidence.staged_contacts} of {evidence.contacts} live contacts are in a stage"
    return Point(what, "ok" if share else "due", f"{text} ({share} %)" if share is not None else text)


def _scoring(rulebook: Rulebook, evidence: Evidence, as_of: datetime) -> Point:
    what = "Scoring works, and its points are tweaked every quarter"
    every = _plain(rulebook.sla.agreement.get("score_tweak_every"))
    efficacy = _conversion(evidence.funnel, rulebook, "handoff", "sales_qualified")
    if evidence.adopted is None:
        return Point(what, "due", f"no rules were adopted yet; {efficacy}")
    days = (as_of - evidence.adopted).days
    late = every is not None and as_of - evidence.adopted > every.elapsed()
    told = f"the rules last changed {days} days ago" + (f", due every {every}" if every else "")
    return Point(what, "due" if late else "ok", f"{told}; {efficacy}")


def _plain(value: object) -> Duration | None:
    """Return a duration of plain days or hours, however it was kept; None for none, and for business time."""
    found = parse_duration(value) if isinstance(value, str) else value
    return found if isinstance(found, Duration) and found.unit in ("days", "elapsed") else None


def _ageing(rulebook: Rulebook, evidence: Evidence) -> Point:
    what = "Age in stage is measured"
    table = evidence.velocity.table("stages")
    known, unknown = _total(table.column("open")), _total(table.column("unknown_start"))
    written = all(
        (field := one.fields.get("stage_entered_at")) is not None and field.write
        for mapping in rulebook.mappings.values()
        for one in mapping.objects.values()
    )
    told = f"{known} open stays have a known start, {unknown} stays an unknown one; the entry instant is "
    return Point(
        what, "ok" if written else "due", told + ("written to the CRM" if written else "not written to the CRM")
    )


def _measured(rulebook: Rulebook, evidence: Evidence) -> Point:
    what = "Volume, conversion and velocity are measured"
    handoff = rulebook.law.with_role("handoff")[0]
    volume = evidence.funnel.table("volume")
    events = _total(
        n for stage, n in zip(volume.column("stage"), volume.column("events"), strict=True) if stage == handoff
    )
    stages = evidence.velocity.table("stages")
    medians = dict(zip(stages.column("stage"), stages.column("median_days"), strict=True))
    days = medians[handoff]
    told = f"{events} entries into {handoff}, {_conversion(evidence.funnel, rulebook, 'handoff', 'sales_qualified')}"
    told += f", {days} days in {handoff} (median)" if days is not None else f", no pass has gone on from {handoff} yet"
    return Point(what, "ok" if events else "due", told)


def _conversion(funnel: Report, rulebook: Rulebook, source: Role, target: Role) -> str:
    first, last = rulebook.law.with_role(source), rulebook.law.with_role(target)
    table = funnel.table("conversion")
    for start, end, entered, reached, share in zip(
        *(table.column(name) for name in ("from", "to", "entered", "reached", "percent")), strict=True
    ):
        if start in first[:1] and end in last[:1]:
            return f"{reached} of {entered} passes went from {start} to {end}" + (
                f" ({share} %)" if share is not None else ""
            )
    return "no stage is sales-qualified"


def _total(cells: Iterable[Cell]) -> int:
    return sum(cell for cell in cells if isinstance(cell, int))
