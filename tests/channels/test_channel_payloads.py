"""What Slack, Teams, PagerDuty and webhooks are sent, and that nothing in a lead's name can pretend to be more than text."""

import base64
import hashlib
import hmac
import json
import re
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadsync.channels.slack import escape as slack_escape
from leadsync.channels.teams import escape as teams_escape
from leadsync.errors import ChannelFailed, ConfigError

KEY = base64.b64encode(b"k" * 32).decode()
OLD_KEY = base64.b64encode(b"o" * 24).decode()
NASTY = "<!channel> Tom & Jerry [here](https://evil.example) {{DATE(2026-01-01T00:00:00Z)}} *_~`"


def sent(receiver: Any) -> Any:
    (_, headers, body) = receiver.received[-1]
    assert headers["content-type"] == "application/json"
    return json.loads(body)


def blocks(receiver: Any) -> list[str]:
    (attachment,) = sent(receiver)["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert attachment["content"]["type"] == "AdaptiveCard"
    return [block["text"] for block in attachment["content"]["body"]]


# Slack


def test_slack_is_told_the_title_and_the_text(receiver: Any, channel: Any, notice: Any) -> None:
    channel("slack", url=receiver.url).send(notice(), None)

    assert sent(receiver) == {"text": "*Grace Hopper is yours*\nShe asked to be called."}


def test_slack_shows_a_nasty_name_as_it_stands(receiver: Any, channel: Any, notice: Any) -> None:
    channel("slack", url=receiver.url).send(notice(title="<!channel>", text="Tom & <https://evil.example|Jerry>"), None)

    assert sent(receiver)["text"] == "*&lt;!channel&gt;*\nTom &amp; &lt;https://evil.example|Jerry&gt;"


@given(st.text())
def test_slack_gets_no_mark_that_it_reads_as_a_command(text: str) -> None:
    shown = slack_escape(text)

    assert not set("<>") & set(shown)
    assert shown.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") == text


def test_a_message_for_a_person_says_on_the_floor_whom_it_is_for(receiver: Any, channel: Any, notice: Any) -> None:
    for kind in ("slack", "teams"):
        channel(kind, url=receiver.url).send(notice(recipient="005ada"), "ada@acme.example")

    assert json.loads(receiver.received[0][2])["text"].splitlines()[0] == "For ada@acme.example"
    assert blocks(receiver)[0] == r"For ada@acme\.example"


@pytest.mark.parametrize("kind", ["slack", "teams", "email"])
def test_a_person_whose_address_nobody_knows_cannot_be_told(
    receiver: Any, channel: Any, notice: Any, kind: str
) -> None:
    mail = {"host": "127.0.0.1", "port": 1, "sender": "leadsync@acme.example"} if kind == "email" else {}
    made = channel(kind, url=receiver.url, **mail)

    with pytest.raises(ChannelFailed, match="knows no e-mail address of user 005ada") as failed:
        made.send(notice(recipient="005ada"), None)

    assert failed.value.permanent
    assert receiver.received == []


# Teams


def test_teams_is_told_by_a_card_with_a_block_for_each_line(receiver: Any, channel: Any, notice: Any) -> None:
    channel("teams", url=receiver.url).send(notice(title="Grace is yours", text="She asked\n\n- twice"), None)

    assert blocks(receiver) == ["Grace is yours", "She asked", r"\- twice"]


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_teams_reads_no_markdown_in_a_text(text: str) -> None:
    shown = teams_escape(text)

    assert re.search(r"(?<!\\)(?:\\\\)*[*_`\[\]{}<>#|~!]", shown) is None
    assert re.sub(r"\\(.)", r"\1", shown, flags=re.DOTALL) == text


def test_teams_shows_a_nasty_name_without_its_link(receiver: Any, channel: Any, notice: Any) -> None:
    channel("teams", url=receiver.url).send(notice(title=NASTY), None)

    assert "](" not in blocks(receiver)[0]
    assert "{{" not in blocks(receiver)[0]


def test_a_very_long_text_stays_within_what_teams_takes(receiver: Any, channel: Any, notice: Any) -> None:
    channel("teams", url=receiver.url).send(notice(text="é*" * 50_000), None)

    assert len(receiver.received[-1][2]) < 28 * 1024 * 4
    assert len(json.dumps(sent(receiver), ensure_ascii=False).encode()) < 28 * 1024


def test_a_connector_that_says_200_and_means_429_is_not_believed(receiver: Any, channel: Any, notice: Any) -> None:
    receiver.body = (
        b"Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429 with ContextId x"
    )

    with pytest.raises(ChannelFailed, match="Teams did not take the message") as failed:
        channel("teams", url=receiver.url).send(notice(), None)

    assert not failed.value.permanent


# PagerDuty


def test_pagerduty_opens_one_alert_for_a_rung_however_often_it_is_tried(
    receiver: Any, channel: Any, escalation: Any
) -> None:
    made = channel("pagerduty", url=receiver.url, token="r0uting")
    receiver.status = 202

    made.send(escalation(), None)
    made.send(escalation(), None)

    first, second = (json.loads(body) for _, _, body in receiver.received)
    assert first == second
    assert first["dedup_key"] == escalation().effect_id
    assert (first["routing_key"], first["event_action"]) == ("r0uting", "trigger")
    assert first["payload"]["summary"] == "Grace Hopper is overdue by 30 minutes"
    assert first["payload"]["severity"] == "error"
    assert first["payload"]["custom_details"]["due_at"] == "2026-11-19T09:30:00Z"


def test_pagerduty_has_an_address_without_being_given_one(channel: Any) -> None:
    made = channel("pagerduty", token="r0uting", hosts=frozenset({"events.pagerduty.com"}))

    assert made.hook.host == "events.pagerduty.com"


def test_a_summary_stays_within_what_pagerduty_takes(receiver: Any, channel: Any, notice: Any) -> None:
    channel("pagerduty", url=receiver.url, token="r0uting").send(notice(title="x" * 5000), None)

    assert len(sent(receiver)["payload"]["summary"]) == 1024


# Webhook


def verified(receiver: Any, key: str) -> bool:
    """Check as a receiver does by the Standard Webhooks specification."""
    _, headers, body = receiver.received[-1]
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    wanted = base64.b64encode(hmac.new(base64.b64decode(key), signed, hashlib.sha256).digest()).decode()
    return f"v1,{wanted}" in headers["webhook-signature"].split()


def test_a_webhook_is_signed_over_id_time_and_body(receiver: Any, channel: Any, escalation: Any) -> None:
    channel("webhook", url=receiver.url, signing_key=f"whsec_{KEY}").send(escalation(), None)

    assert verified(receiver, KEY)
    assert not verified(receiver, OLD_KEY)


def test_the_signature_is_that_of_the_specifications_own_example() -> None:
    from leadsync.channels.webhook import signature

    # Known key, id, time and body of the tests of the reference libraries (standard-webhooks/standard-webhooks).
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")

    assert (
        signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
        == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    )


def test_while_keys_are_rotated_both_sign(receiver: Any, channel: Any, notice: Any) -> None:
    channel("webhook", url=receiver.url, signing_key=f"whsec_{KEY} whsec_{OLD_KEY}").send(notice(), None)

    assert verified(receiver, KEY)
    assert verified(receiver, OLD_KEY)


def test_id_and_body_stay_the_same_over_attempts_and_only_the_time_of_the_attempt_moves(
    receiver: Any, channel: Any, escalation: Any, clock: Any
) -> None:
    made = channel("webhook", url=receiver.url, signing_key=f"whsec_{KEY}")

    made.send(escalation(), None)
    clock.at += timedelta(minutes=5)
    made.send(escalation(), None)

    (_, first, body), (_, second, again) = receiver.received
    assert body == again
    assert first["webhook-id"] == second["webhook-id"] == escalation().effect_id
    assert int(second["webhook-timestamp"]) - int(first["webhook-timestamp"]) == 300
    assert verified(receiver, KEY)


def test_a_webhook_says_what_happened_to_whom_with_every_id(
    receiver: Any, channel: Any, escalation: Any, notice: Any
) -> None:
    made = channel("webhook", url=receiver.url, signing_key=f"whsec_{KEY}")

    made.send(escalation(), None)
    assert sent(receiver) == {
        "type": "escalation.due",
        "timestamp": "2026-11-19T09:30:00Z",
        "data": {
            "effect_id": escalation().effect_id, "person_id": "p_0123456789abcdef", "crm": "salesforce", "object": "lead",
            "record_id": "00Q5f000001AbCdEAK", "channel": "floor", "recipient": "floor", "address": None,
            "title": escalation().title, "text": escalation().text, "clock": "mql", "clock_id": "c_7", "rung": 1,
            "due_at": "2026-11-19T09:30:00Z", "late": True,
        },
    }  # fmt: skip
    made.send(notice(recipient="005ada"), "ada@acme.example")
    assert sent(receiver)["type"] == "notice.assigned"
    assert sent(receiver)["data"]["address"] == "ada@acme.example"


@pytest.mark.parametrize(
    "key", ["canary", "whsec_canary!", "whsec_Y2FuYXJ5", KEY, f"whsec_{KEY} canary", "whsec_", "  "]
)
def test_a_signing_key_in_another_form_is_refused_without_being_shown(receiver: Any, channel: Any, key: str) -> None:
    with pytest.raises(ConfigError, match="LEADSYNC_CHANNEL_FLOOR_SIGNING_KEY: it is") as refused:
        channel("webhook", url=receiver.url, signing_key=key)

    assert "canary" not in " ".join([str(refused.value), *refused.value.problems])
    assert refused.value.__suppress_context__
