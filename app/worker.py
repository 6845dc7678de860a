"""The worker process: what the queue is given to work with, and how it ends."""

import asyncio
import logging
import os
import select
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final

import uvloop

from app.archiving import archive_of, archives
from app.database import operations_url, server_account
from app.worker_profiling import profiled_forever
from jobs.catalogue import FOLLOWERS, JOBS
from maestro.db.rows import CONNECTION_LOST, StatementFailed
from maestro.errors import StartupError
from maestro.invocation import command
from maestro.master_keys import vault_of
from maestro.postgres.files import Files
from maestro.queue.address import is_prepared
from maestro.queue.preparing import prepare
from maestro.queue.takeover import TakenOver
from maestro.queue.worker import Companion, Means, Worker
from maestro.settings import Settings
from maestro.telemetry.tracing import traced
from maestro.telemetry.writing import counted
from ops.point_in_time import Reception, receive_forever, stop_receiving
from ops.restores.fence import watch

logger = logging.getLogger(__name__)

FAILED: Final = 1
GLANCE_S: Final = 0.25
THREADS_S: Final = 5.0
"""So long the end of a worker waits for threads that are at work."""
NICENESS: Final = 5
"""How far the workers of a server stand back behind it."""


def means_of(settings: Settings, url: str) -> Means:
    """Return what a worker works with on a database, given by the URL that the settings lead to.

    Raises StartupError without a jobs database, which is made here for the embedded server alone: its owner is known.
    """
    if settings.database_url is None:
        prepare(url)
    elif not is_prepared(url):
        raise StartupError("There is no jobs database.", hint=f"Run `{command('migrate')}`, which makes it.")
    owner_url = operations_url(settings, url)
    if settings.database_url is None and not _receives(settings):
        # Nobody takes what PostgreSQL would hold back for a receiver of earlier settings.
        asyncio.run(stop_receiving(url))
    return Means(
        settings=settings,
        url=server_account(settings, url),
        owner_url=owner_url,
        vault=vault_of(settings),
        jobs=JOBS,
        followers=FOLLOWERS,
        companions=(
            partial(profiled_forever, server_account(settings, url)),
            *(() if owner_url is None else _companions(settings, owner_url)),
        ),
    )


def _companions(settings: Settings, url: str) -> tuple[Companion, ...]:
    """Return what a worker does besides: it looks for what a restore has left closed, and one receives the changes."""
    # A restore that was killed in the moment of the exchange leaves the database closed to everybody.
    watching = partial(watch, url)
    if not _receives(settings):
        return (watching,)
    reception = Reception(archive_of(settings), url, settings.wal_archive, configuration=_configuration(settings))
    return (watching, partial(receive_forever, reception))


def _receives(settings: Settings) -> bool:
    return archives(settings) and settings.wal_archive.streams


def _configuration(settings: Settings) -> Path | None:
    return None if settings.database_url is not None else Files(settings.data_dir.resolve() / "postgres").configuration


def work(means: Means, *, is_child: bool, ready: Callable[[str], None]) -> int:
    """Run a worker until a signal, or for a child the end of its parent; return the exit code of the process."""

    async def run() -> int:
        worker, loop = Worker(means), asyncio.get_running_loop()
        loop.set_default_executor(_Threads())
        for signum in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(signum, worker.stop)
        if is_child:
            os.nice(NICENESS)
            _when_orphaned(lambda: loop.call_soon_threadsafe(lambda: worker.stop(is_hurried=True)))
        try:
            settings = means.settings
            async with traced(settings, "worker"), counted(settings.data_dir, "worker", is_on=settings.metrics):
                await worker.run(ready=ready)
        except (TakenOver, *CONNECTION_LOST, StatementFailed) as error:
            logger.error("The worker ends: %s", error)  # noqa: TRY400 -- the message tells it all
            return FAILED
        return 0

    # The policy of the process, since the queue makes a loop of its own for the jobs.
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    with asyncio.Runner() as runner:
        return runner.run(run())


class _Threads(ThreadPoolExecutor):
    """Threads for which the end of the process waits for a while and not for ever.

    The queue asks again and again for a database that is gone.
    """

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002 -- as in its base
        """Take no more work, and wait for what is under way if told to."""
        super().shutdown(wait=False, cancel_futures=cancel_futures)
        if wait:
            ending = threading.Thread(target=super().shutdown, daemon=True, name="threads")
            ending.start()
            ending.join(THREADS_S)


def _when_orphaned(end: Callable[[], object]) -> None:
    """Call a function once the parent has closed our standard input, or is gone.

    The parent's id is looked at as well: a process that it has forked holds the pipe open after its death.
    """
    parent = os.getppid()

    def watch() -> None:
        is_over = False
        while not is_over and os.getppid() == parent:
            is_over = bool(select.select([sys.stdin], [], [], GLANCE_S)[0])
        end()

    threading.Thread(target=watch, daemon=True, name="parent").start()
