"""Thousands of idle WebSockets that follow one run, what they take, and how soon all of them are told of a change.

`python -m loadtests.sockets` is the generator: connections of asyncio that read no more of a message than its type,
since whatever the client takes of the shared cores would be taken for the server's.
"""

import asyncio
import csv
import resource
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import orjson

from loadtests.generator.orders import Orders
from loadtests.ground.documents import document_id
from loadtests.ground.places import Ground, Place
from loadtests.lines import Line
from loadtests.scenarios.catalogue import Scenario
from loadtests.scenarios.phases import Options
from loadtests.slo import SOCKETS

NAME: Final = "sockets"
AT_A_TIME: Final = 50
CHANGES: Final = 3
"""So many changes are told, one after the other; each counts by its slowest socket."""
QUIET_S: Final = 5.0
PATIENCE_S: Final = 30.0
SPARE_FILES: Final = 500
NEXT: Final = b'"type":"next"'
PING: Final = b'"type":"ping"'
FAILED: Final = (b'"type":"error"', b'"errors"')


def scenario_of(sockets: int | None) -> Scenario:
    """Return what the server needs for so many sockets; RuntimeError where a process may not open as many files."""
    count = SOCKETS if sockets is None else sockets
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if count + SPARE_FILES > most:
        raise RuntimeError(f"{count:,} sockets need as many open files, of which a process may have {most:,} here.")
    # Processes that are started get it from this one.
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    limit = str(count + SPARE_FILES)
    settings = {"MAESTRO_MAX_SOCKETS": limit, "MAESTRO_MAX_SOCKETS_PER_VIEWER": limit}
    none = Options(rate=0, seconds=0, requests=0)
    return Scenario(
        title="Idle sockets",
        plan=None,
        long=none,
        short=none,
        users=count,
        listeners=0,
        organizations=1,
        settings=settings,
    )


def frame(**message: Any) -> bytes:
    """Return a message as the frame of a client; its mask is of zeros, which leaves the text as it is."""
    text = orjson.dumps(message)
    small = 126
    head = bytes([0x81, 0x80 | len(text)]) if len(text) < small else b"\x81\xfe" + len(text).to_bytes(2, "big")
    return head + bytes(4) + text


class Socket(asyncio.Protocol):
    """One WebSocket with one subscription: it notes when it is told something."""

    def __init__(self, upgrade: bytes, subscribe: bytes) -> None:
        self._upgrade = upgrade
        self._subscribe = subscribe
        self._transport: Any = None
        self.told: asyncio.Event = asyncio.Event()
        self.told_at = 0.0
        self.error = ""

    def connection_made(self, transport: Any) -> None:
        """Ask for a WebSocket, and say at once what is wanted of it."""
        self._transport = transport
        transport.write(self._upgrade)

    def data_received(self, data: bytes) -> None:
        """Note an event, answer a ping; what is sent is so short that it comes whole."""
        if NEXT in data:
            self.told_at = time.perf_counter()
            self.told.set()
        if PING in data:
            self._transport.write(frame(type="pong"))
        if data.startswith(b"HTTP/1.1 "):
            if not data.startswith(b"HTTP/1.1 101"):
                self._failed(data[9:12].decode())
            self._transport.write(frame(type="connection_init") + self._subscribe)
        if any(sign in data for sign in FAILED):
            self._failed("ERROR")

    def connection_lost(self, _: Exception | None) -> None:
        """Note that the server has ended it."""
        self._failed("CLOSED")

    def _failed(self, why: str) -> None:
        self.error = self.error or why
        self.told.set()

    def close(self) -> None:
        """End it."""
        self.error = self.error or "ENDED"
        if self._transport is not None:
            self._transport.abort()


