"""Replaying any history in any page split, order of delivery and number of crashes gives the same ledger.

The histories are those of a small org: births, moves (several in a second, values outside the mapping, two values of one
stage), touches, conversions, merges, deletes, undeletes, new owners. What is compared is every view, without the order of
rows in the ledger and the instants of reading.

With the CRM's history everything is equal, however often and wherever leadsync looked in between. Without it a ledger can
only tell what a look has met. Then *the same looks* give the same ledger, however they are cut into pages, repeated and
interrupted; and *other looks* still end with the same people, stages, owners and touches, every record's stays contiguous
from its birth on and the last one of them the stage it stands in.

No history row is ever lost here: when the CRM keeps back what happened between two values, looking in between tells more
than looking later, so no two ways of looking could agree. What becomes of such a value is a gap's business.
"""

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_facts import DAY_ONE, OWN, a_mapping, a_touch
from small_org import DEEDS, VALUES, WAITS, Deed, Org

from leadsync.cli.demo.lines import Stay, misnumbered, torn, untrue
from leadsync.ledger import Ledger, open_ledger
from leadsync.ports import Page, Row

ROOM = Path("/dev/shm") if os.access("/dev/shm", os.W_OK) else None
"""Real files, in memory where there is such a place: thousands of ledgers are opened."""

BROKEN = replace(a_touch("broken", 0), at=None)  # type: ignore[arg-type]

deeds = st.tuples(
    st.integers(0, len(DEEDS) - 1), st.integers(0, 5), st.integers(0, len(VALUES) - 1), st.integers(0, len(WAITS) - 1)
)


@dataclass(frozen=True)
class Look:
    """One pass: after which deed, how, and what goes wrong.

    `order` says in which order sources come, `size` how many rows a page has, `again` which of the pages so far are
    delivered once more, `crash` that the process dies in the middle of a page.
    """

    after: int
    complete: bool
    order: int
    size: int
    again: int
    crash: bool


looks = st.builds(
    Look,
    after=st.integers(0, 30),
    complete=st.booleans(),
    order=st.integers(0, 23),
    size=st.integers(1, 6),
    again=st.integers(0, 7),
    crash=st.booleans(),
)


@st.composite
def lives(draw: st.DrawFn) -> list[Deed]:
    """Return some deeds, the first of which is a birth."""
    first = (draw(st.integers(0, 1)), 0, draw(st.integers(0, len(VALUES) - 1)), 0)
    return [first, *(deed for _ in range(3) for deed in draw(st.lists(deeds, max_size=12)))]


SOURCES = ("lead_history", "contact_history", "lead", "contact", "touch:CampaignMember")
ORDERS = (
    (0, 1, 2, 3, 4), (2, 3, 0, 1, 4), (3, 2, 1, 0, 4), (4, 3, 2, 1, 0), (1, 3, 0, 2, 4), (2, 0, 3, 1, 4), (4, 2, 0, 1, 3),
    (3, 0, 1, 2, 4),
)  # fmt: skip


def _rows(org: Org, source: str, since: int, moves_since: int) -> Sequence[Row]:
    match source:
        case "lead" | "contact":
            return org.changed_since(since, source)
        case "lead_history" | "contact_history":
            name = source.removesuffix("_history")
            return [move for move in org.moves[moves_since:] if move.ref.object == name]
        case _:
            return list(org.touches.values())


def pages_of(org: Org, life: Sequence[Deed], plan: Sequence[Look], *, history: bool) -> Iterator[list[Page]]:
    """Yield the pages of each look at an org that lives this life; the last three looks are quiet and complete."""
    waiting = sorted(plan, key=lambda look: look.after)
    read, told = 0, 0  # up to which deed everything was read, and how many history rows
    for number, deed in enumerate(life):
        org.do(deed)
        while waiting and waiting[0].after <= number:
            look = waiting.pop(0)
            yield list(_look(org, look, read, told, history=history))
            if look.complete:
                # A pass reads again what lies close before its mark.
                read, told = org.deeds, max(0, len(org.moves) - 1)
    for _ in range(3):
        org.now += timedelta(minutes=5)
        last = Look(0, complete=True, order=0, size=10_000, again=0, crash=False)
        yield list(_look(org, last, 0, 0, history=history))


