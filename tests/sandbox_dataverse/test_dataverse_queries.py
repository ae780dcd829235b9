"""Reading many rows: filters, order, pages, annotations, expansions, counts."""

from typing import Any

import pytest
import requests

from leadsync.sandbox import Options, serve

NAMES = (
    ("Ilse", "Brandt", "CFO", 10),
    ("Joana", "O'Hara", "CTO", 20),
    ("Karl", "Ortega", None, 30),
    ("Lena", "ortmann", "Buyer", None),
)


@pytest.fixture(scope="module")
def people(shared_crm: Any) -> Any:
    for first, last, title, score in NAMES:
        shared_crm.lead(
            firstname=first, lastname=last, jobtitle=title, leadsync_score=score, companyname="Query & Sons"
        )
    return shared_crm


def found(crm: Any, filter_: str) -> list[str]:
    answer = crm.call("GET", "/leads", params={"$select": "firstname", "$filter": filter_, "$orderby": "firstname"})
    assert answer.status_code == 200, answer.text
    return [row["firstname"] for row in answer.json()["value"]]


@pytest.mark.parametrize(
    ("filter_", "expected"),
    [
        ("lastname eq 'brandt'", ["Ilse"]),
        ("lastname eq 'O''Hara'", ["Joana"]),
        ("startswith(lastname,'ORT')", ["Karl", "Lena"]),
        ("contains(lastname,'rt') and not endswith(lastname,'nn')", ["Karl"]),
        ("leadsync_score ge 20", ["Joana", "Karl"]),
        ("leadsync_score ne 20", ["Ilse", "Karl", "Lena"]),
        ("leadsync_score eq null or jobtitle eq null", ["Karl", "Lena"]),
        ("(leadsync_score lt 15 or leadsync_score gt 25) and jobtitle ne null", ["Ilse"]),
        ("Microsoft.Dynamics.CRM.In(PropertyName='lastname',PropertyValues=[\"Ortega\",\"O'Hara\"])", ["Joana", "Karl"]),
        ("Microsoft.Dynamics.CRM.LastXHours(PropertyName='createdon',PropertyValue=2) and statecode eq 0", ["Ilse", "Joana", "Karl", "Lena"]),
        ("createdon gt 2026-11-02T09:00:00Z", []),
        ("ownerid/fullname eq 'Integration User' and leadsync_score le 10", ["Ilse"]),
    ],
)  # fmt: skip
def test_a_filter_finds_the_leads_it_describes(people: Any, filter_: str, expected: list[str]) -> None:
    assert found(people, f"companyname eq 'Query & Sons' and ({filter_})") == expected


@pytest.mark.parametrize(
    "path",
    ["/leads?$filter=nosuch eq 1", "/leads?$select=nosuch", "/leads?$select=ownerid", "/leads?$filter=lastname eq", "/leads?$skip=2",
     "/leads?$orderby=nosuch", "/leads?$filter=statecode eq 'Open'", "/leads?$expand=nosuch"],
)  # fmt: skip
def test_what_is_no_query_is_refused(people: Any, path: str) -> None:
    assert people.call("GET", path).status_code == 400


def test_pages_hold_every_lead_once_and_links_are_followed_as_they_are(people: Any) -> None:
    path = "/leads?$select=firstname&$filter=companyname eq 'Query %26 Sons'&$orderby=firstname desc,leadid"
    page = people.get(path, Prefer="odata.maxpagesize=3")
    link = page["@odata.nextLink"]
    names = [row["firstname"] for row in page["value"]]
    page = people.get(link, Prefer="odata.maxpagesize=3")
    names += [row["firstname"] for row in page["value"]]

    assert names == ["Lena", "Karl", "Joana", "Ilse"]
    assert "@odata.nextLink" not in page
    assert "%253C" in link
    assert people.call("GET", link.replace("%25", "%2525")).status_code == 400


