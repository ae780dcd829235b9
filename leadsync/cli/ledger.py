"""ledger: backup, restore, check, export."""

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument

from leadsync.cli import options
from leadsync.cli.output import emit_json, say, tell

Target = Annotated[Path, Argument(help="The file to write.")]


def register(cli: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(no_args_is_help=True, help="The ledger file: backup, restore, check, export.")
    group.command("backup")(backup)
    group.command("restore")(restore)
    group.command("check")(check)
    group.command("export")(export)
    cli.add_typer(group, name="ledger")


def _location(config: Path, mappings: Path) -> Path:
    from leadsync.settings import load

    return Path(load(config, mappings, options.environment()).settings.ledger.location)


def backup(
    target: Target,
    config: options.Config = options.CONFIG,
    mappings: options.Mappings = options.MAPPINGS,
) -> None:
    """Write a checked copy of the ledger, also while the daemon runs.

    Example: leadsync ledger backup backups/before-upgrade.db
    """
    from leadsync.ledger import backup as files

    files.backup(_location(config, mappings), target)
    say(f"the ledger was copied to {target} and checked")


def restore(
    source: Annotated[Path, Argument(help="The backup to restore.")],
    config: options.Config = options.CONFIG,
    mappings: options.Mappings = options.MAPPINGS,
) -> None:
    """Put a backup in the ledger's place; the old file is kept beside it.

    Example: leadsync ledger restore backups/2026-11-20.db
    """
    from leadsync.ledger import backup as files

    location = _location(config, mappings)
    before = location.exists()
    files.restore(source, location)
    say(f"restored from {source}" + (f"; the old ledger is {location}.before-restore" if before else ""))
    say("next: leadsync sync, then leadsync recover --discard (or --resend); nothing is sent before that")


def check(
    config: options.Config = options.CONFIG,
    mappings: options.Mappings = options.MAPPINGS,
    as_json: options.AsJson = False,
) -> None:
    """Check the ledger file from end to end.

    Example: leadsync ledger check
    """
    from leadsync.ledger import backup as files

    problems = files.check(_location(config, mappings))
    if as_json:
        emit_json({"problems": problems})
    elif problems:
        for problem in problems:
            tell(problem)
    else:
        say("the ledger is whole")
    if problems:
        raise typer.Exit(5)


def export(
    target: Target,
    config: options.Config = options.CONFIG,
    mappings: options.Mappings = options.MAPPINGS,
) -> None:
    """Write a copy that analysts may open and change as they like.

    Example: leadsync ledger export ledger-copy.db
    """
    from leadsync.ledger import backup as files

    files.export(_location(config, mappings), target)
    say(f"exported to {target}")