def _look(org: Org, look: Look, read: int, told: int, *, history: bool) -> Iterator[Page]:
    for place in ORDERS[look.order % len(ORDERS)]:
        source = SOURCES[place]
        if source.endswith("_history") and (not history or not look.complete):
            continue
        rows = list(_rows(org, source, read, told))
        parts = [rows[start : start + look.size] for start in range(0, len(rows), look.size)] or [[]]
        for number, part in enumerate(parts):
            is_last = look.complete and number == len(parts) - 1
            yield Page(source, tuple(part), org.now, mark=f"{org.now:%H%M%S}" if is_last else None, complete=is_last)


LAW: dict[str, tuple[str, int | None]] = {
    "raw": ("raw", 0), "inquiry": ("cold", 1), "maql": ("qualified", 2), "mql": ("handoff", 3), "sal": ("accepted_sales", 4),
    "sql": ("sales_qualified", 5), "remarket": ("recycle", None), "disqualified": ("exit", None),
}  # fmt: skip
RANKS = {name: rank for name, (_, rank) in LAW.items() if rank is not None}
INSIDE = frozenset(RANKS) - {"raw"}
ENDS = frozenset(LAW) - frozenset(RANKS)


@cache
def _empty(folder: Path) -> Path:
    path = folder / "empty.db"
    with open_ledger(path) as ledger, ledger.con:
        ledger.con.executemany(
            "INSERT INTO stages (stage, role, rank, routed) VALUES (?, ?, ?, 0)",
            [(name, role, rank) for name, (role, rank) in LAW.items()],
        )
    return path


class Book:
    """One ledger that is closed and opened again at every crash."""

    def __init__(self, folder: Path, name: str, *, history: bool, go_live_at: datetime | None) -> None:
        self._path = folder / name
        for rest in folder.glob(f"{name}*"):
            rest.unlink()
        shutil.copy(_empty(folder), self._path)
        self._history = frozenset({"lead", "contact"} if history else ())
        self._go_live_at = go_live_at
        self.ledger = open_ledger(self._path)

    def deliver(self, page: Page) -> None:
        self.ledger.store(page, a_mapping(), go_live_at=self._go_live_at, own_user_id=OWN, history=self._history)

    def crash(self, page: Page) -> None:
        """Let the process die when everything of a page is written but for its last row and its mark."""
        marks = self.ledger.marks("salesforce")
        with pytest.raises(AttributeError):
            self.deliver(replace(page, rows=(*page.rows, BROKEN)))
        assert self.ledger.marks("salesforce") == marks
        self.ledger.close()
        self.ledger = open_ledger(self._path)

    def close(self) -> None:
        self.ledger.close()


VIEWS: dict[str, str] = {
    "v_people": "SELECT {} FROM v_people ORDER BY object, record_id",
    "v_transitions": "SELECT {} FROM v_transitions ORDER BY object, record_id, at, seq",
    "v_spans": "SELECT {} FROM v_spans ORDER BY person_id, entered_at, COALESCE(left_at, '~'), record_id, stage",
    "v_touches": "SELECT {} FROM v_touches ORDER BY touch_id, direction",
    "v_owners": "SELECT {} FROM v_owners ORDER BY record_id, from_at, COALESCE(to_at, '~'), owner_id",
    "spans": "SELECT {} FROM spans s JOIN records r ON r.rid = s.rid ORDER BY r.id, s.n",
}
LEFT_OUT = {"seq", "observed_at"}


