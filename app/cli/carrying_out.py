"""Commands that start a job and follow it to its end, with a worker of their own where nobody else has one."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import Any, Final

import click

from app.acting import as_owner
from app.cli.job_cards import SHORT
from app.cli.job_watching import has_succeeded, watched
from app.workers import Workers
from maestro.invocation import command
from maestro.settings import Settings
from resolvers.context import Context

NOBODY_S: Final = 2.0
"""A job that nobody has begun after so long has no worker, or waits for others: another worker does no harm."""
INTERRUPTED: Final = 130
_STATE: Final = "SELECT state FROM job WHERE id::text = $1 OR 'job_' || replace(id::text, '-', '') = $1"

Started = Mapping[str, Any]


@asynccontextmanager
async def _nothing(_ctx: Context) -> AsyncIterator[None]:
    yield


def carry_out(
    start: Callable[[Context], Awaitable[Started]],
    *,
    wait: bool,
    as_json: bool,
    beside: Callable[[Context], AbstractAsyncContextManager[None]] = _nothing,
) -> tuple[Started, int]:
    """Start something that has a `job`, follow that to its end unless told not to, and return both.

    `beside` is what this process does for as long.

    The second is what the command exits with: 1 unless the job has succeeded. Ctrl-C stops following, not the job.
    """
    begun: dict[str, Any] = {}

    async def run(ctx: Context) -> int:
        async with beside(ctx):
            return await follow(ctx)

    async def follow(ctx: Context) -> int:
        begun.update(await start(ctx))
        if not wait:
            return 0
        job_id = begun["job"]["id"]
        with _workers() as workers:
            helping = asyncio.create_task(_help(ctx, job_id, workers))
            try:
                return 0 if has_succeeded(await watched(ctx, job_id, as_json=as_json)) else 1
            finally:
                helping.cancel()

    try:
        return begun, as_owner(Settings(), run)
    except KeyboardInterrupt:
        if not begun:
            raise
        ending = begun["job"]["id"][-SHORT:]
        click.echo(f"The job goes on; {command(f'job cancel {ending}')} ends it.", err=True)
        return begun, INTERRUPTED


@contextmanager
def _workers() -> Iterator[Workers]:
    workers = Workers(1)
    try:
        yield workers
    finally:
        workers.stop()


async def _help(ctx: Context, job_id: str, workers: Workers) -> None:
    await asyncio.sleep(NOBODY_S)
    rows = await ctx.db.fetch_sql(_STATE, job_id)
    if rows and rows[0].state == "QUEUED":
        workers.start()
