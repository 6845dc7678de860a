"""How far jobs are, on its way to their rows: only what is newest, twice a second at most, never backwards."""

import asyncio
import logging
import threading
from typing import Final

from maestro.db.engine import Database
from maestro.db.rows import CONNECTION_LOST, StatementFailed
from maestro.queue.records import Attempt, Snapshot, write_progress

logger = logging.getLogger(__name__)

PERIOD_S: Final = 0.5
_GLANCE_S: Final = 0.05


class Report:
    """How far one attempt is, as it tells by `Progress`, from any thread."""

    def __init__(self, lock: threading.Lock, before: Snapshot | None) -> None:
        self._lock = lock
        # A step that is run again after a crash tells of what was told already.
        self._told = before
        self._is_new = False
        self._is_closed = False

    def __call__(
        self, phase: str, completed: int | None = None, total: int | None = None, *, unit: str | None = None
    ) -> None:
        """Take note of it."""
        with self._lock:
            told = self._told
            if told is not None and told.phase == phase and told.completed is not None and completed is not None:
                completed = max(completed, told.completed)
            self._told, self._is_new = Snapshot(phase, completed, total, unit), not self._is_closed

    def take(self) -> Snapshot | None:
        """Return what has not been written yet."""
        with self._lock:
            is_new, self._is_new = self._is_new, False
            return self._told if is_new else None

    def put_back(self) -> None:
        """Say that what was taken could not be written."""
        with self._lock:
            self._is_new = not self._is_closed

    def close(self) -> Snapshot | None:
        """Return what has been told last; from now on nothing is written."""
        with self._lock:
            self._is_closed, self._is_new = True, False
            return self._told


class Reports:
    """The reports of all attempts that a worker runs, and the loop that writes them.

    It runs on another loop than the jobs, which a step may keep from turning for a while.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self._lock = threading.Lock()
        self._open: dict[Attempt, Report] = {}

    def open(self, attempt: Attempt, before: Snapshot | None) -> Report:
        """Begin to write how far an attempt is; `before` is how far its row says that it is."""
        report = Report(self._lock, before)
        with self._lock:
            self._open[attempt] = report
        return report

    def end(self, attempt: Attempt) -> Snapshot | None:
        """Write no more of it, since its end is about to be written, and return what was told last."""
        with self._lock:
            report = self._open.get(attempt)
        return None if report is None else report.close()

    def close(self, attempt: Attempt) -> None:
        """Forget an attempt: it does not run any more."""
        with self._lock:
            self._open.pop(attempt, None)

    def attempts(self) -> list[Attempt]:
        """Return all that are open: what the worker runs now."""
        with self._lock:
            return list(self._open)

    async def until_none(self) -> None:
        """Return when nothing runs any more."""
        while self.attempts():  # noqa: ASYNC110 -- they end on another loop
            await asyncio.sleep(_GLANCE_S)

    async def write_forever(self) -> None:
        """Write what is new, again and again."""
        while True:
            await asyncio.sleep(PERIOD_S)
            with self._lock:
                reports = dict(self._open)
            told = {attempt: new for attempt, report in reports.items() if (new := report.take()) is not None}
            if not told:
                continue
            try:
                await write_progress(self._db, told)
            except (*CONNECTION_LOST, StatementFailed) as error:
                logger.info("How far jobs are was not written, the database is away: %s", error)
                for attempt in told:
                    reports[attempt].put_back()
