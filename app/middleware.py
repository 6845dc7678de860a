"""What stands before every route: who is asking, how large the request is, and headers that keep browsers safe."""

import asyncio
from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.answers import error_response
from maestro.access import Access
from maestro.db.rows import CONNECTION_LOST
from maestro.errors import Unauthenticated, Unavailable

COOKIE: Final = "maestro_session"
PUBLIC: Final = ("/", "/sign-in", "/livez", "/readyz", "/graphiql", "/static/", "/graphiql/", "/download/")
"""What anybody may fetch: pages without data, health, and links that carry their own proof."""

SAFE_HEADERS: Final = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; worker-src 'self' blob:; "
        "font-src 'self' data:; img-src 'self' data:; connect-src 'self' ws: wss:; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
}


class SignedIn:
    """Puts the viewer into the request's state and refuses whoever has no valid session or key."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Resolve the credential of a request or of a WebSocket's handshake."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        access: Access = connection.app.state.runtime.access
        refusal = None
        try:
            viewer = await access.viewer(session=connection.cookies.get(COOKIE), key=_bearer(connection))
        except CONNECTION_LOST:
            viewer, refusal = None, _away()
        scope.setdefault("state", {})["viewer"] = viewer
        if viewer is not None or is_public(scope["path"]):
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 4401, "reason": "Unauthorized"})
        else:
            await (refusal or _unknown())(scope, receive, send)


def is_public(path: str) -> bool:
    """Say whether a path is served to anybody."""
    return any(
        path == public or (public != "/" and public.endswith("/") and path.startswith(public)) for public in PUBLIC
    )


def _unknown() -> Response:
    hint = "Open the link that the server printed, or send an API key: Authorization: Bearer mst_…"
    response = error_response(401, Unauthenticated.code, "Nobody is signed in.", hint=hint)
    response.headers["www-authenticate"] = "Bearer"
    return response


def _away() -> Response:
    response = error_response(503, Unavailable.code, "The database does not answer.", hint="Try again after a pause.")
    response.headers["retry-after"] = "5"
    return response


def _bearer(connection: HTTPConnection) -> str | None:
    scheme, _, key = connection.headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" and key.strip() else None


class LimitedBody:
    """Refuses bodies over a limit with 413, by their declared length or as soon as more has come, and slow ones."""

    def __init__(self, app: ASGIApp, *, limit: int, patience: timedelta, paths: Iterable[str]) -> None:
        self.app = app
        self.limit = limit
        self.patience = patience
        self.paths = frozenset(paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count what comes in."""
        if scope["type"] != "http" or scope["path"] not in self.paths:
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


def _replay(body: bytearray, receive: Receive) -> Receive:
    messages: list[Message] = [{"type": "http.request", "body": bytes(body), "more_body": False}]

    async def replayed() -> Message:
        return messages.pop() if messages else await receive()

    return replayed


class SafeHeaders:
    """Adds headers that keep a browser from being led astray; a route that sets one itself keeps its own."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add them to every answer."""

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SAFE_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, send_safely if scope["type"] == "http" else send)
