"""Pages of other sites: a browser sends our cookie along with what they ask for, so they may not ask for changes."""

from typing import Final

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from app.answers import error_response
from app.origins import is_own_page
from maestro.access import SignInMethod, Viewer
from maestro.errors import Forbidden
from maestro.settings import Settings

SAFE: Final = ("GET", "HEAD", "OPTIONS")
"""Methods that change nothing."""


class OwnOrigin:
    """Refuses what a page of another origin sends in a person's name; requests with a key are exempt.

    Asks for a proof that the page is ours wherever a session counts; where nobody is signed in, only what says itself
    that it comes from elsewhere is refused, lest a page signs its visitors in as somebody else.
    """

    def __init__(self, app: ASGIApp, *, settings: Settings) -> None:
        self.app = app
        self.settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Look at requests that may change something, and at every WebSocket's handshake."""
        if scope["type"] == "websocket":
            is_refused = self._is_foreign(HTTPConnection(scope))
        else:
            is_refused = scope["type"] == "http" and scope["method"] not in SAFE
            is_refused = is_refused and self._is_foreign(HTTPConnection(scope))
        if not is_refused:
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 4403, "reason": "Forbidden"})
        else:
            message = "The browser does not say that a page of this server sends this."
            hint = "Programs use API keys. Allow another site's pages by MAESTRO_CORS_ORIGINS."
            await error_response(403, Forbidden.code, message, hint=hint)(scope, receive, send)

    def _is_foreign(self, connection: HTTPConnection) -> bool:
        viewer: Viewer | None = connection.state.viewer
        if viewer is not None and viewer.method is not SignInMethod.SESSION:
            return False
        is_told = any(name in connection.headers for name in ("origin", "sec-fetch-site"))
        return (viewer is not None or is_told) and not is_own_page(connection, self.settings)
