"""The fence around a database that is being replaced: who may put it up, and how it comes down whatever happens.

Whoever fences holds a session's advisory lock in the database `postgres`, and the server gives it back when they die.
So a fence whose lock is free was abandoned, and anybody may undo it.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from maestro.db.direct import connected, name_of
from maestro.db.rows import CONNECTION_LOST, StatementFailed
from maestro.errors import Conflict, StartupError, Transient
from ops.restores.databases import Found, Note, Role, find, quoted, set_open, write_note

logger = logging.getLogger(__name__)

MAINTENANCE: Final = "postgres"
"""The database from which the others are renamed: nobody can rename the one that they are in."""
ENDING_S: Final = 5.0
"""So long sessions may take to end; after that the fence comes down again."""
POLL_S: Final = 0.005
_KEY: Final = "hashtextextended($1, 0)"
_LOCK: Final = f"SELECT pg_try_advisory_lock({_KEY})"
_UNLOCK: Final = f"SELECT pg_advisory_unlock({_KEY})"
# A worker of autovacuum, which has no user, is the server's own: the rename ends it, and only a superuser may.
_END: Final = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = ANY($1) AND pid <> ALL($2) AND (usesysid IS NOT NULL OR
        (SELECT rolsuper FROM pg_roles WHERE rolname = current_user))
"""
_LEFT: Final = """
    SELECT count(*) FROM pg_stat_activity WHERE datname = ANY($1) AND pid <> ALL($2) AND usesysid IS NOT NULL
"""


@asynccontextmanager
async def locked(cluster: Any, name: str) -> AsyncIterator[None]:
    """Be the only one who exchanges a database for the length of a block; Conflict while somebody else is at it."""
    if not await cluster.fetchval(_LOCK, _place(name)):
        raise Conflict(
            f"The database {name} is being exchanged by somebody else.",
            hint="Wait until that restore has ended, then try again.",
        )
    try:
        yield
    finally:
        # With the connection the lock goes as well.
        with contextlib.suppress(*CONNECTION_LOST):
            await cluster.fetchval(_UNLOCK, _place(name))


@asynccontextmanager
async def fenced(cluster: Any, found: Found, *, by: str) -> AsyncIterator[None]:
    """Keep everybody out of a database for the length of a block, and let them in again unless it was replaced.

    Those who are in stay until `end_sessions`; to be used by who holds the lock.
    """
    async with cluster.transaction():
        await set_open(cluster, found.name, is_open=False)
        await write_note(cluster, found.name, Note(Role.FENCED, found.name, by, comment=found.comment))
    try:
        yield
    finally:
        # Cut off half-way, it comes down all the same; with the connection lost, somebody else takes it down.
        await asyncio.shield(asyncio.ensure_future(_come_down(cluster, found.name, by)))


async def _come_down(cluster: Any, name: str, by: str) -> None:
    with contextlib.suppress(*CONNECTION_LOST):
        found = await find(cluster, name)
        if found is not None and found.note is not None and (found.note.role, found.note.by) == (Role.FENCED, by):
            await undo(cluster, found)


async def undo(cluster: Any, found: Found) -> None:
    """Let everybody into a fenced database again."""
    async with cluster.transaction():
        await set_open(cluster, found.name, is_open=True)
        await write_note(cluster, found.name, None, comment=found.comment)


async def end_sessions(cluster: Any, names: Sequence[str], *, but: Sequence[int] = ()) -> None:
    """End everybody's sessions in some databases, but for some, and wait until they are gone; Transient."""
    until = time.monotonic() + ENDING_S
    while True:
        await cluster.fetch(_END, names, but)
        if not await cluster.fetchval(_LEFT, names, but):
            return
        if time.monotonic() > until:
            raise Transient(f"Sessions in the database {names[0]} did not end within {ENDING_S:g} seconds.")
        await asyncio.sleep(POLL_S)


async def undo_abandoned_fence(url: str) -> bool:
    """Open the database of a URL again if a restore has closed it and did not live to go on; say whether it was so.

    Whoever starts on a database calls it, and workers once a second. The account has to own the database: StartupError
    with the remedy for another one. One that somebody else has closed, for reasons of their own, stays closed.
    """
    name = name_of(url)
    async with connected(url, database=MAINTENANCE) as cluster:
        if not _is_fenced(await find(cluster, name)):
            return False
        try:
            async with locked(cluster, name):
                found = await find(cluster, name)
                # Meanwhile it may have come to a good end.
                if found is None or not _is_fenced(found):
                    return False
                await undo(cluster, found)
        except Conflict:
            return False
        except StatementFailed as error:
            raise StartupError(
                f"A restore that was interrupted has left the database {name} closed, and this account may not open "
                f"it: {error}.",
                hint=f"Let its owner run: ALTER DATABASE {quoted(name)} ALLOW_CONNECTIONS true;",
            ) from error
        return True


async def await_open(url: str, *, patience_s: float = 30.0) -> bool:
    """Wait while the database of a URL is being exchanged, and undo what was abandoned; say whether there was a fence.

    StartupError when it takes too long.
    """
    name, until, was_fenced = name_of(url), time.monotonic() + patience_s, False
    async with connected(url, database=MAINTENANCE) as cluster:
        while _is_fenced(await find(cluster, name)):
            was_fenced = True
            if await undo_abandoned_fence(url):
                break
            if time.monotonic() > until:
                raise StartupError(
                    f"The database {name} has been in the middle of a restore for {patience_s:g} seconds.",
                    hint="Wait for the end of the restore, then try again.",
                )
            await asyncio.sleep(0.1)
    return was_fenced


async def watch(url: str, *, every_s: float = 1.0) -> None:
    """Undo what is abandoned, for ever: for a worker, which looks once a second. By the URL of the database's owner."""
    while True:
        await asyncio.sleep(every_s)
        try:
            if await undo_abandoned_fence(url):
                logger.warning("A restore that was interrupted had left the database closed; it is open again.")
        except (*CONNECTION_LOST, StatementFailed, StartupError) as error:
            logger.warning("It cannot be seen whether a restore has left the database closed: %s", error)


def _is_fenced(found: Found | None) -> bool:
    return found is not None and not found.is_open and found.note is not None and found.note.role is Role.FENCED


def _place(name: str) -> str:
    return f"maestro exchange of {name}"
