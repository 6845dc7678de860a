"""HTTP/1.1 as uvicorn speaks it, with an end to the head of a request: the parser below would collect it for ever."""

from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.middleware.heads import LARGEST_HEADERS, LONGEST_URL

MOST_PENDING: Final = LARGEST_HEADERS + LONGEST_URL
"""Bytes of a head that is not complete. Which of its limits a complete one breaks, `LimitedHead` tells."""


class BoundedHead(HttpToolsProtocol):
    """Ends a connection whose request's head does not."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._is_in_head = True
        self._pending = 0

    def data_received(self, data: bytes) -> None:
        """Read on, and refuse with 431 when only the head has come for too long."""
        was_in_head = self._is_in_head
        super().data_received(data)
        if not (was_in_head and self._is_in_head):
            return
        self._pending += len(data)
        if self._pending > MOST_PENDING and not self.transport.is_closing():
            self.transport.write(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")
            self.transport.write(b"content-length: 0\r\ncache-control: no-store\r\nconnection: close\r\n\r\n")
            self.transport.close()

    def on_message_begin(self) -> None:
        """Begin to count."""
        super().on_message_begin()
        self._is_in_head, self._pending = True, 0

    def on_headers_complete(self) -> None:
        """Count no more: what comes now is the body, which has limits of its own."""
        super().on_headers_complete()
        self._is_in_head, self._pending = False, 0
