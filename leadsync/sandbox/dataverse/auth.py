"""The identity platform as far as msal needs it: OpenID metadata and a token endpoint, for any tenant.

Tokens are the same as the Salesforce side's: one integration user, one secret. A client assertion's claims are read but its
signature is not verified (assumed enough for a server that binds to the loopback). Endpoints are named with https, because
msal takes no others; a client that wants them over http rewrites the scheme.
"""

import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jwt

from leadsync.sandbox.box import Box
from leadsync.sandbox.calls import Answer, Call
from leadsync.sandbox.dataverse.errors import NOT_LET_IN, ApiError
from leadsync.sandbox.dataverse.guids import named_guid
from leadsync.sandbox.salesforce.auth import CLIENT_ID, Tokens
from leadsync.sandbox.salesforce.errors import ApiError as NotAccepted

_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_SECONDS = 3599
_JSON = "application/json; charset=utf-8"


def tenant_of(box: Box) -> str:
    """The tenant that the box names when it is ready; it answers for every other one too."""
    return named_guid("tenant", box.options.seed)


def configuration(call: Call, tenant: str) -> Answer:
    """GET .../v2.0/.well-known/openid-configuration."""
    host = f"https://{urlsplit(call.base).netloc}/{tenant}"
    return Answer(
        200,
        {
            "issuer": f"{host}/v2.0", "authorization_endpoint": f"{host}/oauth2/v2.0/authorize",
            "token_endpoint": f"{host}/oauth2/v2.0/token", "jwks_uri": f"{host}/discovery/v2.0/keys",
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
            "response_types_supported": ["code", "id_token"], "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"], "scopes_supported": ["openid", "profile", "offline_access"],
            "tenant_region_scope": "EU",
        },
        media_type=_JSON,
    )  # fmt: skip


def discovery(call: Call) -> Answer:
    """GET /common/discovery/instance: the authority that was asked about stands for itself."""
    parts = urlsplit(call.query.get("authorization_endpoint", ""))
    tenant = parts.path.strip("/").split("/")[0] or "common"
    host = f"https://{parts.netloc}/{tenant}"
    aliases = [{"preferred_network": parts.netloc, "preferred_cache": parts.netloc, "aliases": [parts.netloc]}]
    return Answer(
        200, {"tenant_discovery_endpoint": f"{host}/v2.0/.well-known/openid-configuration", "api-version": "1.1", "metadata": aliases},
        media_type=_JSON,
    )  # fmt: skip


def token_endpoint(box: Box, tokens: Tokens, call: Call) -> Answer:
    """POST .../oauth2/v2.0/token with a secret or a signed assertion."""
    if box.faults.strikes("token"):
        return Answer(
            503, {"error": "temporarily_unavailable", "error_description": "AADSTS90033: try again"}, media_type=_JSON
        )
    form = dict(parse_qsl(call.body.decode("utf-8", "replace"), keep_blank_values=True))
    problem = _wrong(form, tokens)
    if problem is not None:
        status, error, number, text = problem
        return Answer(
            status,
            {"error": error, "error_description": f"AADSTS{number}: {text}", "error_codes": [number]},
            media_type=_JSON,
        )
    return Answer(
        200,
        {"token_type": "Bearer", "expires_in": _SECONDS, "ext_expires_in": _SECONDS, "access_token": tokens.issue()},
        {"Cache-Control": "no-store"}, media_type=_JSON,
    )  # fmt: skip


def accept(tokens: Tokens, call: Call, tenant: str) -> None:
    """Let the request in by its bearer token; 401 otherwise."""
    try:
        tokens.accept(call.headers)
    except NotAccepted:
        challenge = f"Bearer authorization_uri=https://{urlsplit(call.base).netloc}/{tenant}/oauth2/authorize, resource_id={call.base}/"
        raise ApiError(
            401, NOT_LET_IN, "The access token is expired or not valid.", {"WWW-Authenticate": challenge}
        ) from None


def _wrong(form: Mapping[str, str], tokens: Tokens) -> tuple[int, str, int, str] | None:
    if form.get("grant_type") != "client_credentials":
        return 400, "unsupported_grant_type", 70003, "The app requested an unsupported grant type."
    if form.get("client_id") != CLIENT_ID:
        return (
            400,
            "unauthorized_client",
            700016,
            f"Application with identifier '{form.get('client_id')}' was not found.",
        )
    if not form.get("scope", "").endswith("/.default"):
        return (
            400,
            "invalid_scope",
            1002012,
            "The provided value for scope is not valid; client credentials need /.default.",
        )
    if form.get("client_assertion_type") == _ASSERTION:
        return _wrong_assertion(form.get("client_assertion", ""))
    if form.get("client_secret") != tokens.client_secret:
        return 401, "invalid_client", 7000215, "Invalid client secret provided."
    return None


def _wrong_assertion(assertion: str) -> tuple[int, str, int, str] | None:
    try:
        claims: dict[str, Any] = jwt.decode(assertion, options={"verify_signature": False})
    except jwt.PyJWTError:
        return 401, "invalid_client", 50027, "JWT token is invalid or malformed."
    if claims.get("iss") != CLIENT_ID or claims.get("sub") != CLIENT_ID or not claims.get("aud"):
        return 401, "invalid_client", 700023, "The assertion's issuer, subject or audience is wrong."
    if float(claims.get("exp", 0)) < time.time():
        return 401, "invalid_client", 700024, "Client assertion is not within its valid time range."
    return None
