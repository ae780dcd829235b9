"""What the Salesforce CLI asks, as it asks it: the requests were read from the box's log while `sf` was at work.

The CLI itself runs in scripts/check-clients, since it comes from a registry; these are the requests that no Python client makes.
"""

import json
from collections.abc import Callable
from http.client import HTTPConnection
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from leadsync.sandbox import Server

Ask = Callable[[str], tuple[int, Any]]
_ORGANIZATION = "Name, InstanceName, IsSandbox, TrialExpirationDate, NamespacePrefix, OrganizationType"
_COLUMN_KEYS = {
    "aggregate", "apexType", "booleanType", "columnName", "custom", "displayName", "foreignKeyName", "insertable",
    "joinColumns", "numberType", "textType", "updatable",
}  # fmt: skip


@pytest.fixture
def ask(box: Server) -> Ask:
    """GETs a path just as it is written, and reads the answer."""

    def get(path: str) -> tuple[int, Any]:
        connection = HTTPConnection(urlsplit(box.url).netloc, timeout=10)
        try:
            connection.request("GET", path, headers={"Authorization": f"Bearer {box.token}"})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    return get


@pytest.fixture
def shape(ask: Ask) -> Callable[[str], Any]:
    """What a query's result looks like: the CLI's second request for each query."""

    def of(soql: str) -> Any:
        status, found = ask(f"/services/data/v68.0/query?q={quote(soql)}&columns=true")
        assert status == 200, found
        return found

    return of


def names(columns: list[dict[str, Any]]) -> list[str]:
    """The names as the CLI puts them together: a parent's, a point, and the ones below it."""
    return [
        ".".join([column["columnName"], *names(column["joinColumns"])])
        if column["joinColumns"]
        else column["columnName"]
        for column in columns
    ]


def test_a_log_in_finds_out_who_it_is(ask: Ask) -> None:
    _, who = ask("/services/oauth2/userinfo")
    # The CLI puts two slashes in front of what follows its instance address, and asks in an old version.
    status, user = ask(f"//services/data/v51.0/sobjects/User/{who['user_id']}")

    assert status == 200
    assert user["Username"] == who["preferred_username"] == "integration@acme.example"
    assert who["organization_id"].startswith("00D")


def test_a_log_in_finds_out_what_kind_of_org_it_is(ask: Ask) -> None:
    _, versions = ask("//services/data")
    _, org = ask(f"//services/data/v68.0/query?q={quote(f'SELECT {_ORGANIZATION} FROM Organization')}")

    assert versions[-1]["version"] == "68.0"
    assert {name: org["records"][0][name] for name in _ORGANIZATION.split(", ")} == {
        "Name": "Acme", "InstanceName": "BOX1", "IsSandbox": True, "TrialExpirationDate": None, "NamespacePrefix": None,
        "OrganizationType": "Enterprise Edition",
    }  # fmt: skip


def test_what_only_some_orgs_have_is_refused_as_they_refuse_it(ask: Ask) -> None:
    status, scratch = ask(f"//services/data/v51.0/query?q={quote('SELECT Id FROM ScratchOrgInfo limit 1')}")
    tooling, _ = ask(f"//services/data/v68.0/tooling/query?q={quote('SELECT Id FROM SandboxProcess')}")

    assert (status, scratch[0]["errorCode"]) == (400, "INVALID_TYPE")
    assert tooling == 404


def test_columns_of_a_query_are_named_in_its_order_with_their_parents(shape: Callable[[str], Any]) -> None:
    found = shape("SELECT id, Name, LeadSync_Score__c, IsConverted, Owner.Name, CreatedBy.Profile.Name FROM Lead")

    assert names(found["columnMetadata"]) == [
        "Id", "Name", "LeadSync_Score__c", "IsConverted", "Owner.Name", "CreatedBy.Profile.Name",
    ]  # fmt: skip
    assert all(set(column) == _COLUMN_KEYS for column in found["columnMetadata"])
    assert (found["entityName"], found["keyPrefix"], found["groupBy"], found["idSelected"]) == (
        "Lead",
        "00Q",
        False,
        True,
    )


def test_columns_say_of_which_type_they_are(shape: Callable[[str], Any]) -> None:
    columns = {
        column["columnName"]: column
        for column in shape("SELECT Name, LeadSync_Score__c, IsConverted, OwnerId FROM Lead")["columnMetadata"]
    }

    assert [name for name, column in columns.items() if column["textType"]] == ["Name", "OwnerId"]
    assert [name for name, column in columns.items() if column["numberType"]] == ["LeadSync_Score__c"]
    assert [name for name, column in columns.items() if column["booleanType"]] == ["IsConverted"]
    assert [name for name, column in columns.items() if column["custom"]] == ["LeadSync_Score__c"]
    assert columns["LeadSync_Score__c"]["updatable"]
    assert not columns["IsConverted"]["updatable"]


def test_columns_of_groups_carry_the_names_of_their_values(shape: Callable[[str], Any]) -> None:
    found = shape("SELECT Status, COUNT(Id), MAX(CreatedDate) latest FROM Lead GROUP BY Status")

    assert names(found["columnMetadata"]) == ["Status", "expr0", "latest"]
    assert [column["aggregate"] for column in found["columnMetadata"]] == [False, True, True]
    assert found["groupBy"] is True
