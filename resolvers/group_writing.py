"""Writes a group of batches in one transaction: each of them exactly once, the bad ones not at all."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from dataloaders.quotas import Quota
from maestro.access import Permission
from maestro.clock import now
from maestro.db.engine import Transaction
from maestro.db.rows import Row
from maestro.db.tables import Run
from maestro.db.tables.enums import RunStatus
from maestro.errors import Conflict, MaestroError, NotFound
from maestro.events import Event, publish, topic
from maestro.ids import Kind
from maestro.series_names import SeriesName
from ops import series
from resolvers import auditing, params, quotas, validation
from resolvers.actions import Action
from resolvers.batches import Batch
from resolvers.run_life import OUTCOMES
from resolvers.writing import Writer

HEARTBEAT_EVERY: Final = timedelta(seconds=5)
"""Logging is a sign of life, written no more often than this."""

# A run's documents may be large; nothing of them is needed here.
_LOCK: Final = """
    SELECT id, organization_id, project_id, status, tags, heartbeat_at, deleted_at
    FROM run WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE
"""
_KNOWN: Final = """
    SELECT b.run_id, b.writer_id, b.seq, b.content_hash
    FROM unnest($1::uuid[], $2::text[], $3::bigint[]) AS given (run_id, writer_id, seq)
    JOIN ingest_batch b USING (run_id, writer_id, seq)
"""
_REMEMBER: Final = """
    INSERT INTO ingest_batch (run_id, writer_id, seq, organization_id, n, content_hash)
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::uuid[], $5::bigint[], $6::bytea[])
"""
_TOUCH: Final = """
    UPDATE run r SET tags = given.tags, status = 'RUNNING', started_at = coalesce(r.started_at, now()), ended_at = NULL,
        status_reason = CASE WHEN r.status = 'RUNNING' THEN r.status_reason END, heartbeat_at = now(),
        version = r.version + given.changes,
        updated_at = CASE given.changes WHEN 0 THEN r.updated_at ELSE now() END
    FROM unnest($1::uuid[], $2::jsonb[], $3::int[]) AS given (id, tags, changes) WHERE r.id = given.id
"""
# Keeps the organisation's day locked until the commit, like the end of its audit log: it comes just before that.
_COUNT: Final = """
    INSERT INTO points_by_day AS today (organization_id, day, n) VALUES ($1, (now() AT TIME ZONE 'UTC')::date, $2)
    ON CONFLICT (organization_id, day) DO UPDATE SET n = today.n + excluded.n RETURNING n
"""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A batch that is stored: how many points it has, and whether it had been stored before."""

    run_id: UUID
    points: int
    is_replay: bool

    @property
    def accepted(self) -> int:
        """How many points were stored now."""
        return 0 if self.is_replay else self.points


