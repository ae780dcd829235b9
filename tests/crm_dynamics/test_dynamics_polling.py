"""Change tracking: links that are kept, links that expired, loads that are resumed, tables without tracking, the cost."""

from collections import Counter
from typing import Any

import pytest

from leadsync.crm.dynamics.people import Memberships
from leadsync.domain.records import Account, Gone, Move, Opportunity, OpportunityRole, Queue, Record, User
from leadsync.errors import CrmUnavailable
from leadsync.http import Answer
from leadsync.ports import Mark
from leadsync.sandbox.dataverse.guids import guid_of


def asked(lines: list[dict[str, Any]]) -> Counter[str]:
    """Count the requests by what they ask for; a batch counts as one and is named by itself."""
    return Counter(str(line["path"]).split("/")[-1].split("(")[0] for line in lines if "." not in str(line["n"]))


def test_an_idle_pass_costs_one_request_a_table(org: Any, follow: Any) -> None:
    org.leads(3)
    follower = follow(org.crm())
    follower.poll()
    follower.poll()
    org.requests()
    follower.poll("fast")
    fast = asked(org.requests())
    assert max(fast.values()) == 1
    assert set(fast) == {
        "systemusers", "audits", "leads", "contacts", "opportunities", "campaignresponses", "phonecalls", "emails", "appointments",
        "tasks",
    }  # fmt: skip
    follower.poll()
    complete = asked(org.requests())
    assert set(complete) - set(fast) == {"teams", "accounts", "campaigns", "$batch"}, (
        "memberships and time zones of users come in one batch"
    )
    assert max(complete.values()) == 1


def test_changed_leads_cost_nothing_more(org: Any, follow: Any) -> None:
    keys = org.leads(200)
    follower = follow(org.crm())
    follower.poll()
    follower.poll()
    org.requests()
    follower.poll()
    idle = sum(asked(org.requests()).values())
    for key in keys:
        org.edit(key, jobtitle="CTO")
    org.requests()
    assert len(follower.poll().stages) == 200
    assert sum(asked(org.requests()).values()) == idle


def test_a_mark_of_other_columns_means_a_whole_read(org: Any, follow: Any, mapped: Any, mapping: Any) -> None:
    org.leads(2)
    follower = follow(org.crm())
    follower.poll()
    lead = mapping().objects["lead"]
    fewer = {name: field for name, field in lead.fields.items() if name != "website"}
    follower.crm = org.crm(mapped("lead", fields=fewer))
    assert follower.poll("fast").stages == {}, "a whole read is for a complete pass"
    found = follower.poll()
    assert len(found.stages) == 2
    assert any(page.source == "lead" and page.full for page in found.pages)
    assert not any(page.full for page in found.pages if page.source == "contact")


def test_an_expired_link_means_a_whole_read_that_finds_what_is_gone(org: Any, follow: Any) -> None:
    kept, gone = org.leads(2)
    follower = follow(org.crm())
    follower.poll()
    org.control("delete", object="lead", id=gone)
    org.faults(expire_delta_tokens=True)
    before = dict(follower.marks)
    assert follower.poll("fast").rows == []
    assert follower.marks == before, "never from now: what happened in between would be lost"
    found = follower.poll()
    assert list(found.stages) == [kept]
    (last,) = [page for page in found.pages if page.source == "lead"]
    assert (last.full, last.complete, last.progress) == (True, True, None)
    org.edit(kept, jobtitle="CTO")
    assert list(follower.poll("fast").stages) == [kept]
    assert dict(follower.crm.blocked()) == {}


def test_a_broken_link_heals_in_the_same_pass(org: Any, follow: Any) -> None:
    (key,) = org.leads(1)
    follower = follow(org.crm())
    follower.poll()
    follower.marks["lead"] = Mark(str(follower.marks["lead"].mark)[:-8] + "garbage!")
    assert list(follower.poll().stages) == [key]
    follower.marks["lead"] = Mark("no mark of ours")
    assert list(follower.poll().stages) == [key]


