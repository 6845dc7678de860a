"""Filling an empty database from a backup that was opened, and comparing what is in it with what was backed up."""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import asyncpg

from maestro.errors import PreflightFailed
from maestro.progress import Progress, untold
from ops.backups.contents import Contents, contents_of
from ops.backups.manifest import Manifest, TableState
from ops.backups.opening import OpenedBackup
from ops.backups.processes import run
from ops.backups.programs import Programs, find_programs
from ops.backups.servers import Connection, connected, libpq_environment, quoted
from ops.backups.snapshots import exported
from ops.backups.watching import watched
from ops.backups.yielding import yielding

JOBS: Final = 2
"""Connections of a restore unless the caller says otherwise."""
_FINISHED: Final = re.compile(r"finished item \d+ (?:INDEX|CONSTRAINT|FK CONSTRAINT|MATERIALIZED VIEW DATA) ")
_IS_EMPTY: Final = """
    SELECT NOT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_%')"""
# Since PostgreSQL 16 a member may be one that cannot take on the role.
_STANDING: Final = """
    SELECT r.rolsuper OR r.rolcreaterole AS may_create,
        ARRAY(SELECT name FROM unnest($1::text[]) name WHERE to_regrole(quote_ident(name)) IS NULL) AS missing,
        ARRAY(SELECT name FROM unnest($2::text[]) name WHERE NOT coalesce(pg_has_role(to_regrole(quote_ident(name)),
            CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END), false))
            AS strangers
    FROM pg_roles r WHERE r.rolname = current_user"""


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that is not what it was: its name, like `public.run`, and both sides; None where it is not there."""

    name: str
    expected: str | None
    found: str | None

    @property
    def plain(self) -> dict[str, str | None]:
        """The same as JSON values."""
        return {"name": self.name, "expected": self.expected, "found": self.found}


@dataclass(frozen=True, slots=True)
class Comparison:
    """How a restored database differs from the backup's manifest, and how much was compared."""

    tables: int
    rows: int
    revision: str | None
    differences: tuple[Difference, ...]

    @property
    def is_equal(self) -> bool:
        """Whether every row is there as it was, and everything that has a name."""
        return not self.differences


async def restore_into(
    *, source: OpenedBackup, url: str, jobs: int = JOBS, programs: Programs | None = None, progress: Progress = untold
) -> None:
    """Fill the empty database of a URL from a backup; roles of the server that it names are made when they are missing.

    Everything belongs to whom it belonged to, where the account of the URL may give it to them, and to that account
    otherwise. Raises PreflightFailed when the database is not empty, or the programs or roles are not to be had,
    ProgramFailed when something of the backup cannot be restored, Transient when the server cannot be reached.
    """
    async with connected(url) as connection:
        programs = programs or await find_programs(connection.get_server_version().major)
        await _require_empty(connection)
        is_owning = await _prepare_roles(connection, source.manifest)
    # Nobody relies on what is restored before something is committed that waits for all of it to be on the disk.
    options = "-c synchronous_commit=off -c maintenance_work_mem=256MB"
    if jobs == 1:
        # Whoever wants one job wants the other cores left alone, and so no helpers for each index.
        options += " -c max_parallel_maintenance_workers=0"
    environment = {**libpq_environment(url), "PGOPTIONS": options}
    command: list[str | Path] = [
        programs.path("pg_restore"),
        f"--jobs={jobs}",
        "--exit-on-error",
        "--no-password",
        "--verbose",
        *([] if is_owning else ["--no-owner"]),
        f"--dbname={environment['PGDATABASE']}",
        source.dump,
    ]
    built = _Built(progress)
    sizes = source.manifest.details.get("sizes", {})
    async with watched(url, sizes, phase="Restoring rows", progress=progress), yielding(url):
        await run(command, environment=environment, told=built.hear)


