"""The MECE audit: what lies outside is named with exact counts, and the six points have their evidence."""

from dataclasses import replace

import pytest
from ledger_facts import a_record
from report_facts import Funnel, cells, day

from leadsync.domain.rulebook import Rulebook
from leadsync.reports.answer import Cell
from leadsync.reports.audit import Audit, audit, faults


def look(told: Funnel, on: float = 300, rulebook: Rulebook | None = None) -> Audit:
    return audit(told.ledger.con, rulebook or told.rulebook, day(on))


def point(found: Audit, number: int) -> tuple[Cell, Cell]:
    """The state and the evidence of one of the six points."""
    row = found.report.table("checklist").rows[number - 1]
    assert row[0] == number
    return row[1], row[3]


def with_agreement(told: Funnel, **changes: object) -> Rulebook:
    return replace(told.rulebook, sla=replace(told.rulebook.sla, agreement={**told.rulebook.sla.agreement, **changes}))


def test_three_unknown_values_and_four_blanks_are_listed_with_their_counts(told: Funnel) -> None:
    values: list[str | None] = ["Fresh"] * 60 + ["Hmm"] * 50 + ["Zzz"] * 16 + [None] * 4 + ["Inquiry"] * 870
    told.see(*(a_record(told.new_id(), value, created_at=day(0)) for value in values))
    found = look(told)
    rows = {(row[2], row[3]): row[5] for row in found.report.table("outside").rows}
    assert rows == {("Fresh", "unknown"): 60, ("Hmm", "unknown"): 50, ("Zzz", "unknown"): 16, (None, "blank"): 4}
    sums = cells(found.report.table("sums"), "salesforce", object="lead")
    assert (sums["live"], sums["in_stage"], sums["outside"], sums["missing"]) == (1000, 870, 130, 0)
    assert found.off == (
        "126 live leads of salesforce have a status that stands in no list of the mapping",
        "4 live leads of salesforce have no status at all",
    )
    assert point(found, 2) == ("off", "130 live records lie outside")


def test_both_objects_are_looked_at_and_a_blank_contact_is_no_fault(told: Funnel) -> None:
    told.see(a_record("0031", None, object="contact"), a_record("0032", "Hmm", object="contact"), source="contact")
    found = look(told)
    sums = cells(found.report.table("sums"), "salesforce", object="contact")
    assert (sums["live"], sums["none"], sums["outside"]) == (2, 1, 1)
    assert found.off == ("1 live contacts of salesforce have a status that stands in no list of the mapping",)


@pytest.mark.parametrize(
    ("value", "kind", "words"),
    [
        ("Left Vmail", "disposition", "call result"),
        ("Working - Contacted", "deprecated", "deprecated"),
        ("Hot", "older", "older name"),
        ("Never heard of it", "unknown", "no list"),
    ],
)
def test_each_kind_of_outsider_is_off_and_says_why(told: Funnel, value: str, kind: str, words: str) -> None:
    told.see(a_record("00Q1", value))
    found = look(told)
    assert [row[3] for row in found.report.table("outside").rows] == [kind]
    (line,) = found.off
    assert words in line


@pytest.mark.parametrize("value", ["Inquiry", "Marketing Qualified", "Closed - Converted"])
def test_a_value_of_the_set_is_well(told: Funnel, value: str) -> None:
    told.see(a_record("00Q1", value))
    assert look(told).off == ()


def test_an_empty_ledger_has_nothing_off(told: Funnel) -> None:
    found = look(told)
    assert found.off == ()
    assert found.report.table("sums").rows == ()


def test_a_lead_whom_the_rules_exclude_has_a_status_like_everybody(told: Funnel) -> None:
    told.see(a_record("00Q1", "Hmm", fields={"email": "jo@acme.example"}))
    assert len(look(told).off) == 1


def test_a_stay_that_is_not_the_stage_is_off(told: Funnel) -> None:
    key = told.person(("inquiry", 0), ("mql", 3))
    assert look(told).off == ()
    told.ledger.con.execute("UPDATE spans SET stage = 'sal' WHERE left_at IS NULL")
    assert key
    assert look(told).off == ("1 live leads of salesforce have an open stay that is not their stage",)


