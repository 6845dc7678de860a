"""Logging to runs: batches that arrive while others are being written are written together."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID
from weakref import WeakKeyDictionary, WeakValueDictionary

from dataloaders.quotas import Quota
from maestro.db.engine import Database, Scope
from maestro.db.rows import StatementFailed
from maestro.errors import MaestroError
from maestro.telemetry import ingest as families
from resolvers import auditing, batches, quotas
from resolvers.batches import Batch
from resolvers.context import Context
from resolvers.group_writing import Accepted, GroupWriting

GROUP_POINTS: Final = 5_000
"""A group takes no further batch beyond so many points."""
GROUPS_AT_ONCE: Final = 2
"""While the database works on one group, the next one can be prepared."""


Answer = Accepted | MaestroError | StatementFailed


async def log_batch(ctx: Context, run_id: UUID, given: Mapping[str, Any]) -> Accepted:
    """Store params, tags and points of a run, all or nothing and once for each `writer_id` and `seq`.

    See `batches.checked` for `given`. NotFound, InvalidInput, PayloadTooLarge, Conflict when the run is in the trash or
    has ended, or when another batch was stored under the same `writer_id` and `seq`, QuotaExceeded.
    """
    batch = batches.checked(ctx, run_id, given)
    await quotas.prepare(ctx, Quota.POINTS_PER_DAY, batch.size)
    accepted = await _queue_of(ctx).put(batch)
    ctx.loaders.clear()
    return accepted


@dataclass(slots=True)
class _Group:
    """Batches that are written in one transaction, by a task that answers each of them."""

    batches: list[Batch] = field(default_factory=list)
    points: int = 0
    task: asyncio.Task[Sequence[Answer]] = field(init=False)


class IngestQueue:
    """Gathers the batches of a process: the first is written at once, what arrives meanwhile goes into the next group.

    So a lone writer waits for nobody, and under load a commit is shared by all who came during the one before.
    """

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(GROUPS_AT_ONCE)
        self._open: _Group | None = None

    async def put(self, batch: Batch) -> Accepted:
        """Return when the batch is committed, or raise why it is not."""
        group = self._open
        if group is None or group.points + batch.size > GROUP_POINTS:
            group = self._open = _Group()
            group.task = asyncio.create_task(self._run(group), name="ingest")
        group.batches.append(batch)
        group.points += batch.size
        place = len(group.batches) - 1
        auditing.goes_on(batch.ctx, group.task)
        # A client that goes away must not take down the batches that are written with its own.
        answer = (await asyncio.shield(group.task))[place]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def _run(self, group: _Group) -> Sequence[Answer]:
        async with self._turns:
            if self._open is group:
                self._open = None
            return await _write(group.batches)


_QUEUES: Final[WeakKeyDictionary[Database, WeakValueDictionary[Scope, IngestQueue]]] = WeakKeyDictionary()


def _queue_of(ctx: Context) -> IngestQueue:
    """Return the queue of all that write in one scope: what shares a transaction sees the same rows."""
    queues = _QUEUES.setdefault(ctx.runtime.db, WeakValueDictionary())
    queue = queues.get(ctx.viewer.scope)
    if queue is None:
        queue = queues[ctx.viewer.scope] = IngestQueue()
    return queue


async def _write(group: Sequence[Batch]) -> Sequence[Answer]:
    """Write batches in one transaction; when that fails, each in its own, so that only the bad one is refused."""
    began = time.perf_counter()
    try:
        async with group[0].ctx.db.transaction() as tx:
            answers = await GroupWriting(tx, group).answers()
    except (StatementFailed, MaestroError):
        if len(group) == 1:
            families.BATCHES.add(("refused",))
            raise
        return [await _write_alone(batch) for batch in group]
    families.GROUP.observe(len(group))
    families.GROUP_TIME.observe(time.perf_counter() - began)
    for batch, answer in zip(group, answers, strict=True):
        _count(batch, answer)
        if isinstance(answer, Accepted) and not answer.is_replay:
            auditing.committed(batch.ctx)
    return answers


def _count(batch: Batch, answer: Answer) -> None:
    if not isinstance(answer, Accepted):
        families.BATCHES.add(("refused",))
        return
    families.BATCHES.add(("repeated" if answer.is_replay else "written",))
    if not answer.is_replay:
        families.POINTS.add((), answer.points)
        families.PARAMS.add((), len(batch.params))


async def _write_alone(batch: Batch) -> Answer:
    try:
        return (await _write([batch]))[0]
    except (StatementFailed, MaestroError) as error:
        return error
