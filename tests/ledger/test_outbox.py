"""The life of an effect from wish to end."""

from datetime import timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from ledger_facts import Books, a_record, a_ref, at

from leadsync.domain.effects import Escalation, Membership, Notice, Outcome, WriteBack
from leadsync.ledger import Ledger, PlanRows, open_ledger


def a_write(effect_id: str = "w1", record_id: str = "00Q1", **changes: object) -> WriteBack:
    values: dict[str, object] = {
        "effect_id": effect_id,
        "ref": a_ref(record_id),
        "values": {"stage": "MQL", "score": 104, "marketable": True, "held_until": None, "share": 0.5},
        "base_version": "v1",
        "guarded": {"stage": "INQUIRY"},
        "kinds": ("lead_stage", "score"),
        "priority": "stage",
        "group_id": "lead_stage:hundred points",
        "cause": "t:1",
    }
    return WriteBack(**(values | changes))  # type: ignore[arg-type]


def an_escalation(effect_id: str = "s1") -> Escalation:
    return Escalation(
        effect_id,
        "p_salesforce_lead_00Q1",
        a_ref(),
        "c1",
        "mql",
        1,
        "email",
        "005A",
        at(60),
        "Overdue",
        "Call Ada",
        late=True,
    )


def wish(ledger: Ledger, *effects: object, held: frozenset[str] = frozenset(), minutes: float = 0) -> int:
    return ledger.commit(PlanRows(effects=effects, held=held), at(minutes)).wished  # type: ignore[arg-type]


def states(ledger: Ledger) -> dict[str, str]:
    return dict(ledger.con.execute("SELECT effect_id, state FROM v_outbox").fetchall())


def test_every_kind_of_effect_comes_out_as_it_went_in(ledger: Ledger) -> None:
    effects = (
        a_write(), an_escalation(), Membership("m1", a_ref("00Q2"), "win_back", True, "membership"),
        Notice("n1", "p1", a_ref(), "assigned", "email", "005A", "New", "Text"),
    )  # fmt: skip
    assert wish(ledger, *effects) == 4
    rows = ledger.outbox(("pending",), now=at(0))
    assert {row.effect for row in rows if not isinstance(row.effect, WriteBack)} == set(effects[1:])
    assert next(row.effect for row in rows if isinstance(row.effect, WriteBack)) == effects[0]
    assert [row.effect for row in ledger.outbox(("pending",), now=at(0), kinds=("notice",))] == [effects[3]]


def test_the_same_wish_is_wished_once(ledger: Ledger) -> None:
    assert wish(ledger, a_write(), an_escalation()) == 2
    assert wish(ledger, a_write(), an_escalation(), minutes=5) == 0


def test_urgent_effects_go_first_and_then_the_oldest(ledger: Ledger) -> None:
    wish(ledger, a_write("late", "00Q3"), minutes=9)
    wish(ledger, a_write("score", "00Q1", priority="score"), a_write("stage", "00Q2"), an_escalation())
    assert [row.effect.effect_id for row in ledger.outbox(("pending",), now=at(10))] == ["s1", "stage", "late", "score"]
    assert len(ledger.outbox(("pending",), now=at(10), limit=2)) == 2


def test_a_newer_write_replaces_one_that_was_never_sent(ledger: Ledger) -> None:
    wish(ledger, a_write("w1"))
    wish(ledger, a_write("w2"), minutes=1)
    assert states(ledger) == {"w1": "superseded", "w2": "pending"}
    wish(ledger, a_write("w1", base_version="v9"), minutes=2)
    assert states(ledger) == {"w1": "pending", "w2": "superseded"}
    assert ledger.outbox(("pending",), now=at(2))[0].effect.base_version == "v9"  # type: ignore[union-attr]


def test_at_most_one_write_of_a_record_is_in_flight(ledger: Ledger) -> None:
    wish(ledger, a_write("w1"))
    assert ledger.claim(["w1", "nothing"], at(0)) == ["w1"]
    wish(ledger, a_write("w2"), minutes=1)
    assert ledger.claim(["w2"], at(1)) == []
    ledger.finish([Outcome("w1", "unknown")], at(1))
    assert ledger.claim(["w1", "w2"], at(1)) == []
    ledger.finish([Outcome("w1", "applied", version="v2")], at(2))
    assert ledger.claim(["w2"], at(2)) == ["w2"]


