"""The log of slow operations: one record each, with its slowest statements and, now and then, the plan of the worst."""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from maestro.db.engine import Database
from maestro.db.plans import plan_of
from maestro.db.rows import CONNECTION_LOST, StatementFailed
from maestro.effort import Run
from maestro.logs import FACTS

logger = logging.getLogger(__name__)

EVERY_S: Final = 5.0
"""So often a plan is asked for at most, by one process."""
AFTER_S: Final = 0.05
"""So long after its end the plan of an operation is asked for: its answer is sent first."""
PLAN_S: Final = 1.0
"""So long a plan may take, with waiting for a connection."""
MOST_SQL: Final = 4000
"""Characters of a statement that are told."""


@dataclass(frozen=True, slots=True)
class Slow:
    """What is told of a slow operation: plain values, and its slowest statements, without theirs."""

    facts: Mapping[str, Any]
    slowest: Sequence[Run]


class SlowOperations:
    """Writes the records of one process."""

    def __init__(self) -> None:
        self._explained_at = -EVERY_S
        self._tasks: set[asyncio.Task[None]] = set()

    def report(self, db: Database, slow: Slow) -> None:
        """Write a record: at once, or with the plan of its slowest statement once that is there."""
        now = time.monotonic()
        if not slow.slowest or now - self._explained_at < EVERY_S:
            _write(slow, None)
            return
        self._explained_at = now
        task = asyncio.create_task(_explained(db, slow), name="plan")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _explained(db: Database, slow: Slow) -> None:
    plan: list[str] | None = None
    try:
        await asyncio.sleep(AFTER_S)
        async with asyncio.timeout(PLAN_S):
            plan = await plan_of(db, slow.slowest[0])
    except (TimeoutError, StatementFailed, *CONNECTION_LOST) as error:
        logger.debug("There is no plan of a slow statement: %s", type(error).__qualname__)
    finally:
        # Also when the process ends meanwhile.
        _write(slow, plan)


def _write(slow: Slow, plan: list[str] | None) -> None:
    facts = {
        **slow.facts,
        "slowest": [{"seconds": round(run.seconds, 4), "sql": run.sql[:MOST_SQL]} for run in slow.slowest],
    }
    if plan is not None:
        facts["plan"] = plan
    logger.warning(
        "Slow operation: %s %s took %.3f s",
        *(facts["type"], facts["name"], facts["seconds"]),
        extra={FACTS: {"operation": facts}},
    )


SLOW: Final = SlowOperations()
"""Those of this process."""
