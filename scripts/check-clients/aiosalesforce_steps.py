"""aiosalesforce against a sandbox, run in an environment of its own: each step is one line of JSON on stdout.

The client takes no host but Salesforce's own, so its transport sends what it says to the box instead.
"""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import httpx
from aiosalesforce import Salesforce
from aiosalesforce.auth import ClientCredentialsFlow
from aiosalesforce.exceptions import NotFoundError, SalesforceError

BOX = json.loads(os.environ["BOX"])
ORG = "https://acme.my.salesforce.com"


class ToTheBox(httpx.AsyncHTTPTransport):
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        box = httpx.URL(BOX["url"])
        request.url = request.url.copy_with(scheme=box.scheme, host=box.host, port=box.port)
        return await super().handle_async_request(request)


def _name(what: str) -> str:
    return f"aiosalesforce {what}"


def _leads(what: str, many: int) -> list[dict[str, Any]]:
    return [{"LastName": f"L{n}", "Company": _name(what)} for n in range(many)]


class Steps:
    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http
        self.sf: Any = Salesforce(
            http, ORG, auth=ClientCredentialsFlow(BOX["client_id"], BOX["client_secret"]), version="65.0"
        )

    async def _get(self, path: str, **params: str) -> Any:
        answer = await self.sf.request("GET", f"{ORG}/services/data/v65.0/{path}", params=params)
        return answer.json()

    async def _control(self, what: str, **body: Any) -> Any:
        answer = await self.http.post(f"{ORG}/sandbox/{what}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def _rows(self, soql: str, **given: Any) -> list[dict[str, Any]]:
        return [row async for row in self.sf.query(soql, **given)]

    async def _count(self, what: str) -> int:
        return len(await self._rows(f"SELECT Id FROM Lead WHERE Company = '{_name(what)}'"))

    async def _refusal(self, soql: str) -> str | None:
        """The error code that a query is refused with, None when it is answered."""
        try:
            await self._rows(soql)
        except SalesforceError as error:
            return error.error_code
        return None

    async def log_in(self) -> None:
        assert (await self._get("limits"))["DailyApiRequests"]
        await self._control("faults", expire_token_after=1)
        assert [await self._count("nothing") for _ in range(3)] == [0, 0, 0], "an expired token is renewed"
        await self._control("faults")

    async def query(self) -> None:
        made = await self.sf.sobject.create("Lead", {"LastName": "Osei", "Company": _name("query")})
        (row,) = await self._rows(f"SELECT Id, Owner.Name FROM Lead WHERE Company = '{_name('query')}'")
        assert (row["Id"], row["Owner"]["Name"]) == (made, "Integration User")
        assert await self._refusal("SELECT Nonsense FROM Lead") == "INVALID_FIELD"

    async def paging(self) -> None:
        await self._control("load", Lead=_leads("paging", 2_300))
        assert await self._count("paging") == 2_300

    async def describe(self) -> None:
        fields = (await self._get("sobjects/Lead/describe"))["fields"]
        assert any(field["name"] == "LeadSync_Score__c" for field in fields)

    async def create(self) -> None:
        made = await self.sf.sobject.create("Lead", {"LastName": "Made", "Company": _name("create")})
        row = await self.sf.sobject.get("Lead", made, fields=["LastName", "Company"])
        assert row["LastName"] == "Made"

    async def update(self) -> None:
        made = await self.sf.sobject.create("Lead", {"LastName": "Before", "Company": _name("update")})
        await self.sf.sobject.update("Lead", made, {"LastName": "After"})
        assert (await self.sf.sobject.get("Lead", made))["LastName"] == "After"

    async def delete(self) -> None:
        made = await self.sf.sobject.create("Lead", {"LastName": "Gone", "Company": _name("delete")})
        await self.sf.sobject.delete("Lead", made)
        try:
            await self.sf.sobject.get("Lead", made)
        except NotFoundError:
            (row,) = await self._rows(f"SELECT IsDeleted FROM Lead WHERE Id = '{made}'", include_all_records=True)
            assert row["IsDeleted"] is True
        else:
            raise AssertionError("a deleted row can be read")

    async def collections(self) -> None:
        records = [{"attributes": {"type": "Lead"}, **lead} for lead in _leads("collections", 3)]
        answer = await self.sf.request(
            "POST", f"{ORG}/services/data/v65.0/composite/sobjects", json={"records": records}
        )
        assert [item["success"] for item in answer.json()] == [True, True, True]

    async def upsert(self) -> None:
        outcomes = [
            await self.sf.sobject.upsert("Contact", "aiosalesforce-1", "Legacy_Id__c", {"LastName": name})
            for name in ("x", "y")
        ]
        assert [outcome.created for outcome in outcomes] == [True, False]
        assert outcomes[0].id == outcomes[1].id

    async def updated_and_deleted(self) -> None:
        kept, gone = [await self.sf.sobject.create("Lead", lead) for lead in _leads("updated", 2)]
        await self.sf.sobject.delete("Lead", gone)
        now = datetime.fromisoformat((await self.http.get(f"{ORG}/sandbox/now")).json()["now"])
        await self._control("advance", seconds=120)
        span = {"start": (now - timedelta(minutes=1)).isoformat(), "end": (now + timedelta(minutes=1)).isoformat()}
        assert kept in (await self._get("sobjects/Lead/updated", **span))["ids"]
        assert gone in {row["id"] for row in (await self._get("sobjects/Lead/deleted", **span))["deletedRecords"]}

    async def bulk_ingest(self) -> None:
        made = await self.sf.bulk_v2.insert("Lead", [*_leads("bulk", 4), {"LastName": "x", "Company": None}])
        assert (len(made.successful_results), len(made.failed_results)) == (4, 1)
        ids = [row["sf__Id"] for row in made.successful_results]
        changed = await self.sf.bulk_v2.update("Lead", [{"Id": found, "Title": "CFO"} for found in ids])
        assert len(changed.successful_results) == 4
        keyed = [{**lead, "Legacy_Id__c": lead["LastName"]} for lead in _leads("bulk", 2)]
        upserted = await self.sf.bulk_v2.upsert("Lead", keyed, external_id_field="Legacy_Id__c")
        assert len(upserted.successful_results) == 2
        removed = await self.sf.bulk_v2.delete("Lead", [{"Id": found} for found in ids])
        assert len(removed.successful_results) == 4
        assert await self._count("bulk") == 2

    async def composite(self) -> None:
        async with self.sf.composite(all_or_none=True, autoraise=True) as parts:
            account = parts.sobject.create("Account", {"Name": _name("composite")})
            # As text: newer releases of the JSON library that the client uses do not write a reference as one.
            parent = str(account.reference.id)
            contact = parts.sobject.create("Contact", {"LastName": "Part", "AccountId": parent})
        assert (await self.sf.sobject.get("Contact", contact.id))["AccountId"] == account.id
        async with self.sf.composite.batch(autoraise=True) as batch:
            found = batch.query(f"SELECT Id FROM Contact WHERE AccountId = '{account.id}'")
        assert [row["Id"] for row in found.records] == [contact.id]

    async def limits(self) -> None:
        assert (await self.sf.get_limits())["DailyApiRequests"]["Max"] == 100_000


async def main() -> None:
    async with httpx.AsyncClient(transport=ToTheBox(), timeout=30) as http:
        steps = Steps(http)
        runs: dict[str, Callable[[], Awaitable[None]]] = {
            "log in": steps.log_in, "query": steps.query, "paging": steps.paging, "describe": steps.describe,
            "create": steps.create, "update": steps.update, "delete": steps.delete, "collections": steps.collections,
            "upsert": steps.upsert, "updated and deleted": steps.updated_and_deleted, "bulk ingest": steps.bulk_ingest,
            "composite": steps.composite, "limits": steps.limits,
        }  # fmt: skip
        for step, run in runs.items():
            problem = None
            try:
                await run()
            except Exception as error:  # whatever goes wrong is what the table is to show
                problem = f"{type(error).__name__}: {error}"
            sys.stdout.write(json.dumps({"step": step, "problem": problem}) + "\n")


asyncio.run(main())
