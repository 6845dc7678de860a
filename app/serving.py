"""Uvicorn as this server uses it: how it is set up, and how it begins and ends."""

import socket
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

import uvicorn
from starlette.applications import Starlette

from app.protocol import BoundedHead
from app.sockets.transport import socket_options
from maestro.settings import Settings

DRAIN_S: Final = 10
"""How long requests that are under way may take to end when the server is stopped."""


class Server(uvicorn.Server):
    """Uvicorn's server, which says when it accepts connections, and ends streams and WebSockets before the others."""

    def __init__(self, app: Starlette, settings: Settings, *, ready: Callable[[], Awaitable[None]]) -> None:
        super().__init__(_config(app, settings))
        self.app = app
        self.ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so."""
        await super().startup(sockets)
        if self.started:
            await self.ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop, once streams and WebSockets, which would last for ever, have ended."""
        self.app.state.stopping.set()
        await self.app.state.sockets.drain(timedelta(seconds=DRAIN_S / 2))
        await super().shutdown(sockets)


def _config(app: Starlette, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        # The application reads them itself, from the proxies that the settings name.
        proxy_headers=False,
        http=BoundedHead,
        timeout_graceful_shutdown=DRAIN_S,
        **socket_options(settings),
    )
