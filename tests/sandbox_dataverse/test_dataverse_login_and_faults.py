"""Who is let in, and what a bad day looks like."""

from pathlib import Path
from typing import Any

import jwt
import msal
import pytest
import requests
from requests.adapters import HTTPAdapter

from leadsync.sandbox import Options, serve


class OverHttp(HTTPAdapter):
    """Takes what a library insists on calling https to a server that speaks http."""

    def __init__(self, origin: str) -> None:
        self._origin = origin
        super().__init__()

    def send(self, request: requests.PreparedRequest, *args: Any, **given: Any) -> requests.Response:
        assert request.url is not None
        request.url = self._origin + request.url.split("/", 3)[3].join(("/", ""))
        return super().send(request, *args, **given)


def app(crm: Any, secret: str, **given: Any) -> msal.ConfidentialClientApplication:
    session = requests.Session()
    session.mount("https://", OverHttp(crm.server.url))
    return msal.ConfidentialClientApplication(
        crm.server.client_id, client_credential=secret, authority="https://login.fake/contoso.example", http_client=session,
        instance_discovery=False, **given,
    )  # fmt: skip


def test_msal_fetches_a_token_that_opens_the_environment(crm: Any) -> None:
    found = app(crm, crm.server.client_secret).acquire_token_for_client(scopes=["https://org.fake/.default"])
    answer = requests.get(f"{crm.api}/WhoAmI", headers={"Authorization": f"Bearer {found['access_token']}"}, timeout=60)

    assert (found["token_type"], found["expires_in"]) == ("Bearer", 3599)
    assert answer.status_code == 200


def test_a_wrong_secret_is_told_as_entra_tells_it(crm: Any) -> None:
    found = app(crm, "wrong").acquire_token_for_client(scopes=["https://org.fake/.default"])

    assert (found["error"], found["error_codes"]) == ("invalid_client", [7000215])
    assert found["error_description"].startswith("AADSTS7000215")


def test_a_certificate_is_accepted_in_place_of_the_secret(crm: Any) -> None:
    claims = {"aud": "x", "iss": crm.server.client_id, "sub": crm.server.client_id, "exp": 4102444800, "jti": "1"}
    form = {
        "client_id": crm.server.client_id, "grant_type": "client_credentials", "scope": "https://org.fake/.default",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": jwt.encode(claims, "k" * 32, algorithm="HS256"),
    }  # fmt: skip
    url = f"{crm.server.url}/{crm.server.ready()['tenant']}/oauth2/v2.0/token"

    assert "access_token" in requests.post(url, data=form, timeout=60).json()
    form["client_assertion"] = jwt.encode({**claims, "iss": "other"}, "k" * 32, algorithm="HS256")
    assert requests.post(url, data=form, timeout=60).status_code == 401
    assert (
        requests.post(url, data={**form, "scope": "https://org.fake/user"}, timeout=60).json()["error"]
        == "invalid_scope"
    )


def test_a_stranger_is_turned_away_with_the_authority_to_ask(crm: Any) -> None:
    answer = requests.get(f"{crm.api}/WhoAmI", headers={"Authorization": "Bearer nobody"}, timeout=60)

    assert answer.status_code == 401
    assert "authorization_uri=" in answer.headers["WWW-Authenticate"]
    assert answer.json()["error"]["message"]


def test_a_token_that_expires_is_refused_until_a_new_one_is_fetched(crm: Any) -> None:
    crm.control("faults", expire_token_after=2)
    answers = [crm.call("GET", "/WhoAmI").status_code for _ in range(3)]
    fresh = app(crm, crm.server.client_secret).acquire_token_for_client(scopes=["https://org.fake/.default"])[
        "access_token"
    ]

    assert answers == [200, 200, 401]
    assert (
        requests.get(f"{crm.api}/WhoAmI", headers={"Authorization": f"Bearer {fresh}"}, timeout=60).status_code == 200
    )


@pytest.mark.parametrize(
    ("protection", "code"), [("requests", "0x80072322"), ("time", "0x80072321"), ("concurrency", "0x80072326")]
)
def test_service_protection_says_how_long_to_wait_and_for_which_of_its_limits(
    crm: Any, protection: str, code: str
) -> None:
    crm.control("faults", rate={"429": 1.0}, protection=protection, retry_after=17)
    answer = crm.call("GET", "/WhoAmI")

    assert (*crm.error(answer), answer.headers["Retry-After"]) == (429, code, "17")


