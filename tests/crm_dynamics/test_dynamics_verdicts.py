"""What errors of Dataverse mean: for a read, for a write, for a delta link."""

from typing import Any

import pytest

from leadsync.crm.dynamics.verdicts import Fault, fault_of, is_expired, judged, refusal
from leadsync.errors import CrmAuthFailed, CrmUnavailable, ObjectBlocked


def fault(code: str, text: str = "") -> Fault:
    return Fault(code, text)


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b'{"error":{"code":"0x80040217","message":"lead With Id = 1 Does Not Exist"}}', "DOES_NOT_EXIST"),
        (b'{"error":{"code":"0X80048408","message":"m"}}', "STATE_AND_REASON_DO_NOT_FIT"),
        (b'{"error":{"code":"0x80099999","message":"m"}}', "0x80099999"),
        (b'{"error":{"code":"","message":"m"}}', "NO_CODE"),
        (b'{"error":{"code":"ada@acme.example","message":"m"}}', "UNREADABLE_ERROR"),
        (b"<html>", "None"), (b"", "None"), (b"[]", "None"), (b'{"value":[]}', "None"),
    ],
)  # fmt: skip
def test_errors_are_read_in_all_their_shapes_and_say_nothing_personal(body: bytes, shown: str) -> None:
    assert str(fault_of(body)) == shown


@pytest.mark.parametrize(
    ("status", "found", "kind", "words"),
    [
        (403, fault("0x80072560"), CrmAuthFailed, "application user"),
        (401, None, CrmAuthFailed, "token"),
        (429, fault("0x80072322"), CrmUnavailable, "service protection"),
        (503, None, CrmUnavailable, "503"), (500, fault("0x80044339"), CrmUnavailable, "LOCK"),
        (403, fault("0x80040220", "Principal user is missing prvReadLead privilege"), ObjectBlocked, "prvReadLead"),
        (400, fault("0x80060888", "Could not find a property named 'leadsync_x' on type"), ObjectBlocked, "leadsync_x"),
        (400, fault("0x80072491"), ObjectBlocked, "change tracking is off"),
        (403, fault("0x80050304"), ObjectBlocked, "licence"),
        (403, fault("0x80040220"), ObjectBlocked, "a privilege"), (404, fault("0x80060999"), ObjectBlocked, "no such table"), (404, None, ObjectBlocked, "no Dataverse; look at url:"),
        (503, None, CrmUnavailable, "maintenance"),
        (400, fault("0x80060888"), ObjectBlocked, "check --live"), (418, None, ObjectBlocked, "418"),
    ],
)  # fmt: skip
def test_a_refused_read_says_who_must_act(status: int, found: Fault | None, kind: Any, words: str) -> None:
    error = refusal(status, found, "lead")
    assert type(error) is kind
    assert words in str(error)


@pytest.mark.parametrize(
    ("status", "found", "state"),
    [
        (204, None, "applied"), (412, fault("0x80060882"), "pending"), (404, fault("0x80040217"), "superseded"),
        (404, None, "superseded"), (429, fault("0x80072326"), "pending"), (401, None, "pending"),
        (500, fault("0x80044339"), "pending"), (500, fault("0x80071154"), "pending"), (400, fault("0x80040265"), "pending"),
        (500, fault("0x80040333"), "rejected"), (412, fault("0x80040237"), "rejected"), (412, fault("0x80060892"), "rejected"),
        (400, fault("0x80048408"), "rejected"), (400, fault("0x80044331"), "rejected"), (403, fault("0x80040220"), "rejected"),
        (500, None, "unknown"), (502, None, "unknown"), (408, None, "unknown"), (400, None, "rejected"),
        (500, fault("0x80040216"), "unknown"),
    ],
)  # fmt: skip
def test_every_answer_to_a_write_has_its_class(status: int, found: Fault | None, state: str) -> None:
    outcome = judged("e", status, found)
    assert outcome.state == state
    assert (outcome.error == "conflict") is (status == 412 and state == "pending")


def test_a_pause_that_is_asked_for_is_kept() -> None:
    assert judged("e", 429, fault("0x80072322"), 17.0).retry_after == 17.0
    assert (refusal(429, None, "lead", 17.0).retry_after) == 17.0  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("status", "found", "expired"),
    [
        (400, fault("0x80040203", "Version stamp associated with the client has expired. Please perform a full sync."), True),
        (500, fault("0x80040216", "The token has expired"), True), (410, None, True), (404, None, True), (400, None, True),
        (500, fault("0x80040216", "Generic SQL error"), False), (500, None, False), (503, None, False), (403, None, False),
        (400, fault("0x80060888", "Could not find a property named 'x'"), False), (400, fault("0x80072491"), False),
    ],
)  # fmt: skip
def test_an_old_link_is_told_from_other_trouble(status: int, found: Fault | None, expired: bool) -> None:
    assert is_expired(status, found) is expired
