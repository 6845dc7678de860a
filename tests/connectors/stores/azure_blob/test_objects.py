"""What Azure adds to what every store does: digests, names, encodings, tiers; and lines that break."""

import asyncio
import gzip
import hashlib
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from azure.storage.blob import ContentSettings

from connectors.stores import download, read
from connectors.stores.azure_blob import AzureConfig, AzureStore, azure_store
from connectors.stores.buckets import Description
from maestro.errors import DigestMismatch, InvalidInput, NotFound, StoreFailed, Transient
from tests.connectors.stores.azure_blob.opened import config_of
from tests.connectors.stores.contract import CONTENT, MEGABYTE, SHA256, keys
from tests.connectors.stores.uploads_contract import send
from tests.fixtures.azurite_server import ACCOUNT, ACCOUNT_KEY, Azurite
from tests.fixtures.connected import secured_connector
from tests.fixtures.faults import Line, listening
from tests.fixtures.graphql import Api
from tests.schema.connector_texts import STORE, administer, refused_action

MD5 = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()


async def blocks(store: AzureStore, key: str) -> list[int]:
    """The sizes of the blocks that wait under a key."""
    _, waiting = await store.place.blob(key).get_block_list("uncommitted")
    return [block.size for block in waiting]


@pytest.fixture
async def line(azurite: Azurite) -> AsyncIterator[tuple[Line, str]]:
    carrier = Line(azurite.port)
    async with listening(carrier) as address:
        yield carrier, f"{address}/{ACCOUNT}"


@pytest.fixture
async def over(line: tuple[Line, str], store: AzureStore, config: AzureConfig) -> AsyncIterator[AzureStore]:
    """The same store, over a line that breaks."""
    async with azure_store(replace(config, endpoint_url=line[1], tries=4)) as opened:
        yield opened


async def test_an_object_lies_below_the_prefix_with_its_digests(store: AzureStore, config: AzureConfig) -> None:
    made = await store.put_bytes("a/b", CONTENT)
    seen = await store.head("a/b")
    ((listed,),) = [page async for page in store.list()]
    assert [(one.sha256, one.md5, one.etag) for one in (made, seen, listed)] == [(SHA256, MD5, made.etag)] * 3
    assert [blob.name async for blob in store.place.client.list_blobs()] == ["maestro/backups/a/b"]
    assert str(store) == f"az://{ACCOUNT}/{config.container}/maestro/backups/"
    assert (store.folder, await store.free_bytes()) == (None, None)


async def test_a_large_file_has_its_digests_too(store: AzureStore, tmp_path: Path) -> None:
    content = os.urandom(9 * MEGABYTE)
    (tmp_path / "large").write_bytes(content)
    made = await store.put_file("large", tmp_path / "large")
    seen = await store.head("large")
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    assert [(one.sha256, one.md5) for one in (made, seen)] == [(hashlib.sha256(content).hexdigest(), md5)] * 2


async def test_what_else_lies_in_the_container_is_not_listed(store: AzureStore) -> None:
    for name in ["other", "maestro/backups/a/", "maestro/backups/e.", "maestro/backups2/a"]:
        await store.place.client.upload_blob(name, b"")
    folder = {"hdi_isfolder": "true"}
    await store.place.client.upload_blob("maestro/backups/folder", b"", metadata=folder)
    await store.put_bytes("a/b", b"x")
    left_out: list[str] = []
    assert [one.key async for page in store.list(left_out=left_out.append) for one in page] == ["a/b"]
    assert left_out == ["a/", "e."]


async def test_what_is_stored_as_gzip_is_read_as_it_is(store: AzureStore) -> None:
    packed = gzip.compress(CONTENT)
    await store.place.blob("a").upload_blob(packed, content_settings=ContentSettings(content_encoding="gzip"))
    assert await read(store, "a") == packed
    assert b"".join([part async for part in store.get("a", start=2, end=20)]) == packed[2:20]


async def test_to_describe_an_object_leaves_its_encoding_and_digest(store: AzureStore) -> None:
    settings = ContentSettings(content_encoding="gzip", cache_control="no-store")
    await store.place.blob("a").upload_blob(gzip.compress(CONTENT), content_settings=settings)
    before = await store.head("a")
    await store.describe("a", Description("text/plain", {"a": "1"}, tier="Cool"))
    found = (await store.place.blob("a").get_blob_properties()).content_settings
    assert (found.content_type, found.content_encoding, found.cache_control) == ("text/plain", "gzip", "no-store")
    seen = await store.head("a")
    assert (seen.md5, seen.tier) == (before.md5, "Cool")


