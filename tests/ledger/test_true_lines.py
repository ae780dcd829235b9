"""The checker of lines finds what is wrong with them; what it passes is in `test_replay.py` and in every demo."""

import pytest

from leadsync.cli.demo.lines import Life, Stay, Step, misnumbered, torn, untrue

RANKS = {"inquiry": 1, "mql": 3}
LEAD = Life(
    "lead", "00Q1", "2026-03-01T09:00:00Z",
    (Step("2026-03-01T09:00:00Z", "inquiry"), Step("2026-03-02T09:00:00Z", "mql")), "2026-03-03T09:00:00Z",
)  # fmt: skip
CONTACT = Life(
    "contact", "0031", "2026-03-03T09:00:00Z", (Step("2026-03-03T09:00:00Z", None),),
    conversions=(("2026-03-03T09:00:00Z", "mql"),),
)  # fmt: skip


def a_line(*stays: tuple[str | None, str, str | None]) -> list[Stay]:
    return [
        Stay(stage, f"{since}T09:00:00Z", f"{until}T09:00:00Z" if until else None, 1) for stage, since, until in stays
    ]


TRUE = a_line(("inquiry", "2026-03-01", "2026-03-02"), ("mql", "2026-03-02", None))


def test_a_true_line_passes() -> None:
    assert list(torn(TRUE)) == []
    assert list(untrue(TRUE, [LEAD, CONTACT], RANKS)) == []
    assert list(misnumbered(TRUE, frozenset(RANKS), frozenset())) == []


@pytest.mark.parametrize(
    "line",
    [
        TRUE[:1],
        a_line(("mql", "2026-03-01", None)),
        a_line(("inquiry", "2026-03-01", "2026-03-02"), ("mql", "2026-03-02", "2026-03-03")),
        a_line(
            ("inquiry", "2026-03-01", "2026-03-02"),
            ("mql", "2026-03-02", "2026-03-03"),
            ("inquiry", "2026-03-03", None),
        ),
        a_line(("inquiry", "2026-03-01", "2026-03-03"), ("mql", "2026-03-02", None)),
    ],
    ids=["cut short", "wrong stage", "ended by the conversion", "reset by the conversion", "two stages at once"],
)
def test_a_line_that_tells_another_stage_than_the_truth_is_found(line: list[Stay]) -> None:
    assert list(untrue(line, [LEAD, CONTACT], RANKS))


def test_a_line_that_overlaps_itself_is_found() -> None:
    assert list(torn(a_line(("inquiry", "2026-03-01", "2026-03-03"), ("mql", "2026-03-02", None))))


def test_a_line_that_goes_on_when_nobody_is_left_is_found() -> None:
    assert list(untrue(TRUE, [LEAD], RANKS))


def test_a_stay_that_counts_for_another_pass_is_found() -> None:
    assert list(misnumbered([Stay("mql", "2026-03-01T09:00:00Z", None, 2)], frozenset(RANKS), frozenset()))
    again = [Stay("mql", "1", "2", 1), Stay(None, "2", "3", 1), Stay("mql", "3", None, 2)]
    assert list(misnumbered(again, frozenset(RANKS), frozenset({"remarket"})))


def test_a_move_that_was_taken_back_is_no_untruth() -> None:
    steps = (*LEAD.steps, Step("2026-03-02T10:00:00Z", "inquiry", correction=True))
    lead = Life("lead", "00Q1", LEAD.born, steps)
    assert list(untrue(a_line(("inquiry", "2026-03-01", None)), [lead], RANKS)) == []
