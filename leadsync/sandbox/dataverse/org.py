"""The Dataverse environment as its clients meet it: which path leads to which handler, and who is let in.

`Org.answer` serves one HTTP request; `Org.dispatch` one call below /api/data/vX.Y, which may as well be a part of a batch.
"""

import re
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import unquote

from leadsync.sandbox.box import Box
from leadsync.sandbox.calls import Answer, Call
from leadsync.sandbox.dataverse import actions, auth, batch, customizing, delta, metadata, query, rows
from leadsync.sandbox.dataverse.addresses import Addressed, KeyValues, key_of
from leadsync.sandbox.dataverse.desk import Desk
from leadsync.sandbox.dataverse.errors import NOT_FOUND, UNEXPECTED, ApiError, no_segment
from leadsync.sandbox.dataverse.guids import named_guid
from leadsync.sandbox.dataverse.meetings import Meetings
from leadsync.sandbox.dataverse.rows import Written
from leadsync.sandbox.dataverse.schema.columns import Table
from leadsync.sandbox.dataverse.tables import SETS, TABLES
from leadsync.sandbox.dataverse.view import Trail, View
from leadsync.sandbox.salesforce.auth import Tokens
from leadsync.sandbox.transaction import NotLive, Tx

_VERSIONED = re.compile(r"/api/data/v(\d+\.\d+)(?:/(.*))?", re.DOTALL)
_TOKEN = re.compile(r"/([^/]+)/oauth2/v2\.0/token")
_CONFIGURATION = re.compile(r"/([^/]+)/v2\.0/\.well-known/openid-configuration")
_NAMED = re.compile(r"([$\w.]+)(?:\((.*)\))?", re.DOTALL)
_ACTION = "Microsoft.Dynamics.CRM."
_NOT_UNDERSTOOD = (ValueError, TypeError, KeyError, AttributeError)
"""What bodies and options of the wrong shape lead to."""
_WINDOW_SECONDS = 300
_REQUESTS = 6000
"""Service protection: requests of one user in five minutes (Microsoft Learn, "Service protection API limits")."""


