"""What Dataverse's answers mean: error bodies, and the classes of crm/dataverse.md 11.

Classified by code first, by status second. Only codes, names of columns and of privileges come out of here; a message of
Dataverse may quote the record, so it never does.
"""

import re
from dataclasses import dataclass
from typing import Literal

import msgspec

from leadsync.crm.sending import SESSION_PAUSE
from leadsync.domain.effects import Outcome
from leadsync.errors import CrmAuthFailed, CrmUnavailable, LeadsyncError, ObjectBlocked
from leadsync.http import Answer, retry_after

Kind = Literal["busy", "soon", "slow", "conflict", "gone", "mapping", "stranger", "untracked", "permanent"]

BUSY_PAUSE = 60.0
LONGEST_PAUSE = 600.0  # of what Retry-After may ask for
PAUSES: dict[Kind, float] = {"busy": BUSY_PAUSE, "soon": 10.0, "slow": 900.0}

_KNOWN: dict[str, tuple[str, Kind]] = {
    "0x80072322": ("TOO_MANY_REQUESTS", "busy"),
    "0x80072321": ("TOO_MUCH_EXECUTION_TIME", "busy"),
    "0x80072326": ("TOO_MANY_AT_ONCE", "busy"),
    "0x80044339": ("LOCK_NOT_OBTAINED", "soon"),
    "0x80071154": ("CONCURRENT_OPERATION", "soon"),
    "0x80040265": ("PLUGIN_REFUSED", "slow"),
    "0x80060882": ("VERSION_MISMATCH", "conflict"),
    "0x80040217": ("DOES_NOT_EXIST", "gone"),
    "0x80060891": ("KEY_NOT_FOUND", "gone"),
    "0x80040220": ("PRIVILEGE_DENIED", "mapping"),
    "0x80048405": ("ACCESS_DENIED", "mapping"),
    "0x80060888": ("UNKNOWN_COLUMN_OR_TABLE", "mapping"),
    "0x8006088a": ("UNKNOWN_COLUMN_OR_TABLE", "mapping"),
    "0x80050304": ("LICENCE_MISSING", "mapping"),
    "0x80072560": ("NOT_A_MEMBER", "stranger"),
    "0x80072491": ("CHANGE_TRACKING_OFF", "untracked"),
    "0x80048408": ("STATE_AND_REASON_DO_NOT_FIT", "permanent"),
    "0x80044331": ("TEXT_TOO_LONG", "permanent"),
    "0x80040237": ("DUPLICATE_KEY", "permanent"),
    "0x80060892": ("DUPLICATE_KEY", "permanent"),
    "0x80040333": ("DUPLICATES_FOUND", "permanent"),
}
_CODE = re.compile(r"0x[0-9a-f]{8}")
_COLUMN = re.compile(r"property named '([A-Za-z_][\w.]{0,99})'")
_PRIVILEGE = re.compile(r"\bprv[A-Za-z]\w{2,79}")
SLOWING = frozenset({"0x80072321", "0x80072326"})
"""The two limits that smaller batches help against: execution time and requests at once."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One error that Dataverse reports; `text` stays inside the adapter."""

    code: str
    text: str

    def kind(self) -> Kind:
        """Return the class of this error."""
        return _KNOWN.get(self.code, ("", "permanent"))[1]

    def detail(self) -> str | None:
        """Return the column or the privilege that the message names."""
        if found := _COLUMN.search(self.text):
            return found[1]
        found = _PRIVILEGE.search(self.text)
        return found[0] if found else None

    def __str__(self) -> str:
        return _KNOWN.get(self.code, (self.code, ""))[0]


class _Error(msgspec.Struct):
    code: str | None = None
    message: str | None = None


class _Wire(msgspec.Struct):
    error: _Error


def fault_of(body: bytes) -> Fault | None:
    """Return the error in a body, None when it holds none (an HTML page of the edge, an empty body)."""
    try:
        found = msgspec.json.decode(body, type=_Wire).error
    except msgspec.MsgspecError:
        return None
    code = (found.code or "").lower()
    return Fault(code if _CODE.fullmatch(code) else "UNREADABLE_ERROR" if code else "NO_CODE", found.message or "")


