"""One socket: its messages, the operations that run on it, and its end, after which nothing of it is left."""

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from contextlib import ExitStack, aclosing
from datetime import timedelta
from typing import Any, Final

from starlette.websockets import WebSocket

from app.operation_counting import CountedOperation
from app.sockets.admission import Admitted, admitted
from app.sockets.counting import OpenSockets, stopping
from app.sockets.operations import Operation, refusal, too_many
from app.sockets.protocol import (
    KINDS,
    CloseCode,
    Closing,
    Complete,
    Init,
    Message,
    Ping,
    Subscribe,
    malformed,
    message_of,
)
from app.sockets.sending import Outbox, PeerGone
from app.sockets.waiting import Flag
from maestro import tracing
from maestro.db.absence import absence_of
from maestro.db.rows import CONNECTION_LOST
from maestro.runtime import Runtime
from maestro.telemetry.http import MESSAGES, SOCKET_OPERATIONS, SOCKETS_CLOSED, SOCKETS_OPENED

logger = logging.getLogger(__name__)

PATIENCE: Final = timedelta(seconds=5)
"""A socket on which nobody says who they are for so long is closed."""


class Connection:
    """Serves one socket by graphql-transport-ws.

    All its work is done by tasks: one that listens, one that watches the peer, and one an operation. The first that
    fails ends the others.
    """

    def __init__(self, websocket: WebSocket, sockets: OpenSockets) -> None:
        self._websocket = websocket
        self._sockets = sockets
        self._runtime: Runtime = websocket.app.state.runtime
        self._settings = self._runtime.settings
        self._outbox = Outbox(websocket, self._settings.socket_send_timeout)
        self._counted = ExitStack()
        self._is_introduced = Flag()
        self._admitted: Admitted | None = None
        self._heard_at = 0.0
        self._tasks: set[asyncio.Task[None]] = set()
        self._running: dict[str, asyncio.Task[None]] = {}
        self._operations: dict[asyncio.Task[None], Operation] = {}
        """Also those that are complete and have not ended yet."""
        self._is_draining = False
        self._end: asyncio.Future[Closing | None] = asyncio.get_running_loop().create_future()
        self._is_gone = Flag()

    async def serve(self) -> None:
        """Serve the socket until either side closes it."""
        try:
            with self._counted:
                SOCKETS_OPENED.add()
                self._spawn(self._listen(), "socket listening")
                self._spawn(self._watch(), "socket watching")
                closing = await self._end
                SOCKETS_CLOSED.add(("client" if closing is None else str(closing.code.value),))
                if closing is not None:
                    await self._outbox.close(closing)
        finally:
            tasks = list(self._tasks)
            for task in tasks:
                task.cancel()
            if tasks:
                await asyncio.wait(tasks)
            self._is_gone.set()

    async def drain(self, patience: timedelta) -> None:
        """Let queries and mutations that are under way end, within a time, then close; start nothing new."""
        self._is_draining = True
        ending = [task for task, operation in self._operations.items() if not operation.is_lasting]
        if ending:
            await asyncio.wait(ending, timeout=patience.total_seconds())
        self._finish(stopping())
        await self._is_gone.wait()

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if self._operations.pop(task, None) is not None:
            SOCKET_OPERATIONS.add(-1)
        error = None if task.cancelled() else task.exception()
        if error is None:
            return
        if isinstance(error, Closing | PeerGone):
            self._finish(error if isinstance(error, Closing) else None)
        else:
            trace_id = tracing.current() or tracing.new_id()
            logger.error("Unexpected error on a socket, trace id %s", trace_id, exc_info=error)
            self._finish(Closing(CloseCode.INTERNAL, f"Something went wrong on the server, trace id {trace_id}."))

    def _finish(self, closing: Closing | None) -> None:
        """End the socket, by closing it unless the peer is gone."""
        if not self._end.done():
            self._end.set_result(closing)

    async def _listen(self) -> None:
        self._counted.enter_context(self._sockets.opened(self))
        while True:
            received = await self._websocket.receive()
            if received["type"] == "websocket.disconnect":
                self._finish(None)
                return
            self._heard_at = asyncio.get_running_loop().time()
            if received.get("text") is None:
                raise malformed("Messages are text frames.")
            message = message_of(received["text"])
            MESSAGES.add(("in", KINDS[type(message)]))
            await self._act_on(message)

    async def _watch(self) -> None:
        """Wait for the first message, then look after a peer that may be gone without having said so."""
        try:
            async with asyncio.timeout(PATIENCE.total_seconds()):
                await self._is_introduced.wait()
        except TimeoutError:
            raise Closing(CloseCode.INIT_TIMEOUT, "Connection initialisation timeout") from None
        while True:
            await asyncio.sleep(self._settings.socket_ping_interval.total_seconds())
            silence_s = asyncio.get_running_loop().time() - self._heard_at
            if silence_s > self._settings.socket_idle_timeout.total_seconds():
                raise Closing(CloseCode.TERMINATED, "Nothing was heard of you for too long.")
            await self._outbox.send({"type": "ping"})

    async def _act_on(self, message: Message) -> None:
        match message:
            case Init(payload):
                await self._introduce(payload)
            case Ping(payload):
                await self._outbox.send({"type": "pong", "payload": payload} if payload else {"type": "pong"})
            case Subscribe():
                await self._start(message)
            case Complete(key):
                task = self._running.pop(key, None)
                if task is not None:
                    task.cancel()

    async def _introduce(self, payload: Mapping[str, Any]) -> None:
        if self._is_introduced.is_set():
            raise Closing(CloseCode.TOO_MANY_INITS, "Too many initialisation requests")
        self._is_introduced.set()
        self._admitted = await admitted(self._websocket, payload)
        self._counted.enter_context(self._sockets.admitted(self._admitted.viewer))
        await self._outbox.send({"type": "connection_ack"})

    async def _start(self, message: Subscribe) -> None:
        if self._admitted is None:
            raise Closing(CloseCode.UNAUTHORIZED, "Unauthorized")
        if message.id in self._running:
            raise Closing(CloseCode.SUBSCRIBER_EXISTS, f"Subscriber for {message.id} already exists")
        if self._is_draining:
            return
        limit = self._settings.max_socket_operations
        if len(self._running) >= limit:
            await self._tell(message.id, "error", refusal(too_many(limit))["errors"])
            return
        while len(self._operations) >= limit:
            # Those that are complete need a moment to end, or a client that reads their last messages.
            ending = self._operations.keys() - self._running.values()
            await asyncio.wait(ending, return_when=asyncio.FIRST_COMPLETED)
        operation = Operation(message.request)
        task = self._spawn(self._run(message.id, operation, self._admitted), "socket operation")
        self._running[message.id], self._operations[task] = task, operation
        SOCKET_OPERATIONS.add(1)

    async def _run(self, key: str, operation: Operation, behind: Admitted) -> None:
        """Run one operation, under a trace id of its own."""
        tracing.begin()
        try:
            ctx = await behind.context(self._runtime)
        except CONNECTION_LOST as error:
            await self._tell_last(key, "error", refusal(absence_of(error))["errors"])
            return
        with CountedOperation(ctx, operation.request) as counted:
            async with aclosing(operation.answers(ctx)) as answers:
                async for answer in answers:
                    counted.told(answer, is_lasting=operation.is_lasting)
                    if "data" not in answer:
                        await self._tell_last(key, "error", answer["errors"])
                        return
                    await self._tell(key, "next", answer)
        await self._tell_last(key, "complete")

    async def _tell_last(self, key: str, kind: str, payload: Any = None) -> None:
        # Whoever reads this may use the id again at once.
        self._running.pop(key, None)
        await self._tell(key, kind, payload)

    async def _tell(self, key: str, kind: str, payload: Any = None) -> None:
        message = {"id": key, "type": kind}
        await self._outbox.send(message if payload is None else {**message, "payload": payload})
