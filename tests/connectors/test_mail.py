"""E-mail, over sockets: to a server that takes it, encrypted where it can be, and to servers that do not."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from connectors.mail import MailServer, mail_server_of, send_mail
from maestro.errors import MaestroError, NotificationFailed, StartupError, Transient
from maestro.settings import Settings
from tests.fixtures.emulators import free_port
from tests.fixtures.mail import PASSWORD, USER, certificate, mail_server


def settings(url: str | None = None, sender: str | None = None) -> Settings:
    return Settings(
        _env_file=None,  # type: ignore[call-arg] # a keyword of pydantic's
        smtp_url=None if url is None else SecretStr(url),
        smtp_from=sender,
    )


def server(port: int, **changes: object) -> MailServer:
    given = {"host": "127.0.0.1", "port": port, "sender": "Maestro <ml@example.org>", "is_tls": False, **changes}
    return MailServer(**given)  # type: ignore[arg-type] # given by name


async def send(to: MailServer, recipient: str = "ada@example.org") -> None:
    await send_mail(to, recipient, subject="[Maestro ML] Backup failed", text="Ärger mit dem Backup.\n")


async def refusal(to: MailServer, recipient: str = "ada@example.org") -> MaestroError:
    with pytest.raises(MaestroError) as refused:
        await send(to, recipient)
    assert PASSWORD not in repr(refused.value.extensions)
    return refused.value


async def test_a_mail_arrives_as_it_was_written() -> None:
    with mail_server() as mailbox:
        await send(server(mailbox.port))
    ((sender, recipients, message, is_encrypted),) = mailbox.messages
    assert (sender, recipients, is_encrypted) == ("ml@example.org", ["ada@example.org"], False)
    assert message["subject"] == "[Maestro ML] Backup failed"
    assert message["from"] == "Maestro <ml@example.org>"
    assert message["auto-submitted"] == "auto-generated"
    assert message["message-id"].endswith("@example.org>")
    assert message.get_content() == "Ärger mit dem Backup.\r\n"


async def test_a_server_that_can_is_spoken_to_in_secret_and_given_the_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, trusted = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    # No address that everybody sees to be this machine's.
    away: dict[str, object] = {"host": "127.1", "user": USER, "password": SecretStr(PASSWORD)}
    with mail_server(tls_context=context, require_starttls=True, auth_required=True) as mailbox:
        await send(server(mailbox.port, user=USER, password=SecretStr(PASSWORD)))
        assert [is_encrypted for *_, is_encrypted in mailbox.messages] == [True]
        wrong = await refusal(server(mailbox.port, user=USER, password=SecretStr("wrong")))
        assert (type(wrong), wrong.details) == (NotificationFailed, {"vendorCode": "535"})
    with mail_server() as mailbox:
        assert isinstance(await refusal(server(mailbox.port, **away)), NotificationFailed)
        assert mailbox.messages == []


async def test_a_server_whose_certificate_is_not_trusted_is_given_nothing(tmp_path: Path) -> None:
    context, _ = certificate(tmp_path)
    with mail_server(tls_context=context) as mailbox:
        await refusal(server(mailbox.port))
        assert mailbox.messages == []


async def test_a_connection_can_be_encrypted_from_its_first_byte_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, trusted = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    with mail_server(ssl_context=context) as mailbox:
        await send(server(mailbox.port, is_tls=True))
        assert len(mailbox.messages) == 1


@pytest.mark.parametrize(
    ("answer", "kind"), [("550 No such person", NotificationFailed), ("451 Come back later", Transient)]
)
async def test_a_recipient_whom_the_server_does_not_take_is_told(answer: str, kind: type[MaestroError]) -> None:
    with mail_server() as mailbox:
        mailbox.refusal = answer
        refused = await refusal(server(mailbox.port))
    assert type(refused) is kind
    assert answer.partition(" ")[2] in refused.message


async def test_a_server_that_is_not_there_may_be_there_later() -> None:
    assert isinstance(await refusal(server(free_port())), Transient)


@pytest.mark.parametrize("recipient", ["ada@example.org\nBcc: all@example.org", "", "nobody", "a@x, b@x"])
async def test_a_recipient_that_is_none_is_refused(recipient: str) -> None:
    with mail_server() as mailbox:
        assert isinstance(await refusal(server(mailbox.port), recipient), NotificationFailed)
        assert mailbox.messages == []


def test_the_settings_name_a_server() -> None:
    assert mail_server_of(settings()) is None
    assert mail_server_of(settings("smtps://ada:p%40ss@mail.example.org")) == MailServer(
        host="mail.example.org",
        port=465,
        sender="maestro@mail.example.org",
        is_tls=True,
        user="ada",
        password=SecretStr("p@ss"),
    )
    plain = mail_server_of(settings("smtp://127.0.0.1:2525", "ml@example.org"))
    assert plain == MailServer(host="127.0.0.1", port=2525, sender="ml@example.org", is_tls=False)


@pytest.mark.parametrize("url", ["mail.example.org", "http://u:hush@x", "smtp://", "smtp://u:hush@x:port"])
def test_what_names_no_server_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(StartupError) as refused:
        mail_server_of(settings(url))
    assert "hush" not in f"{refused.value.message} {refused.value.hint}"


@pytest.mark.parametrize("sender", ["nobody", "a@x, b@x", "a@x\nb"])
def test_a_sender_that_is_none_is_refused(sender: str) -> None:
    with pytest.raises(StartupError):
        mail_server_of(settings("smtp://x", sender))
