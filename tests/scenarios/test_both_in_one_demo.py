"""The demo on both CRMs at once: one leadsync, one ledger, two companies, and each ends equal to its own CRM's truth."""

from dataclasses import asdict

from leadsync.cli.demo.run import run


def test_both_end_equal_to_their_truth_and_the_figures_are_of_both_together() -> None:
    alone = (
        run(days=1, seed=7, leads=60, watched=False, crm="salesforce"),
        run(days=1, seed=8, leads=60, watched=False, crm="dynamics"),
    )
    both = run(days=1, seed=7, leads=60, watched=False, crm="both")

    assert both.differences == []
    assert both.ledger_equals_truth
    assert both.human_edits_overwritten == both.unowned_routed == 0
    assert both.records == sum(one.records for one in alone)
    assert both.persons == sum(one.persons for one in alone)
    assert both.funnel.keys() >= {key for one in alone for key in one.funnel}


def test_the_same_seed_gives_the_same_figures() -> None:
    first, second = (run(days=1, seed=3, leads=40, watched=False, crm="both") for _ in range(2))

    assert asdict(first) == asdict(second)
