"""How large the head of a request may be: its address, and its headers in bytes and number."""

from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from app.answers import error_response

LONGEST_URL: Final = 16 * 1024
"""Bytes of an address; a query of this length is better sent by POST."""
LARGEST_HEADERS: Final = 32 * 1024
"""Bytes of all headers together, by their names and values."""
MOST_HEADERS: Final = 100


class LimitedHead:
    """Refuses addresses that are too long with 414, and headers that are too many or too large with 431."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Measure the head of a request or of a WebSocket's handshake."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        problem = _problem(scope)
        if problem is None:
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1009, "reason": problem[1]})
        else:
            status, message = problem
            await error_response(status, "PAYLOAD_TOO_LARGE", message)(scope, receive, send)


def _problem(scope: Scope) -> tuple[int, str] | None:
    if len(scope.get("raw_path") or scope["path"]) + len(scope["query_string"]) > LONGEST_URL:
        return 414, f"The address is longer than {LONGEST_URL:,} bytes."
    headers = scope["headers"]
    if len(headers) > MOST_HEADERS:
        return 431, f"There are more than {MOST_HEADERS} headers."
    if sum(len(name) + len(value) for name, value in headers) > LARGEST_HEADERS:
        return 431, f"The headers are larger than {LARGEST_HEADERS:,} bytes."
    return None
