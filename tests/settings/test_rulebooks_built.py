"""What the shipped rule files mean once they are a Rulebook."""

from datetime import UTC, date, datetime, time
from typing import Any

import pytest
from refusing import FUNNEL, ROUTING

from leadsync.domain.calendars import Shift, calendar_for
from leadsync.domain.conditions import All, AnyOf, Condition, Named, Not
from leadsync.domain.conditions import Test as Ask
from leadsync.domain.durations import Duration
from leadsync.domain.records import User
from leadsync.domain.routing import Absence, Caps, ToPool, ToQueue, ToRelated, ToUser
from leadsync.domain.rulebook import Rulebook

Installation = Any  # conftest.py's; test folders are no packages, so nothing can be imported from there


@pytest.fixture
def rulebook(installation: Installation) -> Rulebook:
    loaded: Rulebook = installation.load().rulebook
    return loaded


def condition(installation: Installation, written: str) -> Condition:
    """Return a condition as the loader builds it."""
    installation.edit((FUNNEL, "conditions:  ", f"conditions:\n  asked: {written}\n  #"))
    named = installation.load().rulebook.conditions["asked"]
    assert isinstance(named, Named)
    return named.condition


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("{country: Österreich }", Ask("country", "equals", ("osterreich", "at"))),
        ("{country: [DE, NO]}", Ask("country", "equals", ("de", "no"))),
        ("{employees: 72}", Ask("employees", "equals", 72)),
        (
            "{employees: {at_least: 200, less_than: 1000}}",
            All((Ask("employees", "at_least", 200), Ask("employees", "less_than", 1000))),
        ),
        ("{postal_code: {at_least: '01000'}}", Ask("postal_code", "at_least", "01000")),
        ("in_open_deal", Ask("in_open_deal", "yes")),
        ("phone", Ask("phone", "yes")),
        ("{twin: true}", Ask("twin", "yes")),
        ("{twin: false}", Not(Ask("twin", "yes"))),
        ("{phone: {filled: false}}", Ask("phone", "filled", operand=False)),
        ("{any: [phone, {not: mobile}]}", AnyOf((Ask("phone", "yes"), Not(Ask("mobile", "yes"))))),
        ("{all: [phone, mobile]}", All((Ask("phone", "yes"), Ask("mobile", "yes")))),
        ("{title: {contains: [CEO, Chef]}}", Ask("title", "contains", ("ceo", "chef"))),
        ("{title: {starts_with: Dr}}", Ask("title", "starts_with", "dr")),
        (
            "{account.domain: {in_list: target_accounts}}",
            Ask("account.domain", "in_list", ("hooli.example", "initech.example", "umbrella.example")),
        ),
        ("{last_inbound_at: {within: 90d}}", Ask("last_inbound_at", "within", Duration(90, "days"))),
        ("{created_at: {at_least: 2026-01-01}}", Ask("created_at", "at_least", "2026-01-01")),
        ("{created_at: {more_than: 90d}}", Ask("created_at", "more_than", Duration(90, "days"))),
        (
            "{in_stage_for: {at_least: 3 business days}}",
            Ask("in_stage_for", "at_least", Duration(3, "business_days")),
        ),
        ("{stage: [maql, mql]}", Ask("stage", "equals", ("maql", "mql"))),
    ],
)
def test_a_condition_means_what_the_readme_says(installation: Installation, written: str, meant: Condition) -> None:
    assert condition(installation, written) == meant


def test_a_named_condition_keeps_its_name(installation: Installation) -> None:
    built = condition(installation, "{icp: false, target_account: true}")
    assert isinstance(built, All)
    assert isinstance(built.parts[0], Not)
    assert [part.name for part in (built.parts[0].part, built.parts[1]) if isinstance(part, Named)] == [
        "icp",
        "target_account",
    ]


