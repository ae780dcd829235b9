"""Logging in: the flows, renewing, and what is said when Salesforce refuses."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import jwt
import pytest
import responses
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from leadsync.crm.salesforce import Credentials, SalesforceCrm
from leadsync.crm.salesforce.auth import Login
from leadsync.errors import CrmAuthFailed, CrmUnavailable, WrongOrg
from leadsync.http import new_session
from leadsync.secret import Secret

URL = "https://acme.my.salesforce.com"
TOKEN = f"{URL}/services/oauth2/token"
CLIENT = Credentials("LEADSYNC_SF", "key", Secret("s3cret"))


def granted(token: Any = "t1", org: Any = "00D8d000000XyZ1EAK") -> Any:
    return {
        "access_token": token,
        "instance_url": URL,
        "id": f"https://login.salesforce.com/id/{org}/0058d000004Qm7RAAS",
        "issued_at": "1",
    }


@pytest.fixture
def mock() -> Any:
    with responses.RequestsMock() as found:
        yield found


@pytest.fixture
def login(quick_clock: Any) -> Any:
    def make(credentials: Any = CLIENT, url: Any = URL) -> Any:
        return Login(new_session(), url, credentials, clock=quick_clock, stop=Event())

    return make


def test_client_credentials_name_the_org_and_the_user(mock: Any, login: Any) -> None:
    mock.post(
        TOKEN,
        json=granted(),
        match=[
            responses.matchers.urlencoded_params_matcher(
                {"grant_type": "client_credentials", "client_id": "key", "client_secret": "s3cret"}
            )
        ],
    )

    token = login().current()

    assert (token.org_id, token.user_id, token.instance) == ("00D8d000000XyZ1EAK", "0058d000004Qm7RAAS", URL)
    assert "t1" not in repr(token)


@pytest.mark.parametrize(
    ("url", "audience"),
    [
        (URL, "https://login.salesforce.com"),
        ("https://acme--dev.sandbox.my.salesforce.com", "https://test.salesforce.com"),
    ],
)
def test_a_jwt_is_signed_for_the_right_login_host(mock: Any, login: Any, url: Any, audience: Any) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    mock.post(f"{url}/services/oauth2/token", json=granted())

    login(Credentials("LEADSYNC_SF", "key", private_key=Secret(pem), username="leadsync@acme.example"), url).current()

    sent = dict(part.split("=") for part in mock.calls[0].request.body.split("&"))
    claims = jwt.decode(
        sent["assertion"], key.public_key(), algorithms=["RS256"], audience=audience, options={"verify_exp": False}
    )
    assert (claims["iss"], claims["sub"]) == ("key", "leadsync@acme.example")
    assert 1795000000 < claims["exp"] < 1796000000  # seconds, not milliseconds


def test_a_key_that_is_none_names_its_variable_and_not_itself(login: Any) -> None:
    with pytest.raises(CrmAuthFailed, match="LEADSYNC_SF_PRIVATE_KEY") as caught:
        login(Credentials("LEADSYNC_SF", "key", private_key=Secret("nonsense"), username="u")).current()
    assert "nonsense" not in str(caught.value)


def test_the_password_flow_still_works_where_an_org_allows_it(mock: Any, login: Any) -> None:
    mock.post(
        TOKEN,
        json=granted(),
        match=[
            responses.matchers.urlencoded_params_matcher(
                {
                    "grant_type": "password",
                    "username": "u",
                    "password": "p+token",
                    "client_id": "key",
                    "client_secret": "s3cret",
                }
            )
        ],
    )

    assert login(
        Credentials("LEADSYNC_SF", "key", Secret("s3cret"), username="u", password=Secret("p+token"))
    ).current()


@pytest.mark.parametrize("lacking", [
    Credentials("LEADSYNC_SF"), Credentials("LEADSYNC_SF", "key"), Credentials("LEADSYNC_SF", "key", private_key=Secret("k")),
    Credentials("LEADSYNC_SF", username="u", password=Secret("p")),
])  # fmt: skip
def test_incomplete_credentials_name_the_variables_to_set(login: Any, lacking: Any) -> None:
    with pytest.raises(CrmAuthFailed, match="LEADSYNC_SF_CLIENT_ID"):
        login(lacking).current()


@pytest.mark.parametrize(
    ("error", "hint"),
    [("invalid_client", "LEADSYNC_SF_CLIENT_SECRET"), ("invalid_client_id", "LEADSYNC_SF_CLIENT_ID"), ("inactive_user", "activate"),
     ("invalid_grant", "Run As user"), ("unsupported_grant_type", "OAuth settings")],
)  # fmt: skip
def test_a_dead_grant_says_what_to_mend_and_is_not_tried_in_a_loop(
    mock: Any, login: Any, quick_clock: Any, error: Any, hint: Any
) -> None:
    mock.post(TOKEN, status=400, json={"error": error, "error_description": "user leadsync@acme.example is wrong"})
    mine = login()

    for _ in range(3):
        with pytest.raises(CrmAuthFailed, match=hint) as caught:
            mine.current()
    assert len(mock.calls) == 1
    assert "acme.example" not in str(caught.value)
    quick_clock.passed += 301
    with pytest.raises(CrmAuthFailed):
        mine.current()
    assert len(mock.calls) == 2


def test_passing_trouble_at_the_token_endpoint_is_tried_again(mock: Any, login: Any) -> None:
    mock.post(TOKEN, status=503, body="<html>")
    mock.post(TOKEN, status=400, json={"error": "rate_limit_exceeded"})
    mock.post(TOKEN, json=granted())

    assert login().current().secret.reveal() == "t1"


def test_a_token_endpoint_that_is_a_web_page_is_unavailable(mock: Any, login: Any) -> None:
    mock.post(TOKEN, body="<html>log in here</html>")
    with pytest.raises(CrmUnavailable, match="url in config"):
        login().current()


def test_a_token_is_renewed_after_half_an_hour(mock: Any, login: Any, quick_clock: Any) -> None:
    mock.post(TOKEN, json=granted("t1"))
    mock.post(TOKEN, json=granted("t2"))
    mine = login()
    assert mine.current().secret.reveal() == "t1"
    quick_clock.passed += 1799
    assert mine.current().secret.reveal() == "t1"
    quick_clock.passed += 1
    assert mine.current().secret.reveal() == "t2"


def test_threads_that_meet_one_expired_token_fetch_one_new_one(mock: Any, login: Any) -> None:
    mock.post(TOKEN, json=granted("t1"))
    mock.post(TOKEN, json=granted("t2"))
    mine = login()
    old = mine.current()

    with ThreadPoolExecutor(8) as pool:
        found = {token.secret.reveal() for token in pool.map(lambda _: mine.refresh(old), range(8))}

    assert found == {"t2"}
    assert len(mock.calls) == 2


def test_credentials_that_suddenly_lead_to_another_org_are_refused(mock: Any, login: Any) -> None:
    mock.post(TOKEN, json=granted())
    mock.post(TOKEN, json=granted(org="00D8d000000OtherEAK"))
    mine = login()
    old = mine.current()
    with pytest.raises(WrongOrg):
        mine.refresh(old)


def test_a_ready_token_that_expired_asks_for_a_new_one(login: Any) -> None:
    mine = login(Credentials("LEADSYNC_SF", token=Secret("ready")))
    with pytest.raises(CrmAuthFailed, match="LEADSYNC_SF_TOKEN"):
        mine.refresh(mine.current())


class TestSessions:
    """Expired sessions as the adapter meets them."""

    @pytest.fixture
    def crm(self, mapping: Any, quick_clock: Any) -> Any:
        return SalesforceCrm("salesforce", URL, "65.0", CLIENT, mapping(), company_zone="UTC", clock=quick_clock)

    def test_a_session_that_stays_refused_is_renewed_once_and_no_more(self, mock: Any, crm: Any) -> None:
        mock.post(TOKEN, json=granted("t1"))
        mock.post(TOKEN, json=granted("t2"))
        refused = mock.post(
            f"{URL}/services/data/v65.0/composite",
            status=401,
            json=[{"errorCode": "INVALID_SESSION_ID", "message": "Session expired or invalid"}],
        )

        with pytest.raises(CrmAuthFailed, match="My Domain"):
            crm.connect()

        assert refused.call_count == 2
        assert [call.request.headers["Authorization"] for call in refused.calls] == ["Bearer t1", "Bearer t2"]
        assert {call.request.headers["Sforce-Auto-Assign"] for call in refused.calls} == {"FALSE"}

    @pytest.mark.parametrize(
        "body",
        [
            '[{"errorCode": "INVALID_SESSION_ID", "message": "This session is not valid for use with the REST API"}]',
            "<html>",
            "",
            '{"error": 1}',
        ],
    )
    def test_a_401_that_no_login_heals_is_not_followed_by_one(self, mock: Any, crm: Any, body: Any) -> None:
        login = mock.post(TOKEN, json=granted())
        mock.post(f"{URL}/services/data/v65.0/composite", status=401, body=body)

        with pytest.raises(CrmAuthFailed):
            crm.connect()

        assert login.call_count == 1