def test_what_was_sent_keeps_its_payload(ledger: Ledger) -> None:
    wish(ledger, a_write("w1"))
    ledger.claim(["w1"], at(0))
    wish(ledger, a_write("w1", base_version="v9"), minutes=1)
    assert ledger.outbox(("sent",), now=at(1))[0].effect.base_version == "v1"  # type: ignore[union-attr]


def test_a_write_that_must_wait_gives_way_to_a_newer_one(ledger: Ledger) -> None:
    wish(ledger, a_write("w1"))
    ledger.claim(["w1"], at(0))
    wish(ledger, a_write("w2"), minutes=1)
    ledger.finish([Outcome("w1", "pending", "busy", retry_after=30)], at(1))
    assert states(ledger) == {"w1": "superseded", "w2": "pending"}


def test_a_retry_waits_until_its_time(ledger: Ledger) -> None:
    wish(ledger, a_write("w1"))
    ledger.claim(["w1"], at(0))
    ledger.finish([Outcome("w1", "pending", "busy", retry_after=90)], at(0))
    assert ledger.outbox(("pending",), now=at(1)) == []
    (row,) = ledger.outbox(("pending",), now=at(1.5))
    assert (row.attempts, row.error, row.retry_at) == (1, "busy", at(1.5))


def test_what_is_over_stays_over_until_somebody_asks(ledger: Ledger) -> None:
    wish(ledger, a_write("w1"))
    ledger.claim(["w1"], at(0))
    assert ledger.finish([Outcome("w1", "rejected", "INVALID_FIELD: Score__c")], at(0)) == 1
    assert ledger.finish([Outcome("w1", "applied")], at(1)) == 0
    assert wish(ledger, a_write("w1"), minutes=2) == 0
    assert ledger.retry("w1")
    assert not ledger.retry("nothing")
    assert ledger.claim(["w1"], at(3)) == ["w1"]


def test_a_held_group_waits_for_its_release(ledger: Ledger) -> None:
    group = "lead_stage:hundred points"
    wish(ledger, a_write("w1"), a_write("w2", "00Q2"), held=frozenset({group}))
    assert ledger.claim(["w1"], at(0)) == []
    assert ledger.group_sizes(at(-1)) == {}
    assert ledger.release(group, at(0)) == 2
    assert ledger.group_sizes(at(-1)) == {group: 2}
    assert ledger.claim(["w1"], at(0)) == ["w1"]


def test_what_a_dead_process_had_sent_is_of_unknown_fate(path: object) -> None:
    with open_ledger(path) as first:  # type: ignore[arg-type]
        wish(first, a_write("w1"), an_escalation())
        first.claim(["w1", "s1"], at(0))
        assert first.rescue() == 0
    with open_ledger(path) as second:  # type: ignore[arg-type]
        assert second.rescue() == 2
        assert states(second) == {"w1": "unknown", "s1": "unknown"}
        assert second.claim(["w1", "s1"], at(1)) == [
            "s1"
        ]  # a message may be repeated under its id, a write is read first


def test_going_live_starts_afresh(ledger: Ledger) -> None:
    wish(ledger, a_write("w1"), a_write("w2", "00Q2"), an_escalation())
    ledger.claim(["w2"], at(0))
    assert ledger.void_undelivered(at(1)) == 2
    assert states(ledger) == {"w1": "superseded", "w2": "sent", "s1": "superseded"}
    assert wish(ledger, a_write("w1"), minutes=2) == 1
    assert states(ledger)["w1"] == "pending"


def test_open_writes_are_part_of_the_persons_situation(books: Books) -> None:
    books.see(a_record())
    wish(books.ledger, a_write("w1"))
    assert books.ledger.outbox(("pending",), now=at(0), crm="salesforce")[0].extra["person_id"] == books.person()
    (situation,) = books.ledger.situations("salesforce", [books.person()])
    assert [(write.effect_id, write.state, write.values["stage"]) for write in situation.writes] == [
        ("w1", "pending", "MQL")
    ]


def test_a_situation_knows_what_leadsync_wrote_into_each_field_last(books: Books) -> None:
    books.see(a_record())
    for effect_id, values, fate, minutes in (
        ("w1", {"score": 72, "marketable": True}, "applied", 1),
        ("w2", {"score": 80}, "applied", 3),
        ("w3", {"score": 99}, "rejected", 5),
    ):
        wish(books.ledger, a_write(effect_id, values=values), minutes=minutes)
        books.ledger.claim([effect_id], at(minutes))
        books.ledger.finish([Outcome(effect_id, fate)], at(minutes + 1))
    (situation,) = books.ledger.situations("salesforce", [books.person()])
    assert situation.written == {"00Q1": {"score": 80, "marketable": True}}


