"""The command line: names and exit codes are a contract (design.md 6). One module per group of commands.

Data goes to stdout, talk to stderr. Commands import what they need when they run, so that `--help` is quick.
"""

import atexit
import gc
import sys

import typer

from leadsync import __version__
from leadsync.cli import demo, files, health, ledger, outbox, people, remap, reports, running, sandbox
from leadsync.cli.output import complain
from leadsync.errors import LeadsyncError

cli = typer.Typer(
    name="leadsync",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="One funnel for Leads and Contacts, beside Salesforce and Dynamics 365.\n\nStart with: leadsync demo",
)
for group in (demo, files, health, running, people, reports, outbox, ledger, remap, sandbox):
    group.register(cli)


def _version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"leadsync {__version__}\n")
        raise typer.Exit


@cli.callback()
def _root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    pass


def main() -> None:
    """Run the command line."""
    run_as_main(cli)


def run_as_main(app: typer.Typer) -> None:
    """Run a command line, this one or a script's; every error of ours is one message and its exit code."""
    # Pages of rows die by themselves; looking through them for cycles as often as Python does costs a sixth of a load.
    gc.set_threshold(200_000, 20, 50)
    # And at the end, when memory goes back as a whole, they need not be looked through at all.
    atexit.register(gc.freeze)
    try:
        app(standalone_mode=True)
    except LeadsyncError as error:
        complain(error)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        sys.exit(130)
