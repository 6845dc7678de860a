"""E-mail, through the server that a setting names."""

import ipaddress
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate, make_msgid, parseaddr
from typing import Final
from urllib.parse import unquote, urlsplit

import aiosmtplib
from pydantic import SecretStr

from maestro.errors import NotificationFailed, StartupError, Transient
from maestro.settings import Settings

PATIENCE_S: Final = 20
PORTS: Final = {"smtp": 587, "smtps": 465}
_PASSING: Final = (
    aiosmtplib.SMTPConnectError,
    aiosmtplib.SMTPServerDisconnected,
    aiosmtplib.SMTPTimeoutError,
    OSError,
)
_PERMANENT: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """A server that takes mail, from whom it is sent, and how the server knows us; `is_tls`: from the first byte on."""

    host: str
    port: int
    sender: str
    is_tls: bool
    user: str | None = None
    password: SecretStr | None = field(default=None, repr=False)

    @property
    def is_here(self) -> bool:
        """Whether nobody can listen on the way: the server is on this machine."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def mail_server_of(settings: Settings) -> MailServer | None:
    """Return the server that the settings name, None when they name none; StartupError for what is no server."""
    if settings.smtp_url is None:
        return None
    parts = urlsplit(settings.smtp_url.get_secret_value())
    try:
        port = parts.port or PORTS[parts.scheme]
        host = parts.hostname or ""
    except (ValueError, KeyError):
        host = ""
    if not host:
        # It may hold a password, so it is not shown.
        raise StartupError(
            "MAESTRO_SMTP_URL names no server.", hint="It looks like smtp://user:password@mail.example.org:587."
        )
    sender = settings.smtp_from or f"maestro@{host}"
    if not is_address(sender):
        raise StartupError(f"MAESTRO_SMTP_FROM is no address: {sender[:100]!r}.", hint="It looks like ml@example.org.")
    return MailServer(
        host=host,
        port=port,
        sender=sender,
        is_tls=parts.scheme == "smtps",
        user=unquote(parts.username) if parts.username else None,
        password=SecretStr(unquote(parts.password)) if parts.password else None,
    )


def is_address(text: str) -> bool:
    """Say whether mail can be sent to or from a text: one address, with nothing else in it but perhaps a name."""
    _, address = parseaddr(text)
    local, _, domain = address.rpartition("@")
    return bool(local and domain) and text.isprintable() and "," not in text


async def send_mail(server: MailServer, recipient: str, *, subject: str, text: str) -> None:
    """Send a plain text; NotificationFailed when the server does not take it, Transient when it may take it later.

    A connection is encrypted by STARTTLS where the server can, and in any case before a password is sent anywhere else.
    """
    if not is_address(recipient):
        raise NotificationFailed(f"{recipient[:100]!r} is no address for mail.")
    message = EmailMessage()
    message["From"], message["To"] = server.sender, recipient
    message["Subject"], message["Date"] = subject, formatdate()
    message["Message-ID"] = make_msgid(domain=server.sender.rpartition("@")[2].strip("> "))
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text)
    needs_tls = server.user is not None and not server.is_here
    try:
        await aiosmtplib.send(
            message,
            hostname=server.host,
            port=server.port,
            username=server.user,
            password=None if server.password is None else server.password.get_secret_value(),
            use_tls=server.is_tls,
            start_tls=False if server.is_tls else (True if needs_tls else None),
            timeout=PATIENCE_S,
        )
    except aiosmtplib.SMTPResponseException as error:
        kind = NotificationFailed if error.code >= _PERMANENT else Transient
        raise kind(
            f"The mail server refuses: {error.code} {error.message[:200]}.", vendorCode=str(error.code)
        ) from None
    except aiosmtplib.SMTPRecipientsRefused as error:
        first = error.recipients[0]
        kind = NotificationFailed if first.code >= _PERMANENT else Transient
        told = f"{first.code} {first.message[:200]}"
        raise kind(f"The mail server refuses the recipient: {told}.", vendorCode=str(first.code)) from None
    except _PASSING as error:
        raise Transient(f"The mail server cannot be reached ({type(error).__name__}).") from None
    except (aiosmtplib.SMTPException, ValueError) as error:
        raise NotificationFailed(f"The mail cannot be sent: {str(error)[:200]}") from None