def test_annotations_come_only_when_they_are_asked_for(people: Any) -> None:
    path = "/leads?$select=statuscode,_ownerid_value,leadsync_leadstatus&$top=1"
    plain = people.rows(path)[0]
    rich = people.rows(path, Prefer='odata.include-annotations="*"')[0]

    assert [name for name in plain if "@" in name] == ["@odata.etag"]
    assert rich["statuscode@OData.Community.Display.V1.FormattedValue"] == "New"
    assert rich["leadsync_leadstatus@OData.Community.Display.V1.FormattedValue"] == "Inquiry"
    assert rich["_ownerid_value@OData.Community.Display.V1.FormattedValue"] == "Integration User"
    assert rich["_ownerid_value@Microsoft.Dynamics.CRM.lookuplogicalname"] == "systemuser"
    some = people.rows(path, Prefer='odata.include-annotations="OData.Community.*"')[0]
    assert "_ownerid_value@Microsoft.Dynamics.CRM.lookuplogicalname" not in some


def test_preferences_may_come_on_several_lines(people: Any) -> None:
    request = requests.Request("GET", f"{people.api}/leads?$select=statecode").prepare()
    connection = __import__("http.client", fromlist=["HTTPConnection"]).HTTPConnection(
        people.server.url.removeprefix("http://")
    )
    connection.putrequest("GET", request.path_url)
    connection.putheader("Authorization", people.session.headers["Authorization"])
    connection.putheader("Prefer", "odata.maxpagesize=1")
    connection.putheader("Prefer", 'odata.include-annotations="*"')
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()

    assert "FormattedValue" in body
    assert "@odata.nextLink" in body
    assert answer.headers["Preference-Applied"] == 'odata.maxpagesize=1,odata.include-annotations="*"'


def test_counts_come_beside_the_rows_and_alone(people: Any) -> None:
    body = people.get("/leads?$filter=companyname eq 'Query %26 Sons'&$count=true&$top=1")
    alone = people.call("GET", "/leads/$count?$filter=companyname eq 'Query %26 Sons'")

    assert (body["@odata.count"], len(body["value"])) == (4, 1)
    assert (alone.text, alone.headers["Content-Type"]) == ("4", "text/plain")


def test_an_owner_is_expanded_and_users_carry_their_teams_and_roles() -> None:
    server = serve(Options(leads=20, days=5, frozen=True, token="t", seed=3)).start()
    try:
        session = requests.Session()
        session.headers["Authorization"] = "Bearer t"
        path = f"{server.url}/api/data/v9.2/systemusers?$filter=domainname eq 'ada@acme.example'&$expand="
        held = "teammembership_association($select=name;$orderby=name),systemuserroles_association($select=name)"
        ada = session.get(path + held, timeout=60).json()["value"][0]
        settings = session.get(
            f"{server.url}/api/data/v9.2/usersettingscollection({ada['systemuserid']})", timeout=60
        ).json()
    finally:
        server.stop()

    assert [team["name"] for team in ada["teammembership_association"]] == ["Inside Sales Desk", "Lead Development"]
    assert "Lead Development" in [role["name"] for role in ada["systemuserroles_association"]]
    assert settings["timezonecode"] == 110


def test_an_unknown_table_is_not_found(people: Any) -> None:
    assert people.error(people.call("GET", "/nosuches")) == (404, "0x80060888")
    assert people.error(people.call("GET", "/leads(11111111-2222-3333-4444-555555555555)")) == (404, "0x80040217")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/leads?$filter=Microsoft.Dynamics.CRM.LastXHours(PropertyName='createdon')", None),
        ("GET", "/RetrieveRecordChangeHistory(Target=@t)", None),
        ("POST", "/leads/Microsoft.Dynamics.CRM.CreateMultiple", {"Targets": ["none"]}),
        ("POST", "/leads", {"statecode": "nowhere", "lastname": 7}),
        ("POST", "/leads", ["no object"]),
        ("POST", "/Merge", {}),
    ],
)
def test_requests_of_the_wrong_shape_are_refused_and_not_an_error_of_the_service(
    people: Any, method: str, path: str, body: Any
) -> None:
    answer = people.call(method, path, json=body)

    assert answer.status_code == 400
    assert answer.json()["error"]["code"]
