"""Versions of blobs, which azurite does not keep: exchanges as Azure is known to have them, replayed by a server.

They are written from what is known of Azure's REST API, and not captured, since no account of Azure is at hand.
"""

import base64
import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager

import pytest

from connectors.stores.azure_blob import AzureStore, azure_store
from maestro.errors import NotFound
from maestro.vendor_errors import NotSupported
from tests.connectors.stores.azure_blob.opened import config_of
from tests.connectors.stores.contract import keys
from tests.connectors.stores.versions_contract import VersionsContract, versions
from tests.fixtures.azurite_server import ACCOUNT
from tests.fixtures.faults import listening
from tests.fixtures.replays import Exchange, Replay

FIRST, SECOND = "2026-11-02T10:00:00.1234567Z", "2026-11-03T10:00:00.7654321Z"
MODIFIED = "Tue, 03 Nov 2026 10:00:00 GMT"
CONTAINER = f"/{ACCOUNT}/kept"
BLOB = f"{CONTAINER}/p/a"
STORED = {"ETag": '"0x8D1"', "Last-Modified": MODIFIED, "x-ms-blob-type": "BlockBlob", "Content-Type": "text/x-a"}


@asynccontextmanager
async def replayed(*exchanges: Exchange) -> AsyncIterator[tuple[AzureStore, Replay]]:
    """A store that is answered by these exchanges, all of which have to happen."""
    replay = Replay(exchanges)
    async with (
        listening(replay) as address,
        azure_store(config_of(f"{address}/{ACCOUNT}", container="kept", prefix="p", tries=1)) as store,
    ):
        yield store, replay
    assert replay.unexpected == []
    assert replay.left == []


def looked_at(version: str, *, is_current: bool = False, size: int = 5) -> Exchange:
    told = {"x-ms-version-id": version, "Content-Length": str(size)} | (
        {"x-ms-is-current-version": "true"} if is_current else {}
    )
    return Exchange("HEAD", BLOB, {"versionid": version}, 200, {**STORED, **told})


def refused(method: str, query: dict[str, str], code: str = "BlobNotFound") -> Exchange:
    body = f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>It is not there.</Message></Error>'
    headers = {"x-ms-error-code": code, "x-ms-request-id": "R-17", "Content-Type": "application/xml"}
    return Exchange(method, BLOB, query, 404, headers, body)


def listed(*blobs: str) -> Exchange:
    body = (
        f'<?xml version="1.0" encoding="utf-8"?><EnumerationResults ServiceEndpoint="https://x/" ContainerName="kept">'
        f"<Prefix>p/</Prefix><Blobs>{''.join(blobs)}</Blobs><NextMarker /></EnumerationResults>"
    )
    query = {"comp": "list", "restype": "container", "include": "versions", "prefix": "p/"}
    return Exchange("GET", CONTAINER, query, 200, {"Content-Type": "application/xml"}, body)


def entry(name: str, version: str, size: int, *, is_current: bool = False) -> str:
    current = "<IsCurrentVersion>true</IsCurrentVersion>" if is_current else ""
    return (
        f"<Blob><Name>{name}</Name><VersionId>{version}</VersionId>{current}<Properties>"
        f"<Creation-Time>{MODIFIED}</Creation-Time><Last-Modified>{MODIFIED}</Last-Modified><Etag>0x8D1</Etag>"
        f"<Content-Length>{size}</Content-Length><Content-Type>text/x-a</Content-Type>"
        f"<BlobType>BlockBlob</BlobType><AccessTier>Hot</AccessTier></Properties></Blob>"
    )


def deletions(queries: Sequence[dict[str, str]]) -> list[Exchange]:
    return [Exchange("DELETE", BLOB, query, 202) for query in queries]


async def test_versions_are_told_by_key_the_newest_first_and_deleted_ones_too() -> None:
    answer = listed(
        entry("p/a", FIRST, 5),
        entry("p/a", SECOND, 7, is_current=True),
        entry("p/e.", FIRST, 5, is_current=True),
        entry("p/gone", FIRST, 5),
    )
    async with replayed(answer) as (store, _):
        found = await versions(store)
    assert [(one.key, one.version_id, one.size, one.is_latest, one.is_deleted) for one in found] == [
        ("a", SECOND, 7, True, False),
        ("a", FIRST, 5, False, False),
        ("gone", FIRST, 5, False, False),
    ]


