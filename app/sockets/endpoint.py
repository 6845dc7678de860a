"""The address at which sockets are opened."""

from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketDisconnected

from app.sockets.connection import Connection
from app.sockets.counting import OpenSockets
from app.sockets.protocol import PROTOCOL, CloseCode
from maestro.telemetry.http import SOCKETS_CLOSED


class SocketEndpoint:
    """Accepts sockets that speak graphql-transport-ws; the middleware has looked at their origin and credentials."""

    def __init__(self, sockets: OpenSockets) -> None:
        self.sockets = sockets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one socket to its end."""
        websocket = WebSocket(scope, receive, send)
        try:
            if PROTOCOL not in scope["subprotocols"]:
                # Only an open socket can be closed with a code that its client gets to see.
                await websocket.accept()
                await websocket.close(CloseCode.SUBPROTOCOL, "Subprotocol not acceptable")
                SOCKETS_CLOSED.add((str(CloseCode.SUBPROTOCOL.value),))
                return
            await websocket.accept(PROTOCOL)
        except (WebSocketDisconnect, WebSocketDisconnected):
            return
        await Connection(websocket, self.sockets).serve()
