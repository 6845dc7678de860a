"""Schedules: jobs that begin by themselves, each of their times once, however many workers look at them."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from uuid_utils.compat import uuid7

from maestro.clock import now
from maestro.cron import next_runs, times_due
from maestro.db.engine import Database, Transaction
from maestro.db.rows import Row
from maestro.db.tables.enums import CatchUp
from maestro.errors import InvalidInput
from maestro.queue.starting import CHANNEL

logger = logging.getLogger(__name__)

MOST: Final = 100
"""So many times that passed unused are made up for at most; of more the last ones."""
ON_TIME: Final = timedelta(seconds=10)
"""How late a time may be looked at and still be no missed one."""
_ANY: Final = "SELECT FROM job_schedule WHERE NOT is_paused AND next_run_at <= now() LIMIT 1"
_DUE: Final = """
    SELECT id, organization_id, created_by_id, kind, input, priority, cron, timezone, catch_up, next_run_at
    FROM job_schedule WHERE NOT is_paused AND next_run_at <= $1
    ORDER BY next_run_at LIMIT 20 FOR NO KEY UPDATE SKIP LOCKED
"""
_FIRE: Final = """
    INSERT INTO job (id, organization_id, created_by_id, kind, input, priority, attempt, schedule_id, scheduled_for)
    VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $8)
    ON CONFLICT (schedule_id, scheduled_for) WHERE schedule_id IS NOT NULL DO NOTHING
"""
_FIRED: Final = """
    UPDATE job_schedule SET next_run_at = $2, last_run_at = coalesce($3, last_run_at) WHERE id = $1
"""


async def fire(db: Database) -> int:
    """Start the jobs of schedules whose time has come, and return how many those are."""
    fired = 0
    if not await db.fetch_sql(_ANY):
        return fired
    async with db.transaction() as tx:
        moment = now()
        # Who comes second passes over a row that is locked, and later finds its next time.
        for schedule in await tx.fetch_sql(_DUE, moment):
            fired += await _fire(tx, schedule, moment)
        if fired:
            await tx.fetch_sql("SELECT pg_notify($1, '')", CHANNEL)
    return fired


async def _fire(tx: Transaction, schedule: Row, moment: datetime) -> int:
    try:
        due = times_due(schedule.cron, schedule.timezone, since=schedule.next_run_at, until=moment, most=MOST)
        upcoming = next_runs(schedule.cron, schedule.timezone, moment)
    except InvalidInput as error:
        # A zone may go out of the tz database.
        logger.error("The schedule %s does not fire any more: %s", schedule.id, error.message)  # noqa: TRY400 -- that tells it
        due, upcoming = [], []
    chosen = to_fire(due, moment, CatchUp(schedule.catch_up))
    for time in chosen:
        await tx.fetch_sql(
            _FIRE,
            *(uuid7(), schedule.organization_id, schedule.created_by_id, schedule.kind, schedule.input),
            *(schedule.priority, schedule.id, time),
        )
    await tx.fetch_sql(_FIRED, schedule.id, upcoming[0] if upcoming else None, chosen[-1] if chosen else None)
    return len(chosen)


def to_fire(due: Sequence[datetime], moment: datetime, catch_up: CatchUp) -> list[datetime]:
    """Return which of the times that have come are fired: those that are on time, and of the missed ones as wanted."""
    on_time = [time for time in due if moment - time <= ON_TIME]
    missed = [time for time in due if moment - time > ON_TIME]
    if catch_up is CatchUp.ALL:
        return [*missed, *on_time]
    return on_time or (missed[-1:] if catch_up is CatchUp.LAST else [])
