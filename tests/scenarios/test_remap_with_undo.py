"""Scenario 3: a thousand deprecated statuses out and back again, over people's edits and a killed process, within a budget."""

import csv
from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest
from office import Office


def prepare(office: Office) -> dict[str, str]:
    """Have the mapping list four deprecated values, one of them a call result so far; return where each leads."""
    if office.kind == "salesforce":
        office.edit_mapping("crm", "  Attempting Contact: lal\n", "")
        office.edit_mapping(
            "crm", "  Working - Contacted: lal\n", "  Working - Contacted: lal\n  Attempting Contact: mql\n"
        )
    else:
        office.edit_mapping("crm", ", Attempting Contact: lal}", "}")
        office.edit_mapping("crm", "deprecated: {", "deprecated: {Attempting Contact: mql, ")
    return {**office.mapping.deprecated, "Attempting Contact": "mql"}


def budget_for(office: Office, records: int) -> int:
    """Return what is enough by the documentation: Salesforce takes 25 guarded writes to a request, Dynamics counts each."""
    return 9 * -(-records // 200) + 10 if office.kind == "salesforce" else records + 120


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def ages(office: Office, without: Collection[str] = ()) -> dict[str, Any]:
    """Since when each lead is where it is, and whether that is exact."""
    return {
        row["record_id"]: (row["stage_entered_at"], row["entered_exact"])
        for row in office.view("v_people")
        if row["record_id"] not in without
    }


@pytest.mark.parametrize(
    ("count", "edited", "killed_at", "later", "history"),
    [(1_000, 3, 400, 5, True), (90, 7, 20, 11, False)],
    ids=["the numbers of the text", "a small org without history"],
)
def test_a_remap_survives_people_and_a_kill_and_can_be_undone(
    make_office: Any, count: int, edited: int, killed_at: int, later: int, history: bool
) -> None:
    office: Office = make_office(deliver="false", history=history)
    old = prepare(office)
    values = list(old)
    keys = office.load("lead", [{"status": values[n % 4]} for n in range(count)])
    office.advance(days=3)
    office.sync()
    since, before = ages(office), {key: office.row(key)["status"] for key in keys}
    plan = office.folder / "remap.csv"
    office.advance()
    assert office.run("remap", "plan", "--out", str(plan), "--json")["records"] == count
    changed = keys[:: count // edited][:edited]
    for key in changed:
        office.edit(key, by="rep", stage="sal")
    office.advance()
    office.kill_after(killed_at, "remap", "apply", str(plan), "--yes")
    assert killed_at <= len(office.writes()) < count - edited
    office.api_requests()

    office.advance()
    budget = budget_for(office, count)
    done = office.run("remap", "apply", str(plan), "--yes", "--json", "--budget", str(budget))

    assert (done["done"], done["skipped"], done["failed"], done["left"]) == (count - edited, edited, 0, 0)
    assert office.api_requests() <= done["api_calls"] <= budget
    assert office.writes_per_record() == Counter(key for key in keys if key not in changed)
    assert len({change.token for change in office.writes()}) == count - edited
    skipped = {row["record_id"]: row["why"] for row in rows(plan.with_suffix(".error.csv"))}
    assert set(skipped) == set(changed)
    assert all(f"edited by {office.user('rep')}" in why and "stage shows SAL" in why for why in skipped.values())
    assert all(office.stage(key) == old[before[key]] for key in keys if key not in changed)
    office.sync()
    people = set(changed)
    assert ages(office, people) == {key: age for key, age in since.items() if key not in people}

    touched = [key for key in keys if key not in people][:: (count - edited) // later][:later]
    for key in touched:
        office.edit(key, by="rep", stage="sql")
    office.advance()
    office.api_requests()
    undone = office.run("remap", "undo", str(plan), "--yes", "--json", "--budget", str(budget))

    assert (undone["done"], undone["skipped"], undone["left"]) == (count - edited - later, later, 0)
    assert office.api_requests() <= undone["api_calls"] <= budget
    reported = {row["record_id"]: row["why"] for row in rows(plan.with_suffix(".undo.error.csv"))}
    assert set(reported) == set(touched)
    people |= set(touched)
    assert {key: office.row(key)["status"] for key in keys if key not in people} == {
        key: value for key, value in before.items() if key not in people
    }
    assert {office.stage(key) for key in changed} == {"sal"}
    assert {office.stage(key) for key in touched} == {"sql"}
    assert office.writes_per_record() == Counter({key: 1 + (key not in people) for key in keys if key not in changed})
    office.sync()
    assert ages(office, people) == {key: age for key, age in since.items() if key not in people}
    assert office.run("remap", "plan", "--out", str(office.folder / "again.csv"), "--json")["records"] == count - len(
        people
    )


@pytest.mark.parametrize("step", ["apply", "undo"])
def test_a_tight_budget_is_kept_run_by_run(make_office: Any, step: str) -> None:
    office: Office = make_office(deliver="false")
    values = list(prepare(office))
    keys = office.load("lead", [{"status": values[n % 4]} for n in range(90)])
    before = {key: office.row(key)["status"] for key in keys}
    plan = office.folder / "remap.csv"
    office.advance()
    office.run("remap", "plan", "--out", str(plan))
    office.advance()
    if step == "undo":
        office.run("remap", "apply", str(plan), "--yes")
        office.advance()
    budget, spent = 4 if office.kind == "salesforce" else 80, []
    for _ in range(6):
        told = office.run("remap", step, str(plan), "--yes", "--json", "--budget", str(budget))
        spent.append(told["api_calls"])
        if not told["left"]:
            break
        assert told["stopped"] == "budget"

    assert told["done"] == 90
    assert len(spent) > 1
    assert max(spent) <= budget
    assert set(office.writes_per_record().values()) == {1 if step == "apply" else 2}
    assert (before == {key: office.row(key)["status"] for key in keys}) is (step == "undo")