async def compare(*, manifest: Manifest, url: str, connections: int = 2, progress: Progress = untold) -> Comparison:
    """Compare every row of a database with a manifest, and sequences, revision and the names of all that it has."""
    async with exported(url) as snapshot, yielding(url):
        found = await contents_of(snapshot, connections=connections, phase="Comparing rows", progress=progress)
    return Comparison(
        tables=len(found.tables),
        rows=sum(table.rows for table in found.tables.values()),
        revision=found.revision,
        differences=tuple(_differences(manifest, found)),
    )


class _Built:
    """Tells of the indexes and constraints that are being made, which is what takes time after the rows."""

    def __init__(self, progress: Progress) -> None:
        self._progress, self._done = progress, 0

    def hear(self, line: str) -> None:
        if _FINISHED.search(line):
            self._done += 1
            self._progress("Building indexes", self._done, unit="objects")


async def _require_empty(connection: Connection) -> None:
    if await connection.fetchval(_IS_EMPTY):
        return
    name = await connection.fetchval("SELECT current_database()")
    raise PreflightFailed(
        f"The database {name} is not empty: a backup is restored into an empty one.",
        checks=[{"name": "empty", "isPassed": False, "result": f"{name} has tables"}],
    )


async def _prepare_roles(connection: Connection, manifest: Manifest) -> bool:
    """Make the roles that the backup grants something to and that are missing; say whether owners can stay owners."""
    roles, owners = manifest.details.get("roles", []), manifest.details.get("owners", [])
    standing = await connection.fetchrow(_STANDING, [role["name"] for role in roles], owners)
    missing = [role for role in roles if role["name"] in standing["missing"]]
    statements = [*map(_created, missing), *(sql for role in missing for sql in _joined(role))]
    if missing and not standing["may_create"]:
        raise PreflightFailed(
            "The backup grants rights to roles that this server does not have, and the account may not make them.",
            hint=f"Let a superuser run this once, then try again: {' '.join(f'{sql};' for sql in statements)}",
            checks=[{"name": "roles", "isPassed": False, "result": ", ".join(role["name"] for role in missing)}],
        )
    for sql in statements:
        # Two restores at a time may make the same one.
        with suppress(asyncpg.DuplicateObjectError):
            await connection.execute(sql)
    return not standing["strangers"]


def _created(role: Mapping[str, Any]) -> str:
    """Return what makes a role as it was: without a password, and without any right of its own."""
    login, inherits = "LOGIN" if role["canLogin"] else "NOLOGIN", "INHERIT" if role["inherits"] else "NOINHERIT"
    return f"CREATE ROLE {quoted(role['name'])} {login} {inherits}"


def _joined(role: Mapping[str, Any]) -> Iterator[str]:
    for group in role["memberOf"]:
        yield f"GRANT {quoted(group)} TO {quoted(role['name'])}"


def _differences(manifest: Manifest, found: Contents) -> Iterator[Difference]:
    yield from _unequal(_rows_of(manifest.tables), _rows_of(found.tables))
    # A sequence knows no snapshots: what was taken from it while the dump was made is no difference.
    for name, value in manifest.sequences.items():
        now = found.sequences.get(name)
        if now is None or now < value:
            yield Difference(name, str(value), None if now is None else str(now))
    yield from _unequal(_objects_of(manifest.details), _objects_of(found.details))
    if manifest.schema_revision != (found.revision or ""):
        yield Difference("schema revision", manifest.schema_revision, found.revision)


def _unequal(expected: Mapping[str, str], found: Mapping[str, str]) -> Iterator[Difference]:
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            yield Difference(name, expected.get(name), found.get(name))


def _rows_of(tables: Mapping[str, TableState]) -> dict[str, str]:
    return {name: f"{table.rows} rows, {table.checksum}" for name, table in tables.items()}


def _objects_of(details: Mapping[str, Any]) -> dict[str, str]:
    return {kind: f"{seen['count']}, {seen['sha256']}" for kind, seen in details.get("objects", {}).items()}
