"""The store in a bucket, against ministack, and against lines and servers that fail."""

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from connectors.stores import download, probe, read, store_of
from connectors.stores.s3 import S3Config, S3Store, s3_store
from maestro.errors import Conflict, DigestMismatch, Forbidden, MaestroError, NotFound, StoreFailed, Transient
from maestro.settings import Settings
from maestro.vendor_errors import NotSupported
from tests.connectors.stores.contract import CONTENT, MEGABYTE, SHA256, StoreContract, keys
from tests.fixtures.buckets import beside, s3_config_of
from tests.fixtures.emulators import S3_KEY, S3_SECRET, free_port
from tests.fixtures.faults import Line, Refuser, listening


@pytest.fixture
def config(s3_config: S3Config) -> S3Config:
    return s3_config


@pytest.fixture
def store(s3_bucket: S3Store) -> S3Store:
    return s3_bucket


class TestS3Store(StoreContract):
    pass


@pytest.fixture(scope="module")
async def refusing() -> AsyncIterator[tuple[Refuser, S3Store]]:
    server = Refuser()
    async with listening(server) as address, s3_store(s3_config_of(address)) as opened:
        yield server, opened


@pytest.fixture(scope="module")
async def line_and_opened(s3_endpoint: str) -> AsyncIterator[tuple[Line, S3Store]]:
    line = Line(int(s3_endpoint.rpartition(":")[2]))
    async with listening(line) as address, s3_store(s3_config_of(address)) as opened:
        yield line, opened


@pytest.fixture
def line(line_and_opened: tuple[Line, S3Store]) -> Line:
    return line_and_opened[0]


@pytest.fixture
async def over(line_and_opened: tuple[Line, S3Store], store: S3Store, config: S3Config) -> S3Store:
    """The same store, over a line that breaks."""
    return await beside(line_and_opened[1], config)


async def test_an_object_is_stored_with_its_digest_below_the_prefix(store: S3Store, config: S3Config) -> None:
    await store.put_bytes("a/b", CONTENT)
    assert (await store.head("a/b")).sha256 == SHA256
    found = await store._client.list_objects_v2(Bucket=config.bucket)
    assert [one["Key"] for one in found["Contents"]] == ["maestro/backups/a/b"]
    assert str(store) == f"s3://{config.bucket}/maestro/backups/"
    assert (store.folder, await store.free_bytes()) == (None, None)


async def test_a_list_goes_on_by_one_request(store: S3Store) -> None:
    for key in ["a/b", "a/c", "a/d", "b"]:
        await store.put_bytes(key, b"x")
    asked: list[dict[str, Any]] = []

    def note(params: dict[str, Any], **_: Any) -> None:
        asked.append(params)

    store._client.meta.events.register("provide-client-params.s3.ListObjectsV2", note)
    try:
        assert [[one.key for one in page] async for page in store.list("a/", after="a/b", page=3)] == [["a/c", "a/d"]]
    finally:
        store._client.meta.events.unregister("provide-client-params.s3.ListObjectsV2", note)
    assert [(one["StartAfter"], one["MaxKeys"]) for one in asked] == [("maestro/backups/a/b", 3)]


async def test_what_else_lies_in_the_bucket_is_not_listed(store: S3Store, config: S3Config) -> None:
    for key in ["other", "maestro/backups/", "maestro/backups/a/", "maestro/backups2/a"]:
        await store._client.put_object(Bucket=config.bucket, Key=key, Body=b"")
    await store.put_bytes("a/b", b"x")
    left_out: list[str] = []
    assert [one.key async for page in store.list(left_out=left_out.append) for one in page] == ["a/b"]
    assert left_out == ["", "a/"]


async def test_bytes_that_were_changed_in_the_bucket_are_noticed(
    store: S3Store, config: S3Config, tmp_path: Path
) -> None:
    await store.put_bytes("a", CONTENT)
    await store._client.put_object(
        Bucket=config.bucket, Key="maestro/backups/a", Body=b"other", Metadata={"sha256": SHA256}
    )
    with pytest.raises(DigestMismatch):
        await download(store, "a", tmp_path / "a")


async def uploads(store: S3Store, config: S3Config) -> list[str]:
    found = await store._client.list_multipart_uploads(Bucket=config.bucket)
    return [one["Key"] for one in found.get("Uploads", ())]


async def test_a_large_upload_that_is_cancelled_leaves_no_parts(
    store: S3Store, config: S3Config, tmp_path: Path
) -> None:
    path, begun = tmp_path / "large", asyncio.Event()
    path.write_bytes(bytes(40 * MEGABYTE))

    def told(_: int) -> None:
        begun.set()

    sending = asyncio.create_task(store.put_file("large", path, sha256="0" * 64, told=told))
    await begun.wait()
    assert await uploads(store, config) == ["maestro/backups/large"]
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert await uploads(store, config) == []
    assert await keys(store) == []


async def test_a_large_file_of_another_digest_is_never_visible(
    store: S3Store, config: S3Config, tmp_path: Path
) -> None:
    (tmp_path / "large").write_bytes(bytes(20 * MEGABYTE))
    with pytest.raises(DigestMismatch):
        await store.put_file("large", tmp_path / "large", sha256="0" * 64)
    assert await uploads(store, config) == []
    assert await keys(store) == []


async def test_recent_uploads_are_left_alone_when_the_store_is_tidied(store: S3Store, config: S3Config) -> None:
    await store._client.create_multipart_upload(Bucket=config.bucket, Key="maestro/backups/large")
    await store.tidy()
    assert await uploads(store, config) == ["maestro/backups/large"]


