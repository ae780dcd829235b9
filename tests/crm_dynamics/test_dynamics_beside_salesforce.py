"""Two CRMs in one configuration, over one ledger: the sandbox speaks both vendors' APIs, so it serves as both orgs."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from leadsync.app import App, open_app
from leadsync.settings.write import sample, sample_files


@pytest.fixture
def busy(environment: Any) -> Any:
    """An org with people who live their lives."""
    return environment(empty=False, leads=120, days=40, seed=5)


@pytest.fixture
def app(busy: Any, tmp_path: Path) -> Iterator[App]:
    texts = dict(sample_files("salesforce", busy.url))
    texts["mappings/dynamics.yaml"] = sample("mappings/dynamics.yaml")
    second = f"  dynamics: {{kind: dynamics, url: '{busy.url}', tenant: acme.example}}\nschedule:"
    config = texts["config/leadsync.yaml"].replace("\nschedule:", f"\n{second}", 1)
    texts["config/leadsync.yaml"] = re.sub(r"location: \S+", f"location: {tmp_path}/leadsync.db", config)
    for path, text in texts.items():
        target = tmp_path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    env = {
        f"LEADSYNC_{crm}_{name}": value
        for crm in ("SALESFORCE", "DYNAMICS")
        for name, value in (("CLIENT_ID", busy.server.client_id), ("CLIENT_SECRET", busy.server.client_secret))
    }
    with open_app(tmp_path / "config/leadsync.yaml", tmp_path / "mappings", env, deliver=()) as found:
        yield found


def stages(app: App, crm: str, object_name: str) -> dict[str, tuple[str | None, str]]:
    rows = app.ledger.con.execute(
        "SELECT id, stage_value, state FROM records WHERE crm = ? AND object = ?", (crm, object_name)
    )
    return {key: (stage, state) for key, stage, state in rows}


def test_each_org_has_its_own_people_marks_and_requests(app: App, busy: Any) -> None:
    cycles = app.cycles()
    for _ in range(3):
        for cycle in cycles.values():
            report = cycle.run()
            assert report.blocked == {}
        busy.advance(hours=2, world=True)
    for name, cycle in cycles.items():
        cycle.run()
        assert app.ledger.marks(name)["lead"].mark
        assert cycle.crm.usage().calls > 0
    marks = {name: str(app.ledger.marks(name)["lead"].mark) for name in cycles}
    assert marks["dynamics"].startswith("delta|")
    assert not marks["salesforce"].startswith("delta|")
    contacts = {name: stages(app, name, "contact") for name in cycles}
    live = {name: sum(state == "live" for _, state in found.values()) for name, found in contacts.items()}
    assert live["dynamics"] == live["salesforce"] > 0


def test_the_ledger_shows_what_the_environment_shows(app: App, busy: Any) -> None:
    cycle = app.cycle("dynamics")
    for _ in range(3):
        cycle.run()
        busy.advance(hours=2, world=True)
    cycle.run()
    for object_name, column in (("lead", "leadsync_leadstatus"), ("contact", "leadsync_contactstatus")):
        known = stages(app, "dynamics", object_name)
        label = f"{column}@OData.Community.Display.V1.FormattedValue"
        rows = busy.api(
            "GET", f"{object_name}s?$select={column},merged,statecode", Prefer='odata.include-annotations="*"'
        )["value"]
        shown = {row[f"{object_name}id"]: row.get(label) for row in rows if not row["merged"] and row["statecode"] != 2}
        assert len(shown) > 10
        assert {key: known[key][0] for key in shown} == shown
