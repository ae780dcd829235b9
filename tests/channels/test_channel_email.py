"""E-mail over a real conversation on loopback: what counts as accepted, what can be tried again, what is never sent."""

import base64
import socket
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from leadsync.errors import ChannelFailed, ConfigError
from leadsync.sandbox.tls import self_signed

TO = "ada@acme.example"


@pytest.fixture
def mailing(channel: Any, mail_server: Any) -> Any:
    """Make the channel `email` on the test's own server."""

    def make(**given: Any) -> Any:
        usual = {"host": "127.0.0.1", "port": mail_server.port, "sender": "leadsync@acme.example"}
        return channel("email", name="email", **{**usual, **given})

    return make


@pytest.fixture
def to_ada(notice: Any) -> Any:
    return lambda **changes: notice(**{"channel": "email", "recipient": "005ada", **changes})


def test_a_person_gets_the_message_at_their_address(mail_server: Any, mailing: Any, to_ada: Any) -> None:
    mailing().send(to_ada(title="Zoë is yours", text="Grüße,\n.\nfrom leadsync"), TO)

    (mail,) = mail_server.mails()
    assert mail["Subject"] == "Zoë is yours"
    assert (mail["To"], mail["From"]) == (TO, "leadsync <leadsync@acme.example>")
    assert mail["Date"] == "Thu, 19 Nov 2026 10:00:00 +0000"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content().replace("\r\n", "\n") == "Grüße,\n.\nfrom leadsync\n"
    assert [line for line in mail_server.heard if line.startswith("rcpt")] == [f"rcpt TO:<{TO}>"]


def test_the_message_id_stays_the_same_over_attempts(
    mail_server: Any, mailing: Any, escalation: Any, clock: Any
) -> None:
    message, made = escalation(recipient="005ada"), mailing()

    made.send(message, TO)
    clock.at += timedelta(hours=3)
    made.send(message, TO)

    first, second = mail_server.mails()
    assert first["Message-ID"] == second["Message-ID"] == f"<{message.effect_id}@acme.example>"


@pytest.mark.parametrize(
    ("command", "reply", "permanent", "what"),
    [
        ("hello", "554 no service", True, "the message with 554"), ("hello", "421 too busy", False, "the message with 421"),
        ("MAIL", "550 canary", True, "the sender with 550"), ("MAIL", "451 later", False, "the sender with 451"),
        ("RCPT", "550 no such user canary", True, "the recipient with 550"), ("RCPT", "450 greylisted", False, "the recipient with 450"),
        ("DATA", "554 canary", True, "the message with 554"), ("DATA", "452 full", False, "the message with 452"),
        (".", "554 spam", True, "the message with 554"), (".", "451 later", False, "the message with 451"),
    ],
)  # fmt: skip
def test_5xx_is_final_and_4xx_may_heal(
    mail_server: Any, mailing: Any, to_ada: Any, command: str, reply: str, permanent: bool, what: str
) -> None:
    mail_server.replies[command] = reply

    with pytest.raises(ChannelFailed, match=f"^email: 127.0.0.1 refuses {what}$") as failed:
        mailing().send(to_ada(), TO)

    assert failed.value.permanent is permanent
    assert failed.value.__suppress_context__
    assert mail_server.accepted == []


@pytest.mark.parametrize("command", ["hello", "MAIL", "RCPT", "DATA", "."])
def test_a_server_that_hangs_up_may_come_back(mail_server: Any, mailing: Any, to_ada: Any, command: str) -> None:
    mail_server.replies[command] = None

    with pytest.raises(ChannelFailed, match="cannot be reached or broke off") as failed:
        mailing().send(to_ada(), TO)

    assert not failed.value.permanent
    assert sum(line.startswith("ehlo") for line in mail_server.heard) == (command != "hello")  # never tried again here


@pytest.mark.parametrize("goodbye", [None, "421 too late", "500 what"])
def test_250_after_the_data_is_acceptance_whatever_the_goodbye(
    mail_server: Any, mailing: Any, to_ada: Any, goodbye: str | None
) -> None:
    mail_server.replies["QUIT"] = goodbye

    mailing().send(to_ada(), TO)

    assert len(mail_server.accepted) == 1


def test_a_server_that_is_down_may_come_back(mailing: Any, to_ada: Any) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]

    with pytest.raises(ChannelFailed) as failed:
        mailing(port=port).send(to_ada(), TO)

    assert not failed.value.permanent


