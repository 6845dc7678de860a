"""Headers that keep browsers from being led astray, on every answer."""

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.origins import is_secure
from maestro.settings import Settings

SAFE_HEADERS: Final = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # Without one at all browsers would call the origin of our own forms `null`.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": (
        "camera=(), display-capture=(), geolocation=(), hid=(), microphone=(), midi=(), payment=(), "
        "publickey-credentials-get=(), serial=(), usb=()"
    ),
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; worker-src 'self' blob:; "
        "font-src 'self' data:; img-src 'self' data:; connect-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
}
ENCODED: Final = tuple((name.encode(), value.encode()) for name, value in SAFE_HEADERS.items())
TRANSPORT: Final = b"max-age=31536000"
"""A year of HTTPS alone, for this host: what its subdomains speak is not ours to say."""


class SafeHeaders:
    """Adds them; a route that sets one itself keeps its own."""

    def __init__(self, app: ASGIApp, *, settings: Settings) -> None:
        self.app = app
        self.settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add them to every answer."""

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = list(message["headers"])
                names = {name for name, _ in given}
                given += [(name, value) for name, value in ENCODED if name not in names]
                if b"strict-transport-security" not in names and is_secure(scope, self.settings):
                    given.append((b"strict-transport-security", TRANSPORT))
                # A file of ours has a tag to be asked for by; everything else is data, secrets, or soon different.
                if b"etag" not in names and b"cache-control" not in names:
                    given.append((b"cache-control", b"no-store"))
                message = {**message, "headers": given}
            await send(message)

        await self.app(scope, receive, send_safely if scope["type"] == "http" else send)
