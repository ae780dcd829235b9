"""Answers at the edges of the service that the sandbox does not give: jobs that take long, odd bodies, refused log-ins."""

from datetime import UTC, datetime
from threading import Event
from typing import Any

import pytest
import requests
import responses

from leadsync.crm.calls import Budget
from leadsync.crm.salesforce import Credentials, SalesforceCrm
from leadsync.crm.salesforce.auth import Login
from leadsync.crm.salesforce.bulk import Bulk
from leadsync.crm.salesforce.client import Client
from leadsync.crm.salesforce.verdicts import faults, refusal
from leadsync.domain.effects import Membership
from leadsync.domain.records import Ref
from leadsync.errors import CrmAuthFailed, CrmBudgetExhausted, CrmUnavailable, ObjectBlocked
from leadsync.http import new_session
from leadsync.secret import Secret

URL = "https://acme.my.salesforce.com"
ROOT = f"{URL}/services/data/v65.0"
DATE = {"Date": "Thu, 19 Nov 2026 12:00:00 GMT"}
LEAD = Ref("salesforce", "lead", "00Q8d00000Kp3aTEAR")


@pytest.fixture
def mock() -> Any:
    with responses.RequestsMock() as found:
        yield found


@pytest.fixture
def crm(mapping: Any, quick_clock: Any) -> SalesforceCrm:
    credentials = Credentials("LEADSYNC_SALESFORCE", token=Secret("ready-token"))
    return SalesforceCrm("salesforce", URL, "65.0", credentials, mapping(), company_zone="UTC", clock=quick_clock)


def composite(*bodies: Any) -> dict[str, Any]:
    parts = [
        {"httpStatusCode": status, "body": body, "httpHeaders": {}, "referenceId": f"r{number}"}
        for number, (status, body) in enumerate(bodies)
    ]
    return {"json": {"compositeResponse": parts}, "headers": DATE}


def rows(*found: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    return 200, {"totalSize": len(found), "done": True, "records": list(found)}


ORG = rows({"Id": "00D8d000000XyZ1EAK", "InstanceName": "EU42", "IsSandbox": False})
NO_ROWS = rows()


class TestConnecting:
    def test_a_ready_token_says_whose_it_is(self, mock: Any, crm: Any) -> None:
        mock.post(f"{ROOT}/composite", **composite(ORG, (200, {"fields": []}), NO_ROWS, NO_ROWS))
        mock.get(f"{URL}/services/oauth2/userinfo", json={"user_id": "0058d000004Qm7RAAS"})

        org = crm.connect()

        assert (org.org_id, org.instance, org.sandbox, org.user_id) == (
            "00D8d000000XyZ1EAK",
            "EU42",
            False,
            "0058d000004Qm7RAAS",
        )
        assert crm.connect() is org
        assert crm.now() == datetime(2026, 11, 19, 12, tzinfo=UTC)

    @pytest.mark.parametrize("userinfo", [{"status": 403, "body": "Bad_OAuth_Token"}, {"body": "<html>"}])
    def test_a_token_of_nobody_is_refused(self, mock: Any, crm: Any, userinfo: Any) -> None:
        mock.post(f"{ROOT}/composite", **composite(ORG, (200, {"fields": []}), NO_ROWS, NO_ROWS))
        mock.get(f"{URL}/services/oauth2/userinfo", **userinfo)
        with pytest.raises(CrmAuthFailed):
            crm.connect()

    @pytest.mark.parametrize("organisation", [NO_ROWS, (400, [{"errorCode": "INVALID_TYPE", "message": "x"}])])
    def test_an_org_without_a_name_is_not_trusted(self, mock: Any, crm: Any, organisation: Any) -> None:
        mock.post(f"{ROOT}/composite", **composite(organisation, (200, {"fields": []}), NO_ROWS, NO_ROWS))
        with pytest.raises(CrmAuthFailed, match="which org"):
            crm.connect()

    def test_an_api_that_is_switched_off_points_to_the_doctor(self, mock: Any, crm: Any) -> None:
        mock.post(f"{ROOT}/composite", status=403, json=[{"errorCode": "API_DISABLED_FOR_ORG", "message": "x"}])
        with pytest.raises(CrmUnavailable, match=r"API Enabled.*doctor"):
            crm.connect()

    def test_an_answer_that_fits_nothing_is_asked_again_and_then_unavailable(
        self, mock: Any, crm: Any, quick_clock: Any
    ) -> None:
        asked = mock.post(f"{ROOT}/composite", **composite(ORG))
        with pytest.raises(CrmUnavailable):
            crm.connect()
        assert asked.call_count == 5
        assert sum(quick_clock.waits) > 20

    def test_a_version_list_without_a_date_is_no_salesforce(self, mock: Any, crm: Any) -> None:
        mock.get(f"{URL}/services/data/", json=[{"version": "65.0"}])
        with pytest.raises(CrmUnavailable, match="Date"):
            crm.now()

    def test_used_up_requests_stop_everything_for_a_while(self, mock: Any, crm: Any, quick_clock: Any) -> None:
        used_up = {
            "status": 403,
            "json": [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "TotalRequests Limit exceeded."}],
        }
        asked = mock.post(f"{ROOT}/composite", **used_up)
        for _ in range(3):
            with pytest.raises(CrmBudgetExhausted):
                crm.connect()
        assert asked.call_count == 1
        quick_clock.passed += 901
        with pytest.raises(CrmBudgetExhausted):
            crm.connect()
        assert asked.call_count == 2