def is_expired(status: int, fault: Fault | None) -> bool:
    """Say whether a delta link is refused for its age or form, which a whole read heals.

    Neither status nor code of that answer is documented, only its words (crm/dataverse.md 4.1).
    """
    if fault is not None and fault.kind() in ("mapping", "untracked"):
        return False
    words = fault.text.lower() if fault else ""
    return status in (400, 404, 410) or (status == 500 and ("expired" in words or "full sync" in words))


def refusal(status: int, fault: Fault | None, what: str, wait: float | None = None) -> LeadsyncError:
    """Return the error that a failed read stands for; `what` names the table or resource in the message."""
    kind = fault.kind() if fault else None
    if kind == "stranger":
        return CrmAuthFailed(
            "the app is no user of this environment: create an application user for it and give it a security role"
        )
    if status == 401:
        return CrmAuthFailed("the token is refused although it is new: look at url: and tenant: in config")
    if status == 429 or kind == "busy":
        return CrmUnavailable("the environment asks for a pause (service protection limits)", wait or BUSY_PAUSE)
    if fault is not None and kind == "mapping":
        return ObjectBlocked(f"{what}: {_mending(fault)}")
    if kind == "untracked":
        return ObjectBlocked(f"{what}: change tracking is off; switch on Track changes for the table")
    if kind == "soon" or status >= 500 or status == 408:
        alone = "" if fault else " without an error of its own: maintenance, or something on the way to it"
        return CrmUnavailable(f"{what}: Dataverse answers {fault or status}{alone}", wait)
    if fault is None:
        return ObjectBlocked(
            f"{what}: what answers with {status} is no Dataverse; look at url: and api_version: in config"
        )
    if status == 404:
        return ObjectBlocked(f"{what}: no such table, or the application user may not see it")
    return ObjectBlocked(f"{what}: Dataverse refuses with {fault or status}")


def refused(answer: Answer, what: str) -> LeadsyncError:
    """Return the error that a failed read stands for."""
    return refusal(answer.status, fault_of(answer.body), what, retry_after(answer, 0.0, LONGEST_PAUSE) or None)


def _mending(fault: Fault) -> str:
    detail = fault.detail()
    match str(fault):
        case "PRIVILEGE_DENIED" | "ACCESS_DENIED":
            return f"the application user lacks {detail or 'a privilege'}; grant it at organization level"
        case "UNKNOWN_COLUMN_OR_TABLE" if detail:
            return f"no column {detail}; create it, or change the mapping"
        case "LICENCE_MISSING":
            return "the environment has no licence for API access"
        case _:
            return f"Dataverse refuses with {fault}; compare the mapping with the org by `leadsync check --live`"


def judged(effect_id: str, status: int, fault: Fault | None, wait: float | None = None) -> Outcome:
    """Return what one answer means for one write that carried it."""
    kind = fault.kind() if fault else None
    shown = str(fault) if fault else f"HTTP_{status}"
    if 200 <= status < 300:
        return Outcome(effect_id, "applied")
    if kind in ("soon", "slow"):
        return Outcome(effect_id, "pending", shown, PAUSES[kind])
    if status == 429 or kind == "busy":
        return Outcome(effect_id, "pending", shown, wait or BUSY_PAUSE)
    if fault is not None and fault.code in ("0x80040237", "0x80060892", "0x80040333"):  # some come with a 5xx
        return Outcome(effect_id, "rejected", shown)
    if status >= 500 or status == 408:
        return Outcome(effect_id, "unknown", shown)
    if status == 412 or kind == "conflict":
        return Outcome(effect_id, "pending", "conflict")
    if status == 401:
        return Outcome(effect_id, "pending", "TOKEN_REFUSED", SESSION_PAUSE)
    if kind == "gone" or (status == 404 and fault is None):
        return Outcome(effect_id, "superseded", shown)
    detail = fault.detail() if fault and kind == "mapping" else None
    return Outcome(effect_id, "rejected", f"{shown}:{detail}" if detail else shown)
