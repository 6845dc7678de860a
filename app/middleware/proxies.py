"""What a proxy in front of the server says of a request's client, believed from trusted addresses alone."""

from starlette.types import Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware


class TrustedProxies(ProxyHeadersMiddleware):
    """Takes the client's address and scheme from `X-Forwarded-For` and `-Proto`, as uvicorn does, and the host too.

    Of several addresses the last one that is no trusted proxy counts: what stands before it, anybody can have written.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # type: ignore[override] # uvicorn's types are narrower than Starlette's
        """Rewrite the scope of a request that a trusted proxy passes on."""
        client = scope.get("client")
        if client is not None and client[0] in self.trusted_hosts:
            scope["headers"] = _with_host(scope["headers"])
        await super().__call__(scope, receive, send)  # type: ignore[arg-type] # as above


def _with_host(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    forwarded = [value for name, value in headers if name == b"x-forwarded-host"]
    if not forwarded:
        return headers
    # The nearest proxy has written the last one.
    host = forwarded[-1].rpartition(b",")[2].strip()
    return [(b"host", host), *(header for header in headers if header[0] != b"host")]
