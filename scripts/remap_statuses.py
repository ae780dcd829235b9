#!/usr/bin/env python3
"""Remap deprecated statuses on Lead and Contact: the same as `leadsync remap plan|apply|undo`.

python scripts/remap_statuses.py plan --out remap.csv
python scripts/remap_statuses.py apply remap.csv --yes
python scripts/remap_statuses.py undo remap.csv --yes
"""

import typer

from leadsync.cli import remap, run_as_main

cli = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
for step in (remap.plan, remap.apply, remap.undo):
    cli.command()(step)

if __name__ == "__main__":
    run_as_main(cli)