def test_a_link_to_another_host_is_not_followed(org: Any, follow: Any, meddled: Any) -> None:
    session, meddler = meddled
    org.leads(1)
    evil = {"@odata.nextLink": "https://evil.example/api/data/v9.2/leads"}
    meddler.change = lambda url, body: {**body, **evil} if "/leads?" in url else body
    follower = follow(org.crm(session=session))
    assert follower.poll().stages == {}
    assert "another address" in follower.crm.blocked()["lead"]


@pytest.mark.parametrize("before", ["https://before.example", "8.2"])
def test_links_of_another_address_or_api_version_are_not_followed_but_read_anew(
    org: Any, follow: Any, before: str
) -> None:
    (key,) = org.leads(1)
    follower = follow(org.crm())
    follower.poll()
    old = (org.url, before) if before.startswith("https") else ("/v9.2/", f"/v{before}/")
    follower.marks = {
        source: Mark(mark.mark and str(mark.mark).replace(*old)) for source, mark in follower.marks.items()
    }
    found = follower.poll()
    assert list(found.stages) == [key]
    assert follower.crm.blocked() == {}
    assert org.url in str(follower.marks["lead"].mark)
    assert follower.poll().stages == {}


def test_a_first_read_that_was_broken_off_at_another_address_begins_anew(
    org: Any, follow: Any, small_pages: None
) -> None:
    keys = org.leads(3)
    follower = follow(org.crm())
    for page in follower.crm.changes({}, "complete"):
        follower.keep(page)
        if page.source == "lead":
            break
    follower.marks = {
        source: Mark(mark.mark, mark.progress and mark.progress.replace(org.url, "https://before.example"))
        for source, mark in follower.marks.items()
    }
    assert set(follower.poll().stages) == set(keys)


def test_what_is_no_dataverse_is_told_by_its_address(org: Any, meddled: Any) -> None:
    session, meddler = meddled
    meddler.instead = lambda url: (404, "a page of somebody else") if "WhoAmI" in url else None
    with pytest.raises(CrmUnavailable, match="is no Dataverse; look at url:"):
        org.crm(session=session).connect()


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    size = {"Prefer": "odata.maxpagesize=2"}
    monkeypatch.setattr("leadsync.crm.dynamics.poll._SIZE", size)
    monkeypatch.setattr("leadsync.crm.dynamics.poll._TRACKED", {"Prefer": f"odata.track-changes,{size['Prefer']}"})


@pytest.mark.usefixtures("small_pages")
def test_a_first_load_goes_on_where_it_was_broken_off(org: Any, follow: Any) -> None:
    keys = org.leads(7)
    follower = follow(org.crm())
    seen: list[str] = []
    pages = 0
    for page in follower.crm.changes(follower.marks, "complete"):
        follower.keep(page)
        if page.source == "lead":
            seen += [row.ref.id for row in page.rows]
            pages += 1
            if pages == 2:
                break
    assert (len(seen), follower.marks["lead"].mark) == (4, None)
    org.edit(seen[0], jobtitle="changed meanwhile")
    again = follow(org.crm())
    again.marks = follower.marks
    found = again.poll()
    assert sorted({*seen, *found.stages}) == sorted(keys)
    assert not set(found.stages) & set(seen), "at most one page is read twice"
    later = again.poll()
    assert [row.fields["title"] for row in later.of(Record) if row.ref.id == seen[0]] == ["changed meanwhile"]


@pytest.mark.usefixtures("small_pages")
def test_changes_come_in_pages_and_the_last_one_holds_the_mark(org: Any, follow: Any) -> None:
    keys = org.leads(5)
    follower = follow(org.crm())
    follower.poll()
    for key in keys:
        org.edit(key, jobtitle="CTO")
    pages = [page for page in follower.poll().pages if page.source == "lead"]
    assert [page.mark is not None for page in pages] == [False] * (len(pages) - 1) + [True]
    assert len(pages) > 1
    assert sum(len(page.rows) for page in pages) == 5


