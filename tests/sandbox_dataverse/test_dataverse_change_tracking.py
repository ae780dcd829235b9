"""Change tracking: what a delta link tells, and when it is no longer good."""

from typing import Any

import pytest


def test_a_first_reading_ends_with_a_link_that_tells_only_what_changed(crm: Any) -> None:
    lead, other = crm.lead(lastname="One"), crm.lead(lastname="Two")
    rows, link = crm.delta("/leads?$select=lastname,leadsync_score")
    assert {lead, other} <= {row["leadid"] for row in rows}
    assert crm.get(link)["value"] == []

    crm.edit("lead", lead, lastname="Uno")
    body = crm.get(link)

    assert [(row["leadid"], row["lastname"]) for row in body["value"]] == [(lead, "Uno")]
    assert body["@odata.context"] == f"{crm.api}/$metadata#leads(lastname,leadsync_score)/$delta"
    assert crm.get(body["@odata.deltaLink"])["value"] == []


def test_a_token_looks_as_the_documentation_shows_it(crm: Any) -> None:
    _, link = crm.delta("/leads?$select=lastname")

    assert link.startswith(f"{crm.api}/leads?$select=lastname&$deltatoken=")
    assert link.endswith("%2111%2f02%2f2026%2009%3a00%3a00")


def test_deleted_leads_come_last_with_their_id_alone(crm: Any) -> None:
    gone, changed = crm.lead(), crm.lead()
    _, link = crm.delta("/leads?$select=lastname")
    crm.control("delete", object="lead", id=gone)
    crm.edit("lead", changed, lastname="Changed")
    never_seen = crm.lead()
    crm.call("DELETE", f"/leads({never_seen})")
    rows = crm.rows(link)

    assert rows[0]["leadid"] == changed
    context = f"{crm.api}/$metadata#leads/$deletedEntity"
    assert rows[1:] == [{"@odata.context": context, "id": i, "reason": "deleted"} for i in (gone, never_seen)]


def test_a_lead_that_is_fetched_back_from_the_bin_is_a_changed_one(crm: Any) -> None:
    lead = crm.lead()
    _, link = crm.delta("/leads?$select=lastname")
    crm.control("delete", object="lead", id=lead)
    crm.control("undelete", object="lead", id=lead)

    assert [row.get("leadid") for row in crm.rows(link)] == [lead]


def test_the_link_comes_on_the_last_page_only_and_changes_are_paged_too(fresh_crm: Any) -> None:
    leads = [fresh_crm.lead() for _ in range(5)]
    rows, link = fresh_crm.delta("/leads?$select=lastname")
    assert len(rows) == 5
    for lead in leads[:3]:
        fresh_crm.edit("lead", lead, jobtitle="CEO")
    fresh_crm.control("delete", object="lead", id=leads[4])
    page = fresh_crm.get(link, Prefer="odata.maxpagesize=3")
    assert "@odata.deltaLink" not in page
    last = fresh_crm.get(page["@odata.nextLink"], Prefer="odata.maxpagesize=3")

    assert [row.get("leadid", row.get("id")) for row in page["value"] + last["value"]] == [*leads[:3], leads[4]]
    assert "@odata.deltaLink" in last


def test_a_change_during_the_first_reading_is_told_by_its_link(fresh_crm: Any) -> None:
    leads = [fresh_crm.lead() for _ in range(4)]
    page = fresh_crm.get("/leads?$select=jobtitle", Prefer="odata.track-changes,odata.maxpagesize=2")
    fresh_crm.edit("lead", leads[0], jobtitle="Late")
    last = fresh_crm.get(page["@odata.nextLink"])

    assert [row["jobtitle"] for row in fresh_crm.rows(last["@odata.deltaLink"])] == ["Late"]


@pytest.mark.parametrize("option", ["$filter=statecode eq 0", "$orderby=lastname", "$expand=ownerid", "$top=3"])
def test_tracking_refuses_options_that_would_hide_rows(crm: Any, option: str) -> None:
    answer = crm.call("GET", f"/leads?$select=lastname&{option}", headers={"Prefer": "odata.track-changes"})
    name = option.partition("=")[0]

    assert answer.status_code == 400
    assert (
        answer.json()["error"]["message"]
        == f'The "{name}" query parameter isn\'t supported when Change Tracking is enabled.'
    )


def test_waiting_changes_are_counted(crm: Any) -> None:
    _, link = crm.delta("/contacts?$select=lastname")
    crm.create("contacts", lastname="Counted")

    assert crm.call("GET", link.replace("/contacts?", "/contacts/$count?")).text == "1"


def test_an_expired_token_asks_for_a_full_sync_and_a_new_one_is_good(crm: Any) -> None:
    lead = crm.lead()
    _, link = crm.delta("/leads?$select=lastname")
    crm.control("faults", expire_delta_tokens=True)
    refused = crm.call("GET", link)
    assert refused.status_code == 400
    assert "Please perform a full sync" in refused.json()["error"]["message"]

    rows, fresh = crm.delta("/leads?$select=lastname")
    assert lead in {row["leadid"] for row in rows}
    assert crm.get(fresh)["value"] == []


def test_a_token_expires_by_itself_after_the_days_of_the_organisation(fresh_crm: Any) -> None:
    days = fresh_crm.rows("/organizations?$select=expirechangetrackingindays")[0]["expirechangetrackingindays"]
    _, link = fresh_crm.delta("/leads?$select=lastname")
    fresh_crm.control("advance", seconds=days * 86400)
    assert fresh_crm.get(link)["value"] == []
    fresh_crm.control("advance", seconds=1)

    assert fresh_crm.call("GET", link).status_code == 400
    assert fresh_crm.call("GET", link.partition("%21")[0]).status_code == 400


def test_a_table_without_tracking_says_so(crm: Any) -> None:
    answer = crm.call("GET", "/audits", headers={"Prefer": "odata.track-changes"})

    assert crm.error(answer) == (400, "0x80072491")


def test_an_edit_that_is_not_visible_yet_is_in_no_delta_until_it_is(fresh_crm: Any) -> None:
    lead = fresh_crm.lead()
    _, link = fresh_crm.delta("/leads?$select=jobtitle")
    fresh_crm.control("faults", late_commit_seconds=90)
    fresh_crm.edit("lead", lead, jobtitle="Slow")
    body = fresh_crm.get(link)
    assert body["value"] == []
    assert fresh_crm.patch(f"/leads({lead})", {"jobtitle": "Mine"}, If_Match="*").status_code == 500
    fresh_crm.control("advance", seconds=91)

    assert [row["jobtitle"] for row in fresh_crm.rows(body["@odata.deltaLink"])] == ["Slow"]


def test_a_response_that_grows_out_of_a_mailing_appears_as_a_change(crm: Any) -> None:
    lead = crm.lead()
    campaign = crm.create("campaigns", name="Newsletter", typecode=100000003)
    _, link = crm.delta("/campaignresponses?$select=subject")
    crm.control(
        "load",
        campaignresponse=[
            {
                "regardingobjectid": campaign,
                "promotioncodename": "Contact Me",
                "campaignresponse_activity_parties": [
                    {"partyid_lead@odata.bind": f"/leads({lead})", "participationtypemask": 11}
                ],
            }
        ],
    )
    response = crm.rows(link)[0]["activityid"]
    parties = crm.rows(
        f"/activityparties?$filter=_activityid_value eq {response}&$select=_partyid_value,participationtypemask"
    )

    assert [(p["_partyid_value"], p["participationtypemask"]) for p in parties] == [(lead, 11)]
