"""Logging in through msal: secret, certificate, managed identity, ready token; what is told when it is refused."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any
from urllib.parse import parse_qs

import jwt
import pytest
import requests
import responses
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from leadsync.crm.dynamics.auth import Credentials, Login
from leadsync.errors import CrmAuthFailed, CrmUnavailable
from leadsync.secret import Secret

URL = "https://acme.crm4.dynamics.com"
AUTHORITY = "https://login.microsoftonline.com/acme.example"
TOKEN = f"{AUTHORITY}/oauth2/v2.0/token"
SECRET = Credentials("LEADSYNC_DYNAMICS", client_id="app", client_secret=Secret("s3cret"))


def place(authority: str = AUTHORITY) -> dict[str, str]:
    return {
        "authorization_endpoint": f"{authority}/oauth2/v2.0/authorize", "token_endpoint": f"{authority}/oauth2/v2.0/token",
        "issuer": f"{authority}/v2.0",
    }  # fmt: skip


def granted(token: str = "t1", seconds: int = 3599) -> dict[str, Any]:
    return {"token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds, "access_token": token}


@pytest.fixture
def wire() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=True) as found:
        yield found


@pytest.fixture
def login(quick_clock: Any) -> Any:
    def make(credentials: Credentials = SECRET, url: str = URL, tenant: str = "acme.example") -> Login:
        return Login(url, tenant, credentials, clock=quick_clock, stop=Event())

    return make


def posted(wire: responses.RequestsMock) -> list[dict[str, str]]:
    return [
        {name: values[0] for name, values in parse_qs(str(call.request.body)).items()}
        for call in wire.calls
        if call.request.method == "POST"
    ]


def test_a_secret_gets_a_token_that_is_kept_while_it_is_young(wire: Any, login: Any) -> None:
    wire.get(f"{AUTHORITY}/v2.0/.well-known/openid-configuration", json=place())
    wire.post(TOKEN, json=granted())
    mine = login()
    assert [mine.current().reveal() for _ in range(3)] == ["t1"] * 3
    (form,) = posted(wire)
    assert form["grant_type"] == "client_credentials"
    assert form["scope"] == f"{URL}/.default"
    assert (form["client_id"], form["client_secret"]) == ("app", "s3cret")


def test_a_token_about_to_run_out_is_replaced(wire: Any, login: Any) -> None:
    wire.get(f"{AUTHORITY}/v2.0/.well-known/openid-configuration", json=place())
    wire.post(TOKEN, json=granted("old", 120))
    wire.post(TOKEN, json=granted("new"))
    mine = login()
    assert mine.current().reveal() == "old"
    assert mine.current().reveal() == "new"


def test_a_refused_token_is_replaced_although_it_seems_young(wire: Any, login: Any) -> None:
    wire.get(f"{AUTHORITY}/v2.0/.well-known/openid-configuration", json=place())
    wire.post(TOKEN, json=granted("t1"))
    wire.post(TOKEN, json=granted("t2"))
    mine = login()
    first = mine.current()
    assert mine.refresh(first).reveal() == "t2"
    assert mine.refresh(first).reveal() == "t2", "who comes second gets what the first one fetched"


@pytest.fixture(scope="module")
def certificate() -> tuple[str, str]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "leadsync")])
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC)).not_valid_after(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=900))
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return pem.decode(), made.public_bytes(serialization.Encoding.PEM).decode()


@pytest.mark.parametrize("together", [True, False])
def test_a_certificate_signs_for_itself(wire: Any, login: Any, certificate: tuple[str, str], together: bool) -> None:
    key, public = certificate
    wire.get(f"{AUTHORITY}/v2.0/.well-known/openid-configuration", json=place())
    wire.post(TOKEN, json=granted())
    given: dict[str, Any] = (
        {"certificate": Secret(key + public)}
        if together
        else {"certificate": Secret(public), "private_key": Secret(key)}
    )
    mine = login(Credentials("LEADSYNC_DYNAMICS", client_id="app", **given))
    assert mine.current().reveal() == "t1"
    (form,) = posted(wire)
    assert "client_secret" not in form
    assert jwt.decode(form["client_assertion"], options={"verify_signature": False})["aud"] == TOKEN


def test_a_certificate_that_is_none_is_told(wire: Any, login: Any) -> None:
    wire.get(f"{AUTHORITY}/v2.0/.well-known/openid-configuration", json=place())
    with pytest.raises(CrmAuthFailed, match="LEADSYNC_DYNAMICS_CERTIFICATE"):
        login(Credentials("LEADSYNC_DYNAMICS", client_id="app", certificate=Secret("x"))).current()


@pytest.mark.parametrize("client_id", [None, "user-assigned"])
def test_a_machine_with_an_identity_needs_no_secret(
    wire: Any, login: Any, monkeypatch: pytest.MonkeyPatch, client_id: str | None
) -> None:
    monkeypatch.setenv("IDENTITY_ENDPOINT", "http://127.0.0.1:41/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", "proof")
    wire.get(
        "http://127.0.0.1:41/msi/token",
        json={"access_token": "t1", "expires_on": "4102444800", "resource": URL, "token_type": "Bearer"},
    )
    assert login(Credentials("LEADSYNC_DYNAMICS", client_id=client_id)).current().reveal() == "t1"
    assert wire.calls[0].request.params["resource"] == URL
    assert wire.calls[0].request.params.get("client_id") == client_id


def test_without_anything_to_log_in_with_it_is_said_what_is_missing(login: Any) -> None:
    with pytest.raises(CrmAuthFailed, match="LEADSYNC_DYNAMICS_CLIENT_SECRET"):
        login(Credentials("LEADSYNC_DYNAMICS"), url="http://127.0.0.1:9").current()


def test_a_ready_token_is_used_as_it_is_until_it_is_refused(login: Any) -> None:
    mine = login(Credentials("LEADSYNC_DYNAMICS", token=Secret("ready")))
    assert mine.current().reveal() == "ready"
    with pytest.raises(CrmAuthFailed, match="LEADSYNC_DYNAMICS_TOKEN"):
        mine.refresh(mine.current())


@pytest.mark.parametrize(
    ("number", "words"),
    [(7000215, "CLIENT_SECRET"), (7000222, "expired"), (700016, "CLIENT_ID"), (500011, "url:"), (700027, "CERTIFICATE"), (1, "registration")],
)  # fmt: skip
def test_a_refusal_says_what_to_mend_and_nothing_secret(
    wire: Any, login: Any, quick_clock: Any, number: int, words: str
) -> None:
    wire.get(f"{AUTHORITY}/v2.0/.well-known/openid-configuration", json=place())
    body = {
        "error": "invalid_client",
        "error_description": f"AADSTS{number}: s3cret for ada@acme.example",
        "error_codes": [number],
    }
    wire.post(TOKEN, status=401, json=body)
    mine = login()
    with pytest.raises(CrmAuthFailed, match=words) as refused:
        mine.current()
    assert "s3cret" not in str(refused.value)
    assert "ada@" not in str(refused.value)
    with pytest.raises(CrmAuthFailed):
        mine.current()
    assert len(posted(wire)) == 1, "nobody is locked out by us"
    wire.get(f"{AUTHORITY}/v2.0/.well-known/openid-configuration", json=place())
    wire.replace(responses.POST, TOKEN, json=granted())
    quick_clock.passed += 301
    assert mine.current().reveal() == "t1"


def test_a_place_with_an_error_of_its_own_is_asked_again(wire: Any, login: Any, quick_clock: Any) -> None:
    wire.get(f"{AUTHORITY}/v2.0/.well-known/openid-configuration", json=place())
    wire.post(TOKEN, status=500)
    wire.post(TOKEN, json=granted())
    assert login().current().reveal() == "t1"
    assert quick_clock.waits


def test_a_place_that_cannot_be_reached_is_no_wrong_secret(wire: Any, login: Any) -> None:
    wire.get(f"{AUTHORITY}/v2.0/.well-known/openid-configuration", body=requests.ConnectionError("no route"))
    with pytest.raises(CrmUnavailable):
        login().current()


def test_an_unknown_tenant_is_told(wire: Any, login: Any) -> None:
    wire.get(f"{AUTHORITY}/v2.0/.well-known/openid-configuration", status=400, json={"error": "invalid_tenant"})
    with pytest.raises(CrmAuthFailed, match="tenant:"):
        login().current()


def test_another_clouds_authority_is_named_whole(wire: Any, login: Any) -> None:
    other = "https://login.microsoftonline.us/acme.example"
    wire.get(f"{other}/v2.0/.well-known/openid-configuration", json=place(other))
    wire.post(f"{other}/oauth2/v2.0/token", json=granted())
    assert login(tenant=other).current().reveal() == "t1"


def test_such_an_environment_takes_a_certificate_too(
    org: Any, login: Any, certificate: tuple[str, str], follow: Any
) -> None:
    key, public = certificate
    mine = org.credentials(client_secret=None, certificate=Secret(public), private_key=Secret(key))
    assert login(mine, url=org.url).current().reveal()
    (lead,) = org.leads(1)
    assert list(follow(org.crm(credentials=mine)).poll().stages) == [lead]


def test_an_environment_on_this_machine_issues_its_own_tokens(org: Any, login: Any) -> None:
    mine = login(org.credentials(), url=org.url)
    assert mine.current().reveal()
    wrong = login(org.credentials(client_secret=Secret("wrong")), url=org.url)
    with pytest.raises(CrmAuthFailed, match="AADSTS7000215"):
        wrong.current()
    assert all(not line["api"] for line in org.requests()), json.dumps("token requests cost nothing")