def test_what_was_made_and_deleted_between_two_passes_is_told_as_gone(org: Any, follow: Any) -> None:
    follower = follow(org.crm())
    follower.poll()
    (key,) = org.leads(1)
    org.control("delete", object="lead", id=key)
    assert [row.ref.id for row in follower.poll().of(Gone)] == [key]


def test_a_table_without_change_tracking_is_asked_by_time(org: Any, follow: Any, meddled: Any) -> None:
    session, meddler = meddled
    meddler.change = untracked
    first, second = org.leads(2)
    follower = follow(org.crm(session=session))
    assert set(follower.poll().stages) == {first, second}
    assert str(follower.marks["lead"].mark).startswith("since|")
    org.advance(3600)
    follower.poll()
    follower.poll()
    org.edit(second, jobtitle="CTO")
    assert list(follower.poll("fast").stages) == [second]
    org.advance(3600)
    follower.poll()
    assert follower.poll().stages == {}
    org.control("delete", object="lead", id=first)
    follower.marks["lead"] = Mark()
    assert list(follower.poll().stages) == [second], "a whole read finds what is gone"


def untracked(url: str, body: Any) -> Any:
    """Describe every table as one whose changes are not tracked."""
    if "RetrieveMetadataChanges" not in url:
        return body
    return {"EntityMetadata": [{**table, "ChangeTrackingEnabled": None} for table in body["EntityMetadata"]]}


def test_all_tables_are_described_by_one_request(org: Any) -> None:
    crm = org.crm()
    crm.connect()
    assert asked(org.requests()) == {"openid-configuration": 1, "token": 1, "WhoAmI": 1, "RetrieveMetadataChanges": 1, "organizations": 1}  # fmt: skip
    assert crm.usage().calls == 3


def test_a_table_that_is_not_described_is_named_and_the_others_go_on(org: Any, follow: Any, meddled: Any) -> None:
    session, meddler = meddled

    def without_campaigns(url: str, body: Any) -> Any:
        if "RetrieveMetadataChanges" not in url:
            return body
        return {"EntityMetadata": [one for one in body["EntityMetadata"] if one["LogicalName"] != "campaign"]}

    meddler.change = without_campaigns
    (key,) = org.leads(1)
    follower = follow(org.crm(session=session))
    assert list(follower.poll().stages) == [key]
    assert "campaign: no such table" in follower.crm.blocked()["campaign"]


def test_a_refused_description_blocks_every_table_with_the_missing_privilege(
    org: Any, follow: Any, meddled: Any
) -> None:
    session, meddler = meddled
    refusal = {"error": {"code": "0x80040220", "message": "missing prvReadEntity privilege"}}
    meddler.instead = lambda url: (403, refusal) if "RetrieveMetadataChanges" in url else None
    follower = follow(org.crm(session=session))
    assert follower.poll().rows == []
    assert "prvReadEntity" in follower.crm.blocked()["lead"]


def test_a_description_that_is_something_else_names_the_address(org: Any, meddled: Any) -> None:
    session, meddler = meddled
    meddler.change = lambda url, body: {"value": []} if "RetrieveMetadataChanges" in url else body
    with pytest.raises(CrmUnavailable, match="look at url:"):
        org.crm(session=session).connect()


def test_a_server_that_leaves_out_the_link_is_asked_by_time(org: Any, follow: Any, meddled: Any) -> None:
    session, meddler = meddled
    (key,) = org.leads(1)
    meddler.change = lambda url, body: {name: value for name, value in body.items() if name != "@odata.deltaLink"}
    follower = follow(org.crm(session=session))
    follower.poll()
    org.advance(3600)
    follower.poll()
    org.edit(key, jobtitle="CTO")
    assert list(follower.poll().stages) == [key]


def test_one_table_that_may_not_be_read_does_not_stop_the_others(org: Any, follow: Any, meddled: Any) -> None:
    session, meddler = meddled
    org.leads(1)
    refusal = {"error": {"code": "0x80040220", "message": "Principal user is missing prvReadContact privilege"}}
    meddler.instead = lambda url: (403, refusal) if "/contacts?" in url else None
    follower = follow(org.crm(session=session))
    assert len(follower.poll().stages) == 1
    assert "prvReadContact" in follower.crm.blocked()["contact"]
    meddler.instead = lambda url: None
    follower.poll()
    assert dict(follower.crm.blocked()) == {}


