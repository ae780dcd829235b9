"""A company that keeps the stage of a lead in the status reason: each stage a pair of state and reason, and nothing else."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from installation import Installation, Org
from samples import ALL
from sandboxes import running

STAGES = {
    "raw": (0, "Raw"), "inquiry": (0, "Inquiry"), "maql": (0, "MAQL"), "lal": (0, "LAL"), "mql": (0, "MQL"), "sal": (0, "SAL"),
    "remarket": (0, "Re-Market"), "sql": (1, "SQL"), "disqualified": (2, "Disqualified"),
}  # fmt: skip
STATES = ("Open", "Qualified", "Disqualified")
PAIRS = "\n".join(f"  {stage}: {{write: [{STATES[state]}, {label}]}}" for stage, (state, label) in STAGES.items())


class Company:
    """An environment whose leads have a status reason for each stage, and an installation that maps them."""

    def __init__(self, org: Org, folder: Path) -> None:
        self.org = org
        self.reasons = {stage: self._reason(state, label) for stage, (state, label) in STAGES.items()}
        self.leadsync = Installation(folder, org.url, dict(org.secrets), "dynamics")
        self.leadsync.write(
            deliver=ALL, edit=lambda text: text.replace("limits:\n", "go_live_at: 2020-01-01T00:00:00Z\nlimits:\n")
        )
        text = self.leadsync.mapping.read_text(encoding="utf-8")
        begin, end = text.index("stages:\n") + len("stages:\n"), text.index("\nconverted:")
        text = text[:begin] + PAIRS + "\n" + text[end:]
        text = text.replace(
            "  stage: {field: leadsync_leadstatus, write: true}", "  stage: {field: statuscode, write: true}", 1
        )
        begin, end = text.index("  disqualify_button:"), text.index("  # scope:")
        self.leadsync.mapping.write_text(text[:begin] + text[end:], encoding="utf-8")

    def api(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        answer = requests.request(
            method, f"{self.org.url}/api/data/v9.2/{path}", json=body, timeout=30,
            headers={"Authorization": f"Bearer {self.org.server.token}", **headers},
        )  # fmt: skip
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    def _reason(self, state: int, label: str) -> int:
        body = {
            "EntityLogicalName": "lead", "AttributeLogicalName": "statuscode", "StateCode": state,
            "Label": {"LocalizedLabels": [{"Label": label, "LanguageCode": 1033}]},
        }  # fmt: skip
        number: int = self.api("POST", "InsertStatusValue", body)["NewOptionValue"]
        return number

    def lead(self, stage: str, **fields: Any) -> str:
        row = {"lastname": "Person", "statuscode": self.reasons[stage], "leadsourcecode": "Web", **fields}
        return str(self.org.control("load", lead=[row])["lead"][0])

    def respond(self, lead: str) -> None:
        """Have a lead ask to be contacted."""
        campaign = self.org.control("load", campaign=[{"name": "Form", "typecode": "Webinar"}])["campaign"][0]
        party = {"partyid_lead@odata.bind": f"/leads({lead})", "participationtypemask": 11}
        self.api(
            "POST", "campaignresponses",
            {
                "subject": "call me", "promotioncodename": "Contact Me", "channeltypecode": 6, "responsecode": 1,
                "regardingobjectid_campaign_campaignresponse@odata.bind": f"/campaigns({campaign})",
                "campaignresponse_activity_parties": [party],
            },
        )  # fmt: skip

    def sync(self) -> None:
        self.org.advance(60)
        found = self.leadsync("sync", "--json")
        assert found.code == 0, found.err
        assert found.data[0]["blocked"] == {}


@pytest.fixture
def org() -> Iterator[Org]:
    yield from running(Org, empty=True)


@pytest.fixture
def company(org: Org, tmp_path: Path) -> Company:
    return Company(org, tmp_path)


def test_the_environment_and_the_mapping_fit(company: Company) -> None:
    found = company.leadsync("check", "--live", "--json").data

    stages = {finding["topic"]: (finding["ok"], finding["text"]) for finding in found if "stages" in finding["topic"]}
    assert stages["contact stages"][0], stages
    standard = "Canceled, Cannot Contact, Contacted, Lost, New, No Longer Interested"
    assert stages["lead stages"] == (False, f"options of lead.statuscode that are not mapped: {standard}")


def test_a_lead_is_moved_by_its_status_reason_and_a_contact_by_its_choice(company: Company) -> None:
    lead = company.lead("raw")
    contact = str(
        company.org.control("load", contact=[{"lastname": "C", "leadsync_contactstatus": "MQL"}])["contact"][0]
    )
    company.sync()
    company.org.control("edit", object="lead", id=lead, fields={"statuscode": company.reasons["mql"]})
    company.sync()
    company.sync()

    stages = dict(company.leadsync.rows("SELECT record_id, stage FROM v_people"))
    assert stages[lead] == "mql"
    assert stages[contact] == "mql"
    moves = company.leadsync.rows(
        "SELECT from_stage, to_stage FROM v_transitions WHERE record_id = ? ORDER BY seq", lead
    )
    assert moves[-2:] == [("raw", "inquiry"), ("inquiry", "mql")]  # the first by leadsync: they came by a form


def test_what_a_person_closed_is_seen_and_opened_only_by_an_edge_that_reopens(company: Company) -> None:
    lead = company.lead("mql")
    company.sync()
    company.api(
        "PATCH", f"leads({lead})", {"statecode": 2, "statuscode": company.reasons["disqualified"]}, **{"If-Match": "*"}
    )
    company.sync()
    company.sync()

    assert company.leadsync.rows("SELECT stage FROM v_people WHERE record_id = ?", lead) == [("disqualified",)]
    assert company.api("GET", f"leads({lead})?$select=statecode")["statecode"] == 2

    company.respond(lead)
    company.sync()
    company.sync()

    row = company.api("GET", f"leads({lead})?$select=statecode,statuscode")
    assert (row["statecode"], row["statuscode"]) == (0, company.reasons["mql"])
    assert company.leadsync.rows("SELECT stage FROM v_people WHERE record_id = ?", lead) == [("mql",)]


def test_nobody_is_qualified_by_leadsync_whatever_a_rule_says(company: Company) -> None:
    company.leadsync.change("mappings/funnel.yaml", "to: sql, when: in_open_deal", "to: sql, when: inbound_touch")
    lead = company.lead("mql")
    company.respond(lead)
    for _ in range(3):
        company.sync()

    assert company.leadsync.rows("SELECT fields FROM v_outbox WHERE fields LIKE '%SQL%'") == []
    assert "the stage SQL cannot be written on a lead" in company.leadsync("explain", lead).out


def test_without_such_an_edge_it_stays_closed(company: Company) -> None:
    company.leadsync.change("mappings/funnel.yaml", ", reopen: true}", "}")
    lead = company.lead("mql")
    company.sync()
    company.api(
        "PATCH", f"leads({lead})", {"statecode": 2, "statuscode": company.reasons["disqualified"]}, **{"If-Match": "*"}
    )
    company.sync()
    company.respond(lead)
    for _ in range(3):
        company.sync()

    assert company.api("GET", f"leads({lead})?$select=statecode")["statecode"] == 2
    assert company.leadsync.rows("SELECT * FROM v_outbox WHERE record_id = ? AND fields LIKE '%\"stage\"%'", lead) == []
    told = company.leadsync("explain", lead)
    assert "it is closed in the CRM, and no edge opens it again for MQL" in told.out
