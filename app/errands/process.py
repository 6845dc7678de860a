"""One process that runs errands, as the server sees it: what was asked of it, and what comes back."""

import asyncio
import contextlib
import logging
import socket
import sys
from collections.abc import Mapping
from itertools import count
from typing import Any, Final, Self

from app.errands.framing import frame, received
from maestro.errands import ErrandKind, ErrandLost
from maestro.queue.failures import error_of
from maestro.spans import handed_on

logger = logging.getLogger(__name__)

COMMAND: Final = (sys.executable, "-m", "app", "errands")
STOP_S: Final = 5.0
"""How long it may take to end by itself."""


class ErrandProcess:
    """A process and the errands that it has under way. It ends when its socket is closed, be it by our death."""

    def __init__(self, process: asyncio.subprocess.Process, reader: asyncio.StreamReader, writer: Any) -> None:
        self._process, self._reader, self._writer = process, reader, writer
        self._numbers = count(1)
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._is_closing = self._is_over = False
        self._listening = asyncio.create_task(self._listen(), name="errands")

    @classmethod
    async def start(cls, beginning: Mapping[str, Any]) -> Self:
        """Start one; it is asked at once, and answers when it is ready."""
        ours, theirs = socket.socketpair()
        with theirs:
            process = await asyncio.create_subprocess_exec(
                *COMMAND,
                str(theirs.fileno()),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,  # Ctrl-C in the terminal reaches the server only, which then ends it
            )
        reader, writer = await asyncio.open_unix_connection(sock=ours)
        writer.write(frame(beginning))
        return cls(process, reader, writer)

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    @property
    def is_over(self) -> bool:
        """Whether it has ended, or is about to."""
        return self._is_closing or self._is_over

    @property
    def under_way(self) -> int:
        """How many errands it has."""
        return len(self._asked)

    async def ask(self, kind: ErrandKind, arguments: Mapping[str, Any], *, timeout_s: float) -> dict[str, Any]:
        """Have an errand run and return its answer; cancelled, it is stopped there. Its errors, and ErrandLost."""
        number = next(self._numbers)
        answered = asyncio.get_running_loop().create_future()
        asked = {"id": number, "kind": kind, "arguments": arguments, "timeout_s": timeout_s}
        self._writer.write(frame({**asked, "traceparent": handed_on()}))
        self._asked[number] = answered
        is_answered = False
        try:
            message = await answered
            is_answered = True
        finally:
            del self._asked[number]
            if not is_answered and not self.is_over:
                self._writer.write(frame({"id": number}))
        if "failure" in message:
            raise error_of(message["failure"])
        answer: dict[str, Any] = message["answer"]
        return answer

    async def close(self) -> None:
        """Let it end, and wait for that."""
        self._is_closing = True
        self._writer.close()
        try:
            await asyncio.wait_for(self._process.wait(), STOP_S)
        except TimeoutError:
            self._process.kill()
        await self._listening

    async def _listen(self) -> None:
        while (message := await received(self._reader)) is not None:
            waiting = self._asked.get(message["id"])
            if waiting is not None and not waiting.done():
                waiting.set_result(message)
        self._is_over = True
        for waiting in self._asked.values():
            if not waiting.done():
                waiting.set_exception(_lost())
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()
        if not self._is_closing:
            # It may have closed its socket and live on.
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
        code = await self._process.wait()
        if not self._is_closing:
            logger.warning("The process that runs errands has ended with exit code %s", code)


def _lost() -> ErrandLost:
    return ErrandLost(
        "The process that asks connectors has ended before it had an answer.",
        hint="Try again: another one is started.",
    )
