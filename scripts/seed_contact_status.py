#!/usr/bin/env python3
"""Give existing contacts a status from their opportunities and from the leads that they were converted from.

python scripts/seed_contact_status.py plan --out seed.csv
python scripts/seed_contact_status.py apply seed.csv --limit 500 --yes
python scripts/seed_contact_status.py undo seed.csv --yes
"""

import typer

from leadsync.cli import remap, run_as_main, seed

cli = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
for step in (seed.plan, remap.apply, remap.undo):
    cli.command()(step)

if __name__ == "__main__":
    run_as_main(cli)
