"""Optimising: dead rows removed, statistics taken, bloated and broken indexes built anew, while everybody works.

Nothing here blocks a reader or a writer: tables are vacuumed in the ordinary way, indexes are built CONCURRENTLY, and
whoever holds a lock for longer than LOCK_TIMEOUT_S is left alone. It may be killed at any point: a rebuilding that was
cut off leaves an index that is not valid, which the next one removes.
"""

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from maestro.db.engine import OWNER_ROLE, Database
from maestro.db.rows import LockNotAvailable, StatementFailed
from maestro.errors import Conflict
from maestro.progress import Progress, untold
from ops.database import indexes, tables
from ops.database.findings import IndexHealth, TableHealth

LOCK: Final = int.from_bytes(b"optimize")
"""The advisory lock of the session that optimises a database."""
LOCK_TIMEOUT_S: Final = 10

_SIZE: Final = "SELECT pg_total_relation_size(to_regclass(format('public.%I', $1::text)))"
_BUILDING: Final = "SELECT EXISTS (SELECT FROM pg_stat_progress_create_index WHERE datname = current_database())"
_LEFT: Final = """
    SELECT own.relname FROM pg_index i JOIN pg_class own ON own.oid = i.indexrelid
    JOIN pg_index subject ON subject.indrelid = i.indrelid
    WHERE subject.indexrelid = to_regclass(format('public.%I', $1::text)) AND NOT i.indisvalid AND own.relname ~ $2
"""


class Verb(StrEnum):
    """What is done."""

    DROP = "DROP"
    VACUUM = "VACUUM"
    REINDEX = "REINDEX"
    ANALYZE = "ANALYZE"


class ActionState(StrEnum):
    """What has come of it: SKIPPED where somebody held a lock."""

    PLANNED = "PLANNED"
    DONE = "DONE"
    SKIPPED = "SKIPPED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class Action:
    """Something that is done to a table or an index, why, and what came of it; sizes in bytes, None when not known."""

    verb: Verb
    subject: str
    reason: str
    sql: str
    state: ActionState = ActionState.PLANNED
    seconds: float = 0.0
    bytes_before: int | None = None
    bytes_after: int | None = None
    message: str | None = None

    @property
    def bytes_gained(self) -> int:
        """How much smaller it has become; what was made usable within a table is not counted."""
        return max((self.bytes_before or 0) - (self.bytes_after or 0), 0) if self.state is ActionState.DONE else 0


@dataclass(frozen=True, slots=True)
class Optimized:
    """All that was done, or would be."""

    actions: tuple[Action, ...]
    is_dry_run: bool

    @property
    def bytes_gained(self) -> int:
        """How much smaller tables and indexes have become together."""
        return sum(action.bytes_gained for action in self.actions)


async def optimize(url: str, *, dry_run: bool = False, progress: Progress = untold) -> Optimized:
    """Do what the database needs, one thing after the other, as the owner of its tables.

    Each action that cannot be done says why, and the others are done all the same. Conflict when another one is at it.
    """
    db = Database(url, pool_size=2, system_role=OWNER_ROLE)
    try:
        async with db.driver() as connection:
            if dry_run:
                return Optimized((*await _first(db), *await _rebuilt(db)), is_dry_run=True)
            if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", LOCK):
                raise Conflict("The database is being optimised already.", hint="Wait for the end of it.")
            await connection.execute(f"SET lock_timeout = '{LOCK_TIMEOUT_S}s'")
            done: list[Action] = []
            # How much of an index is empty is known once the dead rows of its table are gone.
            for plan in (_first, _rebuilt):
                planned = await plan(db)
                total = len(done) + len(planned)
                for action in planned:
                    progress(f"{action.verb.capitalize()} {action.subject}", len(done), total, unit="actions")
                    done.append(await _act(connection, action))
            progress("Optimised", len(done), len(done), unit="actions")
            return Optimized(tuple(done), is_dry_run=False)
    finally:
        # It gives back the lock as well.
        await db.close()


async def _first(db: Database) -> list[Action]:
    return [*await _indexes(db, Verb.DROP), *_tables(await tables.read(db))]


async def _rebuilt(db: Database) -> list[Action]:
    return await _indexes(db, Verb.REINDEX)


async def _indexes(db: Database, verb: Verb) -> list[Action]:
    if (await db.fetch_sql(_BUILDING))[0][0]:
        # What is not valid may just be in the making.
        return []
    return [action for one in await indexes.read(db) if (action := _care(one)) is not None and action.verb is verb]


def _care(index: IndexHealth) -> Action | None:
    if not index.is_valid and re.search(indexes.LEFTOVER, index.name):
        return Action(Verb.DROP, index.name, "A rebuilding that was cut off has left it.", indexes.drop(index.name))
    if not index.is_valid:
        return Action(Verb.REINDEX, index.name, "It is not valid.", indexes.rebuild(index.name))
    if indexes.is_bloated(index):
        reason = f"About {index.bloat_ratio or 0:.0%} of it is empty."
        return Action(Verb.REINDEX, index.name, reason, indexes.rebuild(index.name))
    return None


def _tables(found: Sequence[TableHealth]) -> Iterator[Action]:
    for one in found:
        if tables.needs_vacuum(one):
            reason = f"{one.dead_ratio:.0%} of its rows are dead."
            yield Action(Verb.VACUUM, one.name, reason, tables.vacuum(one.name))
        elif tables.is_unknown(one):
            yield Action(Verb.ANALYZE, one.name, "It has never been analysed.", tables.analyze(one.name))
        elif tables.is_stale(one):
            yield Action(Verb.ANALYZE, one.name, "Much of it has changed.", tables.analyze(one.name))


async def _act(connection: Any, action: Action) -> Action:
    before, began = await connection.fetchval(_SIZE, action.subject), time.perf_counter()
    state, message = ActionState.DONE, None
    try:
        await connection.execute(action.sql)
    except LockNotAvailable:
        state = ActionState.SKIPPED
        message = f"Somebody else was at it, or in a long transaction, for more than {LOCK_TIMEOUT_S} seconds."
    except StatementFailed as error:
        state, message = ActionState.FAILED, str(error)
    if state is not ActionState.DONE and action.verb is Verb.REINDEX:
        await _clear(connection, action.subject)
    return replace(
        action,
        state=state,
        message=message,
        seconds=time.perf_counter() - began,
        bytes_before=before,
        bytes_after=await connection.fetchval(_SIZE, action.subject),
    )


async def _clear(connection: Any, subject: str) -> None:
    """Remove what a rebuilding has left that came to nothing; what cannot be removed now, the next one removes."""
    left = await connection.fetch(_LEFT, subject, indexes.LEFTOVER)
    for (name,) in left:
        try:
            await connection.execute(indexes.drop(name))
        except StatementFailed:
            return
