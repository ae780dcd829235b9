"""What becomes of write-backs: against the sandbox over HTTP, and against answers that the sandbox does not give."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import requests
import responses

from leadsync.crm.salesforce import Credentials, SalesforceCrm
from leadsync.domain.effects import Membership
from leadsync.domain.mapping import FieldMapping
from leadsync.domain.records import Ref
from leadsync.secret import Secret

BASE = "2026-11-19T10:00:20Z"
URL = "https://acme.my.salesforce.com"


def one(outcomes: Any) -> Any:
    (outcome,) = outcomes
    return outcome.state, outcome.error


def test_a_guarded_write_changes_the_record_and_leaves_its_token(org: Any, write_of: Any) -> None:
    (lead,) = org.leads(1)
    org.advance(10)
    write = write_of(lead, BASE, {"stage": "Inquiry"}, stage="MAQL", score=104)

    assert one(org.crm().write([write])) == ("applied", None)

    row = org.row("Lead", lead)
    assert (row["Status"], row["LeadSync_Score__c"], row["LeadSync_Op__c"]) == ("MAQL", 104, write.effect_id)


def test_a_persons_edit_wins_over_a_guarded_write(org: Any, write_of: Any) -> None:
    (lead,) = org.leads(1)
    org.advance(10)
    org.edit(lead, Status="LAL")
    org.advance(10)

    assert one(org.crm().write([write_of(lead, BASE, {"stage": "Inquiry"}, stage="MAQL")])) == ("pending", "conflict")

    assert org.row("Lead", lead)["Status"] == "LAL"


def test_every_write_tells_salesforce_to_leave_the_owner_alone(org: Any, write_of: Any) -> None:
    leads = org.leads(30)
    org.advance(10)
    org.faults(assignment_rule_resets_owner=True, expire_token_after=2)
    crm = org.crm()
    crm.connect()
    org.requests()

    outcomes = crm.write(
        [write_of(lead, BASE, {"stage": "Inquiry"}, stage="MAQL") for lead in leads[:15]]
        + [write_of(lead, BASE, score=50) for lead in leads[15:]]
    )

    assert {outcome.state for outcome in outcomes} == {"applied"}
    writes = [line for line in org.requests() if line["method"] in ("PATCH", "POST") and "oauth2" not in line["path"]]
    assert writes
    assert {line["Sforce-Auto-Assign"] for line in writes} == {"FALSE"}
    assert {row["OwnerId"] for row in org.rows("Lead")} == {org.admin}


def test_guarded_writes_go_twenty_five_to_a_request_and_unguarded_ones_two_hundred(org: Any, write_of: Any) -> None:
    leads = org.leads(450)
    org.advance(10)
    crm = org.crm()
    crm.connect()
    org.requests()

    guarded = crm.write([write_of(lead, BASE, {"stage": "Inquiry"}, stage="MAQL") for lead in leads[:50]])
    assert org.api_requests() == 2
    free = crm.write([write_of(lead, BASE, cause="score", score=7) for lead in leads])
    assert org.api_requests() == 3

    assert {outcome.state for outcome in (*guarded, *free)} == {"applied"}


def test_each_outcome_answers_its_own_write_in_order(org: Any, write_of: Any) -> None:
    good, moved, converted, deleted = org.leads(4)
    contact = org.put(Contact=[{"LastName": "C"}])["Contact"][0]
    org.control("convert", lead=converted)
    org.control("delete", object="Lead", id=deleted)
    org.advance(10)
    org.edit(moved, Status="LAL")
    org.advance(10)
    writes = [
        write_of(converted, BASE, {"stage": "x"}, stage="MAQL"),
        write_of(good, BASE, {"stage": "x"}, stage="MAQL"),
        write_of(contact, BASE, {"stage": None}, stage="No such value"),
        write_of(deleted, BASE, score=3),
        write_of(moved, BASE, {"stage": "x"}, stage="MAQL"),
    ]

    outcomes = org.crm().write(writes)

    assert [outcome.effect_id for outcome in outcomes] == [write.effect_id for write in writes]
    assert [(outcome.state, outcome.error) for outcome in outcomes] == [
        ("superseded", "CANNOT_UPDATE_CONVERTED_LEAD"),
        ("applied", None),
        ("rejected", "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST:Contact_Status__c"),
        ("superseded", "ENTITY_IS_DELETED"),
        ("pending", "conflict"),
    ]


def test_a_record_that_changed_a_moment_ago_waits(org: Any, write_of: Any) -> None:
    (lead,) = org.leads(1)
    crm = org.crm()
    write = write_of(lead, BASE, {"stage": "Inquiry"}, stage="MAQL")

    (outcome,) = crm.write([write])
    assert (outcome.state, outcome.retry_after) == ("pending", 2.0)

    org.advance(2)
    assert one(crm.write([write])) == ("applied", None)


def test_a_write_whose_answer_was_lost_is_unknown_whether_or_not_it_was_applied(org: Any, write_of: Any) -> None:
    applied, not_applied = org.leads(2)
    org.advance(10)
    crm = org.crm()
    crm.connect()
    org.faults(rate={"timeout_after_apply": 1.0})
    assert one(crm.write([write_of(applied, BASE, {"stage": "x"}, stage="MAQL")])) == ("unknown", "NO_ANSWER")
    org.faults(rate={"timeout_before_apply": 1.0})
    assert one(crm.write([write_of(not_applied, BASE, {"stage": "x"}, stage="MAQL")])) == ("unknown", "NO_ANSWER")

    assert org.row("Lead", applied)["Status"] == "MAQL"
    assert org.row("Lead", not_applied)["Status"] == "Inquiry"


@pytest.mark.parametrize(
    ("fault", "state"),
    [
        ("503", "unknown"),
        ("500", "unknown"),
        ("html", "unknown"),
        ("reset", "unknown"),
        ("429", "pending"),
        ("lock_row", "pending"),
    ],
)
@pytest.mark.parametrize("guarded", [True, False])
def test_a_faulty_org_leaves_each_write_in_its_state(
    org: Any, write_of: Any, fault: Any, state: Any, guarded: Any
) -> None:
    leads = org.leads(3)
    org.advance(10)
    crm = org.crm()
    crm.connect()
    org.faults(rate={fault: 1.0})
    org.requests()

    outcomes = crm.write([write_of(lead, BASE, {"stage": "x"} if guarded else None, stage="MAQL") for lead in leads])

    assert {outcome.state for outcome in outcomes} == {state}
    assert all(outcome.retry_after for outcome in outcomes if state == "pending")
    assert org.api_requests() == 1  # sent once, whatever came of it
    assert {row["Status"] for row in org.rows("Lead")} == {"Inquiry"}


def test_a_lock_makes_the_next_collections_smaller_until_it_is_gone(org: Any, write_of: Any) -> None:
    leads = org.leads(120)
    org.advance(10)
    crm = org.crm()
    crm.connect()
    writes = [write_of(lead, BASE, score=9) for lead in leads]
    org.faults(rate={"lock_row": 1.0})
    crm.write(writes)
    org.faults(rate={})
    org.requests()

    assert {outcome.state for outcome in crm.write(writes)} == {"applied"}

    assert org.api_requests() == 2  # fifty, then all the rest


def test_a_hidden_field_refuses_the_write_and_blocks_the_object(org: Any, write_of: Any) -> None:
    (lead,) = org.leads(1)
    org.advance(10)
    crm = org.crm()
    crm.connect()
    org.faults(hide_field="Lead.LeadSync_Score__c")

    state, error = one(crm.write([write_of(lead, BASE, score=5)]))

    assert state == "rejected"
    assert error.startswith("INVALID_FIELD")
    assert "check --live" in crm.blocked()["write:lead"]
    org.faults(hide_field=[])
    crm.write([write_of(lead, BASE, cause="again", score=5)])
    assert crm.blocked() == {}


def test_only_fields_marked_for_writing_are_ever_sent(org: Any, write_of: Any) -> None:
    (lead,) = org.leads(1)
    contact = org.put(Contact=[{"LastName": "C"}])["Contact"][0]
    org.advance(10)
    crm = org.crm()
    org.requests()

    outcomes = crm.write([
        write_of(lead, BASE, title="CEO"), write_of(contact, BASE, owner=org.admin), write_of(lead, BASE, shoe_size=44),
    ])  # fmt: skip

    assert [outcome.error for outcome in outcomes] == [
        "NOT_WRITABLE:title",
        "NOT_WRITABLE:owner",
        "NOT_WRITABLE:shoe_size",
    ]
    assert org.requests() == []


def test_one_record_is_written_once_at_a_time(org: Any, write_of: Any) -> None:
    (lead,) = org.leads(1)
    org.advance(10)

    first, second = org.crm().write([write_of(lead, BASE, score=1), write_of(lead, BASE, cause="b", score=2)])

    assert (first.state, second.state) == ("applied", "pending")
    assert org.row("Lead", lead)["LeadSync_Score__c"] == 1


def test_values_go_back_through_the_mapping(org: Any, write_of: Any, mapping: Any) -> None:
    (lead,) = org.leads(1)
    org.advance(10)
    base = mapping()
    reason = FieldMapping("recycle_reason", ("LeadSync_Recycle_Reason__c",), write=True, values={"Timing": "timing"})
    both = {name: replace(one, fields={**one.fields, "recycle_reason": reason}) for name, one in base.objects.items()}
    crm = org.crm(replace(base, objects=both))

    crm.write([write_of(lead, BASE, recycle_reason="timing", marketable=True, stage_entered_at="2026-11-19T09:00:00Z")])

    row = org.row("Lead", lead)
    assert (row["LeadSync_Recycle_Reason__c"], row["LeadSync_Marketable__c"]) == ("Timing", True)
    assert (
        crm.read([Ref("salesforce", "lead", lead)])[Ref("salesforce", "lead", lead)].fields["recycle_reason"]
        == "timing"
    )


def test_less_urgent_writes_stop_at_the_reserve_and_urgent_ones_go_on(org: Any, write_of: Any) -> None:
    leads = org.leads(2)
    org.advance(10)
    org.faults(api_limit=1000)
    crm = org.crm()
    crm.connect()
    crm._client.budget.spend(urgent=True, requests=170)

    assert one(crm.write([write_of(leads[0], BASE, score=1, priority="score")])) == ("pending", "BUDGET")
    assert one(crm.write([write_of(leads[1], BASE, {"stage": "x"}, stage="MQL", priority="hand_raiser")])) == (
        "applied",
        None,
    )


def test_people_join_a_campaign_once_and_leave_it(org: Any) -> None:
    lead, other = org.leads(2)
    (campaign,) = org.put(Campaign=[{"Name": "Nurture - stay in touch"}])["Campaign"]
    org.put(CampaignMember=[{"CampaignId": campaign, "LeadId": other, "Status": "Sent"}])
    crm = org.crm()

    def wish(key: Any, name: Any, *, join: Any) -> Any:
        return Membership(f"{key}{join}", Ref("salesforce", "lead", key), name, join, "g")

    joined = crm.join([wish(lead, "stay", join=True), wish(other, "stay", join=True), wish(lead, "unknown", join=True)])
    assert [outcome.state for outcome in joined] == ["applied", "applied", "rejected"]
    assert sorted(row["LeadId"] for row in org.rows("CampaignMember")) == sorted([lead, other])

    left = crm.join([wish(lead, "stay", join=False), wish(lead, "stay", join=False)])
    assert {outcome.state for outcome in left} == {"applied"}
    assert [row["LeadId"] for row in org.rows("CampaignMember")] == [other]


class TestOddAnswers:
    """Answers that the service gives at its edges; each class of errors ends in its own outcome."""

    @pytest.fixture
    def crm(self, mapping: Any, quick_clock: Any) -> Any:
        credentials = Credentials("LEADSYNC_SALESFORCE", token=Secret("ready-token"))
        return SalesforceCrm("salesforce", URL, "65.0", credentials, mapping(), company_zone="UTC", clock=quick_clock)

    @pytest.fixture(autouse=True)
    def versions(self) -> Any:
        with responses.RequestsMock() as mock:
            mock.get(
                f"{URL}/services/data/", json=[{"version": "65.0"}], headers={"Date": "Thu, 19 Nov 2026 12:00:00 GMT"}
            )
            self.mock = mock
            yield

    def composite(self, **given: Any) -> Any:
        return self.mock.post(
            f"{URL}/services/data/v65.0/composite", headers={"Date": "Thu, 19 Nov 2026 12:00:00 GMT"}, **given
        )

    def part(self, status: Any, code: Any = None, message: Any = "", number: Any = 0) -> Any:
        body = [{"errorCode": code, "message": message, "fields": []}] if code else None
        return {"body": body, "httpHeaders": {}, "httpStatusCode": status, "referenceId": f"r{number}"}

    @pytest.mark.parametrize(
        ("status", "code", "state"),
        [
            (204, None, "applied"),
            (412, None, "pending"),
            (400, "ENTITY_FAILED_IFLASTMODIFIED_ON_UPDATE_CHECK", "pending"),
            (400, "UNABLE_TO_LOCK_ROW", "pending"),
            (400, "ENTITY_IS_LOCKED", "pending"),
            (400, "PROCESSING_HALTED", "pending"),
            (403, "REQUEST_LIMIT_EXCEEDED", "pending"),
            (401, "INVALID_SESSION_ID", "pending"),
            (404, "ENTITY_IS_DELETED", "superseded"),
            (404, "NOT_FOUND", "superseded"),
            (400, "CANNOT_UPDATE_CONVERTED_LEAD", "superseded"),
            (400, "FIELD_CUSTOM_VALIDATION_EXCEPTION", "rejected"),
            (400, "INSUFFICIENT_ACCESS_OR_READONLY", "rejected"),
            (400, "A_CODE_OF_NEXT_YEAR", "rejected"),
            (500, "UNKNOWN_EXCEPTION", "unknown"),
            (503, None, "unknown"),
        ],
    )
    def test_a_part_of_a_composite_ends_in_its_class(
        self, crm: Any, write_of: Any, status: Any, code: Any, state: Any
    ) -> None:
        self.composite(json={"compositeResponse": [self.part(status, code)]})

        (outcome,) = crm.write([write_of("00Q8d0000010001EAA", BASE, {"stage": "x"}, stage="MQL")])

        assert outcome.state == state
        assert outcome.error is None or "00Q" not in outcome.error

    @pytest.mark.parametrize(
        "answer",
        [
            {"body": b"<html>maintenance</html>", "status": 200},
            {"body": b'{"compositeResponse": [{"body"', "status": 200},
            {"json": {"compositeResponse": []}},
            {"body": b"<html>maintenance</html>", "status": 503},
            {"body": b"", "status": 502},
            {"body": b"", "status": 408},
            {"body": requests.ReadTimeout()},
            {"body": requests.ConnectionError("reset")},
        ],
    )
    def test_an_answer_that_proves_nothing_leaves_the_write_unknown(self, crm: Any, write_of: Any, answer: Any) -> None:
        self.composite(**answer)

        (outcome,) = crm.write([write_of("00Q8d0000010001EAA", BASE, {"stage": "x"}, stage="MQL")])

        assert outcome.state == "unknown"

    @pytest.mark.parametrize(
        "answer",
        [
            {"body": requests.ConnectTimeout()},
            {"status": 420, "body": b"<html>setting things up</html>"},
            {"status": 429, "json": [{"errorCode": "TOO_MANY_REQUESTS", "message": ""}]},
            {
                "status": 403,
                "json": [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "TotalRequests Limit exceeded."}],
            },
            {
                "status": 403,
                "json": [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "ConcurrentRequests Limit exceeded."}],
            },
            {"status": 401, "json": [{"errorCode": "INVALID_SESSION_ID", "message": "Session expired or invalid"}]},
            {"status": 401, "body": b"<html>"},
        ],
    )
    def test_a_request_that_was_not_carried_out_is_tried_later(self, crm: Any, write_of: Any, answer: Any) -> None:
        self.composite(**answer)

        (outcome,) = crm.write([write_of("00Q8d0000010001EAA", BASE, {"stage": "x"}, stage="MQL")])

        assert outcome.state == "pending"
        assert outcome.retry_after

    def test_a_malformed_request_is_refused_for_good(self, crm: Any, write_of: Any) -> None:
        self.composite(status=400, json=[{"errorCode": "JSON_PARSER_ERROR", "message": "secret@acme.example"}])

        assert one(crm.write([write_of("00Q8d0000010001EAA", BASE, {"stage": "x"}, stage="MQL")])) == (
            "rejected",
            "JSON_PARSER_ERROR",
        )

    @pytest.mark.parametrize(
        "results",
        [
            [{"id": "00Q8d0000010001EAA", "success": True, "errors": []}],
            [
                {"id": "00Q8d0000010002EAA", "success": True, "errors": []},
                {"id": "00Q8d0000010001EAA", "success": True, "errors": []},
            ],
            {"surprise": True},
        ],
    )
    def test_collection_results_that_do_not_fit_leave_all_unknown(self, crm: Any, write_of: Any, results: Any) -> None:
        self.mock.patch(f"{URL}/services/data/v65.0/composite/sobjects", json=results)
        self.mock.remove(responses.GET, f"{URL}/services/data/")

        outcomes = crm.write(
            [write_of("00Q8d0000010001EAA", BASE, score=1), write_of("00Q8d0000010002EAA", BASE, score=1)]
        )

        assert {outcome.state for outcome in outcomes} == {"unknown"}

    def test_failed_rows_of_a_collection_may_come_without_an_id(self, crm: Any, write_of: Any) -> None:
        self.mock.remove(responses.GET, f"{URL}/services/data/")
        failed = {
            "success": False,
            "errors": [{"statusCode": "STRING_TOO_LONG", "message": "x", "fields": ["LeadSync_Queue__c"]}],
        }
        self.mock.patch(
            f"{URL}/services/data/v65.0/composite/sobjects",
            json=[failed, {"id": "00Q8d0000010002EAA", "success": True, "errors": []}],
        )

        first, second = crm.write(
            [write_of("00Q8d0000010001EAA", BASE, score=1), write_of("00Q8d0000010002EAA", BASE, score=1)]
        )

        assert (first.state, first.error) == ("rejected", "STRING_TOO_LONG:LeadSync_Queue__c")
        assert second.state == "applied"

    def test_the_precondition_is_the_records_own_last_change(self, crm: Any, write_of: Any) -> None:
        self.composite(json={"compositeResponse": [self.part(204)]})

        crm.write([write_of("00Q8d0000010001EAA", BASE, {"stage": "x"}, stage="MQL")])

        sent = json.loads(self.mock.calls[-1].request.body or "")
        assert sent["allOrNone"] is False
        assert sent["collateSubrequests"] is False
        assert sent["compositeRequest"][0]["httpHeaders"] == {
            "If-Unmodified-Since": "Thu, 19 Nov 2026 10:00:20 GMT", "Sforce-Auto-Assign": "FALSE",
        }  # fmt: skip


def test_the_quiet_rule_counts_in_the_orgs_time(org: Any, write_of: Any) -> None:
    (lead,) = org.leads(1)
    crm = org.crm()
    crm.connect()
    org.advance(timedelta(minutes=5).total_seconds())

    assert one(crm.write([write_of(lead, BASE, {"stage": "Inquiry"}, stage="MAQL")])) == ("applied", None)
