"""Who is woken by what, and what a decision gets to see."""

from dataclasses import replace
from datetime import timedelta

import pytest
from ledger_facts import DAY_ONE, OWN, Books, a_contact, a_law, a_move, a_record, a_ref, a_touch, at, changed

from leadsync.domain.funnel import FunnelLaw, Stage
from leadsync.domain.records import Account, Gone, Opportunity, OpportunityRole, Queue, User
from leadsync.domain.rulebook import Company, Rulebook
from leadsync.domain.situation import Assignment
from leadsync.ledger import PlanRows
from leadsync.ports import Row


def a_deal(**changes: object) -> Opportunity:
    values: dict[str, object] = {
        "crm": "salesforce", "id": "0061", "account_id": "0011", "owner_id": None, "stage": "Open", "outcome": "open",
        "created_at": at(5), "closed_at": None,
    }  # fmt: skip
    return Opportunity(**(values | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("row", "source"),
    [
        (changed(a_record(), 10, owner_id="005B"), "lead"),
        (a_move(10, "INQUIRY", "MQL"), "lead_history"),
        (a_touch("t1", 10), "touch:Task"),
        (a_deal(lead_id="00Q1"), "opportunity"),
        (OpportunityRole("salesforce", "00K1", "0061", "0031", None, True, at(5)), "opportunity_role"),
        (Account("salesforce", "0011", {"name": "Initech"}), "account"),
    ],
)
def test_whatever_happens_to_somebody_wakes_them_once(books: Books, row: Row, source: str) -> None:
    books.see(a_record(account_id="0011"), a_contact(account_id="0011"))
    books.decided("00Q1", "0031")

    books.see(row, source=source)
    assert books.ledger.due("salesforce", at(0)) != []

    books.decided("00Q1", "0031")
    books.see(row, source=source)
    assert books.ledger.due("salesforce", at(0)) == []


def test_old_news_leave_people_in_their_slice_and_fresh_news_do_not(books: Books) -> None:
    books.go_live_at = at(60)
    books.see(a_record("00Q1"), a_record("00Q2"))
    books.see(a_touch("t1", 30, "00Q1"), a_touch("t2", 90, "00Q2"), source="touch:Task")

    assert books.ledger.due("salesforce", at(0)) == [books.person("00Q2")]
    assert books.ledger.undecided("salesforce", 9, now=at(0)) == [books.person("00Q1")]


def test_a_touch_counts_once_and_can_be_retracted(books: Books) -> None:
    books.see(a_record(), a_touch("t1", 5))
    books.see(a_touch("t1", 5))
    books.see(a_touch("t1", 5, retracted=True))
    (situation,) = books.ledger.situations("salesforce", [books.person()])
    assert situation.touches == (a_touch("t1", 5, retracted=True),)
    books.see(a_touch("t1", 5))
    assert books.rows("SELECT retracted FROM v_touches") == [(0,)]


def test_a_row_that_is_gone_takes_back_the_touches_of_all_its_people_and_wakes_them(books: Books) -> None:
    books.see(a_record("00Q1"), a_record("00Q2"), a_record("00Q3"))
    books.see(a_touch("email:e1", 5, "00Q1"), a_touch("email:e1:00Q2", 5, "00Q2"), a_touch("email:e10", 5, "00Q3"))
    books.decided("00Q1", "00Q2", "00Q3")

    books.see(a_touch("email:e1", 5, "", retracted=True), a_touch("email:never seen", 5, "", retracted=True))

    assert books.rows("SELECT touch_id, retracted FROM v_touches ORDER BY touch_id") == [
        ("email:e1", 1), ("email:e10", 0), ("email:e1:00Q2", 1),
    ]  # fmt: skip
    assert sorted(books.ledger.due("salesforce", at(0))) == sorted([books.person("00Q1"), books.person("00Q2")])
    assert books.rows("SELECT count(*) FROM touches") == [(3,)]


def test_a_touch_that_comes_before_its_record_is_not_lost(books: Books) -> None:
    books.see(a_touch("t1", 5), source="touch:Task")
    books.see(a_record())
    (situation,) = books.ledger.situations("salesforce", [books.person()])
    assert [touch.touch_id for touch in situation.touches] == ["t1"]


def test_a_situation_comes_out_as_it_went_in(books: Books) -> None:
    record = a_record(
        fields={"email": "ada@initech.example", "score": 72.0, "opted_out": True, "title": None}, account_id="0011",
        operation="e1", created_by="005C",
    )  # fmt: skip
    books.see(record, a_touch("t1", 5, text="Call me", campaign="Expo"))
    assignment = Assignment(
        books.person(), "00Q1", "DACH", "dach_sales", "normal", False, "005B", "leadsync", at(7), "fits", "t:1",
        (("005B", "won"), ("005C", "away")),
    )  # fmt: skip
    books.ledger.commit(PlanRows(assignments=(assignment, assignment)), at(8))
    books.ledger.commit(PlanRows(assignments=(assignment,)), at(9))

    (situation,) = books.ledger.situations("salesforce", [books.person(), "p_salesforce_lead_nobody"])

    assert situation.records == (record,)
    assert situation.touches == (a_touch("t1", 5, text="Call me", campaign="Expo"),)
    assert situation.assignments == (assignment,)
    assert [(move.to_stage, move.at, move.verdict) for move in situation.transitions] == [("inquiry", DAY_ONE, None)]
    assert books.rows("SELECT owner_id, rule, sticky FROM v_assignments") == [("005B", "DACH", 0)]


def test_accounts_are_offered_by_domain_and_by_name(books: Books) -> None:
    books.see(
        Account("salesforce", "0011", {"name": "Initech GmbH", "website": "https://www.initech.example/de"}),
        Account("salesforce", "0012", {"name": "INITECH AG"}),
        Account("salesforce", "0013", {"name": "Globex"}),
        Account("salesforce", "0014", {"name": "Initech"}, deleted=True),
        source="account",
    )
    books.see(a_record(fields={"email": "ada@initech.example", "company": "Initech"}))
    (situation,) = books.ledger.situations("salesforce", [books.person()])
    assert [account.id for account in situation.account_candidates] == ["0011", "0012"]


def test_the_directory_knows_people_queues_companies_and_loads(books: Books) -> None:
    user = User("salesforce", "005B", "linus", "linus@acme.example", "Linus", True, teams=("DACH",))
    books.see(user, Queue("salesforce", "00G1", "Parking"), source="user")
    books.see(Account("salesforce", "0011", {"name": "Initech"}), source="account")
    books.see(a_record("00Q1", owner_id="005B"), a_record("00Q2", owner_id="005B", value="SQL"))
    books.ledger.con.execute("INSERT INTO stages VALUES ('inquiry', 'cold', 0, 1)")
    directory = books.ledger.directory("salesforce", OWN, at(0))

    assert directory.users == {"005B": user}
    assert directory.queues["00G1"].name == "Parking"
    assert directory.accounts["0011"].fields["name"] == "Initech"
    assert list(directory.accounts) == ["0011"]
    assert len(directory.accounts) == 1
    assert "0019" not in directory.accounts
    assert directory.open_load == {"005B": 1}
    assert books.ledger.address("salesforce", "005B") == "linus@acme.example"
    assert books.ledger.address("salesforce", "005Z") is None

    # What was counted once is carried on, and agrees with counting again.
    books.see(changed(a_record("00Q1", owner_id="005B"), 10, owner_id="005C"), a_record("00Q3", owner_id="005C"))
    assert books.ledger.directory("salesforce", OWN, at(0)).open_load == {"005C": 2}
    books.see(User("salesforce", "005B", "linus", None, "Linus", False), source="user")
    assert not books.ledger.directory("salesforce", OWN, at(0)).users["005B"].active


def test_assignments_of_the_last_days_and_fair_shares_are_carried_on(books: Books) -> None:
    books.see(a_record())
    for days in (0, 3):
        when = at(0) - timedelta(days=days)
        row = Assignment(books.person(), "00Q1", "r", "p", "normal", False, "005B", "leadsync", when, "x", f"t:{days}")
        books.ledger.commit(PlanRows(assignments=(row,), charges={("p", "normal", "005B"): 1.5 + days}), at(0))
    directory = books.ledger.directory("salesforce", OWN, at(1))
    assert directory.assigned == {"005B": (at(0),)}
    assert directory.virtual_time == {("p", "normal", "005B"): 4.5}


def test_a_mass_move_by_one_person_is_told_as_one_group(books: Books) -> None:
    books.see(*(a_record(f"00Q{n}") for n in range(6)))
    books.see(*(a_move(10 + n, "INQUIRY", "MQL", record_id=f"00Q{n}") for n in range(5)), source="lead_history")
    books.see(a_move(12, "INQUIRY", "MQL", record_id="00Q5", by="005Z"), source="lead_history")

    def groups(record_id: str, law: FunnelLaw) -> list[str]:
        (situation,) = books.ledger.situations("salesforce", [books.person(record_id)], law=law)
        return list(situation.in_bulk.values())

    assert groups("00Q0", a_law(moves=5)) == ["bulk:005A:INQUIRY>MQL:2026-03-01"]
    assert groups("00Q0", a_law(moves=6)) == []
    assert groups("00Q5", a_law(moves=5)) == []


def test_a_burst_of_untouched_births_looks_like_an_import(books: Books) -> None:
    books.see(*(a_record(f"00Q{n}", created_at=at(n)) for n in range(3)), a_record("00Q9", created_at=at(500)))
    people = [books.person(f"00Q{n}") for n in (0, 9)]

    first, last = books.ledger.situations("salesforce", people, law=a_law(imported=3, creations=2))
    assert first.import_burst
    assert list(first.in_bulk.values()) == ["bulk:births:005A:2026-03-01"]
    assert (last.import_burst, last.in_bulk) == (False, {})

    books.see(a_touch("t0", 1, "00Q1", direction="outbound"), source="touch:Task")
    assert books.ledger.situations("salesforce", people, law=a_law(imported=3))[0].import_burst
    books.see(a_touch("t1", 1, "00Q1"), source="touch:Task")
    assert not books.ledger.situations("salesforce", people, law=a_law(imported=3))[0].import_burst


def test_records_whose_own_source_stands_for_a_touch_are_no_import(books: Books) -> None:
    books.see(*(a_record(f"00Q{n}", created_at=at(n), fields={"source": "Web" if n else None}) for n in range(4)))

    def is_import(law: FunnelLaw) -> bool:
        by_form = books.ledger.situations(
            "salesforce",
            [books.person("00Q0")],
            law=law,
            came_by_itself=lambda record: record.fields["source"] == "Web",
        )
        return by_form[0].import_burst

    assert books.ledger.situations("salesforce", [books.person("00Q0")], law=a_law(imported=4))[0].import_burst
    assert not is_import(a_law(imported=2))
    assert is_import(a_law(imported=1))


def test_people_are_found_by_any_id_or_address(books: Books) -> None:
    books.see(a_record("00Q5f000001AbCdEAK"))
    expected = [("salesforce", books.person("00Q5f000001AbCdEAK"))]
    for ref in ("00Q5f000001AbCd", "00Q5f000001AbCdEAK", "00q5f000001abcdeak@initech.example", expected[0][1]):
        assert books.ledger.find(ref) == expected
    assert books.ledger.find("00Q5f000001AbCX") == []


def test_the_history_of_a_person_is_in_order(books: Books) -> None:
    books.see(a_move(10, "INQUIRY", "MQL"), a_record(), a_touch("t1", 5))
    rows = books.ledger.history(books.person())
    assert [(row["what"], row["text"]) for row in rows] == [
        ("stage", "- to inquiry"), ("campaign_response", "inbound webinar attended"), ("stage", "inquiry to mql"),
    ]  # fmt: skip
    assert books.ledger.history("p_salesforce_lead_nobody") == []


def test_marks_are_kept_with_the_page_that_proves_them(books: Books) -> None:
    books.see(a_record("00Q1"), progress="00Q1")
    assert books.ledger.marks("salesforce")["lead"].progress == "00Q1"
    books.see(a_record("00Q2"), mark="m1", minutes=7)
    books.see(a_record("00Q3"))
    mark = books.ledger.marks("salesforce")["lead"]
    assert (mark.mark, mark.progress) == ("m1", None)
    assert books.ledger.mark_times("salesforce") == {"lead": at(7)}
    books.ledger.rewind("salesforce", "lead")
    assert books.ledger.marks("salesforce") == {}


def test_every_record_can_be_compared_with_the_crm(books: Books) -> None:
    books.see(a_record("00Q2"), a_record("00Q1", value=None), a_contact())
    assert list(books.ledger.stage_ids("salesforce", "lead")) == [
        ("00Q1", DAY_ONE, None, "live"), ("00Q2", DAY_ONE, "INQUIRY", "live"),
    ]  # fmt: skip


def a_rulebook(name: str, **stages: int | None) -> Rulebook:
    return Rulebook(
        hash=name,
        company=Company("Acme", "UTC"),
        conditions={},
        law=replace(a_law(), stages={key: Stage(key, key, "cold", rank, routed=True) for key, rank in stages.items()}),
        scoring=None,  # type: ignore[arg-type]
        routing=None,  # type: ignore[arg-type]
        sla=None,  # type: ignore[arg-type]
        calendars=None,  # type: ignore[arg-type]
        mappings={},
    )


def test_another_rulebook_lets_everybody_be_decided_again_in_slices(books: Books) -> None:
    assert books.ledger.adopt_rulebook(a_rulebook("one", inquiry=0), at(0))
    books.see(a_record("00Q1"), a_record("00Q2"))
    books.decided("00Q1", "00Q2")
    assert not books.ledger.adopt_rulebook(a_rulebook("one", inquiry=0), at(1))
    assert books.ledger.undecided("salesforce", 9) == []

    assert books.ledger.adopt_rulebook(a_rulebook("two", inquiry=0, mql=1), at(2))

    assert len(books.ledger.undecided("salesforce", 9)) == 2
    assert books.ledger.due("salesforce", at(9)) == []
    assert books.rows("SELECT stage, rank FROM stages ORDER BY rank") == [("inquiry", 0), ("mql", 1)]
    assert books.rows("SELECT hash FROM rulebooks ORDER BY adopted_at") == [("one",), ("two",)]


def test_cycles_are_numbered_and_counted(books: Books) -> None:
    assert books.ledger.first_looked("salesforce") is None
    number = books.ledger.begin_cycle("salesforce", at(0))
    books.ledger.begin_cycle("salesforce", at(5))
    books.ledger.end_cycle(number, at(1), observed=3, transitions=2, decided=1, api_calls=2)
    assert books.ledger.first_looked("salesforce") == at(0)
    assert books.rows(
        "SELECT observed, transitions, decided, api_calls FROM v_cycles WHERE finished_at IS NOT NULL"
    ) == [(3, 2, 1, 2)]


def test_the_instant_of_going_live_is_kept_once_set(books: Books) -> None:
    assert books.ledger.go_live("salesforce") is None
    books.ledger.set_go_live("salesforce", at(1))
    books.ledger.set_go_live("salesforce", at(9))
    assert books.ledger.go_live("salesforce") == at(1)
    assert a_ref().crm == "salesforce"


def test_the_directory_knows_who_works_which_people_of_an_account(books: Books) -> None:
    books.ledger.con.execute("INSERT INTO stages (stage, role, rank, routed) VALUES ('mql', 'handoff', 4, 1)")
    books.ledger.con.execute("INSERT INTO stages (stage, role, rank, routed) VALUES ('inquiry', 'cold', 1, 0)")
    books.see(
        a_contact("0031", "MQL", account_id="0011", owner_id="005B"),
        a_contact("0032", "INQUIRY", account_id="0011", owner_id="005C"),
    )
    colleagues = books.ledger.directory("salesforce", OWN, at(0)).colleagues
    assert colleagues["0011"] == ((books.person("0031"), "005B"),)
    assert colleagues["0012"] == ()
    assert list(colleagues) == ["0011"]
    assert len(colleagues) == 1


def test_who_shares_an_address_is_looked_at_along_with_whoever_something_happens_to(books: Books) -> None:
    rows = [a_record(f"00Q{n}", fields={"email": "Tina@Twin.example "}) for n in (1, 2, 3)]
    info = [a_record(f"00Q{n}", fields={"email": "info@firm.example"}) for n in (4, 5)]
    books.see(*rows, *info, a_record("00Q6", fields={}))
    books.decided(*(f"00Q{n}" for n in range(1, 7)))
    first, second, third, fourth = (books.person(f"00Q{n}") for n in (1, 2, 3, 4))

    assert books.ledger.twins_of("salesforce", [first], {"info"}) == [second, third]
    assert books.ledger.twins_of("salesforce", [fourth], {"info"}) == []
    assert books.ledger.twins_of("salesforce", [fourth, books.person("00Q6")], ()) == [books.person("00Q5")]
    books.see(Gone(a_ref("00Q1"), at(30)), minutes=31)
    assert books.ledger.twins_of("salesforce", [second], ()) == [third]
    assert books.ledger.twins_of("salesforce", [first], ()) == [second, third]


def test_whoever_gives_an_address_up_wakes_those_who_still_have_it(books: Books) -> None:
    books.see(*(a_record(f"00Q{n}", fields={"email": "tina@twin.example"}) for n in (1, 2)), a_record("00Q3"))
    books.decided("00Q1", "00Q2", "00Q3")
    books.see(changed(a_record("00Q1"), 5, fields={"email": "tina@work.example"}))  # in the midst of a first load
    assert books.ledger.due("salesforce", at(10)) == [books.person("00Q1")]
    books.ledger.situations("salesforce", [books.person("00Q1")])
    books.see(changed(a_record("00Q1"), 6, fields={"email": "tina@twin.example"}))
    books.decided("00Q1")

    books.see(changed(a_record("00Q1"), 10, fields={"email": "tina@home.example"}))

    assert sorted(books.ledger.due("salesforce", at(10))) == [books.person("00Q1"), books.person("00Q2")]


def test_a_record_that_is_gone_was_last_changed_when_it_went(books: Books) -> None:
    books.see(a_record("00Q1"), a_record("00Q2", created_at=at(-60)))
    books.see(Gone(a_ref("00Q2"), at(30), merged_into="00Q1"), minutes=40)

    [situation] = books.ledger.situations("salesforce", [books.person("00Q1")])
    assert [(record.ref.id, record.stamp) for record in situation.records] == [("00Q2", at(30)), ("00Q1", at(0))]
