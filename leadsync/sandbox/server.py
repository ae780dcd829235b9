"""The HTTP server: one ASGI app over a box, and a thread that runs it.

Answers are computed one at a time under the store's lock, at the instant the request came in: the world first lives up to
that instant, so no reader is ever shown time that has not happened yet. Every answer carries the CRM's own Date. Faults
that break the connection do so on the socket itself.
"""

import asyncio
import socket
import struct
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread
from time import monotonic, sleep
from urllib.parse import parse_qsl

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from leadsync.sandbox.box import Box, Options
from leadsync.sandbox.calls import Answer, Call, Dropped
from leadsync.sandbox.control import control
from leadsync.sandbox.dataverse import Org as Environment
from leadsync.sandbox.dataverse.errors import UNAVAILABLE, UNEXPECTED
from leadsync.sandbox.dataverse.errors import ApiError as Refusal
from leadsync.sandbox.dataverse.org import protection
from leadsync.sandbox.making import keep, make_box
from leadsync.sandbox.requests_log import Entry
from leadsync.sandbox.salesforce import Org
from leadsync.sandbox.salesforce.auth import CLIENT_ID
from leadsync.sandbox.salesforce.encode import http_date
from leadsync.sandbox.salesforce.errors import ApiError
from leadsync.sandbox.tls import self_signed

_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
_WITHOUT_BODY = (204, 304)
_STARTUP_SECONDS = 10.0
_TICK_SECONDS = 0.5
_HTML = "<html><head><title>We are down for maintenance</title></head><body>Please come back later.</body></html>"


class Front:
    """Everything that answers requests of one box."""

    def __init__(self, box: Box) -> None:
        self.box = box
        self.org = Org(box)
        self.environment = Environment(box, self.org.tokens)

    def answer(self, call: Call) -> Answer | Dropped:
        """Answer one request as of one instant, which its Date tells; or say that its connection is to be dropped."""
        with self.box.store.lock, self.box.clock.held():
            self.box.catch_up()
            answer = self._control(call) if call.path.startswith("/sandbox/") else self._vendor(call)
            if isinstance(answer, Answer):
                answer.headers["Date"] = http_date(self.box.clock.now())
            return answer

    def _control(self, call: Call) -> Answer:
        answer = control(self.box, call, self.environment)
        if call.path.rstrip("/") == "/sandbox/advance":
            keep(self.box)
        return answer

    def _vendor(self, call: Call) -> Answer | Dropped:
        dataverse = self.environment.serves(call.path.rstrip("/"))
        vendor: Org | Environment = self.environment if dataverse else self.org
        counts = vendor.counts(call.path.rstrip("/"))
        entry = self.box.log.open(call.method, call.path, call.entry.query, call.headers, api=counts)
        call = replace(call, entry=entry)
        fault = entry.fault = self.box.faults.drawn() if counts else None
        match fault:
            case "reset" | "timeout_before_apply":
                return Dropped(reset=fault == "reset")
            case "503" | "500" | "429" | "html":
                answer = self._dataverse_failure(fault) if dataverse else _failure(fault)
            case _:
                answer = vendor.answer(call)
        if fault == "timeout_after_apply":
            return Dropped(reset=False)
        entry.status = answer.status
        return answer

    def _dataverse_failure(self, fault: str) -> Answer:
        match fault:
            case "503":
                return Refusal(503, UNAVAILABLE, "The service is unavailable.").answer()
            case "500":
                return Refusal(500, UNEXPECTED, "An unexpected error occurred.").answer()
            case "429":
                return protection(self.box.faults.drawn_protection(), self.box.faults.retry_after).answer()
            case _:
                return _failure(fault)


def _failure(fault: str) -> Answer:
    match fault:
        case "503":
            return ApiError(503, "SERVER_UNAVAILABLE", "The server is temporarily unavailable").answer()
        case "500":
            return ApiError(
                500, "UNKNOWN_EXCEPTION", "An unexpected error occurred. Please include this ErrorId"
            ).answer()
        case "429":
            return ApiError(429, "TOO_MANY_REQUESTS", "Too many requests").answer()
        case _:
            return Answer(503, _HTML.encode(), media_type="text/html;charset=UTF-8")


