"""One environment's requests: the headers of every one, one new token per refused request, the pause that Dataverse asks
for, batches, the budget, the CRM's time.

A 429 closes the gate for everybody until its Retry-After has passed: who goes on sending is made to wait longer.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from threading import Event
from typing import Any, TypeVar

import msgspec
import requests

from leadsync.clock import Clock
from leadsync.crm.calls import Budget, CrmTime
from leadsync.crm.dynamics.auth import Login
from leadsync.crm.dynamics.multipart import BOUNDARY, Part, batch_answers, batch_body
from leadsync.crm.dynamics.verdicts import BUSY_PAUSE, LONGEST_PAUSE, refused
from leadsync.errors import CrmUnavailable, ObjectBlocked
from leadsync.http import READ_SECONDS, Answer, Patience, checked_url, exchange, retry_after
from leadsync.ports import Usage
from leadsync.secret import Secret

DAILY_REQUESTS = 500_000
"""What a tenant with Dynamics 365 Sales may ask a day at least, by all application users (crm/dataverse.md 12).

Dataverse does not say how many are left."""
PARTS_PER_BATCH = 100
LABELS = 'odata.include-annotations="Microsoft.Dynamics.CRM.lookuplogicalname"'
_HEADERS = {
    "Accept": "application/json",
    "OData-MaxVersion": "4.0",
    "OData-Version": "4.0",
    "If-None-Match": "null",  # defeats caches on the way, as Microsoft advises
}
_CONTINUE = {"Prefer": "odata.continue-on-error", "Content-Type": f'multipart/mixed; boundary="{BOUNDARY}"'}

_T = TypeVar("_T")


class _Page(msgspec.Struct):
    value: list[dict[str, Any]] = []
    more: str | None = msgspec.field(default=None, name="@odata.nextLink")


class _Whoami(msgspec.Struct, rename="pascal"):
    user_id: str
    organization_id: str


class Client:
    """One environment. Every method may raise CrmUnavailable, CrmAuthFailed, CrmBudgetExhausted; reads are tried again, writes never."""

    def __init__(
        self, session: requests.Session, login: Login, url: str, api_version: str, *,
        clock: Clock, stop: Event, budget: Budget,
    ) -> None:  # fmt: skip
        self._session, self._login, self._clock = session, login, clock
        self._patience = Patience(clock, stop)
        self._time = CrmTime(clock, session)
        self._closed_until = 0.0
        self.budget = budget
        self.url = checked_url(url)
        self.api_version = api_version
        self.root = f"{self.url}/api/data/v{api_version}/"

    def now(self) -> datetime:
        """Return the CRM's time: the last Date header carried on by monotonic time."""
        if (found := self._time.now()) is None:
            self.whoami()
            found = self._time.now()
        if found is None:
            raise CrmUnavailable("the CRM's answers carry no Date header; is something between us and Dynamics?")
        return found

    def whoami(self) -> tuple[str, str]:
        """Return our user's id and the organization's."""
        try:
            answer = self.read("WhoAmI", "WhoAmI")
        except ObjectBlocked as error:  # it is no object of the mapping: nothing can be asked here
            raise CrmUnavailable(str(error)) from None
        try:
            found = msgspec.json.decode(answer.body, type=_Whoami)
        except msgspec.MsgspecError:
            raise CrmUnavailable("WhoAmI answers something else; look at url: in config") from None
        return found.user_id.lower(), found.organization_id.lower()

    def send(
        self, method: str, path: str, *, body: Any = None, headers: Mapping[str, str] | None = None, urgent: bool = True,
        read_seconds: float = READ_SECONDS, requests: int = 1,
    ) -> Answer:  # fmt: skip
        """Send one request once and return its answer; a refused token is renewed once and the request replayed as it was.

        A body of bytes goes out as it is. `requests` is what it counts for. Raises CrmUnavailable when nothing was sent,
        OutcomeUnknown when nobody knows, CrmAuthFailed, CrmBudgetExhausted.
        """
        data = body if body is None or isinstance(body, bytes) else msgspec.json.encode(body)
        kind = {} if data is None else {"Content-Type": "application/json"}
        url = self._address(path)

        def once(token: Secret) -> Answer:
            self._pass_gate()
            self.budget.spend(urgent=urgent, requests=requests)
            mine = {**_HEADERS, **kind, "Authorization": f"Bearer {token.reveal()}", **(headers or {})}
            return exchange(
                self._session, method, url, clock=self._clock, headers=mine, data=data,
                read_seconds=self._patience.seconds(read_seconds),
            )  # fmt: skip

        token = self._login.current()
        answer = once(token)
        if answer.status == 401:
            answer = once(self._login.refresh(token))
        if answer.status == 429:
            self.close_gate(retry_after(answer, BUSY_PAUSE, LONGEST_PAUSE))
        return answer

    def _address(self, path: str) -> str:
        if not path.startswith(("http:", "https:")):
            return self.root + path
        if not self.leads_here(path):  # the token must not travel to wherever a link points
            raise ObjectBlocked("a link of Dataverse leads to another address than url: in config names")
        return path

    def leads_here(self, link: str) -> bool:
        """Say whether a link stays within the environment and the version of its API that config names."""
        return link.startswith(self.root)

    def _pass_gate(self) -> None:
        left = self._closed_until - self._clock.monotonic()
        if left > 0:
            raise CrmUnavailable("the environment asked for a pause (service protection limits)", left)

    def close_gate(self, seconds: float) -> None:
        """Send nothing for a while."""
        self._closed_until = max(self._closed_until, self._clock.monotonic() + seconds)

    def read(
        self, path: str, what: str, *, headers: Mapping[str, str] | None = None, read_seconds: float = READ_SECONDS
    ) -> Answer:
        """Return the answer of a GET that succeeded; raises ObjectBlocked when asking again is no use."""

        def once() -> Answer:
            answer = self.send("GET", path, headers=headers, read_seconds=read_seconds)
            if answer.status != 200:
                raise refused(answer, what)
            return answer

        return self.retried(once)

    def retried(self, action: Callable[[], _T]) -> _T:
        """Return what a read returns, trying again while time may heal it."""
        return self._patience.read(action)

    def rows(self, path: str, what: str) -> list[dict[str, Any]]:
        """Return all rows of a small query, lookups with the table they lead to."""
        return self.following(self.read(path, what, headers={"Prefer": LABELS}), what)

    def following(self, answer: Answer, what: str) -> list[dict[str, Any]]:
        """Return the rows of a first page and of all pages behind it."""
        found: list[dict[str, Any]] = []
        while True:
            try:
                page = msgspec.json.decode(answer.body, type=_Page)
            except msgspec.MsgspecError:
                raise CrmUnavailable(f"{what}: an answer cannot be read") from None
            found += page.value
            if page.more is None:
                return found
            answer = self.read(page.more, what, headers={"Prefer": LABELS})

    def gather(self, paths: Sequence[str]) -> list[Answer]:
        """Return the answers to several GETs, in order, refused ones as they are; one request per hundred."""
        parts = [Part(path, headers={"Prefer": LABELS}) for path in paths]
        found: list[Answer] = []
        for start in range(0, len(parts), PARTS_PER_BATCH):
            some = parts[start : start + PARTS_PER_BATCH]

            def once(some: Sequence[Part] = some) -> list[Answer]:
                answer = self.batch(some, urgent=True)
                if answer.status != 200:
                    raise refused(answer, "$batch")
                answers = batch_answers(answer, len(some))
                if busy := [one for one in answers if one.status in (429, 502, 503, 504)]:
                    raise refused(busy[0], "$batch")
                return answers

            found += self.retried(once)
        return found

    def gathered(self, paths: Sequence[str], what: str) -> list[dict[str, Any]]:
        """Return the rows of several queries of one kind; raises ObjectBlocked when one of them is refused."""
        found: list[dict[str, Any]] = []
        for answer in self.gather(paths):
            if answer.status != 200:
                raise refused(answer, what)
            found += self.following(answer, what)
        return found

    def batch(self, parts: Sequence[Part], *, urgent: bool) -> Answer:
        """Send several requests together, once; each is answered, whatever becomes of the others."""
        return self.send(
            "POST", "$batch", body=batch_body(parts, self.root), headers=_CONTINUE, urgent=urgent, requests=len(parts)
        )

    def usage(self) -> Usage:
        """Return the requests made by this process; Dataverse does not say what the tenant used."""
        return Usage(self.budget.calls)
