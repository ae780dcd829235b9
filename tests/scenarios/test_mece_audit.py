"""Scenario 2: what nobody mapped is counted, named and shown beside the funnel, and the parts add up to the whole."""

from collections import Counter
from typing import Any

import pytest
from office import Office

ALLOWED = ("raw", "inquiry", "maql", "lal", "mql", "sal", "sql", "remarket")


def populate(office: Office, *, whole: int, strays: dict[str, int], blank: int) -> None:
    """Load leads: strays by their value, some blank, the rest in turn in the eight allowed stages, all in one request."""
    in_stage = whole - sum(strays.values()) - blank
    office.load(
        "lead",
        [
            *({"stage": ALLOWED[n % len(ALLOWED)]} for n in range(in_stage)),
            *({"status": value} for value, count in strays.items() for _ in range(count)),
            *({"last_name": f"Blank{n}"} for n in range(blank)),
        ],
    )
    for n in range(blank):
        [key] = [
            office.key(row["Id"]) for row in office.server.box.store.rows("Lead") if row["LastName"] == f"Blank{n}"
        ]
        office.edit(key, status=None)


def outside(tables: dict[str, list[dict[str, Any]]], kind: str) -> dict[str | None, int]:
    return {row["value"]: row["records"] for row in tables["outside"] if row["kind"] == kind}


def forget_deprecated(office: Office) -> list[str]:
    """Take the three deprecated values out of the mapping, so that it knows nothing of them."""
    values = list(office.mapping.deprecated)
    if office.kind == "dynamics":
        office.edit_mapping("crm", "deprecated: {Open: inquiry, Working: lal, Closed: disqualified}", "deprecated: {}")
    else:
        lines = [f"  {value}: {stage}\n" for value, stage in office.mapping.deprecated.items()]
        for line in lines[1:]:
            office.edit_mapping("crm", line, "")
        office.edit_mapping("crm", lines[0], "  Somewhere else: inquiry\n")
    return values


@pytest.mark.parametrize(
    ("whole", "counts", "blank"),
    [(10_000, (71, 40, 15), 4), (120, (2, 30, 1), 3)],
    ids=["the numbers of the text", "a smaller org"],
)
def test_unknown_values_and_blanks_are_counted_and_the_sum_is_the_whole(
    make_office: Any, whole: int, counts: tuple[int, ...], blank: int
) -> None:
    office: Office = make_office(deliver="false")
    strays = dict(zip(forget_deprecated(office), counts, strict=True))
    populate(office, whole=whole, strays=strays, blank=blank)
    office.sync()

    audit = office.run("audit", "--json", expect=1)["tables"]

    assert outside(audit, "unknown") == strays
    assert outside(audit, "blank") == {None: blank}
    assert len(audit["outside"]) == len(strays) + 1
    assert len([row for row in audit["values"] if row["value"] and row["records"]]) == len(ALLOWED) + len(strays)
    [sums] = audit["sums"]
    lost = sum(strays.values()) + blank
    assert (sums["live"], sums["in_stage"], sums["outside"], sums["missing"]) == (whole, whole - lost, lost, 0)
    assert f"{sum(strays.values())} live leads of {office.kind} have a status that stands in no list" in office.said
    assert f"{blank} live leads of {office.kind} have no status at all" in office.said

    lines = {row["line"]: row["records"] for row in office.report("funnel")["snapshot"]}
    assert lines["outside"] == lost
    assert lines["total"] == whole == sum(n for line, n in lines.items() if line != "total")
    assert {stage: lines[stage] for stage in ALLOWED} == Counter(ALLOWED[n % 8] for n in range(whole - lost))
    office.run("report", "funnel")
    [line] = [line for line in office.said.splitlines() if "Outside funnel" in line]
    assert line.split()[-1] == str(lost)


def test_what_stands_in_a_list_of_the_mapping_is_told_from_what_nobody_knows(make_office: Any) -> None:
    office: Office = make_office(deliver="false")
    deprecated = list(office.mapping.deprecated)
    strays = dict(zip([*deprecated, "Left Vmail", "Hot Prospect"], (3, 2, 1, 4, 5), strict=True))
    populate(office, whole=50, strays=strays, blank=0)
    office.sync()

    audit = office.run("audit", "--json", expect=1)["tables"]

    assert outside(audit, "deprecated") == dict(zip(deprecated, (3, 2, 1), strict=True))
    assert outside(audit, "disposition") == {"Left Vmail": 4}
    assert outside(audit, "unknown") == {"Hot Prospect": 5}
    lines = {row["line"]: row["records"] for row in office.report("funnel")["snapshot"]}
    assert (lines["outside"], lines["total"]) == (15, 50)

    shown: dict[str, str] = {}
    for value in strays:
        key = next(row["record_id"] for row in office.view("v_people", object="lead", stage_value=office.shown(value)))
        shown[value] = office.attempt("explain", key)[1]
    assert all("is an old one" in shown[value] and "leadsync remap plan" in shown[value] for value in deprecated)
    assert "is the result of a call" in shown["Left Vmail"]
    assert "stands for no stage" in shown["Hot Prospect"]


def test_an_org_without_strays_passes(make_office: Any) -> None:
    office: Office = make_office(deliver="false")
    populate(office, whole=40, strays={}, blank=0)
    office.contact()
    office.sync()

    audit = office.run("audit", "--json")["tables"]

    assert audit["outside"] == []
    assert [(row["object"], row["live"], row["in_stage"], row["none"]) for row in audit["sums"]] == [
        ("contact", 1, 0, 1), ("lead", 40, 40, 0),
    ]  # fmt: skip