def test_the_limit_of_requests_is_over_five_minutes_of_the_crms_time(fresh_crm: Any) -> None:
    fresh_crm.control("faults", api_limit=2)
    answers = [fresh_crm.call("GET", "/WhoAmI") for _ in range(3)]
    assert [a.status_code for a in answers] == [200, 200, 429]
    assert answers[1].headers["x-ms-ratelimit-burst-remaining-xrm-requests"] == "0"
    fresh_crm.control("advance", seconds=int(answers[2].headers["Retry-After"]))

    assert fresh_crm.call("GET", "/WhoAmI").status_code == 200


@pytest.mark.parametrize(("fault", "status"), [("503", 503), ("500", 500)])
def test_a_failing_service_answers_in_its_own_form(crm: Any, fault: str, status: int) -> None:
    crm.control("faults", rate={fault: 1.0})
    answer = crm.call("GET", "/WhoAmI")

    assert answer.status_code == status
    assert set(answer.json()["error"]) == {"code", "message"}


def test_a_write_whose_answer_is_lost_may_have_happened(crm: Any) -> None:
    lead = crm.lead()
    crm.control("faults", rate={"timeout_after_apply": 1.0})
    with pytest.raises(requests.ConnectionError):
        crm.patch(f"/leads({lead})", {"jobtitle": "Done"}, If_Match="*")
    crm.control("faults", rate={"timeout_before_apply": 1.0})
    with pytest.raises(requests.ConnectionError):
        crm.patch(f"/leads({lead})", {"jobtitle": "Not done"}, If_Match="*")
    crm.control("faults")

    assert crm.get(f"/leads({lead})")["jobtitle"] == "Done"


def test_a_plugin_that_throws_names_its_reason(crm: Any) -> None:
    lead = crm.lead()
    crm.control(
        "faults",
        validation_rule={
            "object": "lead",
            "when": {"leadsync_leadstatus": "SQL"},
            "message": "No SQL without a budget",
        },
    )
    refused = crm.patch(
        f"/leads({lead})", {"leadsync_leadstatus": crm.option("lead", "leadsync_leadstatus", "SQL")}, If_Match="*"
    )

    assert crm.error(refused) == (400, "0x80040265")
    assert refused.json()["error"]["message"] == "No SQL without a budget"


def test_a_hidden_column_is_unknown(crm: Any) -> None:
    lead = crm.lead(jobtitle="CEO")
    crm.control("faults", hide_field="lead.jobtitle")

    assert "jobtitle" not in crm.get(f"/leads({lead})")
    assert crm.call("GET", f"/leads({lead})?$select=jobtitle").status_code == 400


def test_a_row_that_is_locked_is_refused_for_now(crm: Any) -> None:
    lead = crm.lead()
    crm.control("faults", rate={"lock_row": 1.0})

    assert crm.error(crm.patch(f"/leads({lead})", {"jobtitle": "X"}, If_Match="*")) == (500, "0x80044339")


def test_links_begin_as_the_client_began() -> None:
    server = serve(Options(empty=True, frozen=True, token="t", public_url="https://org.crm.example")).start()
    try:
        local = f"http://127.0.0.1:{server._socket.getsockname()[1]}"
        answer = requests.post(
            f"{local}/api/data/v9.2/leads", json={"lastname": "L"}, headers={"Authorization": "Bearer t"}, timeout=60
        )
    finally:
        server.stop()

    assert answer.headers["OData-EntityId"].startswith("https://org.crm.example/api/data/v9.2/leads(")


def test_what_only_dataverse_keeps_is_there_after_a_restart(tmp_path: Path) -> None:
    guid = "0a1b2c3d-0000-4000-8000-00000000abcd"
    options = Options(empty=True, frozen=True, token="t", state=tmp_path / "box.state")
    session = requests.Session()
    session.headers["Authorization"] = "Bearer t"
    server = serve(options).start()
    made = session.patch(
        f"{server.url}/api/data/v9.2/leads({guid})", json={"lastname": "L", "subject": "Kept"}, timeout=60
    )
    link = session.get(
        f"{server.url}/api/data/v9.2/leads", headers={"Prefer": "odata.track-changes"}, timeout=60
    ).json()
    server.stop()
    again = serve(options).start()
    try:
        row = session.get(f"{again.url}/api/data/v9.2/leads({guid})", timeout=60).json()
        query = link["@odata.deltaLink"].partition("?")[2]
        changed = session.get(f"{again.url}/api/data/v9.2/leads?{query}", timeout=60).json()["value"]
    finally:
        again.stop()

    assert made.status_code == 204
    assert (row["leadid"], row["subject"]) == (guid, "Kept")
    assert changed == []