class GroupWriting:
    """What is done in the transaction of one group.

    Runs are locked first and in the order of their ids, so that groups never wait for each other in a circle, and
    nobody else writes to their series.
    """

    def __init__(self, tx: Transaction, group: Sequence[Batch]) -> None:
        self._tx = tx
        self._group = group
        self._runs: dict[UUID, Row] = {}
        self._tags: dict[UUID, dict[str, str]] = {}
        self._new: dict[tuple[UUID, str, int], Batch] = {}
        self._points = 0

    async def answers(self) -> list[Accepted | MaestroError]:
        """Write what is new and return an answer for each batch."""
        self._runs = {row.id: row for row in await self._tx.fetch_sql(_LOCK, sorted({b.run_id for b in self._group}))}
        known = await self._tx.fetch_sql(_KNOWN, *_columns([batch.key for batch in self._group]))
        stored = {(row.run_id, row.writer_id, row.seq): row.content_hash for row in known}
        judged = [await self._judged(batch, stored) for batch in self._group]
        if self._new:
            await self._store()
        return [
            one if isinstance(one, MaestroError) else Accepted(batch.run_id, batch.size, is_replay=one)
            for batch, one in zip(self._group, judged, strict=True)
        ]

    async def _judged(self, batch: Batch, stored: dict[tuple[UUID, str, int], bytes]) -> bool | MaestroError:
        """Return whether a batch is a replay, or why it is refused; write its params when it is new."""
        try:
            run = self._run_of(batch)
            if batch.key in stored:
                auditing.replayed(batch.ctx, Run.__name__, batch.run_id)
                return _replayed(batch, stored[batch.key])
            _check_open(run)
            quotas.require(batch.ctx, Quota.POINTS_PER_DAY, batch.size and self._points + batch.size)
            tags = validation.tags({**self._tags.get(run.id, run.tags), **batch.tags})
            if batch.params:
                async with self._tx.savepoint():
                    await params.store(Writer(batch.ctx, self._tx), run, batch.params)
        except MaestroError as error:
            return error
        self._tags[run.id] = tags
        self._new[batch.key] = batch
        self._points += batch.size
        stored[batch.key] = batch.digest
        return False

    def _run_of(self, batch: Batch) -> Row:
        run = self._runs.get(batch.run_id)
        if run is None or run.organization_id != batch.ctx.organization_id:
            raise NotFound("There is no such Run.")
        batch.ctx.require(Permission.RUN_WRITE, run.project_id)
        return run

    async def _store(self) -> None:
        new = self._new.values()
        rows = [(*b.key, b.ctx.organization_id, b.size, b.digest) for b in new]
        await self._tx.fetch_sql(_REMEMBER, *_columns(rows))
        incoming = [series.Incoming(self._runs[batch.run_id], *logged) for batch in new for logged in batch.metrics]
        if incoming:
            await series.store(self._tx, incoming)
        await self._touch_runs()
        await publish(self._tx, self._events())
        await self._count_points()
        await auditing.record(self._tx, [_entry(batch) for batch in new])

    async def _count_points(self) -> None:
        """Count the points of the day; QuotaExceeded when others have used the quota up meanwhile."""
        if not self._points:
            return
        ctx = self._group[0].ctx
        (day,) = await self._tx.fetch_sql(_COUNT, ctx.organization_id, self._points)
        before = quotas.learn(ctx, Quota.POINTS_PER_DAY, day.n - self._points)
        if before is not None and day.n > before.limit:
            raise quotas.exceeded(before)
        quotas.learn(ctx, Quota.POINTS_PER_DAY, day.n)

    async def _touch_runs(self) -> None:
        """Set tags and show that the runs live; a scheduled one has then started, a lost one is running again."""
        changes = []
        for key, tags in self._tags.items():
            run = self._runs[key]
            is_changed = tags != run.tags or run.status != RunStatus.RUNNING
            is_silent = run.heartbeat_at is None or now() - run.heartbeat_at > HEARTBEAT_EVERY
            if is_changed or is_silent:
                changes.append((key, tags, int(is_changed)))
        if changes:
            await self._tx.fetch_sql(_TOUCH, *_columns(changes))

    def _events(self) -> list[Event]:
        keys: dict[UUID, set[SeriesName]] = {key: set() for key in self._tags}
        for batch in self._new.values():
            keys[batch.run_id].update(logged.name for logged in batch.metrics)
        return [
            Event(
                topic(Kind.Run, run),
                {
                    "change": "metrics" if names else "fields",
                    "keys": sorted(map(str, names)),
                },
            )
            for run, names in keys.items()
        ]


def _entry(batch: Batch) -> auditing.Entry:
    auditing.concerned(batch.ctx, Run.__name__, batch.run_id)
    action = batch.ctx.action or Action("logBatch")
    action.after = {"seq": batch.seq, "writerId": batch.writer_id, "points": batch.size, "params": len(batch.params)}
    return auditing.entry_of(batch.ctx, action)


def _replayed(batch: Batch, digest: bytes) -> bool:
    if digest != batch.digest:
        raise Conflict(
            f"Another batch was stored as seq {batch.seq} of the writer {batch.writer_id!r}.",
            field="seq",
            hint="Send the same batch again, or use the next seq; two processes need two writer ids.",
        )
    return True


def _check_open(run: Row) -> None:
    if run.deleted_at is not None:
        raise Conflict("This Run is in the trash.", hint="Restore it first.")
    if run.status in OUTCOMES:
        raise Conflict(
            f"This run has ended as {run.status}: nothing is logged to it any more.",
            status=run.status,
            hint="Log everything before finishRun, or log to a new run.",
        )


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