class TestBulkJobs:
    @pytest.fixture
    def bulk(self, crm: Any, quick_clock: Any) -> Bulk:
        return Bulk(crm._client, clock=quick_clock, stop=Event())

    def job(self, mock: Any, state: str) -> None:
        mock.get(f"{ROOT}/jobs/query/750", json={"id": "750", "state": state}, headers=DATE)

    def test_a_job_is_looked_at_less_and_less_often(self, mock: Any, bulk: Any, quick_clock: Any) -> None:
        for state in ("UploadComplete", "InProgress", "InProgress", "JobComplete"):
            self.job(mock, state)

        assert len(list(bulk.wait("750"))) == 3
        assert quick_clock.waits == [1.0, 2.0, 4.0]

    @pytest.mark.parametrize("state", ["Failed", "Aborted"])
    def test_a_job_that_failed_blocks_its_object(self, mock: Any, bulk: Any, state: str) -> None:
        self.job(mock, state)
        with pytest.raises(ObjectBlocked, match=state):
            list(bulk.wait("750"))

    def test_a_stop_ends_the_waiting(self, crm: Any, quick_clock: Any) -> None:
        stop = Event()
        stop.set()
        with pytest.raises(CrmUnavailable):
            list(Bulk(crm._client, clock=quick_clock, stop=stop).wait("750"))

    @pytest.mark.parametrize(
        "answer",
        [{"status": 400, "json": [{"errorCode": "INVALIDENTITY", "message": "not supported by the Bulk API"}]}, {"body": "<html>"},
         {"body": requests.ReadTimeout()}],
    )  # fmt: skip
    def test_what_cannot_be_had_in_bulk_is_read_page_by_page(self, mock: Any, bulk: Any, answer: Any) -> None:
        mock.post(f"{ROOT}/jobs/query", **answer)
        assert bulk.start("SELECT Id FROM TaskStatus") is None

    def test_results_without_a_wanted_column_name_the_trouble(self, mock: Any, bulk: Any) -> None:
        mock.get(f"{ROOT}/sobjects/Lead/describe", json={"fields": [{"name": "Id", "type": "id", "referenceTo": []}]})
        mock.get(f"{ROOT}/jobs/query/750/results", body='"Id"\n"00Q"\n', headers={**DATE, "Sforce-Locator": "null"})
        with pytest.raises(ObjectBlocked, match="spelled"):
            list(bulk.rows("750", "Lead", ("Id", "Title"), "", 0))


