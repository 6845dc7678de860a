"""Who is asking: nobody passes without a session or a key, but to the pages that are anybody's."""

from typing import Final

from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.answers import absence_response, error_response
from app.cookies import set_session_cookie
from app.middleware.credentials import credentials_of
from maestro import log_context
from maestro.access import Access, Viewer
from maestro.access.door import Credentials
from maestro.db.rows import CONNECTION_LOST
from maestro.errors import NotFound, Unauthenticated
from maestro.telemetry.access import CREDENTIALS

PUBLIC: Final = (
    "/",
    "/sign-in",
    "/join",
    "/livez",
    "/readyz",
    "/metrics",
    "/graphiql",
    "/static/",
    "/graphiql/",
    "/download/",
    "/sign-in/oidc",
    "/sign-in/oidc/callback",
)
"""What anybody may fetch: pages without data, health, and links that carry their own proof."""
HINT: Final = (
    "Open the link that the server printed, or send an API key: Authorization: Bearer mst_… If you have sent one, it "
    "is unknown, has ended, or is not for use from here."
)
"""The same for all of these: which one it is, is told to nobody."""


class SignedIn:
    """Puts the viewer into the request's state and refuses whoever has no valid session or key.

    A session whose token has been used for long gets the next one with the answer.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Resolve the credential of a request or of a WebSocket's handshake."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        access: Access = connection.app.state.runtime.access
        shown = credentials_of(connection)
        viewer, refusal = await _found(access, shown)
        state = scope.setdefault("state", {})
        state["viewer"], state["credentials"] = viewer, shown
        log_context.act_for(viewer)
        CREDENTIALS.add((_method(shown), "refused" if viewer is None else "accepted"))
        if viewer is not None:
            await self.app(scope, receive, await _renewing(connection, shown, send))
        elif is_public(scope["path"]):
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            await (refusal or _unknown())(scope, receive, send)
        elif refusal is None and shown.key is None:
            # Pages cannot give a socket headers: who has shown no key may send one in the first message.
            await self.app(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 4401, "reason": "Unauthorized"})


async def turned_out(connection: HTTPConnection) -> Response | None:
    """Look again at who is asking once the body has come, which may take long; return the answer to who is out."""
    state = connection.state
    viewer, refusal = await _found(connection.app.state.runtime.access, state.credentials)
    if viewer is None:
        return refusal or _unknown()
    state.viewer = viewer
    return None


def _method(shown: Credentials) -> str:
    return "key" if shown.key else "session" if shown.session else "none"


def is_public(path: str) -> bool:
    """Say whether a path is served to anybody."""
    return any(
        path == public or (public != "/" and public.endswith("/") and path.startswith(public)) for public in PUBLIC
    )


async def _found(access: Access, shown: Credentials) -> tuple[Viewer | None, Response | None]:
    """Return who is asking, or nobody and, where it is not that nobody is known, why."""
    try:
        return await access.viewer(shown), None
    except NotFound as unknown:
        return None, error_response(404, unknown.code, unknown.message, hint=unknown.hint)
    except CONNECTION_LOST as error:
        return None, absence_response(error)


async def _renewing(connection: HTTPConnection, shown: Credentials, send: Send) -> Send:
    """Return a `send` that gives the browser the next token of its session when it is due for one."""
    if connection.scope["type"] != "http" or shown.session is None:
        return send
    access: Access = connection.app.state.runtime.access
    try:
        token = await access.rotated(shown)
    except CONNECTION_LOST:
        return send
    if token is None:
        return send
    carrier = Response()
    set_session_cookie(carrier, connection, token)
    renewed = [(name, value) for name, value in carrier.raw_headers if name == b"set-cookie"]

    async def send_renewed(message: Message) -> None:
        # Whoever signs in or out sets a cookie that this one must not undo.
        if message["type"] == "http.response.start" and not any(
            name == b"set-cookie" for name, _ in message["headers"]
        ):
            message = {**message, "headers": [*message["headers"], *renewed]}
        await send(message)

    return send_renewed


def _unknown() -> Response:
    response = error_response(401, Unauthenticated.code, "Nobody is signed in.", hint=HINT)
    response.headers["www-authenticate"] = "Bearer"
    return response
