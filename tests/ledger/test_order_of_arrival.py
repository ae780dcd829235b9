"""However the history of a lead is cut into pages, shuffled, repeated and interrupted, the ledger tells the same story."""

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_facts import DAY_ONE, OWN, a_mapping, a_move, a_record, a_touch, at

from leadsync.domain.records import Move, Record
from leadsync.ledger import Ledger, open_ledger
from leadsync.ports import Page

VALUES = ("RAW", "INQUIRY", "MAQL", "MQL", "SAL", "Left Vmail", "Marketing Qualified")


BROKEN = replace(a_touch("broken", 0), at=None)  # type: ignore[arg-type]


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Move], list[Record]]:
    """Return the moves of one lead, several in a second at times, and its versions after each second."""
    value = first = draw(st.sampled_from(VALUES))
    minute, moves, versions = 0, [], [a_record(value=first)]
    for number in range(draw(st.integers(0, 6))):
        minute += draw(st.sampled_from((0, 0, 1, 5)))
        following = draw(st.sampled_from([other for other in VALUES if other != value]))
        moves.append(a_move(max(minute, 1), value, following, f"m{number:03}"))
        value = following
        versions.append(
            a_record(value=value)._replace(
                modified_at=at(max(minute, 1)), stamp=at(max(minute, 1)), version=str(number)
            )
        )
    return moves, versions


def deliver(ledger: Ledger, page: Page) -> None:
    ledger.store(page, a_mapping(), go_live_at=DAY_ONE, own_user_id=OWN, history=frozenset({"lead"}))


def story(ledger: Ledger) -> tuple[object, object]:
    moves = ledger.con.execute(
        "SELECT from_stage, to_stage, from_value, to_value, at, at_exact, source, actor_id FROM v_transitions"
        " ORDER BY at, seq"
    ).fetchall()
    return moves, ledger.con.execute(
        "SELECT stage, entered_at, left_at FROM v_spans ORDER BY entered_at, left_at"
    ).fetchall()


@settings(max_examples=50, deadline=None)
@given(histories(), st.data())
def test_pages_in_any_order_tell_the_same_story(history: tuple[list[Move], list[Record]], data: st.DataObject) -> None:
    moves, versions = history
    with tempfile.TemporaryDirectory() as folder:
        with open_ledger(Path(folder) / "straight.db") as ledger:
            deliver(ledger, Page("lead_history", tuple(moves), at(500)))
            deliver(ledger, Page("lead", (versions[-1],), at(500)))
            expected = story(ledger)

        # Each version is read at its own time; the history rows at any.
        pages = [Page("lead", (version,), at(100 + number)) for number, version in enumerate(versions)]
        rest = list(moves)
        while rest:
            size = data.draw(st.integers(1, len(rest)))
            pages.append(Page("lead_history", tuple(rest[:size]), at(500)))
            rest = rest[size:]
        pages += data.draw(st.lists(st.sampled_from(pages), max_size=4))
        pages = data.draw(st.permutations(pages))
        crashes = data.draw(st.sets(st.integers(0, len(pages) - 1), max_size=2))
        path = Path(folder) / "crooked.db"
        ledger = open_ledger(path)
        try:
            for number, page in enumerate(pages):
                if number in crashes:
                    # The last row breaks when the others are written already; then everything starts anew.
                    with pytest.raises(AttributeError):
                        deliver(ledger, replace(page, rows=(*page.rows, BROKEN), mark="never"))
                    assert ledger.marks("salesforce") == {}
                    ledger.close()
                    ledger = open_ledger(path)
                deliver(ledger, page)
            assert story(ledger) == expected
            assert ledger.con.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert ledger.con.execute("SELECT gap FROM records").fetchall() == [(None,)]
        finally:
            ledger.close()
