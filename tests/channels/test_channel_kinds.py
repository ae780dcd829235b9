"""Which channel stands behind a kind and what it needs; the log and the CRM's tasks as channels."""

from typing import Any, get_args

import pytest
from structlog.testing import capture_logs

from leadsync.errors import (
    ChannelFailed,
    ConfigError,
    CrmAuthFailed,
    CrmBudgetExhausted,
    CrmRejected,
    CrmUnavailable,
    LeadsyncError,
    ObjectBlocked,
    OutcomeUnknown,
)
from leadsync.logs import KEYS
from leadsync.settings.runtime import ChannelKind


@pytest.mark.parametrize(
    ("kind", "given", "missing"),
    [
        ("slack", {}, "URL"), ("teams", {}, "URL"), ("webhook", {"signing_key": "whsec_" + "YWJj" * 10}, "URL"),
        ("webhook", {"url": "https://hooks.acme.example/x"}, "SIGNING_KEY"), ("pagerduty", {}, "TOKEN"),
    ],
)  # fmt: skip
def test_a_missing_secret_is_named_by_its_variable(
    channel: Any, kind: str, given: dict[str, str], missing: str
) -> None:
    hosts = frozenset({"hooks.acme.example", "events.pagerduty.com"})

    with pytest.raises(ConfigError) as refused:
        channel(kind, name="on_call", hosts=hosts, **given)

    (problem,) = refused.value.problems
    assert problem.startswith(f"environment:LEADSYNC_CHANNEL_ON_CALL_{missing}: it is not set")


def test_an_address_that_is_not_allowed_is_named_by_its_variable(channel: Any) -> None:
    with pytest.raises(
        ConfigError, match=r"LEADSYNC_CHANNEL_FLOOR_URL: its host evil\.example is not in channel_hosts"
    ):
        channel("slack", url="https://evil.example/x")


def test_pagerduty_too_must_be_in_channel_hosts(channel: Any) -> None:
    with pytest.raises(ConfigError, match=r"its host events\.pagerduty\.com is not in channel_hosts"):
        channel("pagerduty", token="r0uting")


@pytest.mark.parametrize("kind", get_args(ChannelKind))
def test_every_kind_that_config_offers_can_be_made(channel: Any, kind: str) -> None:
    secrets = {
        "url": "https://127.0.0.1/x",
        "token": "canary",
        "password": "canary",
        "signing_key": "whsec_" + "YWJj" * 10,
    }

    made = channel(kind, host="127.0.0.1", sender="leadsync@acme.example", **secrets)

    assert made.name == "floor"
    assert "canary" not in repr(made)


def test_an_unknown_kind_is_refused(channel: Any) -> None:
    with pytest.raises(ConfigError, match="carrier_pigeon"):
        channel("carrier_pigeon")


def test_the_log_channel_says_that_a_message_was_sent_by_ids_alone(channel: Any, escalation: Any, notice: Any) -> None:
    with capture_logs() as lines:
        channel("log", name="log").send(escalation(), None)
        channel("log", name="log").send(notice(recipient="005ada"), "ada@acme.example")

    assert [line["event"] for line in lines] == ["message.sent", "message.sent"]
    assert (lines[0]["clock"], lines[0]["rung"], lines[0]["late"]) == ("mql", 1, True)
    assert (lines[1]["notice"], lines[1]["recipient"]) == ("assigned", "005ada")
    assert lines[0]["effect_id"] == escalation().effect_id
    for line in lines:
        assert set(line) - {"event", "log_level"} <= KEYS
        assert "Grace" not in str(line)
        assert "ada@acme" not in str(line)


def test_a_task_is_asked_for_with_its_owner_its_record_and_its_key(channel: Any, notice: Any) -> None:
    asked: list[Any] = []
    made = channel("crm_task", name="crm_task", create_task=lambda *given: asked.append(given))
    message = notice(channel="crm_task", recipient="005ada")

    made.send(message, None)

    assert asked == [(message.title, message.text, "005ada", message.ref, message.effect_id)]


def test_a_task_for_nobody_is_refused(channel: Any, notice: Any) -> None:
    with pytest.raises(ChannelFailed, match="a task needs a person") as failed:
        channel("crm_task").send(notice(), None)

    assert failed.value.permanent


@pytest.mark.parametrize(
    ("error", "permanent"),
    [
        (CrmUnavailable("down"), False), (CrmBudgetExhausted("used up"), False), (OutcomeUnknown("no answer"), False),
        (CrmAuthFailed("refused"), False), (CrmRejected("no such user"), True), (ObjectBlocked("no right"), True),
    ],
)  # fmt: skip
def test_what_the_crm_says_of_a_task_is_what_the_channel_says(
    channel: Any, notice: Any, error: LeadsyncError, permanent: bool
) -> None:
    def create_task(*_: Any) -> None:
        raise error

    with pytest.raises(ChannelFailed, match=str(error)) as failed:
        channel("crm_task", create_task=create_task).send(notice(recipient="005ada"), None)

    assert failed.value.permanent is permanent
