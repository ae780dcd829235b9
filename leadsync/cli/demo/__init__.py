"""demo: the whole thing at once on a fast clock, with no account, and what it came to."""

import sys
from typing import Annotated, Literal

import typer
from typer import Option

from leadsync.cli.output import emit_json

Choice = Literal["salesforce", "dynamics", "both"]


def register(cli: typer.Typer) -> None:
    """Add the command of this module."""
    cli.command("demo")(demo)


def demo(
    headless: Annotated[bool, Option("--headless", help="No live view; ends by itself.")] = False,
    days: Annotated[int, Option("--days", min=1, help="Simulated days.")] = 90,
    seed: Annotated[int, Option("--seed", help="The same seed gives the same figures.")] = 7,
    leads: Annotated[int, Option("--leads", min=10, help="Leads that came in over the 90 days before.")] = 600,
    crm: Annotated[Choice, Option("--crm", help="Which CRM the box stands for, or both.")] = "salesforce",
    as_json: Annotated[bool, Option("--json", help="Print one JSON object at the end.")] = False,
) -> None:
    """Run leadsync beside a CRM in a box with a company that lives in it, and tell what happened.

    Example: leadsync demo --headless --days 30 --seed 7 --json
    """
    from leadsync import logs
    from leadsync.cli.demo.run import run
    from leadsync.cli.demo.screen import summary

    logs.configure(level="error")
    watched = not headless and sys.stdout.isatty()
    figures = run(days=days, seed=seed, leads=leads, watched=watched, crm=crm)
    if as_json:
        emit_json(figures)
    else:
        summary(figures)
    if figures.human_edits_overwritten or not figures.ledger_equals_truth or figures.unowned_routed:
        raise typer.Exit(1)