class TestJoining:
    @pytest.fixture
    def join(self, mock: Any, crm: Any) -> Any:
        def joined(members: Any, *, joins: bool = True, **answer: Any) -> Any:
            mock.get(f"{ROOT}/query", json=rows({"Id": "7018d000001abcdAAA"})[1])
            mock.post(f"{ROOT}/composite", **composite(members))
            if answer:
                mock.add(responses.POST if joins else responses.DELETE, f"{ROOT}/composite/sobjects", **answer)
            (outcome,) = crm.join([Membership("e1", LEAD, "stay", joins, "g")])
            return outcome

        return joined

    def error(self, code: str) -> list[dict[str, Any]]:
        return [{"success": False, "errors": [{"statusCode": code, "message": "x", "fields": []}]}]

    @pytest.mark.parametrize(
        ("code", "state"),
        [("DUPLICATE_VALUE", "applied"), ("UNABLE_TO_LOCK_ROW", "pending"), ("CANNOT_UPDATE_CONVERTED_LEAD", "superseded"),
         ("FIELD_INTEGRITY_EXCEPTION", "rejected")],
    )  # fmt: skip
    def test_a_refused_member_ends_in_its_class(self, join: Any, code: str, state: str) -> None:
        assert join(NO_ROWS, json=self.error(code)).state == state

    def test_who_has_left_already_needs_nothing(self, join: Any) -> None:
        member = rows({"Id": "00v8d000001abcdAAA", "LeadId": LEAD.id, "ContactId": None})
        assert join(member, joins=False, json=self.error("ENTITY_IS_DELETED")).state == "applied"

    def test_who_was_never_there_needs_nothing_to_leave(self, join: Any) -> None:
        assert join(NO_ROWS, joins=False).state == "applied"

    @pytest.mark.parametrize(
        ("answer", "state"),
        [({"body": requests.ReadTimeout()}, "unknown"), ({"body": requests.ConnectTimeout()}, "pending"), ({"status": 503, "body": "<html>"}, "unknown"),
         ({"status": 429, "body": ""}, "pending"), ({"json": []}, "unknown"), ({"status": 400, "json": [{"errorCode": "JSON_PARSER_ERROR"}]}, "rejected")],
    )  # fmt: skip
    def test_an_answer_that_is_lost_or_refused_ends_in_its_class(self, join: Any, answer: Any, state: str) -> None:
        assert join(NO_ROWS, **answer).state == state


class TestBudget:
    def test_requests_age_out_after_a_day(self, quick_clock: Any) -> None:
        budget = Budget(quick_clock, share=0.2, reserve=0.2)
        budget.spend(urgent=False, requests=15)
        budget.note(18, 100)
        budget.spend(urgent=False)
        assert not budget.allows(urgent=False)
        assert budget.allows(urgent=True)
        for _ in range(4):
            budget.spend(urgent=True)
        with pytest.raises(CrmBudgetExhausted):
            budget.spend(urgent=True)
        for _ in range(26):
            quick_clock.passed += 3600
            assert budget.allows(urgent=False) is (quick_clock.passed > 1000 + 25 * 3600)

    @pytest.mark.parametrize(("used", "left"), [(None, 5), (1000, 5), (12, 8), (0, 20)])
    def test_requests_of_earlier_processes_count_as_far_as_the_org_has_counted_them(
        self, quick_clock: Any, used: int | None, left: int
    ) -> None:
        budget = Budget(quick_clock, share=0.2, reserve=0.0, limit=100)
        if used is not None:
            budget.note(used, 100)
        budget.count_in([(3600.0, 5), (7200.0, 10)])
        for _ in range(left):
            budget.spend(urgent=False)
        assert not budget.allows(urgent=False)
        quick_clock.passed += 86400 - 7200 + 3700  # the older ones are a day old, and an hour
        assert budget.allows(urgent=False) is (used != 0)

    @pytest.mark.parametrize(
        ("header", "seen"),
        [
            ("api-usage=18/5000", (18, 5000)), ("api-usage=18/5000; per-app-api-usage=17/250(appName=leadsync)", (18, 5000)),
            (" x; api-usage=18/5000", (18, 5000)), ("nothing to see", (None, None)), (None, (None, None)),
        ],
    )  # fmt: skip
    def test_the_orgs_count_is_found_in_every_form(self, quick_clock: Any, header: str | None, seen: Any) -> None:
        session, stop = new_session(), Event()
        login = Login(session, "https://x.example", Credentials("P", token=Secret("t")), clock=quick_clock, stop=stop)
        client = Client(session, login, "65.0", clock=quick_clock, stop=stop, budget=Budget(quick_clock, 0.2, 0.2))
        with responses.RequestsMock() as wire:
            wire.get(
                "https://x.example/services/data/", json=[], headers={"Sforce-Limit-Info": header} if header else {}
            )
            client.versions()
        assert (client.usage().used, client.usage().limit) == seen


