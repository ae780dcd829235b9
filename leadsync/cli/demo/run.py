"""The demo's story: leadsync follows a company in each CRM for some months, half an hour at a time.

1. The first cycle of each CRM adopts what is there and goes live.
2. Every step lets half an hour of life pass in the sandboxes, then does one cycle of each CRM.
3. At the end people pause, three minutes pass, and cycles run until two rounds in a row have nothing to do.
4. The ledger is compared with the truth, and the figures are counted.
"""

from collections import Counter
from collections.abc import Callable, Mapping

from leadsync.cli.demo import truth
from leadsync.cli.demo.figures import Figures, count, funnel
from leadsync.cli.demo.screen import Screen
from leadsync.cli.demo.stage import Choice, Stage, set_up
from leadsync.cycle import Cycle
from leadsync.domain.owners import is_covered
from leadsync.errors import CrmUnavailable

STEP = 1800
"""Simulated seconds from cycle to cycle."""

SETTLE_STEP = 60
SETTLE_CYCLES = 60


def run(*, days: int, seed: int, leads: int, watched: bool, crm: Choice = "salesforce") -> Figures:
    """Run the demo and return what it came to, all CRMs together."""
    with set_up(seed=seed, leads=leads, crm=crm) as stage:
        cycles = stage.app.cycles()
        figures = Figures(days=days, cycles=0)
        names: dict[str, str] = {}
        with Screen(names, watched=watched) as screen:

            def once() -> bool:
                """Do a cycle of each CRM, and say whether there was anything to do."""
                silent = True
                for cycle in cycles.values():
                    report = cycle.run("complete")
                    screen.show(report, stage.location, cycle.crm.now())
                    silent = silent and report.is_silent()
                figures.cycles += len(cycles)
                return not silent

            once()
            names |= _names(stage, cycles)
            figures.funnel = {f"before: {key}": size for key, size in funnel(stage.location).items()}
            for _ in range(days * 86400 // STEP):
                stage.control("advance", seconds=STEP)
                once()
            settle(stage, once)
        judge(stage, cycles, figures)
        return figures


def _names(stage: Stage, cycles: Mapping[str, Cycle]) -> dict[str, str]:
    """Return the users and queues of every CRM by id."""
    found: dict[str, str] = {}
    for name, cycle in cycles.items():
        directory = stage.app.ledger.directory(name, cycle.connect().user_id, cycle.crm.now())
        found |= {user.id: user.name for user in directory.users.values()}
        found |= {queue.id: f"queue {queue.name}" for queue in directory.queues.values()}
    return found


def settle(stage: Stage, once: Callable[[], bool]) -> None:
    """Let everything come to rest: nobody acts, time passes, until two rounds in a row have nothing to do."""
    stage.control("pause", world=False)
    stage.control("advance", seconds=180, world=False)
    silent = 0
    for _ in range(SETTLE_CYCLES):
        silent = 0 if once() else silent + 1
        if silent == 2:
            return
        stage.control("advance", seconds=SETTLE_STEP, world=False)
    raise CrmUnavailable(f"the ledger did not come to rest within {SETTLE_CYCLES} cycles")


def judge(stage: Stage, cycles: Mapping[str, Cycle], figures: Figures) -> None:
    """Fill in the figures: what the ledger says, and whether each sandbox's truth agrees."""
    rulebook, app = stage.app.rulebook, stage.app
    names: dict[str, str] = {}
    covered: dict[str, bool] = {}
    for name, cycle in cycles.items():
        assert cycle.org is not None
        box, mapping = stage.boxes[name], rulebook.mappings[name]
        directory = app.ledger.directory(name, cycle.org.user_id, cycle.crm.now())
        for owner in (*directory.users, *directory.queues):
            covered[owner] = is_covered(owner, directory, mapping, rulebook.routing)
        names |= {owner: user.name for owner, user in directory.users.items()}
        names |= {owner: f"queue {queue.name}" for owner, queue in directory.queues.items()}
        found = {one: truth.changes(box.url, objects.native) for one, objects in mapping.objects.items()}
        figures.human_edits_overwritten += sum(
            len(truth.overwritten(told, cycle.org.user_id)) for told in found.values()
        )
        figures.differences += truth.differences(stage.location, found, mapping, cycle.crm.history)
        figures.api_calls += box.api_calls()
    figures.differences += truth.joined(stage.location)
    figures.ledger_equals_truth = not figures.differences
    figures.differences = figures.differences[:20]
    count(stage.location, figures, rulebook, covered)
    figures.funnel |= {f"after: {key}": size for key, size in funnel(stage.location).items()}
    given: Counter[str] = Counter()
    for owner, size in figures.per_owner.items():
        if owner in names:
            given[names[owner]] += size
    figures.per_owner = dict(given.most_common())
