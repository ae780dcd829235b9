"""Whole installations: the shipped files load, say what they say, and what may be left out may be left out."""

import json
from datetime import UTC, datetime, time, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from refusing import CONFIG

from leadsync.errors import ConfigError
from leadsync.settings import load, schemas

Installation = Any  # conftest.py's; test folders are no packages, so nothing can be imported from there


ROOT = Path(__file__).parents[2]


def test_the_shipped_files_are_those_in_the_package() -> None:
    packaged = files("leadsync.settings").joinpath("samples")
    for folder in ("config", "mappings"):
        names = sorted(path.name for path in (ROOT / folder).iterdir())
        assert names == sorted(path.name for path in packaged.joinpath(folder).iterdir())
        for name in names:
            assert (ROOT / folder / name).read_bytes() == packaged.joinpath(folder, name).read_bytes(), name


def test_the_checked_in_schemas_are_fresh() -> None:
    checked_in = {path.stem: json.loads(path.read_text("utf-8")) for path in (ROOT / "schemas").glob("*.json")}
    assert checked_in == dict(schemas()), "run `leadsync check --schema` and commit what it wrote"


def test_every_key_that_editors_offer_has_a_description() -> None:
    def undescribed(name: str, part: object) -> list[str]:
        if isinstance(part, list):
            return [key for inner in part for key in undescribed(name, inner)]
        if not isinstance(part, dict):
            return []
        found = [key for inner in part.values() for key in undescribed(name, inner)]
        if "$defs" in part or "additionalProperties" in part:
            for key, spec in part.get("properties", {}).items():
                if isinstance(spec, dict) and not {"description", "$ref"} & set(spec):
                    found.append(key)
        return found

    for name, schema in schemas().items():
        body = {key: value for key, value in schema.items() if key != "$defs"}
        defs = {key: value for key, value in schema.get("$defs", {}).items() if key != "Condition"}
        assert undescribed(name, [body, *defs.values()]) == [], name


def test_the_samples_load_and_name_what_is_not_used(installation: Installation) -> None:
    loaded = installation.load()
    assert loaded.notes == ("mappings/dynamics.yaml: no CRM in config has this name, so the file is not read",)
    assert sorted(loaded.rulebook.mappings) == ["salesforce"]
    assert sorted(loaded.files) == [
        CONFIG,
        *(f"mappings/{name}.yaml" for name in ("calendars", "funnel", "routing", "salesforce", "scoring", "sla")),
    ]


def test_two_crms_load_and_what_one_lacks_is_noted(installation: Installation) -> None:
    dynamics = "  dynamics: {kind: dynamics, url: https://acme.crm4.dynamics.com, tenant: acme.example}\nschedule:"
    loaded = installation.edit((CONFIG, "schedule:", dynamics)).load()
    assert sorted(loaded.rulebook.mappings) == ["dynamics", "salesforce"]
    assert loaded.settings.crms["dynamics"].api_version == "9.2"
    assert loaded.settings.crms["dynamics"].credentials == "LEADSYNC_DYNAMICS"
    assert loaded.notes == (
        "mappings/dynamics.yaml: not mapped here, so always missing in rules: bounced_at, record_type",
        "mappings/salesforce.yaml: not mapped here, so always missing in rules: business_unit, email_opt_out_all",
    )


def test_what_may_be_left_out_counts_as_the_readme_says(installation: Installation) -> None:
    config = "crms: {salesforce: {kind: salesforce, url: https://acme.my.salesforce.com}}\n"
    config += "ledger: {location: data/leadsync.db}\nalerts: {to: log}\n"
    channels = "channels: {email: {kind: email, host: h, sender: s@acme.example}, crm_task: {kind: crm_task}, "
    channels += "sales_floor: {kind: slack}, emea_teams: {kind: teams}, ops: {kind: slack}}\nchannel_hosts: [h]\n"
    settings = installation.write(CONFIG, config + channels + "...\n").load().settings
    assert (settings.company.zone, settings.company.fiscal_year_starts) == ("UTC", 1)
    assert settings.crms["salesforce"].api_version == "65.0"
    assert settings.crms["salesforce"].credentials == "LEADSYNC_SALESFORCE"
    assert (settings.schedule.fast, settings.schedule.complete) == (timedelta(minutes=1), timedelta(minutes=5))
    assert (settings.schedule.sla, settings.schedule.reconcile) == (timedelta(seconds=30), time(2, 30))
    assert (settings.ledger.backups, settings.ledger.keep_backups) == (Path("data/backups"), 14)
    assert (settings.deliver, settings.go_live_at) == (frozenset(), None)
    assert (settings.limits.api_share, settings.limits.api_reserve) == (0.2, 0.2)
    assert settings.limits.writes["sla"].per_day == 3000
    assert (settings.alerts.to, settings.alerts.urgent, settings.heartbeat) == ("log", "log", None)
    assert (settings.web.address, settings.web.dashboard) == ("127.0.0.1", False)
    assert (settings.logging.level, settings.logging.format) == ("info", "auto")


