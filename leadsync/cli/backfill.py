"""What scripts/backfill_history.py does: status history into the ledger, from exports or from the CRM once more."""

from collections.abc import Sequence
from pathlib import Path

from leadsync.cli import options
from leadsync.cli.output import emit_json, quiet_logs, say
from leadsync.cli.remap import operator_name
from leadsync.errors import ConfigError


def backfill(
    exports: Sequence[Path],
    *,
    crm: str | None,
    yes: bool,
    operator: str | None,
    config: Path,
    mappings: Path,
    as_json: bool,
) -> None:
    """Store the status changes of these exports, or, without any, read the CRM's own history whole once more.

    Without `yes` only say how many changes the ledger does not have.
    """
    from leadsync.app import open_app
    from leadsync.jobs.backfill import missing, read_again, read_export, store_history
    from leadsync.ledger.jobs import begin_step, end_step

    who = operator_name(operator)
    quiet_logs()
    with open_app(config, mappings, options.environment(), read_only=not yes) as app:
        names = [name for name in app.crms if crm in (None, name)]
        if not names or (exports and len(names) > 1):
            raise ConfigError(f"say which CRM this is about: --crm {' or '.join(app.crms)}")
        counts = {"rows": 0, "new": 0, "others": 0, "transitions": 0}
        for name in names:
            cycle = app.cycle(name)
            found = [read_export(path, app.rulebook.mappings[name]) for path in exports]
            moves = [move for one in found for move in one.moves]
            new = missing(cycle, moves)
            counts["rows"] += len(moves)
            counts["new"] += len(new)
            counts["others"] += sum(one.others for one in found)
            if not yes:
                continue
            cycle.connect()
            started = cycle.crm.now()
            plan_id = f"backfill-{started:%Y%m%dT%H%M%SZ}"
            job = begin_step(
                app.ledger, crm=name, plan_id=plan_id, step="backfill", group_id=plan_id, operator=who, now=started
            )
            counts["transitions"] += store_history(cycle, new) if exports else read_again(cycle)
            end_step(app.ledger, job, counts, cycle.crm.now())
    if as_json:
        emit_json({"dry_run": not yes, **counts})
    if exports:
        say(
            f"{counts['rows']} status changes, {counts['new']} new to the ledger, {counts['others']} rows of something else"
        )
    say(f"{counts['transitions']} transitions were added" if yes else "nothing was stored; say --yes to store")
