"""What `explain` says of a move is what a sales manager would say: no word of the law's own trade is left in it."""

import ast
import re
from pathlib import Path
from typing import get_args

import pytest

from leadsync.domain import stages
from leadsync.domain.transitions import Verdict
from leadsync.reports.wording import VERDICTS, now_in_words, sentence

LABELS = {"inquiry": "Inquiry", "mql": "MQL", "lal": "LAL", "remarket": "Re-Market"}
JARGON = re.compile(r"\b(edge|edges|legal|law|mapping|coalesced|unmapped|flagged|adopted|ldr)\b")


@pytest.mark.parametrize(
    ("verdict", "why", "expected"),
    [
        ("adopted", "", "from before leadsync went live: taken over as it was, not judged"),
        ("legal", "an edge of the law", "allowed: the funnel's rules let them make this move"),
        ("legal", "skipped 1", "allowed: passed over 1 stage, which keeps no date for this time"),
        ("legal", "skipped 3", "allowed: passed over 3 stages, which keep no date for this time"),
        (
            "legal",
            "actor unverified",
            "allowed: who made the move is not known for certain (actor unverified), so nobody is blamed for it",
        ),
        (
            "legal",
            "made by leadsync by a declared rule",
            "allowed: leadsync made the move itself, by one of the funnel's rules",
        ),
        (
            "legal",
            "made by leadsync by the rule hundred points",
            'allowed: leadsync made the move itself, by the rule "hundred points"',
        ),
        (
            "legal",
            "made by leadsync by the rule remap:old-values",
            "allowed: leadsync wrote it for the job remap:old-values of an operator",
        ),
        (
            "legal",
            "collision: the contact had mql, the lead lal; keep",
            "allowed: the contact had a stage of its own, MQL, and keeps it; the lead's was LAL",
        ),
        (
            "flagged",
            "no edge leads from mql to inquiry; left as it is: somebody has moved it on since",
            "reported: nobody may move anyone from MQL straight to Inquiry; left as it is: somebody has moved it on since",
        ),
        (
            "flagged",
            "legal, but a reason was asked for",
            "reported: the move is allowed, but something it asks for is missing: a reason",
        ),
        (
            "reverted",
            "ldr may not make this move",
            "not allowed, put back: a lead development rep may not make this move",
        ),
        (
            "redirected",
            "no edge leads from lal to inquiry",
            "not allowed as it was, sent on to the right stage: nobody may move anyone from LAL straight to Inquiry",
        ),
        (
            "redirected",
            "'Left Vmail' is a call result, not a stage",
            'kept as the result of a call: "Left Vmail" is the result of a call, not a stage',
        ),
        (
            "coalesced",
            "the moves in between were not seen; a legal path leads here",
            "allowed: the moves in between were not seen, but there is an allowed way",
        ),
        (
            "unmapped",
            "the value 'Hot mql' is deprecated, mql should take its place",
            'not counted: "Hot mql" is an old status, MQL should take its place',
        ),
        (
            "unmapped",
            "the value 'mql' stands in no list of the mapping",
            'not counted: leadsync does not know the status "mql"',
        ),
    ],
)
def test_a_verdict_is_a_sentence_a_sales_manager_understands(verdict: str, why: str, expected: str) -> None:
    assert sentence(verdict, why, LABELS) == expected


def test_a_move_that_mends_another_says_so() -> None:
    said = sentence("legal", "made by leadsync by a declared rule", LABELS, mends=True)
    assert said == "leadsync takes the move before back; neither of them counts"


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("moves to remarket: redirect: Inquiry to remarket", "leadsync moves them to Re-Market for it"),
        ("moves to mql: hand raised", "leadsync moves them to MQL: hand raised"),
        (
            "moves to inquiry: disposition: Left Vmail to inquiry",
            'leadsync keeps "Left Vmail" as the result of a call and sets the stage to Inquiry',
        ),
        ("not routed: nothing has happened since going live", "not routed: nothing has happened since going live"),
        (
            "not routed: twin of p_my_org_contact_0038d000001000jAAA",
            "not routed: the contact 0038d000001000jAAA has the same e-mail and goes first",
        ),
        (
            "hundred: points: it has fired, and nothing is new since",
            'the rule "hundred: points" fits, but does nothing now: it has moved them once, and nothing new has come from them since',
        ),
        ("legal: an edge of the law", "allowed: the funnel's rules let them make this move"),
    ],
)
def test_what_is_to_be_done_now_is_said_as_plainly(reason: str, expected: str) -> None:
    assert now_in_words(reason, LABELS, ["hundred: points"]) == expected


def test_every_verdict_has_its_words() -> None:
    assert set(VERDICTS) >= set(get_args(Verdict))


def test_no_reason_of_the_law_reaches_anybody_in_its_own_jargon() -> None:
    reasons = [why for why in _texts(Path(stages.__file__)) if " " in why or why == "actor unverified"]
    assert len(reasons) > 15
    left = {why: said for why in reasons if JARGON.search(said := sentence("legal", why, LABELS))}
    assert left == {}


def _texts(path: Path) -> list[str]:
    """Return every text that the law's module may give as a reason, with `x` for what it fills in."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    joined = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
    inner = {id(part) for node in joined for part in ast.walk(node) if part is not node}
    texts = [
        "".join(
            str(part.value) if isinstance(part, ast.Constant) else "'x'" if _quoted(part) else "x"
            for part in node.values
        )
        for node in joined
    ]
    return texts + [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in prose
        and id(node) not in inner
    ]


def _quoted(part: ast.expr) -> bool:
    return isinstance(part, ast.FormattedValue) and part.conversion == ord("r")
