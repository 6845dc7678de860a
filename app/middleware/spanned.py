"""Every request is a span: its method, its route and its status, and what it was told of its caller's trace."""

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.middleware.counted import METHODS
from app.middleware.traces import traceparent_of
from maestro.spans import ACTIVE, ERROR, NAME, Span, SpanKind
from maestro.telemetry.values import OTHER

FAILED: Final = 500
"""From this status on an answer is the server's own failure."""


class Spanned:
    """Traces requests; WebSockets are traced operation by operation."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Trace a request, below the span of its caller where it has told of one."""
        if scope["type"] != "http" or ACTIVE.tracer is None:
            await self.app(scope, receive, send)
            return
        method = scope["method"] if scope["method"] in METHODS else OTHER
        told = {"http.request.method": method}
        status = 0

        async def send_watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        with Span(ACTIVE.tracer, method, told, kind=SpanKind.SERVER, parent=traceparent_of(scope)) as found:
            try:
                await self.app(scope, receive, send_watched)
            finally:
                route = getattr(scope.get("route"), "path", OTHER)
                found |= {NAME: f"{method} {route}", "http.route": route, "http.response.status_code": status}
                if status >= FAILED:
                    found[ERROR] = str(status)