def test_escalations_can_be_read_by_other_tools(books: Books) -> None:
    books.see(a_record())
    wish(books.ledger, an_escalation())
    books.ledger.claim(["s1"], at(61))
    books.ledger.finish([Outcome("s1", "applied")], at(62))
    assert books.rows("SELECT * FROM v_escalations") == [
        ("s1", books.person(), "mql", 1, "email", "005A", "2026-03-01T10:00:00Z", "2026-03-01T10:02:00Z", "applied")
    ]


class OutboxMachine(RuleBasedStateMachine):
    """Any order of deciding, claiming, ending, dying and releasing keeps what must always hold."""

    def __init__(self) -> None:
        super().__init__()
        import tempfile
        from pathlib import Path

        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "ledger.db"
        self.ledger = open_ledger(self.path)
        self.minute = 0.0
        self.sends: dict[str, int] = {}
        self.applied: set[str] = set()

    def teardown(self) -> None:
        self.ledger.close()
        self.folder.cleanup()

    @rule(number=st.integers(0, 5), record=st.integers(0, 1), held=st.booleans())
    def decide(self, number: int, record: int, *, held: bool) -> None:
        self.minute += 1
        write = a_write(f"w{number}-{record}", f"00Q{record}", group_id=f"g{number}", base_version=str(self.minute))
        wish(self.ledger, write, held=frozenset({f"g{number}"}) if held else frozenset(), minutes=self.minute)

    @rule()
    def claim(self) -> None:
        ids = [row.effect.effect_id for row in self.ledger.outbox(("pending",), now=at(self.minute))]
        for effect_id in self.ledger.claim(ids, at(self.minute)):
            assert effect_id not in self.applied
            self.sends[effect_id] = self.sends.get(effect_id, 0) + 1

    @rule(
        state=st.sampled_from(["applied", "rejected", "superseded", "dead", "unknown", "pending"]),
        wait=st.sampled_from([None, 60.0]),
    )
    def finish(self, state: str, wait: float | None) -> None:
        for row in self.ledger.outbox(("sent", "unknown"), now=at(self.minute))[:1]:
            self.ledger.finish([Outcome(row.effect.effect_id, state, retry_after=wait)], at(self.minute))  # type: ignore[arg-type]
            if state == "applied":
                self.applied.add(row.effect.effect_id)

    @rule()
    def die(self) -> None:
        self.ledger.con.close()
        self.ledger._lock.release()  # type: ignore[union-attr]
        self.ledger = open_ledger(self.path)
        self.ledger.rescue()

    @rule(number=st.integers(0, 5), record=st.integers(0, 1))
    def retry(self, number: int, record: int) -> None:
        self.ledger.retry(f"w{number}-{record}")

    @rule(number=st.integers(0, 5))
    def release(self, number: int) -> None:
        self.ledger.release(f"g{number}", at(0))

    @invariant()
    def one_write_of_a_record_is_in_flight_and_one_waits(self) -> None:
        for record in ("00Q0", "00Q1"):
            counts = dict(
                self.ledger.con.execute(
                    "SELECT CASE WHEN state IN ('sent', 'unknown') THEN 'flight' ELSE 'waits' END, count(*) FROM outbox"
                    " WHERE record_id = ? AND state IN ('sent', 'unknown', 'pending', 'held') GROUP BY 1",
                    (record,),
                ).fetchall()
            )
            assert counts.get("flight", 0) <= 1
            assert counts.get("waits", 0) <= 1

    @invariant()
    def attempts_are_counted_and_ends_are_dated(self) -> None:
        for effect_id, attempts, state, done_at in self.ledger.con.execute(
            "SELECT effect_id, attempts, state, done_at FROM v_outbox"
        ):
            assert attempts == self.sends.get(effect_id, 0)
            assert (done_at is not None) == (state in ("applied", "rejected", "superseded", "dead"))


TestOutboxMachine = OutboxMachine.TestCase
TestOutboxMachine.settings = settings(max_examples=12, stateful_step_count=25, deadline=None)


@pytest.mark.parametrize("seconds", [0, 59])
def test_a_claim_is_dated(ledger: Ledger, seconds: int) -> None:
    wish(ledger, a_write("w1"))
    ledger.claim(["w1"], at(0) + timedelta(seconds=seconds))
    assert ledger.con.execute("SELECT sent_at FROM outbox").fetchall() == [(f"2026-03-01T09:00:{seconds:02}Z",)]
