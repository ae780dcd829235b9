"""remap: deprecated statuses out of the CRM, by a plan that a person reads, edits, applies and can undo.

`make_plan` and `carry_out` serve the one-off jobs in scripts/ as well.
"""

import getpass
import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Argument, Option

from leadsync.cli import options
from leadsync.cli.output import emit_json, emit_table, progress_bar, quiet_logs, say
from leadsync.cli.running import reporter
from leadsync.errors import ConfigError

if TYPE_CHECKING:
    from leadsync.app import App
    from leadsync.jobs.errand import Errand, Step, Tally
    from leadsync.jobs.plan_file import PlanRow
    from leadsync.jobs.results import Result

FAILED_EXIT = 1

PlanArgument = Annotated[Path, Argument(help="The plan, as `remap plan` wrote it and you edited it.")]
Out = Annotated[Path, Option("--out", help="The plan file to write.")]
Limit = Annotated[int | None, Option("--limit", min=1, help="At most this many records in this run.")]
Calls = Annotated[int | None, Option("--budget", min=1, help="At most this many API requests in this run.")]
Yes = Annotated[bool, Option("--yes", help="Write; without it you are only told what would be written.")]
Operator = Annotated[str | None, Option("--operator", help="Who does this, for the ledger; by default you.")]

Proposal = Callable[["App", str], "list[PlanRow]"]


