"""A large generated organisation for benchmarks, written project by project: what was interrupted can be continued."""

import asyncio
import multiprocessing
import os
import signal
from collections import deque
from collections.abc import AsyncGenerator, Iterable
from concurrent.futures import ProcessPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from uuid_utils.compat import uuid7

from maestro.db.engine import Database, Transaction
from maestro.db.rows import UniqueViolation
from maestro.db.tables.enums import Role
from maestro.errors import Conflict
from ops.seeding.emptiness import GENERATING, hold_projects, is_empty, not_empty
from ops.seeding.generated import Plan, make_project, slug
from ops.seeding.rows import Owner, Progress, Rows, milliseconds

MEMBERS: Final = 20
MOST_WORKERS: Final = 4
_REST: Final = timedelta(hours=1)
"""How long before now the last run has ended: compaction looks for small blocks in runs that ended later."""

_MARK: Final = "UPDATE organization SET settings = settings || jsonb_build_object($2::text, $3::jsonb) WHERE id = $1"
_UNMARK: Final = "UPDATE organization SET settings = settings - $2 WHERE id = $1"
_MARKED: Final = "SELECT settings -> $2 AS mark FROM organization WHERE id = $1"
_SLUGS: Final = "SELECT slug FROM project WHERE organization_id = $1"
_TOTALS: Final = """
    SELECT count(DISTINCT s.project_id) AS projects, count(DISTINCT s.run_id) AS runs, count(*) AS series,
           sum(s.n)::bigint AS points
    FROM metric_series s WHERE organization_id = $1
"""
_ANALYZE: Final = (
    "VACUUM (ANALYZE) organization, project, experiment, run, param, metric_key, metric_series, metric_block"
)


@dataclass(frozen=True, slots=True)
class ScaleStats:
    """How much of everything there is."""

    projects: int
    runs: int
    series: int
    points: int


async def generate(db: Database, owner: Owner, runs: int, *, now: datetime, progress: Progress) -> ScaleStats:
    """Fill an empty organisation with runs, each project in one transaction, or continue where this was interrupted.

    Conflict when the organisation is in use, or when a generation of another number of runs was interrupted.
    """
    plan = await _begun(db, owner, runs=runs, now=now)
    written = {row.slug for row in await db.fetch_sql(_SLUGS, owner.organization_id)}
    missing = [project for project in range(plan.projects) if slug(project) not in written]
    done = runs - sum(map(plan.size, missing))
    progress(done, runs, "runs")
    async with aclosing(_made(plan, missing)) as made:
        async for rows, project in made:
            await _write(db, rows)
            done += plan.size(project)
            progress(done, runs, "runs")
    async with db.transaction() as tx:
        await tx.fetch_sql(_UNMARK, owner.organization_id, GENERATING)
    await db.fetch_sql(_ANALYZE)
    return ScaleStats(**(await db.fetch_sql(_TOTALS, owner.organization_id))[0])


async def _begun(db: Database, owner: Owner, *, runs: int, now: datetime) -> Plan:
    """Mark the organisation as incomplete and give it members, or find how far a generation had come."""
    async with db.transaction() as tx:
        await hold_projects(tx)
        mark = (await tx.fetch_sql(_MARKED, owner.organization_id, GENERATING))[0].mark
        if mark is None:
            if not await is_empty(tx, owner.organization_id):
                raise not_empty()
            mark = {"runs": runs, "end_ms": milliseconds(now - _REST)}
            await tx.fetch_sql(_MARK, owner.organization_id, GENERATING, mark)
            await _add_members(tx, owner.organization_id)
        elif mark["runs"] != runs:
            raise Conflict(
                f"The generation of {mark['runs']:,} runs was interrupted.",
                hint=f"Complete it with --scale {mark['runs']}, or begin anew with an empty database.",
            )
        members = await tx.fetch_sql(
            "SELECT user_id FROM membership WHERE organization_id = $1 AND user_id IS NOT NULL ORDER BY id",
            owner.organization_id,
        )
    return Plan(
        runs=runs,
        organization_id=owner.organization_id,
        user_ids=tuple(row.user_id for row in members),
        end_ms=mark["end_ms"],
    )


async def _add_members(tx: Transaction, organization_id: UUID) -> None:
    people = [(uuid7(), f"member-{i:02}@{organization_id}.invalid", f"Member {i:02}") for i in range(1, MEMBERS + 1)]
    await tx.copy("user", ["id", "email", "name"], people)
    columns = ["id", "organization_id", "user_id", "role"]
    await tx.copy("membership", columns, [(uuid7(), organization_id, key, Role.CONTRIBUTOR) for key, _, _ in people])


async def _made(plan: Plan, projects: Iterable[int]) -> AsyncGenerator[tuple[Rows, int], None]:
    """Make projects in processes of their own while others are written; few wait, so that memory stays bounded."""
    workers = min(MOST_WORKERS, os.cpu_count() or 1)
    loop = asyncio.get_running_loop()
    # Ctrl-C goes to all processes of a terminal; it is for this one to end the others.
    deaf, spawn = (signal.SIGINT, signal.SIG_IGN), multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=spawn, initializer=signal.signal, initargs=deaf) as pool:
        waiting = deque[tuple[asyncio.Future[Rows], int]]()
        for project in projects:
            waiting.append((loop.run_in_executor(pool, make_project, plan, project), project))
            if len(waiting) > workers:
                future, first = waiting.popleft()
                yield await future, first
        for future, project in waiting:
            yield await future, project


async def _write(db: Database, rows: Rows) -> None:
    try:
        async with db.transaction() as tx:
            await rows.copy(tx)
    except UniqueViolation:
        raise Conflict("Somebody else is filling this database at the same time.", hint="Let only one do it.") from None
