"""The line to a server of S3: that of the vendor's library, which goes nowhere that a server sends it."""

from ssl import SSLContext
from typing import Any, Final
from urllib.parse import urlsplit

from aiobotocore.httpsession import AIOHTTPSession
from aiohttp.abc import AbstractStreamWriter
from aiohttp.payload import Payload

from connectors.stores.s3.wire import Server, Wire
from maestro.errors import StoreFailed

SLICE_BYTES: Final = 256 * 1024
"""So much of a body is handed over at a time."""
_PORTS: Final = (80, 443)
"""Those of HTTP and of HTTPS."""
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_REGION: Final = "x-amz-bucket-region"
"""What Amazon's servers tell with a redirect, after which the library asks in the region that has the bucket."""


class Body(Payload):
    """Bytes to be sent, of which none are copied; they can be sent twice."""

    _value: bytes
    _autoclose = True

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self._size = len(content)

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """Return them as text."""
        return self._value.decode(encoding, errors)

    async def write(self, writer: AbstractStreamWriter) -> None:
        """Send them, as fast as the other side takes them."""
        await self.write_with_length(writer, None)

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        """Send so many of them."""
        view = memoryview(self._value)[:content_length]
        for start in range(0, len(view), SLICE_BYTES):
            await writer.write(view[start : start + SLICE_BYTES])


class Line(AIOHTTPSession):  # type: ignore[misc] # the library has no types
    """As the library makes it, with its connections, timeouts, authorities and proxies, but redirects are answers.

    A server that whoever makes a connector names could lead requests to any other one, where connectors may not lead.
    """

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._wires: dict[str, Wire] = {}

    async def send(self, request: Any) -> Any:
        """Send a request of the library; StoreFailed where the answer is another address and no region."""
        answer = await super().send(request)
        if answer.status_code in _REDIRECTS and _REGION not in answer.headers:
            # The library would ask for the region, be answered alike, and ask again without an end.
            answer.raw.close()
            raise StoreFailed(
                "The server sends whoever asks it to another one, where nobody goes for it.",
                hint="Name the address at which the bucket is in the settings.",
                vendorCode=str(answer.status_code),
            )
        return answer

    async def opened(self) -> Any:
        """Return what sends requests, with an address and what else they have; its redirects have to be refused."""
        return await super()._get_session(None)

    async def wire(self, address: str) -> Wire | None:
        """Return connections of our own to a server, which trust, wait and are as many as those of the library.

        They are closed with it. None where any authority would be trusted.
        """
        if address not in self._wires:
            parts, connector = urlsplit(address), (await self.opened()).connector
            is_tls = parts.scheme == "https"
            # What the library has made of its settings is kept nowhere else.
            tls = connector._ssl if is_tls else None  # noqa: SLF001
            if not parts.hostname or (is_tls and not isinstance(tls, SSLContext)):
                return None
            server = Server(
                parts.hostname, parts.port or _PORTS[is_tls], tls, self._timeout.sock_connect, self._timeout.sock_read
            )
            self._wires[address] = Wire(server, most=self._max_pool_connections)
        return self._wires[address]

    async def __aexit__(self, *raised: object) -> None:
        """Close all connections."""
        for wire in self._wires.values():
            wire.close()
        self._wires.clear()
        await super().__aexit__(*raised)

    def has_proxy(self, address: str) -> bool:
        """Say whether there is a proxy on the way to an address."""
        return self._proxy_config.proxy_url_for(address) is not None

    async def _get_session(self, proxy_url: str | None) -> "_Straight":
        return _Straight(await super()._get_session(proxy_url))


class _Straight:
    def __init__(self, session: Any) -> None:
        self._session = session

    async def request(self, method: str, **given: Any) -> Any:
        return await self._session.request(method, allow_redirects=False, **given)
