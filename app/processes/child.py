"""One server process of several: what the supervisor's fork becomes."""

import asyncio
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

from starlette.applications import Starlette

from app.member import Member
from app.server import create_app
from app.serving import Server
from maestro.settings import Settings

FAILED: Final = 1
ORPHANED: Final = 2
OPENED: Final = b"o"
"""What a process tells its supervisor when it could accept connections."""
GO: Final = b"g"
"""What it is told when it is to do so."""


@dataclass(frozen=True, slots=True)
class Post:
    """Where a process serves: the database by its account, and its own socket with the port."""

    settings: Settings
    url: str
    listener: socket.socket


def serve(member: Member, post: Post, line: socket.socket) -> int:
    """Serve until SIGTERM, and return the exit code; ends at once when the supervisor is gone."""
    for signum, handler in (
        (signal.SIGTERM, signal.default_int_handler),
        (signal.SIGHUP, signal.SIG_IGN),
        (signal.SIGCHLD, signal.SIG_DFL),
    ):
        signal.signal(signum, handler)
    _name_in_log(member)
    app = create_app(post.settings, post.url, member)
    server = Server(app, post.settings, ready=_nothing)
    app.router.lifespan_context = _opened_together(app, line)
    # As with one process, uvicorn ends its work on the signal and raises it again.
    with suppress(KeyboardInterrupt):
        server.run([post.listener])
    return 0 if server.started else FAILED


def tell_error() -> None:
    """Print the error that ends a forked process, if there is one, before the process is left without more ado."""
    if sys.exc_info()[0] is not None:
        sys.excepthook(*sys.exc_info())
    logging.shutdown()


def _opened_together(app: Starlette, line: socket.socket) -> Any:
    """Return the lifespan of an application that accepts connections once the supervisor says so."""
    original = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[Any]:
        opened: AbstractAsyncContextManager[Any] = original(app)
        async with opened as state:
            go, loop = asyncio.Event(), asyncio.get_running_loop()
            threading.Thread(target=_listen, args=(line, loop, go), daemon=True, name="supervisor").start()
            await go.wait()
            yield state

    return lifespan


def _listen(line: socket.socket, loop: asyncio.AbstractEventLoop, go: asyncio.Event) -> None:
    # In a thread, which notices the supervisor's end though the loop be held up.
    with suppress(OSError):
        line.sendall(OPENED)
        while line.recv(1) == GO:
            loop.call_soon_threadsafe(go.set)
    os._exit(ORPHANED)


def _name_in_log(member: Member) -> None:
    made = logging.getLogRecordFactory()

    def with_number(*given: Any, **named: Any) -> logging.LogRecord:
        record = made(*given, **named)
        record.logger_name, record.process_number = record.name, member.number
        record.name = f"[{member.number}] {record.name}"
        return record

    logging.setLogRecordFactory(with_number)


async def _nothing() -> None:
    """Say nothing: the supervisor was told before."""
