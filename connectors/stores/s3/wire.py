"""HTTP/1.1 to one server for requests that fit into memory: connections that are kept, and a parser written in C.

Nothing is known here of S3. Whatever goes wrong is an OSError, and no answer leads anywhere: a redirect is an answer.
"""

import asyncio
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

MOST_HEAD_BYTES: Final = 64 * 1024
"""The status and headers of an answer have at most so many bytes."""
MOST_EXPLAINED_BYTES: Final = 64 * 1024
"""An answer that is no good one may have so many bytes in any case."""
IDLE_S: Final = 12.0
"""A connection that was not used for so long is not used any more: servers hang up after twenty seconds and more."""
LOOKS: Final = 6
"""A server that does not go on is noticed at most so much of the time too late."""
_INFORMING: Final = range(100, 200)
"""Statuses after which the answer is still to come."""


def head_of(method: str, target: str, headers: Mapping[str, str], *, size: int) -> bytes:
    """Return the head of a request with so many bytes behind it; ValueError where a header would be more than one."""
    lines = [f"{name}: {value}\r\n" for name, value in headers.items()]
    if size or method == "PUT":
        lines.append(f"content-length: {size}\r\n")
    head = f"{method} {target} HTTP/1.1\r\n{''.join(lines)}\r\n"
    ends = len(lines) + 2
    if head.count("\r") != ends or head.count("\n") != ends or "\0" in head:
        raise ValueError("A header has an end of a line in it.")
    return head.encode(errors="surrogateescape")


@dataclass(slots=True)
class Answer:
    """An answer: its status, its headers by their names in lower case, and its body."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


class BrokenOff(ConnectionError):
    """A connection has ended before the answer has; `is_stale` when it was one that was kept and nothing came."""

    def __init__(self, message: str, *, is_stale: bool = False) -> None:
        super().__init__(message)
        self.is_stale = is_stale


@dataclass(frozen=True, slots=True)
class Server:
    """Where requests go, with the authorities that are trusted, None for no TLS; and how long is waited for what."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None
    connect_s: float = 10.0
    read_s: float = 60.0


class Wire:
    """Connections to a server, of which each carries one request at a time; at most so many at a time."""

    def __init__(self, server: Server, *, most: int) -> None:
        self.server = server
        self._idle: list[_Connection] = []
        self._open: set[_Connection] = set()
        self._room = asyncio.Semaphore(most)
        self._is_closed = False

    async def ask(self, head: bytes, body: bytes = b"", *, limit: int) -> Answer:
        """Send a request, which may be sent twice, and return its answer; OSError for none, and for a longer body.

        TimeoutError when the server does not go on for as long as is waited for it.
        """
        async with self._room:
            while True:
                connection = self._kept() or await self._connected()
                try:
                    return await connection.ask(head, body, limit)
                except BrokenOff as error:
                    if not error.is_stale or self._is_closed:
                        raise

    def close(self) -> None:
        """Close all connections; what waits for an answer is told BrokenOff."""
        self._is_closed = True
        for connection in tuple(self._open):
            connection.abort()
        self._idle.clear()

    def _kept(self) -> "_Connection | None":
        oldest = asyncio.get_running_loop().time() - IDLE_S
        while self._idle:
            connection = self._idle.pop()
            if connection.seen > oldest and not connection.is_closing:
                return connection
            connection.abort()
        return None

    async def _connected(self) -> "_Connection":
        server, loop = self.server, asyncio.get_running_loop()
        async with asyncio.timeout(server.connect_s):
            _, connection = await loop.create_connection(
                lambda: _Connection(server.read_s, self._idle.append, self._open.discard),
                server.host,
                server.port,
                ssl=server.tls,
            )
        self._open.add(connection)
        return connection