def test_a_missing_column_blocks_its_table_alone(org: Any, follow: Any, mapped: Any, mapping: Any) -> None:
    from leadsync.domain.mapping import FieldMapping

    fields = {**mapping().objects["lead"].fields, "shoe": FieldMapping("shoe", ("shoesize",))}
    org.leads(1)
    org.put(contact=[{"lastname": "Hopper"}])
    follower = follow(org.crm(mapped("lead", fields=fields)))
    assert len(follower.poll().stages) == 1
    assert "shoesize" in follower.crm.blocked()["lead"]


@pytest.mark.parametrize(("kind", "waits"), [("503", True), ("reset", True), ("html", True)])
def test_reads_are_tried_again(org: Any, follow: Any, kind: str, waits: bool) -> None:
    org.leads(3)
    crm = org.crm()
    crm.connect()
    org.faults(rate={kind: 0.25})
    follower = follow(crm)
    for _ in range(4):
        try:
            follower.poll()
        except CrmUnavailable:
            continue
    org.faults(rate={})
    follower.poll()
    assert follower.marks["lead"].mark


def test_an_environment_that_is_down_is_asked_once_a_pass_and_holds_nobody_up(
    org: Any, follow: Any, quick_clock: Any
) -> None:
    org.leads(1)
    follower = follow(org.crm(clock=quick_clock))
    follower.poll()
    org.faults(rate={"503": 1.0})
    with pytest.raises(CrmUnavailable):
        follower.poll()
    waited = len(quick_clock.waits)
    org.requests()
    for _ in range(3):
        with pytest.raises(CrmUnavailable):
            follower.poll()
    assert len(org.requests()) == 3
    assert len(quick_clock.waits) == waited
    org.faults(rate={})
    assert follower.poll().stages == {}


def test_a_pause_that_is_asked_for_is_kept_by_everybody(org: Any, follow: Any, quick_clock: Any) -> None:
    org.leads(1)
    crm = org.crm(clock=quick_clock)
    crm.connect()
    org.faults(rate={"429": 1}, protection="requests", retry_after=90)
    org.requests()
    with pytest.raises(CrmUnavailable) as told:
        follow(crm).poll()
    sent = sum(asked(org.requests()).values())
    assert told.value.retry_after is not None
    assert sent <= 3
    assert all(wait >= 89 for wait in quick_clock.waits)
    org.faults(rate={}, protection=None)
    quick_clock.passed += 100
    assert len(follow(crm).poll().stages) == 1


def test_people_around_the_leads_are_read(org: Any, follow: Any) -> None:
    account = org.put(
        account=[
            {
                "name": "Navy",
                "industrycode": "Durable Manufacturing",
                "numberofemployees": 500,
                "accountcategorycode": "Standard",
            }
        ]
    )["account"][0]
    contact = org.put(contact=[{"lastname": "Hopper", "parentcustomerid": account}])["contact"][0]
    deal = org.put(
        opportunity=[
            {"name": "Compiler", "parentaccountid": account, "parentcontactid": contact, "estimatedvalue": 5000}
        ]
    )["opportunity"][0]
    found = follow(org.crm()).poll()
    (company,) = [row for row in found.of(Account) if row.id == account]
    assert {name: company.fields[name] for name in ("name", "industry", "employees", "rating")} == {
        "name": "Navy", "industry": "Manufacturing", "employees": 500, "rating": 50,
    }  # fmt: skip
    (person,) = [row for row in found.of(Record) if row.ref.id == contact]
    assert (person.account_id, person.ref.object) == (account, "contact")
    (one,) = found.of(Opportunity)
    assert (one.id, one.account_id, one.outcome, one.amount, one.currency) == (deal, account, "open", 5000.0, "EUR")
    (role,) = found.of(OpportunityRole)
    assert (role.opportunity_id, role.contact_id, role.primary) == (deal, contact, True)
    assert found.of(Queue)
    me = follow(org.crm()).crm.connect().user_id
    users = {row.id: row for row in found.of(User)}
    assert users[me].username
    assert any("System Administrator" in row.security_roles for row in users.values())


