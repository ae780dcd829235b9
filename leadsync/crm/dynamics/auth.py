"""Logging in to Dynamics: msal fetches the token with a secret, a certificate or a managed identity, and keeps it.

msal's cache is asked before every request, since it knows when a token is old. A refused log-in is an error that
somebody must mend; it is not tried again for five minutes, and then with a new app object, because msal itself answers
from memory for a while after a refusal. An environment on this machine that is reached by plain http issues its own
tokens: msal insists on https, so its session replaces the scheme.
"""

from dataclasses import dataclass
from threading import Event, Lock
from typing import Any, Literal
from urllib.parse import urlsplit

import requests

from leadsync.clock import Clock
from leadsync.errors import CrmAuthFailed, CrmUnavailable
from leadsync.http import Patience, allow_plain_http, checked_url, new_session
from leadsync.secret import Secret

Flow = Literal["token", "certificate", "secret", "managed_identity"]

FAILED_FOR = 300.0
AUTHORITY = "https://login.microsoftonline.com"
_PASSING = frozenset({"temporarily_unavailable", "server_error", "request_timeout", "slow_down"})
_MENDING = {
    7000215: "the secret is wrong (its value is wanted, not its id): look at {prefix}_CLIENT_SECRET",
    7000222: "the secret has expired: make a new one for the app and put it into {prefix}_CLIENT_SECRET",
    700016: "the app is unknown in this tenant: look at {prefix}_CLIENT_ID and at tenant: in config",
    500011: "the environment's address is unknown in this tenant: look at url: in config",
    90002: "the tenant is unknown: look at tenant: in config",
    700027: "the certificate is not the one registered with the app: look at {prefix}_CERTIFICATE",
}  # Microsoft may change these numbers, so they only choose the hint


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the environment offers to log in with; `prefix` is how its variables' names begin, for messages.

    `certificate` is PEM with the private key in it, or beside it in `private_key`; `password` is the key's.
    """

    prefix: str
    client_id: str | None = None
    client_secret: Secret | None = None
    certificate: Secret | None = None
    private_key: Secret | None = None
    password: Secret | None = None
    token: Secret | None = None

    def flow(self) -> Flow:
        """Return the way to log in that these credentials are for."""
        if self.token:
            return "token"
        if self.certificate:
            return "certificate"
        return "secret" if self.client_secret else "managed_identity"


class Login:
    """Hands out the current token and replaces it when it is refused."""

    def __init__(self, url: str, tenant: str, credentials: Credentials, *, clock: Clock, stop: Event) -> None:
        """`tenant` is a domain or an id; a whole https address names the authority of another cloud."""
        self._url, self._tenant, self._credentials = checked_url(url), tenant, credentials
        self._clock = clock
        self._patience = Patience(clock, stop)
        self._lock = Lock()
        self._app: Any = None
        self._failed: tuple[float, CrmAuthFailed] | None = None

    def current(self) -> Secret:
        """Return a token that is not old. Raises CrmAuthFailed when the credentials are refused."""
        if self._credentials.token:
            return self._credentials.token
        with self._lock:
            return self._ask()

    def refresh(self, refused: Secret) -> Secret:
        """Return another token than the refused one; whoever comes second gets what the first one fetched."""
        if self._credentials.token:
            raise CrmAuthFailed(
                f"the ready token has expired or was revoked; put a new one into {self._credentials.prefix}_TOKEN"
            )
        with self._lock:
            if self._app is not None and (found := self._ask()) != refused:
                return found
            self._app = None
            return self._ask()

    def _ask(self) -> Secret:
        if self._failed and self._clock.monotonic() - self._failed[0] < FAILED_FOR:
            raise self._failed[1]
        try:
            token = self._patience.read(self._acquire)
        except CrmAuthFailed as error:
            self._failed, self._app = (self._clock.monotonic(), error), None
            raise
        self._failed = None
        return token

    def _acquire(self) -> Secret:
        from msal.exceptions import MsalError  # slow to import, and only Dynamics needs it

        try:
            if self._app is None:
                self._app = self._new_app()
            if self._credentials.flow() == "managed_identity":
                found = self._app.acquire_token_for_client(resource=self._url)
            else:
                found = self._app.acquire_token_for_client(scopes=[f"{self._url}/.default"])
        except (requests.RequestException, RuntimeError):
            self._app = None
            raise CrmUnavailable("the place that issues tokens cannot be reached") from None
        except MsalError:  # ManagedIdentityError is a ValueError besides
            self._app = None
            if self._credentials.flow() == "managed_identity":
                raise self._incomplete() from None
            raise CrmUnavailable("the place that issues tokens has an error of its own") from None
        except ValueError as error:
            raise self._unusable(str(error)) from None
        if "access_token" in found:
            return Secret(str(found["access_token"]))
        self._app = None
        raise self._dead(found)

    def _new_app(self) -> Any:
        import msal

        mine, session = self._credentials, new_session()
        flow = mine.flow()
        if flow == "managed_identity":
            if urlsplit(self._url).scheme == "http":
                raise self._incomplete()
            identity = (
                msal.UserAssignedManagedIdentity(client_id=mine.client_id)
                if mine.client_id
                else msal.SystemAssignedManagedIdentity()
            )
            return msal.ManagedIdentityClient(identity, http_client=session)
        if not mine.client_id:
            raise self._incomplete()
        authority = self._tenant if self._tenant.startswith("https://") else f"{AUTHORITY}/{self._tenant}"
        here = urlsplit(self._url)
        if here.scheme == "http":  # checked_url lets that pass for this machine alone
            allow_plain_http(session, self._url)
            authority = f"https://{here.netloc}/{self._tenant}"
        return msal.ConfidentialClientApplication(
            mine.client_id, client_credential=self._credential(flow), authority=authority, http_client=session,
            instance_discovery=False,
        )  # fmt: skip

    def _credential(self, flow: Flow) -> str | dict[str, str]:
        mine = self._credentials
        if flow == "secret":
            return mine.client_secret.reveal() if mine.client_secret else ""
        certificate = mine.certificate.reveal() if mine.certificate else ""
        key = mine.private_key.reveal() if mine.private_key else certificate
        found = {"private_key": key, "public_certificate": certificate}
        return {**found, "passphrase": mine.password.reveal()} if mine.password else found

    def _incomplete(self) -> CrmAuthFailed:
        prefix = self._credentials.prefix
        return CrmAuthFailed(
            f"credentials are incomplete; set {prefix}_CLIENT_ID and {prefix}_CLIENT_SECRET, or {prefix}_CLIENT_ID and "
            f"{prefix}_CERTIFICATE, or run where a managed identity is ({prefix}_CLIENT_ID names a user-assigned one)"
        )

    def _unusable(self, text: str) -> CrmAuthFailed:
        if self._credentials.flow() == "certificate" and "authority" not in text.lower():
            return CrmAuthFailed(
                f"{self._credentials.prefix}_CERTIFICATE holds no certificate with its private key in PEM form"
            )
        return CrmAuthFailed("there is no such place that issues tokens: look at tenant: in config")

    def _dead(self, found: dict[str, Any]) -> CrmAuthFailed | CrmUnavailable:
        code = str(found.get("error") or "")
        if code in _PASSING:
            return CrmUnavailable("the place that issues tokens is busy", 5.0)
        numbers = [number for number in found.get("error_codes") or () if isinstance(number, int)]
        hints = (_MENDING[number] for number in numbers if number in _MENDING)
        hint = next(hints, "look at the app's registration, its secret or certificate, and tenant: in config")
        shown = code if code.replace("_", "").isalpha() and len(code) <= 40 else "refused"
        shown += f", AADSTS{numbers[0]}" if numbers else ""
        return CrmAuthFailed(f"log-in refused ({shown}): {hint.format(prefix=self._credentials.prefix)}")
