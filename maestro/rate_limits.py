"""Rate limits: how much one credential, and one organisation, may ask for in a time.

Sliding windows, counted by the server, in memory that its processes share, or in Redis, where several servers share the
limits. What is refused counts for nothing. While Redis is away each server counts for itself: nobody is refused because
of it.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final, NamedTuple

from limits.aio.storage import RedisStorage, SlidingWindowCounterSupport

from maestro.access.viewer import Viewer
from maestro.errors import RateLimited
from maestro.rates import Rate
from maestro.shared_redis import Reachability, pool_of
from maestro.telemetry.access import CHARGED, REFUSED
from maestro.windows import Window, Windows

REDIS_TIMEOUT_S: Final = 0.5
"""Redis is taken to be away when it has not answered for so long."""
REDIS_CONNECTIONS: Final = 32
PREFIX: Final = "maestro:limits"


class Bucket(StrEnum):
    """What is counted; each is filled and emptied by itself."""

    REQUESTS = "requests"
    COST = "cost"
    INGEST = "ingest"


PHRASES: Final = {
    Bucket.REQUESTS: "requests",
    Bucket.COST: "objects, by the cost of operations,",
    Bucket.INGEST: "batches and files",
}
"""What the amounts of each bucket are, in words."""


class Standing(NamedTuple):
    """How a bucket of the credential is filled after a request."""

    bucket: Bucket
    rate: Rate
    remaining: int
    resets_in_s: int


class Receipt(NamedTuple):
    """What a request was charged, or why it is refused."""

    standings: tuple[Standing, ...] = ()
    refusal: RateLimited | None = None

    def standing(self, bucket: Bucket) -> Standing | None:
        """Return how a bucket stands, None when it was not asked or is switched off."""
        return next((one for one in self.standings if one.bucket is bucket), None)


class _Counter(NamedTuple):
    """One bucket of a credential, or of an organisation (`is_shared`)."""

    bucket: Bucket
    prefix: str
    rate: Rate
    is_shared: bool

    async def take(self, store: SlidingWindowCounterSupport, key: str, amount: int) -> "_Taken":
        """Take an amount; return how a credential's bucket stands then, and why the amount is refused if it is."""
        limit, window_s = self.rate.amount, self.rate.window_s
        if isinstance(store, Windows):
            is_taken, window = store.take(key, limit=limit, window_s=window_s, amount=amount)
        else:
            is_taken = await store.acquire_sliding_window_entry(key, limit, window_s, amount)
            if is_taken and self.is_shared:
                return None, None
            window = Window(*await store.get_sliding_window(key, window_s))
        standing = None if self.is_shared else self._standing(window)
        return standing, None if is_taken else self._refusal(window, amount)

    def seen(self, window: Window, amount: int) -> "_Taken":
        """Return how a bucket stands, and why an amount would be refused if it would; nothing is taken."""
        fits = window.filled(self.rate.window_s) + amount <= self.rate.amount
        return None if self.is_shared else self._standing(window), None if fits else self._refusal(window, amount)

    def _standing(self, window: Window) -> Standing:
        window_s = self.rate.window_s
        remaining = max(self.rate.amount - window.filled(window_s), 0)
        return Standing(self.bucket, self.rate, remaining, math.ceil(window.ends_in_s(window_s)))

    def _refusal(self, window: Window, amount: int) -> RateLimited:
        rate = self.rate
        whose = "this organization" if self.is_shared else "this credential"
        limit = f"{rate.amount:,} {PHRASES[self.bucket]} in {rate.window_s:,} s are the limit of {whose}."
        told = {"bucket": f"organization-{self.bucket}" if self.is_shared else self.bucket.value, "limit": rate.amount}
        if amount > rate.amount:
            hint = "Ask for shorter lists, or for less of each item."
            return RateLimited(f"This asks for {amount:,}; {limit}", hint=hint, **told)
        retry = max(math.floor(window.fits_in_s(amount, rate.amount, rate.window_s)) + 1, 1)
        return RateLimited(limit, hint=f"Send it again in {retry} s.", retryAfterSeconds=retry, **told)


_Hit = tuple[_Counter, str, int]
"""An amount that is to be taken from the bucket with a key."""
_Taken = tuple[Standing | None, RateLimited | None]