def test_a_deleted_company_and_a_deleted_deal_are_told(org: Any, follow: Any) -> None:
    account = org.put(account=[{"name": "Navy"}])["account"][0]
    deal = org.put(opportunity=[{"name": "Compiler", "parentaccountid": account}])["opportunity"][0]
    follower = follow(org.crm())
    follower.poll()
    org.control("delete", object="opportunity", id=deal)
    org.control("delete", object="account", id=account)
    found = follower.poll()
    assert [(row.id, row.deleted) for row in found.of(Opportunity)] == [(deal, True)]
    assert [(row.id, row.deleted) for row in found.of(Account)] == [(account, True)]


def test_audits_are_read_once_though_the_window_overlaps(org: Any, follow: Any) -> None:
    (key,) = org.leads(1)
    follower = follow(org.crm())
    follower.poll()
    org.edit(key, leadsync_leadstatus="MAQL")
    assert [(row.old, row.new) for row in follower.poll().of(Move) if row.field == "stage"] == [("Inquiry", "MAQL")]
    assert follower.poll().of(Move) == []
    assert follower.poll("fast").of(Move) == []


def test_owners_moves_are_told_by_id(org: Any, follow: Any) -> None:
    (key,) = org.leads(1)
    follower = follow(org.crm())
    before = {row.ref.id: row.owner_id for row in follower.poll().of(Record)}[key]
    other = next(row.id for row in follow(org.crm()).poll().of(User) if row.id != before and row.active)
    org.edit(key, ownerid=other)
    (move,) = [row for row in follower.poll().of(Move) if row.field == "owner"]
    assert (move.old, move.new) == (before, other)


def test_details_are_asked_for_where_the_list_does_not_say_what_changed(org: Any, follow: Any, meddled: Any) -> None:
    session, meddler = meddled
    (key,) = org.leads(1)
    follower = follow(org.crm(session=session))
    follower.poll()
    org.edit(key, leadsync_leadstatus="MAQL")
    meddler.change = without_data
    org.requests()
    assert [(row.old, row.new) for row in follower.poll().of(Move) if row.field == "stage"] == [("Inquiry", "MAQL")]
    assert any("RetrieveAuditDetails" in str(line["path"]) for line in org.requests())


def without_data(url: str, body: Any) -> Any:
    rows = [{name: value for name, value in row.items() if name != "changedata"} for row in body.get("value", ())]
    return {**body, "value": rows} if "value" in body else body


def test_a_conversion_is_dated_by_its_audit(org: Any, follow: Any) -> None:
    (key,) = org.leads(1)
    follower = follow(org.crm())
    follower.poll()
    org.advance(600)
    org.control("convert", lead=key, contact=None, account=None, opportunity=False, status=None)
    found = follower.poll()
    forced = [row for row in found.of(Move) if row.field == "stage"]
    assert [(row.old, row.new) for row in forced] == [(None, "Qualified")]
    (lead,) = [row for row in found.of(Record) if row.ref.id == key]
    assert (lead.state, lead.stage_value) == ("converted", "Inquiry")
    assert forced[0].at == lead.modified_at


def test_the_day_of_a_conversion_outlives_later_edits(org: Any, follow: Any) -> None:
    (key,) = org.leads(1)
    org.advance(600)
    made = org.control("convert", lead=key, contact=None, account=None, opportunity=True, status=None)
    org.advance(5 * 86400)
    org.edit(key, jobtitle="CTO")
    found = follow(org.crm()).poll()
    (lead,) = [row for row in found.of(Record) if row.ref.id == key]
    assert lead.converted_on == "2026-11-19"
    assert lead.modified_at.day == 24
    assert (lead.converted_to, lead.converted_opportunity_id) == (made["contact"], made["opportunity"])