class _Connection(asyncio.Protocol):
    """One connection, and what the parser tells of the answer that it waits for."""

    def __init__(
        self, read_s: float, free: Callable[["_Connection"], None], gone: Callable[["_Connection"], None]
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._read_s, self._free, self._gone = read_s, free, gone
        self._transport: Any = None
        self._waiting: asyncio.Future[Answer] | None = None
        self._raw: dict[bytes, bytes] = {}
        self.on_header = self._raw.__setitem__  # called for each header: nothing is quicker
        self._parser: Any = HttpResponseParser(self)
        self._answer = Answer()
        self._parts: list[bytes] = []
        self._late: asyncio.TimerHandle | None = None
        self._refused = ""
        self._left = self._arrived = 0
        self._is_used = self._is_headed = self._is_whole = False
        self.seen = 0.0
        """When something was sent or arrived last, by the clock of the loop."""

    @property
    def is_closing(self) -> bool:
        """Whether it cannot be used any more."""
        return bool(self._transport.is_closing())

    async def ask(self, head: bytes, body: bytes, limit: int) -> Answer:
        """Send a request and return its answer; when that does not come, the connection is closed."""
        self._waiting, self.seen = self._loop.create_future(), self._loop.time()
        self._left, self._arrived = limit, 0
        self._is_headed = self._is_whole = False
        is_answered = False
        try:
            self._transport.writelines((head, body) if body else (head,))
            answer = await self._waiting
            is_answered = True
        finally:
            self._waiting = None
            if not is_answered:
                self.abort()
        self._is_used = True
        if not self._transport.is_closing():
            self._free(self)
        return answer

    def abort(self) -> None:
        """Close it at once."""
        self._transport.abort()

    def connection_made(self, transport: Any) -> None:
        """Keep what requests are written to, and look from time to time whether they are answered."""
        self._transport = transport
        # One clock for a connection: one for each request would cost as much as to sign it.
        self._late = self._loop.call_later(self._read_s / LOOKS, self._look)

    def connection_lost(self, _: Exception | None) -> None:
        """End what is waited for."""
        self._gone(self)
        if self._late is not None:
            self._late.cancel()
        is_stale = self._is_used and not self._arrived
        self._fail(BrokenOff("The server has hung up before it has answered.", is_stale=is_stale))
        self._parser = None

    def data_received(self, content: bytes) -> None:
        """Give what has arrived to the parser."""
        self.seen = self._loop.time()
        if self._waiting is None or self._waiting.done():
            self.abort()  # nobody has asked for it, so that nobody knows whose it is
            return
        self._arrived += len(content)
        try:
            self._parser.feed_data(content)
        except (HttpParserError, HttpParserUpgrade) as error:
            self._refuse(f"The server answers what cannot be read ({type(error).__name__}).")
        if not self._is_headed and self._arrived > MOST_HEAD_BYTES:
            self._refuse("The server answers with a head that does not end.")
        if self._refused:
            self._fail(OSError(self._refused))
        elif self._is_whole:
            self._answer.body = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
            self._waiting.set_result(self._answer)

    def on_message_begin(self) -> None:
        """Make room for an answer."""
        if self._is_whole:
            self._refuse("The server answers more than was asked.")
        self._parts = []
        self._raw.clear()

    def on_headers_complete(self) -> None:
        """Look whether the answer is one that can be taken."""
        headers = {
            name.decode("latin-1").lower(): value.decode("utf-8", "replace") for name, value in self._raw.items()
        }
        answer = self._answer = Answer(self._parser.get_status_code(), headers)
        self._is_headed = True
        size = headers.get("content-length")
        if answer.status >= HTTPStatus.MULTIPLE_CHOICES:
            self._left = max(self._left, MOST_EXPLAINED_BYTES)
        if size is None and answer.status not in _INFORMING and "transfer-encoding" not in headers:
            self._refuse("The server does not tell where its answer ends.")
        elif size is not None and int(size) > self._left:
            self._refuse("The server answers more bytes than are taken.")

    def on_body(self, content: bytes) -> None:
        """Keep a piece of the body."""
        self._left -= len(content)
        if self._left < 0:
            self._refuse("The server answers more bytes than are taken.")
        else:
            self._parts.append(content)

    def on_message_complete(self) -> None:
        """Take note that the answer has come to its end."""
        if self._answer.status in _INFORMING:
            return
        self._is_whole = True
        if not self._parser.should_keep_alive():
            self._transport.close()

    def _look(self) -> None:
        if self.seen + self._read_s <= self._loop.time():
            self._fail(TimeoutError("The server does not go on."))
        self._late = self._loop.call_later(self._read_s / LOOKS, self._look)

    def _refuse(self, told: str) -> None:
        self._refused = self._refused or told

    def _fail(self, error: OSError) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(error)
