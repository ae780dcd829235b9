"""What every channel over HTTP has in common: what an answer means, which addresses are allowed, what errors say."""

import logging
import socket
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadsync.channels.posting import hook, is_final
from leadsync.errors import ChannelFailed, ConfigError
from leadsync.secret import Secret


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_a_message_is_accepted_by_any_2xx(receiver: Any, channel: Any, notice: Any, status: int) -> None:
    receiver.status, receiver.body = status, b""

    channel("slack", url=receiver.url).send(notice(), None)

    assert len(receiver.received) == 1


@pytest.mark.parametrize(
    ("status", "permanent"),
    [
        (301, True), (302, True), (307, True), (308, True), (400, True), (401, True), (403, True), (404, True), (410, True),
        (413, True), (422, True), (408, False), (409, False), (425, False), (429, False), (500, False), (502, False),
        (503, False), (504, False),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["slack", "teams", "webhook", "pagerduty"])
def test_every_other_status_says_whether_trying_again_can_help(
    receiver: Any, channel: Any, notice: Any, keys: dict[str, dict[str, str]], kind: str, status: int, permanent: bool
) -> None:
    receiver.status = status

    with pytest.raises(ChannelFailed, match=f"floor: 127.0.0.1 answers {status}") as failed:
        channel(kind, url=receiver.url, **keys[kind]).send(notice(), None)

    assert failed.value.permanent is permanent
    assert len(receiver.received) == 1  # sent once, whatever was answered


@given(st.integers(100, 599).filter(lambda status: not 200 <= status < 300))
def test_no_server_side_failure_is_final(status: int) -> None:
    assert not (status >= 500 and is_final(status))


def test_a_redirect_is_not_followed(receiver: Any, channel: Any, notice: Any) -> None:
    receiver.status, receiver.headers = 302, {"Location": receiver.url.replace("canary-path", "elsewhere")}

    with pytest.raises(ChannelFailed):
        channel("slack", url=receiver.url).send(notice(), None)

    assert [path for path, _, _ in receiver.received] == ["/services/T0/canary-path"]


def test_a_lost_answer_may_heal_and_is_not_asked_for_again(receiver: Any, channel: Any, notice: Any) -> None:
    receiver.status = 0

    with pytest.raises(ChannelFailed, match="broke off") as failed:
        channel("slack", url=receiver.url).send(notice(), None)

    assert not failed.value.permanent
    assert len(receiver.received) == 1


def test_an_answer_that_breaks_off_after_its_status_counts_as_accepted(
    receiver: Any, channel: Any, notice: Any
) -> None:
    receiver.promised = 1000

    channel("slack", url=receiver.url).send(notice(), None)

    assert len(receiver.received) == 1


def test_a_receiver_that_is_down_may_come_back(channel: Any, notice: Any) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/canary-path"

    with pytest.raises(ChannelFailed, match="cannot be reached") as failed:
        channel("slack", url=url).send(notice(), None)

    assert not failed.value.permanent


def test_proxies_of_the_environment_are_ignored(
    receiver: Any, channel: Any, notice: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")

    channel("slack", url=receiver.url).send(notice(), None)

    assert receiver.received


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://hooks.evil.example/canary", "its host hooks.evil.example is not in channel_hosts"),
        ("https://hooks.slack.com.evil.example/canary", "not in channel_hosts"),
        ("https://hooks.slack.com@evil.example/canary", "no address that leadsync posts to"),
        ("https://user:canary@hooks.slack.com/x", "a user, a password"),
        ("https://evil.example\\@hooks.slack.com/canary", "no address that leadsync posts to"),
        ("https://hooks.slack.com /canary", "no address|a space"),
        ("http://hooks.slack.com/canary", "http to hooks.slack.com is refused"),
        ("ftp://hooks.slack.com/canary", "ftp to hooks.slack.com is refused"),
        ("hooks.slack.com/canary", "refused"),
        ("https:///canary", "refused"),
        ("https://[::1/canary", "no address"),
        ("", "refused"),
    ],
)
def test_an_address_that_is_not_allowed_is_refused_without_being_shown(url: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why) as refused:
        hook("floor", Secret(url), frozenset({"hooks.slack.com"}))

    assert "canary" not in str(refused.value)
    assert "canary" not in repr(refused.value.__context__) or refused.value.__suppress_context__


@pytest.mark.parametrize(
    "url", ["https://hooks.slack.com/x", "https://HOOKS.Slack.com:443/x", "https://hooks.slack.com/x/"]
)
def test_an_allowed_host_is_taken_however_it_is_spelled(url: str) -> None:
    made = hook("floor", Secret(url), frozenset({"hooks.slack.com"}))

    assert (made.host, made.url.reveal()) == ("hooks.slack.com", url)


def test_this_machine_too_must_be_in_channel_hosts(channel: Any) -> None:
    with pytest.raises(ConfigError, match="not in channel_hosts"):
        channel("webhook", url="http://127.0.0.1:1/x", signing_key="whsec_" + "YWJj" * 10, hosts=frozenset())


@pytest.mark.parametrize("status", [400, 503, 0])
@pytest.mark.parametrize("kind", ["slack", "teams", "webhook", "pagerduty"])
def test_no_secret_and_no_text_is_in_an_error_a_log_line_or_a_repr(
    receiver: Any, channel: Any, escalation: Any, keys: dict[str, dict[str, str]], kind: str, status: int,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    caplog.set_level(logging.DEBUG)
    receiver.status, receiver.body = status, b"canary-body"
    made = channel(kind, url=receiver.url, **keys[kind])

    with pytest.raises(ChannelFailed) as failed:
        made.send(escalation(), None)

    own = [record.getMessage() for record in caplog.records if not record.name.startswith("urllib3")]
    shown = " ".join([str(failed.value), repr(failed.value), repr(made), *own])
    for secret in ("canary", *keys[kind].values(), "Grace", "/services/"):
        assert secret not in shown
    assert failed.value.__suppress_context__ or failed.value.__context__ is None


@pytest.fixture
def keys() -> dict[str, dict[str, str]]:
    """The secrets of each kind besides its address."""
    return {
        "slack": {}, "teams": {}, "webhook": {"signing_key": "whsec_" + "Y2FuYXJ5" * 6}, "pagerduty": {"token": "canary-routing-key"},
    }  # fmt: skip