@pytest.mark.parametrize("key", ["a\\b", "a\nb", "a\x7f", "a.", "a./b", "a\ue000", "/".join("x" * 255)])
async def test_a_key_that_azure_cannot_hold_is_refused(store: AzureStore, key: str) -> None:
    with pytest.raises(InvalidInput):
        await store.put_bytes(key, b"")
    with pytest.raises(InvalidInput):
        await store.begin_upload(key, 1)
    assert await keys(store) == []


@pytest.mark.parametrize("metadata", [{"a-b": "x"}, {"1a": "x"}, {"a": "ä"}, {"a": "x\r\nb: c"}, {"sha256": "x"}])
async def test_metadata_that_azure_cannot_hold_are_refused(store: AzureStore, metadata: dict[str, str]) -> None:
    await store.put_bytes("a", CONTENT)
    with pytest.raises(InvalidInput):
        await store.describe("a", Description(metadata=metadata))
    with pytest.raises(InvalidInput):
        await store.begin_upload("a", 1, Description(metadata=metadata))
    assert dict((await store.head("a")).metadata) == {}


async def test_what_lies_in_the_archive_is_told_to_be_moved_first(store: AzureStore) -> None:
    await store.put_bytes("a", CONTENT)
    await store.set_tier("a", "Archive")
    assert (await store.head("a")).tier == "Archive"
    with pytest.raises(StoreFailed) as refused:
        await read(store, "a")
    assert refused.value.details["vendorCode"] == "BlobArchived"
    assert "Move it to Hot, Cool or Cold" in str(refused.value.hint)
    with pytest.raises(StoreFailed):
        await store.copy_from(store, "a", "b")
    assert await keys(store) == ["a"]


async def test_an_object_with_snapshots_stays_and_others_of_its_batch_go(store: AzureStore) -> None:
    for key in "abc":
        await store.put_bytes(key, CONTENT)
    await store.place.blob("b").create_snapshot()
    with pytest.raises(StoreFailed) as refused:
        await store.delete(["a", "b", "c"])
    assert refused.value.details["vendorCode"] == "SnapshotsPresent"
    assert await keys(store) == ["b"]


async def test_a_leased_object_is_not_replaced(store: AzureStore) -> None:
    await store.put_bytes("a", CONTENT)
    await store.place.blob("a").acquire_lease(60)
    with pytest.raises(StoreFailed) as refused:
        await store.put_bytes("a", b"other")
    assert refused.value.details["vendorCode"] == "LeaseIdMissing"
    assert await read(store, "a") == CONTENT


async def test_bytes_that_were_changed_in_the_container_are_noticed(store: AzureStore, tmp_path: Path) -> None:
    await store.put_bytes("a", CONTENT)
    await store.place.blob("a").upload_blob(b"other", overwrite=True, metadata={"sha256": SHA256})
    with pytest.raises(DigestMismatch):
        await download(store, "a", tmp_path / "a")


async def test_a_large_upload_that_is_cancelled_leaves_empty_blocks(store: AzureStore, tmp_path: Path) -> None:
    path, begun = tmp_path / "large", asyncio.Event()
    path.write_bytes(bytes(40 * MEGABYTE))

    def told(_: int) -> None:
        begun.set()

    sending = asyncio.create_task(store.put_file("large", path, told=told))
    await begun.wait()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    left = await blocks(store, "large")
    assert left
    assert set(left) == {1}
    assert await keys(store) == []


