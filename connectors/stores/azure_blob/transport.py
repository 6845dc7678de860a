"""How requests reach Azure: large bodies go bit by bit, so that nothing else of the process waits for them."""

from io import BytesIO
from typing import Any, Final

from azure.core.pipeline.transport import AioHttpTransport

LARGE_BYTES: Final = 256 * 1024


class BitByBit(AioHttpTransport):  # type: ignore[misc] # the library gives it lazily, without a type
    """The library's own transport, which sends bodies that are bytes in one go."""

    async def send(self, request: Any, **options: Any) -> Any:
        """Send a request, whose body is the same afterwards: it may have to be sent again."""
        body = request.data
        if not isinstance(body, bytes) or len(body) <= LARGE_BYTES:
            return await super().send(request, **options)
        request.data = BytesIO(body)
        try:
            return await super().send(request, **options)
        finally:
            request.data = body