def register(cli: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(no_args_is_help=True, help="Deprecated statuses out of the CRM: plan, apply, undo.")
    group.command("plan")(plan)
    group.command("apply")(apply)
    group.command("undo")(undo)
    cli.add_typer(group, name="remap")


def plan(
    out: Out = Path("remap.csv"),
    limit: Limit = None,
    operator: Operator = None,
    config: options.Config = options.CONFIG,
    mappings: options.Mappings = options.MAPPINGS,
    as_json: options.AsJson = False,
) -> None:
    """Write a plan for every Lead and Contact whose status the mapping calls deprecated or a call result.

    It is a CSV with one row for each field to change: read it, edit it, take rows out. Nothing is written to the CRM.

    Example: leadsync remap plan --out remap.csv
    """
    make_plan(
        "remap", _remapped, out=out, limit=limit, operator=operator, config=config, mappings=mappings, as_json=as_json
    )


def _remapped(app: "App", crm: str) -> "list[PlanRow]":
    from leadsync.jobs.remapping import remap_rows

    return remap_rows(app.ledger, app.rulebook.mappings[crm], app.rulebook.law)


def apply(
    path: PlanArgument,
    yes: Yes = False,
    limit: Limit = None,
    budget: Calls = None,
    operator: Operator = None,
    config: options.Config = options.CONFIG,
    mappings: options.Mappings = options.MAPPINGS,
    as_json: options.AsJson = False,
) -> None:
    """Carry out a plan; whoever was edited since it was made is left alone. Run it again after anything cut it off.

    What was done and what was not stands beside the plan, in `*.success.csv` and `*.error.csv`.

    Example: leadsync remap apply remap.csv --yes
    """
    carry_out(
        "apply", path, yes=yes, limit=limit, budget=budget, operator=operator, config=config, mappings=mappings,
        as_json=as_json,
    )  # fmt: skip


def undo(
    path: PlanArgument,
    yes: Yes = False,
    limit: Limit = None,
    budget: Calls = None,
    operator: Operator = None,
    config: options.Config = options.CONFIG,
    mappings: options.Mappings = options.MAPPINGS,
    as_json: options.AsJson = False,
) -> None:
    """Put back what a plan changed, the last first, by its success file; what people edited since is left alone.

    What went back and what did not stands in `*.undo.success.csv` and `*.undo.error.csv`.

    Example: leadsync remap undo remap.csv --yes
    """
    carry_out(
        "undo", path, yes=yes, limit=limit, budget=budget, operator=operator, config=config, mappings=mappings,
        as_json=as_json,
    )  # fmt: skip


def make_plan(
    kind: str, propose: Proposal, *, out: Path, limit: int | None, operator: str | None, config: Path, mappings: Path,
    as_json: bool,
) -> None:  # fmt: skip
    """Read what is new in every CRM, write what `propose` wants of it into a plan file, and say what that is."""
    from leadsync.app import open_app
    from leadsync.domain.instants import to_text
    from leadsync.jobs.errand import group_of
    from leadsync.jobs.plan_file import PlanFile, write_plan
    from leadsync.ledger.jobs import begin_step, end_step

    who = operator_name(operator)
    if out.exists():
        raise ConfigError(f"{out} exists already and may have been applied; name another file by --out")
    quiet_logs()
    rows: list[PlanRow] = []
    with open_app(config, mappings, options.environment()) as app:
        for name, cycle in app.cycles().items():
            cycle.connect()
            if app.ledger.meta("rulebook") is None:
                app.ledger.adopt_rulebook(app.rulebook, cycle.crm.now())
            report = cycle.new_report()
            with progress_bar() as bar:
                cycle.observe("complete", report, reporter(bar))
            for source, why in report.blocked.items():
                say(f"{name}: {source} was left out: {why}")
            rows += propose(app, name)
        rows = _at_most(rows, limit)
        if not rows:
            say("there is nothing to change; no plan was written")
            if as_json:
                emit_json({"plan": None, "file": None, "records": 0, "changes": []})
            return
        moment = max(cycle.crm.now() for cycle in app.cycles().values())
        digest = hashlib.sha256(repr(rows).encode()).hexdigest()[:8]
        plan_id = f"{kind}-{to_text(moment).replace(':', '').replace('-', '')}-{digest}"
        write_plan(out, PlanFile(plan_id, tuple(rows)))
        for name in sorted({row.ref.crm for row in rows}):
            here = [row for row in rows if row.ref.crm == name]
            job = begin_step(
                app.ledger, crm=name, plan_id=plan_id, step="plan", group_id=group_of(plan_id, "apply"), operator=who,
                now=moment,
            )  # fmt: skip
            end_step(app.ledger, job, {"records": len({row.ref for row in here})}, moment)
    _show_plan(plan_id, rows, out, as_json=as_json)


def _at_most(rows: "Sequence[PlanRow]", limit: int | None) -> "list[PlanRow]":
    """Return the rows of the first so many records."""
    kept = list(dict.fromkeys(row.ref for row in rows))[:limit]
    wanted = set(kept)
    return [row for row in rows if row.ref in wanted]


def _show_plan(plan_id: str, rows: "Sequence[PlanRow]", out: Path, *, as_json: bool) -> None:
    counted = Counter((row.ref.object, row.field, row.from_value, row.to_value) for row in rows)
    changes = [
        dict(zip(("object", "field", "from", "to", "records"), (*change, count), strict=True))
        for change, count in sorted(counted.items(), key=lambda item: [str(part) for part in item[0]])
    ]
    records = len({row.ref for row in rows})
    if as_json:
        emit_json({"plan": plan_id, "file": str(out), "records": records, "changes": changes})
    else:
        emit_table(["object", "field", "from", "to", "records"], [list(change.values()) for change in changes], plan_id)
    say(f"{records} records are in {out}; read it, edit it, then: leadsync remap apply {out}")


def carry_out(
    step: "Step", path: Path, *, yes: bool, limit: int | None, budget: int | None, operator: str | None, config: Path,
    mappings: Path, as_json: bool,
) -> None:  # fmt: skip
    """Apply or undo a plan; without `yes` only say what would be done."""
    from leadsync.app import open_app
    from leadsync.jobs.errand import Tally, errand_of
    from leadsync.jobs.plan_file import read_plan, read_rows
    from leadsync.jobs.results import result_of, result_paths, write_results
    from leadsync.ledger.jobs import fates, undone_by

    who = operator_name(operator)
    quiet_logs()
    with open_app(config, mappings, options.environment(), read_only=not yes) as app:
        source = path if step == "apply" else result_paths(path, "apply")[0]
        if step == "undo" and not source.exists():
            raise ConfigError(f"{source} is not there: nothing of {path} was applied here, so there is nothing to undo")
        found = (read_plan if step == "apply" else read_rows)(source, app.rulebook.mappings)
        if step == "apply" and (undone := undone_by(app.ledger, found.plan_id)) is not None:
            raise ConfigError(f"{path} was undone by {undone[0]} at {undone[1]:%Y-%m-%d %H:%M}Z; make a new plan")
        errands = {
            name: errand_of(found.plan_id, step, [row for row in found.rows if row.ref.crm == name])
            for name in dict.fromkeys(row.ref.crm for row in found.rows)
        }
        tallies = {name: Tally(fates=fates(app.ledger, errand.group)) for name, errand in errands.items()}
        results: list[Result] = []
        calls = 0
        try:
            for name, errand in errands.items():
                left = None if budget is None else budget - calls
                calls += _run(app, name, errand, who, tallies[name], yes=yes, limit=limit, budget=left)
        finally:
            results += [result_of(errand, tallies[name]) for name, errand in errands.items()]
            files = write_results(path, step, found.plan_id, results) if yes and results else None
    _show_results(found.plan_id, step, list(tallies.values()), results, calls, files, as_json=as_json)
    if any(tally.stopped in ("crm", "hindered") for tally in tallies.values()):
        raise typer.Exit(FAILED_EXIT)


def _run(
    app: "App", name: str, errand: "Errand", who: str, tally: "Tally", *, yes: bool, limit: int | None, budget: int | None
) -> int:  # fmt: skip
    """Carry out an errand in one CRM, with its row in the ledger's book, and return the API requests made."""
    from leadsync.jobs.errand import Runner
    from leadsync.jobs.results import result_of
    from leadsync.ledger.jobs import begin_step, end_step

    cycle = app.cycle(name)
    before = cycle.crm.usage().calls
    with progress_bar() as bar:
        shown = bar.add_task(f"{errand.step} {errand.plan_id}", total=len(errand.tasks))
        runner = Runner(
            cycle,
            errand,
            app.clock,
            tally,
            limit=limit,
            budget=budget,
            progress=lambda count: bar.advance(shown, count),
        )
        if not yes:
            runner.look()
            return cycle.crm.usage().calls - before
        cycle.connect()
        job = begin_step(
            app.ledger, crm=name, plan_id=errand.plan_id, step=errand.step, group_id=errand.group, operator=who,
            now=cycle.crm.now(),
        )  # fmt: skip
        try:
            runner.carry_out()
        finally:
            result, calls = result_of(errand, tally), cycle.crm.usage().calls - before
            counts = {
                "records": len(errand.tasks), "done": len(result.done), "skipped": result.skipped,
                "failed": result.failed, "left": result.left, "api_calls": calls,
            }  # fmt: skip
            end_step(app.ledger, job, counts, cycle.crm.now())
    return calls


def _show_results(
    plan_id: str, step: str, tallies: "Sequence[Tally]", results: "Sequence[Result]", calls: int,
    files: tuple[Path, Path] | None, *, as_json: bool,
) -> None:  # fmt: skip
    done, left = sum(len(result.done) for result in results), sum(result.left for result in results)
    skipped, failed = sum(result.skipped for result in results), sum(result.failed for result in results)
    would = sum(tally.sendable for tally in tallies)
    whys = [(task, why) for result in results for task, why in result.not_done]
    if as_json:
        summary: dict[str, Any] = {
            "plan": plan_id, "step": step, "dry_run": files is None, "done": done, "skipped": skipped, "failed": failed,
            "left": left, "would_write": would, "api_calls": calls,
            "stopped": next((tally.stopped for tally in tallies if tally.stopped), None),
            "not_done": [{"object": task.ref.object, "record_id": task.ref.id, "why": why} for task, why in whys],
            "success_file": str(files[0]) if files else None, "error_file": str(files[1]) if files else None,
        }  # fmt: skip
        emit_json(summary)
    elif files is None and whys:
        emit_table(
            ["object", "record", "why"], [[task.ref.object, task.ref.id, why] for task, why in whys], "Left alone"
        )
    for tally in tallies:
        if tally.stopped is not None:
            say(f"stopped: {tally.why}")
    if files is None:
        say(f"{would} records would be written, {done} are done, {skipped} would be left alone, {calls} API requests")
        say("nothing was written; say --yes to write")
        return
    say(f"{done} done, {skipped} left alone, {failed} refused, {left} still to do, {calls} API requests")
    say(f"see {files[0]} and {files[1]}" + ("; run it again to go on" if left else ""))


def operator_name(given: str | None) -> str:
    """Return who does this, for the ledger; raises ConfigError when nobody knows."""
    name = given
    if name is None:
        try:
            name = getpass.getuser()
        except (KeyError, OSError):
            name = ""
    name = name.strip()
    if not name or len(name) > 80 or not name.isprintable():
        raise ConfigError("say who does this: --operator NAME, one line of at most 80 letters")
    return name