def dump(ledger: Ledger, *but_for: str) -> dict[str, list[tuple[Any, ...]]]:
    """Return everything that the views say, without the order in the ledger and the instants of reading."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    for name, query in VIEWS.items():
        if name == "spans":
            columns = ["r.id", "s.stage", "s.entered_at", "s.left_at", "s.entered_exact", "r.gap"]
        else:
            columns = [
                row[1]
                for row in ledger.con.execute(f"PRAGMA table_info({name})")
                if row[1] not in (*LEFT_OUT, *but_for)
            ]
        found[name] = [tuple(row) for row in ledger.con.execute(query.format(", ".join(columns)))]
    return found


def differences(
    found: dict[str, list[tuple[Any, ...]]], expected: dict[str, list[tuple[Any, ...]]], *views: str
) -> list[str]:
    """Return the rows that only one of two ledgers has."""
    lines: list[str] = []
    for name in views or VIEWS:
        lines += [f"{name}: only here {row}" for row in found[name] if row not in expected[name]]
        lines += [f"{name}: lacks {row}" for row in expected[name] if row not in found[name]]
        if not lines and found[name] != expected[name]:
            lines.append(f"{name}: {found[name]} in another order than {expected[name]}")
    return lines


def live_through(book: Book, life: Sequence[Deed], plan: Sequence[Look], *, history: bool) -> Org:
    """Deliver the pages of these looks with their repetitions and crashes; return the org at the end."""
    org = Org()
    waiting = sorted(plan, key=lambda look: look.after)
    given: list[Page] = []
    looked_at: Counter[datetime] = Counter()
    for number, pages in enumerate(pages_of(org, life, plan, history=history)):
        look = waiting[number] if number < len(waiting) else None
        looked_at[org.now] += 1
        for place, page in enumerate(pages):
            if look and look.crash and place == look.size % len(pages):
                book.crash(page)
            book.deliver(page)
            given.append(page)
            old = given[(look.again * 7 + place) % len(given)] if look and look.again else page
            # What is read anew moves no mark and proves nothing. Two answers of one second are not told apart.
            if old.read_at < page.read_at and looked_at[old.read_at] == 1:
                book.deliver(replace(old, mark=None, complete=False))
    return org


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=ROOM) as found:
        yield Path(found)


go_lives = st.sampled_from([DAY_ONE - timedelta(days=1), DAY_ONE + timedelta(minutes=2), DAY_ONE + timedelta(days=9)])
plans = st.lists(looks, min_size=1, max_size=6)
tried = settings(max_examples=700)


@contextmanager
def two_books(folder: Path, go_live_at: datetime, *, history: bool) -> Iterator[tuple[Book, Book]]:
    with ExitStack() as stack:
        books = [Book(folder, f"{name}.db", history=history, go_live_at=go_live_at) for name in ("straight", "crooked")]
        for book in books:
            stack.callback(book.close)
        yield books[0], books[1]


@tried
@given(life=lives(), plan=plans, go_live_at=go_lives)
def test_with_history_any_looks_give_the_same_ledger_and_the_true_lines(
    folder: Path, life: list[Deed], plan: list[Look], go_live_at: datetime
) -> None:
    with two_books(folder, go_live_at, history=True) as (straight, crooked):
        org = live_through(straight, life, (), history=True)
        live_through(crooked, life, plan, history=True)

        wrong = differences(dump(crooked.ledger), dump(straight.ledger))
        assert not wrong, "\n".join(wrong)
        wrong = list(wrong_lines(straight.ledger, org))
        assert not wrong, "\n".join(wrong)


@tried
@given(life=lives(), plan=plans, go_live_at=go_lives)
def test_without_history_the_same_looks_give_the_same_ledger_however_they_are_delivered(
    folder: Path, life: list[Deed], plan: list[Look], go_live_at: datetime
) -> None:
    with two_books(folder, go_live_at, history=False) as (straight, crooked):
        live_through(straight, life, [replace(look, size=10_000, again=0, crash=False) for look in plan], history=False)
        live_through(crooked, life, plan, history=False)

        wrong = differences(dump(crooked.ledger), dump(straight.ledger))
        assert not wrong, "\n".join(wrong)


@tried
@given(life=lives(), plan=plans, go_live_at=go_lives)
def test_without_history_other_looks_end_with_the_same_people_and_stays_without_gaps(
    folder: Path, life: list[Deed], plan: list[Look], go_live_at: datetime
) -> None:
    with two_books(folder, go_live_at, history=False) as (straight, crooked):
        live_through(straight, life, (), history=False)
        live_through(crooked, life, plan, history=False)

        since_when = ("stage_entered_at", "entered_exact")
        wrong = differences(
            dump(crooked.ledger, *since_when), dump(straight.ledger, *since_when), "v_people", "v_touches"
        )
        assert not wrong, "\n".join(wrong)
        for book in (straight, crooked):
            wrong = list(wrong_stays(book.ledger))
            assert not wrong, "\n".join(wrong)


def wrong_lines(ledger: Ledger, org: Org) -> Iterator[str]:
    """Yield what is wrong with the lines of all people."""
    mapping = a_mapping()
    records = ledger.con.execute("SELECT person_id, record_id FROM v_people").fetchall()
    for person in sorted({person for person, _ in records}):
        line = [
            Stay(*row)
            for row in ledger.con.execute(
                "SELECT stage, entered_at, left_at, pass_number FROM v_spans WHERE person_id = ?"
                " ORDER BY entered_at, left_at IS NULL, left_at, pass_number",
                (person,),
            )
        ]
        lives = [org.life(record_id, mapping) for owner, record_id in records if owner == person]
        for wrong in (*torn(line), *untrue(line, lives, RANKS), *misnumbered(line, INSIDE, ENDS)):
            yield f"{person}: {wrong}"


def wrong_stays(ledger: Ledger) -> Iterator[str]:
    """Yield what is wrong with the stays of each record and with the lines of their people."""
    for record_id, state, stage, value in ledger.con.execute(
        "SELECT record_id, state, stage, stage_value FROM v_people"
    ).fetchall():
        stays = ledger.con.execute(
            "SELECT s.stage, s.entered_at, s.left_at FROM spans s JOIN records r ON r.rid = s.rid WHERE r.id = ? ORDER BY s.n",
            (record_id,),
        ).fetchall()
        if not stays:
            yield f"{record_id}: no stay at all"
            continue
        for (_, since, until), (_, next_since, _) in pairwise(stays):
            if not since <= until == next_since:
                yield f"{record_id}: a stay from {since} to {until}, the next since {next_since}"
        if (stays[-1][2] is None) != (state == "live"):
            yield f"{record_id}: {state}, but the last stay ends at {stays[-1][2]}"
        if state == "live" and stays[-1][0] != stage:
            yield f"{record_id}: the last stay is {stays[-1][0]}, the stage {stage} ({value})"
    for (person,) in ledger.con.execute("SELECT DISTINCT person_id FROM v_people").fetchall():
        rows = ledger.con.execute(
            "SELECT stage, entered_at, left_at, pass_number FROM v_spans WHERE person_id = ?"
            " ORDER BY entered_at, left_at IS NULL, left_at, pass_number",
            (person,),
        )
        yield from (f"{person}: {wrong}" for wrong in torn([Stay(*row) for row in rows]))


def deed(what: str, whom: int = 0, value: str | None = "RAW", wait: int = 3600) -> Deed:
    return DEEDS.index(what), whom, VALUES.index(value), WAITS.index(wait)


LOOKED = Look(0, complete=False, order=0, size=9, again=0, crash=False)


@pytest.mark.parametrize(
    ("history", "life", "after"),
    [
        (True, [deed("new lead"), deed("convert anew")], [0, 1]),
        (True, [deed("new lead"), deed("convert anew"), deed("move", 1, "RAW")], [2]),
        (True, [deed("new lead"), deed("hand over", 0, "INQUIRY", 0)], [0]),
        (True, [deed("new lead"), deed("delete"), deed("undelete"), deed("convert anew"), deed("delete", 1)], [1]),
        (True, [deed("new lead"), deed("delete"), deed("undelete quietly"), deed("delete")], [1]),
        (True, [deed("new contact"), deed("new contact", wait=0), deed("merge", 1)], [1]),
        (False, [deed("new lead", wait=0), deed("new lead", wait=0), deed("merge", 1)], [2]),
        (True, [deed("new lead", value="MAQL"), deed("convert anew"), deed("new contact", 0, None), deed("merge")], []),
        (
            True,
            [deed("new lead"), deed("convert anew"), deed("new lead"), deed("convert into", 0, "RAW")],
            [],
        ),
    ],
    ids=[
        "a conversion is read before the history that dates it",
        "a contact's first move is read before its history",
        "an owner is read in the second of the change",
        "a lead comes back, is converted and deleted between two looks",
        "a lead comes back and is deleted again without a new stamp",
        "two contacts of one second are merged",
        "leads older than going live are merged",
        "a contact with a stage is merged into a converted one",
        "a blank contact takes in a second lead",
    ],
)
def test_what_looking_at_the_wrong_moment_once_got_wrong(
    folder: Path, *, history: bool, life: list[Deed], after: list[int]
) -> None:
    plan = [replace(LOOKED, after=number) for number in after]
    with two_books(folder, DAY_ONE + timedelta(minutes=2), history=history) as (straight, crooked):
        org = live_through(straight, life, () if history else plan, history=history)
        live_through(crooked, life, plan if history else [replace(look, size=1) for look in plan], history=history)

        assert differences(dump(crooked.ledger), dump(straight.ledger)) == []
        assert list(wrong_lines(straight.ledger, org)) == [] or not history
