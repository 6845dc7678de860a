"""Bringing a database to the revision that this code needs, and telling whether it is there.

Every function takes a PostgreSQL URL and opens a connection of its own, in an event loop of its own: inside a running
loop, call them by `asyncio.to_thread`.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, NullPool, func, make_url, select
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from maestro import invocation
from maestro.errors import InvalidInput, SchemaBehindError, StartupError

T = TypeVar("T")

LOCK = int.from_bytes(b"maestro")
"""The advisory lock that whoever migrates holds, so that servers starting at once do so one after the other."""
LOCK_POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class Revision:
    """A state of the schema, by the migration that leads to it."""

    id: str
    title: str


@cache
def history() -> tuple[Revision, ...]:
    """Every revision that this code knows, the oldest first; read once, for a readiness probe asks again and again."""
    scripts = ScriptDirectory.from_config(configuration()).walk_revisions()
    return tuple(Revision(script.revision, script.doc.removesuffix(".")) for script in scripts)[::-1]


def head() -> str:
    """The revision that this code needs."""
    return history()[-1].id


def current(url: str) -> str | None:
    """The revision of the database, known to this code or not; None when nothing was ever migrated."""
    return run_on(url, _current)


def pending(url: str) -> list[Revision]:
    """What the database lacks, the oldest first. Raises StartupError when it is ahead of this code."""
    return run_on(url, lambda connection: list(history()[_reached(connection) :]))


def require_current(url: str) -> None:
    """Raise SchemaBehindError when the database lacks revisions, StartupError when it is ahead of this code."""
    if missing := pending(url):
        raise SchemaBehindError(
            f"The database lacks {len(missing)} of the migrations of this version, up to {missing[-1].id}.",
            hint=f"Back the database up and run `{invocation.command('migrate')}`.",
            pending=[revision.id for revision in missing],
        )


def upgrade(url: str, target: str = "head") -> list[Revision]:
    """Run what is missing up to `target`, each revision in a transaction of its own, and return what was run.

    Waits for another process that migrates the same database. Raises StartupError when the database is ahead of this
    code and InvalidInput when there is no such target.
    """
    wanted = _position(target)

    def run(connection: Connection) -> list[Revision]:
        if missing := history()[_reached(connection) : wanted]:
            command.upgrade(configuration(connection), missing[-1].id)
        return list(missing)

    return run_on(url, run, exclusive=True)


def downgrade(url: str, target: str) -> list[Revision]:
    """Undo what came after `target`, a revision or `base`, and return what was undone, the newest first.

    Undoing a revision loses the data in what it had added. Waits and raises as `upgrade` does.
    """
    kept = _position(target)

    def run(connection: Connection) -> list[Revision]:
        if undone := history()[kept : _reached(connection)]:
            command.downgrade(configuration(connection), target)
        return list(undone[::-1])

    return run_on(url, run, exclusive=True)


def configuration(connection: Connection | None = None) -> Config:
    """Alembic's settings; what runs `migrations/env.py` has to lend a connection."""
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", "maestro.db:migrations")
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    return config


def run_on(url: str, work: Callable[[Connection], T], *, exclusive: bool = False) -> T:
    """Call `work` on a new connection to the database; when `exclusive`, while nobody else migrates it."""

    async def run() -> T:
        engine = create_async_engine(
            make_url(url).set(drivername="postgresql+asyncpg"),
            # Closing the connection gives back the lock, also when the work has failed.
            poolclass=NullPool,
            connect_args={"server_settings": {"application_name": "maestro migrate"}},
        )
        async with engine.connect() as connection:
            if exclusive:
                await _lock(connection)
            return await connection.run_sync(work)

    return asyncio.run(run())


async def _lock(connection: AsyncConnection) -> None:
    # Asking again and again: waiting inside of one statement would keep its snapshot open, and an index that the
    # other process builds CONCURRENTLY waits for the end of every snapshot.
    while not await connection.scalar(select(func.pg_try_advisory_lock(LOCK))):
        await connection.rollback()
        await asyncio.sleep(LOCK_POLL_S)
    # The lock is the session's. Alembic begins its own transactions, unless one is open already.
    await connection.commit()


def _current(connection: Connection) -> str | None:
    found = MigrationContext.configure(connection).get_current_revision()
    connection.rollback()
    return found


def _reached(connection: Connection) -> int:
    """How many of the revisions that we know the database has."""
    found = _current(connection)
    known = [None, *(revision.id for revision in history())]
    if found not in known:
        raise StartupError(
            f"The database is ahead of this version of Maestro: it is at revision {found}, unknown to this version, "
            f"whose last one is {known[-1]}.",
            hint="Start the version that migrated the database, or a later one.",
            revision=found,
        )
    return known.index(found)


def _position(target: str) -> int:
    """How many revisions a database at `target` has."""
    ids = [revision.id for revision in history()]
    positions = {"base": 0, **{name: position for position, name in enumerate(ids, 1)}, "head": len(ids)}
    if target not in positions:
        raise InvalidInput(f"There is no revision {target!r}. There are: {', '.join(positions)}.", field="target")
    return positions[target]
