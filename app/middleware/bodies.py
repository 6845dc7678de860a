"""How large a request's body is, and how long it may take to come."""

import asyncio
from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from starlette.requests import ClientDisconnect, HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.answers import error_response

BODY: Final = (b"content-length", b"transfer-encoding")
"""The headers of which a request with a body has one."""


class LimitedBody:
    """Refuses bodies over a limit with 413, by their declared length or as soon as more has come, and slow ones."""

    def __init__(self, app: ASGIApp, *, limit: int, patience: timedelta, paths: Iterable[str]) -> None:
        self.app = app
        self.limit = limit
        self.patience = patience
        self.paths = frozenset(paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count what comes in."""
        if scope["type"] != "http" or scope["path"] not in self.paths or _has_no_body(scope):
            await self.app(scope, receive, send)
            return
        declared = HTTPConnection(scope).headers.get("content-length", "0")
        if not declared.isdecimal() or int(declared) > self.limit:
            await self._refuse(scope, receive, send)
            return
        try:
            async with asyncio.timeout(self.patience.total_seconds()):
                body = await self._read(receive)
        except TimeoutError:
            await error_response(408, "BAD_REQUEST", "The body came too slowly.")(scope, receive, send)
        except ClientDisconnect:
            await error_response(400, "BAD_REQUEST", "The body was cut off.")(scope, receive, send)
        else:
            if body is None:
                await self._refuse(scope, receive, send)
            else:
                await self.app(scope, _replay(body, receive), send)

    async def _read(self, receive: Receive) -> bytearray | None:
        """Return the whole body, None when it is longer than the limit; ClientDisconnect when it breaks off."""
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            body += message.get("body", b"")
            if len(body) > self.limit:
                return None
            if not message.get("more_body", False):
                return body

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        message = f"The body is larger than {self.limit:,} bytes."
        hint = "Send points in smaller batches, and files through their upload address."
        await error_response(413, "PAYLOAD_TOO_LARGE", message, hint=hint)(scope, receive, send)


def _has_no_body(scope: Scope) -> bool:
    """Say whether a request's head rules a body out."""
    return scope["method"] in ("GET", "HEAD") and not any(name in BODY for name, _ in scope["headers"])


def _replay(body: bytearray, receive: Receive) -> Receive:
    messages: list[Message] = [{"type": "http.request", "body": bytes(body), "more_body": False}]

    async def replayed() -> Message:
        return messages.pop() if messages else await receive()

    return replayed
