"""Whatever the network and the CRM do, the ledger ends equal to the truth, nothing is written twice, nobody is overwritten."""

from collections import defaultdict

import pytest

from leadsync.cli.demo import truth
from leadsync.cli.demo.figures import Figures
from leadsync.cli.demo.run import STEP, judge, settle
from leadsync.cli.demo.stage import Stage, set_up
from leadsync.cycle import Cycle
from leadsync.errors import CrmAuthFailed, CrmUnavailable

DAYS = 3


def live_through(stage: Stage, cycle: Cycle, faults: dict[str, object]) -> Figures:
    """Live some days under faults, then let everything come to rest without them, and judge."""
    figures = Figures(days=DAYS, cycles=0)
    cycle.run("complete")
    stage.control("faults", **faults)
    failed = 0
    for _ in range(DAYS * 86400 // STEP):
        stage.control("advance", seconds=STEP)
        try:
            cycle.run("complete")
            figures.cycles += 1
        except (CrmUnavailable, CrmAuthFailed):
            failed += 1
    quiet = {"rate": {}, "late_commit_seconds": 0, "expire_token_after": None, "assignment_rule_resets_owner": False}
    stage.control("faults", **quiet)
    settle(stage, lambda: cycle.run("complete"))
    judge(stage, cycle.crm.name, cycle, figures)
    assert figures.cycles > failed
    return figures


@pytest.mark.parametrize(
    "faults",
    [
        {"rate": {"503": 0.05, "html": 0.02, "429": 0.02}},
        {"rate": {"timeout_after_apply": 0.08, "timeout_before_apply": 0.04, "reset": 0.02}},
        {"rate": {"lock_row": 0.2}, "expire_token_after": 20},
        {"late_commit_seconds": 90, "assignment_rule_resets_owner": True},
    ],
    ids=["refusals", "lost answers", "locks and expired tokens", "late commits and assignment rules"],
)
def test_the_ledger_equals_the_truth_and_no_write_is_doubled_or_overwrites_a_person(faults: dict[str, object]) -> None:
    with set_up(seed=11, leads=300) as stage:
        cycle = next(iter(stage.app.cycles().values()))
        figures = live_through(stage, cycle, faults)

        assert figures.differences == []
        assert figures.human_edits_overwritten == 0
        assert figures.unowned_routed == 0
        assert figures.writebacks["applied"] > 0
        for native in ("Lead", "Contact"):
            at_of_token: dict[str, set[object]] = defaultdict(set)
            for change in truth.changes(stage.url, native):
                if change.token:
                    at_of_token[change.token].add((change.id, change.at))
            doubled = {token: ats for token, ats in at_of_token.items() if len(ats) > 1}
            assert doubled == {}
