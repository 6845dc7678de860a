"""An HTTP response that holds many answers, and ends with its operation, its client or the server."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from enum import Enum
from typing import Any, Final

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from app.graphql.framing import FRAMINGS
from app.graphql.negotiation import Form
from app.graphql.presence import gone
from app.graphql.refusals import Refused
from app.graphql.running import Outcome
from maestro.telemetry import http

HEAD_S: Final = 0.25
"""After so long the head of the response is sent, whatever its first answer will be."""


class _Mark(Enum):
    SILENCE = "nothing was made in time"
    END = "nothing more will be made"


class Stream(Response):
    """Sends answers as they are made, one at a time: a client that reads slowly makes its operation wait.

    A task of its own makes them, so that the operation can be cancelled, with its SQL, wherever it is.
    """

    def __init__(
        self, outcomes: AsyncGenerator[Outcome, None], form: Form, *, heartbeat_s: float, stopping: asyncio.Event
    ) -> None:
        super().__init__(headers={"content-type": form.value, "x-accel-buffering": "no"})
        del self.headers["content-length"]
        self._framing = FRAMINGS[form]
        self._heartbeat_s = heartbeat_s
        self._stopping = stopping
        self._made: asyncio.Queue[Outcome | Refused | _Mark] = asyncio.Queue(1)
        self._maker = asyncio.create_task(self._make(outcomes), name="stream")
        self._held: Outcome | _Mark = _Mark.SILENCE

    async def first(self) -> Outcome | None:
        """Return the first answer if it comes at once; Refused when there will be none."""
        try:
            first = await self._next(HEAD_S)
        except asyncio.CancelledError:
            await self.close()
            raise
        if isinstance(first, Refused):
            await self.close()
            raise first
        self._held = first
        return first if isinstance(first, Outcome) else None

    async def close(self) -> None:
        """End the operation."""
        await _ended(self._maker)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 -- Starlette's signature
        """Send the answers until one of the three ends."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        sender = asyncio.create_task(self._send(send))
        others = [asyncio.create_task(gone(receive)), asyncio.create_task(self._stopping.wait())]
        http.STREAMS.add(1)
        http.STREAMS_OPENED.add()
        try:
            await asyncio.wait([sender, *others], return_when=asyncio.FIRST_COMPLETED)
            is_sent = sender.done()
        finally:
            http.STREAMS.add(-1)
            await _ended(sender, self._maker, *others)
        if is_sent:
            sender.result()
        elif self._stopping.is_set():
            await send(_body(self._framing.interrupted, is_last=True))

    async def _make(self, outcomes: AsyncGenerator[Outcome, None]) -> None:
        try:
            async with aclosing(outcomes):
                async for outcome in outcomes:
                    await self._made.put(outcome)
        except Refused as refused:
            await self._made.put(refused)
        await self._made.put(_Mark.END)

    async def _next(self, patience_s: float) -> Outcome | Refused | _Mark:
        try:
            async with asyncio.timeout(patience_s):
                return await self._made.get()
        except TimeoutError:
            if self._maker.done():
                self._maker.result()
            return _Mark.SILENCE

    async def _send(self, send: Send) -> None:
        await send(_body(self._framing.begin))
        made: Outcome | Refused | _Mark = self._held
        while isinstance(made, Outcome) or made is _Mark.SILENCE:
            framing = self._framing
            await send(_body(framing.framed(made.answer) if isinstance(made, Outcome) else framing.heartbeat))
            made = await self._next(self._heartbeat_s)
        await send(_body(self._framing.complete, is_last=True))


def _body(content: bytes, *, is_last: bool = False) -> Message:
    return {"type": "http.response.body", "body": content, "more_body": not is_last}


async def _ended(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
