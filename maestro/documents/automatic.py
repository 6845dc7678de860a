"""Automatic persisted queries: texts that clients leave under their hash, so as to send the hash alone from then on.

Kept in memory, and in Redis where several servers share them. What is not there is sent again, so nothing depends on
it: Redis that is away, slow or full of something else is a miss. Each organisation has its own, or a stranger could
find out what others ask.
"""

from collections import OrderedDict
from typing import Final
from uuid import UUID

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from maestro.documents.ids import sha256_of
from maestro.shared_redis import Reachability, pool_of

MOST: Final = 4_096
MOST_CHARACTERS: Final = 16 * 1024 * 1024
PREFIX: Final = "maestro:documents"
KEPT_FOR_S: Final = 7 * 24 * 3_600
"""So long Redis keeps a text that nobody asks for."""
TIMEOUT_S: Final = 0.25
"""Redis is taken to be away when it has not answered for so long."""
CONNECTIONS: Final = 16

Place = tuple[UUID, str]


class AutomaticDocuments:
    """The texts that clients have left, by organisation and hash."""

    def __init__(self, redis_url: str | None = None) -> None:
        self._texts: OrderedDict[Place, str] = OrderedDict()
        self._characters = 0
        self._shared = None if redis_url is None else _Shared(redis_url)

    async def find(self, organization_id: UUID, sha256: str) -> str | None:
        """Return the text that was left under a hash; None for a miss."""
        place = organization_id, sha256
        if (text := self._texts.get(place)) is not None:
            self._texts.move_to_end(place)
            return text
        text = None if self._shared is None else await self._shared.find(place)
        if text is None or sha256_of(text) != sha256:
            return None
        self._remember(place, text)
        return text

    async def keep(self, organization_id: UUID, sha256: str, text: str) -> None:
        """Keep a text that has the hash and is valid."""
        place = organization_id, sha256
        if place in self._texts:
            return
        self._remember(place, text)
        if self._shared is not None:
            await self._shared.keep(place, text)

    async def close(self) -> None:
        """Close the connections to Redis."""
        if self._shared is not None:
            await self._shared.close()

    def _remember(self, place: Place, text: str) -> None:
        if place in self._texts:
            return
        self._texts[place] = text
        self._characters += len(text)
        while len(self._texts) > MOST or self._characters > MOST_CHARACTERS:
            _, dropped = self._texts.popitem(last=False)
            self._characters -= len(dropped)


class _Shared:
    """The texts in Redis."""

    def __init__(self, url: str) -> None:
        self._redis = Redis(connection_pool=pool_of(url, timeout_s=TIMEOUT_S, connections=CONNECTIONS))
        self._reachability = Reachability("documents that clients have left there are missed meanwhile")

    async def find(self, place: Place) -> str | None:
        """Return a text, None when there is none or Redis is away."""
        return await self._reachability.asked(lambda: self._found(place))

    async def keep(self, place: Place, text: str) -> None:
        """Keep a text, unless Redis is away."""
        await self._reachability.asked(lambda: self._redis.set(_key(place), text, ex=KEPT_FOR_S))

    async def close(self) -> None:
        await self._redis.connection_pool.disconnect()

    async def _found(self, place: Place) -> str | None:
        try:
            found = await self._redis.getex(_key(place), ex=KEPT_FOR_S)
            return found.decode() if isinstance(found, bytes) else None
        except (ResponseError, UnicodeDecodeError):
            # Something of another kind is there.
            return None


def _key(place: Place) -> str:
    return f"{PREFIX}:{place[0].hex}:{place[1]}"
