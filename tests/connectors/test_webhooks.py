"""Webhooks, over sockets: signed, tried again, and never sent to where a server alone may go."""

import hmac
import time
from pathlib import Path
from typing import Any

import pytest

from connectors import webhooks
from connectors.webhooks import Delivery, checked_url, is_public, send_webhook, signature_of
from maestro.access.addresses import Network, network_of
from maestro.errors import Forbidden, InvalidInput, MaestroError, NotificationFailed, Transient
from tests.fixtures.emulators import free_port
from tests.fixtures.hooks import hook_server
from tests.fixtures.mail import certificate
from tests.rules.sources import ROOT

HERE: list[Network] = [network_of("127.0.0.0/8"), network_of("::1/128")]
SENT = Delivery(id="d-1", body=b'{"event":"job.failed"}', key=b"mwk_key")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "PAUSE_S", 0.01)


async def test_what_is_sent_is_signed_over_its_time_and_body() -> None:
    async with hook_server() as hooks:
        await send_webhook(hooks.url, SENT, networks=HERE)
    ((line, headers, body),) = hooks.requests
    assert line == "POST /hook?a=b HTTP/1.1"
    assert body == SENT.body
    assert headers["host"] == hooks.url.split("/")[2]
    assert headers["content-type"] == "application/json"
    assert headers["maestro-delivery"] == "d-1"
    at, _, signature = headers["maestro-signature"].removeprefix("t=").partition(",v1=")
    assert abs(int(at) - time.time()) < 10
    assert signature == hmac.new(b"mwk_key", f"{at}.".encode() + body, "sha256").hexdigest()


def test_the_guide_verifies_what_is_signed() -> None:
    guide = (ROOT / "docs" / "guides" / "notifications.md").read_text()
    names: dict[str, Any] = {}
    exec(guide.partition("```python\n")[2].partition("```")[0], names)  # noqa: S102 -- it is our own page
    is_genuine, now = names["is_genuine"], int(time.time())
    signature = signature_of(b"{}", b"mwk_key", at=now)
    assert is_genuine(signature, b"{}", "mwk_key")
    assert not is_genuine(signature, b"{} ", "mwk_key")
    assert not is_genuine(signature, b"{}", "mwk_other")
    assert not is_genuine(signature_of(b"{}", b"mwk_key", at=now - 301), b"{}", "mwk_key")
    assert not is_genuine(signature.replace(str(now), str(now + 1)), b"{}", "mwk_key")


async def test_without_a_key_nothing_is_signed() -> None:
    async with hook_server() as hooks:
        await send_webhook(hooks.url, Delivery(id="d", body=b"{}", key=None), networks=HERE)
    assert "maestro-signature" not in hooks.requests[0][1]


@pytest.mark.usefixtures("impatient")
async def test_a_busy_receiver_is_tried_again_with_the_same_id() -> None:
    async with hook_server() as hooks:
        hooks.answers = [503, 429, 200]
        await send_webhook(hooks.url, SENT, networks=HERE)
    assert [headers["maestro-delivery"] for _, headers, _ in hooks.requests] == ["d-1"] * 3


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("answers", "kind", "count"),
    [([500] * 9, Transient, 3), ([404], NotificationFailed, 1), ([302], NotificationFailed, 1)],
)
async def test_what_is_not_taken_is_told(answers: list[int], kind: type[MaestroError], count: int) -> None:
    async with hook_server() as hooks:
        hooks.answers = answers.copy()
        with pytest.raises(kind, match=str(answers[0])):
            await send_webhook(hooks.url, SENT, networks=HERE)
    assert len(hooks.requests) == count


@pytest.mark.usefixtures("impatient")
async def test_a_receiver_that_is_not_there_is_told() -> None:
    with pytest.raises(Transient, match="ConnectError"):
        await send_webhook(f"http://127.0.0.1:{free_port()}/", SENT, networks=HERE)


async def test_nothing_is_sent_to_this_machine_unless_it_is_allowed() -> None:
    async with hook_server() as hooks:
        for url in (
            hooks.url,
            hooks.url.replace("127.0.0.1", "localhost"),
            hooks.url.replace("127.0.0.1", "[::ffff:7f00:1]"),
        ):
            with pytest.raises(Forbidden):
                await send_webhook(url, SENT)
    assert hooks.requests == []


@pytest.mark.parametrize(
    "host",
    ["169.254.169.254", "[fd00:ec2::254]", "10.0.0.1", "192.168.1.1", "0.0.0.0", "2130706433", "0x7f.1"],  # noqa: S104 -- not listened on
)
async def test_nothing_is_sent_to_a_private_network_or_the_metadata_of_a_cloud(host: str) -> None:
    with pytest.raises(Forbidden):
        await send_webhook(f"https://{host}/latest", SENT)


async def test_public_addresses_are_sent_to_over_https_alone() -> None:
    with pytest.raises(Forbidden, match="https"):
        await send_webhook("http://8.8.8.8/", SENT)


@pytest.mark.usefixtures("impatient")
async def test_the_certificate_is_that_of_the_name_though_the_connection_is_to_an_address(tmp_path: Path) -> None:
    context, _ = certificate(tmp_path)
    async with hook_server(context) as hooks:
        with pytest.raises(Transient, match="ConnectError"):
            await send_webhook(hooks.url, SENT, networks=HERE)
    assert hooks.requests == []


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("100.64.0.1", False),
        ("169.254.169.254", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:169.254.169.254", False),
        ("64:ff9b::a9fe:a9fe", False),
        ("2002:a9fe:a9fe::1", False),
        ("nonsense", False),
    ],
)
def test_public_addresses_are_told_from_others(address: str, *, expected: bool) -> None:
    assert is_public(address) is expected


@pytest.mark.parametrize(
    "url", ["", "ftp://x", "https://", "https://u:p@x", "x" * 10, "https://x:port", "https://x/\n"]
)
def test_what_is_no_address_of_a_webhook_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        checked_url(url)
    assert refused.value.details["field"] == "address"
