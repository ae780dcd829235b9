"""plan, sync, run: one observe and decide, one cycle, the daemon."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer
from typer import Option

from leadsync.cli import options
from leadsync.cli.output import emit_json, emit_table, progress_bar, say
from leadsync.cycle import ALL_KINDS, Report
from leadsync.domain.effects import Effect, Escalation, Membership, Notice, WriteBack
from leadsync.errors import CrmUnavailable, LeadsyncError, LockHeld
from leadsync.ports import Page

HELD_EXIT = 7


def register(cli: typer.Typer) -> None:
    """Add the commands of this module."""
    cli.command("plan")(plan)
    cli.command("sync")(sync)
    cli.command("run")(run)


def plan(
    config: options.Config = options.CONFIG,
    mappings: options.Mappings = options.MAPPINGS,
    now: options.Now = None,
    limit: Annotated[int, Option("--limit", min=1, help="Show at most this many writes.")] = 50,
    as_json: options.AsJson = False,
) -> None:
    """Observe and decide once, deliver nothing, and show row by row what would be written.

    Example: leadsync plan --json
    """
    from leadsync.app import open_app, parse_now

    env = options.environment()
    observe = True
    try:
        context = open_app(config, mappings, env)
        app = context.__enter__()
    except LockHeld:
        # A daemon holds the ledger and keeps it fresh: decide read-only on what is there.
        observe = False
        context = open_app(config, mappings, env, read_only=True)
        app = context.__enter__()
    try:
        rows: list[dict[str, Any]] = []
        for name, cycle in app.cycles().items():
            cycle.connect()
            if observe:
                with progress_bar() as bar:
                    cycle.observe("complete", Report(name, "complete"), _reporter(bar))
            for found in cycle.rehearse(parse_now(now)):
                rows += [as_row(effect, held=effect.group_id in found.held) for effect in found.effects]
        if as_json:
            emit_json({"effects": rows, "total": len(rows)})
            return
        shown = [[r["kind"], r["object"], r["record_id"], r["what"], r["group_id"], r["state"]] for r in rows[:limit]]
        emit_table(["kind", "object", "record", "what", "group", "state"], shown, "What would be done")
        say(f"{len(rows)} effects" + (f", {limit} shown (--limit)" if len(rows) > limit else "") + "; nothing was delivered")
    finally:
        context.__exit__(None, None, None)


def as_row(effect: Effect, *, held: bool) -> dict[str, Any]:
    """Return an effect as a row: what would be done to which record, and why."""
    row: dict[str, Any] = {
        "effect_id": effect.effect_id,
        "object": effect.ref.object,
        "record_id": effect.ref.id,
        "group_id": effect.group_id,
        "state": "held" if held else "pending",
    }
    match effect:
        case WriteBack():
            what = ", ".join(f"{name} = {value}" for name, value in effect.values.items() if name != "brief")
            return {**row, "kind": "write", "fields": dict(effect.values), "cause": effect.cause, "what": what}
        case Membership():
            what = f"{'joins' if effect.join else 'leaves'} {effect.nurture}"
            return {**row, "kind": "membership", "fields": {"nurture": effect.nurture, "join": effect.join}, "what": what}
        case Escalation():
            what = f"{effect.clock} rung {effect.rung + 1} to {effect.recipient} through {effect.channel}"
            return {**row, "kind": "escalation", "fields": {"clock": effect.clock, "rung": effect.rung}, "what": what}
        case Notice():
            what = f"{effect.notice} to {effect.recipient} through {effect.channel}"
            return {**row, "kind": "notice", "fields": {"notice": effect.notice}, "what": what}


def sync(
    config: options.Config = options.CONFIG,
    mappings: options.Mappings = options.MAPPINGS,
    deliver: options.Deliver = False,
    now: options.Now = None,
    as_json: options.AsJson = False,
) -> None:
    """Do one cycle: observe, decide, and deliver what config (or --deliver) allows.

    Example: leadsync sync --deliver
    """
    from leadsync.app import open_app, parse_now

    moment = parse_now(now)
    failed: list[LeadsyncError] = []
    reports: list[Report] = []
    kinds = sorted(ALL_KINDS) if deliver else None
    with open_app(config, mappings, options.environment(), deliver=kinds) as app:
        app.ledger.rescue()
        for name, cycle in app.cycles().items():
            try:
                with progress_bar() as bar:
                    reports.append(cycle.run("complete", now=moment, progress=_reporter(bar)))
            except CrmUnavailable as error:
                say(f"{name}: {error}")
                failed.append(error)
        _show(reports, watch_only=not app.rules.deliver, as_json=as_json)
    if failed:
        raise typer.Exit(1)
    if any(report.held for report in reports):
        raise typer.Exit(HELD_EXIT)
    if any(report.blocked for report in reports):
        raise typer.Exit(1)


def _reporter(bar: Any) -> Callable[[Page, int], None]:
    tasks: dict[str, Any] = {}

    def report(page: Page, rows: int) -> None:
        if page.source not in tasks:
            tasks[page.source] = bar.add_task(page.source, total=page.total)
        bar.update(tasks[page.source], advance=rows)

    return report


def _show(reports: list[Report], *, watch_only: bool, as_json: bool) -> None:
    if as_json:
        emit_json([as_dict(report) for report in reports])
        return
    for report in reports:
        say(
            f"{report.crm}: {report.observed} rows read, {report.changed} changed, {report.transitions} moves, "
            f"{report.decided} persons decided, {report.applied} written, {report.told} told, "
            f"{report.retrying} to be tried again, {report.rejected} rejected, {report.api_calls} API requests"
        )
        for group, count in report.held.items():
            say(f"  held: {group} ({count}); look at `leadsync outbox list`, then `leadsync outbox release '{group}'`")
        for source, why in report.blocked.items():
            say(f"  {source} cannot be read: {why}")
    if watch_only:
        say("watching only: nothing is delivered until config says `deliver:` or you say --deliver")


def as_dict(report: Report) -> Mapping[str, object]:
    """Return a report as a JSON object."""
    from dataclasses import asdict

    return {**asdict(report), "silent": report.is_silent()}


def run(
    config: options.Config = options.CONFIG,
    mappings: options.Mappings = options.MAPPINGS,
    deliver: options.Deliver = False,
) -> None:
    """Run the daemon until it is told to stop (SIGTERM or Ctrl-C).

    Example: leadsync run --config config/leadsync.yaml
    """
    from leadsync.daemon import run_daemon

    kinds = sorted(ALL_KINDS) if deliver else None
    run_daemon(config, mappings, options.environment(), deliver=kinds)


