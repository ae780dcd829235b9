"""plan, sync, run, recover: one observe and decide, one cycle, the daemon, going on after a restore."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Option

from leadsync.cli import options
from leadsync.cli.output import complain, emit_json, emit_table, progress_bar, quiet_logs, say
from leadsync.errors import CrmAuthFailed, CrmUnavailable, LeadsyncError, LockHeld

if TYPE_CHECKING:
    from leadsync.app import App
    from leadsync.cycle import Cycle
    from leadsync.delivery import Report
    from leadsync.domain.effects import Effect
    from leadsync.ports import Page

FAILED_EXIT = 1
HELD_EXIT = 7


def register(cli: typer.Typer) -> None:
    """Add the commands of this module."""
    cli.command("plan")(plan)
    cli.command("sync")(sync)
    cli.command("run")(run)
    cli.command("recover")(recover)


def plan(
    config: options.Config = options.CONFIG,
    mappings: options.Mappings = options.MAPPINGS,
    now: options.Now = None,
    limit: Annotated[int, Option("--limit", min=1, help="Show at most this many effects.")] = 50,
    as_json: options.AsJson = False,
) -> None:
    """Observe and decide once, deliver nothing, and show row by row what would be written.

    While a daemon writes the ledger, this decides on what is there and asks the CRM for nothing.

    Example: leadsync plan --json
    """
    from leadsync.app import open_app

    env, moment = options.environment(), options.moment(now)
    quiet_logs()
    with ExitStack() as stack:
        try:
            app, observing = stack.enter_context(open_app(config, mappings, env)), True
        except LockHeld:
            app, observing = stack.enter_context(open_app(config, mappings, env, read_only=True)), False
            say("another leadsync writes the ledger and keeps it fresh: decided on what is there")
        rows = [row for name, cycle in app.cycles().items() for row in _rehearsed(app, name, cycle, moment, observing)]
    held = sum(1 for row in rows if row["state"] == "held")
    if as_json:
        emit_json({"effects": rows, "total": len(rows), "held": held})
        return
    shown = [[r["kind"], r["object"], r["record_id"], r["what"], r["group_id"], r["state"]] for r in rows[:limit]]
    emit_table(["kind", "object", "record", "what", "group", "state"], shown, "What would be done")
    say(
        f"{len(rows)} effects" + (f", {limit} shown (--limit)" if len(rows) > limit else "") + "; nothing was delivered"
    )
    if held:
        say(f"{held} of them would be held by a safety limit")


def _rehearsed(
    app: "App", name: str, cycle: "Cycle", now: datetime | None, observing: bool
) -> Iterable[dict[str, Any]]:
    """Yield what would be done in one CRM, row by row."""
    if observing:
        cycle.connect()
        if app.ledger.meta("rulebook") is None:
            # Loads of reps and pools count by the stages, so a new ledger must know them before anything is decided.
            app.ledger.adopt_rulebook(app.rulebook, cycle.crm.now())
        with progress_bar() as bar:
            cycle.observe("complete", cycle.new_report(), reporter(bar))
    elif now is None and (now := app.seen_at(name)) is None:
        return
    for found in cycle.rehearse(now):
        for effect in found.effects:
            yield as_row(effect, held=effect.group_id in found.held)


def as_row(effect: "Effect", *, held: bool) -> dict[str, Any]:
    """Return an effect as a row: what would be done to which record, and why."""
    from leadsync.domain.effects import Escalation, Membership, Notice, WriteBack

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
            return {
                **row,
                "kind": "membership",
                "fields": {"nurture": effect.nurture, "join": effect.join},
                "what": what,
            }
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
    from leadsync.app import open_app
    from leadsync.cycle import ALL_KINDS

    moment = options.moment(now)
    quiet_logs()
    failed: list[LeadsyncError] = []
    reports: list[Report] = []
    kinds = sorted(ALL_KINDS) if deliver else None
    with open_app(config, mappings, options.environment(), deliver=kinds) as app:
        app.ledger.rescue()
        for name, cycle in app.cycles().items():
            try:
                with progress_bar() as bar:
                    reports.append(cycle.run("complete", now=moment, progress=reporter(bar)))
            except (CrmUnavailable, CrmAuthFailed) as error:
                # The other CRMs have nothing to do with it.
                say(f"{name}: not synchronised")
                complain(error)
                failed.append(error)
        hindrance = app.hindrance() if app.rules.deliver else None
        _show(reports, watch_only=not app.rules.deliver, as_json=as_json)
        if hindrance is not None:
            say(f"nothing was sent ({hindrance.code}): {hindrance.text}")
    if failed:
        raise typer.Exit(max(error.exit_code for error in failed))
    if any(report.held for report in reports):
        raise typer.Exit(HELD_EXIT)
    if any(report.blocked or report.broken for report in reports):
        raise typer.Exit(FAILED_EXIT)


def reporter(bar: Any) -> Callable[["Page", int], None]:
    """Return what shows the pages of a pass on a progress display, a line for each source."""
    tasks: dict[str, Any] = {}

    def report(page: "Page", rows: int) -> None:
        if page.source not in tasks:
            tasks[page.source] = bar.add_task(page.source, total=page.total)
        bar.update(tasks[page.source], advance=rows)

    return report


def _show(reports: list["Report"], *, watch_only: bool, as_json: bool) -> None:
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
            say(f"  {source} was left out: {why}")
        for channel, why in report.channels.items():
            say(f"  channel {channel}: its messages wait: {why}")
        for person in report.broken:
            say(f"  the rules failed on {person}; the log has the trace, please report it")
    if watch_only:
        say("watching only: nothing is delivered until config says `deliver:` or you say --deliver")


def as_dict(report: "Report") -> Mapping[str, object]:
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
    from leadsync.cycle import ALL_KINDS
    from leadsync.daemon import run_daemon

    kinds = sorted(ALL_KINDS) if deliver else None
    run_daemon(config, mappings, options.environment(), deliver=kinds)


def recover(
    resend: Annotated[bool, Option("--resend", help="Send what the restored ledger still wishes for.")] = False,
    discard: Annotated[
        bool, Option("--discard", help="Drop those wishes; what is still wanted is decided anew.")
    ] = False,
    config: options.Config = options.CONFIG,
    mappings: options.Mappings = options.MAPPINGS,
) -> None:
    """Go on after an older ledger was restored: until then nothing is sent, since some of it may have been sent before.

    Every lead and contact is read again first. Example: leadsync recover --discard
    """
    from leadsync.app import open_app
    from leadsync.errors import ConfigError

    if resend == discard:
        raise ConfigError("say what becomes of the wishes in the restored ledger: --resend or --discard")
    quiet_logs()
    with open_app(config, mappings, options.environment()) as app:
        if app.ledger.recovery() is None:
            raise LeadsyncError("nothing is to be recovered: this ledger is not older than its own past")
        app.ledger.rescue()
        for cycle in app.cycles().values():
            cycle.reread()
            cycle.observe("complete", cycle.new_report())
        dropped = app.ledger.void_undelivered(app.clock.wall()) if discard else 0
        app.ledger.recovered()
    say(f"{dropped} wishes were dropped; the next cycle sends again" if discard else "the next cycle sends again")
