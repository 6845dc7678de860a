"""Errands as the server's requests see them: a process is started for the first one, and ended when none has come."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any, Final

from app.errands.handover import handed_over
from app.errands.process import ErrandProcess
from maestro.errands import ErrandKind
from maestro.errors import Unavailable
from maestro.settings import Settings
from maestro.telemetry.connectors import ERRAND_TIME, ERRANDS
from maestro.vendor_errors import TimedOut

MOST: Final = 500
"""So many errands wait or run at a time; more are refused."""
GRACE_S: Final = 10.0
"""So much longer than an errand may take its process is waited for, which may have to start first."""


class ChildErrands:
    """The errands of one server process, run by one child of it."""

    def __init__(self, settings: Settings, url: str) -> None:
        self._settings, self._url = settings, url
        self._child: ErrandProcess | None = None
        self._starting = asyncio.Lock()
        self._idle: asyncio.TimerHandle | None = None
        self._leaving: set[asyncio.Task[None]] = set()
        self._under_way = 0

    @property
    def pid(self) -> int | None:
        """The number of the process that runs errands; None while there is none."""
        return None if self._child is None or self._child.is_over else self._child.pid

    async def run(self, kind: ErrandKind, arguments: Mapping[str, Any], *, timeout_s: float) -> dict[str, Any]:
        """Have an errand run by the child, which is started when there is none."""
        if self._under_way >= MOST:
            raise Unavailable("Too much is asked of connectors at once.", hint="Try again a little later.")
        self._under_way += 1
        self._stay()
        began, outcome = time.perf_counter(), "failed"
        try:
            async with asyncio.timeout(timeout_s + GRACE_S):
                answer = await (await self._living()).ask(kind, arguments, timeout_s=timeout_s)
        except TimeoutError:
            raise TimedOut(f"The connector has not answered in {timeout_s:g} s.", timeoutSeconds=timeout_s) from None
        else:
            outcome = "answered"
            return answer
        finally:
            ERRANDS.add((kind.value, outcome))
            ERRAND_TIME.observe(time.perf_counter() - began, (kind.value,))
            self._under_way -= 1
            if not self._under_way:
                self._leave_later()

    async def close(self) -> None:
        """End the child, and wait for that."""
        self._stay()
        if self._child is not None:
            await self._child.close()
        await asyncio.gather(*self._leaving)

    async def _living(self) -> ErrandProcess:
        async with self._starting:
            if self._child is None or self._child.is_over:
                beginning = {"url": self._url, "settings": handed_over(self._settings)}
                self._child = await ErrandProcess.start(beginning)
            return self._child

    def _stay(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None

    def _leave_later(self) -> None:
        self._stay()
        patience_s = self._settings.errand_idle.total_seconds()
        self._idle = asyncio.get_running_loop().call_later(patience_s, self._leave)

    def _leave(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            task = asyncio.create_task(child.close(), name="errands idle")
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)
