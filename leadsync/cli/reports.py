"""report and audit: figures that everybody reads, and the proof that nobody is missing in them."""

from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from typer import Argument, Option

from leadsync.cli import options
from leadsync.cli.output import emit_json, progress_bar, quiet_logs, say, tell
from leadsync.errors import ConfigError, CrmAuthFailed, CrmUnavailable, LeadsyncError, ObjectBlocked

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from leadsync.app import App
    from leadsync.ports import Crm
    from leadsync.reports.answer import Report
    from leadsync.reports.people import Filters
    from leadsync.reports.reconcile import Compared

Name = Literal["funnel", "velocity", "recycling", "quality", "audit"]
Count = Literal["passes", "persons", "events"]
Format = Literal["table", "csv", "json"]
Out = Annotated[Path | None, Option("--out", help="Write it into this file.")]
As = Annotated[Format, Option("--format", help="How it is written.")]


def register(cli: typer.Typer) -> None:
    """Add the commands of this module."""
    cli.command("report")(report)
    cli.command("audit")(audit)


def report(
    name: Annotated[Name, Argument(help="Which report.")],
    period: Annotated[
        str | None, Option("--period", help="2026, 2026-Q3, 2026-11, 2026-11-01/2026-11-15 or 90d.")
    ] = None,
    source: Annotated[str | None, Option("--source", help="Only people of this original lead source.")] = None,
    segment: Annotated[
        str | None, Option("--segment", help="Only people of this segment of goals: in sla.yaml.")
    ] = None,
    count: Annotated[Count, Option("--count", help="What conversions are of.")] = "passes",
    form: As = "table",
    out: Out = None,
    config: options.Config = options.CONFIG,
    mappings: options.Mappings = options.MAPPINGS,
    as_json: options.AsJson = False,
) -> None:
    """Print a report from the ledger: funnel, velocity, recycling, quality or audit, each with what lies outside named.

    Example: leadsync report funnel --period 2026-Q3 --format csv
    """
    from leadsync.app import open_app
    from leadsync.reports.people import Filters
    from leadsync.reports.period import parse_period

    with open_app(config, mappings, options.environment(), read_only=True) as app:
        as_of = _as_of(app)
        when = parse_period(period, app.rulebook.company.zone, as_of) if period else None
        found = _report(app, name, as_of, Filters(when, source, segment), count)
    _write(found, "json" if as_json else form, out)


def _report(app: "App", name: Name, as_of: datetime, filters: "Filters", count: Count) -> "Report":
    from leadsync.reports.audit import audit as audited
    from leadsync.reports.funnel import funnel
    from leadsync.reports.quality import quality
    from leadsync.reports.recycling import recycling
    from leadsync.reports.velocity import velocity

    con, rulebook = app.ledger.con, app.rulebook
    if count != "passes" and name != "funnel":
        raise ConfigError("--count is for the funnel report")
    if name in ("quality", "audit") and filters.words():
        raise ConfigError(f"the {name} report is of everybody: it takes no period, source or segment")
    match name:
        case "funnel":
            return funnel(con, rulebook, as_of, filters, count)
        case "velocity":
            return velocity(con, rulebook, as_of, filters)
        case "recycling":
            return recycling(con, rulebook, as_of, filters)
        case "quality":
            return quality(con, rulebook, as_of)
        case "audit":
            return audited(con, rulebook, as_of).report


def audit(
    offline: Annotated[bool, Option("--offline", help="Look at the ledger alone, ask no CRM.")] = False,
    form: As = "table",
    out: Out = None,
    config: options.Config = options.CONFIG,
    mappings: options.Mappings = options.MAPPINGS,
    as_json: options.AsJson = False,
) -> None:
    """Prove that every live record has its place in the funnel, and that the ledger is what the CRM says.

    It ends with 1 when something is off. Nothing is written anywhere.

    Example: leadsync audit
    """
    from leadsync.app import open_app
    from leadsync.reports.audit import audit as audited
    from leadsync.reports.reconcile import reconciliation_tables

    quiet_logs()
    with open_app(config, mappings, options.environment(), read_only=True) as app:
        found = audited(app.ledger.con, app.rulebook, _as_of(app))
        compared, left_out = ([], [("every CRM", "not asked (--offline)")]) if offline else _reconciled(app)
    tables = reconciliation_tables(compared, left_out)
    off = [*found.off]
    off += [
        f"{len(one.differences)} {one.object}s differ between the ledger and {one.crm}"
        for one in compared
        if one.differences
    ]
    whole = replace(found.report, tables=(*found.report.tables, *tables), notes=tuple(f"off: {line}" for line in off))
    _write(whole, "json" if as_json else form, out)
    for line in off:
        say(line)
    if off:
        raise typer.Exit(1)
    say("nothing is off" if compared else "nothing is off in the ledger; no CRM was compared")


def _reconciled(app: "App") -> tuple[list["Compared"], list[tuple[str, str]]]:
    """Return the comparison with each CRM that can be reached, and why others were not compared."""
    compared: list[Compared] = []
    left_out: list[tuple[str, str]] = []
    for name, crm in app.crms.items():
        try:
            app.ledger.belong_to(name, crm.connect().org_id)
            compared += _compare(app, name, crm, left_out)
        except (CrmUnavailable, CrmAuthFailed, ObjectBlocked) as error:
            left_out.append((name, str(error)))
    for name, why in left_out:
        say(f"{name} was not compared: {why}")
    return compared, left_out


def _compare(app: "App", name: str, crm: "Crm", left_out: list[tuple[str, str]]) -> list["Compared"]:
    from leadsync.reports.reconcile import reconcile

    marked = app.ledger.mark_times(name)
    found: list[Compared] = []
    for object_name in app.rulebook.mappings[name].objects:
        with progress_bar() as bar:
            task = bar.add_task(f"{name} {object_name}s", total=None)
            result = reconcile(app.ledger.con, crm, object_name, marked.get(object_name), partial(_advance, bar, task))
        if result is not None:
            found.append(result)
        elif object_name not in marked:
            left_out.append((name, f"{object_name}s were not loaded whole yet; `leadsync sync` does it"))
        else:
            left_out.append((name, f"its adapter cannot list {object_name}s"))
    return found


def _advance(bar: "Progress", task: "TaskID", done: int) -> None:
    bar.update(task, completed=done)


def _as_of(app: "App") -> datetime:
    """Return the latest instant that any CRM is known to have told; before the first cycle, now."""
    seen = [at for name in app.settings.crms if (at := app.seen_at(name)) is not None]
    return max(seen, default=app.clock.wall())


def _write(found: "Report", form: Format, out: Path | None) -> None:
    from leadsync.reports.render import to_csv, to_data, to_text_lines

    if out is None and form == "json":
        emit_json(to_data(found))
        return
    match form:
        case "json":
            import json

            text = json.dumps(to_data(found), ensure_ascii=False, indent=2) + "\n"
        case "csv":
            text = to_csv(found)
        case "table":
            text = "\n".join(to_text_lines(found)) + "\n"
    if out is None:
        _print(text, form)
        return
    try:
        out.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise LeadsyncError(f"{out} cannot be written: {error.strerror}") from None
    say(f"wrote {out}")


def _print(text: str, form: Format) -> None:
    if form == "table":
        tell(text.rstrip("\n"))
    else:
        import sys

        sys.stdout.write(text)
