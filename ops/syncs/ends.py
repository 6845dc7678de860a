"""The two ends of a sync: a store each, and the folder in it that is meant."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace

from connectors.stores.buckets import Ability
from connectors.stores.capability import ObjectStore, StoredObject
from connectors.stores.keys import is_key
from maestro.errors import NotFound

LeftOut = Callable[[str], None]
"""Told of a key that one of the stores cannot hold."""


@dataclass(frozen=True, slots=True)
class End:
    """A store with the kind of its connector; keys are relative to a folder of it."""

    store: ObjectStore
    kind: str
    folder: str = ""

    @property
    def prefix(self) -> str:
        """What the keys in the store begin with."""
        return f"{self.folder}/" if self.folder else ""

    def at(self, key: str) -> str:
        """Return the key in the store."""
        return self.prefix + key

    def can(self, ability: Ability) -> bool:
        """Say whether the store has an ability beyond what every store can."""
        return ability in abilities_of(self.store)

    async def head(self, key: str) -> StoredObject | None:
        """Return what the store knows of an object, by its key below the folder; None when there is none."""
        try:
            return replace(await self.store.head(self.at(key)), key=key)
        except NotFound:
            return None

    async def listed(self, left_out: LeftOut) -> AsyncIterator[Sequence[StoredObject]]:
        """Yield the objects below the folder, page by page, with their keys below it."""
        length = len(self.prefix)
        async for page in self.store.list(self.prefix, left_out=lambda key: left_out(key[length:])):
            yield [replace(one, key=one.key[length:]) for one in page] if length else page


@dataclass(frozen=True, slots=True)
class Ends:
    """From where to where."""

    source: End
    target: End

    @property
    def are_of_one_vendor(self) -> bool:
        """Whether tags of the one mean the same with the other."""
        return self.source.kind == self.target.kind


def abilities_of(store: ObjectStore) -> frozenset[Ability]:
    """Return what a store can do beyond what every store can."""
    found: frozenset[Ability] = getattr(store, "abilities", frozenset())
    return found


def is_fitting(end: End, key: str) -> bool:
    """Say whether a key below a folder is one that the store can hold."""
    return bool(key) and is_key(end.at(key))
