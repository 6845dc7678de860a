"""What goes out on a socket: one message after the other, no faster than the peer reads."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketDisconnected

from app.answers import encoded
from app.sockets.protocol import CloseCode, Closing
from maestro.telemetry.http import MESSAGES

_GONE = (WebSocketDisconnect, WebSocketDisconnected)


class PeerGone(Exception):
    """Nothing more can be sent on a socket."""


class Outbox:
    """Sends messages in the order in which they are given.

    Whoever sends waits until the peer has read most of what was sent before. So the server holds no more for a slow
    peer than one message an operation, and what the connection has room for; nothing is dropped meanwhile. A peer that
    reads nothing for too long loses the socket.
    """

    def __init__(self, websocket: WebSocket, patience: timedelta) -> None:
        self._websocket = websocket
        self._patience_s = patience.total_seconds()
        self._turn = asyncio.Lock()
        self._is_closed = False

    async def send(self, message: Mapping[str, Any]) -> None:
        """Send a message; PeerGone when the socket is closed, Closing for a peer that does not read."""
        # Browsers' clients do not read the binary frames that bytes would become.
        text = encoded(message).decode()
        async with self._turn:
            if self._is_closed:
                raise PeerGone
            try:
                async with asyncio.timeout(self._patience_s):
                    await self._websocket.send_text(text)
                    MESSAGES.add(("out", message["type"]))
            except _GONE as gone:
                raise PeerGone from gone
            except TimeoutError:
                raise Closing(CloseCode.TRY_AGAIN_LATER, "You read too slowly.") from None

    async def close(self, closing: Closing) -> None:
        """Close the socket, once; what waits to be sent is not sent any more."""
        if self._is_closed:
            return
        self._is_closed = True
        with suppress(TimeoutError, *_GONE):
            async with asyncio.timeout(self._patience_s):
                await self._websocket.close(closing.code, closing.reason)
