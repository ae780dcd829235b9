"""Microsoft's PowerPlatform-Dataverse-Client against a sandbox, run in an environment of its own: each step is one line of JSON.

The client takes https only, so the sandbox serves it; who calls this tells requests to trust its certificate.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from azure.core.credentials import AccessToken
from PowerPlatform.Dataverse.client import DataverseClient
from PowerPlatform.Dataverse.core.errors import HttpError
from PowerPlatform.Dataverse.models.upsert import UpsertItem

BOX = json.loads(os.environ["BOX"])
NOBODY = "11111111-2222-3333-4444-555555555555"


class Ready:
    """The token that the box named when it was ready."""

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        assert scopes[0] == f"{BOX['url']}/.default"
        return AccessToken(BOX["token"], int(time.time()) + 3600)


client: Any = DataverseClient(BOX["url"], Ready())


def _create(what: str, **columns: Any) -> str:
    made: str = client.records.create("lead", {"lastname": "L", "companyname": what, **columns})
    return made


def _named(what: str, *select: str) -> list[dict[str, Any]]:
    return [
        dict(row) for row in client.records.list("lead", filter=f"companyname eq '{what}'", select=["leadid", *select])
    ]


def create() -> None:
    _create("create", leadsync_leadstatus="MQL")
    assert _named("create", "leadsync_leadstatus")[0]["leadsync_leadstatus"] == 100_000_004


def update() -> None:
    lead = _create("update")
    client.records.update("lead", lead, {"jobtitle": "CFO", "leadsync_leadstatus": "SAL"})
    assert client.records.retrieve("lead", lead, select=["jobtitle"])["jobtitle"] == "CFO"


def delete() -> None:
    lead, others = _create("delete"), [_create("delete") for _ in range(2)]
    client.records.delete("lead", lead)
    client.records.delete("lead", others)
    assert _named("delete") == []


def alternate_keys() -> None:
    for lastname in ("Made", "Changed"):
        client.records.upsert(
            "contact", [UpsertItem(alternate_key={"acme_legacyid": "P-1"}, record={"lastname": lastname})]
        )
    found = list(client.records.list("contact", filter="acme_legacyid eq 'P-1'", select=["lastname"]))
    assert [row["lastname"] for row in found] == ["Changed"]
    many = [UpsertItem(alternate_key={"acme_legacyid": f"P-{n}"}, record={"lastname": "M"}) for n in range(3)]
    client.records.upsert("contact", many)


def query() -> None:
    _create("query", jobtitle="A")
    _create("query", jobtitle="B")
    found = client.records.list("lead", filter="companyname eq 'query'", select=["jobtitle"], orderby=["jobtitle desc"])
    assert [row["jobtitle"] for row in found] == ["B", "A"]


def paging() -> None:
    client.records.create("lead", [{"lastname": str(n), "companyname": "paging"} for n in range(5)])
    pages = client.records.list_pages("lead", filter="companyname eq 'paging'", select=["lastname"], page_size=2)
    assert [len(page) for page in pages] == [2, 2, 1]


def batch() -> None:
    lead, work = _create("batch"), client.batch.new()
    work.records.update("lead", lead, {"jobtitle": "CTO"})
    work.records.retrieve("lead", lead, select=["jobtitle"])
    done = work.execute()
    assert [answer.status_code for answer in done.responses] == [204, 200]
    assert done.responses[1].data["jobtitle"] == "CTO"


def change_sets() -> None:
    work = client.batch.new()
    with work.changeset() as together:
        together.records.update(
            "lead", together.records.create("lead", {"lastname": "L", "companyname": "set"}), {"jobtitle": "Set"}
        )
    assert not work.execute().has_errors
    assert _named("set", "jobtitle")[0]["jobtitle"] == "Set"
    work = client.batch.new()
    with work.changeset() as together:
        together.records.create("lead", {"lastname": "L", "companyname": "rollback"})
        together.records.update("lead", NOBODY, {"jobtitle": "X"})
    done = work.execute(continue_on_error=True)
    assert [answer.status_code for answer in done.responses] == [404]
    assert _named("rollback") == []


def multiple_actions() -> None:
    leads = client.records.create("lead", [{"lastname": str(n), "companyname": "multiple"} for n in range(3)])
    client.records.update("lead", leads, {"jobtitle": "All"})
    with suppress(HttpError):
        client.records.update("lead", [*leads, NOBODY], {"jobtitle": "None"})
    assert {row["jobtitle"] for row in _named("multiple", "jobtitle")} == {"All"}


def metadata() -> None:
    assert client.tables.get("lead").entity_set_name == "leads"
    choices = client.tables.list_columns("lead", select=["LogicalName"], filter="AttributeType eq 'Picklist'")
    assert "leadsync_leadstatus" in {column["LogicalName"] for column in choices}
    assert client.tables.list_columns("lead", typed=True)
    assert client.tables.get_alternate_keys("contact")[0].key_attributes == ["acme_legacyid"]


STEPS: dict[str, Callable[[], None]] = {
    "create": create, "update": update, "delete": delete, "alternate keys": alternate_keys, "query": query, "paging": paging,
    "batch": batch, "change sets": change_sets, "multiple actions": multiple_actions, "metadata": metadata,
}  # fmt: skip


def main() -> int:
    for step, run in STEPS.items():
        problem = None
        try:
            run()
        except Exception as error:  # whatever goes wrong is what the table is to show
            problem = f"{type(error).__name__}: {error}"
        print(json.dumps({"step": step, "problem": problem}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
