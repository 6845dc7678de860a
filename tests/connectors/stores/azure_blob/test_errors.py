"""What goes wrong with Azure, in our words and its own; no secret is ever in them."""

import asyncio
import traceback
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from connectors.stores import probe, read
from connectors.stores.azure_blob import AzureConfig, AzureStore, azure_store
from maestro.errors import Forbidden, MaestroError, NotFound, StoreFailed, Transient
from maestro.vendor_errors import NotSupported
from tests.connectors.stores.azure_blob.opened import config_of
from tests.fixtures.azurite_server import ACCOUNT, ACCOUNT_KEY
from tests.fixtures.emulators import free_port
from tests.fixtures.faults import Inner, Misleading, Refuser, listening


class AzureRefuser(Refuser):
    """A server that answers everything with an error of Azure."""

    def _told(self) -> bytes:
        status, code = self.answer
        body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>so it is sig=abc%2B</Message></Error>"
        head = f"HTTP/1.1 {status} X\r\ncontent-type: application/xml\r\nx-ms-request-id: R-17\r\n"
        return f"{head}x-ms-error-code: {code}\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode()


@pytest.fixture(scope="module")
async def refusing() -> AsyncIterator[tuple[AzureRefuser, AzureStore]]:
    server = AzureRefuser()
    async with listening(server) as address, azure_store(config_of(f"{address}/{ACCOUNT}")) as opened:
        yield server, opened


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ((403, "AuthenticationFailed"), Forbidden),
        ((403, "AuthorizationPermissionMismatch"), Forbidden),
        ((401, "NoAuthenticationInformation"), Forbidden),
        ((409, "PublicAccessNotPermitted"), Forbidden),
        ((404, "BlobNotFound"), NotFound),
        ((404, "ContainerNotFound"), NotFound),
        ((409, "ContainerBeingDeleted"), Transient),
        ((409, "BlobArchived"), StoreFailed),
        ((409, "BlobBeingRehydrated"), StoreFailed),
        ((409, "SnapshotsPresent"), StoreFailed),
        ((412, "LeaseIdMissing"), StoreFailed),
        ((412, "ConditionNotMet"), Transient),
        ((400, "Md5Mismatch"), Transient),
        ((400, "InvalidBlockList"), Transient),
        ((400, "InvalidBlobOrBlock"), StoreFailed),
        ((400, "UnsupportedHeader"), NotSupported),
        ((413, "RequestBodyTooLarge"), StoreFailed),
        ((429, "TooManyRequests"), Transient),
        ((501, "NotImplemented"), NotSupported),
    ],
)
async def test_what_the_server_answers_is_told_in_our_words_with_its_own(
    refusing: tuple[AzureRefuser, AzureStore], answer: tuple[int, str], kind: type[MaestroError]
) -> None:
    server, store = refusing
    server.answer = answer
    with pytest.raises(kind) as raised:
        await store.put_bytes("a", b"x")
    assert type(raised.value) is kind
    assert raised.value.details == {"vendorCode": answer[1], "requestId": "R-17"}
    shown = repr((raised.value.message, raised.value.extensions, *traceback.format_exception(raised.value)))
    assert ACCOUNT_KEY not in shown
    assert "abc%2B" not in shown


async def test_a_busy_server_is_asked_again_and_then_told_to_be_busy(
    refusing: tuple[AzureRefuser, AzureStore],
) -> None:
    server, store = refusing
    server.answer, server.asked = (503, "ServerBusy"), 0
    (step,) = await probe(store)
    assert isinstance(step.error, Transient)
    assert step.error.details["vendorCode"] == "ServerBusy"
    assert server.asked == 2


async def test_what_is_no_answer_of_azure_is_told_by_its_status() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 403 Forbidden\r\ncontent-type: text/html\r\ncontent-length: 5\r\n\r\n<html")
        writer.close()

    async with listening(answer) as address, azure_store(config_of(f"{address}/{ACCOUNT}")) as store:
        with pytest.raises(Forbidden) as refused:
            await read(store, "a")
    assert refused.value.details == {"vendorCode": "403", "requestId": None}


async def test_a_server_that_is_not_there_may_be_there_later() -> None:
    async with azure_store(config_of(f"http://127.0.0.1:{free_port()}/{ACCOUNT}")) as failing:
        with pytest.raises(Transient) as raised:
            await read(failing, "a")
    assert raised.value.details == {"vendorCode": "ServiceRequestError"}


async def test_a_server_without_a_certificate_to_trust_is_told() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")  # no TLS at all
        writer.close()

    async with listening(answer) as address:
        secure = address.replace("http:", "https:")
        async with azure_store(config_of(f"{secure}/{ACCOUNT}", tries=1)) as failing:
            with pytest.raises(StoreFailed) as refused:
                await failing.head("a")
    assert refused.value.details == {"vendorCode": "SSLError"}


async def test_a_container_that_is_not_there_is_told_by_the_probe(missing: AzureStore) -> None:
    (step,) = await probe(missing)
    assert isinstance(step.error, NotFound)
    assert step.error.message == "There is no such container."
    with pytest.raises(NotFound, match="no such container"):
        await missing.begin_upload("a", 1)


async def test_the_key_of_another_account_is_refused(store: AzureStore, config: AzureConfig) -> None:
    await store.put_bytes("a", b"x")
    wrong = replace(config, account_key=SecretStr("d3Jvbmc="))
    async with azure_store(wrong) as failing:
        with pytest.raises(Forbidden) as refused:
            await read(failing, "a")
    assert refused.value.details["requestId"]
    assert "d3Jvbmc=" not in repr((wrong, refused.value.extensions))


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"endpoint_url": "nonsense"}, MaestroError),
        ({"container": "NO CONTAINER"}, StoreFailed),
        ({"container": ""}, StoreFailed),
        ({"account_key": SecretStr("no Base64")}, Forbidden),
    ],
)
async def test_settings_that_cannot_be_are_told(
    store: AzureStore, config: AzureConfig, *, changes: dict[str, Any], kind: type[MaestroError]
) -> None:
    with pytest.raises(kind):
        async with azure_store(replace(config, tries=1, **changes)) as failing:
            await read(failing, "a")


async def test_a_server_leads_nobody_to_another_one() -> None:
    inner, server = Inner(), Misleading()
    async with (
        listening(inner) as server.place,
        listening(server) as address,
        azure_store(config_of(f"{address}/{ACCOUNT}")) as store,
    ):
        for work in (read(store, "a"), store.head("a"), store.put_bytes("a", b"x")):
            with pytest.raises(MaestroError):
                await work
    assert server.asked >= 3
    assert inner.asked == 0