def test_ranks_count_funnel_stages_only(rulebook: Rulebook) -> None:
    ranks = {name: stage.rank for name, stage in rulebook.law.stages.items()}
    assert ranks == {
        "none": None,
        "raw": 0,
        "inquiry": 1,
        "maql": 2,
        "lal": 3,
        "mql": 4,
        "sal": 5,
        "sql": 6,
        "remarket": None,
        "disqualified": None,
    }


def test_the_law_knows_its_edges_and_what_becomes_of_other_moves(rulebook: Rulebook) -> None:
    law = rulebook.law
    anyone = next(edge for edge in law.edges if edge.tos == {"disqualified"})
    assert anyone.by == frozenset()
    assert anyone.needs == Ask("reason", "yes")
    assert [line.then for line in law.illegal] == ["revert", "redirect", "flag"]
    assert (law.illegal[0].once_in, law.illegal[1].stage) == (Duration(86400, "elapsed"), "remarket")
    assert law.reasons["bad_data"].cool_down == Duration(0, "days")
    assert law.reasons["not_a_fit"].cool_down == Duration(90, "days")
    assert law.reasons["worn_out"].revive == Duration(365, "days")
    assert isinstance(law.excluded, Named)
    assert law.import_evidence.list_sources == {"purchased list", "list import", "other list"}


def test_moves_without_a_line_of_their_own_are_flagged(installation: Installation) -> None:
    installation.edit((FUNNEL, "  - {then: flag}  ", "  #"))
    assert installation.load().rulebook.law.illegal[-1].then == "flag"


def test_points_are_hundredths_and_impossible_cells_are_left_out(rulebook: Rulebook) -> None:
    scoring = rulebook.scoring
    assert scoring.matrix["low", "web", "contact_me"] == 4000
    assert ("low", "web", "opened") not in scoring.matrix
    assert scoring.bands == ((0, "cold"), (50, "warm"), (100, "qualified"), (150, "hot"))
    assert scoring.caps == {
        "demographic": 5000,
        "firmographic": 6000,
        "account": 2000,
        "behavioural": 12000,
        "negative": -6000,
    }
    assert scoring.default_decay.days == 30
    assert scoring.decay_by_channel["referral"].steps == ((60.0, 0.5), (180.0, 0.0))
    assert scoring.families["account"][0].field == "account.rating"
    assert "geschäftsführ*" in scoring.titles.seniority["c_level"]


def test_values_are_translated_to_stages_and_back(rulebook: Rulebook) -> None:
    mapping = rulebook.mappings["salesforce"]
    assert mapping.stage_of_value["Marketing Qualified"] == "mql"
    assert mapping.value_of_stage["mql"] == "MQL"
    assert mapping.old_values == {"New": "inquiry", "Hot": "mql"}
    assert mapping.converted == {"Closed - Converted": None, "Converted - SQL": "sql"}
    lead, contact = mapping.objects["lead"], mapping.objects["contact"]
    assert (lead.responsible, contact.responsible) == ("owner", "assignee")
    assert {
        name: field.type for name, field in lead.fields.items() if name.startswith(("mql", "last_mql", "assi"))
    } == {
        "mql_count": "number",
        "last_mql_at": "datetime",
        "assignee": "user",
    }
    response = mapping.touches[0]
    assert response.investment is not None
    assert response.investment.bands == ((0, "low"), (5000, "medium"), (50000, "high"))
    call = mapping.touches[1]
    assert call.channel is not None
    assert call.channel.literal == "phone"
    assert mapping.account["rating"].values == {"Hot": 100, "Warm": 50, "Cold": 10}


def test_a_pair_of_state_and_reason_is_one_value(installation: Installation) -> None:
    dynamics = "  dynamics: {kind: dynamics, url: https://acme.crm4.dynamics.com, tenant: acme.example}\nschedule:"
    installation.edit(
        ("config/leadsync.yaml", "schedule:", dynamics),
        ("mappings/dynamics.yaml", "  mql: MQL", "  mql: {write: [Open, MQL], read: [4]}"),
    )
    mapping = installation.load().rulebook.mappings["dynamics"]
    assert mapping.value_of_stage["mql"] == "Open/MQL"
    assert mapping.stage_of_value["4"] == "mql"
    assert mapping.objects["lead"].observed == frozenset()


