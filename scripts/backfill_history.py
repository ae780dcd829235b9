#!/usr/bin/env python3
"""Fill in status history: from exports of the CRM's field history (`--csv`), or by reading the CRM's own once more.

    python scripts/backfill_history.py --csv LeadHistory.csv --csv ContactHistory.csv
    python scripts/backfill_history.py --csv LeadHistory.csv --yes
    python scripts/backfill_history.py --yes

What is stored stays: history is only ever added. Make a backup first: `leadsync ledger backup`.
"""

from pathlib import Path
from typing import Annotated

import typer
from typer import Option

from leadsync.cli import backfill, options, run_as_main
from leadsync.cli.remap import Operator

cli = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@cli.command()
def main(
    csv: Annotated[list[Path] | None, Option("--csv", help="An export of LeadHistory or ContactHistory.")] = None,
    crm: Annotated[str | None, Option("--crm", help="Which CRM of the config, if there are several.")] = None,
    yes: Annotated[bool, Option("--yes", help="Store; without it you are only told what is new.")] = False,
    operator: Operator = None,
    config: options.Config = options.CONFIG,
    mappings: options.Mappings = options.MAPPINGS,
    as_json: options.AsJson = False,
) -> None:
    """Store status changes that the ledger does not have."""
    backfill.backfill(csv or [], crm=crm, yes=yes, operator=operator, config=config, mappings=mappings, as_json=as_json)


if __name__ == "__main__":
    run_as_main(cli)
