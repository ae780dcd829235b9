"""Logging in to Salesforce: which flow, the token and its age, and whom we reached.

Our own token client, because the library's loses headers and logs in without end when a session stays rejected
(crm/salesforce.md 3.3). One thread refreshes while the others wait for its token. A dead grant is an error that
somebody must mend; it is not tried again for five minutes, so that nobody is locked out by us.
"""

import re
from dataclasses import dataclass
from threading import Event, Lock
from typing import Literal
from urllib.parse import urlsplit

import msgspec
import requests
import structlog

from leadsync.clock import Clock
from leadsync.errors import CrmAuthFailed, CrmUnavailable, WrongOrg
from leadsync.http import Answer, Patience, checked_url, exchange, retry_after
from leadsync.secret import Secret

Flow = Literal["token", "jwt", "password", "client_credentials"]

REFRESH_AFTER = 1800.0
FAILED_FOR = 300.0
_PASSING = frozenset({"rate_limit_exceeded", "server_error", "temporarily_unavailable", "unknown_error"})
_MENDING = {
    "invalid_client": "the consumer secret is wrong: look at {prefix}_CLIENT_SECRET",
    "invalid_client_id": "the consumer key is unknown: look at {prefix}_CLIENT_ID",
    "inactive_user": "the integration user is inactive: activate it, or run the app as another user",
    "inactive_org": "the org is inactive or locked",
    "unsupported_grant_type": "the app does not allow this flow: switch it on in the app's OAuth settings",
}
_GRANT_MENDING = {
    "client_credentials": "allow the client credentials flow in the external client app and name a Run As user there",
    "jwt": "upload the certificate to the app, authorise {prefix}_USERNAME for it, and check that this machine's clock is right",
    "password": "the password flow is blocked by default in newer orgs, or user, password or security token are wrong",
    "token": "",
}

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the environment offers to log in with; `prefix` is how its variables' names begin, for messages."""

    prefix: str
    client_id: str | None = None
    client_secret: Secret | None = None
    private_key: Secret | None = None
    username: str | None = None
    password: Secret | None = None
    token: Secret | None = None

    def flow(self) -> Flow:
        """Return the flow that these credentials are for; raises CrmAuthFailed when they are for none."""
        if self.token:
            return "token"
        if self.private_key and self.client_id and self.username:
            return "jwt"
        if self.username and self.password and self.client_id and self.client_secret:
            return "password"
        if self.client_id and self.client_secret and not (self.private_key or self.password):
            return "client_credentials"
        raise CrmAuthFailed(
            f"credentials are incomplete; set {self.prefix}_CLIENT_ID and {self.prefix}_CLIENT_SECRET (client credentials), "
            f"or {self.prefix}_CLIENT_ID, {self.prefix}_USERNAME and {self.prefix}_PRIVATE_KEY (JWT bearer), "
            f"or {self.prefix}_TOKEN for a trial"
        )


@dataclass(frozen=True, slots=True)
class Token:
    """A session of ours: the bearer token, the host to talk to, and who it is; the ids are None for a ready token."""

    secret: Secret
    instance: str
    org_id: str | None
    user_id: str | None
    born: float  # monotonic seconds


class _TokenAnswer(msgspec.Struct):
    access_token: str
    instance_url: str
    id: str | None = None


class _Refusal(msgspec.Struct):
    error: str = ""
    error_description: str = ""