def test_a_value_that_history_has_not_explained_yet_is_a_gap_and_not_off(told: Funnel) -> None:
    told.see(a_record("00Q1", "Inquiry"))
    told.see(a_record("00Q1", "MQL", modified_at=day(60)))
    found = look(told)
    assert cells(found.report.table("sums"), "salesforce")["gaps"] == 1
    assert found.off == ()


def test_records_that_are_not_live_are_listed_by_state_and_person_accounts_by_name(told: Funnel) -> None:
    told.see(a_record("00Q1", "Hmm", state="converted"))
    told.see(
        a_record("0031", None, object="contact", state="out_of_scope", fields={"person_account": True}),
        a_record("0032", None, object="contact", state="out_of_scope"), source="contact",
    )  # fmt: skip
    found = look(told)
    assert found.off == ()
    assert found.report.table("not_live").rows == (
        ("salesforce", "contact", "out_of_scope", 2, 1),
        ("salesforce", "lead", "converted", 1, None),
    )


def test_the_sample_declares_a_set_without_overlap_gap_or_dead_end(rulebook: Rulebook) -> None:
    assert faults("salesforce", rulebook.mappings["salesforce"], rulebook.law) == []


def test_overlaps_gaps_and_dead_ends_are_found(rulebook: Rulebook) -> None:
    mapping, law = rulebook.mappings["salesforce"], rulebook.law
    twice = replace(mapping, deprecated={**mapping.deprecated, "MQL": "sal"})
    assert faults("x", twice, law) == [("x", "overlap", "'MQL' stands in stages and in deprecated")]
    less = replace(mapping, value_of_stage={k: v for k, v in mapping.value_of_stage.items() if k != "lal"})
    assert faults("x", less, law) == [("x", "gap", "the stage lal has no value")]
    stuck = replace(law, edges=tuple(replace(edge, froms=edge.froms - {"lal"}) for edge in law.edges))
    assert faults("x", mapping, stuck) == [("x", "dead end", "no move leads out of lal")]


def test_the_agreement_is_due_when_its_next_review_has_passed(told: Funnel) -> None:
    assert point(look(told, on=300), 1)[0] == "ok"
    late = look(told, on=366)
    assert point(late, 1) == ("due", "reviewed 2026-10-01; the next one was due 2027-01-01, 1 days ago")
    assert late.off == ()
    never = look(told, rulebook=with_agreement(told, reviewed=None, next_review=None))
    assert point(never, 1)[0] == "due"
    once = look(told, rulebook=with_agreement(told, next_review=None))
    assert point(once, 1) == ("ok", "reviewed 2026-10-01, no next review is planned")


def test_a_contact_status_that_nobody_uses_is_due(told: Funnel) -> None:
    told.see(a_record("0031", None, object="contact"), source="contact")
    assert point(look(told), 3) == ("due", "0 of 1 live contacts are in a stage (0.0 %)")
    told.see(a_record("0032", "MQL", object="contact"), source="contact")
    assert point(look(told), 3) == ("ok", "1 of 2 live contacts are in a stage (50.0 %)")


def test_points_that_nobody_tweaked_for_a_quarter_are_due(told: Funnel) -> None:
    # The rules were adopted on the first day.
    assert point(look(told, on=90), 4)[0] == "ok"
    state, evidence = point(look(told, on=91), 4)
    assert state == "due"
    assert str(evidence).startswith("the rules last changed 91 days ago, due every 90d; 0 of 0 passes")


def test_age_volume_conversion_and_velocity_are_measured_from_the_ledger(told: Funnel) -> None:
    assert point(look(told), 6)[0] == "due"
    told.person(("mql", 0), ("sql", 10))
    told.person(("mql", 0))
    found = look(told)
    assert point(found, 6) == (
        "ok",
        "2 entries into mql, 1 of 2 passes went from mql to sql (50.0 %), 10.0 days in mql (median)",
    )
    assert point(found, 5) == (
        "ok",
        "2 open stays have a known start, 0 stays an unknown one; the entry instant is written to the CRM",
    )
