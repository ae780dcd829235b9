"""A box per module of tests and a client that speaks to it over HTTP."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
import requests
from sandboxes import Client, running, without_faults


class SalesforceClient(Client):
    """What a test says to a box in Salesforce's words."""

    root = "/services/data/v65.0"

    def call(self, method: str, path: str, **given: Any) -> requests.Response:
        url = path if path.startswith(("/services", "/sandbox", "/id")) else f"{self.root}{path}"
        return self.session.request(method, self.url + url, timeout=60, **given)

    def get(self, path: str, **params: Any) -> requests.Response:
        return self.call("GET", path, params=params)

    def query(self, soql: str, *, deleted: bool = False, **given: Any) -> Any:
        answer = self.call("GET", "/queryAll" if deleted else "/query", params={"q": soql}, **given)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refused(self, soql: str) -> str:
        """The error code that a query is refused with."""
        answer = self.get("/query", q=soql)
        assert answer.status_code == 400
        return str(answer.json()[0]["errorCode"])

    def row(self, kind: str, record_id: str) -> Any:
        answer = self.get(f"/sobjects/{kind}/{record_id}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def create(self, kind: str, **fields: Any) -> str:
        answer = self.call("POST", f"/sobjects/{kind}/", json=fields)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def lead(self, **fields: Any) -> str:
        return self.create("Lead", **{"LastName": "Person", "Company": "Firm", **fields})

    def change(self, kind: str, record_id: str, fields: dict[str, Any], **headers: str) -> requests.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.call("PATCH", f"/sobjects/{kind}/{record_id}", json=fields, headers=named)

    def now(self) -> datetime:
        return datetime.fromisoformat(self.get("/sandbox/now").json()["now"])


@pytest.fixture(scope="module")
def shared_crm() -> Iterator[SalesforceClient]:
    yield from running(SalesforceClient)


@pytest.fixture
def crm(shared_crm: SalesforceClient) -> Iterator[SalesforceClient]:
    """The module's box, with all faults off before and after."""
    yield from without_faults(shared_crm)


@pytest.fixture
def fresh_crm() -> Iterator[SalesforceClient]:
    """A box of the test's own."""
    yield from running(SalesforceClient)