async def test_a_download_that_breaks_off_is_gone_on_with(over: S3Store, line: Line, tmp_path: Path) -> None:
    content, told = os.urandom(6 * MEGABYTE), list[int]()
    made = await over.put_bytes("a", content)
    line.breaks = [2 * MEGABYTE, 1 * MEGABYTE, 1000]
    assert await download(over, "a", tmp_path / "a", told=told.append) == (made.sha256, len(content))
    assert line.breaks == []
    assert sum(told) == len(content)


async def test_an_object_that_is_replaced_while_its_reader_is_cut_off_is_not_mixed_with_the_next(
    over: S3Store, store: S3Store, line: Line
) -> None:
    await store.put_bytes("a", b"x" * (6 * MEGABYTE))
    line.breaks = [3 * MEGABYTE]
    line.goes_on.clear()
    reading = over.get("a")
    await anext(reading)
    await store.put_bytes("a", b"y" * (6 * MEGABYTE))
    line.goes_on.set()
    with pytest.raises(Transient):
        async for _ in reading:
            pass
    assert line.breaks == []


async def test_an_upload_over_a_line_that_breaks_arrives(over: S3Store, line: Line, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(os.urandom(20 * MEGABYTE))
    line.breaks = [0]
    made = await over.put_file("large", tmp_path / "large")
    assert line.breaks == []
    assert await download(over, "large", tmp_path / "copy") == (made.sha256, made.size)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ((403, "AccessDenied"), Forbidden),
        ((403, "SignatureDoesNotMatch"), Forbidden),
        ((404, "NoSuchBucket"), NotFound),
        ((400, "ExpiredToken"), Forbidden),
        ((400, "AuthorizationHeaderMalformed"), StoreFailed),
        ((400, "XAmzContentSHA256Mismatch"), Transient),
        ((400, "EntityTooLarge"), StoreFailed),
        ((412, "PreconditionFailed"), Transient),
        ((403, "InvalidObjectState"), StoreFailed),
        ((409, "BucketAlreadyExists"), Conflict),
        ((501, "NotImplemented"), NotSupported),
    ],
)
async def test_what_the_server_answers_is_told_in_our_words_with_its_own(
    refusing: tuple[Refuser, S3Store], answer: tuple[int, str], kind: type[MaestroError]
) -> None:
    server, store = refusing
    server.answer = answer
    with pytest.raises(kind) as raised:
        await store.put_bytes("a", b"x")
    assert type(raised.value) is kind
    assert raised.value.details == {"vendorCode": answer[1], "requestId": "R-17"}
    assert S3_SECRET not in repr(raised.value.extensions)


async def test_a_busy_server_is_asked_again_and_then_told_to_be_busy(refusing: tuple[Refuser, S3Store]) -> None:
    server, store = refusing
    server.answer, server.asked = (503, "SlowDown"), 0
    (step,) = await probe(store)
    assert isinstance(step.error, Transient)
    assert step.error.details["vendorCode"] == "SlowDown"
    assert server.asked == 2


async def test_a_server_that_is_not_there_may_be_there_later(config: S3Config) -> None:
    address = f"http://127.0.0.1:{free_port()}"
    async with s3_store(replace(config, endpoint_url=address)) as failing:
        with pytest.raises(Transient) as raised:
            await read(failing, "a")
    assert raised.value.details == {"vendorCode": "EndpointConnectionError"}


async def test_a_bucket_that_is_not_there_is_told_by_the_probe(config: S3Config) -> None:
    async with s3_store(config) as failing:
        (step,) = await probe(failing)
    assert isinstance(step.error, NotFound)
    assert step.error.message == "There is no such bucket."


async def test_a_wrong_access_key_is_refused(store: S3Store, config: S3Config) -> None:
    await store.put_bytes("a", b"x")
    async with s3_store(replace(config, access_key_id="AKIAOTHER")) as failing:
        with pytest.raises(Forbidden) as refused:
            await read(failing, "a")
    assert refused.value.details["vendorCode"] == "InvalidAccessKeyId"
    assert refused.value.details["requestId"]


async def test_no_credentials_anywhere_are_told(config: S3Config, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, content in {
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_SHARED_CREDENTIALS_FILE": "/nowhere",
        "AWS_CONFIG_FILE": "/nowhere",
    }.items():
        monkeypatch.setenv(name, content)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    async with s3_store(replace(config, access_key_id=None, secret_access_key=None)) as failing:
        with pytest.raises(Forbidden, match="no credentials"):
            await read(failing, "a")


@pytest.mark.parametrize("changes", [{"endpoint_url": "nonsense"}, {"bucket": "no bucket!"}, {"region": "no region!"}])
async def test_settings_that_cannot_be_are_told(config: S3Config, changes: dict[str, Any]) -> None:
    with pytest.raises(StoreFailed):
        async with s3_store(replace(config, **changes)) as failing:
            await read(failing, "a")


async def test_the_settings_of_a_server_name_its_store(s3_endpoint: str, store: S3Store, config: S3Config) -> None:
    settings = Settings(
        _env_file=None,  # type: ignore[call-arg] # a keyword of pydantic's
        backup_s3_endpoint=s3_endpoint,
        backup_s3_region="eu-central-1",
        backup_s3_access_key_id=S3_KEY,
        backup_s3_secret_access_key=SecretStr(S3_SECRET),
        backup_s3_path_style=True,
    )
    await store.put_bytes("a", b"x")
    async with store_of(f"s3://{config.bucket}/maestro/backups/", settings) as opened:
        assert await read(opened, "a") == b"x"
    assert S3_SECRET not in repr((settings, config))