def test_where_the_status_reason_is_the_stage_leads_are_neither_qualified_nor_closed(
    installation: Installation,
) -> None:
    dynamics = "  dynamics: {kind: dynamics, url: https://acme.crm4.dynamics.com, tenant: acme.example}\nschedule:"
    installation.edit(
        ("config/leadsync.yaml", "schedule:", dynamics),
        ("mappings/dynamics.yaml", "stage: {field: leadsync_leadstatus, write: true}", "stage: {field: statuscode, write: true}"),
        ("mappings/dynamics.yaml", "  mql: MQL", "  mql: {write: [Open, MQL]}"),
        ("mappings/dynamics.yaml", "  sql: SQL", "  sql: {write: [Qualified, SQL]}"),
        ("mappings/dynamics.yaml", "  disqualified: Disqualified", "  disqualified: {write: [\"2\", Lost]}"),
    )  # fmt: skip
    objects = installation.load().rulebook.mappings["dynamics"].objects
    assert objects["lead"].observed == {"sql", "disqualified"}
    assert objects["contact"].observed == frozenset()


def test_members_have_the_pools_caps_unless_their_own(rulebook: Rulebook) -> None:
    pool = rulebook.routing.pools["dach_sales"]
    assert [member.caps for member in pool.members] == [Caps(None, 10, 60), Caps(None, 10, 30), Caps(None, 10, 60)]
    assert rulebook.routing.pools["development"].members[2].absences == (Absence("2026-12-21", "2027-01-02"),)
    assert rulebook.routing.pools["emea_sales"].notice_through == ("email",)


def test_a_rule_assigns_to_a_pool_a_queue_a_user_or_somebody_related(rulebook: Rulebook) -> None:
    targets = {rule.name: rule.assign for rule in rulebook.routing.rules["sales"]}
    assert targets["DACH"] == ToPool("dach_sales")
    assert targets["everyone else"] == ToQueue("Unassigned Leads")
    assert targets["fleet interest elsewhere"] == ToUser("ines@acme.example")
    assert targets["former rep"] == ToRelated("former_owner", Duration(180, "days"))
    assert "gmail.com" in rulebook.routing.account_match.free_mail
    assert "mail.example" in rulebook.routing.account_match.free_mail


def test_lists_and_absences_come_from_files_too(installation: Installation) -> None:
    installation.write("mappings/lists/t.csv", "﻿name,domain\r\nInitech,Initech.example \r\nNone,\r\n")
    installation.write("mappings/lists/away.csv", "user,from,to\nAda@acme.example,2027-01-01,2027-01-05\n")
    installation.edit(
        (ROUTING, "[initech.example, hooli.example, umbrella.example]", "{file: lists/t.csv, column: domain}"),
        (ROUTING, "# more absences", "absences: {file: lists/away.csv}\n# more absences"),
    )
    routing = installation.load().rulebook.routing
    assert routing.lists["target_accounts"] == {"initech.example"}
    assert routing.pools["development"].members[0].absences == (Absence("2027-01-01", "2027-01-05"),)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"user,to\n", 'mappings/lists/away.csv:1:1: the file has no column "from"\n  known: user, to'),
        (
            b"user,from,to\na,2027-01-02,soon\n",
            "mappings/lists/away.csv:2:1: from and to must be days such as 2026-12-24",
        ),
        (
            b"user,from,to\n\na,2027-01-02,2027-01-01\n",
            "mappings/lists/away.csv:3:1: the absence ends before it begins",
        ),
        (b"user,from,to\n,2027-01-02,2027-01-03\n", "mappings/lists/away.csv:2:1: the user is missing"),
        (b"user,from,to\n\xff,\n", "mappings/lists/away.csv:1:1: the file is not UTF-8 text\n  fix: save it as UTF-8"),
        (
            b'user,from,to\n"a"b,2027-01-02,2027-01-01\n',
            "mappings/lists/away.csv:2:1: this is not CSV: ',' expected after '\"'",
        ),
        (b"user,from,to\na\n", "mappings/lists/away.csv:2:1: from and to must be days such as 2026-12-24"),
    ],
)
def test_a_file_of_absences_is_checked_line_by_line(installation: Installation, content: bytes, problem: str) -> None:
    installation.write("mappings/lists/away.csv", content)
    error = installation.refused([(ROUTING, "# more absences", "absences: {file: lists/away.csv}\n# more absences")])
    assert error.problems == (problem,)


