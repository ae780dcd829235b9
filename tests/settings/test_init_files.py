"""What `leadsync init` writes: the samples, fitted to an org, with every comment in place."""

from typing import Any, Literal

import pytest
from refusing import FUNNEL, SALESFORCE

from leadsync.settings.edit import quoted
from leadsync.settings.loader import scalar
from leadsync.settings.write import Picklists, sample, sample_files

Installation = Any  # conftest.py's; test folders are no packages, so nothing can be imported from there


URL = "http://127.0.0.1:8123"


def test_without_picklists_only_the_address_differs(installation: Installation) -> None:
    written = sample_files("salesforce", URL)
    assert sorted(written) == ["config/leadsync.yaml", *(f"mappings/{name}.yaml" for name in (
        "calendars", "funnel", "routing", "salesforce", "scoring", "sla"))]  # fmt: skip
    for path, text in written.items():
        assert text == sample(path).replace("https://acme.my.salesforce.com", URL), path
        installation.write(path, text)
    assert installation.load().settings.crms["salesforce"].url == URL


def test_dynamics_alone_loads_too(installation: Installation) -> None:
    for path, text in sample_files("dynamics", "https://acme.crm4.dynamics.com").items():
        installation.write(path, text)
    loaded = installation.load()
    assert sorted(loaded.settings.crms) == ["dynamics"]
    config = sample_files("dynamics", URL, Picklists(tenant="acme.example"))["config/leadsync.yaml"]
    assert "a second org" not in config
    assert "    tenant: acme.example " in config


def test_the_orgs_own_values_are_taken_over_or_listed(installation: Installation) -> None:
    picklists = Picklists(
        lead_status=(
            ("INQUIRY", False),
            ("MQL", False),
            ("Hot", False),
            ("Left Vmail", False),
            ("Open - not contacted", False),
            ("Nurture: # later", False),
            ("Closed - Converted", True),
            ("Gewonnen: ja", True),
        ),
        campaign_types=("webinar", "Podcast", "Target List"),
        lead_sources=("web", "Purchased List", "TikTok"),
    )
    for path, text in sample_files("salesforce", URL, picklists).items():
        installation.write(path, text)
    mapping = installation.load().rulebook.mappings["salesforce"]
    assert mapping.value_of_stage["inquiry"] == "INQUIRY"
    assert mapping.stage_of_value["Hot"] == "mql"
    assert "Marketing Qualified" not in mapping.stage_of_value
    assert mapping.old_values == {"New": "inquiry"}
    assert mapping.converted == {"Closed - Converted": None, "Gewonnen: ja": None}
    assert mapping.dispositions == {"Left Vmail": "lal"}
    assert mapping.deprecated == {"Open - not contacted": "inquiry"}
    assert mapping.touches[0].channel is not None
    assert mapping.touches[0].channel.values["webinar"] == "webinar"
    text = (installation.folder / SALESFORCE).read_text("utf-8")
    assert "  #   Nurture: # later\n" in text
    assert "      #   Podcast\n" in text
    assert "Target List\n" not in text
    assert "# MAQL is no lead status of this org yet" in text
    assert "# was: older names, found only in history" in text
    funnel = (installation.folder / FUNNEL).read_text("utf-8")
    assert "  #   TikTok\n" in funnel
    assert "#   web\n" not in funnel


def test_an_org_that_shares_no_value_still_gets_files_that_load(installation: Installation) -> None:
    picklists = Picklists((("Neu", False), ("Fertig", True)), ("Messe",), ("Sonstiges",))
    for path, text in sample_files("salesforce", URL, picklists).items():
        installation.write(path, text)
    mapping = installation.load().rulebook.mappings["salesforce"]
    assert (mapping.converted, mapping.dispositions, mapping.deprecated) == ({"Fertig": None}, {}, {})


@pytest.mark.parametrize(
    "text", ["true", "~", "5", "0.5", "a: b", "a #b", " a", "- a", "[a", "a, b", "", "a\nb", "ok", "Ja"]
)
def test_a_value_is_quoted_where_yaml_would_read_something_else(text: str) -> None:
    assert quoted(text) == (text if text in ("ok", "Ja") else quoted(text))
    assert quoted(text).startswith('"') or scalar(quoted(text)) == text


@pytest.mark.parametrize("kind", ["salesforce", "dynamics"])
def test_every_file_that_is_written_ends_as_the_loader_asks(kind: Literal["salesforce", "dynamics"]) -> None:
    assert all(text.endswith("\n...\n") for text in sample_files(kind, URL).values())
