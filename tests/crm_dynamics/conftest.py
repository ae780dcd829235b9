"""An environment in the sandbox, and the sample's Dynamics mapping."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import requests
from beside_a_crm import START, Follower, QuickClock, a_write
from meddling import Meddler, meddled_session
from samples import sample_mapping
from sandboxes import Sandbox, running, several

from leadsync.crm.dynamics import Credentials, DynamicsCrm
from leadsync.domain.mapping import CrmMapping
from leadsync.domain.records import Ref
from leadsync.sandbox.dataverse.guids import guid_of
from leadsync.secret import Secret

TENANT = "acme.example"


def mapped_as(**changes: Any) -> CrmMapping:
    """Return the sample's mapping, with parts of it replaced."""
    return replace(sample_mapping("dynamics"), **changes)


def with_object(name: str, **changes: Any) -> CrmMapping:
    """Return the sample's mapping with parts of the lead or the contact replaced."""
    objects = sample_mapping("dynamics").objects
    return mapped_as(objects={**objects, name: replace(objects[name], **changes)})


class Environment(Sandbox):
    """An environment in a sandbox of its own, spoken of in Dynamics' names, and adapters that talk to it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(start=START, **options)

    def credentials(self, **changes: Any) -> Credentials:
        given = {"client_id": self.server.client_id, "client_secret": Secret(self.server.client_secret), **changes}
        return Credentials("LEADSYNC_DYNAMICS", **given)

    def crm(self, mapping: CrmMapping | None = None, **changes: Any) -> DynamicsCrm:
        given = {"company_zone": "Europe/Berlin", "clock": QuickClock(), **changes}
        return DynamicsCrm(
            "dynamics",
            self.url,
            TENANT,
            "9.2",
            given.pop("credentials", self.credentials()),
            mapping or sample_mapping("dynamics"),
            **given,
        )

    def leads(self, count: int, **fields: Any) -> list[str]:
        rows = [
            {"lastname": f"L{n}", "companyname": "Acme", "leadsync_leadstatus": "Inquiry", **fields}
            for n in range(count)
        ]
        return self.put(lead=rows)["lead"]

    def edit(self, key: str, object_name: str = "lead", **fields: Any) -> None:
        self.control("edit", object=object_name, id=key, fields=fields)

    @property
    def admin(self) -> str:
        """The admin's id, as Dynamics spells it."""
        return guid_of(self.server.box.basics.admin)

    def api(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Ask the Web API as somebody else does; returns the decoded body, if any."""
        answer = requests.request(
            method, f"{self.url}/api/data/v9.2/{path}", json=body, timeout=10,
            headers={"Authorization": f"Bearer {self.token()}", **headers},
        )  # fmt: skip
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    def token(self) -> str:
        form = {
            "client_id": self.server.client_id, "client_secret": self.server.client_secret, "grant_type": "client_credentials",
            "scope": f"{self.url}/.default",
        }  # fmt: skip
        answer = requests.post(f"{self.url}/{TENANT}/oauth2/v2.0/token", data=form, timeout=10)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    def row(self, path: str, select: str = "") -> dict[str, Any]:
        found: dict[str, Any] = self.api("GET", f"{path}?$select={select}" if select else path)
        return found


@pytest.fixture
def org() -> Iterator[Environment]:
    yield from running(Environment)


@pytest.fixture
def environment() -> Iterator[Callable[..., Environment]]:
    """Make environments with options; all are stopped at the end."""
    yield from several(Environment)


@pytest.fixture
def follow() -> type[Follower]:
    return Follower


@pytest.fixture
def mapping() -> Any:
    return mapped_as


@pytest.fixture
def mapped() -> Any:
    return with_object


@pytest.fixture
def quick_clock() -> QuickClock:
    return QuickClock()


@pytest.fixture
def meddled() -> tuple[requests.Session, Meddler]:
    """Return a session for an adapter, and what may change its answers."""
    return meddled_session()


@pytest.fixture
def write_of() -> Any:
    return a_write


@pytest.fixture
def ref_of() -> Any:
    return lambda key, object_name="lead": Ref("dynamics", object_name, key)