def test_clocks_have_ladders_and_leaving_alone_stops_a_review(rulebook: Rulebook) -> None:
    sla = rulebook.sla
    assert sla.clocks["maql_review"].met_when is None
    assert sla.clocks["maql_review"].calendar == "pool"
    assert sla.clocks["sal_worked"].target == Duration(3, "business_days")
    assert [rung.at for rung in sla.clocks["sal_worked"].ladder] == [Duration(2, "business_days"), 1.0, 1.5, 2.0]
    assert sla.instead == ("queue_lead", "next_manager", "pool_lead", "ops")
    assert (sla.quiet_from, sla.quiet_to, sla.managers_daily) == ("20:00", "07:00", "08:30")
    segments = sla.goals["segments"]
    assert isinstance(segments, tuple)
    assert segments[0]["when"] == Ask("employees", "at_least", 1000)
    assert segments[1]["rates"] == {"mql": 0.64, "sal": 0.5, "sql": 0.25}


def test_a_chain_of_people_always_ends_in_a_channel(installation: Installation) -> None:
    installation.edit(
        ("mappings/sla.yaml", "instead: [queue_lead, next_manager, pool_lead, ops]", "instead: [pool_lead]")
    )
    assert installation.load().rulebook.sla.instead == ("pool_lead", "ops")


def test_working_time_knows_holidays_own_days_and_the_owner(rulebook: Rulebook) -> None:
    office = calendar_for(rulebook.calendars, "emea_office", None, "UTC")
    assert office.zone == "Europe/Berlin"
    assert office.days[4] == (Shift(time(8, 30), time(14, 30)),)
    assert office.special[date(2027, 3, 8)] == ()  # International Women's Day, a holiday in Berlin alone
    assert office.special[date(2026, 12, 31)] == (Shift(time(9), time(12)),)

    def owner(country: str | None) -> User:
        return User("salesforce", "005", "a", None, "A", active=True, zone="America/New_York", country=country)

    for country, closed in (("US", True), ("United States", True), ("DE", False), ("Atlantis", False), (None, False)):
        hours = calendar_for(rulebook.calendars, "owner_hours", owner(country), "UTC")
        assert hours.zone == "America/New_York"
        assert (date(2027, 7, 5) in hours.special) is closed, country  # the fourth is a Sunday


def test_a_calendar_without_holidays_is_complete_and_a_shift_may_end_at_midnight(installation: Installation) -> None:
    installation.edit(
        (
            "mappings/calendars.yaml",
            "    hours: {mon-fri: [09:00-17:00]}\n    holidays: {country: US}",
            "    hours: {mon: [16:00-24:00]}",
        )
    )
    calendars = installation.load().rulebook.calendars
    assert calendars.calendars["new_york"].days == {0: (Shift(time(16), time(0)),)}


def test_an_older_instant_than_any_holiday_is_no_error(rulebook: Rulebook) -> None:
    assert (
        datetime(1980, 1, 1, tzinfo=UTC).date()
        not in calendar_for(rulebook.calendars, "emea_office", None, "UTC").special
    )
