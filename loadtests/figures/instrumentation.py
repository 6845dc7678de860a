"""What it costs a request that it is counted, or traced: with and without, side by side, round by round."""

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from shutil import rmtree
from typing import Any, Final

from starlette.applications import Starlette

from app.database import database
from app.server import create_app
from loadtests.figures.access import OFF, Asked
from loadtests.figures.results import Figure
from loadtests.figures.server import command
from maestro.access.keys import KeySpec
from maestro.runtime import Runtime
from maestro.settings import Settings
from maestro.spans import ACTIVE
from maestro.telemetry.values import SWITCH
from maestro.telemetry.writing import Writer
from resolvers.setup import ensure_owner

ROUNDS: Final = 60
REQUESTS: Final = 100
WARM: Final = 4
WRITES: Final = 20


COLLECTOR: Final = """
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Taking(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()
    def log_message(self, *_):
        pass
server = ThreadingHTTPServer(("127.0.0.1", 0), Taking)
print(server.server_port, flush=True)
server.serve_forever()
"""
"""A process that takes spans and throws them away; what sending them costs the server is the server's."""


@dataclass(frozen=True, slots=True)
class Compared:
    """The CPU of a request with something and without it, in ms, as medians of rounds."""

    on: float
    off: float

    @property
    def ratio(self) -> float:
        """What a request costs with it to without."""
        return self.on / self.off


def measure() -> list[Figure]:
    """Seed the demo, and ask one small query many times: once it is executed each time, once it is kept."""
    folder = Path(tempfile.mkdtemp(prefix="maestro-figures-"))
    folder.chmod(0o711)
    unlimited: dict[str, Any] = {f"rate_limit_{name}": OFF for name in ("requests", "cost", "ingest")}
    try:
        command(folder, "seed")
        with database(Settings(data_dir=folder)) as url:
            plain, keeping = (Settings(data_dir=folder, cache=cache, **unlimited) for cache in (False, True))
            (executed, _), (kept, writing) = (asyncio.run(_counted(one, url)) for one in (plain, keeping))
            with _collector() as endpoint:
                traced, traced_kept = (asyncio.run(_traced(one, url, endpoint)) for one in (plain, keeping))
    finally:
        rmtree(folder)
    return [
        Figure("CPU of a request that is executed, counted", executed.on, "ms"),
        Figure("  that request, not counted", executed.off, "ms"),
        Figure("CPU of a request that is executed, counted to not counted", executed.ratio, "times", at_most=1.05),
        Figure("CPU of an answer that was kept, counted", kept.on, "ms"),
        Figure("  that answer, not counted", kept.off, "ms"),
        Figure("CPU of an answer that was kept, counted to not counted", kept.ratio, "times", at_most=1.05),
        Figure("CPU of writing all values, once a second", writing, "ms", at_most=20),
        Figure("CPU of a request that is executed, traced", traced.on, "ms"),
        Figure("  that request, not traced", traced.off, "ms"),
        Figure("CPU of a request that is executed, traced to not traced", traced.ratio, "times"),
        Figure("CPU of an answer that was kept, traced", traced_kept.on, "ms"),
        Figure("  that answer, not traced", traced_kept.off, "ms"),
        Figure("CPU of an answer that was kept, traced to not traced", traced_kept.ratio, "times"),
    ]


@contextmanager
def _collector() -> Iterator[str]:
    """Give the address of a collector of traces."""
    with subprocess.Popen([sys.executable, "-c", COLLECTOR], stdout=subprocess.PIPE, text=True) as process:
        port = process.stdout.readline().strip() if process.stdout else ""
        yield f"http://127.0.0.1:{port}"
        process.terminate()


async def _counted(settings: Settings, url: str) -> tuple[Compared, float]:
    """Compare requests with metrics and without; return the CPU of writing the values once as well, in ms."""
    app = create_app(settings, url)
    async with app.router.lifespan_context(app):
        headers = await _headers(app)
        counted = Asked(app, headers)
        uncounted = Asked(_other(app, url, metrics=False), headers)
        compared = await _alternating(counted.ask, uncounted.ask, switch=partial(setattr, SWITCH, "is_on"))
        return compared, _writing(app.state.metrics)


async def _traced(settings: Settings, url: str, endpoint: str) -> Compared:
    """Compare requests that are all traced with such of which none is; both are counted."""
    app = create_app(settings.model_copy(update={"otlp_endpoint": endpoint}), url)
    async with app.router.lifespan_context(app):
        headers, tracer = await _headers(app), ACTIVE.tracer
        traced, untraced = Asked(app, headers), Asked(_other(app, url, otlp_endpoint=None), headers)

        def switch(is_on: bool) -> None:  # noqa: FBT001 -- as of metrics
            ACTIVE.tracer = tracer if is_on else None

        return await _alternating(traced.ask, untraced.ask, switch=switch)


async def _headers(app: Starlette) -> tuple[tuple[bytes, bytes], ...]:
    runtime: Runtime = app.state.runtime
    owner = await ensure_owner(runtime.db)
    spec = KeySpec(organization_id=owner.organization_id, user_id=owner.user_id, name="figures")
    key = (await runtime.access.create_key(spec)).key
    return ((b"authorization", f"Bearer {key}".encode()),)


async def _alternating(
    one: Callable[[], Awaitable[None]], other: Callable[[], Awaitable[None]], *, switch: Callable[[bool], object]
) -> Compared:
    times: dict[bool, list[float]] = {True: [], False: []}
    for turn in range(WARM + ROUNDS):
        for is_on in (True, False) if turn % 2 else (False, True):
            switch(is_on)
            spent = await _round(one if is_on else other)
            if turn >= WARM:
                times[is_on].append(spent)
    switch(True)
    return Compared(statistics.median(times[True]), statistics.median(times[False]))


async def _round(ask: Callable[[], Awaitable[None]]) -> float:
    started = time.process_time()
    for _ in range(REQUESTS):
        await ask()
    return (time.process_time() - started) * 1000 / REQUESTS


def _writing(writer: Writer) -> float:
    """Return the CPU of writing the values once, in ms."""
    started = time.process_time()
    for _ in range(WRITES):
        writer.write()
    return (time.process_time() - started) * 1000 / WRITES


def _other(app: Starlette, url: str, **settings: object) -> Starlette:
    """Return the same application as it is with other settings."""
    runtime: Runtime = app.state.runtime
    other = create_app(runtime.settings.model_copy(update=settings), url)
    other.state.runtime, other.state.blobs = runtime, app.state.blobs
    return other
