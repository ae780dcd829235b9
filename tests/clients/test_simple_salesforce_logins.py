"""How simple-salesforce gets in: every OAuth flow it knows, sessions that expire, and https without any adapter."""

from collections.abc import Callable
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import SalesforceAuthenticationFailed, SalesforceExpiredSession

from leadsync.sandbox import Options, Server, serve

INTEGRATION = "integration@acme.example"


def who(sf: Any) -> Any:
    return sf.oauth2("userinfo")["preferred_username"]


def client_of(box: Server, session: requests.Session, **given: Any) -> Salesforce:
    return Salesforce(consumer_key=box.client_id, session=session, version="65.0", **given)


@pytest.fixture(scope="module")
def private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def test_client_credentials_lead_to_the_integration_user(sf: Any) -> None:
    assert sf.auth_type == "client-credentials"
    assert who(sf) == INTEGRATION


def test_a_username_and_password_lead_to_the_integration_user(box: Server, session: requests.Session) -> None:
    sf = client_of(box, session, consumer_secret=box.client_secret, username=INTEGRATION, password="any & all+")

    assert sf.auth_type == "password"
    assert who(sf) == INTEGRATION


def test_a_signed_assertion_leads_to_the_integration_user(
    box: Server, session: requests.Session, private_key: str
) -> None:
    sf = client_of(box, session, username=INTEGRATION, privatekey=private_key)

    assert sf.auth_type == "jwt-bearer"
    assert who(sf) == INTEGRATION


def test_a_session_that_is_given_is_used_as_it_is(box: Server, session: requests.Session) -> None:
    sf = Salesforce(session_id=box.token, instance_url=box.url, session=session, version="65.0")

    assert who(sf) == INTEGRATION


@pytest.mark.parametrize(
    ("given", "code", "message"),
    [
        ({"consumer_secret": "wrong", "domain": "acme.my"}, "invalid_client", "invalid client credentials"),
        (
            {"consumer_secret": "wrong", "username": INTEGRATION, "password": "p"},
            "invalid_client",
            "invalid client credentials",
        ),
    ],
)
def test_a_wrong_secret_keeps_a_client_out(
    box: Server, session: requests.Session, given: dict[str, str], code: str, message: str
) -> None:
    with pytest.raises(SalesforceAuthenticationFailed) as refused:
        client_of(box, session, **given)

    assert (refused.value.code, refused.value.auth_message) == (code, message)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_user_whom_nobody_approved_is_kept_out(box: Server, session: requests.Session, private_key: str) -> None:
    with pytest.raises(SalesforceAuthenticationFailed, match="invalid_grant"):
        client_of(box, session, username="stranger@acme.example", privatekey=private_key)


def test_an_expired_session_is_renewed_by_the_client(
    sf: Any, control: Callable[..., Any], log: Callable[[], list[dict[str, Any]]]
) -> None:
    control("faults", expire_token_after=2)

    assert [sf.query("SELECT Id FROM Organization")["totalSize"] for _ in range(5)] == [1] * 5
    assert [sf.Organization.describe()["name"] for _ in range(3)] == ["Organization"] * 3

    # Eight calls at two a token: the one from the log-in and three more.
    assert [entry["path"] for entry in log()].count("/services/oauth2/token") == 3


def test_a_given_session_that_expired_is_the_callers_to_renew(box: Server, session: requests.Session) -> None:
    sf = Salesforce(session_id="made up", instance_url=box.url, session=session, version="65.0")

    with pytest.raises(SalesforceExpiredSession) as refused:
        sf.query("SELECT Id FROM Lead")

    content: Any = refused.value.content
    assert content == [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]


def test_over_https_the_client_needs_no_adapter_at_all() -> None:
    server = serve(Options(empty=True, tls=True)).start()
    try:
        with requests.Session() as session:
            session.verify, session.trust_env = str(server.certificate), False
            sf: Any = Salesforce(session_id=server.token, instance_url=server.url, session=session, version="65.0")

            assert sf.is_sandbox() is True
            lead = sf.Lead.create({"LastName": "Osei", "Company": "Initech"})["id"]
            assert sf.Lead.get(lead)["LastName"] == "Osei"
    finally:
        server.stop()
