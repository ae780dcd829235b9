"""/livez, /readyz and /metrics: is the loop alive, may it be relied on and if not why, and its figures.

`/livez` is false only when the loop makes no progress: restarting helps with nothing else. `/readyz` names every
reason why leadsync does not do its whole job now.
"""

import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock, Thread

import uvicorn
from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.exposition import choose_encoder
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from leadsync.clock import Clock

STUCK_AFTER = 900.0
"""Seconds without progress after which the loop counts as stuck; a first load reports progress with every page."""


class Metrics:
    """The figures that leadsync publishes, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        labels = ("crm",)
        self.cycles = Counter("leadsync_cycles", "Finished cycles", ("crm", "reach"), registry=self.registry)
        self.failures = Counter(
            "leadsync_cycle_failures", "Cycles that ended early", ("crm", "reason"), registry=self.registry
        )
        self.seconds = Gauge("leadsync_cycle_seconds", "Length of the last cycle", labels, registry=self.registry)
        self.observed = Counter("leadsync_rows_observed", "Rows read", labels, registry=self.registry)
        self.transitions = Counter("leadsync_transitions", "Stage changes recorded", labels, registry=self.registry)
        self.decided = Counter("leadsync_decisions", "Persons decided", labels, registry=self.registry)
        self.api_calls = Counter("leadsync_api_calls", "API requests made", labels, registry=self.registry)
        self.outbox = Gauge("leadsync_outbox", "Effects by state", ("state",), registry=self.registry)
        self.mark_lag = Gauge("leadsync_mark_lag_seconds", "Age of the oldest mark", labels, registry=self.registry)
        self.skew = Gauge(
            "leadsync_clock_skew_seconds", "This machine's clock against the CRM's", labels, registry=self.registry
        )
        self.config_stale = Gauge("leadsync_config_stale", "1 while changed files are refused", registry=self.registry)


@dataclass(slots=True)
class Health:
    """What the loop says of itself; the web threads only read it."""

    clock: Clock
    metrics: Metrics = field(default_factory=Metrics)
    _reasons: dict[str, str] = field(
        default_factory=lambda: {"starting": "some CRM's first complete cycle has not finished"}
    )
    _progress: float = 0.0
    _lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        self.progressed()

    def progressed(self) -> None:
        """Note that the loop got somewhere."""
        self._progress = self.clock.monotonic()

    def is_alive(self) -> bool:
        """Say whether the loop got somewhere lately."""
        return self.clock.monotonic() - self._progress < STUCK_AFTER

    def fault(self, code: str, text: str) -> None:
        """Name a reason why leadsync is not ready."""
        with self._lock:
            self._reasons[code] = text

    def heal(self, *codes: str) -> None:
        """Take reasons back."""
        with self._lock:
            for code in codes:
                self._reasons.pop(code, None)

    def reasons(self) -> Mapping[str, str]:
        """Return why leadsync is not ready, by reason code; empty when it is."""
        with self._lock:
            return dict(self._reasons)


def build_web(health: Health, hosts: tuple[str, ...]) -> Starlette:
    """Return the endpoints; a request for a host that config does not name is refused (DNS rebinding)."""
    allowed = {"localhost", "127.0.0.1", "[::1]", *hosts}

    def known(request: Request) -> bool:
        return request.headers.get("host", "").rsplit(":", 1)[0] in allowed

    def livez(request: Request) -> Response:
        alive = health.is_alive()
        return PlainTextResponse("ok\n" if alive else "stuck\n", 200 if alive else 503)

    def readyz(request: Request) -> Response:
        reasons = health.reasons()
        return JSONResponse({"ready": not reasons, "reasons": reasons}, 503 if reasons else 200)

    def metrics(request: Request) -> Response:
        if not known(request):
            return PlainTextResponse("unknown host; name it under web.hosts\n", 421)
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(health.metrics.registry), media_type=content_type)

    return Starlette(routes=[Route("/livez", livez), Route("/readyz", readyz), Route("/metrics", metrics)])


class WebServer:
    """The endpoints on a thread of their own."""

    def __init__(self, app: Starlette, address: str, port: int) -> None:
        # IPPROTO_TCP named, or asyncio leaves Nagle's algorithm on and every answer takes 40 ms.
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind((address, port))
        self.port = int(self.socket.getsockname()[1])
        self._server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", access_log=False))
        self._thread = Thread(target=self._server.run, kwargs={"sockets": [self.socket]}, name="web", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Stop answering."""
        self._server.should_exit = True
        self._thread.join(timeout=5)
        self.socket.close()
