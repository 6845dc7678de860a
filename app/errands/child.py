"""The process that runs errands: it asks connectors for what the server's requests want to know, many at a time.

It ends when the server closes the socket between them, which the system does for a server that was killed.
"""

import asyncio
import logging
import os
import socket
import threading
import time
import traceback
from functools import partial
from typing import Any, Final

from app.errands.framing import TooLargeError, frame, received
from app.errands.handover import taken_over
from maestro import logs, tracing
from maestro.db.engine import Database
from maestro.db.patience import is_away
from maestro.errands import ErrandKind
from maestro.errors import MaestroError, PayloadTooLarge
from maestro.master_keys import vault_of
from maestro.queue.failures import failure_of
from maestro.spans import spanned
from maestro.telemetry.tracing import traced
from maestro.telemetry.writing import counted
from ops.connectors.errands import carry_out
from ops.connectors.opening import Openings

logger = logging.getLogger(__name__)

POOL: Final = 5
"""Connections to our own database."""
STOPPING_S: Final = 3.0
"""So long errands may take to stop what they have begun at a vendor, once the server is gone."""
ENDING_S: Final = 10.0
"""So long after the end of the server the process is ended, whatever thread of a driver still runs."""
GLANCE_S: Final = 0.5
MASKED: Final = "Something went wrong while the connector was asked; the server's log tells what."


def serve(descriptor: int) -> int:
    """Run errands for the server at the other end of an open socket, until it closes it; return the exit code."""
    _end_with(os.getppid())
    with socket.socket(fileno=descriptor) as ours:
        asyncio.run(_serve(ours))
    return 0


def _end_with(parent: int) -> None:
    """End this process some time after its parent has, whatever it does then: a process forked by it may hold on."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(GLANCE_S)
        time.sleep(ENDING_S)
        os._exit(0)

    threading.Thread(target=watch, daemon=True, name="parent").start()


async def _serve(ours: socket.socket) -> None:
    reader, writer = await asyncio.open_unix_connection(sock=ours)
    beginning = await received(reader)
    if beginning is not None:
        settings = taken_over(beginning["settings"])
        logs.follow(settings, "errands")
        db = Database(beginning["url"], pool_size=POOL)
        openings = Openings(db, vault_of(settings), settings)
        try:
            async with (
                traced(settings, "errands"),
                counted(settings.data_dir, "errands", [openings.circuits], is_on=settings.metrics),
            ):
                await _Work(openings, writer).run(reader)
        finally:
            await openings.close()
            await db.close()
    writer.close()


class _Work:
    """The errands that are under way."""

    def __init__(self, openings: Openings, writer: asyncio.StreamWriter) -> None:
        self._openings, self._writer = openings, writer
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._room = asyncio.Semaphore(openings.settings.errand_concurrency)

    async def run(self, reader: asyncio.StreamReader) -> None:
        """Do what is asked until nobody asks any more, then stop what still runs."""
        while (message := await received(reader)) is not None:
            number = message["id"]
            if "kind" in message:
                task = self._tasks[number] = asyncio.create_task(self._carry_out(message))
                task.add_done_callback(partial(self._forget, number))
            elif number in self._tasks:
                self._tasks[number].cancel()
        left = list(self._tasks.values())
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=STOPPING_S)

    async def _carry_out(self, message: dict[str, Any]) -> None:
        """Run an errand and send what comes of it; nothing when it is cancelled, since nobody waits then."""
        number = message["id"]
        try:
            async with self._room:
                kind, timeout_s = ErrandKind(message["kind"]), message["timeout_s"]
                tracing.go_on(message.get("traceparent"))
                with spanned(f"errand {kind.value}", {"maestro.errand": kind.value}, parent=message.get("traceparent")):
                    answer = await carry_out(self._openings, kind, message["arguments"], timeout_s=timeout_s)
            sent = frame({"id": number, "answer": answer})
        except TooLargeError:
            error = PayloadTooLarge("The answer is too large.", hint="Ask for less of it.")
            sent = frame({"id": number, "failure": failure_of(error)})
        except Exception as error:  # noqa: BLE001 -- whatever an errand raises is its answer
            sent = frame({"id": number, "failure": failure_of(_told(error))})
        self._writer.write(sent)
        await self._writer.drain()

    def _forget(self, number: int, _: "asyncio.Task[None]") -> None:
        del self._tasks[number]


def _told(error: Exception) -> Exception:
    """Return what is told of an error. The message of one that nobody has expected is not even logged.

    It is a driver's, and may hold what the driver was given: a URL with its password.
    """
    if isinstance(error, MaestroError) or is_away(error):
        return error
    frames = "".join(traceback.format_tb(error.__traceback__))
    logger.error("Unexpected error of an errand: %s\n%s", type(error).__qualname__, frames)
    return MaestroError(MASKED)
