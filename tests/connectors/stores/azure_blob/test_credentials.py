"""Ways to open a container: the account's key, a shared access signature, and nothing; and what connectors give."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from azure.storage.blob import ContainerSasPermissions, generate_container_sas
from pydantic import SecretStr

from connectors.catalogue import opened
from connectors.stores import probe, read
from connectors.stores.azure_blob import AzureConfig, AzureStore, azure_store
from maestro import clock
from maestro.credentials import AzureBlobCredential
from maestro.errors import Forbidden, MaestroError, NotFound
from maestro.public_access import PublicAccess
from maestro.vendor_errors import NotSupported
from maestro.vendors import AzureBlob
from tests.connectors.stores.contract import CONTENT, MEGABYTE, keys
from tests.connectors.stores.uploads_contract import send, whole
from tests.fixtures.azurite_server import ACCOUNT, ACCOUNT_KEY, Azurite

ALL = "rwdlacx"


def signed(config: AzureConfig, signature: str) -> AzureConfig:
    return replace(config, account_key=None, sas_token=SecretStr(f"?{signature}\n"))


@pytest.fixture
async def by_signature(store: AzureStore, config: AzureConfig, azurite: Azurite) -> AsyncIterator[AzureStore]:
    """The same store, opened with a signature that permits all."""
    async with azure_store(signed(config, azurite.signature(ALL))) as opened_again:
        yield opened_again


async def test_a_signature_opens_a_store_for_all_that_it_permits(by_signature: AzureStore) -> None:
    assert [step.error for step in await probe(by_signature)] == [None] * 5
    for key in ("a", "b", "c"):
        await by_signature.put_bytes(key, CONTENT)
    await by_signature.copy_from(by_signature, "a", "d/ä+%")
    assert await read(by_signature, "d/ä+%") == CONTENT
    await by_signature.delete(["a", "b", "none"])
    assert await keys(by_signature) == ["c", "d/ä+%"]
    upload = await by_signature.begin_upload("u", 9 * MEGABYTE)
    await send(by_signature, upload, 0, 1)
    await by_signature.complete_upload(upload)
    assert await read(by_signature, "u") == whole(upload)


async def test_a_large_object_is_copied_by_a_container_signature(store: AzureStore, config: AzureConfig) -> None:
    """By one of the container: azurite does not copy blocks by signatures of the account."""
    await store.put_bytes("a", bytes(3 * MEGABYTE))
    signature = generate_container_sas(
        ACCOUNT,
        config.container,
        account_key=ACCOUNT_KEY,
        permission=ContainerSasPermissions(read=True, write=True, create=True, list=True, delete=True),
        expiry=clock.now() + timedelta(hours=1),
    )
    async with azure_store(replace(signed(config, signature), largest_copy_bytes=MEGABYTE)) as copying:
        made = await copying.copy_from(copying, "a", "b")
        assert made.sha256 == (await store.head("a")).sha256
        await copying.delete(["a", "none"])
        assert await keys(copying) == ["b"]
    assert await read(store, "b") == bytes(3 * MEGABYTE)


async def test_who_has_a_signature_signs_nothing(by_signature: AzureStore) -> None:
    with pytest.raises(NotSupported):
        await by_signature.presign_get("a", timedelta(minutes=1))
    with pytest.raises(NotSupported):
        await by_signature.presign_put("a", timedelta(minutes=1))


async def test_a_signature_permits_what_its_letters_say(
    store: AzureStore, config: AzureConfig, azurite: Azurite
) -> None:
    await store.put_bytes("a", CONTENT)
    async with azure_store(signed(config, azurite.signature("rl"))) as reading:
        assert await read(reading, "a") == CONTENT
        assert await keys(reading) == ["a"]
        with pytest.raises(Forbidden) as refused:
            await reading.put_bytes("a", b"other")
        assert refused.value.details["requestId"]
        with pytest.raises(Forbidden):
            await reading.delete(["a", "b"])
    assert await read(store, "a") == CONTENT


async def test_a_signature_that_has_expired_is_refused(
    store: AzureStore, config: AzureConfig, azurite: Azurite
) -> None:
    signature = azurite.signature(ALL, ttl=timedelta(hours=-1))
    async with azure_store(signed(config, signature)) as failing:
        with pytest.raises(Forbidden) as refused:
            await failing.put_bytes("a", CONTENT)
    assert signature.partition("sig=")[2] not in repr((config, refused.value.message, refused.value.extensions))
    assert await keys(store) == []


async def test_stores_copy_from_others_that_are_opened_alike(store: AzureStore, by_signature: AzureStore) -> None:
    assert not store.can_copy_from(by_signature)
    assert not by_signature.can_copy_from(store)
    assert by_signature.can_copy_from(by_signature)


async def test_a_public_container_is_read_by_everybody(store: AzureStore, config: AzureConfig) -> None:
    await store.put_bytes("a", CONTENT)
    anonymous = replace(config, account_key=None)
    async with azure_store(anonymous) as reading:
        with pytest.raises((Forbidden, NotFound)):
            await read(reading, "a")
        await store.set_access(PublicAccess.CONTAINER, [], etag=(await store.container_settings()).etag)
        assert await read(reading, "a") == CONTENT
        assert await keys(reading) == ["a"]
        with pytest.raises(MaestroError):
            await reading.put_bytes("b", b"")
    assert await keys(store) == ["a"]


def leading_to(config: AzureConfig, azurite: Azurite, **settings: str) -> AzureBlob:
    given = {"account": ACCOUNT, "container": config.container, "endpointUrl": azurite.address, **settings}
    return AzureBlob.model_validate(given)


@pytest.mark.parametrize("way", ["account_key", "sas_token"])
async def test_a_connector_leads_to_its_container(
    store: AzureStore, config: AzureConfig, azurite: Azurite, *, way: str
) -> None:
    secrets = {"account_key": ACCOUNT_KEY, "sas_token": azurite.signature(ALL)}
    given: dict[str, Any] = {"accountKey" if way == "account_key" else "sasToken": secrets[way]}
    settings = leading_to(config, azurite, prefix="maestro/backups")
    await store.put_bytes("a", CONTENT)
    async with opened("AZURE_BLOB", settings, AzureBlobCredential(**given)) as connector:
        assert str(connector) == str(store)
        assert await read(connector, "a") == CONTENT


async def test_a_connector_without_a_credential_signs_in_as_nobody(
    store: AzureStore, config: AzureConfig, azurite: Azurite
) -> None:
    await store.put_bytes("a", CONTENT)
    await store.set_access(PublicAccess.OBJECTS, [], etag=(await store.container_settings()).etag)
    settings = leading_to(config, azurite)
    async with opened("AZURE_BLOB", settings, None) as connector:
        assert await read(connector, "maestro/backups/a") == CONTENT


def test_an_account_has_the_usual_address_unless_told() -> None:
    assert AzureConfig(account="one", container="c").address == "https://one.blob.core.windows.net"
    sovereign = AzureConfig(account="one", container="c", endpoint_url="https://one.blob.core.usgovcloudapi.net/")
    assert sovereign.address == "https://one.blob.core.usgovcloudapi.net"
