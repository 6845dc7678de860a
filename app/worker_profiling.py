"""Letting a worker be profiled, which has no schema."""

import asyncio

from app.process_profiles import TAKERS
from maestro.db.engine import Database
from maestro.events import Events
from maestro.profiles import ProcessRole, process_name
from ops.profiling.agent import Agent, Process


async def profiled_forever(url: str) -> None:
    """Listen on a connection of its own for as long as the worker lives."""
    db = Database(url, pool_size=1)
    events = Events(db)
    agent = Agent(db, events, process=Process(process_name(), ProcessRole.WORKER), takers=TAKERS)
    try:
        await events.start()
        async with agent.listening():
            await asyncio.Event().wait()
    finally:
        await events.stop()
        await db.close()
