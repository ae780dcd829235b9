"""Tokens: the OAuth token endpoint, who a bearer token stands for, identity and userinfo.

All of client credentials, JWT bearer, password and refresh token lead to the one integration user. The box keeps no
passwords and holds no certificates: any password or refresh token will do, and a JWT's claims are read but its signature
is not verified (assumed enough for a server that binds to the loopback).
"""

import base64
import hashlib
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import jwt

from leadsync.sandbox.box import Box
from leadsync.sandbox.calls import Answer, Call
from leadsync.sandbox.salesforce.errors import ApiError

CLIENT_ID = "3MVG9sandbox.leadsync"
_JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


class Tokens:
    """The bearer tokens in use, and how often each was used."""

    def __init__(self, box: Box) -> None:
        self._box = box
        self._issued: dict[str, int] = {}
        self._count = 0
        self.client_secret = _digest(box, "secret")
        self.token = box.options.token or self.issue()
        self._issued[self.token] = 0

    def issue(self) -> str:
        self._count += 1
        token = f"{self._box.basics.organization[:15]}!{_digest(self._box, f'token {self._count}')}"
        self._issued[token] = 0
        return token

    def accept(self, headers: Mapping[str, str]) -> None:
        """Let the request in by its token; 401 when there is none, it is unknown, or its time is up.

        Uses are counted only while tokens expire, so that the fault begins when it is switched on.
        """
        token = headers.get("authorization", "").partition(" ")[2].strip()
        uses = self._issued.get(token)
        if uses is None:
            raise _expired()
        limit = self._box.faults.expire_token_after
        if limit is None:
            self._issued[token] = 0
        elif uses < limit:
            self._issued[token] = uses + 1
        else:
            raise _expired()


def _digest(box: Box, what: str) -> str:
    return hashlib.sha256(f"{box.options.seed}:{what}".encode()).hexdigest()[:40]


def _expired() -> ApiError:
    return ApiError(401, "INVALID_SESSION_ID", "Session expired or invalid")


def token_endpoint(box: Box, tokens: Tokens, call: Call) -> Answer:
    """Answer POST /services/oauth2/token."""
    form = {**call.query, **dict(parse_qsl(call.body.decode("utf-8", "replace")))}
    if box.faults.strikes("token"):
        return Answer(503, {"error": "server_error", "error_description": "service temporarily unavailable"})
    grant = form.get("grant_type")
    match grant:
        case "client_credentials" | "password" | "refresh_token":
            problem = _wrong_client(call, form, tokens)
            needed = {"password": ("username", "password"), "refresh_token": ("refresh_token",)}.get(grant, ())
            if problem is None and not all(form.get(name) for name in needed):
                problem = ("invalid_grant", "authentication failure")
        case str() if grant == _JWT_GRANT:
            problem = _wrong_assertion(box, form.get("assertion", ""))
        case _:
            problem = ("unsupported_grant_type", "grant type not supported")
    if problem is not None:
        return Answer(400, {"error": problem[0], "error_description": problem[1]})
    ids = f"{box.basics.organization}/{box.basics.integration}"
    return Answer(
        200,
        {
            "access_token": tokens.issue(), "signature": base64.b64encode(_digest(box, ids).encode()).decode(),
            "scope": "api", "instance_url": call.base, "id": f"{call.base}/id/{ids}", "token_type": "Bearer",
            "issued_at": str(int(box.clock.now().timestamp() * 1000)),
        },
    )  # fmt: skip


def _wrong_client(call: Call, form: Mapping[str, str], tokens: Tokens) -> tuple[str, str] | None:
    client, secret = form.get("client_id"), form.get("client_secret")
    scheme, _, basic = call.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            client, _, secret = base64.b64decode(basic).decode().partition(":")
        except ValueError:
            return "invalid_client", "invalid client credentials"
    if client != CLIENT_ID:
        return "invalid_client_id", "client identifier invalid"
    if secret != tokens.client_secret:
        return "invalid_client", "invalid client credentials"
    return None


def _wrong_assertion(box: Box, assertion: str) -> tuple[str, str] | None:
    try:
        claims: dict[str, Any] = jwt.decode(assertion, options={"verify_signature": False})
    except jwt.PyJWTError:
        return "invalid_grant", "invalid assertion"
    if claims.get("iss") != CLIENT_ID:
        return "invalid_client_id", "client identifier invalid"
    if not box.store.table("User").holding("Username", claims.get("sub")):
        return "invalid_grant", "user hasn't approved this consumer"
    # Assertions are checked against the client's own time: a simulated clock says nothing about when they were signed.
    if not _in_time(claims.get("exp")):
        return "invalid_grant", "expired authorization code"
    if not claims.get("aud"):
        return "invalid_grant", "audience is invalid"
    return None


def _in_time(expires: Any) -> bool:
    """Whether an assertion is still good; simple-salesforce writes the time as a string."""
    try:
        return float(expires) >= time.time()
    except (TypeError, ValueError):
        return False


def identity(box: Box, call: Call) -> Answer:
    """What the identity URL and userinfo say about the integration user."""
    user = box.store.table("User").rows[box.basics.integration]
    organization, user_id = box.basics.organization, box.basics.integration
    return Answer(
        200,
        {
            "id": f"{call.base}/id/{organization}/{user_id}", "sub": f"{call.base}/id/{organization}/{user_id}",
            "asserted_user": True, "user_id": user_id, "organization_id": organization, "username": user["Username"],
            "preferred_username": user["Username"], "nick_name": user["Alias"], "display_name": user["Name"],
            "name": user["Name"], "email": user["Email"], "email_verified": True, "first_name": user["FirstName"],
            "given_name": user["FirstName"], "last_name": user["LastName"], "family_name": user["LastName"],
            "timezone": user["TimeZoneSidKey"], "zoneinfo": user["TimeZoneSidKey"], "active": True,
            "user_type": "STANDARD", "language": "en_US", "locale": "en_GB", "utcOffset": 0, "is_app_installed": True,
            "urls": {
                "rest": f"{call.base}/services/data/v{{version}}/",
                "sobjects": f"{call.base}/services/data/v{{version}}/sobjects/",
                "query": f"{call.base}/services/data/v{{version}}/query/",
            },
        },
    )  # fmt: skip