@pytest.mark.parametrize(
    ("body", "codes"),
    [
        (b'[{"errorCode": "INVALID_FIELD", "message": "m"}]', ["INVALID_FIELD"]),
        (b'[{"statusCode": "STRING_TOO_LONG", "message": "m", "fields": ["A__c", "mail@acme.example"]}]', ["STRING_TOO_LONG:A__c"]),
        (b'{"exceptionCode": "InvalidSessionId", "exceptionMessage": "m"}', ["INVALID_SESSION_ID"]),
        (b'[{"errorCode": "ada@acme.example"}]', ["UNREADABLE_ERROR"]),
        (b"<html>", []), (b"", []), (b"null", []), (b"[1]", []), (b'{"error": "invalid_grant"}', []),
    ],
)  # fmt: skip
def test_errors_are_read_in_all_their_shapes_and_say_nothing_personal(body: bytes, codes: list[str]) -> None:
    assert [str(fault) for fault in faults(body)] == codes


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (400, b'[{"errorCode":"INVALID_FIELD","message":"No such column \'Scor__c\' on entity"}]', ObjectBlocked, "no field Scor__c"),
        (400, b'[{"errorCode":"INVALID_FIELD","message":"?"}]', ObjectBlocked, "INVALID_FIELD"),
        (400, b'[{"errorCode":"INVALID_TYPE","message":"x"}]', ObjectBlocked, "no such object"),
        (403, b'[{"errorCode":"TXN_SECURITY_METERING_ERROR","message":"x"}]', ObjectBlocked, "Exempt"),
        (410, b'[{"errorCode":"UNSUPPORTED_API_VERSION","message":"x"}]', ObjectBlocked, "api_version"),
        (400, b'[{"errorCode":"QUERY_TIMEOUT","message":"x"}]', ObjectBlocked, "too long"),
        (403, b'[{"errorCode":"REQUEST_LIMIT_EXCEEDED","message":"ConcurrentRequests Limit exceeded."}]', CrmUnavailable, "long requests"),
        (403, b'[{"errorCode":"REQUEST_LIMIT_EXCEEDED","message":"TotalRequests Limit exceeded."}]', CrmBudgetExhausted, "used up"),
        (420, b"<html>", CrmUnavailable, "420"), (503, b"", CrmUnavailable, "503"), (406, b"", CrmUnavailable, "406"), (404, b"", ObjectBlocked, "404"),
    ],
)  # fmt: skip
def test_a_refused_read_says_who_must_act(status: int, body: bytes, kind: type[Exception], words: str) -> None:
    error = refusal(status, faults(body), "Lead")
    assert type(error) is kind
    assert words in str(error)
