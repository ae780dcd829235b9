"""The funnel report: everybody stands in one line, and whoever reached a stage is counted once."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ledger_facts import a_record
from report_facts import Funnel, cells, conversion, day

from leadsync.domain.records import Gone, Ref
from leadsync.domain.rulebook import Rulebook
from leadsync.domain.transitions import Judgement
from leadsync.errors import ConfigError
from leadsync.ledger import PlanRows
from leadsync.reports.answer import Report
from leadsync.reports.funnel import Count, funnel
from leadsync.reports.people import EVERYTHING, Filters
from leadsync.reports.period import parse_period


def report(told: Funnel, on: float = 300, filters: Filters = EVERYTHING, count: Count = "passes") -> Report:
    return funnel(told.ledger.con, told.rulebook, day(on), filters, count)


def line(found: Report, name: str) -> tuple[object, object, object]:
    row = cells(found.table("snapshot"), name)
    return row["leads"], row["contacts"], row["records"]


def test_ten_thousand_leads_with_130_outside_add_up(told: Funnel) -> None:
    allowed = ["Raw", "Inquiry", "MAQL", "LAL", "MQL", "SAL", "SQL", "Re-Market"]
    deprecated = ["Open - Not Contacted"] * 70 + ["Working - Contacted"] * 40 + ["Closed - Not Converted"] * 16
    values: list[str | None] = [*deprecated, *[None] * 4]
    values += [allowed[n % 8] for n in range(10_000 - len(values))]
    told.see(*(a_record(told.new_id(), value, created_at=day(0)) for value in values))

    found = report(told)
    assert line(found, "outside") == (130, 0, 130)
    assert line(found, "total") == (10_000, 0, 10_000)
    assert sum(int(str(row[-1])) for row in found.table("snapshot").rows[:-1]) == 10_000
    outside = {row[2]: row[-1] for row in found.table("outside").rows}
    assert outside == {"Open - Not Contacted": 70, "Working - Contacted": 40, "Closed - Not Converted": 16, None: 4}


def test_a_hundred_inquiries_with_twelve_jumps_and_three_loops(told: Funnel) -> None:
    for _ in range(12):
        told.person(("inquiry", 0), ("sal", 5))
    for _ in range(3):
        told.person(("inquiry", 0), ("mql", 4), ("remarket", 10), ("mql", 80))
    for _ in range(85):
        told.person(("inquiry", 0))

    found = report(told)
    mql = cells(found.table("volume"), "mql")
    assert (mql["events"], mql["passes"], mql["persons"]) == (6, 18, 15)
    assert cells(found.table("volume"), "inquiry")["persons"] == 100
    as_persons = conversion(report(told, count="persons"), "inquiry", "mql")
    assert (as_persons["entered"], as_persons["reached"], as_persons["percent"]) == (100, 15, 15.0)
    assert (as_persons["strict_entered"], as_persons["strict_reached"]) == (100, 3)
    as_passes = conversion(found, "inquiry", "mql")
    assert (as_passes["entered"], as_passes["reached"]) == (103, 18)
    as_events = conversion(report(told, count="events"), "mql", "sal")
    assert (as_events["entered"], as_events["reached"]) == (6, 0)


def test_forty_conversions_without_an_opportunity_make_no_sql(told: Funnel) -> None:
    fate = {**dict.fromkeys(range(4), "Re-Market"), **dict.fromkeys((4, 5), "MQL")}
    for number in range(40):
        contact = told.new_id("contact")
        if number in fate:
            told.see(a_record(contact, fate[number], object="contact", created_at=day(-50)), source="contact")
        else:
            told.see(a_record(contact, "Inquiry", object="contact", created_at=day(20)), source="contact")
        told.person(
            ("inquiry", 0), state="converted", converted_to=contact, converted_on=day(20).date().isoformat(), stamp=day(20)
        )  # fmt: skip

    found = report(told)
    assert line(found, "inquiry") == (0, 34, 34)
    assert (line(found, "remarket")[1], line(found, "mql")[1], line(found, "sql")[2]) == (4, 2, 0)
    assert line(found, "total") == (0, 40, 40)
    assert cells(found.table("volume"), "sql")["persons"] == 0
    assert "not live, and in no line: converted 40" in found.notes


def test_a_blank_contact_stands_in_a_line_of_its_own_and_a_blank_lead_outside(told: Funnel) -> None:
    told.see(a_record("0031", None, object="contact"), source="contact")
    told.see(a_record("00Q1", None))
    found = report(told)
    assert line(found, "none") == (0, 1, 1)
    assert line(found, "outside") == (1, 0, 1)


def test_whoever_the_rules_exclude_is_counted_in_no_stage_but_named(told: Funnel) -> None:
    told.person(("inquiry", 0), ("mql", 3), fields={"email": "jo@acme.example"})
    told.person(("inquiry", 0), ("mql", 3))
    found = report(told)
    assert line(found, "mql") == (1, 0, 1)
    assert line(found, "excluded") == (1, 0, 1)
    assert line(found, "total") == (2, 0, 2)
    assert cells(found.table("volume"), "mql")["events"] == 1


def test_a_value_forced_at_conversion_on_a_live_lead_is_no_fault_but_has_its_line(told: Funnel) -> None:
    told.see(a_record("00Q1", "Closed - Converted"))
    found = report(told)
    assert line(found, "converted") == (1, 0, 1)
    assert line(found, "outside") == (0, 0, 0)


@pytest.mark.parametrize(("reached_on", "counts"), [(180, 1), (180.01, 0)])
def test_a_conversion_counts_for_180_days(told: Funnel, reached_on: float, counts: int) -> None:
    told.person(("inquiry", 0), ("mql", reached_on))
    row = conversion(report(told), "inquiry", "mql")
    assert (row["entered"], row["reached"], row["immature"]) == (1, counts, 0)


def test_what_may_still_convert_is_immature_until_its_time_is_up_or_its_pass_ends(told: Funnel) -> None:
    told.person(("inquiry", 0))
    told.person(("inquiry", 0), ("disqualified", 20))
    assert conversion(report(told, on=179), "inquiry", "mql")["immature"] == 1
    assert conversion(report(told, on=180), "inquiry", "mql")["immature"] == 0


def test_an_unknown_value_in_between_begins_no_new_pass(told: Funnel) -> None:
    told.person(("inquiry", 0), ("mql", 3), ("Hmm", 4), ("mql", 5))
    row = cells(report(told).table("volume"), "mql")
    assert (row["events"], row["passes"]) == (1, 1)


def test_a_correction_is_no_event(told: Funnel) -> None:
    key = told.person(("inquiry", 0), ("mql", 3), ("inquiry", 3.005))
    seq = told.ledger.con.execute("SELECT max(seq) FROM v_transitions WHERE record_id = ?", (key,)).fetchone()[0]
    told.ledger.commit(PlanRows(judgements=(Judgement(seq, "legal", (), correction=True, why="a slip"),)), day(4))
    assert cells(report(told).table("volume"), "mql")["events"] == 0
    assert cells(report(told).table("volume"), "inquiry")["events"] == 1


def test_a_conversion_splits_no_pass(told: Funnel) -> None:
    told.see(a_record("0031", "SQL", object="contact", created_at=day(20)), source="contact")
    told.person(
        ("inquiry", 0), ("mql", 10), state="converted", converted_to="0031", converted_on=day(20).date().isoformat(), stamp=day(20)
    )  # fmt: skip
    row = conversion(report(told), "inquiry", "sql")
    assert (row["entered"], row["reached"]) == (1, 1)
    assert cells(report(told).table("volume"), "mql")["events"] == 1


def test_entries_of_unknown_date_are_named_and_are_in_no_period(told: Funnel) -> None:
    # A contact that was there before, without field history: it may be an MQL since any day.
    told.see(
        a_record("0031", "MQL", object="contact", created_at=day(-90), modified_at=day(-3)), source="contact", on=2, history=()
    )  # fmt: skip
    row = cells(report(told).table("volume"), "mql")
    assert (row["events"], row["passes"], row["undated"]) == (0, 0, 1)
    assert line(report(told), "mql") == (0, 1, 1)


def test_periods_are_cut_in_the_companys_zone(told: Funnel) -> None:
    told.person(("inquiry", 0), fields={"source": "Web"})
    at = datetime(2026, 3, 31, 22, 30, tzinfo=UTC)  # half past midnight in Berlin
    told.see(a_record("00QB", "Inquiry", created_at=at, modified_at=at))
    april = Filters(parse_period("2026-04", told.rulebook.company.zone, day(300)))
    assert cells(report(told, filters=april).table("volume"), "inquiry")["events"] == 1


def test_a_source_is_that_of_the_persons_first_record(told: Funnel) -> None:
    told.person(("inquiry", 0), ("mql", 2), fields={"source": "Webinar"})
    told.person(("inquiry", 0), fields={"source": "Web"})
    told.see(a_record("00Q9", "Inquiry", created_at=day(0), fields={}))
    found = report(told, filters=Filters(source="webinar"))
    assert line(found, "total") == (1, 0, 1)
    assert cells(found.table("volume"), "inquiry")["events"] == 1
    assert "2 persons are left out by the filters" in found.notes
    assert line(report(told, filters=Filters(source="")), "total") == (1, 0, 1)


def test_segments_are_those_of_the_goals_and_together_the_whole(told: Funnel) -> None:
    told.person(("inquiry", 0), fields={"employees": 5000})
    told.person(("inquiry", 0), fields={"employees": 5})
    told.person(("inquiry", 0))
    parts = [line(report(told, filters=Filters(segment=name)), "total")[2] for name in ("Enterprise", "Everyone else")]
    assert parts == [1, 2]
    with pytest.raises(ConfigError, match=r"no segment 'Nobody'.*Enterprise, Everyone else"):
        report(told, filters=Filters(segment="Nobody"))


def test_what_was_deleted_stays_in_the_volumes_and_leaves_the_snapshot(told: Funnel) -> None:
    key = told.person(("inquiry", 0), ("mql", 3))
    told.see(Gone(Ref("salesforce", "lead", key), day(9)), on=401)
    found = report(told)
    assert line(found, "total") == (0, 0, 0)
    assert cells(found.table("volume"), "mql")["events"] == 1


def test_the_definition_is_the_same_whatever_the_period_and_another_for_other_stages(told: Funnel) -> None:
    period = Filters(parse_period("2026", "Europe/Berlin", day(300)))
    assert report(told).definition_hash == report(told, filters=period).definition_hash
    stages = {name: stage for name, stage in told.rulebook.law.stages.items() if name != "lal"}
    other = replace(told.rulebook, law=replace(told.rulebook.law, stages=stages))
    assert funnel(told.ledger.con, other, day(1)).definition_hash != report(told).definition_hash


ANY_VALUE = st.sampled_from(
    [
        None,
        "",
        "Inquiry",
        "MQL",
        "SQL",
        "Re-Market",
        "Left Vmail",
        "Closed - Converted",
        "Hot",
        "Working - Contacted",
        "???",
    ]
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.tuples(st.booleans(), ANY_VALUE, st.booleans(), st.sampled_from(["live", "live", "out_of_scope", "converted"]), st.sampled_from(["Web", "Webinar"]))),
    source=st.sampled_from([None, "Web", "Webinar"]),
)  # fmt: skip
def test_every_live_record_stands_in_exactly_one_line(
    funnels: Callable[[], Funnel], rulebook: Rulebook, rows: list[tuple[bool, str | None, bool, str, str]], source: str | None
) -> None:  # fmt: skip
    told = funnels()
    for contact, value, ours, state, lead_source in rows:
        name = "contact" if contact else "lead"
        domain = "acme.example" if ours else "initech.example"
        fields = {"email": f"x@{domain}", "source": lead_source}
        told.see(a_record(told.new_id(name), value, object=name, state=state, fields=fields), source=name)
    found = report(told, filters=Filters(source=source)).table("snapshot")
    live = [row for row in rows if row[3] == "live" and source in (None, row[4])]
    for column in ("leads", "contacts", "records"):
        *parts, total = (int(str(cell)) for cell in found.column(column))
        assert sum(parts) == total
    assert found.column("records")[-1] == len(live)
    assert found.column("leads")[-1] == sum(1 for row in live if not row[0])
    outside = {"Left Vmail", "Hot", "Working - Contacted", "???"}
    expected = sum(1 for row in live if row[1] in outside or (not row[1] and not row[0]))
    assert cells(found, "outside")["records"] == expected


STAGES = st.sampled_from(["raw", "inquiry", "maql", "lal", "mql", "sal", "sql", "remarket", "disqualified", "Odd"])
PATH = st.lists(STAGES, min_size=1, max_size=7).map(
    lambda path: [one for n, one in enumerate(path) if n == 0 or path[n - 1] != one]
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(paths=st.lists(PATH, min_size=1, max_size=6), gap=st.integers(1, 60))
def test_nobody_converts_who_never_entered_and_a_later_stage_is_never_reached_by_more(
    funnels: Callable[[], Funnel], paths: list[list[str]], gap: int
) -> None:
    told = funnels()
    for path in paths:
        told.person(*((stage, n * gap) for n, stage in enumerate(path)))
    for count in ("passes", "persons", "events"):
        found = report(told, on=800, count=count)
        rows = [
            dict(zip(found.table("conversion").columns, row, strict=True)) for row in found.table("conversion").rows
        ]
        for row in rows:
            assert 0 <= row["reached"] + row["immature"] <= row["entered"]  # type: ignore[operator]
            assert row["strict_reached"] <= row["strict_entered"]  # type: ignore[operator]
        if count == "passes":
            for start in {row["from"] for row in rows}:
                reached = [row["reached"] for row in rows if row["from"] == start]
                assert reached == sorted(reached, reverse=True)  # type: ignore[type-var]
    volume = report(told, on=800).table("volume")
    for events, passes, persons in zip(*(volume.column(name) for name in ("events", "passes", "persons")), strict=True):
        assert persons <= passes
        assert persons <= len(paths)
        assert events >= 0