def test_delivery_names_its_kinds_and_go_live_is_an_instant(installation: Installation) -> None:
    installation.edit(
        (CONFIG, "deliver: false", "deliver: [notices, score]"),
        (CONFIG, "first_delivery ", "2026-12-01T09:00:00+01:00 "),
    )
    settings = installation.load().settings
    assert settings.deliver == {"notices", "score"}
    assert settings.go_live_at == datetime(2026, 12, 1, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8123", "http://localhost:9", "http://[::1]:1/", "https://a.example:8443"]
)
def test_a_crm_on_this_machine_needs_no_encryption(installation: Installation, url: str) -> None:
    loaded = installation.edit((CONFIG, "https://acme.my.salesforce.com", url)).load()
    assert loaded.settings.crms["salesforce"].url == url.rstrip("/")


def test_a_value_may_come_from_the_environment(installation: Installation) -> None:
    installation.edit(
        (CONFIG, "https://acme.my.salesforce.com", "${CRM_URL}"),
        (CONFIG, "port: 8080", "port: ${PORT:-9000}"),
    )
    settings = installation.load(CRM_URL="https://other.my.salesforce.com").settings
    assert settings.crms["salesforce"].url == "https://other.my.salesforce.com"
    assert settings.web.port == 9000


def test_the_dashboard_is_served_once_its_token_is_set(installation: Installation) -> None:
    installation.edit((CONFIG, "dashboard: false", "dashboard: true"))
    assert installation.load(LEADSYNC_WEB_TOKEN="a secret").settings.web.dashboard
    assert installation.load(LEADSYNC_WEB_TOKEN_FILE="/run/secrets/web").settings.web.dashboard


def test_a_folder_without_any_file_is_told_how_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"neither .*leadsync\.yaml nor .*mappings/ here; `leadsync init` writes them"
    ):
        load(tmp_path / "config" / "leadsync.yaml", tmp_path / "mappings", {})


def test_a_missing_rule_file_is_named(installation: Installation) -> None:
    (installation.folder / "mappings/sla.yaml").unlink()
    error = installation.refused()
    assert str(error) == "1 problem in 6 files; no rules were loaded"
    assert error.problems == ("mappings/sla.yaml:1:1: the file does not exist",)


def test_a_broken_file_does_not_make_the_others_look_wrong(installation: Installation) -> None:
    for name in ("funnel", "scoring", "routing", "sla", "calendars", "salesforce"):
        whole = (installation.folder / f"mappings/{name}.yaml").read_text("utf-8")
        error = installation.write(f"mappings/{name}.yaml", "a: [\n...\n").refused()
        assert [problem.split(":", 1)[0] for problem in error.problems] == [f"mappings/{name}.yaml"]
        installation.write(f"mappings/{name}.yaml", whole)


def test_a_broken_config_does_not_make_the_rules_look_wrong(installation: Installation) -> None:
    error = installation.write(CONFIG, "crms: [\n...\n").refused()
    assert [problem.split(":", 1)[0] for problem in error.problems] == [CONFIG]


def test_the_hash_follows_every_byte_of_the_mappings_that_count(installation: Installation) -> None:
    first = installation.load().rulebook.hash
    assert len(first) == 64
    assert installation.edit((CONFIG, "name: Acme", "name: Acme2")).load().rulebook.hash == first
    assert installation.edit(("mappings/dynamics.yaml", "title: jobtitle", "title: x")).load().rulebook.hash == first
    second = installation.edit(("mappings/sla.yaml", "# Clocks on", "#  Clocks on")).load().rulebook.hash
    assert second != first
    installation.write("mappings/lists/t.csv", "domain\ninitech.example\n")
    installation.edit(
        ("mappings/routing.yaml", "[globex.example, initech.example]", "{file: lists/t.csv, column: domain}")
    )
    third = installation.load().rulebook.hash
    assert installation.write("mappings/lists/t.csv", "domain\nhooli.example\n").load().rulebook.hash != third


def test_no_e_mail_address_stands_in_a_problem(installation: Installation) -> None:
    error = installation.refused([("mappings/routing.yaml", "{user: maria@acme.example,", "{user: liam@acme.example,")])
    assert error.problems == (
        'mappings/routing.yaml:81:16: the user "…@acme.example" stands here twice\n  first in line 80',
    )


def test_a_kind_that_is_no_word_is_refused(installation: Installation) -> None:
    error = installation.refused([(CONFIG, "kind: salesforce", "kind: [salesforce]")])
    assert [problem.split("\n")[0] for problem in error.problems] == [
        "config/leadsync.yaml:13:11: crms.salesforce.kind: a list is not possible here"
    ]
