"""What every store with dear and cheap ways to keep objects has to do."""

from typing import Protocol

import pytest

from connectors.stores.buckets import Ability, Description, HasAbilities, Metadata, Tiers, Uploads
from connectors.stores.capability import ObjectStore
from connectors.stores.transfers import read
from maestro.errors import NotFound
from maestro.vendor_errors import NotSupported
from tests.connectors.stores.contract import CONTENT, SHA256


class TierStore(ObjectStore, Tiers, HasAbilities, Protocol):
    """A store with tiers."""


class FullTierStore(TierStore, Metadata, Uploads, Protocol):
    """A store with tiers and more, where its `abilities` say so."""


class TiersContract:
    """Subclassed with a fixture `store` of an empty store; `first` and `second` are tiers whose objects can be read.

    `first` is the one that objects have when none is told.
    """

    first: str
    second: str

    async def test_the_tiers_are_told_from_quick_to_slow(self, store: TierStore) -> None:
        assert store.tiers.index(self.first) < store.tiers.index(self.second)
        assert len(set(store.tiers)) == len(store.tiers)

    async def test_an_object_is_moved_to_a_tier_and_stays_what_it_is(self, store: TierStore) -> None:
        await store.put_bytes("a b/ä+%", CONTENT)
        assert (await store.head("a b/ä+%")).tier == self.first
        await store.set_tier("a b/ä+%", self.second)
        seen = await store.head("a b/ä+%")
        assert (seen.tier, seen.size) == (self.second, 7000)
        assert seen.sha256 in (None, SHA256)
        assert await read(store, "a b/ä+%") == CONTENT
        ((listed,),) = [page async for page in store.list()]
        assert listed.tier in (None, self.second)
        await store.set_tier("a b/ä+%", self.first)
        assert (await store.head("a b/ä+%")).tier == self.first

    async def test_an_object_that_is_in_a_tier_already_stays_there(self, store: TierStore) -> None:
        await store.put_bytes("a", CONTENT)
        await store.set_tier("a", self.first)
        assert (await store.head("a")).tier == self.first
        assert await read(store, "a") == CONTENT

    async def test_what_is_told_of_an_object_stays_with_it(self, store: FullTierStore) -> None:
        await store.put_bytes("a", CONTENT)
        if Ability.METADATA not in store.abilities:
            return
        await store.describe("a", Description("text/x-a", {"framework": "torch"}))
        await store.set_tier("a", self.second)
        seen = await store.head("a")
        assert (seen.media_type, dict(seen.metadata), seen.tier) == ("text/x-a", {"framework": "torch"}, self.second)

    async def test_an_upload_may_lead_to_a_tier(self, store: FullTierStore) -> None:
        if Ability.UPLOADS not in store.abilities:
            return
        upload = await store.begin_upload("a", 7, Description(tier=self.second))
        await store.put_part(upload, 0, b"content")
        await store.complete_upload(upload)
        assert (await store.head("a")).tier == self.second

    async def test_a_tier_that_is_none_is_refused_and_changes_nothing(self, store: TierStore) -> None:
        await store.put_bytes("a", CONTENT)
        with pytest.raises(NotSupported):
            await store.set_tier("a", "NO_SUCH_TIER")
        assert (await store.head("a")).tier == self.first

    async def test_what_is_not_there_is_not_moved(self, store: TierStore) -> None:
        with pytest.raises(NotFound):
            await store.set_tier("none", self.second)