class Sockets:
    """All of them, and what they were told."""

    def __init__(self, orders: Orders) -> None:
        self.orders = orders
        self.place: Place = Ground.read(Path(orders.ground)).places[0]
        self.run = self.place.logged[0]
        self.lines: list[Line] = []
        self.phases: list[dict[str, Any]] = []
        self.sockets: list[Socket] = []

    async def carry_out(self) -> None:
        """Look at the quiet server, open all sockets, let them be, and tell them of changes."""
        with self._phase("before"):
            await asyncio.sleep(QUIET_S)
        with self._phase("connecting"):
            at_once = asyncio.Semaphore(AT_A_TIME)
            await asyncio.gather(*(self._open(at_once) for _ in range(self.orders.users)))
        with self._phase("idle"):
            await asyncio.sleep(QUIET_S)
        async with httpx.AsyncClient(base_url=self.orders.host, timeout=PATIENCE_S) as client:
            with self._phase("fan-out", is_judged=True):
                for number in range(CHANGES):
                    await self._change(client, number)
        for socket in self.sockets:
            socket.close()

    async def _open(self, at_once: asyncio.Semaphore) -> None:
        address = urlsplit(self.orders.host)
        upgrade = (
            f"GET /graphql HTTP/1.1\r\nHost: {address.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {b64encode(bytes(16)).decode()}\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Protocol: graphql-transport-ws\r\nAuthorization: Bearer {self.place.key}\r\n\r\n"
        ).encode()
        payload = {"documentId": document_id("Watch"), "variables": {"id": self.run}}
        subscribe = frame(id="1", type="subscribe", payload=payload)
        async with at_once:
            began, loop = time.perf_counter(), asyncio.get_running_loop()
            made = Socket(upgrade, subscribe)
            try:
                await loop.create_connection(lambda: made, str(address.hostname), address.port or 80)
                await asyncio.wait_for(made.told.wait(), PATIENCE_S)
            except (OSError, TimeoutError) as error:
                made.error = made.error or type(error).__name__
        self.sockets.append(made)
        self._note("Open", "WS", ms=1000 * (time.perf_counter() - began), error=made.error)

    async def _change(self, client: httpx.AsyncClient, number: int) -> None:
        for socket in self.sockets:
            socket.told.clear()
        body = {"documentId": document_id("Note"), "variables": {"id": self.run, "notes": f"change {number}"}}
        began = time.perf_counter()
        error = await self._changed(client, body)
        self._note("Note", "POST", ms=1000 * (time.perf_counter() - began), error=error)
        waiting = asyncio.gather(*(socket.told.wait() for socket in self.sockets))
        try:
            await asyncio.wait_for(waiting, PATIENCE_S)
        except TimeoutError:
            print("not every socket was told", flush=True)
        for socket in self.sockets:
            error = socket.error or ("" if socket.told.is_set() else "UNTOLD")
            self._note(f"Change {number + 1}", "WS", ms=1000 * (socket.told_at - began), error=error)

    async def _changed(self, client: httpx.AsyncClient, body: dict[str, Any]) -> str:
        headers = {"authorization": f"Bearer {self.place.key}"}
        try:
            answer = await client.post("/graphql", json=body, headers=headers)
            return "NO_DATA" if "errors" in answer.json() else ""
        except (httpx.HTTPError, ValueError) as error:
            return type(error).__name__

    def _note(self, name: str, via: str, *, ms: float, error: str) -> None:
        phase = self.phases[-1]["name"]
        self.lines.append(Line(time.time(), phase, name, via, 0, 0.0, ms, 101, error, "", 0))

    @contextmanager
    def _phase(self, name: str, *, is_judged: bool = False) -> Iterator[None]:
        began = time.time()
        told: dict[str, Any] = {"name": name, "rate": None, "mix": NAME, "is_judged": is_judged, "seen": {}}
        told["began"] = began
        self.phases.append(told)
        yield
        told["ended"] = time.time()
        print(f"{name}: {time.time() - began:.1f} s", flush=True)

    def write(self) -> None:
        """Write the lines and the phases."""
        folder = Path(self.orders.folder)
        with (folder / "requests.csv").open("w", newline="") as file:
            csv.writer(file).writerows([Line._fields, *self.lines])
        (folder / "phases.json").write_bytes(orjson.dumps(self.phases, option=orjson.OPT_INDENT_2))


def main() -> None:
    """Carry out what the environment orders."""
    sockets = Sockets(Orders.given())
    try:
        asyncio.run(sockets.carry_out())
    finally:
        sockets.write()


if __name__ == "__main__":
    main()