class Login:
    """Hands out the current token and replaces it when it is old or refused."""

    def __init__(
        self, session: requests.Session, url: str, credentials: Credentials, *, clock: Clock, stop: Event
    ) -> None:
        self._session = session
        self._url = checked_url(url)
        self._credentials = credentials
        self._clock = clock
        self._patience = Patience(clock, stop)
        self._lock = Lock()
        self._token: Token | None = None
        self._org_id: str | None = None
        self._failed: tuple[float, CrmAuthFailed] | None = None

    def current(self) -> Token:
        """Return a token that is not old, logging in when there is none.

        Raises CrmAuthFailed when the credentials are refused, WrongOrg when they suddenly lead elsewhere.
        """
        with self._lock:
            token = self._token
            if token is None or (self._clock.monotonic() - token.born >= REFRESH_AFTER and not self._credentials.token):
                token = self._log_in()
            return token

    def refresh(self, refused: Token) -> Token:
        """Return another token than the refused one; whoever comes second gets what the first one fetched."""
        with self._lock:
            if self._token is not None and self._token is not refused:
                return self._token
            if self._credentials.token:
                raise CrmAuthFailed(
                    f"the ready token has expired or was revoked; put a new one into {self._credentials.prefix}_TOKEN"
                )
            self._token = None
            return self._log_in()

    def _log_in(self) -> Token:
        if self._failed and self._clock.monotonic() - self._failed[0] < FAILED_FOR:
            raise self._failed[1]
        try:
            token = self._fetch()
        except CrmAuthFailed as error:
            self._failed = (self._clock.monotonic(), error)
            raise
        if token.org_id and self._org_id and token.org_id != self._org_id:
            raise WrongOrg(
                f"the credentials in {self._credentials.prefix}_* now lead to another org than before; restart with the right ones"
            )
        self._failed, self._token, self._org_id = None, token, token.org_id or self._org_id
        return token

    def _fetch(self) -> Token:
        flow = self._credentials.flow()
        if self._credentials.token:
            return Token(self._credentials.token, self._url, None, None, self._clock.monotonic())
        if flow == "password":
            log.warning("login.deprecated", reason="password flow: move to client credentials or JWT bearer")
        answer = self._patience.read(lambda: self._ask(flow))
        try:
            found = msgspec.json.decode(answer.body, type=_TokenAnswer)
        except msgspec.MsgspecError:
            raise CrmUnavailable(
                "the token endpoint answered something that is no token; look at the url in config"
            ) from None
        org_id, user_id = _identity(found.id)
        return Token(
            Secret(found.access_token), checked_url(found.instance_url), org_id, user_id, self._clock.monotonic()
        )

    def _ask(self, flow: Flow) -> Answer:
        answer = exchange(
            self._session, "POST", f"{self._url}/services/oauth2/token",
            clock=self._clock, headers={"Accept": "application/json"}, data=self._form(flow),
        )  # fmt: skip
        if answer.status == 200:
            return answer
        refusal = _refusal(answer.body)
        if answer.status >= 500 or answer.status in (408, 420, 429) or refusal.error in _PASSING:
            raise CrmUnavailable(f"the token endpoint answers {answer.status}", retry_after(answer, 5.0))
        raise self._dead(flow, answer.status, refusal)

    def _dead(self, flow: Flow, status: int, refusal: _Refusal) -> CrmAuthFailed:
        code = refusal.error if re.fullmatch(r"[a-z_]{1,40}", refusal.error) else f"HTTP {status}"
        hint = _MENDING.get(code) or _GRANT_MENDING[flow]
        if "audience" in refusal.error_description:
            hint = "the assertion names the wrong login host: is this a sandbox org behind a production address?"
        return CrmAuthFailed(f"log-in refused ({code}): {hint.format(prefix=self._credentials.prefix)}")

    def _form(self, flow: Flow) -> dict[str, str]:
        mine = self._credentials
        secret = mine.client_secret.reveal() if mine.client_secret else ""
        match flow:
            case "jwt":
                return {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": self._assertion()}
            case "password":
                password = mine.password.reveal() if mine.password else ""
                named = {"username": mine.username or "", "password": password}
                return {"grant_type": "password", "client_id": mine.client_id or "", "client_secret": secret, **named}
            case _:
                return {"grant_type": "client_credentials", "client_id": mine.client_id or "", "client_secret": secret}

    def _assertion(self) -> str:
        """Return a signed assertion; `exp` is seconds and governs the assertion alone, not the session."""
        assert self._credentials.private_key is not None
        host = urlsplit(self._url).hostname or ""
        audience = (
            "https://test.salesforce.com"
            if ".sandbox." in host or host == "test.salesforce.com"
            else "https://login.salesforce.com"
        )
        claims = {
            "iss": self._credentials.client_id,
            "sub": self._credentials.username,
            "aud": audience,
            "exp": int(self._clock.wall().timestamp()) + 180,
        }
        import jwt  # with it comes all of cryptography

        try:
            return jwt.encode(claims, self._credentials.private_key.reveal(), algorithm="RS256")
        except (ValueError, TypeError, jwt.PyJWTError):
            raise CrmAuthFailed(
                f"{self._credentials.prefix}_PRIVATE_KEY holds no RSA private key in PEM form"
            ) from None


def _identity(url: str | None) -> tuple[str | None, str | None]:
    """Return org and user id, the last two parts of the identity URL."""
    parts = urlsplit(url or "").path.split("/")
    return (parts[-2], parts[-1]) if len(parts) >= 3 else (None, None)


def _refusal(body: bytes) -> _Refusal:
    try:
        return msgspec.json.decode(body, type=_Refusal)
    except msgspec.MsgspecError:
        return _Refusal()
