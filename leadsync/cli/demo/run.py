"""The demo's story: leadsync follows a company for some months, half an hour at a time.

1. The first cycle adopts what is there and goes live.
2. Every step lets half an hour of life pass in the sandbox, then does one cycle.
3. At the end people pause, three minutes pass, and cycles run until two in a row have nothing to do.
4. The ledger is compared with the truth, and the figures are counted.
"""

from collections.abc import Callable, Mapping

from leadsync.cli.demo import truth
from leadsync.cli.demo.figures import Figures, count, funnel
from leadsync.cli.demo.screen import Screen
from leadsync.cli.demo.stage import Kind, Stage, set_up
from leadsync.cycle import Cycle
from leadsync.delivery import Report
from leadsync.domain.owners import is_covered
from leadsync.errors import CrmUnavailable

STEP = 1800
"""Simulated seconds from cycle to cycle."""

SETTLE_STEP = 60
SETTLE_CYCLES = 60


def run(*, days: int, seed: int, leads: int, watched: bool, crm: Kind = "salesforce") -> Figures:
    """Run the demo and return what it came to."""
    with set_up(seed=seed, leads=leads, crm=crm) as stage:
        name, cycle = next(iter(stage.app.cycles().items()))
        figures = Figures(days=days, cycles=0)
        with Screen(days, watched=watched) as screen:
            screen.show(_cycle(cycle, figures), stage.location, cycle.crm.now())
            figures.funnel = {f"before: {key}": size for key, size in funnel(stage.location).items()}
            for _ in range(days * 86400 // STEP):
                stage.control("advance", seconds=STEP)
                screen.show(_cycle(cycle, figures), stage.location, cycle.crm.now())
            settle(stage, lambda: _cycle(cycle, figures))
        judge(stage, name, cycle, figures)
        return figures


def _cycle(cycle: Cycle, figures: Figures) -> Report:
    report = cycle.run("complete")
    figures.cycles += 1
    return report


def settle(stage: Stage, cycle: Callable[[], Report]) -> None:
    """Let everything come to rest: nobody acts, time passes, until two cycles in a row have nothing to do."""
    stage.control("pause", world=False)
    stage.control("advance", seconds=180, world=False)
    silent = 0
    for _ in range(SETTLE_CYCLES):
        silent = silent + 1 if cycle().is_silent() else 0
        if silent == 2:
            return
        stage.control("advance", seconds=SETTLE_STEP, world=False)
    raise CrmUnavailable(f"the ledger did not come to rest within {SETTLE_CYCLES} cycles")


def judge(stage: Stage, name: str, cycle: Cycle, figures: Figures) -> None:
    """Fill in the figures: what the ledger says, and whether the sandbox's truth agrees."""
    rulebook, crm = stage.app.rulebook, cycle.crm
    mapping = rulebook.mappings[name]
    assert cycle.org is not None
    directory = stage.app.ledger.directory(name, cycle.org.user_id, crm.now())
    covered: Mapping[str, bool] = {
        owner: is_covered(owner, directory, mapping, rulebook.routing)
        for owner in (*directory.users, *directory.queues)
    }
    found = {one: truth.changes(stage.url, objects.native) for one, objects in mapping.objects.items()}
    figures.human_edits_overwritten = sum(len(truth.overwritten(told, cycle.org.user_id)) for told in found.values())
    figures.differences = list(truth.differences(stage.location, found, mapping, crm.history))
    figures.ledger_equals_truth = not figures.differences
    figures.differences = figures.differences[:20]
    figures.api_calls = stage.api_calls()
    count(stage.location, figures, rulebook, covered)
    figures.funnel |= {f"after: {key}": size for key, size in funnel(stage.location).items()}
    figures.per_owner = {
        (directory.users[owner].name if owner in directory.users else f"queue {directory.queues[owner].name}"): size
        for owner, size in figures.per_owner.items()
        if owner in directory.users or owner in directory.queues
    }
