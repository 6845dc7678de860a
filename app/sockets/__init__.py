"""GraphQL over WebSockets, by graphql-transport-ws: https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md."""

from app.sockets.connection import PATIENCE
from app.sockets.counting import OpenSockets
from app.sockets.endpoint import SocketEndpoint
from app.sockets.protocol import PROTOCOL, CloseCode

__all__ = ["PATIENCE", "PROTOCOL", "CloseCode", "OpenSockets", "SocketEndpoint"]