class Org:
    def __init__(self, box: Box, tokens: Tokens) -> None:
        self.box = box
        self.tokens = tokens
        self.tables = dict(TABLES)
        """The tables as they are now: columns and status reasons can be added."""
        self.cursors = query.Cursors()
        self.trail = Trail(box)
        self._meetings = Meetings(box.store)
        self.tenant = auth.tenant_of(box)
        self._recent: deque[float] = deque()

    @staticmethod
    def serves(path: str) -> bool:
        """Whether a path is Dataverse's or its identity platform's."""
        return (
            path.startswith("/api/data/") or path == "/common/discovery/instance" or _TOKEN.fullmatch(path) is not None
            or _CONFIGURATION.fullmatch(path) is not None
        )  # fmt: skip

    @staticmethod
    def counts(path: str) -> bool:
        """Whether a request for this path is an API request that limits count."""
        return path.startswith("/api/data/")

    def answer(self, call: Call) -> Answer:
        """Answer one HTTP request."""
        path = call.path.rstrip("/")
        if path == "/common/discovery/instance":
            return auth.discovery(call)
        if found := _CONFIGURATION.fullmatch(path):
            return auth.configuration(call, unquote(found[1]))
        if _TOKEN.fullmatch(path):
            return auth.token_endpoint(self.box, self.tokens, call)
        try:
            auth.accept(self.tokens, call, self.tenant)
            self._protect()
        except ApiError as error:
            call.entry.api = False
            return self._signed(error.answer(), call)
        self._meetings.settle(self.box.clock.now())
        self.box.store.read(self.box.clock.now())
        return self._signed(self.dispatch(replace(call, user=self.box.basics.integration)), call)

    def view(self, tx: Tx | None = None) -> View:
        """The store as Dataverse shows it now."""
        self.trail.catch_up()
        return View(self.box, self.tables, self.trail, self.box.clock.now(), tx, self.box.faults.hidden)

    def dispatch(self, call: Call) -> Answer:
        """Answer one call below /api/data/vX.Y; refusals are answers too."""
        try:
            if unquote(call.path).rstrip("/").endswith("/$batch"):
                return batch.batch(self._desk(call, None))
            found = self.act(call)
            if isinstance(found, Answer):
                return found
            desk, written = found
            return written.finish(desk)
        except ApiError as error:
            return error.answer()

    def act(
        self, call: Call, tx: Tx | None = None, addressed: Addressed | None = None
    ) -> "Answer | tuple[Desk, Written]":
        """Read, or make the change that a call asks for. Inside a transaction the answer has to wait for its end."""
        desk = self._desk(call, tx)
        handler = self._handler(desk)
        if isinstance(handler, _Reading):
            return self._read(desk, handler)
        if tx is not None:
            return desk, self._write(desk, handler, tx, addressed or Addressed(desk.view))
        guard = call.headers.get("if-match")
        with self.box.store.tx(by=call.user, via="api", guard=guard) as own:
            inside = desk.within(own)
            written = self._write(inside, handler, own, Addressed(inside.view))
        return self._desk(call, None), written

    @staticmethod
    def _read(desk: Desk, handler: "_Reading") -> Answer:
        try:
            return handler.read(desk)
        except _NOT_UNDERSTOOD as error:
            raise ApiError(400, UNEXPECTED, f"The request cannot be understood: {error}") from None

    @staticmethod
    def _write(desk: Desk, handler: "_Writing", tx: Tx, addressed: Addressed) -> Written:
        try:
            return handler.write(desk, tx, addressed)
        except NotLive as error:
            raise ApiError(404, NOT_FOUND, str(error)) from None
        except _NOT_UNDERSTOOD as error:
            raise ApiError(400, UNEXPECTED, f"The request cannot be understood: {error}") from None

    def _desk(self, call: Call, tx: Tx | None) -> Desk:
        match = _VERSIONED.fullmatch(call.path)
        version = match[1] if match else "9.2"
        return Desk(self, call, self.view(tx), f"{call.base}/api/data/v{version}")

    def _handler(self, desk: Desk) -> "_Reading | _Writing":
        match = _VERSIONED.fullmatch(desk.call.path)
        if match is None:
            raise no_segment(desk.call.path)
        segments = [unquote(part) for part in query.split((match[2] or "").strip("/"), "/")]
        return _routed(desk, segments)

    def _protect(self) -> None:
        """Refuse what goes beyond the limit of requests, which a fault may lower; in the CRM's own time."""
        limit = self.box.faults.api_limit
        now = self.box.clock.now().timestamp()
        while self._recent and self._recent[0] <= now - _WINDOW_SECONDS:
            self._recent.popleft()
        if limit is not None and len(self._recent) >= limit:
            wait = int(self._recent[0] + _WINDOW_SECONDS - now) + 1 if self._recent else _WINDOW_SECONDS
            raise protection("requests", wait, limit)
        self._recent.append(now)

    def _signed(self, answer: Answer, call: Call) -> Answer:
        request_id = named_guid("request", call.entry.n)
        answer.headers.setdefault("x-ms-service-request-id", request_id)
        answer.headers.setdefault("REQ_ID", request_id)
        limit = self.box.faults.api_limit or _REQUESTS
        answer.headers.setdefault("x-ms-ratelimit-burst-remaining-xrm-requests", str(max(0, limit - len(self._recent))))
        answer.headers.setdefault("x-ms-ratelimit-time-remaining-xrm-requests", "1200.00")
        return answer


_PROTECTION = {
    "requests": ("0x80072322", "Number of requests exceeded the limit of {limit} over time window of 300 seconds."),
    "time": (
        "0x80072321",
        "Combined execution time of incoming requests exceeded limit of 1200000 milliseconds over time window of 300 seconds.",
    ),
    "concurrency": ("0x80072326", "Number of concurrent requests exceeded the limit of 52."),
}  # fmt: skip


def protection(kind: str, seconds: int, limit: int = _REQUESTS) -> ApiError:
    """The refusal of service protection: 429 with the time to wait, for one of its three reasons."""
    code, text = _PROTECTION[kind]
    return ApiError(429, code, text.format(limit=limit), {"Retry-After": str(seconds)})


class _Reading:
    def __init__(self, read: Callable[[Desk], Answer]) -> None:
        self.read = read


class _Writing:
    def __init__(self, write: Callable[[Desk, Tx, Addressed], Written]) -> None:
        self.write = write