class _Connections:
    """The open connections by the client's address, so that a fault can break one."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, int], asyncio.Transport] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    def protocol(self) -> type[H11Protocol]:
        connections = self

        class Protocol(H11Protocol):
            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
                super().connection_made(transport)
                if self.client is not None:
                    connections.opened(self.client, transport, self.loop)

            def connection_lost(self, exc: Exception | None) -> None:
                if self.client is not None:
                    connections.closed(self.client)
                super().connection_lost(exc)

        return Protocol

    def opened(self, client: tuple[str, int], transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._open[client] = transport
        self._loop = loop

    def closed(self, client: tuple[str, int]) -> None:
        self._open.pop(client, None)

    def close_all(self) -> None:
        """Close what clients still keep open; called from another thread."""
        if self._loop is not None:
            for transport in list(self._open.values()):
                self._loop.call_soon_threadsafe(transport.abort)

    async def drop(self, client: tuple[str, int], dropped: Dropped) -> None:
        transport = self._open.get(client)
        if transport is None:
            return
        if dropped.reset:
            raw = transport.get_extra_info("socket")
            # A linger of zero makes the kernel answer with RST instead of an orderly end.
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
        while client in self._open:
            await asyncio.sleep(0)


def build_app(box: Box, front: Front | None = None, connections: _Connections | None = None) -> Starlette:
    """The ASGI app that serves a box."""
    front = front or Front(box)

    async def endpoint(request: Request) -> Response:
        call, client = _call(box, request, await request.body()), request.client
        if call.path.startswith("/sandbox/") and (client is None or not _is_local(client.host)):
            return Response("the control endpoints answer on the loopback only", 403)
        found = front.answer(call)
        if isinstance(found, Dropped):
            if connections is not None and client is not None:
                await connections.drop((client.host, client.port), found)
            return Response(status_code=500)
        return _response(found)

    return Starlette(routes=[Route("/{path:path}", endpoint, methods=_METHODS)])


def _response(answer: Answer) -> Response:
    """The answer with its headers spelled as the vendors spell them: some clients look them up in that case only."""
    content = answer.content()
    headers = dict(answer.headers)
    if content:
        headers["Content-Type"] = answer.media_type
    if answer.status not in _WITHOUT_BODY:
        headers["Content-Length"] = str(len(content))
    response = Response(content, answer.status)
    response.raw_headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    return response


def _is_local(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _call(box: Box, request: Request, body: bytes) -> Call:
    url = request.url
    base = box.options.public_url or f"{url.scheme}://{request.headers.get('host', url.netloc)}"
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        # A header may come on several lines; Prefer does.
        headers[name.lower()] = f"{headers[name.lower()]}, {value}" if name.lower() in headers else value
    query = dict(parse_qsl(url.query, keep_blank_values=True))
    # As it was sent, still encoded; the Salesforce CLI puts two slashes in front.
    path = "/" + request.scope["raw_path"].decode("ascii", "replace").lstrip("/")
    entry = Entry(0, False, request.method, path, url.query)
    return Call(request.method, path, query, headers, body, base.rstrip("/"), entry)


class Server:
    """A box that answers on a socket of its own, in a thread."""

    def __init__(self, options: Options) -> None:
        self.box = make_box(options)
        self.front = Front(self.box)
        self._folder: TemporaryDirectory[str] | None = None
        certificate, key = options.tls_cert, options.tls_key
        if options.tls and certificate is None:
            self._folder = TemporaryDirectory(prefix="leadsync-sandbox-")
            certificate, key = self_signed(Path(self._folder.name), options.host)
        self.certificate = certificate
        # With the protocol named, asyncio switches Nagle's delay off on every connection.
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((options.host, options.port))
        self._socket.listen(128)
        scheme = "https" if certificate else "http"
        self.url = options.public_url or f"{scheme}://{options.host}:{self._socket.getsockname()[1]}"
        self._connections = _Connections()
        self._uvicorn = uvicorn.Server(
            uvicorn.Config(
                build_app(self.box, self.front, self._connections), log_config=None, log_level="error", lifespan="off",
                date_header=False, server_header=False, http=self._connections.protocol(), ws="none", access_log=False,
                ssl_certfile=str(certificate) if certificate else None, ssl_keyfile=str(key) if key else None,
                timeout_graceful_shutdown=2,
            )
        )  # fmt: skip
        self._stopping = Event()
        self._threads: list[Thread] = []

    @property
    def client_id(self) -> str:
        return CLIENT_ID

    @property
    def client_secret(self) -> str:
        return self.front.org.tokens.client_secret

    @property
    def token(self) -> str:
        return self.front.org.tokens.token

    def ready(self) -> dict[str, str]:
        """What whoever starts the box needs to know to use it."""
        now = self.box.clock.now().isoformat().replace("+00:00", "Z")
        return {
            "url": self.url, "now": now, "client_id": self.client_id, "client_secret": self.client_secret,
            "token": self.token, "tenant": self.front.environment.tenant,
        }  # fmt: skip

    def start(self) -> "Server":
        """Begin to answer; returns when it does."""
        self._threads.append(Thread(target=self._uvicorn.run, kwargs={"sockets": [self._socket]}, daemon=True))
        if self.box.acts_by_itself:
            self._threads.append(Thread(target=self._live, daemon=True))
        for thread in self._threads:
            thread.start()
        deadline = monotonic() + _STARTUP_SECONDS
        while not self._uvicorn.started:
            if monotonic() > deadline or not self._threads[0].is_alive():
                raise RuntimeError("the sandbox did not start")
            sleep(0.005)
        return self

    def stop(self) -> None:
        """Stop answering and write the state, if it is kept."""
        self._stopping.set()
        self._connections.close_all()
        self._uvicorn.should_exit = True
        for thread in self._threads:
            thread.join()
        self._socket.close()
        keep(self.box)
        if self._folder is not None:
            self._folder.cleanup()

    def _live(self) -> None:
        """Let people act also while nobody asks."""
        while not self._stopping.wait(_TICK_SECONDS):
            with self.box.store.lock:
                self.box.catch_up()


def serve(options: Options) -> Server:
    """A server over a fresh box; `start` it, and `stop` it in the end."""
    return Server(options)
