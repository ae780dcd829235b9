"""Scenario 5: account-based marketing converts leads early; a conversion alone makes nobody sales-qualified."""

from collections import Counter
from typing import Any

import pytest
from office import Converted, Office


def sql_count(office: Office) -> int:
    """Return how many ever came into the stage that sales qualifies."""
    [row] = [row for row in office.report("funnel", "--count", "events")["volume"] if row["stage"] == "sql"]
    assert row["events"] == len(office.view("v_transitions", to_stage="sql"))
    return int(row["events"])


@pytest.mark.parametrize(
    ("fresh", "remarket", "mql", "history"),
    [(34, 4, 2, True), (34, 4, 2, False), (5, 1, 3, None)],
    ids=["the numbers of the text", "the numbers of the text without history", "others, history of leads alone"],
)
def test_leads_converted_without_an_opportunity_keep_their_stage_and_known_contacts_theirs(
    make_office: Any, fresh: int, remarket: int, mql: int, history: bool | None
) -> None:
    office: Office = make_office(history=history)
    accounts = [
        office.account(f"Known {n}", domain=f"known{n}.example", owner="nora", Type="Customer", Industry="Technology")
        for n in range(5)
    ]
    known = [
        *office.load(
            "contact", [{"stage": "remarket", "account": accounts[n % 5], "assignee": "rep"} for n in range(remarket)]
        ),
        *office.load("contact", [{"stage": "mql", "account": accounts[n % 5], "assignee": "rep"} for n in range(mql)]),
    ]
    sqls = office.contacts(3, stage="sql")
    leads = office.load(
        "lead",
        [
            {
                "stage": "inquiry",
                "owner": "ldr",
                "email": f"someone{n}@known{n % 5}.example",
                "company": f"Known {n % 5}",
            }
            for n in range(fresh + remarket + mql)
        ],
    )
    office.advance(days=2)
    office.respond(*leads, response="registered")
    office.sync()
    office.advance(days=8)
    before = {key: office.stage(key) for key in known}
    sql = sql_count(office)
    assert sql == len(sqls)

    made: list[Converted] = []
    for n, lead in enumerate(leads):
        into = known[n - fresh] if n >= fresh else None
        made.append(office.convert(lead, by="rep", account=accounts[n % 5] if into is None else None, contact=into))
    office.sync()
    office.sync()

    contacts = [one.contact for one in made[:fresh]]
    assert len(set(contacts)) == fresh
    assert office.stages(contacts) == {"inquiry": fresh}
    assert {key: office.stage(key) for key in known} == before
    assert Counter(before.values()) == {"remarket": remarket, "mql": mql}
    assert [one.contact for one in made[fresh:]] == known
    assert all(one.opportunity is None for one in made)

    logged = {row["record_id"]: row for row in office.view("v_transitions", reason="converted")}
    assert set(logged) == {*contacts, *known}
    assert {key: (row["from_stage"], row["to_stage"]) for key, row in logged.items()} == {
        **{key: ("inquiry", before[key]) for key in known},
        **dict.fromkeys(contacts, ("inquiry", None)),
    }
    assert sql_count(office) == sql
    assert office.writes_per_record() == Counter(contacts)
    for lead, one in zip(leads, made, strict=True):
        assert office.person(lead)["person_id"] == office.person(one.contact)["person_id"]
        assert office.person(lead)["state"] == "converted"
    live = Counter(row["stage"] for row in office.view("v_people", state="live"))
    assert live == {"inquiry": fresh, "remarket": remarket, "mql": mql, "sql": len(sqls)}
    whys = {
        key: [line["why"] for line in office.run("history", key, "--json") if line["why"]]
        for key in (*known, *contacts[:3])
    }
    for key in known:
        assert f"collision: the contact had {before[key]}, the lead inquiry; keep" in whys[key]
    for key in contacts[:3]:
        assert not any("collision" in why for why in whys[key])
    total = office.report("funnel")["snapshot"]
    assert {row["line"]: row["records"] for row in total}["total"] == fresh + remarket + mql + len(sqls)

    office.sync()
    assert office.writes_per_record() == Counter(contacts)
    assert len(office.view("v_transitions", reason="converted")) == len(leads)


def test_a_deal_later_is_what_makes_them_sales_qualified(office: Office) -> None:
    account = office.account("Known", domain="known.example", Type="Customer")
    lead, other = office.leads(2, stage="inquiry", owner="ldr", company="Known")
    office.respond(lead, other)
    office.sync()
    made = [office.convert(key, account=account) for key in (lead, other)]
    office.sync()
    office.advance(days=5)
    office.deal(made[0].contact)
    office.sync()
    office.sync()

    assert [office.stage(one.contact) for one in made] == ["sql", "inquiry"]
    assert sql_count(office) == 1
