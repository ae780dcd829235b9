"""A box seen by a Dynamics client: real HTTP on the loopback, an empty environment with a frozen clock."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from sandboxes import Client, running, without_faults


class DataverseClient(Client):
    """What a test says to an environment."""

    @property
    def api(self) -> str:
        return f"{self.url}/api/data/v9.2"

    def call(self, method: str, path: str, **given: Any) -> requests.Response:
        url = path if path.startswith("http") else f"{self.api}{path}"
        headers = {name.replace("_", "-"): value for name, value in given.pop("headers", {}).items()}
        return self.session.request(method, url, timeout=60, headers=headers, **given)

    def get(self, path: str, **headers: str) -> Any:
        answer = self.call("GET", path, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def rows(self, path: str, **headers: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get(path, **headers)["value"]
        return found

    def post(self, path: str, body: Any, **headers: str) -> requests.Response:
        return self.call("POST", path, json=body, headers=headers)

    def patch(self, path: str, body: Any, **headers: str) -> requests.Response:
        return self.call("PATCH", path, json=body, headers=headers)

    def create(self, table_set: str, **columns: Any) -> str:
        answer = self.post(f"/{table_set}", columns)
        assert answer.status_code == 204, answer.text
        return answer.headers["OData-EntityId"].rpartition("(")[2].rstrip(")")

    def lead(self, **columns: Any) -> str:
        return self.create("leads", **{"lastname": "Person", "companyname": "Firm", **columns})

    def error(self, answer: requests.Response) -> tuple[int, str]:
        """The status and the code of a refusal."""
        return answer.status_code, answer.json()["error"]["code"]

    def option(self, table: str, column: str, label: str) -> int:
        """The number of an option, from the metadata."""
        path = f"/EntityDefinitions(LogicalName='{table}')/Attributes(LogicalName='{column}')"
        found = self.get(f"{path}/Microsoft.Dynamics.CRM.PicklistAttributeMetadata?$expand=OptionSet")["OptionSet"]
        numbers = {o["Label"]["UserLocalizedLabel"]["Label"]: o["Value"] for o in found["Options"]}
        return int(numbers[label])

    def delta(self, path: str, **headers: str) -> tuple[list[dict[str, Any]], str]:
        """All rows of a tracked reading, and the link to what comes next."""
        found: list[dict[str, Any]] = []
        page = self.get(path, Prefer="odata.track-changes", **headers)
        while "@odata.nextLink" in page:
            assert "@odata.deltaLink" not in page
            found += page["value"]
            page = self.get(page["@odata.nextLink"], **headers)
        return found + page["value"], page["@odata.deltaLink"]


@pytest.fixture(scope="module")
def shared_crm() -> Iterator[DataverseClient]:
    yield from running(DataverseClient)


@pytest.fixture
def crm(shared_crm: DataverseClient) -> Iterator[DataverseClient]:
    """The module's environment, with all faults off before and after."""
    yield from without_faults(shared_crm)


@pytest.fixture
def fresh_crm() -> Iterator[DataverseClient]:
    """An environment of the test's own."""
    yield from running(DataverseClient)
