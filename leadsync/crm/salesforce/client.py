"""Requests to one Salesforce org: the session, its headers, one refresh per refused request, the budget, the CRM's time.

Requests go out with `Sforce-Auto-Assign: FALSE` on the session, so that no replay can lose it: without it every write
to a Lead runs the org's assignment rules. simple-salesforce serves describe, limits and SOQL escaping with our token;
pages and writes take the raw bytes of the same session.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Event
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import requests

from leadsync.clock import Clock
from leadsync.crm.calls import Budget, CrmTime
from leadsync.crm.salesforce.auth import Login, Token
from leadsync.crm.salesforce.verdicts import QUOTA_PAUSE, faults, is_expired, refusal, refused
from leadsync.errors import CrmUnavailable, ObjectBlocked
from leadsync.http import READ_SECONDS, Answer, Patience, allow_plain_http, exchange
from leadsync.ports import Usage

if TYPE_CHECKING:
    from simple_salesforce.api import Salesforce

PARTS_PER_COMPOSITE = 25
QUERIES_PER_COMPOSITE = 5
_USAGE = re.compile(r"api-usage=(\d+)/(\d+)")

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Part:
    """One subrequest of a composite: a path below the version root, or a whole one beginning with /services."""

    path: str
    method: str = "GET"
    headers: Mapping[str, str] | None = None
    body: Mapping[str, Any] | None = None

    @property
    def is_query(self) -> bool:
        return self.path.startswith(("query", "composite/sobjects"))


@dataclass(frozen=True, slots=True)
class PartAnswer:
    """What one subrequest answered; the body is decoded by whoever knows its shape."""

    status: int
    body: msgspec.Raw


class _WirePart(msgspec.Struct):
    httpStatusCode: int  # noqa: N815 - Salesforce's own spelling
    referenceId: str  # noqa: N815
    body: msgspec.Raw = msgspec.Raw(b"null")


class _WireComposite(msgspec.Struct):
    compositeResponse: list[_WirePart]  # noqa: N815


class Client:
    """One org. Every method may raise CrmUnavailable, CrmAuthFailed, CrmBudgetExhausted; reads are tried again, writes never."""

    def __init__(
        self, session: requests.Session, login: Login, api_version: str, *, clock: Clock, stop: Event, budget: Budget
    ) -> None:
        self._session = session
        self._login = login
        self._clock = clock
        self._patience = Patience(clock, stop)
        self._time = CrmTime(clock, session)
        self._library: tuple[Token, Salesforce] | None = None
        self.budget = budget
        self.api_version = api_version
        self.root = f"/services/data/v{api_version}/"
        session.headers["Sforce-Auto-Assign"] = "FALSE"
        session.headers["Sforce-Call-Options"] = "client=leadsync"
        session.hooks["response"].append(self._note)

    def _note(self, response: requests.Response, *_: object, **__: object) -> None:
        if found := _USAGE.search(
            response.headers.get("Sforce-Limit-Info") or ""
        ):  # in a short and several longer forms
            self.budget.note(int(found[1]), int(found[2]))

    def token(self) -> Token:
        """Return the token of the moment, logging in if needed."""
        return self._login.current()

    def now(self) -> datetime:
        """Return the CRM's time: the last Date header carried on by monotonic time."""
        return self._time.now() or self.fresh_now()

    def fresh_now(self) -> datetime:
        """Return the CRM's time as it says itself just now; costs no API request."""
        self.versions()
        if self._time.seen is None:
            raise CrmUnavailable("the CRM's answers carry no Date header; is something between us and Salesforce?")
        return self._time.seen[0]

    def send(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        urgent: bool = True,
        read_seconds: float = READ_SECONDS,
    ) -> Answer:
        """Send one request once and return its answer; an expired session is renewed once and the request replayed as it was.

        Raises CrmUnavailable when nothing was sent, OutcomeUnknown when nobody knows, CrmAuthFailed, CrmBudgetExhausted.
        """
        data = None if body is None else msgspec.json.encode(body)
        kind = {} if data is None else {"Content-Type": "application/json"}

        def once(token: Token) -> Answer:
            self.budget.spend(urgent=urgent)
            url = token.instance + (path if path.startswith("/") else self.root + path)
            mine = {
                "Authorization": f"Bearer {token.secret.reveal()}",
                "Accept": "application/json",
                **kind,
                **(headers or {}),
            }
            return exchange(
                self._session, method, url, clock=self._clock, headers=mine, data=data,
                read_seconds=self._patience.seconds(read_seconds),
            )  # fmt: skip

        token = self._login.current()
        answer = once(token)
        if is_expired(answer):
            answer = once(self._login.refresh(token))
        if answer.status == 403 and any(fault.kind() == "quota" for fault in faults(answer.body)):
            self.budget.pause(QUOTA_PAUSE)
        return answer

    def read(
        self, path: str, what: str, *, headers: Mapping[str, str] | None = None, read_seconds: float = READ_SECONDS
    ) -> Answer:
        """Return the answer of a GET that succeeded; raises ObjectBlocked when asking again is no use."""

        def once() -> Answer:
            answer = self.send("GET", path, headers=headers, read_seconds=read_seconds)
            if answer.status != 200:
                raise refused(answer, what)
            return answer

        return self._patience.read(once)

    def composite(self, parts: Sequence[Part]) -> tuple[list[PartAnswer], datetime]:
        """Return the answers of up to 25 reads, at most five of them queries, for one API request, and when they were given."""

        def once() -> tuple[list[PartAnswer], datetime]:
            answer = self.send("POST", "composite", body=self.envelope(parts))
            if answer.status != 200:
                raise refused(answer, "composite")
            return parted(answer, len(parts)), answer.date() or self.now()

        try:
            return self._patience.read(once)
        except ObjectBlocked as error:
            # Composite is no object of the mapping: everything goes through it.
            raise CrmUnavailable(
                f"{error}; `leadsync doctor` looks at the API version and the user's API right"
            ) from None

    def composites(self, parts: Sequence[Part]) -> tuple[list[PartAnswer], datetime]:
        """Return the answers of any number of reads in as few requests as the two limits allow, and the time of the first."""
        found: list[PartAnswer] = []
        at: datetime | None = None
        for some in _packed(parts):
            answers, answered_at = self.composite(some)
            found += answers
            at = at or answered_at
        return found, at or self.now()

    def envelope(self, parts: Sequence[Part]) -> dict[str, Any]:
        """Return the body of a composite call; order matters to us, so nothing may be collated."""
        requests_ = []
        for number, part in enumerate(parts):
            one: dict[str, Any] = {
                "method": part.method,
                "url": part.path if part.path.startswith("/") else self.root + part.path,
                "referenceId": f"r{number}",
            }
            if part.headers:
                one["httpHeaders"] = dict(part.headers)
            if part.body is not None:
                one["body"] = part.body
            requests_.append(one)
        return {"allOrNone": False, "collateSubrequests": False, "compositeRequest": requests_}

    def ask(self, call: "Callable[[Salesforce], _T]", what: str) -> _T:
        """Return what simple-salesforce answers to a read, its many errors turned into ours."""
        from simple_salesforce.exceptions import (  # 0.8 s: not before it is needed
            SalesforceError,
            SalesforceExpiredSession,
        )

        def once() -> _T:
            token = self._login.current()
            for last in (False, True):
                self.budget.spend(urgent=True)
                try:
                    return call(self._bound(token))
                except SalesforceExpiredSession:
                    if last:
                        raise refusal(401, (), what) from None
                    token = self._login.refresh(token)
                except SalesforceError as error:
                    raise refusal(error.status, faults(msgspec.json.encode(error.content)), what) from None
                except (requests.RequestException, ValueError, LookupError):
                    raise CrmUnavailable(f"{what}: no answer, or none that can be read") from None
            raise AssertionError("unreachable")

        return self._patience.read(once)

    def describe(self, native: str) -> dict[str, Any]:
        """Return what the org says of an object: only fields that the integration user may read are in it."""
        found = self.ask(lambda library: library.restful(f"sobjects/{native}/describe"), native)
        return found if isinstance(found, dict) else {"fields": []}

    def _bound(self, token: Token) -> "Salesforce":
        """Return the library's client for this token: with a session id and an instance it never logs in by itself."""
        from simple_salesforce.api import Salesforce

        if self._library is None or self._library[0] is not token:
            allow_plain_http(self._session, token.instance)
            made = Salesforce(
                session_id=token.secret.reveal(), instance_url=token.instance, session=self._session,
                version=self.api_version, object_pairs_hook=dict,
            )  # fmt: skip
            self._library = (token, made)
        return self._library[1]

    def versions(self) -> tuple[str, ...]:
        """Return the API versions that the org offers; costs nothing and needs no rights."""

        class Version(msgspec.Struct):
            version: str

        def once() -> tuple[str, ...]:
            token = self._login.current()
            answer = exchange(
                self._session, "GET", f"{token.instance}/services/data/", clock=self._clock,
                read_seconds=self._patience.seconds(READ_SECONDS),
            )  # fmt: skip
            if answer.status != 200:
                raise CrmUnavailable(f"the list of API versions answers {answer.status}")
            try:
                return tuple(one.version for one in msgspec.json.decode(answer.body, type=list[Version]))
            except msgspec.MsgspecError:
                raise CrmUnavailable("the list of API versions cannot be read; look at the url in config") from None

        return self._patience.read(once)

    def usage(self) -> Usage:
        """Return the requests made by this process and what the org says of its day."""
        return Usage(self.budget.calls, self.budget.used, self.budget.limit)


def parted(answer: Answer, count: int) -> list[PartAnswer]:
    """Return the answers of a composite in order; raises CrmUnavailable when they are not exactly what was asked."""
    try:
        found = msgspec.json.decode(answer.body, type=_WireComposite).compositeResponse
    except msgspec.MsgspecError:
        raise CrmUnavailable("a composite answer cannot be read") from None
    if [part.referenceId for part in found] != [f"r{number}" for number in range(count)]:
        raise CrmUnavailable("a composite answer does not fit what was asked")
    return [PartAnswer(part.httpStatusCode, part.body) for part in found]


def _packed(parts: Sequence[Part]) -> list[list[Part]]:
    packs: list[list[Part]] = [[]]
    for part in parts:
        queries = sum(one.is_query for one in packs[-1])
        if len(packs[-1]) == PARTS_PER_COMPOSITE or (part.is_query and queries == QUERIES_PER_COMPOSITE):
            packs.append([])
        packs[-1].append(part)
    return [pack for pack in packs if pack]
