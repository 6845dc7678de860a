"""Having a process profile itself, and waiting for what it finds; and asking which processes there are."""

import asyncio
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from uuid_utils.compat import uuid4

from maestro.db.engine import Database
from maestro.db.rows import Row
from maestro.errors import Conflict, MaestroError, ProfileFailed
from maestro.events import Event, Events, publish
from maestro.profiles import ProcessRole
from maestro.progress import Progress
from ops.profiling import records

LOOK_S: Final = 0.25
TAKEN_S: Final = 6.0
"""So long it is waited until a process takes a profile up."""
LOST_S: Final = 20.0
"""A process without a sign of life for so long is taken for dead; what it works on may stop its loop for a while."""
SLOW_S: Final = 120.0
"""So long it may take to put together what was seen."""
ROLL_CALL_S: Final = 1.0
SILENCE_S: Final = 0.25
"""So long it is waited for the first answer of a process, and after each one for another."""


@dataclass(frozen=True, slots=True)
class Present:
    """A process that is there."""

    name: str
    role: ProcessRole
    is_busy: bool
    """Whether it is being profiled just now."""


async def have_profiled(db: Database, profile_id: UUID, progress: Progress) -> dict[str, Any]:
    """Have the profile of a row made by the process that it is asked of, and return the summary.

    ProfileFailed when no process takes it up, or it ends meanwhile; Conflict when it is profiled already; NotFound.
    """
    asked = await records.begin(db, profile_id)
    waited, turns, whole = 0.0, 0, math.ceil(asked.seconds)
    while True:
        row = await records.look(db, profile_id)
        if row.is_delivered:
            if row.error is not None:
                raise _error_of(row.error)
            await records.end(db, profile_id)
            return {"process": row.process, **row.summary}
        if row.process is None:
            _require_patience(asked.target, waited)
            # Told again and again: a process may just be connecting anew.
            if turns % 4 == 0:
                await records.ask(db, profile_id, asked.target)
            progress("Waiting for a process", 0, whole, unit="seconds")
        else:
            _require_life(row, asked.seconds)
            done = min(int(row.taken_s), whole)
            phase = "Putting together what was seen" if row.taken_s > asked.seconds else f"Profiling {row.process}"
            progress(phase, done, whole, unit="seconds")
        await asyncio.sleep(LOOK_S)
        waited, turns = waited + LOOK_S, turns + 1


def _require_patience(target: str, waited: float) -> None:
    if waited > TAKEN_S:
        whom = f"No {target.lower()}" if target in ProcessRole.__members__ else f"No process called {target}"
        raise ProfileFailed(
            f"{whom} has taken the profile up.",
            hint="Ask for `processes`: a process is named by its machine and number.",
        )


def _require_life(row: Row, seconds: float) -> None:
    if row.silent_s > LOST_S or row.taken_s > seconds + SLOW_S:
        raise ProfileFailed(f"The process {row.process} has ended, or does not answer any more.", process=row.process)


def _error_of(told: Mapping[str, Any]) -> MaestroError:
    kind = Conflict if told.get("code") == Conflict.code else ProfileFailed
    return kind(str(told.get("message")), hint=told.get("hint"))


async def roll_call(db: Database, events: Events) -> list[Present]:
    """Return the processes that are there, by their names: those that answer within some tenths of a second."""
    topic, found = f"{records.TOPIC}:{uuid4().hex}", {}
    async with events.subscribed(topic) as heard:
        async with db.transaction() as tx:
            await publish(tx, [Event(records.TOPIC, {"present": topic})])
        try:
            async with asyncio.timeout(ROLL_CALL_S) as patience:
                async for event in heard:
                    if "name" in event.details:
                        found[event.details["name"]] = _present(event.details)
                        patience.reschedule(asyncio.get_running_loop().time() + SILENCE_S)
        except TimeoutError:
            pass
    return [found[name] for name in sorted(found)]


def _present(told: Mapping[str, Any]) -> Present:
    return Present(told["name"], ProcessRole(told["role"]), told["is_busy"])
