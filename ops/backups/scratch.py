"""Scratch databases, in which backups are restored to be verified; none is left for long, whatever happens."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final
from uuid import uuid4

import asyncpg

from maestro.db.direct import name_of, named
from maestro.errors import PreflightFailed, Transient
from ops.backups.manifest import Manifest
from ops.backups.servers import Connection, connected, quoted, transient

CLUSTER: Final = "postgres"
"""The database from which others are made and dropped; advisory locks are taken in it."""
LONGEST: Final = 63
"""Bytes in a name of PostgreSQL."""
_MARK: Final = "_verify_"
_DROPPING_S: Final = 300.0
"""So long a drop may take, for which PostgreSQL writes all that is not on the disk yet."""
_HURRYING_S: Final = 3.0
"""So long it may take for somebody who cancels; otherwise the next verification drops it."""
_LOCK: Final = "SELECT pg_try_advisory_lock(hashtextextended($1, 0))"
_UNLOCK: Final = "SELECT pg_advisory_unlock(hashtextextended($1, 0))"
_LEFT: Final = "SELECT datname::text AS name FROM pg_database WHERE starts_with(datname, $1) ORDER BY 1"


@asynccontextmanager
async def scratch_database(url: str, manifest: Manifest) -> AsyncIterator[str]:
    """Make an empty database like the one that was backed up, on the server of a URL, and give its URL for a block.

    It is dropped at the end. When this process is killed, the next one drops it: whoever uses one holds a lock.
    PreflightFailed when the account may make no database, or the server has not its locale.
    """
    name = _prefix(name_of(url)) + uuid4().hex[:12]
    async with connected(url, database=CLUSTER) as cluster:
        with transient():
            await _sweep(cluster, name_of(url))
            await cluster.execute("SELECT pg_advisory_lock(hashtextextended($1, 0))", name)
            try:
                await cluster.execute(f"CREATE DATABASE {quoted(name)} TEMPLATE template0 {_options(manifest)}")
            except (asyncpg.InsufficientPrivilegeError, asyncpg.InvalidParameterValueError) as error:
                raise PreflightFailed(
                    f"The database to verify the backup in cannot be made: {error}.",
                    hint="Let the account make databases (ALTER ROLE … CREATEDB), on a server that has the locale.",
                    checks=[{"name": "scratch", "isPassed": False, "result": str(error)}],
                ) from error
        patience_s = _DROPPING_S
        try:
            yield named(url, name)
        except asyncio.CancelledError:
            patience_s = _HURRYING_S
            raise
        finally:
            with suppress(Transient, asyncpg.PostgresError):
                await _drop(cluster, name, patience_s=patience_s)


async def sweep_scratch_databases(url: str) -> list[str]:
    """Drop the scratch databases that nobody uses any more, beside the database of a URL, and return their names."""
    async with connected(url, database=CLUSTER) as cluster:
        with transient():
            return await _sweep(cluster, name_of(url))


async def _sweep(cluster: Connection, database: str) -> list[str]:
    dropped = []
    for row in await cluster.fetch(_LEFT, _prefix(database)):
        if await cluster.fetchval(_LOCK, row["name"]):
            await _drop(cluster, row["name"])
            await cluster.fetchval(_UNLOCK, row["name"])
            dropped.append(row["name"])
    return dropped


async def _drop(cluster: Connection, name: str, *, patience_s: float = _DROPPING_S) -> None:
    with transient():
        await cluster.execute(f"DROP DATABASE IF EXISTS {quoted(name)} WITH (FORCE)", timeout=patience_s)


def _prefix(database: str) -> str:
    room = LONGEST - len(_MARK) - 12
    return database.encode()[:room].decode(errors="ignore") + _MARK


def _options(manifest: Manifest) -> str:
    """Return the options of CREATE DATABASE by which an empty one is like the one that was backed up."""
    state = manifest.database
    options = [f"ENCODING {_literal(state.encoding)}"]
    locale = manifest.details.get("database", {}).get("locale")
    options += [f"LC_COLLATE {_literal(state.collation)}", f"LC_CTYPE {_literal(state.ctype)}"]
    match state.locale_provider:
        case "i":
            options.append(f"LOCALE_PROVIDER icu ICU_LOCALE {_literal(str(locale))}")
        case "b":
            options.append(f"LOCALE_PROVIDER builtin BUILTIN_LOCALE {_literal(str(locale))}")
        case _:
            options.append("LOCALE_PROVIDER libc")
    return " ".join(options)


def _literal(text: str) -> str:
    return "E'" + text.replace("\\", "\\\\").replace("'", "''") + "'"
