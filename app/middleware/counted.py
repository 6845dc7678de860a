"""Every request is counted: by its route, its method and its status, with its time and the size of its answer."""

import time
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from maestro.telemetry import http
from maestro.telemetry.values import OTHER

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
ABORTED: Final = "0"
"""The status of a request that was never answered."""


class Counted:
    """Counts requests; what is at no route is counted together, whatever addresses somebody makes up."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count a request; WebSockets count themselves."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status, sent = time.perf_counter(), ABORTED, 0

        async def send_counted(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = str(message["status"])
            else:
                sent += len(message.get("body", b""))
            await send(message)

        http.IN_FLIGHT.add(1)
        try:
            await self.app(scope, receive, send_counted)
        finally:
            http.IN_FLIGHT.add(-1)
            route = getattr(scope.get("route"), "path", OTHER)
            method = scope["method"] if scope["method"] in METHODS else OTHER
            http.REQUESTS.add((route, method, status))
            http.DURATION.observe(time.perf_counter() - began, (route,))
            http.SENT.add((route,), sent)