def _routed(desk: Desk, segments: list[str]) -> _Reading | _Writing:
    if not segments:
        return _Reading(metadata.service_document)
    named = _NAMED.fullmatch(segments[0])
    if named is None:
        raise no_segment(segments[0])
    name = named[1]
    if name in metadata.ROOTS or name == "$metadata":
        return _Reading(lambda d: metadata.answer(d, segments))
    if name in actions.FUNCTIONS:
        return _Reading(lambda d: actions.FUNCTIONS[name](d, named[2] or ""))
    if name in actions.UNBOUND:
        return _Writing(actions.UNBOUND[name])
    if name in customizing.ACTIONS and desk.call.method == "POST":
        return _Reading(lambda d: customizing.ACTIONS[name](d, named[2] or ""))
    if name not in SETS:
        raise no_segment(name)
    table = desk.view.tables[SETS[name].name]
    if named[2] is None:
        return _of_set(desk, table, segments[1:])
    return _of_row(desk, table, key_of(table, named[2]), segments[1:])


def _of_set(desk: Desk, table: Table, rest: list[str]) -> _Reading | _Writing:
    match desk.call.method, rest:
        case (("GET" | "HEAD"), []):
            if "$deltatoken" in desk.call.query and "$skiptoken" not in desk.call.query:
                return _Reading(lambda d: delta.since(d, table))
            if "odata.track-changes" in desk.preferences:
                return _Reading(lambda d: delta.first(d, table))
            return _Reading(lambda d: query.rows(d, table))
        case "GET", ["$count"]:
            if "$deltatoken" in desk.call.query:
                return _Reading(lambda d: delta.pending(d, table))
            return _Reading(lambda d: query.count(d, table, query.fitting(d, table, None)))
        case "POST", []:
            return _Writing(lambda d, tx, a: rows.create(d, tx, table, a))
        case "POST", [name] if name.removeprefix(_ACTION) in actions.OF_SET:
            action = actions.OF_SET[name.removeprefix(_ACTION)]
            return _Writing(lambda d, tx, a: action(d, tx, table, a))
    raise _not_here(desk, rest)


def _of_row(desk: Desk, table: Table, key: str | KeyValues, rest: list[str]) -> _Reading | _Writing:
    match desk.call.method, rest:
        case (("GET" | "HEAD"), []):
            return _Reading(lambda d: rows.read(d, table, key))
        case "PATCH", []:
            return _Writing(lambda d, tx, a: rows.change(d, tx, table, key, a))
        case "DELETE", []:
            return _Writing(lambda d, tx, a: rows.remove(d, tx, table, key, a))
        case "GET", [name] if name.partition("(")[0].removeprefix(_ACTION) in actions.ROW_FUNCTIONS:
            function = actions.ROW_FUNCTIONS[name.partition("(")[0].removeprefix(_ACTION)]
            return _Reading(lambda d: function(d, table, key))
        case "POST", [name] if name.removeprefix(_ACTION) in actions.OF_ROW:
            action = actions.OF_ROW[name.removeprefix(_ACTION)]
            return _Writing(lambda d, tx, a: action(d, tx, table, key, a))
        case "GET", [name]:
            return _Reading(lambda d: rows.part(d, table, key, name))
        case "GET", [name, "$count"]:
            return _Reading(lambda d: rows.part_count(d, table, key, name))
        case "PUT", [name]:
            return _Writing(lambda d, tx, a: rows.put_part(d, tx, table, key, name, a))
        case "DELETE", [name]:
            return _Writing(lambda d, tx, a: rows.remove_part(d, tx, table, key, name, a))
        case "PUT", [name, "$ref"]:
            return _Writing(lambda d, tx, a: rows.put_ref(d, tx, table, key, name, a))
        case "DELETE", [name, "$ref"]:
            return _Writing(lambda d, tx, a: rows.remove_ref(d, tx, table, key, name, a))
        case "POST", [name, "$ref"]:
            return _Writing(lambda d, tx, a: rows.add_ref(d, tx, table, key, name, a))
    raise _not_here(desk, rest)


def _not_here(desk: Desk, rest: list[str]) -> ApiError:
    if rest:
        return no_segment(rest[-1])
    return ApiError(405, "0x80060888", f"The requested resource does not support http method '{desk.call.method}'.")
