"""HTTP as leadsync does it: one kind of session, one exchange with time-outs and a deadline, one way to try reads again.

No redirects, no proxies or credentials from the environment, no hidden retries. What an answer means is for the CRM
adapters and channels to say; here it is only told apart whether a request was never sent, certainly answered, or lost
on the way. No message names a path, a header or a body.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from threading import Event
from typing import TypeVar
from urllib.parse import urlsplit

import requests
import tenacity
import urllib3
from requests.adapters import HTTPAdapter

from leadsync.clock import Clock
from leadsync.errors import ConfigError, CrmAuthFailed, CrmBudgetExhausted, CrmUnavailable, OutcomeUnknown

CONNECT_SECONDS = 10.0
READ_SECONDS = 120.0
DEADLINE_SECONDS = 300.0  # for one whole exchange, the body included
LONGEST_WAIT = 120.0  # whatever Retry-After asks for: the next cycle comes anyway
ATTEMPTS = 5
PROBE_SECONDS = 20.0  # for the first answer of a server that was down
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_CHUNK = 1 << 16

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the status, the headers by lower-case name, the whole body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def date(self) -> datetime | None:
        """Return the server's time of the answer, None without a readable Date header."""
        try:
            return parsedate_to_datetime(self.headers["date"]).astimezone(UTC)
        except (KeyError, ValueError):
            return None


class _Session(requests.Session):
    """A session that never follows a redirect: a token must not travel to wherever an answer points."""

    def send(self, request: requests.PreparedRequest, **kwargs: object) -> requests.Response:
        kwargs["allow_redirects"] = False
        return super().send(request, **kwargs)  # type: ignore[arg-type]


class _Adapter(HTTPAdapter):
    """Fills in the time-outs that a caller leaves out; `scheme` replaces the one that a client library insists on."""

    def __init__(self, timeout: tuple[float, float], scheme: str | None = None) -> None:
        self._timeout = timeout
        self._scheme = scheme
        super().__init__(max_retries=0, pool_maxsize=8)

    def send(self, request: requests.PreparedRequest, *args: object, **kwargs: object) -> requests.Response:
        if self._scheme and request.url:
            request.url = self._scheme + request.url[request.url.index(":") :]
        kwargs["timeout"] = kwargs.get("timeout") or self._timeout
        return super().send(request, *args, **kwargs)  # type: ignore[arg-type]


def checked_url(url: str) -> str:
    """Return an address without its last slash; raises ConfigError unless it is https, or http to this machine."""
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname:
        return url.rstrip("/")
    if parts.scheme == "http" and parts.hostname in _LOOPBACK:
        return url.rstrip("/")
    raise ConfigError(
        f"{parts.scheme or 'no scheme'} to {parts.hostname or 'no host'} is refused; use https (http only to this machine)"
    )


def new_session(timeout: tuple[float, float] = (CONNECT_SECONDS, READ_SECONDS)) -> requests.Session:
    """Return a session with (connect, read) time-outs in seconds on every call and nothing taken from the environment."""
    session = _Session()
    session.trust_env = False
    session.headers["User-Agent"] = "leadsync"
    for scheme in ("https://", "http://"):
        session.mount(scheme, _Adapter(timeout))
    return session


def allow_plain_http(
    session: requests.Session, url: str, timeout: tuple[float, float] = (CONNECT_SECONDS, READ_SECONDS)
) -> None:
    """Let a client library that always says https reach an http server on this machine; other hosts stay as they are."""
    if urlsplit(checked_url(url)).scheme == "http":
        session.mount(f"https://{urlsplit(url).netloc}", _Adapter(timeout, "http"))