def test_a_silent_server_is_given_up_after_the_time_out(
    mailing: Any, to_ada: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leadsync.channels.email.SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(ChannelFailed, match="broke off") as failed:
        mailing(port=silent.getsockname()[1]).send(to_ada(), TO)

    assert not failed.value.permanent


@pytest.mark.parametrize(
    "title", ["Grace\r\nBcc: everybody@acme.example", "Grace\nX: y", "Grace\rX", "Grace\x00", "Grace\u2028X"]
)
def test_a_line_end_in_a_title_is_refused_before_anything_is_sent(
    mail_server: Any, mailing: Any, to_ada: Any, title: str
) -> None:
    with pytest.raises(ChannelFailed, match="cannot stand in an e-mail") as failed:
        mailing().send(to_ada(title=title), TO)

    assert failed.value.permanent
    assert mail_server.heard == []
    assert "Grace" not in str(failed.value)
    assert failed.value.__suppress_context__


@pytest.mark.parametrize(
    "address",
    ["ada@acme.example\r\nBcc: x@y.example", "ada@acme.example, eve@evil.example", "ada@acme.example>\r\nDATA", "Ada <ada@acme.example>",
     "ada", "@", "ada@acme.example;eve@evil.example", "a da@acme.example", "ada@acme.example\n"],
)  # fmt: skip
def test_what_is_not_exactly_one_address_is_refused(mail_server: Any, mailing: Any, to_ada: Any, address: str) -> None:
    with pytest.raises(ChannelFailed, match="the address") as failed:
        mailing().send(to_ada(), address)

    assert failed.value.permanent
    assert mail_server.heard == []
    assert "acme.example" not in str(failed.value)


def test_a_message_for_the_channel_itself_has_nobody_to_go_to(mail_server: Any, mailing: Any, to_ada: Any) -> None:
    with pytest.raises(ChannelFailed, match="e-mail reaches persons only") as failed:
        mailing().send(to_ada(recipient="email"), None)

    assert failed.value.permanent


def test_the_sender_logs_in_with_the_password(mail_server: Any, mailing: Any, to_ada: Any) -> None:
    mail_server.offers = ("AUTH PLAIN",)

    mailing(password="canary-password").send(to_ada(), TO)

    (login,) = (line for line in mail_server.heard if line.startswith("AUTH"))
    assert base64.b64decode(login.split()[-1]) == b"\0leadsync@acme.example\0canary-password"
    assert len(mail_server.accepted) == 1


@pytest.mark.parametrize(("reply", "permanent"), [("535 canary-password is wrong", True), ("454 later", False)])
def test_a_refused_password_is_not_shown(
    mail_server: Any, mailing: Any, to_ada: Any, reply: str, permanent: bool
) -> None:
    mail_server.offers, mail_server.replies["AUTH"] = ("AUTH PLAIN",), reply
    made = mailing(password="canary-password")

    with pytest.raises(ChannelFailed, match="refuses the password with") as failed:
        made.send(to_ada(), TO)

    assert failed.value.permanent is permanent
    assert "canary" not in f"{failed.value} {failed.value!r} {made!r}"


def test_a_password_never_goes_to_another_machine_without_tls(
    mail_server: Any, mailing: Any, to_ada: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail_server.offers = ("AUTH PLAIN",)
    monkeypatch.setattr("leadsync.channels.email.LOOPBACK", frozenset())

    with pytest.raises(ChannelFailed, match="a password is not sent without") as failed:
        mailing(password="canary-password").send(to_ada(), TO)

    assert failed.value.permanent
    assert not any(line.startswith("AUTH") for line in mail_server.heard)


def test_offered_tls_is_used_before_anything_is_said(
    mail_server: Any, mailing: Any, to_ada: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail_server.certificate = self_signed(tmp_path, "localhost")
    mail_server.offers = ("STARTTLS", "AUTH PLAIN")
    monkeypatch.setenv("SSL_CERT_FILE", str(mail_server.certificate[0]))
    monkeypatch.setattr("leadsync.channels.email.LOOPBACK", frozenset())

    mailing(password="canary-password", host="localhost").send(to_ada(), TO)

    assert mail_server.secured
    assert [line.split()[0].upper() for line in mail_server.heard][:4] == ["EHLO", "STARTTLS", "EHLO", "AUTH"]
    assert len(mail_server.accepted) == 1


def test_tls_comes_before_the_first_word_on_the_port_that_is_for_it(
    mail_server: Any, mailing: Any, to_ada: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail_server.certificate, mail_server.at_once = self_signed(tmp_path, "localhost"), True
    monkeypatch.setenv("SSL_CERT_FILE", str(mail_server.certificate[0]))
    monkeypatch.setattr("leadsync.channels.email.IMPLICIT_TLS", mail_server.port)

    mailing(host="localhost").send(to_ada(), TO)

    assert mail_server.secured
    assert len(mail_server.accepted) == 1


def test_a_certificate_that_nobody_vouches_for_is_not_believed(
    mail_server: Any, mailing: Any, to_ada: Any, tmp_path: Path
) -> None:
    mail_server.certificate, mail_server.offers = self_signed(tmp_path, "localhost"), ("STARTTLS",)

    with pytest.raises(ChannelFailed, match="SSLCertVerificationError") as failed:
        mailing(host="localhost").send(to_ada(), TO)

    assert not failed.value.permanent
    assert mail_server.accepted == []


def test_a_refusal_of_the_tls_that_was_offered_may_heal(mail_server: Any, mailing: Any, to_ada: Any) -> None:
    mail_server.offers = ("STARTTLS",)

    with pytest.raises(ChannelFailed, match="with 454") as failed:
        mailing().send(to_ada(), TO)

    assert not failed.value.permanent
    assert mail_server.heard[-1] == "STARTTLS"


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"host": None}, "needs host: and sender:"), ({"sender": None}, "needs host: and sender:"),
        ({"hosts": frozenset()}, "not in channel_hosts"), ({"sender": "leadsync@acme.example\r\nBcc: x@y"}, "no e-mail address"),
        ({"password": "cänary"}, "LEADSYNC_CHANNEL_EMAIL_PASSWORD: it is not plain ASCII"),
    ],
)  # fmt: skip
def test_a_channel_that_could_never_send_is_refused_at_once(mailing: Any, given: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigError, match=why) as refused:
        mailing(**given)

    assert "cänary" not in str(refused.value)