async def test_what_is_stored_has_the_version_that_azure_has_given_it() -> None:
    answer = {**STORED, "x-ms-version-id": SECOND, "x-ms-request-server-encrypted": "true"}
    async with replayed(Exchange("PUT", BLOB, {}, 201, answer)) as (store, replay):
        assert (await store.put_bytes("a", b"second!")).version_id == SECOND
    md5 = hashlib.md5(b"second!", usedforsecurity=False).digest()
    assert replay.headers[0]["content-md5"] == base64.b64encode(md5).decode()


async def test_a_version_is_read() -> None:
    query = {"versionid": FIRST}
    answer = {**STORED, "x-ms-version-id": FIRST, "Content-Range": "bytes 0-4/5"}
    async with (
        replayed(Exchange("GET", BLOB, query, 206, answer, "first"), refused("GET", query)) as (store, _),
        aclosing(store.get_version("a", FIRST)) as parts,
    ):
        assert [part async for part in parts] == [b"first"]
        with pytest.raises(NotFound):
            [part async for part in store.get_version("a", FIRST)]


async def test_a_version_is_made_the_latest_again_by_copying_it() -> None:
    copied = Exchange("PUT", BLOB, {}, 202, {**STORED, "x-ms-copy-status": "success", "x-ms-version-id": SECOND})
    seen = Exchange("HEAD", BLOB, {}, 200, {**STORED, "x-ms-version-id": SECOND, "Content-Length": "5"})
    async with replayed(looked_at(FIRST), copied, seen) as (store, replay):
        made = await store.restore_version("a", FIRST)
    assert (made.key, made.size, made.version_id) == ("a", 5, SECOND)
    source = replay.headers[1]["x-ms-copy-source"]
    assert source.partition("?")[0].endswith(BLOB)
    assert "versionid=2026-11-02T10%3A00%3A00.1234567Z&" in source
    assert "&sr=bv&" in source
    assert replay.headers[1]["x-ms-requires-sync"].lower() == "true"


async def test_a_version_that_is_not_there_is_not_restored() -> None:
    async with replayed(Exchange("HEAD", BLOB, {"versionid": FIRST}, 404, {"x-ms-error-code": "BlobNotFound"})) as (
        store,
        _,
    ):
        with pytest.raises(NotFound):
            await store.restore_version("a", FIRST)


async def test_an_earlier_version_is_removed_for_good() -> None:
    async with replayed(looked_at(FIRST), *deletions([{"versionid": FIRST}])) as (store, _):
        await store.delete_version("a", FIRST)


async def test_the_latest_version_is_removed_by_deleting_its_object_first() -> None:
    gone = deletions([{}, {"versionid": SECOND}])
    async with replayed(looked_at(SECOND, is_current=True), *gone) as (store, _):
        await store.delete_version("a", SECOND)


@pytest.mark.parametrize("is_versioned", [True, False])
async def test_whether_versions_are_kept_is_seen_by_storing_something(*, is_versioned: bool) -> None:
    version = {"x-ms-version-id": FIRST} if is_versioned else {}
    replay = _Trial({**STORED, **version})
    async with (
        listening(replay) as address,
        azure_store(config_of(f"{address}/{ACCOUNT}", container="kept", tries=1)) as store,
    ):
        assert await store.is_versioned() == is_versioned
    removed = ["HEAD", "DELETE"] if is_versioned else []
    assert replay.methods == ["PUT", "DELETE", *removed]


class _Trial(Replay):
    """Answers whatever is done with one object, whose name is not known before."""

    def __init__(self, headers: dict[str, str]) -> None:
        super().__init__([])
        self.methods: list[str] = []
        self._given = headers

    def _answer(self, method: str, target: str) -> bytes:
        self.methods.append(method)
        status = {"PUT": 201, "DELETE": 202, "HEAD": 200}[method]
        self.left = [Exchange(method, target.partition("?")[0], {}, status, self._given)]
        return super()._answer(method, target)


async def test_where_no_versions_are_kept_the_objects_are_told_as_they_are(store: AzureStore) -> None:
    """By azurite, which keeps none."""
    assert not await store.is_versioned()
    assert await keys(store) == []
    await VersionsContract().test_a_store_without_versions_has_the_objects_as_they_are(store)


async def test_versions_are_switched_on_by_whoever_manages_the_account() -> None:
    async with replayed() as (store, _):
        with pytest.raises(NotSupported) as told:
            await store.set_versioned(True)
    assert f"--account-name {ACCOUNT} --enable-versioning true" in str(told.value.hint)