async def test_a_large_file_of_another_digest_is_never_visible(store: AzureStore, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(bytes(20 * MEGABYTE))
    with pytest.raises(DigestMismatch):
        await store.put_file("large", tmp_path / "large", sha256="0" * 64)
    assert set(await blocks(store, "large")) == {1}
    assert await keys(store) == []


async def test_a_file_that_becomes_shorter_while_it_is_sent_is_not_stored(store: AzureStore, tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(bytes(40 * MEGABYTE))

    def told(_: int) -> None:
        os.truncate(path, 0)

    with pytest.raises(Transient, match="shorter"):
        await store.put_file("large", path, told=told)
    assert await keys(store) == []


async def test_parts_that_are_thrown_away_take_no_room(store: AzureStore) -> None:
    upload = await store.begin_upload("a", 9 * MEGABYTE)
    await send(store, upload, 0, 1)
    await store.abort_upload(upload)
    assert await blocks(store, "a") == [1, 1, 1]


async def test_an_upload_ends_when_something_else_is_stored_under_its_key(store: AzureStore) -> None:
    upload = await store.begin_upload("a", 10)
    await store.put_part(upload, 0, b"0123456789")
    second = await store.begin_upload("a", 1)
    await store.put_part(second, 0, b"x")
    await store.complete_upload(second)
    with pytest.raises(NotFound):
        await store.complete_upload(upload)
    assert await read(store, "a") == b"x"


async def test_a_download_that_breaks_off_is_gone_on_with(
    over: AzureStore, line: tuple[Line, str], tmp_path: Path
) -> None:
    content, told = os.urandom(6 * MEGABYTE), list[int]()
    made = await over.put_bytes("a", content)
    line[0].breaks = [2 * MEGABYTE, 1000]
    assert await download(over, "a", tmp_path / "a", told=told.append) == (made.sha256, len(content))
    assert line[0].breaks == []
    assert sum(told) == len(content)


async def test_a_line_that_breaks_again_and_again_is_told(over: AzureStore, line: tuple[Line, str]) -> None:
    await over.put_bytes("a", bytes(MEGABYTE))
    line[0].breaks = [1000] * 100
    with pytest.raises(Transient):
        await read(over, "a")
    line[0].breaks = []


async def test_an_object_that_is_replaced_while_it_is_read_is_not_mixed_with_the_next(
    over: AzureStore, store: AzureStore, line: tuple[Line, str]
) -> None:
    await store.put_bytes("a", b"x" * (6 * MEGABYTE))
    line[0].breaks = [MEGABYTE]
    reading = over.get("a")
    first = await anext(reading)
    assert set(first) == set(b"x")
    await store.put_bytes("a", b"y" * (6 * MEGABYTE))
    with pytest.raises(Transient) as changed:
        async for _ in reading:
            pass
    assert changed.value.details["vendorCode"] == "ConditionNotMet"


async def test_an_upload_over_a_line_that_breaks_arrives(
    over: AzureStore, line: tuple[Line, str], tmp_path: Path
) -> None:
    (tmp_path / "large").write_bytes(os.urandom(20 * MEGABYTE))
    line[0].breaks = [0]
    made = await over.put_file("large", tmp_path / "large")
    small = await over.put_bytes("small", os.urandom(2 * MEGABYTE))
    assert line[0].breaks == []
    assert await download(over, "large", tmp_path / "copy") == (made.sha256, made.size)
    assert await download(over, "small", tmp_path / "copy") == (small.sha256, small.size)


async def test_a_container_is_administered_by_graphql(api: Api, azurite: Azurite) -> None:
    name = f"c-{uuid4().hex}"
    place = {"account": ACCOUNT, "container": name, "prefix": "shop/", "endpointUrl": azurite.address}
    made = await secured_connector(api, {"azureBlob": place}, {"azureBlob": {"accountKey": ACCOUNT_KEY}})
    look = "query ($id: ID!) { connector(id: $id) { container { name exists isVersioned tiers } } }"
    tiers = ["Hot", "Cool", "Cold", "Archive"]
    told = {"name": name, "exists": False, "isVersioned": None, "tiers": tiers}
    assert (await api(look, id=made))["connector"]["container"] == told
    await administer(api, made, createContainer={"name": name})
    config = config_of(azurite.address, container=name, prefix="shop/")
    async with azure_store(config) as store:
        await store.put_bytes("a", CONTENT)
        await administer(api, made, setObjectMetadata={"key": "a", "metadata": {"of": "shop"}})
        await administer(api, made, setObjectTier={"key": "a", "tier": "Cool"})
        found = (await api(STORE, id=made, key="a"))["connector"]
        assert (found["object"]["tier"], found["object"]["metadata"]) == ("Cool", {"of": "shop"})
        assert found["container"]["exists"] is True
        assert (await refused_action(api, made, setObjectTier={"key": "a", "tier": "None"}))["code"] == "NOT_SUPPORTED"
        await store.delete("a")
    await administer(api, made, deleteContainer={"name": name})
    assert (await api(look, id=made))["connector"]["container"] == told
