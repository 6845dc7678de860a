"""How often documents are used, by which clients and how fast: counted in memory, written together every few seconds.

A process that is killed loses what it has not written yet: usage says what is in use, and is no bill.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from maestro.clock import now
from maestro.db.engine import Database
from maestro.db.rows import CONNECTION_LOST, StatementFailed
from maestro.documents.known import KnownDocument
from maestro.documents.latencies import BUCKETS, bucket_of

logger = logging.getLogger(__name__)

EVERY_S: Final = 5.0
NOBODY: Final = ("", "")
"""Whoever calls without a name, or by one that has not registered the document: anybody can make names up."""
LAST_PATIENCE_S: Final = 5.0
"""So long a server that stops tries to write what is left."""

# In one order for all processes, so that none waits for another in a circle.
_ADD: Final = """
    INSERT INTO document_usage AS u (organization_id, document_id, name, version, calls, errors, last_used_at,
        latencies, cost_sum, cost_max)
    SELECT d.organization_id, d.id, r.name, r.version, r.calls, r.errors, r.last_used_at, r.latencies, r.cost_sum,
        r.cost_max
    FROM jsonb_to_recordset($1::jsonb) AS r (document_id uuid, name text, version text, calls bigint, errors bigint,
        last_used_at timestamptz, latencies bigint[], cost_sum bigint, cost_max bigint)
    JOIN document d ON d.id = r.document_id
    ORDER BY d.id, r.name, r.version
    ON CONFLICT (document_id, name, version) DO UPDATE SET
        calls = u.calls + excluded.calls,
        errors = u.errors + excluded.errors,
        last_used_at = greatest(u.last_used_at, excluded.last_used_at),
        latencies = ARRAY(
            SELECT coalesce(a, 0) + coalesce(b, 0)
            FROM unnest(u.latencies, excluded.latencies) WITH ORDINALITY AS both_counts (a, b, place) ORDER BY place
        ),
        cost_sum = u.cost_sum + excluded.cost_sum,
        cost_max = greatest(u.cost_max, excluded.cost_max)
"""


@dataclass(frozen=True, slots=True)
class Client:
    """What a client says it is."""

    name: str
    version: str = ""


@dataclass(slots=True)
class _Count:
    """The calls of one client since the last writing."""

    calls: int = 0
    errors: int = 0
    last_used_at: datetime = field(default_factory=now)
    latencies: list[int] = field(default_factory=lambda: [0] * BUCKETS)
    cost_sum: int = 0
    cost_max: int = 0

    def add(self, other: "_Count") -> None:
        self.calls += other.calls
        self.errors += other.errors
        self.last_used_at = max(self.last_used_at, other.last_used_at)
        self.latencies = [one + more for one, more in zip(self.latencies, other.latencies, strict=True)]
        self.cost_sum += other.cost_sum
        self.cost_max = max(self.cost_max, other.cost_max)


class Usage:
    """The calls that this process has seen and not written yet. There are no more rows than clients that registered."""

    def __init__(self) -> None:
        self._counts: dict[tuple[UUID, str, str], _Count] = {}

    def note(
        self, document: KnownDocument, client: Client | None, *, seconds: float | None, is_error: bool, cost: int = 0
    ) -> None:
        """Count a call: how long it took, if that tells anything, whether it had errors, and what it cost."""
        count = self._counts.setdefault((document.id, *_registered(document, client)), _Count())
        count.calls += 1
        count.errors += is_error
        count.last_used_at = now()
        if seconds is not None:
            count.latencies[bucket_of(seconds * 1_000)] += 1
        count.cost_sum += cost
        count.cost_max = max(count.cost_max, cost)

    async def flush(self, db: Database) -> None:
        """Write what was counted; what cannot be written now is kept for the next time."""
        counts, self._counts = self._counts, {}
        if not counts:
            return
        try:
            await db.fetch_sql(_ADD, [_row(key, count) for key, count in counts.items()])
        except (*CONNECTION_LOST, StatementFailed):
            for key, count in counts.items():
                self._counts.setdefault(key, _Count()).add(count)
            raise


@asynccontextmanager
async def kept_written(usage: Usage, db: Database) -> AsyncIterator[None]:
    """Write usage every few seconds for the length of a block, and once more at its end."""
    is_over = asyncio.Event()
    task = asyncio.create_task(_write_until(is_over, usage, db), name="usage")
    try:
        yield
    finally:
        # Not cancelled: a statement that is cut off may have counted all the same, and would count again.
        is_over.set()
        _, late = await asyncio.wait([task], timeout=LAST_PATIENCE_S)
        for one in late:
            one.cancel()


async def _write_until(is_over: asyncio.Event, usage: Usage, db: Database) -> None:
    while not is_over.is_set():
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(EVERY_S):
                await is_over.wait()
        await _write(usage, db)


async def _write(usage: Usage, db: Database) -> None:
    try:
        await usage.flush(db)
    except (*CONNECTION_LOST, StatementFailed) as error:
        logger.warning("The usage of documents was not written, and will be later: %s", error)


def _registered(document: KnownDocument, client: Client | None) -> tuple[str, str]:
    """Return under which name a call is counted."""
    if client is None:
        return NOBODY
    if (client.name, client.version) in document.clients:
        return client.name, client.version
    return (client.name, "") if any(name == client.name for name, _ in document.clients) else NOBODY


def _row(key: tuple[UUID, str, str], count: _Count) -> dict[str, Any]:
    document_id, name, version = key
    return {
        "document_id": str(document_id),
        "name": name,
        "version": version,
        "calls": count.calls,
        "errors": count.errors,
        "last_used_at": count.last_used_at,
        "latencies": count.latencies,
        "cost_sum": count.cost_sum,
        "cost_max": count.cost_max,
    }
