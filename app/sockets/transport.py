"""WebSockets as uvicorn speaks them, with an end to what a peer can make the server keep for it."""

import socket
from asyncio import BaseTransport
from typing import Any, Final

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame

from app.sockets.protocol import CloseCode
from app.sockets.waiting import Flag, Mailbox
from maestro.settings import Settings

CLOSE_S: Final = 5.0
"""So long a peer may take to answer that it has heard of the end; then the connection is cut."""
MOST_FRAGMENTS: Final = 10_000
"""A message comes in no more frames: empty ones add nothing to its size."""


class BoundedSocket(WebSocketsSansIOProtocol):
    """A connection that ends whether its peer reads or not, and keeps little while it is idle."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.queue = Mailbox()
        self.writable = Flag()
        self.writable.set()

    def connection_made(self, transport: BaseTransport) -> None:
        """Begin, and let no message wait for the peer's word that the one before has come."""
        super().connection_made(transport)
        connection = transport.get_extra_info("socket")
        if connection.family != socket.AF_UNIX:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    async def send(self, message: Any) -> None:
        """Send, once the peer has read most of what was sent before; the end waits for nothing."""
        if message["type"] != "websocket.close":
            await self.writable.wait()
            if self.close_sent:
                raise ClientDisconnected
            await super().send(message)
            if message["type"] == "websocket.accept":
                # The scope has what is asked for later, and the parser holds on to both of them.
                self.request.headers.clear()
                self.response.headers.clear()
            return
        self.writable.set()
        await super().send(message)
        if self.close_timer is not None:
            # Closing would still wait for the peer to read what was sent before.
            self.close_timer.cancel()
            self.close_timer = self.loop.call_later(CLOSE_S, self.transport.abort)

    def shutdown(self) -> None:
        """End with the server."""
        super().shutdown()
        self.loop.call_later(CLOSE_S, self.transport.abort)

    def handle_cont(self, event: Frame) -> None:
        """Add a frame to a message, up to a number of frames."""
        if self.close_sent:
            return
        if len(self.frames) < MOST_FRAGMENTS:
            super().handle_cont(event)
            return
        self.conn.fail(CloseCode.TOO_LARGE, "too many fragments")
        self.handle_parser_exception()

    def handle_ping(self) -> None:
        """Answer a ping, but not to a peer that does not read: it may be left with the answer to a later one."""
        answer = b"".join(self.conn.data_to_send())
        if self.writable.is_set():
            self.transport.write(answer)


def socket_options(settings: Settings) -> dict[str, Any]:
    """Return what uvicorn is told of WebSockets. The protocol has pings of its own, which reach the client's code.

    Nothing is compressed: each socket would keep the windows of it, many times what an idle one takes otherwise.
    """
    return {
        "ws": BoundedSocket,
        "ws_max_size": settings.max_message_bytes,
        "ws_ping_interval": None,
        "ws_per_message_deflate": False,
    }
