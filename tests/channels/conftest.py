"""Receivers on loopback that remember what they were sent and answer as told, and messages to send them."""

import socketserver
import ssl
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from leadsync.channels import build
from leadsync.domain.effects import Escalation, Notice
from leadsync.domain.records import Ref
from leadsync.ports import Channel
from leadsync.secret import Secret
from leadsync.settings.credentials import ChannelSecrets
from leadsync.settings.runtime import ChannelSettings

NOW = datetime(2026, 11, 19, 10, 0, tzinfo=UTC)
HOSTS = frozenset({"127.0.0.1", "localhost"})

ESCALATION = Escalation(
    effect_id="5f0c7c52-0b5e-5c8e-9a55-8b1d4f9f2c10",
    person_id="p_0123456789abcdef",
    ref=Ref("salesforce", "lead", "00Q5f000001AbCdEAK"),
    clock_id="c_7",
    clock="mql",
    rung=1,
    channel="floor",
    recipient="floor",
    due_at=datetime(2026, 11, 19, 9, 30, tzinfo=UTC),
    title="Grace Hopper is overdue by 30 minutes",
    text="mql promised 48 h; Ada made 0 attempts.\nhttps://acme.my.salesforce.com/00Q5f000001AbCdEAK",
    late=True,
)
NOTICE = Notice(
    effect_id="0b9f3c9e-1c6c-5d5c-8f7b-3b6a6e1f2d20",
    person_id="p_0123456789abcdef",
    ref=Ref("salesforce", "contact", "0035f000001AbCdEAK"),
    notice="assigned",
    channel="floor",
    recipient="floor",
    title="Grace Hopper is yours",
    text="She asked to be called.",
)


@dataclass
class StillClock:
    """Shows the same moment until it is moved by hand."""

    at: datetime = NOW

    def wall(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        raise AssertionError("a channel never waits")


@dataclass
class HttpReceiver:
    """Answers every POST with `status`, `headers` and `body`; a status of 0 hangs up without an answer."""

    url: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"ok"
    promised: int | None = None  # Content-Length, when it is not the truth
    received: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)


@pytest.fixture
def receiver() -> Iterator[HttpReceiver]:
    told = HttpReceiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            told.received.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            if told.status == 0:
                self.close_connection = True
                return
            self.send_response(told.status)
            for name, value in told.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(told.promised or len(told.body)))
            self.end_headers()
            self.wfile.write(told.body)
            self.close_connection = True

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    told.url = f"http://127.0.0.1:{server.server_port}/services/T0/canary-path"
    yield told
    server.shutdown()
    thread.join()
    server.server_close()


@dataclass
class MailReceiver:
    """A mail server in small: `replies` replace what it says to a command (RCPT, DATA, "." at the end of the data ...).

    None hangs up instead. `certificate` and key make it able to speak TLS: after STARTTLS, or `at_once`.
    """

    port: int = 0
    offers: tuple[str, ...] = ()
    replies: dict[str, str | None] = field(default_factory=dict)
    certificate: tuple[Path, Path] | None = None
    at_once: bool = False
    secured: bool = False
    heard: list[str] = field(default_factory=list)
    accepted: list[bytes] = field(default_factory=list)

    def mails(self) -> list[EmailMessage]:
        return [message_from_bytes(raw, policy=default) for raw in self.accepted]


USUAL_REPLIES = {
    "hello": "220 mail.acme.example", "MAIL": "250 ok", "RCPT": "250 ok", "DATA": "354 go on", ".": "250 queued",
    "RSET": "250 ok", "QUIT": "221 bye", "AUTH": "235 welcome", "STARTTLS": "454 TLS not available",
}  # fmt: skip


@pytest.fixture
def mail_server() -> Iterator[MailReceiver]:
    told = MailReceiver()

    class Handler(socketserver.StreamRequestHandler):
        def reply(self, command: str) -> bool:
            text = told.replies.get(command, USUAL_REPLIES.get(command, "502 unknown"))
            if text is None:
                return False
            self.wfile.write(text.encode() + b"\r\n")
            return True

        def secure(self) -> None:
            assert told.certificate is not None
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*told.certificate)
            self.connection = context.wrap_socket(self.connection, server_side=True)
            self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", buffering=0)
            told.secured = True

        def finish(self) -> None:
            super().finish()
            self.connection.close()

        def handle(self) -> None:
            # A client that does not believe the certificate breaks off in the middle of the handshake.
            with suppress(ssl.SSLError, ConnectionError):
                self.talk()

        def talk(self) -> None:
            if told.at_once:
                self.secure()
            if not self.reply("hello"):
                return
            while line := self.rfile.readline():
                told.heard.append(line.decode().rstrip())
                command = told.heard[-1].partition(" ")[0].upper()
                if command == "EHLO":
                    lines = ["mail.acme.example", *told.offers]
                    marks = ["-"] * (len(lines) - 1) + [" "]
                    self.wfile.write("".join(f"250{m}{t}\r\n" for m, t in zip(marks, lines, strict=True)).encode())
                elif command == "STARTTLS" and told.certificate:
                    self.wfile.write(b"220 go on\r\n")
                    self.secure()
                elif not self.reply(command) or command == "QUIT":
                    return
                elif command == "DATA" and "DATA" not in told.replies:
                    mail = b""
                    while (part := self.rfile.readline()) != b".\r\n":
                        mail += part
                    if str(told.replies.get(".", "250")).startswith("250"):
                        told.accepted.append(mail)
                    if not self.reply("."):
                        return

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = False

    server = Server(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    told.port = server.server_address[1]
    yield told
    server.shutdown()
    thread.join()
    server.server_close()


def no_tasks(*_: Any) -> None:
    raise AssertionError("no task was asked for")


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def channel(clock: StillClock) -> Callable[..., Channel]:
    """Make a channel named `floor`, or as told, from plain secrets."""

    def make(
        kind: Any, *, name: str = "floor", hosts: frozenset[str] = HOSTS, create_task: Any = no_tasks, host: str | None = None,
        port: int = 587, sender: str | None = None, **secrets: str,
    ) -> Channel:  # fmt: skip
        spec = ChannelSettings(name, kind, host, port, sender)
        given = ChannelSecrets(**{what: Secret(text) for what, text in secrets.items()})
        return build(name, spec, given, hosts, clock=clock, create_task=create_task)

    return make


@pytest.fixture
def escalation() -> Callable[..., Escalation]:
    return lambda **changes: replace(ESCALATION, **changes)


@pytest.fixture
def notice() -> Callable[..., Notice]:
    return lambda **changes: replace(NOTICE, **changes)
