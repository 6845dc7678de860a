"""What every store has to do that keeps what is told of its objects."""

from typing import Protocol

import pytest

from connectors.stores.buckets import Description, Metadata
from connectors.stores.capability import ObjectStore
from connectors.stores.transfers import read
from maestro.errors import NotFound
from tests.connectors.stores.contract import CONTENT, SHA256, keys


class MetadataStore(ObjectStore, Metadata, Protocol):
    """A store that objects can be described in."""


class MetadataContract:
    """Subclassed with a fixture `store` of an empty store."""

    async def test_an_object_is_described_and_stays_what_it_is(self, store: MetadataStore) -> None:
        await store.put_bytes("a b/ä+%", CONTENT)
        made = await store.describe("a b/ä+%", Description("text/x-a; charset=utf-8", {"framework": "torch", "b": "2"}))
        for seen in (made, await store.head("a b/ä+%")):
            assert (seen.key, seen.size) == ("a b/ä+%", 7000)
            assert seen.media_type == "text/x-a; charset=utf-8"
            assert dict(seen.metadata) == {"framework": "torch", "b": "2"}
            assert seen.sha256 in (None, SHA256)
        assert await read(store, "a b/ä+%") == CONTENT

    async def test_the_digest_of_an_object_stays_known(self, store: MetadataStore) -> None:
        await store.put_bytes("a", CONTENT)
        before = (await store.head("a")).sha256
        await store.describe("a", Description(metadata={"sha": "x"}))
        assert (await store.head("a")).sha256 == before

    async def test_metadata_take_the_place_of_those_before(self, store: MetadataStore) -> None:
        await store.put_bytes("a", CONTENT)
        await store.describe("a", Description("text/x-a", {"a": "1", "b": "2"}))
        await store.describe("a", Description(metadata={"b": "3"}))
        seen = await store.head("a")
        assert dict(seen.metadata) == {"b": "3"}
        assert seen.media_type == "text/x-a"

    async def test_what_is_not_there_is_not_described(self, store: MetadataStore) -> None:
        with pytest.raises(NotFound):
            await store.describe("none", Description("text/plain"))
        assert await keys(store) == []
