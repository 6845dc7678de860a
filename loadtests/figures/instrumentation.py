"""What it costs a request that it is counted: with metrics and without, side by side, round by round."""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
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
from maestro.telemetry.values import SWITCH
from maestro.telemetry.writing import Writer
from resolvers.setup import ensure_owner

ROUNDS: Final = 60
REQUESTS: Final = 100
WARM: Final = 4
WRITES: Final = 20


@dataclass(frozen=True, slots=True)
class Compared:
    """The CPU of a request with and without metrics, in ms, as medians of rounds; and of writing them once."""

    on: float
    off: float
    writing: float

    @property
    def ratio(self) -> float:
        """What a request costs with metrics to without."""
        return self.on / self.off


def measure() -> list[Figure]:
    """Seed the demo, and ask one small query many times: once it is executed each time, once it is kept."""
    folder = Path(tempfile.mkdtemp(prefix="maestro-figures-"))
    folder.chmod(0o711)
    unlimited: dict[str, Any] = {f"rate_limit_{name}": OFF for name in ("requests", "cost", "ingest")}
    try:
        command(folder, "seed")
        with database(Settings(data_dir=folder)) as url:
            executed = asyncio.run(_compared(Settings(data_dir=folder, cache=False, **unlimited), url))
            kept = asyncio.run(_compared(Settings(data_dir=folder, cache=True, **unlimited), url))
    finally:
        rmtree(folder)
    return [
        Figure("CPU of a request that is executed, counted", executed.on, "ms"),
        Figure("  that request, not counted", executed.off, "ms"),
        Figure("CPU of a request that is executed, counted to not counted", executed.ratio, "times", at_most=1.05),
        Figure("CPU of an answer that was kept, counted", kept.on, "ms"),
        Figure("  that answer, not counted", kept.off, "ms"),
        Figure("CPU of an answer that was kept, counted to not counted", kept.ratio, "times", at_most=1.05),
        Figure("CPU of writing all values, once a second", kept.writing, "ms", at_most=20),
    ]


async def _compared(settings: Settings, url: str) -> Compared:
    app = create_app(settings, url)
    async with app.router.lifespan_context(app):
        runtime: Runtime = app.state.runtime
        owner = await ensure_owner(runtime.db)
        spec = KeySpec(organization_id=owner.organization_id, user_id=owner.user_id, name="figures")
        key = (await runtime.access.create_key(spec)).key
        headers = ((b"authorization", f"Bearer {key}".encode()),)
        counted, uncounted = Asked(app, headers), Asked(_uncounted(app, url), headers)
        on, off = await _alternating(counted.ask, uncounted.ask)
        return Compared(on, off, _writing(app.state.metrics))


async def _alternating(counted: Callable[[], Awaitable[None]], uncounted: Callable[[], Awaitable[None]]) -> Any:
    times: dict[bool, list[float]] = {True: [], False: []}
    for turn in range(WARM + ROUNDS):
        for is_on in (True, False) if turn % 2 else (False, True):
            SWITCH.is_on = is_on
            spent = await _round(counted if is_on else uncounted)
            if turn >= WARM:
                times[is_on].append(spent)
    SWITCH.is_on = True
    return statistics.median(times[True]), statistics.median(times[False])


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


def _uncounted(app: Starlette, url: str) -> Starlette:
    """Return the same application as it is without metrics."""
    runtime: Runtime = app.state.runtime
    other = create_app(runtime.settings.model_copy(update={"metrics": False}), url)
    other.state.runtime, other.state.blobs = runtime, app.state.blobs
    return other
