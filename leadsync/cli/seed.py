"""What scripts/seed_contact_status.py adds to `remap`: the plan that gives contacts their first status."""

from typing import TYPE_CHECKING

from leadsync.cli import options
from leadsync.cli.remap import Limit, Operator, Out, make_plan

if TYPE_CHECKING:
    from leadsync.app import App
    from leadsync.jobs.plan_file import PlanRow


def plan(
    out: Out,
    limit: Limit = None,
    operator: Operator = None,
    config: options.Config = options.CONFIG,
    mappings: options.Mappings = options.MAPPINGS,
    as_json: options.AsJson = False,
) -> None:
    """Write a plan for contacts without a status whose deals or converted leads of the last two years prove one.

    Example: python scripts/seed_contact_status.py plan --out seed.csv
    """
    from leadsync.jobs.plan_file import SEED

    make_plan(SEED, _seeded, out=out, limit=limit, operator=operator, config=config, mappings=mappings, as_json=as_json)


def _seeded(app: "App", crm: str) -> "list[PlanRow]":
    from leadsync.jobs.seeding import seed_rows

    return seed_rows(app.ledger, app.grounds(crm, app.crms[crm].now()))
