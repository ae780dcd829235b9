"""The Salesforce org as its clients meet it: which path leads to which handler, who is let in, what a call costs.

`Org.answer` serves one HTTP request; `Org.dispatch` one call below /services/data/vXX.X, which may as well be a part of
a composite. Paths count with and without a trailing slash and in any API version: clients send all of them.
"""

import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta

from leadsync.sandbox.box import Box
from leadsync.sandbox.calls import Answer, BadJson, Call
from leadsync.sandbox.salesforce import (
    bulk_ingest,
    bulk_query,
    collections,
    composite,
    describe,
    query,
    replication,
    rows,
)
from leadsync.sandbox.salesforce.auth import Tokens, identity, token_endpoint
from leadsync.sandbox.salesforce.bulk_jobs import Jobs
from leadsync.sandbox.salesforce.desk import Desk
from leadsync.sandbox.salesforce.errors import ApiError, bad_request, method_not_allowed, not_found
from leadsync.sandbox.salesforce.limits import DEFAULT_LIMIT, limits
from leadsync.sandbox.salesforce.query import Cursors
from leadsync.sandbox.soql import QueryRefused

Handler = Callable[..., Answer]
_VERSIONED = re.compile(r"/services/data/v(\d+\.\d)(/.*)?")
_NEWEST = 68
_OLDEST = 31
_DAY = timedelta(days=1)


def _at(pattern: str, **handlers: Handler) -> tuple[re.Pattern[str], Mapping[str, Handler]]:
    return re.compile(pattern), handlers


_ROUTES = (
    _at(r"", GET=describe.resources),
    _at(r"/limits", GET=limits),
    _at(r"/query", GET=query.query),
    _at(r"/queryAll", GET=query.query_all),
    _at(r"/(?:query|queryAll)/([^/]+)", GET=query.more),
    _at(r"/sobjects", GET=describe.everything),
    _at(r"/sobjects/(\w+)", GET=describe.basic, POST=rows.create, PATCH=rows.no_id, DELETE=rows.no_id),
    _at(r"/sobjects/(\w+)/describe", GET=describe.one),
    _at(r"/sobjects/(\w+)/updated", GET=replication.updated),
    _at(r"/sobjects/(\w+)/deleted", GET=replication.deleted),
    _at(r"/sobjects/(\w+)/(\w+)", GET=rows.read, PATCH=rows.change, DELETE=rows.remove),
    _at(r"/sobjects/(\w+)/(\w+)/(.+)", GET=rows.read_by_key, PATCH=rows.upsert, DELETE=rows.remove_by_key),
    _at(r"/composite", GET=composite.resources, POST=composite.composite),
    _at(r"/composite/batch", POST=composite.batch),
    _at(r"/composite/sobjects", POST=collections.create, PATCH=collections.change, DELETE=collections.remove),
    _at(r"/composite/sobjects/(\w+)", GET=collections.read, POST=collections.read),
    _at(r"/composite/sobjects/(\w+)/(\w+)", PATCH=collections.upsert),
    _at(r"/jobs/query", GET=bulk_query.jobs, POST=bulk_query.create),
    _at(r"/jobs/query/(\w+)", GET=bulk_query.show, PATCH=bulk_query.change, DELETE=bulk_query.remove),
    _at(r"/jobs/query/(\w+)/results", GET=bulk_query.results),
    _at(r"/jobs/ingest", GET=bulk_ingest.jobs, POST=bulk_ingest.create),
    _at(r"/jobs/ingest/(\w+)", GET=bulk_ingest.show, PATCH=bulk_ingest.change, DELETE=bulk_ingest.remove),
    _at(r"/jobs/ingest/(\w+)/batches", PUT=bulk_ingest.upload),
    # The documentation spells the last one in lower case, clients in both ways.
    _at(r"/jobs/ingest/(\w+)/(successfulResults|failedResults|unprocessed[rR]ecords)", GET=bulk_ingest.results),
)  # fmt: skip


class Org:
    def __init__(self, box: Box) -> None:
        self.box = box
        self.tokens = Tokens(box)
        self.cursors = Cursors()
        self.jobs = Jobs()
        self._used: deque[float] = deque()

    @staticmethod
    def counts(path: str) -> bool:
        """Whether a request for this path is an API request that limits count."""
        return _VERSIONED.fullmatch(path) is not None

    @property
    def limit(self) -> int:
        return DEFAULT_LIMIT if self.box.faults.api_limit is None else self.box.faults.api_limit

    def used(self) -> int:
        """API requests in the last 24 hours of the CRM's time."""
        edge = (self.box.clock.now() - _DAY).timestamp()
        while self._used and self._used[0] < edge:
            self._used.popleft()
        return len(self._used)

    def spend(self) -> None:
        """Count one API request; 403 when the day's are used up."""
        if self.used() >= self.limit:
            raise ApiError(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
        self._used.append(self.box.clock.now().timestamp())

    def answer(self, call: Call) -> Answer:
        """Answer one HTTP request below /services or /id."""
        path = call.path.rstrip("/")
        match path:
            case "/services/oauth2/token" if call.method == "POST":
                return token_endpoint(self.box, self.tokens, call)
            case "/services/oauth2/revoke":
                return Answer(200)
            case "/services/data":
                return Answer(200, _versions())
        try:
            self.tokens.accept(call.headers)
            if path == "/services/oauth2/userinfo" or path.startswith("/id/"):
                return identity(self.box, call)
            if not self.counts(path):
                raise not_found()
            self.spend()
            self.box.store.read(self.box.clock.now())
            found = self.dispatch(replace(call, user=self.box.basics.integration))
        except ApiError as error:
            # Whoever is not let in has spent nothing.
            call.entry.api = False
            found = error.answer()
        found.headers.setdefault("Sforce-Limit-Info", f"api-usage={self.used()}/{self.limit}")
        return found

    def dispatch(self, call: Call) -> Answer:
        """Answer one call below /services/data/vXX.X; refusals are answers too."""
        match = _VERSIONED.fullmatch(call.path)
        try:
            if match is None:
                raise not_found()
            if float(match[1]) < _OLDEST:
                raise ApiError(410, "UNSUPPORTED_API_VERSION", "The requested API version is retired")
            return self._route(replace(call, version=match[1]), (match[2] or "").rstrip("/"))
        except ApiError as error:
            return error.answer()
        except QueryRefused as refused:
            return ApiError(400, refused.code, refused.message).answer()
        except BadJson as error:
            return bad_request(f"Unexpected character: {error}").answer()

    def _route(self, call: Call, path: str) -> Answer:
        for pattern, handlers in _ROUTES:
            match = pattern.fullmatch(path)
            if match is None:
                continue
            method = "GET" if call.method == "HEAD" else call.method
            # A client that cannot send PATCH names it in the query string (REST Developer Guide, "Using HTTP PATCH").
            method = call.query.get("_HttpMethod", method) if method == "POST" else method
            handler = handlers.get(method)
            if handler is None:
                raise method_not_allowed(call.method, ",".join(("HEAD", *handlers)))
            return handler(Desk(self.box, self, call, self.box.clock.now()), *match.groups())
        raise not_found()


_SEASONS = ("Spring", "Summer", "Winter")


def _versions() -> list[dict[str, str]]:
    """Three releases a year; v65.0 is Winter '26."""
    return [
        {"label": f"{_SEASONS[n % 3]} '{26 + (n - 65) // 3:02d}", "url": f"/services/data/v{n}.0", "version": f"{n}.0"}
        for n in range(_OLDEST, _NEWEST + 1)
    ]
