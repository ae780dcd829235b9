"""What Salesforce's answers mean: error bodies in their several shapes, and the classes of crm/salesforce.md 9.7.

Classified by code first, by status second. Only codes and field names come out of here; a message of Salesforce may
quote the record, so it never does (but for the column that a query lacks).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from leadsync.crm.sending import SESSION_PAUSE
from leadsync.errors import CrmAuthFailed, CrmBudgetExhausted, CrmUnavailable, LeadsyncError, ObjectBlocked
from leadsync.http import Answer, retry_after

Kind = Literal["session", "soon", "slow", "busy", "quota", "conflict", "gone", "mapping", "permanent"]

QUOTA_PAUSE = 900.0
BUSY_PAUSE = 120.0

_KINDS: dict[str, Kind] = {
    "INVALID_SESSION_ID": "session",
    "ENTITY_FAILED_IFLASTMODIFIED_ON_UPDATE_CHECK": "conflict",
    **dict.fromkeys(
        ("UNABLE_TO_LOCK_ROW", "SERVER_UNAVAILABLE", "TOO_MANY_APEX_REQUESTS", "REQUEST_RUNNING_TOO_LONG", "QUERY_TIMEOUT",
         "UNKNOWN_EXCEPTION", "RECORD_IN_USE_BY_WORKFLOW", "PROCESSING_HALTED", "BATCH_PROCESSING_HALTED",
         "ALL_OR_NONE_OPERATION_ROLLED_BACK"), "soon",
    ),
    "ENTITY_IS_LOCKED": "slow",
    **dict.fromkeys(("ENTITY_IS_DELETED", "NOT_FOUND", "CANNOT_UPDATE_CONVERTED_LEAD", "ENTITY_IS_ARCHIVED"), "gone"),
    **dict.fromkeys(
        ("INVALID_FIELD", "INVALID_FIELD_FOR_INSERT_UPDATE", "INVALID_TYPE", "INSUFFICIENT_ACCESS", "INSUFFICIENT_ACCESS_OR_READONLY",
         "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", "API_DISABLED_FOR_ORG", "API_CURRENTLY_DISABLED",
         "TXN_SECURITY_METERING_ERROR", "UNSUPPORTED_API_VERSION", "MALFORMED_QUERY"), "mapping",
    ),
}  # fmt: skip
_RETRIED = frozenset({406, 408, 420, 429, 500, 502, 503, 504})
_NO_SESSION_PROBLEM = ("not valid for use with the REST API", "Connected app is not attached")
_COLUMN = re.compile(
    r"No such (?:column|relation) '([\w.]{1,80})'|field '([\w.]{1,80})' can not be filtered", re.IGNORECASE
)
_CODE = re.compile(r"[A-Z][A-Z0-9_]{1,79}")
_NAME = re.compile(r"[A-Za-z]\w{0,79}")

PAUSES: dict[Kind, float] = {
    "soon": 10.0,
    "slow": 900.0,
    "busy": BUSY_PAUSE,
    "quota": QUOTA_PAUSE,
    "session": SESSION_PAUSE,
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One error that Salesforce reports; `text` stays inside the adapter."""

    code: str
    fields: tuple[str, ...]
    text: str

    def kind(self) -> Kind:
        """Return the class of this error."""
        if self.code == "REQUEST_LIMIT_EXCEEDED":
            return "busy" if "oncurrent" in self.text else "quota"
        return _KINDS.get(self.code, "permanent")

    def column(self) -> str | None:
        """Return the column that a query named in vain."""
        found = _COLUMN.search(self.text)
        return (found[1] or found[2]) if found else None

    def __str__(self) -> str:
        return ":".join((self.code, *self.fields))


class _Wire(msgspec.Struct):
    message: str | None = None
    errorCode: str | None = None  # noqa: N815 - Salesforce's own spelling
    statusCode: str | None = None  # noqa: N815 - in collections
    exceptionCode: str | None = None  # noqa: N815 - in bulk
    fields: list[str] | None = None


def faults(body: bytes | msgspec.Raw) -> tuple[Fault, ...]:
    """Return the errors in a body, none when it is no error list (an HTML page of the edge, an empty body)."""
    try:
        found = msgspec.json.decode(body, type=list[_Wire] | _Wire)
    except msgspec.MsgspecError:
        return ()
    wires = found if isinstance(found, list) else [found]
    return tuple(_fault(wire) for wire in wires if wire.errorCode or wire.statusCode or wire.exceptionCode)


def _fault(wire: _Wire) -> Fault:
    code = wire.errorCode or wire.statusCode or wire.exceptionCode or ""
    code = "INVALID_SESSION_ID" if code == "InvalidSessionId" else code
    names = tuple(name for name in wire.fields or () if _NAME.fullmatch(name))
    return Fault(code if _CODE.fullmatch(code) else "UNREADABLE_ERROR", names, wire.message or "")


def is_expired(answer: Answer) -> bool:
    """Say whether a 401 is an expired session, which a new log-in heals; some 401s would only be met again."""
    if answer.status != 401:
        return False
    found = faults(answer.body)
    return any(
        fault.kind() == "session" and not any(words in fault.text for words in _NO_SESSION_PROBLEM) for fault in found
    )


def refusal(status: int, found: Sequence[Fault], what: str, wait: float | None = None) -> LeadsyncError:
    """Return the error that a failed read stands for; `what` names the object or resource in the message."""
    first = found[0] if found else None
    kind = first.kind() if first else None
    if kind == "quota":
        return CrmBudgetExhausted("the org's daily API requests are used up", QUOTA_PAUSE)
    if kind == "busy":
        return CrmUnavailable("the org has too many long requests under way", wait or BUSY_PAUSE)
    if status == 401:
        return CrmAuthFailed(
            "the session is refused although it is new: look at the app's policies, the user's API right and the address "
            "(My Domain, not lightning.force.com)"
        )
    if first is not None and first.code == "QUERY_TIMEOUT":
        return ObjectBlocked(f"{what}: the query takes Salesforce too long; the next pass asks again")
    if first is not None and (kind == "mapping" or first.code == "NOT_FOUND"):
        return ObjectBlocked(f"{what}: {_mending(first)}")
    if kind in ("soon", "slow") or (first is None and status in _RETRIED) or status >= 500 or status in (408, 420, 429):
        return CrmUnavailable(f"{what}: Salesforce answers {first.code if first else status}", wait)
    return ObjectBlocked(f"{what}: Salesforce refuses with {first or status}")


def refused(answer: Answer, what: str) -> LeadsyncError:
    """Return the error that a failed read stands for."""
    wait = retry_after(answer, 0.0) or None
    return refusal(answer.status, faults(answer.body), what, wait)


def _mending(fault: Fault) -> str:
    match fault.code:
        case "INVALID_FIELD" if column := fault.column():
            return f"no field {column}, or the integration user may not read it; create it, grant read access, or change the mapping"
        case "INVALID_TYPE" | "NOT_FOUND":
            return "no such object, or the integration user may not read it; grant read access, or change the mapping"
        case "TXN_SECURITY_METERING_ERROR":
            return "a transaction security policy stops it; grant Exempt from Transaction Security"
        case "API_DISABLED_FOR_ORG" | "API_CURRENTLY_DISABLED":
            return "the API is switched off for the org or the user; grant API Enabled"
        case "UNSUPPORTED_API_VERSION":
            return "this API version is gone; raise api_version in config"
        case _:
            return f"Salesforce refuses with {fault}; compare the mapping with the org by `leadsync check --live`"
