"""A worker: a process that hands out jobs, runs some of them, and looks after the other workers."""

import asyncio
import logging
import os
import secrets
import socket
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeVar

from maestro.db.engine import Database
from maestro.db.rows import CONNECTION_LOST, Listener, StatementFailed
from maestro.queue import durable, records, running
from maestro.queue.address import jobs_url
from maestro.queue.dispatching import Dispatcher, workflow_id
from maestro.queue.reconciling import EVERY_S, reconcile
from maestro.queue.reports import Reports
from maestro.queue.running import Surroundings
from maestro.queue.schedules import fire
from maestro.queue.starting import CHANNEL
from maestro.queue.takeover import ANSWER_S, Lease, Reaper
from maestro.queue.work import Follower, JobSpec
from maestro.settings import Settings
from maestro.vault import Vault

logger = logging.getLogger(__name__)

POLL_S: Final = 1.0
STOP_S: Final = 15.0
"""How long jobs that are left to others may take to clean up."""

T = TypeVar("T")
Companion = Callable[[], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Means:
    """What a worker works with: where the database is, as which account, and what jobs do."""

    settings: Settings
    url: str
    owner_url: str | None
    vault: Vault
    jobs: Mapping[str, JobSpec]
    followers: Sequence[Follower] = ()
    companions: Sequence[Companion] = ()
    """What each worker does besides for as long as it lives."""


class Worker:
    """One worker; `run` is its life."""

    def __init__(self, means: Means) -> None:
        self.id = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._means = means
        self._db = Database(means.url, pool_size=4)
        self._reports = Reports(self._db)
        self._wake = asyncio.Event()
        self._stopped = asyncio.Event()
        self._drain_s = 0.0
        self._is_hurried = False
        self._jobs_url = jobs_url(means.url)

    def stop(self, *, is_hurried: bool = False) -> None:
        """Take no more jobs, and end; those that run may go on for a while, then they are left to others.

        With `is_hurried` nothing is waited for that may need the database, which goes with the server.
        """
        self._is_hurried = is_hurried
        if not is_hurried:
            self._drain_s = self._means.settings.job_drain.total_seconds()
        self._stopped.set()

    async def run(self, *, ready: Callable[[str], None] = lambda _worker: None) -> None:
        """Work until `stop` is called.

        Raises TakenOver, and whatever else makes it impossible to go on: then the process has to end as well.
        """
        lease = Lease(self._jobs_url, self.id, running=self._running)
        # The companions first: where commits wait for a receiver, nothing else gets anywhere before there is one.
        tasks = [asyncio.create_task(begin(), name="companion") for begin in self._means.companions]
        tasks.append(asyncio.create_task(lease.hold(), name="lease"))
        try:
            await self._first(lease.is_held.wait(), tasks)
            launched = await self._launched(tasks)
            if launched is None:
                return
            try:
                tasks += [asyncio.create_task(loop, name=name) for name, loop in self._loops().items()]
                ready(self.id)
                await self._first(self._stopped.wait(), tasks)
            finally:
                durable.take_no_more(launched)
                await self._leave()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._db.close()

    async def _launched(self, tasks: Sequence["asyncio.Task[None]"]) -> Any:
        """Start the queue, and return it; None when the worker is to end in a hurry before there is one."""
        launch = partial(
            durable.launch,
            self._jobs_url,
            executor_id=self.id,
            concurrency=self._means.settings.job_concurrency,
            run=partial(running.run_job, self._surroundings()),
        )
        # The queue asks again and again for a database that is gone, and nobody could end that.
        launching = _unwaited(launch, name="launch")
        stopped = asyncio.ensure_future(self._stopped.wait())
        either: list[asyncio.Future[Any]] = [launching, stopped]
        await self._first(asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED), tasks)
        stopped.cancel()
        return None if self._is_hurried and not launching.done() else await launching

    def _surroundings(self) -> Surroundings:
        means = self._means
        return Surroundings(
            settings=means.settings,
            # Of the jobs' own loop, so nothing that this one has opened.
            db=Database(means.url, pool_size=means.settings.job_concurrency + 2),
            vault=means.vault,
            owner_url=means.owner_url,
            worker=self.id,
            jobs=means.jobs,
            followers=means.followers,
            reports=self._reports,
        )

    def _loops(self) -> dict[str, Coroutine[Any, Any, None]]:
        dispatcher = Dispatcher(self._db, self._means.jobs)
        return {
            "listener": self._listen(),
            "reports": self._reports.write_forever(),
            "reaper": Reaper(self._jobs_url, self.id).look_forever(),
            "dispatcher": self._again(dispatcher.dispatch, dispatcher.cancel, every_s=POLL_S, wake=self._wake),
            "schedules": self._again(partial(fire, self._db), every_s=POLL_S),
            "reconciler": self._again(partial(reconcile, self._db, Reaper(self._jobs_url, self.id)), every_s=EVERY_S),
        }

    def _running(self) -> list[str]:
        return [workflow_id(attempt.job_id, attempt.number) for attempt in self._reports.attempts()]

    async def _listen(self) -> None:
        while True:
            with suppress(*CONNECTION_LOST, StatementFailed):
                async with Listener.connected(self._db.url, CHANNEL, lambda _payload: self._wake.set()) as listener:
                    await listener.wait_closed()
            await asyncio.sleep(POLL_S)

    async def _again(
        self, *work: Callable[[], Awaitable[object]], every_s: float, wake: asyncio.Event | None = None
    ) -> None:
        while True:
            for one in work:
                try:
                    await one()
                except (*CONNECTION_LOST, StatementFailed) as error:
                    logger.info("The database is away: %s", error)
            wanted = wake or asyncio.Event()
            with suppress(TimeoutError):
                await asyncio.wait_for(wanted.wait(), every_s)
            wanted.clear()

    async def _first(self, wanted: Awaitable[object], tasks: Sequence["asyncio.Task[None]"]) -> None:
        """Wait for something, but raise the error of a task that ends before."""
        waiting = asyncio.ensure_future(wanted)
        await asyncio.wait([waiting, *tasks], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        for task in tasks:
            if task.done():
                task.result()

    async def _leave(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._reports.until_none(), self._drain_s)
        # The queue may be stuck on a database that is gone.
        with suppress(TimeoutError):
            await asyncio.wait_for(_unwaited(durable.stop, name="end"), STOP_S)
        with suppress(*CONNECTION_LOST, StatementFailed, TimeoutError):
            await asyncio.wait_for(records.hand_over(self._db, self.id), ANSWER_S)


def _unwaited(function: Callable[[], T], *, name: str) -> "asyncio.Future[T]":
    """Call something that may block for ever on a thread of its own, for which the loop does not wait at its end."""
    return asyncio.get_running_loop().run_in_executor(ThreadPoolExecutor(1, name), function)
