"""The second level: values in Redis, for all processes. Where it is away, slow or full of rubbish, nothing is found.

Each value is sealed with the servers' secret, together with its key: what is not ours is seen before it is read.
"""

import hmac
import time
from hashlib import blake2b
from typing import Any, Final

from aiocache import RedisCache  # type: ignore[import-untyped] # it has no types
from aiocache.serializers import NullSerializer  # type: ignore[import-untyped] # it has no types

from maestro.cache.codec import Undecodable, decode, encode
from maestro.cache.versions import Vector
from maestro.shared_redis import Reachability, pool_of

PREFIX: Final = "maestro:cache:1"
"""Stands in front of every key, with the version of the form of what is kept."""
TIMEOUT_S: Final = 0.05
"""Redis is worth no longer wait than the database's answer would take."""
CONNECTIONS: Final = 16
SEAL_SIZE: Final = 16
LEASE_S: Final = 0.5
"""So long one process may read what others wait for; then they read it themselves."""
LOCKED: Final = b"locked"


class Bytes(NullSerializer):  # type: ignore[misc] # aiocache has no types
    """Leaves bytes as they are, and has aiocache do so."""

    DEFAULT_ENCODING = None


class Shared:
    """Values in Redis by aiocache, sealed."""

    def __init__(self, url: str, secret: bytes) -> None:
        self._secret = secret
        self._reachability = Reachability("each process keeps what it reads for itself")
        self._unwritable = 0
        self.rubbish = 0
        self._cache = RedisCache(
            serializer=Bytes(),
            namespace=PREFIX,
            timeout=TIMEOUT_S,
            # It takes the parts of an address; a URL has more of them, such as an account and TLS.
            connection_pool_class=lambda **_: pool_of(url, timeout_s=TIMEOUT_S, connections=CONNECTIONS),
        )

    @property
    def is_left_alone(self) -> bool:
        """Whether Redis was away a moment ago."""
        return self._reachability.is_left_alone

    @property
    def failures(self) -> int:
        """How often Redis has failed, or a value could not be given to it."""
        return self._reachability.failures + self._unwritable

    async def get(self, key: str) -> tuple[Any, Vector, float] | None:
        """Return a value, the versions that it was read at and when that was, by the clock of the wall; None."""
        sealed = await self._reachability.asked(lambda: self._cache.get(key))
        if not isinstance(sealed, bytes):
            return None
        seal, data = sealed[:SEAL_SIZE], sealed[SEAL_SIZE:]
        if hmac.compare_digest(seal, self._seal(key, data)):
            try:
                value, versions, read_at = decode(data)
            except (Undecodable, TypeError, ValueError):
                self.rubbish += 1
                return None
            return value, versions, read_at
        self.rubbish += 1
        return None

    async def put(self, key: str, value: Any, versions: Vector, *, ttl: float) -> None:
        """Keep a value; one that has no bytes is counted as a failure."""
        try:
            data = encode((value, versions, time.time()))
        except (TypeError, RecursionError):
            self._unwritable += 1
            return
        await self._reachability.asked(lambda: self._cache.set(key, self._seal(key, data) + data, ttl=ttl))

    async def lock(self, key: str) -> bool:
        """Say whether this process is to read a value: not while another one does."""
        try:
            return bool(await self._reachability.asked(lambda: self._cache.add(f"{key}:lock", LOCKED, ttl=LEASE_S)))
        except ValueError:
            return False

    async def unlock(self, key: str) -> None:
        """Let others read a value."""
        await self._reachability.asked(lambda: self._cache.delete(f"{key}:lock"))

    async def close(self) -> None:
        """Close the connections."""
        await self._cache.client.aclose()
        await self._cache.client.connection_pool.disconnect()

    def _seal(self, key: str, data: bytes) -> bytes:
        return blake2b(key.encode() + b"\0" + data, digest_size=SEAL_SIZE, key=self._secret[:64]).digest()
