"""What every store that copies within its vendor has to do."""

from pathlib import Path
from typing import Protocol

import pytest

from connectors.stores.buckets import Ability, Copy, Description, HasAbilities, Metadata
from connectors.stores.capability import ObjectStore
from connectors.stores.local import LocalStore
from connectors.stores.transfers import digest_of, read
from maestro.errors import InvalidInput, NotFound
from tests.connectors.stores.contract import CONTENT, MEGABYTE, SHA256, keys

ODD = "a b/c+d/100%/ä?&=#/🙂"


class CopyStore(ObjectStore, Copy, HasAbilities, Protocol):
    """A store that copies."""


class Describing(CopyStore, Metadata, Protocol):
    """A store that copies, and knows what is told of its objects."""


class CopyingContract:
    """Subclassed with fixtures `store` and `other`, two empty stores of one vendor and server with one credential.

    `stranger` is a store that it cannot copy from: another vendor's unless a subclass has a better one. `large` is the
    size of an object that the vendor does not copy in one step, where there are any.
    """

    large = 20 * MEGABYTE + 1

    @pytest.fixture
    def stranger(self, tmp_path: Path) -> ObjectStore:
        return LocalStore(tmp_path / "stranger")

    async def test_a_store_says_what_it_can_copy_from(
        self, store: CopyStore, other: CopyStore, stranger: ObjectStore
    ) -> None:
        assert store.can_copy_from(store)
        assert store.can_copy_from(other)
        assert not store.can_copy_from(stranger)

    async def test_an_object_of_another_store_is_copied(self, store: CopyStore, other: CopyStore) -> None:
        await other.put_bytes("from/here", CONTENT)
        made = await store.copy_from(other, "from/here", "to/there")
        assert (made.key, made.size) == ("to/there", 7000)
        assert made.sha256 in (None, SHA256)
        assert await read(store, "to/there") == CONTENT
        assert await keys(store) == ["to/there"]
        assert await keys(other) == ["from/here"]

    async def test_a_copy_takes_the_place_of_what_was_there(self, store: CopyStore) -> None:
        await store.put_bytes("a", CONTENT)
        await store.put_bytes("b", b"before, which was another")
        await store.copy_from(store, "a", "b")
        assert await read(store, "b") == CONTENT
        assert await keys(store) == ["a", "b"]

    async def test_a_copy_stays_when_its_source_is_replaced_or_deleted(
        self, store: CopyStore, other: CopyStore
    ) -> None:
        await other.put_bytes("a", CONTENT)
        await store.copy_from(other, "a", "a")
        await other.put_bytes("a", b"later")
        assert await read(store, "a") == CONTENT
        await other.delete(["a"])
        assert await read(store, "a") == CONTENT

    async def test_a_copy_onto_itself_leaves_an_object_as_it_is(self, store: CopyStore) -> None:
        await store.put_bytes("a", CONTENT)
        made = await store.copy_from(store, "a", "a")
        assert made.size == 7000
        assert await read(store, "a") == CONTENT
        assert (await store.head("a")).sha256 in (None, SHA256)

    async def test_what_is_not_there_is_not_copied(self, store: CopyStore, other: CopyStore) -> None:
        await store.put_bytes("b", b"before")
        with pytest.raises(NotFound):
            await store.copy_from(other, "a", "b")
        assert await read(store, "b") == b"before"

    async def test_keys_with_odd_characters_are_copied(self, store: CopyStore, other: CopyStore) -> None:
        await other.put_bytes(ODD, CONTENT)
        await store.copy_from(other, ODD, f"{ODD}/copy")
        assert await read(store, f"{ODD}/copy") == CONTENT

    async def test_an_empty_object_is_copied(self, store: CopyStore, other: CopyStore) -> None:
        await other.put_bytes("a", b"")
        assert (await store.copy_from(other, "a", "a")).size == 0
        assert await read(store, "a") == b""

    async def test_a_large_object_is_copied_whole(self, store: CopyStore, other: CopyStore, tmp_path: Path) -> None:
        block = bytes(range(251)) * 4096
        (tmp_path / "large").write_bytes((block * (self.large // len(block) + 1))[: self.large])
        put = await other.put_file("large", tmp_path / "large")
        made = await store.copy_from(other, "large", "large")
        assert made.size == self.large
        assert await digest_of(store, "large") == (put.sha256, self.large)
        assert (await store.head("large")).sha256 in (None, put.sha256)

    async def test_what_is_told_of_an_object_is_copied_with_it(self, store: Describing, other: Describing) -> None:
        await other.put_bytes("a", CONTENT)
        if Ability.METADATA not in other.abilities:
            return
        await other.describe("a", Description("text/x-a", {"framework": "torch"}))
        await store.copy_from(other, "a", "b")
        seen = await store.head("b")
        assert (seen.media_type, dict(seen.metadata)) == ("text/x-a", {"framework": "torch"})
        assert seen.sha256 in (None, SHA256)

    async def test_what_is_no_key_is_not_copied(self, store: CopyStore, other: CopyStore) -> None:
        await other.put_bytes("a", CONTENT)
        with pytest.raises(InvalidInput):
            await store.copy_from(other, "a", "../b")
        with pytest.raises(InvalidInput):
            await store.copy_from(other, "../a", "b")
        assert await keys(store) == []