class RateLimiter:
    """The buckets of a server. Without rates nothing is limited.

    An organisation has `organization_factor` times what one credential has; 0 leaves organisations unlimited.
    """

    def __init__(
        self,
        rates: Mapping[Bucket, Rate | None] | None = None,
        *,
        organization_factor: int = 0,
        redis_url: str | None = None,
        windows: Windows | None = None,
    ) -> None:
        self._counters: dict[Bucket, list[_Counter]] = {}
        for bucket, rate in (rates or {}).items():
            if rate is not None:
                shared = rate.times(organization_factor)
                of_both = [
                    _Counter(bucket, f"{bucket}/", rate, is_shared=False),
                    _Counter(bucket, f"organization-{bucket}/", shared, is_shared=True),
                ]
                self._counters[bucket] = of_both[: 2 if organization_factor else 1]
        self._windows = Windows() if windows is None else windows
        self._shared = None if redis_url is None else _Shared(redis_url)

    async def charge(self, viewer: Viewer, amounts: Mapping[Bucket, int]) -> Receipt:
        """Take amounts from the viewer's buckets, in their order until one is refused."""
        standings: list[Standing] = []
        for bucket, amount in amounts.items():
            CHARGED.add((bucket.value,), amount)
            taken = await self._take(self._hits(viewer, bucket, amount))
            if refused := _refused(taken, standings):
                _count(refused)
                return refused
        return Receipt(tuple(standings))

    def spent(self, viewer: Viewer) -> Receipt | None:
        """Return the refusal of whatever a viewer asks for who has no request left, None as long as there may be one.

        Nothing is asked for it: what Redis counts, `charge` finds out.
        """
        if self._shared is not None:
            return None
        hits = self._hits(viewer, Bucket.REQUESTS, 1)
        seen = (one.seen(self._windows.look(key, one.rate.window_s), amount) for one, key, amount in hits)
        return _refused(seen, [])

    def refuse(self, spent: Receipt) -> None:
        """Count what is refused for want of a request, as `charge` would have done."""
        CHARGED.add((Bucket.REQUESTS.value,))
        _count(spent)

    async def close(self) -> None:
        """Close the connections to Redis."""
        if self._shared is not None:
            await self._shared.close()

    def _hits(self, viewer: Viewer, bucket: Bucket, amount: int) -> list[_Hit]:
        own = (viewer.api_key_id or viewer.session_id or viewer.actor_id).hex
        return [
            (counter, counter.prefix + (viewer.organization_id.hex if counter.is_shared else own), amount)
            for counter in self._counters.get(bucket, ())
        ]

    async def _take(self, hits: Sequence[_Hit]) -> Sequence[_Taken]:
        if self._shared is not None:
            answers = await self._shared.take(hits)
            if answers is not None:
                return answers
        return await _taken(self._windows, hits)


def _refused(taken: Iterable[_Taken], standings: list[Standing]) -> Receipt | None:
    """Add to the standings, up to the first refusal, with which they are returned."""
    for standing, refusal in taken:
        if standing is not None:
            standings.append(standing)
        if refusal is not None:
            return Receipt(tuple(standings), refusal)
    return None


def _count(receipt: Receipt) -> None:
    if receipt.refusal is not None:
        REFUSED.add((receipt.refusal.details["bucket"],))


async def _taken(store: SlidingWindowCounterSupport, hits: Sequence[_Hit]) -> Sequence[_Taken]:
    # One after the other: what a credential has no room for must not use up what its whole organisation has.
    taken: list[_Taken] = []
    for counter, key, amount in hits:
        taken.append(await counter.take(store, key, amount))
        if taken[-1][1] is not None:
            break
    return taken


class _Shared:
    """Windows in Redis."""

    def __init__(self, url: str) -> None:
        self._pool = pool_of(url, timeout_s=REDIS_TIMEOUT_S, connections=REDIS_CONNECTIONS)
        self._reachability = Reachability("rate limits are counted by each server meanwhile")
        options: dict[str, Any] = {"connection_pool": self._pool}
        self._store = RedisStorage(url, implementation="redispy", key_prefix=PREFIX, **options)

    async def take(self, hits: Sequence[_Hit]) -> Sequence[_Taken] | None:
        """Take amounts until one is refused; None when Redis is away."""
        return await self._reachability.asked(lambda: _taken(self._store, hits))

    async def close(self) -> None:
        await self._pool.disconnect()
