"""Connections that do nothing but ask and count: a client that costs less than the server that it measures."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import orjson
import psutil

from loadtests.figures.server import RunningServer


class Asking(asyncio.Protocol):
    """One connection that sends the next request as soon as the last one is answered."""

    def __init__(self, requests: Iterator[bytes]) -> None:
        self._requests = requests
        self._transport: Any = None
        self._buffer = b""
        self.answered = 0
        self.wrong: list[bytes] = []

    def connection_made(self, transport: Any) -> None:
        """Begin."""
        self._transport = transport
        transport.write(next(self._requests))

    def data_received(self, data: bytes) -> None:
        """Count an answer once all of it is there, and ask again."""
        self._buffer += data
        head, gap, body = self._buffer.partition(b"\r\n\r\n")
        if not gap:
            return
        at = head.lower().index(b"content-length: ")
        length = int(head[at + 16 :].partition(b"\r\n")[0])
        if len(body) < length:
            return
        if not head.startswith(b"HTTP/1.1 200") or b'"errors"' in body:
            self.wrong.append(self._buffer)
        self._buffer = b""
        self.answered += 1
        self._transport.write(next(self._requests))

    def ended(self) -> int:
        """End, and return how many were answered; RuntimeError when something was answered wrongly."""
        self._transport.close()
        if self.wrong:
            raise RuntimeError(self.wrong[0].decode())
        return self.answered


async def connected(server: RunningServer, requests: Iterator[bytes]) -> Asking:
    """Open a connection on which requests are sent one after the other from now on."""
    loop, address = asyncio.get_running_loop(), urlsplit(server.url)
    made = Asking(requests)
    await loop.create_connection(partial(_same, made), str(address.hostname), address.port or 80)
    return made


def posts(server: RunningServer, query: str, **variables: Any) -> bytes:
    """Return the bytes of a POST of a query."""
    body = orjson.dumps({"query": query, "variables": variables})
    head = f"POST /graphql HTTP/1.1\r\nhost: {urlsplit(server.url).netloc}\r\nauthorization: Bearer {server.key}\r\n"
    return f"{head}content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body


@contextmanager
def apart(server: RunningServer) -> Iterator[None]:
    """Give the server one core and everything else the others, as far as there are several."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) > 1:
        server.process.cpu_affinity(cores[:1])
        psutil.Process().cpu_affinity(cores[1:])
    try:
        yield
    finally:
        psutil.Process().cpu_affinity(cores)


def _same(connection: Asking) -> Asking:
    return connection
