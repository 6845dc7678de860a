"""What hostile operations cost: each is sent through the whole application, as a document that no cache knows."""

import asyncio
import logging
import statistics
import tempfile
import time
from pathlib import Path
from shutil import rmtree
from typing import Final

import orjson

from app.database import database
from app.server import create_app
from loadtests.figures.access import OFF, Asked
from loadtests.figures.results import Figure
from loadtests.figures.server import command
from loadtests.hostile import CORPUS, Hostile
from maestro.access.keys import KeySpec
from maestro.runtime import Runtime
from maestro.settings import Settings
from resolvers.setup import ensure_owner

ROUNDS: Final = 5
SHOWN: Final = 8
"""So many of the dearest are shown by name."""


def measure() -> list[Figure]:
    """Send each operation of the corpus several times; RuntimeError when one is answered without one of its codes."""
    # As the server's command has it: what is refused is told to who asks, and is no matter for the log.
    logging.getLogger("strawberry.execution").setLevel(logging.CRITICAL)
    folder = Path(tempfile.mkdtemp(prefix="maestro-figures-"))
    folder.chmod(0o711)
    try:
        command(folder, "seed")
        settings = Settings(data_dir=folder, rate_limit_requests=OFF, rate_limit_cost=OFF, rate_limit_ingest=OFF)
        with database(settings) as url:
            spent = asyncio.run(_measure(settings, url))
    finally:
        rmtree(folder)
    dearest = sorted(spent, key=lambda name: spent[name], reverse=True)
    worst = Figure(f"CPU of the dearest of {len(spent)} documents", spent[dearest[0]], "ms", at_most=50)
    return [worst, *(Figure(f"  one of the dearest: {name}", spent[name], "ms") for name in dearest[:SHOWN])]


async def _measure(settings: Settings, url: str) -> dict[str, float]:
    """Return the median CPU of each operation in ms, by its name."""
    app = create_app(settings, url)
    async with app.router.lifespan_context(app):
        runtime: Runtime = app.state.runtime
        owner = await ensure_owner(runtime.db)
        spec = KeySpec(organization_id=owner.organization_id, user_id=owner.user_id, name="figures")
        made = await runtime.access.create_key(spec)
        asked = Asked(app, ((b"authorization", f"Bearer {made.key}".encode()),))
        await asked.ask()
        rounds = [{name: await _sent(asked, one, turn) for name, one in CORPUS.items()} for turn in range(ROUNDS)]
    return {name: statistics.median(spent[name] for spent in rounds) for name in CORPUS}


async def _sent(asked: Asked, one: Hostile, number: int) -> float:
    body = one.body(number)
    started = time.process_time()
    answer = await asked.send(body)
    spent = (time.process_time() - started) * 1000
    codes = {error.get("extensions", {}).get("code") for error in orjson.loads(answer).get("errors", [])}
    if not codes or not codes <= set(one.codes):
        raise RuntimeError(f"{one.query[:80]!r} was answered with {answer[:500].decode()}")
    return spent
