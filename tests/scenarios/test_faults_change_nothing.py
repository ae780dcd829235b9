"""Whatever the network and the CRM do, the ledger ends equal to the truth, nothing is written twice, nobody is overwritten."""

from collections import defaultdict
from typing import Any

import pytest

from leadsync.cli.demo import truth
from leadsync.cli.demo.figures import Figures
from leadsync.cli.demo.run import STEP, judge, settle
from leadsync.cli.demo.stage import Kind, Stage, set_up
from leadsync.errors import CrmAuthFailed, CrmUnavailable

DAYS = 2
AGAIN = 12
"""Every so many steps the faults are set again: those that strike once strike several times."""

Faults = dict[str, Any]

EVERYWHERE: dict[str, Faults] = {
    "refusals": {"rate": {"503": 0.05, "html": 0.02, "429": 0.02}},
    "lost answers": {"rate": {"timeout_after_apply": 0.08, "timeout_before_apply": 0.04, "reset": 0.02}},
    "locks and expired tokens": {"rate": {"lock_row": 0.2}, "expire_token_after": 20},
}
CASES: list[tuple[str, Kind, Faults]] = [
    *((name, "salesforce", faults) for name, faults in EVERYWHERE.items()),
    *((name, "dynamics", faults) for name, faults in EVERYWHERE.items()),
    ("late commits and assignment rules", "salesforce", {"late_commit_seconds": 90, "assignment_rule_resets_owner": True}),
    ("late commits", "dynamics", {"late_commit_seconds": 90}),
    ("too many requests", "dynamics", {"rate": {"429": 0.1}, "protection": "requests", "retry_after": 40}),
    ("too much time", "dynamics", {"rate": {"429": 0.02}, "protection": "time", "retry_after": 400}),
    ("too many at once", "dynamics", {"rate": {"429": 0.1}, "protection": "concurrency", "retry_after": 5}),
    ("no tokens to be had, server errors", "dynamics", {"rate": {"token": 0.4, "500": 0.05}, "expire_token_after": 10}),
    ("expired delta tokens", "dynamics", {"expire_delta_tokens": True}),
]  # fmt: skip


def live_through(stage: Stage, faults: Faults) -> Figures:
    """Live some days under faults, then let everything come to rest without them, and judge."""
    figures = Figures(days=DAYS, cycles=0)
    ((name, cycle),) = stage.app.cycles().items()
    cycle.run("complete")
    failed = 0
    for step in range(DAYS * 86400 // STEP):
        if step % AGAIN == 0:
            stage.control("faults", **faults)
        stage.control("advance", seconds=STEP)
        try:
            cycle.run("complete")
            figures.cycles += 1
        except (CrmUnavailable, CrmAuthFailed):
            failed += 1
    stage.control("faults")
    settle(stage, lambda: not cycle.run("complete").is_silent())
    judge(stage, {name: cycle}, figures)
    assert figures.cycles > failed
    return figures


@pytest.mark.parametrize(
    ("crm", "faults"), [case[1:] for case in CASES], ids=[f"{crm}: {name}" for name, crm, _ in CASES]
)
def test_the_ledger_equals_the_truth_and_no_write_is_doubled_or_overwrites_a_person(crm: Kind, faults: Faults) -> None:
    with set_up(seed=11, leads=200, crm=crm) as stage:
        figures = live_through(stage, faults)

        assert figures.differences == []
        assert figures.human_edits_overwritten == 0
        assert figures.unowned_routed == 0
        assert figures.writebacks["applied"] > 0
        for objects in stage.app.rulebook.mappings[crm].objects.values():
            at_of_token: dict[str, set[object]] = defaultdict(set)
            for change in truth.changes(stage.box.url, objects.native):
                if change.token:
                    at_of_token[change.token].add((change.id, change.at))
            assert at_of_token != {}
            doubled = {token: ats for token, ats in at_of_token.items() if len(ats) > 1}
            assert doubled == {}