def exchange(
    session: requests.Session,
    method: str,
    url: str,
    *,
    clock: Clock,
    headers: Mapping[str, str] | None = None,
    data: bytes | Mapping[str, str] | None = None,
    read_seconds: float = READ_SECONDS,
) -> Answer:
    """Send one request once and return the answer, whatever its status.

    Raises CrmUnavailable when nothing was sent (no connection), OutcomeUnknown when the request went out and no whole
    answer came back.
    """
    until = clock.monotonic() + max(DEADLINE_SECONDS, read_seconds)
    host = urlsplit(url).hostname
    try:
        response = session.request(
            method, url, headers=dict(headers or {}), data=data, timeout=(CONNECT_SECONDS, read_seconds), stream=True
        )
        with response:
            chunks = []
            for chunk in response.iter_content(_CHUNK):
                chunks.append(chunk)
                if clock.monotonic() > until:
                    raise OutcomeUnknown(f"{host} took too long over its answer")
    except requests.RequestException as error:
        raise _lost(error, host) from None
    return Answer(
        response.status_code, {name.lower(): value for name, value in response.headers.items()}, b"".join(chunks)
    )


def _lost(error: requests.RequestException, host: str | None) -> CrmUnavailable | OutcomeUnknown:
    if isinstance(error, requests.exceptions.SSLError):
        return CrmUnavailable(
            f"{host}: the certificate or the TLS handshake was refused; look at the address and the clock"
        )
    if isinstance(error, requests.ConnectTimeout) or _never_connected(error):
        return CrmUnavailable(f"{host} cannot be reached")
    return OutcomeUnknown(f"{host} did not answer, or broke off ({type(error).__name__})")


def _never_connected(error: requests.RequestException) -> bool:
    inner = error.args[0] if error.args else None
    reason = getattr(inner, "reason", inner)
    return isinstance(reason, (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError))


def retry_after(answer: Answer, default: float, longest: float = LONGEST_WAIT) -> float:
    """Return the seconds that an answer asks us to wait, clamped to what a cycle can bear."""
    asked = answer.headers.get("retry-after", "").strip()
    if asked.replace(".", "", 1).isdecimal():
        return min(max(float(asked), 1.0), longest)
    try:
        until = parsedate_to_datetime(asked).astimezone(UTC)
    except ValueError:
        return default
    return min(max((until - (answer.date() or until)).total_seconds(), 1.0), longest)


def read_with_retry(
    action: Callable[[], _T],
    *,
    clock: Clock,
    stop: Event,
    attempts: int = ATTEMPTS,
    seconds: float = 180.0,
    first_wait: float = 2.0,
) -> _T:
    """Return what `action` returns, trying again while time may heal it; for reads alone, never around a write.

    Waits grow from `first_wait` with jitter, or are what CrmUnavailable.retry_after says; one that would end after
    `seconds` is not begun. Raises CrmUnavailable at last; CrmBudgetExhausted and CrmAuthFailed at once; a set `stop` ends the waiting.
    """
    until = clock.monotonic() + seconds

    def wait(state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = getattr(error, "retry_after", None)
        pause = asked if asked is not None else min(first_wait * 2 ** (state.attempt_number - 1), 60.0)
        return float(pause * random.uniform(1.0, 1.25))

    def give_up(state: tenacity.RetryCallState) -> bool:
        return stop.is_set() or state.attempt_number >= attempts or clock.monotonic() + state.upcoming_sleep > until

    retrying = tenacity.Retrying(
        reraise=True,
        stop=give_up,
        wait=wait,
        sleep=clock.sleep,
        retry=tenacity.retry_if_exception_type((CrmUnavailable, OutcomeUnknown))
        & tenacity.retry_if_not_exception_type((CrmBudgetExhausted, CrmAuthFailed)),
    )
    try:
        return retrying(action)
    except OutcomeUnknown as error:
        raise CrmUnavailable(str(error)) from None


class Patience:
    """How long one server is waited for: reads are tried again while it was well, and once while it is known to be down.

    So a CRM that is down holds up nobody whose turn comes after it in the same thread.
    """

    def __init__(self, clock: Clock, stop: Event) -> None:
        self._clock, self._stop = clock, stop
        self._is_down = False

    def read(self, action: Callable[[], _T]) -> _T:
        """Return what `action` returns, as `read_with_retry` does."""
        try:
            found = read_with_retry(
                action, clock=self._clock, stop=self._stop, attempts=1 if self._is_down else ATTEMPTS
            )
        except CrmUnavailable:
            self._is_down = True
            raise
        self._is_down = False
        return found

    def seconds(self, wished: float) -> float:
        """Return how long to wait for an answer."""
        return min(wished, PROBE_SECONDS) if self._is_down else wished
