"""The first level: values in the memory of the process, as many as fit, those that were used last."""

from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from sys import getsizeof
from typing import Any, Final

import numpy as np
from aiocache.base import BaseCache  # type: ignore[import-untyped] # it has no types
from aiocache.serializers import NullSerializer  # type: ignore[import-untyped] # it has no types

from maestro.cache.rows import KeptRow
from maestro.cache.versions import Vector
from maestro.db.rows import Row

OVERHEAD: Final = 500
"""Bytes that an entry takes besides its value, with its key and its place."""
CONTAINER: Final = 64
MOST_ENTRIES: Final = 100_000


@dataclass(frozen=True, slots=True)
class Entry:
    """A value, the versions of its tags from before it was read, and until when it may be used."""

    value: Any
    versions: Vector
    read_at: float
    good_until: float
    field: str
    size: int


class Memory(BaseCache):  # type: ignore[misc] # aiocache has no types
    """An aiocache backend that holds no more than so many bytes; what was not used for longest goes first.

    aiocache's own memory has no bound, and starts a timer for each entry.
    """

    NAME = "bounded"

    def __init__(self, room: int, most: int = MOST_ENTRIES) -> None:
        # Nothing here ever waits, so there is nothing to time out.
        super().__init__(serializer=NullSerializer(), timeout=0)
        self.room = room
        self.most = most
        self.bytes: Counter[str] = Counter()
        self.evicted: Counter[str] = Counter()
        self.entries: OrderedDict[str, Entry] = OrderedDict()
        self.filled = 0

    def peek(self, key: str) -> Entry | None:
        """Return an entry, good or not; aiocache's `get` answers the same and costs a hundred times as much."""
        entry = self.entries.get(key)
        if entry is not None:
            self.entries.move_to_end(key)
        return entry

    def put(self, key: str, entry: Entry) -> None:
        """Keep an entry, and let others go until it fits; one that would fill a quarter of the room is not kept."""
        self.drop(key)
        if entry.size * 4 > self.room:
            return
        self.entries[key] = entry
        self.filled += entry.size
        self.bytes[entry.field] += entry.size
        while self.filled > self.room or len(self.entries) > self.most:
            oldest = next(iter(self.entries))
            self.evicted[self.entries[oldest].field] += 1
            self.drop(oldest)

    def drop(self, key: str) -> bool:
        """Forget an entry; say whether there was one."""
        entry = self.entries.pop(key, None)
        if entry is None:
            return False
        self.filled -= entry.size
        self.bytes[entry.field] -= entry.size
        return True

    async def _get(self, key: str, encoding: str | None = None, _conn: Any = None) -> Entry | None:  # noqa: ARG002 -- aiocache's signature
        return self.peek(key)

    async def _set(self, key: str, value: Entry, **_given: Any) -> bool:
        self.put(key, value)
        return True

    async def _delete(self, key: str, _conn: Any = None) -> int:
        return int(self.drop(key))

    async def _exists(self, key: str, _conn: Any = None) -> bool:
        return key in self.entries

    async def _clear(self, namespace: str | None = None, _conn: Any = None) -> bool:  # noqa: ARG002 -- aiocache's signature
        self.entries.clear()
        self.bytes.clear()
        self.filled = 0
        return True


def weigh(value: Any) -> int:
    """Return about how many bytes a value takes in memory; what is shared between values counts for each."""
    kind = type(value)
    known = _WEIGHERS.get(kind)
    if known is not None:
        return known(value)
    if isinstance(value, Row | KeptRow):
        return CONTAINER + sum(map(weigh, value.values()))
    if isinstance(value, Enum | type):
        return 0
    if is_dataclass(value):
        return CONTAINER + sum(weigh(getattr(value, field.name)) for field in fields(value))
    return getsizeof(value)


def _weigh_all(value: Any) -> int:
    return CONTAINER + sum(map(weigh, value)) + 8 * len(value)


_WEIGHERS: Final[dict[type, Callable[[Any], int]]] = {
    type(None): lambda _: 8,
    bool: lambda _: 8,
    str: getsizeof,
    int: lambda _: 40,
    float: lambda _: 32,
    np.ndarray: lambda value: CONTAINER + int(value.nbytes),
    list: _weigh_all,
    tuple: _weigh_all,
    set: _weigh_all,
    frozenset: _weigh_all,
    dict: lambda value: CONTAINER + sum(weigh(key) + weigh(one) + 100 for key, one in value.items()),
}
