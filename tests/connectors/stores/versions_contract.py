"""What every store that keeps versions of its objects has to do."""

from contextlib import aclosing
from typing import Protocol

import pytest

from connectors.stores.buckets import ObjectVersion, Versions
from connectors.stores.capability import ObjectStore
from connectors.stores.transfers import exists, read
from maestro.errors import NotFound
from tests.connectors.stores.contract import CONTENT, keys


class VersionStore(ObjectStore, Versions, Protocol):
    """A store that keeps versions."""


async def versions(store: Versions, prefix: str = "", **options: int) -> list[ObjectVersion]:
    return [one async for page in store.versions(prefix, **options) for one in page]


async def content(store: Versions, version: ObjectVersion) -> bytes:
    async with aclosing(store.get_version(version.key, version.version_id)) as parts:
        return b"".join([part async for part in parts])


class VersionsContract:
    """Subclassed with a fixture `store` of an empty store that does not keep versions yet.

    `keeps_deletions` says whether a deletion is a version of its own, as in S3.
    """

    keeps_deletions = True

    @pytest.fixture
    async def kept(self, store: VersionStore) -> VersionStore:
        """The store, which keeps versions, with two of `a/x`."""
        await store.set_versioned(True)
        await store.put_bytes("a/x", b"first")
        await store.put_bytes("a/x", b"second!")
        return store

    async def test_versions_are_kept_from_when_it_is_asked_for(self, store: VersionStore) -> None:
        assert not await store.is_versioned()
        await store.set_versioned(True)
        assert await store.is_versioned()
        await store.set_versioned(False)
        assert not await store.is_versioned()

    async def test_what_is_replaced_is_kept_the_newest_first(self, kept: VersionStore) -> None:
        found = await versions(kept)
        assert [(one.key, one.size, one.is_latest, one.is_deleted) for one in found] == [
            ("a/x", 7, True, False),
            ("a/x", 5, False, False),
        ]
        assert [await content(kept, one) for one in found] == [b"second!", b"first"]
        assert found[0].version_id != found[1].version_id
        assert all(one.modified_at.utcoffset() is not None for one in found)
        assert (await kept.head("a/x")).version_id in (None, found[0].version_id)

    async def test_what_is_deleted_is_kept(self, kept: VersionStore) -> None:
        await kept.delete(["a/x"])
        assert await keys(kept) == []
        with pytest.raises(NotFound):
            await kept.head("a/x")
        found = await versions(kept)
        assert [one.is_deleted for one in found] == [*([True] * self.keeps_deletions), False, False]
        assert [await content(kept, one) for one in found if not one.is_deleted] == [b"second!", b"first"]

    async def test_removing_a_deletion_brings_an_object_back(self, kept: VersionStore) -> None:
        await kept.delete(["a/x"])
        if not self.keeps_deletions:
            return
        deletion = (await versions(kept))[0]
        assert deletion.is_latest
        await kept.delete_version("a/x", deletion.version_id)
        assert await read(kept, "a/x") == b"second!"

    async def test_a_version_is_made_the_latest_again(self, kept: VersionStore) -> None:
        earlier = (await versions(kept))[-1]
        made = await kept.restore_version("a/x", earlier.version_id)
        assert (made.key, made.size) == ("a/x", 5)
        assert await read(kept, "a/x") == b"first"
        assert [await content(kept, one) for one in await versions(kept)] == [b"first", b"second!", b"first"]

    async def test_a_deleted_object_is_brought_back_from_a_version(self, kept: VersionStore) -> None:
        earlier = (await versions(kept))[-1]
        await kept.delete(["a/x"])
        await kept.restore_version("a/x", earlier.version_id)
        assert await read(kept, "a/x") == b"first"

    async def test_a_version_is_removed_for_good(self, kept: VersionStore) -> None:
        latest, earlier = await versions(kept)
        await kept.delete_version("a/x", earlier.version_id)
        assert [one.version_id for one in await versions(kept)] == [latest.version_id]
        with pytest.raises(NotFound):
            await content(kept, earlier)
        with pytest.raises(NotFound):
            await kept.restore_version("a/x", earlier.version_id)
        assert await read(kept, "a/x") == b"second!"

    async def test_versions_come_in_pages_by_key(self, kept: VersionStore) -> None:
        for key in ["a/y", "b", "a/a"]:
            await kept.put_bytes(key, CONTENT)
        pages = [[one.key for one in page] async for page in kept.versions("a/", page=2)]
        assert [key for page in pages for key in page] == ["a/a", "a/x", "a/x", "a/y"]
        assert all(1 <= len(page) <= 2 for page in pages)
        assert [one.key for one in await versions(kept, "a/x")] == ["a/x", "a/x"]
        assert await versions(kept, "c") == []

    async def test_versions_stay_when_they_are_not_kept_any_more(self, kept: VersionStore) -> None:
        before = {one.version_id for one in await versions(kept)}
        await kept.set_versioned(False)
        assert {one.version_id for one in await versions(kept)} == before

    async def test_a_store_without_versions_has_the_objects_as_they_are(self, store: VersionStore) -> None:
        await store.put_bytes("a", b"first")
        await store.put_bytes("a", b"second!")
        found = await versions(store)
        assert [(one.size, one.is_latest, one.is_deleted) for one in found] == [(7, True, False)]
        await store.delete(["a"])
        assert await versions(store) == []
        assert not await exists(store, "a")
