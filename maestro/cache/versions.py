"""At which version the data of an organisation is, asked of the database once for all requests that want to know.

Who asks is told of everything that was committed before they asked: they share a statement only with those who came
before it was sent. So there is never more than one under way and one to follow, however many ask.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from maestro.db.engine import Database, Transaction
from maestro.db.rows import CONNECTION_LOST, Reader, StatementFailed

logger = logging.getLogger(__name__)

EVERYBODY: Final = UUID(int=0)
"""In the place of the organisation: what was changed without saying whose it is."""
PATIENCE_S: Final = 1.0
"""A database that has not answered for so long is busy: what is kept is then left aside."""
_READ: Final = "SELECT organization_id, tag, version FROM data_version WHERE organization_id = ANY($1)"

Vector = tuple[int, ...]
"""The versions of some tags, in their order: those of the organisation, then those of everybody."""


async def touch(tx: Transaction, tags: Sequence[str]) -> None:
    """Have what was made of some tags in the organisation be looked up anew, as if it had been written to."""
    await tx.fetch_sql("SELECT set_config('maestro.touched', $1, true)", f" {' '.join(tags)} " if tags else "")


class Snapshot:
    """The versions of an organisation's tags at one moment."""

    __slots__ = ("_everybody", "_own", "_vectors")

    def __init__(self, own: Mapping[str, int], everybody: Mapping[str, int]) -> None:
        self._own = own
        self._everybody = everybody
        self._vectors: dict[tuple[str, ...], Vector] = {}

    def of(self, tags: tuple[str, ...]) -> Vector:
        """Return the versions of some tags; two that are equal stand for the same data."""
        vector = self._vectors.get(tags)
        if vector is None:
            vector = tuple(known.get(tag, 0) for known in (self._own, self._everybody) for tag in tags)
            self._vectors[tags] = vector
        return vector


Answer = asyncio.Future[Mapping[UUID, Snapshot] | None]
"""What all who ask at a time are told; None where nobody knows."""


class Versions:
    """The versions of this process's database, read on a connection of its own."""

    def __init__(self, db: Database) -> None:
        self._reader = Reader(db.url, db.binding)
        self._wanted: set[UUID] = set()
        self._next: Answer | None = None
        self._task: asyncio.Task[None] | None = None
        self.statements = 0
        self.asked = 0

    async def at(self, organization_id: UUID) -> Snapshot | None:
        """Return the versions of an organisation's data by now; None when the database does not tell."""
        self.asked += 1
        self._wanted.add(organization_id)
        if self._next is None:
            self._next = asyncio.get_running_loop().create_future()
        answer = self._next
        if self._task is None:
            self._task = asyncio.create_task(self._work(), name="versions")
        # Shielded, since the answer is everybody's and one of them may be cut off.
        found = await asyncio.shield(answer)
        return None if found is None else found[organization_id]

    async def close(self) -> None:
        """Close the connection."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        self._reader.close()

    async def _work(self) -> None:
        try:
            while self._next is not None:
                answer, wanted = self._next, self._wanted
                self._next, self._wanted = None, set()
                await self._answer(answer, wanted)
        finally:
            self._task, left = None, self._next
            if left is not None:
                # Ended before its time: nobody is to wait until somebody else asks.
                self._next = None
                left.set_result(None)

    async def _answer(self, answer: Answer, wanted: set[UUID]) -> None:
        found = None
        try:
            self.statements += 1
            async with asyncio.timeout(PATIENCE_S):
                found = _snapshots(await self._reader.fetch(_READ, [EVERYBODY, *wanted]), wanted)
        except (*CONNECTION_LOST, StatementFailed, TimeoutError) as error:
            logger.warning("It is not known what has changed, nothing that is kept is used: %s", error)
        finally:
            # Whatever has gone wrong, nobody waits for ever.
            if found is None:
                self._reader.close()
            answer.set_result(found)


def _snapshots(rows: Sequence[Any], wanted: set[UUID]) -> dict[UUID, Snapshot]:
    found: dict[UUID, dict[str, int]] = {key: {} for key in (EVERYBODY, *wanted)}
    for organization_id, tag, version in rows:
        found[organization_id][tag] = version
    return {key: Snapshot(found[key], found[EVERYBODY]) for key in wanted}
