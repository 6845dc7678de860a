"""Whether a backup can end well, looked at before it is begun: each check with its result, and what would help."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import asyncpg

from connectors.stores import probe
from maestro.db import migrate
from maestro.errors import MaestroError, PreflightFailed
from maestro.progress import Progress, untold
from ops.backups.blobs import unsent_bytes
from ops.backups.contents import revision_of
from ops.backups.dumping import known_blobs
from ops.backups.making import Destination, Installation
from ops.backups.programs import find_programs
from ops.backups.servers import Connection, connected, quoted, transient

SPARE: Final = 1.1
"""A dump is nearly always smaller than its tables, and never much larger; the same of a restored database."""
_FACTS: Final = """
    SELECT current_user::text AS account, current_setting('server_version') AS version,
        r.rolsuper OR r.rolbypassrls AS sees_all, r.rolsuper OR r.rolcreatedb AS makes_databases,
        pg_database_size(current_database()) AS database_bytes,
        coalesce((SELECT sum(pg_table_size(c.oid)) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema')
                AND n.nspname NOT LIKE 'pg\\_%'), 0)::bigint AS table_bytes,
        ARRAY(SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
                AND n.nspname NOT LIKE 'pg\\_%' AND NOT pg_has_role(c.relowner, 'USAGE')
                AND (c.relrowsecurity OR NOT has_table_privilege(c.oid, 'SELECT')) ORDER BY 1) AS hidden
    FROM pg_roles r WHERE r.rolname = current_user"""


@dataclass(frozen=True, slots=True)
class Check:
    """Something that has to be so: what was found, and what helps where it is not."""

    name: str
    is_passed: bool
    result: str
    hint: str | None = None

    @property
    def plain(self) -> dict[str, Any]:
        """The same as JSON values."""
        hint = None if self.is_passed else self.hint
        return {"name": self.name, "isPassed": self.is_passed, "result": self.result, "hint": hint}


async def check_backup(
    installation: Installation,
    destination: Destination,
    *,
    is_verified: bool = True,
    progress: Progress = untold,
) -> tuple[Check, ...]:
    """Look whether a backup can be made, and verified with `is_verified`; nothing is left behind.

    No check raises: one whose question cannot be asked has failed.
    """
    progress("Looking ahead")
    checking = _Checking(installation, destination, is_verified)
    return tuple([check async for check in checking.checks()])


async def require_ready(
    installation: Installation,
    destination: Destination,
    *,
    is_verified: bool = True,
    progress: Progress = untold,
) -> tuple[Check, ...]:
    """Return the checks of `check_backup`, or raise PreflightFailed with all of them when one has failed."""
    checks = await check_backup(installation, destination, is_verified=is_verified, progress=progress)
    return require(checks)


def require(checks: tuple[Check, ...]) -> tuple[Check, ...]:
    """Return checks that have all passed; PreflightFailed with all of them when one has failed."""
    if failed := [check for check in checks if not check.is_passed]:
        raise PreflightFailed(
            f"Not begun: {'; '.join(f'{check.name}: {check.result}' for check in failed)}.",
            hint=next((check.hint for check in failed if check.hint), None),
            checks=[check.plain for check in checks],
        )
    return checks


@dataclass(frozen=True, slots=True)
class _Checking:
    installation: Installation
    destination: Destination
    is_verified: bool

    async def checks(self) -> AsyncIterator[Check]:
        yield self._key()
        store = await self._store()
        yield store
        try:
            async with connected(self.installation.url) as connection:
                async for check in self._database(connection, has_store=store.is_passed):
                    yield check
        except (MaestroError, asyncpg.PostgresError) as error:
            hint = "Check MAESTRO_DATABASE_URL and MAESTRO_OPERATIONS_URL, and that the server runs."
            yield Check("database", is_passed=False, result=str(error).rstrip("."), hint=hint)

    async def _database(self, connection: Connection, *, has_store: bool) -> AsyncIterator[Check]:
        with transient():
            facts = await connection.fetchrow(_FACTS)
        yield Check("database", is_passed=True, result=f"PostgreSQL {facts['version']}")
        rows = _rows(facts)
        yield rows
        if self.is_verified:
            yield _databases(facts)
        yield await self._programs(int(facts["version"].partition(".")[0]))
        if not rows.is_passed:
            return
        with transient():
            revision, blobs = await revision_of(connection), await known_blobs(connection)
        yield await asyncio.to_thread(_schema, revision)
        if has_store:
            unsent = await unsent_bytes(blobs, self.destination.store, self.destination.seal)
            for check in await asyncio.to_thread(lambda: list(self._rooms(facts, unsent))):
                yield check

    def _key(self) -> Check:
        seal = self.destination.seal
        if seal is None:
            return Check("key", is_passed=True, result="signed, not encrypted")
        is_there = seal.key_id in self.destination.keys.ids
        return Check(
            "key",
            is_passed=is_there,
            result=f"encrypted for {len(seal.recipients)}" if is_there else f"the master key {seal.key_id} is missing",
            hint="Bring the master key back: `python -m app secrets status` lists those in use.",
        )

    async def _store(self) -> Check:
        failed = next((step for step in await probe(self.destination.store) if step.error is not None), None)
        if failed is None or failed.error is None:
            return Check("store", is_passed=True, result=str(self.destination.store))
        return Check("store", is_passed=False, result=f"{failed.name}: {failed.error}", hint=failed.error.hint)

    async def _programs(self, major: int) -> Check:
        try:
            found = await find_programs(major, folder=self.installation.programs)
        except PreflightFailed as error:
            return Check("programs", is_passed=False, result=error.message, hint=error.hint)
        return Check("programs", is_passed=True, result=f"{found.version} in {found.folder}, {found.compression}")

    def _rooms(self, facts: Mapping[str, Any], unsent: int) -> Iterator[Check]:
        """Look at each disk for all that will be on it at the same time."""
        dump = int(facts["table_bytes"] * SPARE)
        local = self.destination.store.folder
        needs: list[tuple[Path, int]] = [(local, dump + unsent)] if local is not None else []
        if local is None or self.destination.seal is not None:
            needs.append((self.destination.work_of(UUID(int=0)), dump))
        if self.is_verified and self.installation.cluster is not None:
            needs.append((self.installation.cluster, int(facts["database_bytes"] * SPARE)))
        yield from rooms(needs)


def rooms(needs: Iterable[tuple[Path, int]]) -> Iterator[Check]:
    """Look at each disk for all the bytes that will be in some folders at the same time."""
    disks: dict[int, tuple[Path, int]] = {}
    for folder, need in needs:
        place = next(one for one in (folder, *folder.parents) if one.exists())
        _, others = disks.get(place.stat().st_dev, (place, 0))
        disks[place.stat().st_dev] = place, others + need
    for place, need in disks.values():
        free = shutil.disk_usage(place).free
        yield Check(
            "room",
            is_passed=free >= need,
            result=f"{place} has {free:,} bytes free, and up to {need:,} are needed",
            hint="Free some room, or give backups another place: MAESTRO_BACKUP_STORE.",
        )


def _rows(facts: Mapping[str, Any]) -> Check:
    hidden = [] if facts["sees_all"] else facts["hidden"]
    return Check(
        "rows",
        is_passed=not hidden,
        result=f"{facts['account']} reads every row" if not hidden else f"{facts['account']} may not read {hidden[0]}",
        hint="Set MAESTRO_OPERATIONS_URL to the account that owns the tables.",
    )


def _databases(facts: Mapping[str, Any]) -> Check:
    may = "may" if facts["makes_databases"] else "may not"
    return Check(
        "databases",
        is_passed=facts["makes_databases"],
        result=f"{facts['account']} {may} make databases",
        hint=f"Backups are verified in a database of their own: ALTER ROLE {quoted(facts['account'])} CREATEDB;",
    )


def _schema(revision: str | None) -> Check:
    is_known = revision in {one.id for one in migrate.history()}
    return Check(
        "schema",
        is_passed=is_known,
        result=f"revision {revision}" + ("" if is_known else ", unknown to this version"),
        hint="Use the version of Maestro that migrated the database, or a later one.",
    )
