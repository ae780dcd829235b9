"""A client that was not written for the box: simple-salesforce, as it comes, over an adapter that leaves https out."""

import time
from datetime import timedelta
from typing import Any

import jwt
import pytest
import requests
from requests.adapters import HTTPAdapter
from simple_salesforce import Salesforce, SFType
from simple_salesforce.exceptions import (
    SalesforceAuthenticationFailed,
    SalesforceExpiredSession,
    SalesforceMalformedRequest,
    SalesforceResourceNotFound,
)

LOGIN_HOST = "https://acme.my.salesforce.com"


class ToTheBox(HTTPAdapter):
    """Sends what is meant for a Salesforce host to the box."""

    def __init__(self, url: Any) -> None:
        super().__init__()
        self.url = url

    def send(self, request: Any, *args: Any, **given: Any) -> Any:
        host = LOGIN_HOST if request.url.startswith(LOGIN_HOST) else self.url.replace("http://", "https://")
        request.url = request.url.replace(host, self.url, 1)
        return super().send(request, *args, **given)


@pytest.fixture
def session(crm: Any) -> Any:
    with requests.Session() as session:
        session.mount("https://", ToTheBox(crm.server.url))
        yield session


@pytest.fixture
def sf(crm: Any, session: Any) -> Any:
    return Salesforce(session_id=crm.server.token, instance_url=crm.server.url, session=session, version="65.0")


def test_it_logs_in_with_client_credentials_and_refreshes_an_expired_session(crm: Any, session: Any) -> None:
    server = crm.server
    sf = Salesforce(
        consumer_key=server.client_id,
        consumer_secret=server.client_secret,
        domain="acme.my",
        session=session,
        version="65.0",
    )
    crm.control("faults", expire_token_after=2)

    assert [sf.query("SELECT Id FROM Organization")["totalSize"] for _ in range(5)] == [1] * 5


def test_it_is_refused_with_a_wrong_secret(crm: Any, session: Any) -> None:
    with pytest.raises(SalesforceAuthenticationFailed):
        Salesforce(consumer_key=crm.server.client_id, consumer_secret="wrong", domain="acme.my", session=session)


def token(crm: Any, **form: Any) -> Any:
    answer = crm.session.post(f"{crm.server.url}/services/oauth2/token", data=form, timeout=60)
    return answer.status_code, answer.json()


def test_jwt_and_password_lead_to_the_same_user(crm: Any) -> None:
    claims = {
        "iss": crm.server.client_id,
        "sub": "integration@acme.example",
        "aud": "https://login.salesforce.com",
        "exp": time.time() + 180,
    }

    def assertion(**given: Any) -> Any:
        return jwt.encode({**claims, **given}, "k" * 40, algorithm="HS256")

    grant = "urn:ietf:params:oauth:grant-type:jwt-bearer"
    status, good = token(crm, grant_type=grant, assertion=assertion())
    _, late = token(crm, grant_type=grant, assertion=assertion(exp=time.time() - 5))
    _, stranger = token(crm, grant_type=grant, assertion=assertion(sub="stranger@acme.example"))
    client = {"client_id": crm.server.client_id, "client_secret": crm.server.client_secret}
    _, password = token(crm, grant_type="password", username="integration@acme.example", password="any", **client)
    _, unknown = token(crm, grant_type="magic")

    assert (status, good["token_type"], good["instance_url"]) == (200, "Bearer", crm.server.url)
    assert "expires_in" not in good
    assert len(good["issued_at"]) == 13
    assert late == {"error": "invalid_grant", "error_description": "expired authorization code"}
    assert stranger["error_description"] == "user hasn't approved this consumer"
    assert password["id"] == good["id"]
    assert unknown["error"] == "unsupported_grant_type"
    who = crm.call(
        "GET", "/services/oauth2/userinfo", headers={"Authorization": f"Bearer {good['access_token']}"}
    ).json()
    assert who["preferred_username"] == "integration@acme.example"


def test_an_unknown_token_is_refused(crm: Any, session: Any) -> None:
    sf = Salesforce(session_id="made up", instance_url=crm.server.url, session=session, version="65.0")

    with pytest.raises(SalesforceExpiredSession):
        sf.query("SELECT Id FROM Lead")


def test_it_creates_reads_changes_and_deletes(sf: Any) -> None:
    made = sf.Lead.create({"LastName": "Osei", "Company": "Initech"})
    assert sf.Lead.update(made["id"], {"Title": "CFO"}) == 204
    assert sf.Lead.get(made["id"])["Title"] == "CFO"
    assert sf.Contact.upsert("Legacy_Id__c/s-1", {"LastName": "x"}) == 201
    assert sf.Contact.get_by_custom_id("Legacy_Id__c", "s-1")["LastName"] == "x"
    assert sf.Lead.delete(made["id"]) == 204
    with pytest.raises(SalesforceResourceNotFound):
        sf.Lead.get(made["id"])
    with pytest.raises(SalesforceMalformedRequest):
        sf.query("SELECT Nonsense FROM Lead")


def test_it_pages_describes_and_reads_limits(crm: Any, sf: Any) -> None:
    crm.control("load", Lead=[{"LastName": f"S{n}", "Company": "Paged"} for n in range(230)])
    rows = list(
        sf.query_all_iter(
            "SELECT Id FROM Lead WHERE Company = 'Paged'", headers={"Sforce-Query-Options": "batchSize=200"}
        )
    )

    assert len(rows) == 230
    assert "LeadSync_Score__c" in {field["name"] for field in sf.Lead.describe()["fields"]}
    assert {"Lead", "Contact", "LeadHistory"} <= {kind["name"] for kind in sf.describe()["sobjects"]}
    assert sf.limits()["DailyApiRequests"]["Max"] == 100_000
    assert sf.api_usage["api-usage"].total == 100_000


def test_it_lists_what_was_updated_and_deleted(crm: Any, sf: Any) -> None:
    lead, gone = (
        sf.Lead.create({"LastName": "a", "Company": "b"})["id"],
        sf.Lead.create({"LastName": "a", "Company": "b"})["id"],
    )
    sf.Lead.delete(gone)
    start = crm.now() - timedelta(minutes=1)
    crm.advance(60)
    end = crm.now() + timedelta(minutes=1)

    assert lead in sf.Lead.updated(start, end)["ids"]
    assert gone in {record["id"] for record in sf.Lead.deleted(start, end)["deletedRecords"]}


def test_it_queries_and_loads_in_bulk(sf: Any) -> None:
    results = sf.bulk2.Lead.insert(records=[{"LastName": f"L{n}", "Company": "Bulk2"} for n in range(5)], wait=0)
    pages = list(sf.bulk2.Lead.query("SELECT Id, LastName FROM Lead WHERE Company = 'Bulk2'", max_records=2, wait=0))

    assert (results[0]["numberRecordsProcessed"], results[0]["numberRecordsFailed"]) == (5, 0)
    assert sum(page.count("\n") - 1 for page in pages) == 5
    assert len(pages) == 3


def test_its_requests_arrive_with_their_headers(crm: Any, sf: Any) -> None:
    lead = sf.Lead.create({"LastName": "a", "Company": "b"})["id"]
    crm.requests()
    sf.Lead.update(lead, {"Title": "x"}, headers={"Sforce-Auto-Assign": "FALSE"})

    entry = crm.requests()[0]
    assert (entry["method"], entry["path"], entry["status"]) == (
        "PATCH",
        f"/services/data/v65.0/sobjects/Lead/{lead}",
        204,
    )
    assert entry["Sforce-Auto-Assign"] == "FALSE"
    assert isinstance(sf.Lead, SFType)