def test_an_option_that_people_add_is_known_within_the_hour(org: Any, follow: Any, quick_clock: Any) -> None:
    org.leads(1)
    follower = follow(org.crm(clock=quick_clock))
    follower.poll()
    org.requests()
    follower.poll()
    assert not any("RetrieveMetadataChanges" in str(line["path"]) for line in org.requests())
    quick_clock.passed += 3700
    follower.poll()
    assert any("RetrieveMetadataChanges" in str(line["path"]) for line in org.requests())


@pytest.mark.usefixtures("small_pages")
def test_a_whole_read_beside_a_mark_tells_the_ledger_that_it_is_under_way(org: Any, follow: Any) -> None:
    org.leads(5)
    follower = follow(org.crm())
    follower.poll()
    org.faults(expire_delta_tokens=True)
    pages = [page for page in follower.poll().pages if page.source == "lead"]
    assert [page.progress is not None for page in pages] == [True, True, False]
    assert [page.full for page in pages] == [False, False, True]


def test_audits_of_a_page_that_was_not_stored_come_again(org: Any, follow: Any) -> None:
    (key,) = org.leads(1)
    follower = follow(org.crm())
    follower.poll()
    org.edit(key, leadsync_leadstatus="MAQL")
    for page in follower.crm.changes(follower.marks, "complete"):
        if page.source == "lead_history":
            break  # as if the disk were full
    assert [row.new for row in follower.poll().of(Move) if row.field == "stage"] == ["MAQL"]


def test_the_import_of_old_audits_goes_on_where_it_was_broken_off(org: Any, follow: Any, meddled: Any) -> None:
    keys = org.leads(3)
    for key in keys:
        org.edit(key, leadsync_leadstatus="MAQL")
        org.advance(60)
    session, meddler = meddled
    asked_for: list[str] = []

    def one_a_page(url: str, body: Any) -> Any:
        """Cut the list of audits into pages of one."""
        if "/audits?" not in url or not body.get("value"):
            return body
        asked_for.append(url)
        place = int(url.rpartition("&page=")[2]) if "&page=" in url else 0
        rows = body["value"]
        more = {"@odata.nextLink": f"{url.partition('&page=')[0]}&page={place + 1}"} if place + 1 < len(rows) else {}
        return {"value": rows[place : place + 1], **more}

    meddler.change = one_a_page
    follower = follow(org.crm(session=session))
    seen: list[str] = []
    for page in follower.crm.changes(follower.marks, "complete"):
        follower.keep(page)
        if page.source == "lead_history":
            seen += [row.ref.id for row in page.rows]
            break
    assert follower.marks["lead_history"].progress
    again = follow(org.crm(session=session))
    again.marks = follower.marks
    found = again.poll().of(Move)
    assert sorted({*seen, *(row.ref.id for row in found)}) == sorted(keys)
    assert seen[0] not in {row.ref.id for row in found}
    assert again.marks["lead_history"].mark


def test_users_have_the_time_zone_of_their_settings_and_come_again_when_they_change_it(org: Any, follow: Any) -> None:
    rep = org.put(User=[{"Username": "ny@acme.example", "LastName": "York", "TimeZoneSidKey": "America/New_York"}])[
        "User"
    ][0]
    follower = follow(org.crm())
    users = {row.id: row.zone for row in follower.poll().of(User)}
    assert users[guid_of(rep)] == "America/New_York"

    org.control("edit", object="User", id=rep, fields={"TimeZoneSidKey": "America/Los_Angeles"})

    assert {row.id: row.zone for row in follower.poll().of(User)}[guid_of(rep)] == "America/Los_Angeles"


def test_users_are_read_without_their_time_zone_where_settings_may_not_be_read() -> None:
    class Refusing:
        def gather(self, paths: list[str]) -> list[Answer]:
            return [
                Answer(403, {}, b"") if "usersettings" in one else Answer(200, {}, b'{"value": []}') for one in paths
            ]

        def following(self, answer: Answer, what: str) -> list[dict[str, Any]]:
            return []

    members = Memberships(Refusing(), {})  # type: ignore[arg-type]
    members.learn()

    assert members.zone("somebody") is None
    assert set(members.blocked) == {"user:zone"}
