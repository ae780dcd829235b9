"""E-mail to a person, by SMTP: TLS when the server offers it, and 250 after DATA is acceptance.

`Message-ID` is made of the message's id, so that mail systems can tell a repeated attempt. A mail server may still
deliver both: nobody can promise exactly one e-mail.
"""

import smtplib
import ssl
from contextlib import closing, suppress
from dataclasses import dataclass
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from unicodedata import category

from leadsync.channels.addressee import addressee
from leadsync.clock import Clock
from leadsync.domain.effects import Escalation, Notice
from leadsync.errors import ChannelFailed
from leadsync.secret import Secret

SECONDS = 20.0  # for each step of the conversation
IMPLICIT_TLS = 465  # on this port TLS comes before the first word (RFC 8314)
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(slots=True)
class EmailChannel:
    """One mail server. With a password leadsync logs in as `sender`, and never without TLS."""

    name: str
    host: str
    port: int
    sender: str
    password: Secret | None
    clock: Clock

    def send(self, message: Escalation | Notice, address: str | None) -> None:
        """Hand the message over once; raises ChannelFailed, permanent when the server refuses with 5xx."""
        to = addressee(self.name, message, address)
        if to is None:
            raise ChannelFailed(f"{self.name}: e-mail reaches persons only, and this is for no person", permanent=True)
        composed = self.compose(message, to)
        try:
            self._hand_over(composed, to)
        except smtplib.SMTPRecipientsRefused as error:
            status = next(iter(error.recipients.values()))[0]
            raise self._refused(status, "the recipient") from None
        except smtplib.SMTPSenderRefused as error:
            raise self._refused(error.smtp_code, "the sender") from None
        except smtplib.SMTPAuthenticationError as error:
            raise self._refused(error.smtp_code, "the password") from None
        except smtplib.SMTPResponseException as error:
            raise self._refused(error.smtp_code, "the message") from None
        except smtplib.SMTPNotSupportedError:
            raise ChannelFailed(f"{self.name}: {self.host} lacks what this message needs", permanent=True) from None
        except (smtplib.SMTPException, OSError) as error:
            raise ChannelFailed(
                f"{self.name}: {self.host} cannot be reached or broke off ({type(error).__name__})", permanent=False
            ) from None

    def compose(self, message: Escalation | Notice, to: str) -> EmailMessage:
        """Return the e-mail; raises ChannelFailed when a line end, or what is no address, would get into a header."""
        mail = EmailMessage(SMTP)
        try:
            mail["Message-ID"] = f"<{message.effect_id}@{self.domain}>"
            mail["From"] = Address("leadsync", addr_spec=checked_address(self.sender))
            mail["To"] = Address(addr_spec=checked_address(to))
            mail["Subject"] = _one_line(message.title)
            mail["Date"] = format_datetime(self.clock.wall())
            mail["Auto-Submitted"] = "auto-generated"  # no absence note answers it (RFC 3834)
            mail.set_content(message.text, cte="base64")
        except ValueError:
            # Not chained: the error quotes the text.
            raise ChannelFailed(
                f"{self.name}: the title or the address of {message.effect_id} cannot stand in an e-mail",
                permanent=True,
            ) from None
        return mail

    @property
    def domain(self) -> str:
        """Return the domain that messages come from."""
        return self.sender.rpartition("@")[2]

    def _hand_over(self, mail: EmailMessage, to: str) -> None:
        context = ssl.create_default_context()
        # The name is given: otherwise smtplib asks DNS for ours, without a time-out.
        server: smtplib.SMTP = (
            smtplib.SMTP_SSL(self.host, self.port, self.domain, timeout=SECONDS, context=context)
            if self.port == IMPLICIT_TLS
            else smtplib.SMTP(self.host, self.port, self.domain, timeout=SECONDS)
        )
        with closing(server):
            server.ehlo_or_helo_if_needed()
            if self.port != IMPLICIT_TLS and server.has_extn("starttls"):
                server.starttls(context=context)
                server.ehlo_or_helo_if_needed()
            if self.password is not None:
                if not isinstance(server.sock, ssl.SSLSocket) and self.host not in LOOPBACK:
                    raise ChannelFailed(
                        f"{self.name}: {self.host} offers no TLS, and a password is not sent without", permanent=True
                    )
                server.login(self.sender, self.password.reveal())
            server.send_message(mail, self.sender, [to])
            # Accepted: whatever goes wrong over the goodbye changes nothing.
            with suppress(smtplib.SMTPException, OSError):
                server.quit()

    def _refused(self, status: int, what: str) -> ChannelFailed:
        return ChannelFailed(f"{self.name}: {self.host} refuses {what} with {status}", permanent=status >= 500)


def checked_address(text: str) -> str:
    """Return an address; raises ValueError unless it is exactly one, without a name, in ASCII."""
    try:
        Address(addr_spec=text)
    except (ValueError, IndexError, MessageError):
        raise ValueError("no e-mail address") from None
    return text


def _one_line(title: str) -> str:
    """Return a title that fits into a header; raises ValueError for one with a line end or a control character."""
    if any(category(character) in ("Cc", "Zl", "Zp") for character in title):
        raise ValueError("a control character")
    return title
