"""The velocity report: how long people stay, with open stays censored and other ends competing."""

from collections.abc import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ledger_facts import a_record
from report_facts import Funnel, cells, day

from leadsync.domain.records import Gone, Ref
from leadsync.reports.answer import Cell
from leadsync.reports.people import Filters
from leadsync.reports.period import parse_period
from leadsync.reports.velocity import velocity

ENDS = ("next", "recycled", "disqualified", "open", "gone")


def stage(told: Funnel, name: str, on: float = 300, filters: Filters | None = None) -> dict[str, Cell]:
    return cells(velocity(told.ledger.con, told.rulebook, day(on), filters or Filters()).table("stages"), name)


def test_time_in_mql_runs_through_a_conversion(told: Funnel) -> None:
    told.see(a_record("0031", "SQL", object="contact", created_at=day(20)), source="contact")
    told.person(
        ("inquiry", 0), ("mql", 10), state="converted", converted_to="0031", converted_on=day(20).date().isoformat(), stamp=day(20)
    )  # fmt: skip
    mql = stage(told, "mql")
    assert (mql["entered"], mql["next"], mql["median_days"]) == (1, 1, 10.0)
    assert stage(told, "sql")["open"] == 1


def test_a_jump_over_mql_is_no_time_in_mql_but_an_end_of_inquiry(told: Funnel) -> None:
    told.person(("inquiry", 0), ("sal", 6))
    told.person(("inquiry", 0), ("mql", 2), ("sal", 12))
    mql, inquiry = stage(told, "mql"), stage(told, "inquiry")
    assert (mql["entered"], mql["median_days"]) == (1, 10.0)
    assert (inquiry["entered"], inquiry["next"], inquiry["median_days"]) == (2, 2, 4.0)


def test_open_stays_are_censored_and_other_ends_compete(told: Funnel) -> None:
    told.person(("mql", 0), ("sal", 2))
    told.person(("mql", 0), ("remarket", 4))
    told.person(("mql", 0), ("disqualified", 6))
    told.person(("mql", 295))
    mql = stage(told, "mql", on=300)
    assert [mql[end] for end in ENDS] == [1, 1, 1, 1, 0]
    assert mql["open_days"] == 5.0
    # At day 2 one of four goes on; who left at 4 for another end never will.
    assert (mql["within_7d"], mql["within_30d"]) == (25.0, 25.0)


def test_nobody_says_what_happens_within_90_days_before_90_days_have_passed(told: Funnel) -> None:
    told.person(("mql", 0), ("sal", 2))
    told.person(("mql", 0))
    mql = stage(told, "mql", on=40)
    assert (mql["within_30d"], mql["within_90d"]) == (50.0, None)


def test_a_deleted_lead_is_no_longer_watched(told: Funnel) -> None:
    key = told.person(("mql", 0))
    told.see(Gone(Ref("salesforce", "lead", key), day(9)), on=401)
    mql = stage(told, "mql")
    assert (mql["gone"], mql["open"], mql["median_days"]) == (1, 0, None)


def test_a_stay_of_unknown_start_lasts_at_least_so_long_and_moves_no_median(told: Funnel) -> None:
    told.see(
        a_record("0031", "MQL", object="contact", created_at=day(-90), modified_at=day(-60)), source="contact", on=-10, history=()
    )  # fmt: skip
    told.person(("mql", 0), ("sal", 2))
    mql = stage(told, "mql", on=20)
    assert (mql["entered"], mql["unknown_start"], mql["at_least_days"], mql["median_days"]) == (1, 1, 30.0, 2.0)


def test_without_field_history_a_stay_that_began_while_leadsync_looked_has_a_date(told: Funnel) -> None:
    first = a_record("0031", "Inquiry", object="contact", created_at=day(1))
    told.see(first, source="contact", on=2, history=())
    told.see(
        a_record("0031", "MQL", object="contact", created_at=day(1), modified_at=day(5)), source="contact", on=6, history=()
    )  # fmt: skip
    told.see(
        a_record("0031", "SAL", object="contact", created_at=day(1), modified_at=day(8)), source="contact", on=9, history=()
    )  # fmt: skip
    mql = stage(told, "mql")
    assert (mql["entered"], mql["unknown_start"], mql["median_days"]) == (1, 0, 3.0)


def test_whoever_is_handed_back_within_a_pass_is_timed_until_they_go_on_again(told: Funnel) -> None:
    told.person(("sal", 0), ("mql", 5), ("sal", 8))
    assert stage(told, "mql")["median_days"] == 3.0


def test_each_pass_is_timed_for_itself(told: Funnel) -> None:
    told.person(("mql", 0), ("remarket", 4), ("mql", 100), ("sal", 101))
    mql = stage(told, "mql")
    assert (mql["entered"], mql["recycled"], mql["next"], mql["median_days"]) == (2, 1, 1, 1.0)


def test_the_period_is_that_of_the_entry(told: Funnel) -> None:
    told.person(("mql", 0), ("sal", 40))
    told.person(("mql", 35), ("sal", 36))
    january = Filters(parse_period("2026-01", "Europe/Berlin", day(300)))
    mql = stage(told, "mql", filters=january)
    assert (mql["entered"], mql["median_days"]) == (1, 40.0)


def test_the_slowest_source_comes_first(told: Funnel) -> None:
    for source, days in (("Web", 3), ("Event", 9), ("Event", 7), ("List", 200)):
        path = (("mql", 0), ("sal", days)) if source != "List" else (("mql", 0),)
        told.person(*path, fields={"source": source})
    found = velocity(told.ledger.con, told.rulebook, day(100)).table("sources")
    assert [(row[1], row[5]) for row in found.rows if row[0] == "mql"] == [("Event", 8.0), ("Web", 3.0), ("List", None)]


STAGES = st.sampled_from(["inquiry", "maql", "mql", "sal", "sql", "remarket", "disqualified", "raw", "Odd"])
PATH = st.lists(STAGES, min_size=1, max_size=6).map(
    lambda path: [one for n, one in enumerate(path) if n == 0 or path[n - 1] != one]
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(paths=st.lists(PATH, min_size=1, max_size=6))
def test_every_stay_has_exactly_one_end(funnels: Callable[[], Funnel], paths: list[list[str]]) -> None:
    told = funnels()
    for path in paths:
        told.person(*((one, n * 3) for n, one in enumerate(path)))
    found = velocity(told.ledger.con, told.rulebook, day(100))
    for row in found.table("stages").rows:
        named = dict(zip(found.table("stages").columns, row, strict=True))
        assert sum(int(str(named[end])) for end in ENDS) == named["entered"]
        by_source = [one[2] for one in found.table("sources").rows if one[0] == row[0]]
        assert sum(int(str(count)) for count in by_source) == named["entered"]
        mine = sum(path.count(str(row[0])) > 0 for path in paths)
        assert int(str(named["entered"])) >= mine
