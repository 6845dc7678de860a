"""The steps of a restore of everything: each may be done again, and until the last but one nobody's data changes.

validate -> (a safety backup) -> fill -> migrate -> bring the files back -> exchange -> prove. `undo` takes back what
was prepared; `roll_back` returns to the database that was replaced, for as long as it is kept.
"""

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from maestro.db import migrate, roles
from maestro.db.direct import connected, name_of, named
from maestro.db.rows import CONNECTION_LOST, StatementFailed
from maestro.errors import NotFound, VerificationFailed
from maestro.progress import Progress, untold
from ops.backups.checking import Depth, check_files
from ops.backups.making import Destination, Installation
from ops.backups.manifest import Manifest
from ops.backups.opening import OpenedBackup, manifest_in, opened, require_keys
from ops.backups.preflight import SPARE, Check, require, rooms
from ops.backups.programs import Programs, find_programs
from ops.backups.refusals import Refusal, refused
from ops.backups.restoring import JOBS, compare, restore_into
from ops.restores.carrying import ROLLED_BACK, Carrying, Occasion
from ops.restores.databases import Role, create_shadow, noted, set_open, shadow_of
from ops.restores.fence import MAINTENANCE
from ops.restores.files import bring_files_back
from ops.restores.health import require_healthy
from ops.restores.swap import Swapped, drop_shadow, require_possible, swap

logger = logging.getLogger(__name__)

NAMED: Final = 20
"""So many differences are told."""
_TABLES: Final = "SELECT quote_ident(tablename) AS name FROM pg_tables WHERE schemaname = 'public'"
_COUNT: Final = "SELECT count(*) FROM public.{table}"


@dataclass(frozen=True, slots=True)
class Order:
    """Which restore is to be done: from which backup, where it lies, and on which installation.

    `server_url` is the URL by which the server works on the database, `installation.url` that of its owner.
    """

    restore_id: UUID
    backup_id: UUID
    installation: Installation
    source: Destination
    server_url: str
    jobs: int = JOBS

    @property
    def by(self) -> str:
        """By what the databases of this restore are noted."""
        return self.restore_id.hex

    @property
    def url(self) -> str:
        """The URL of the database by the account that owns it."""
        return self.installation.url

    @property
    def shadow(self) -> str:
        """The name of the database that is filled."""
        return shadow_of(name_of(self.url), self.by)

    @property
    def shadow_url(self) -> str:
        """Its URL."""
        return named(self.url, self.shadow)

    @property
    def drafts(self) -> Path:
        """A folder for what is fetched and opened."""
        return self.source.work_of(self.restore_id).with_suffix(".restore")

    async def manifest(self) -> Manifest:
        """Read the manifest of the backup again; BackupRefused."""
        return await manifest_in(self.source.store, self.backup_id, self.source.keys)


async def validate(order: Order, *, progress: Progress = untold) -> Manifest:
    """See that a backup is there, whole, ours and not of a later version, and that its restore can be carried out.

    Changes nothing. BackupRefused with the reason, PreflightFailed with `checks`.
    """
    manifest = await order.manifest()
    known = [revision.id for revision in migrate.history()]
    if manifest.schema_revision not in known:
        raise refused(
            Refusal.FUTURE_VERSION,
            f"The backup is at revision {manifest.schema_revision}, which this version does not know; "
            f"its last one is {known[-1]}.",
            revision=manifest.schema_revision,
        )
    async with connected(order.url, database=MAINTENANCE) as cluster:
        await require_possible(cluster, name_of(order.url))
        major = cluster.get_server_version().major
    programs = await find_programs(major, folder=order.installation.programs)
    require(await asyncio.to_thread(lambda: tuple(_checks(order, manifest, programs))))
    await check_files(manifest, order.source.store, keys=order.source.keys, depth=Depth.DIGESTS, progress=progress)
    await require_keys(manifest, store=order.source.store, keys=order.source.keys)
    return manifest


def _checks(order: Order, manifest: Manifest, programs: Programs) -> Iterator[Check]:
    """Look whether the programs read the dump, and whether there is room for the shadow beside what is in use."""
    compression = manifest.tools.get("compression", "")
    yield Check(
        "programs",
        is_passed=programs.reads(compression),
        result=f"the dump is compressed by {compression}, and pg_restore {programs.version} was built for "
        f"{programs.compression}",
        hint="Set MAESTRO_POSTGRES_PROGRAMS to a folder with programs of PostgreSQL that were built for both.",
    )
    needs = []
    if order.installation.cluster is not None:
        needs.append((order.installation.cluster, int(manifest.database.size_bytes * SPARE)))
    if order.source.store.folder is None or manifest.encryption is not None:
        needs.append((order.drafts, manifest.size_bytes))
    yield from rooms(needs)


async def fill(order: Order, *, progress: Progress = untold) -> dict[str, Any]:
    """Restore the backup into a shadow database and compare every row with the manifest; return what was compared.

    Begins anew each time. BackupRefused, VerificationFailed with `tables` and `differences`.
    """
    manifest, source = await order.manifest(), order.source
    async with opened(manifest, store=source.store, keys=source.keys, folder=order.drafts, progress=progress) as backup:
        return await fill_with(backup, order, progress=progress)


async def fill_with(backup: OpenedBackup, order: Order, *, progress: Progress = untold) -> dict[str, Any]:
    """Do what `fill` does with a backup that is open."""
    progress("Making the shadow database")
    async with connected(order.url, database=MAINTENANCE) as cluster:
        programs = await find_programs(cluster.get_server_version().major, folder=order.installation.programs)
        await create_shadow(cluster, name_of(order.url), by=order.by)
    await restore_into(source=backup, url=order.shadow_url, jobs=order.jobs, programs=programs, progress=progress)
    found = await compare(manifest=backup.manifest, url=order.shadow_url, connections=order.jobs, progress=progress)
    if not found.is_equal:
        differences = [one.plain for one in found.differences[:NAMED]]
        raise VerificationFailed(
            f"What was restored differs from the backup in {len(found.differences)} places: "
            f"{', '.join(one.name for one in found.differences[:3])}.",
            tables=[one.name for one in found.differences[:NAMED]],
            differences=differences,
        )
    return {"tables": found.tables, "rows": found.rows, "revision": found.revision}


async def bring_up(order: Order, *, progress: Progress = untold) -> dict[str, Any]:
    """Migrate the shadow to the revision of this version, let it know its statistics, and see that a server can use it.

    Return the revisions that were run and what the server's account has seen; StartupError, VerificationFailed.
    """
    progress("Migrating the shadow database")
    done = await asyncio.to_thread(_migrated, order.shadow_url)
    progress("Analysing the shadow database")
    async with connected(order.shadow_url) as connection:
        await connection.execute("ANALYZE")
    seen = await require_healthy(order.server_url, database=order.shadow)
    return {"migrations": done, "seen": seen}


async def bring_files(order: Order, *, progress: Progress = untold) -> int:
    """Bring the files of artifacts back that the backup has and the installation lacks; return how many."""
    return await bring_files_back(
        await order.manifest(),
        store=order.source.store,
        keys=order.source.keys,
        blobs=order.installation.blobs,
        drafts=order.drafts,
        progress=progress,
    )


async def report(order: Order) -> dict[str, dict[str, int]]:
    """Count the rows of each table now and in the shadow: what an exchange would change. For a dry run."""
    found: dict[str, dict[str, int]] = {}
    for name, url in (("now", order.url), ("restored", order.shadow_url)):
        async with connected(url) as connection:
            for table in await connection.fetch(_TABLES):
                count = await connection.fetchval(_COUNT.format(table=table.name))
                found.setdefault(table.name, {"now": 0, "restored": 0})[name] = count
    return {name: counts for name, counts in sorted(found.items()) if counts["now"] != counts["restored"]}


async def exchange(order: Order, occasion: Occasion, *, keep_until: datetime, progress: Progress = untold) -> Swapped:
    """Put the shadow in the place of the database in use, which is kept.

    Conflict, PreflightFailed, NotFound, Transient: whatever is raised, the database in use is whole, and still in use.
    """
    return await swap(
        order.url, order.shadow, by=order.by, keep_until=keep_until, carry=Carrying(occasion), progress=progress
    )


async def prove(
    order: Order, occasion: Occasion, *, keep_until: datetime, progress: Progress = untold
) -> dict[str, Any]:
    """See that the server can work on the database that was put in; return to the one before when it cannot.

    Return what was seen; VerificationFailed once the database before is back in use.
    """
    progress("Looking at the restored database")
    try:
        return await require_healthy(order.server_url)
    except VerificationFailed as error:
        await return_to(order, occasion, keep_until=keep_until, reason=error.message, progress=progress)
        raise VerificationFailed(
            f"{error.message} The database that was in use before is in use again.", hint=error.hint, **error.details
        ) from error


async def return_to(
    order: Order, occasion: Occasion, *, keep_until: datetime, reason: str, progress: Progress = untold
) -> Swapped:
    """Put the database back that a restore has replaced because the restored one is not fit for use."""
    name, at = await _kept(order.url, order.by)
    back = replace(occasion, operation=ROLLED_BACK, details={**(occasion.details or {}), "reason": reason}, since=at)
    by = f"{order.by}:unfit"
    try:
        return await swap(order.url, name, by=by, keep_until=keep_until, carry=Carrying(back), progress=progress)
    except (*CONNECTION_LOST, StatementFailed) as error:
        # What cannot be read cannot be carried over; all was carried over the other way a moment ago.
        logger.warning("Nothing is carried over from a restored database that is not fit for use: %s", error)
        return await swap(order.url, name, by=by, keep_until=keep_until, progress=progress)


async def roll_back(
    occasion: Occasion, *, url: str, server_url: str, keep_until: datetime, progress: Progress = untold
) -> Swapped:
    """Return to the database that a restore has replaced; the restored one is kept in its turn.

    `url` is that of the owner. What was taken from people since the restore stays taken. May be done again. NotFound
    when the database is not kept any more, else as of `exchange`.
    """
    restore = occasion.restore_id.hex
    by = f"{restore}:rollback"
    async with connected(url, database=MAINTENANCE) as cluster:
        if done := await noted(cluster, Role.KEPT, of=name_of(url), by=by):
            return await swap(url, done[0].name, by=by, keep_until=keep_until)
        name, at = await _kept(url, restore)
        await set_open(cluster, name, is_open=True)
        try:
            progress("Migrating the kept database")
            await asyncio.to_thread(_migrated, named(url, name))
            await require_healthy(server_url, database=name)
        finally:
            await set_open(cluster, name, is_open=False)
    back = replace(occasion, operation=ROLLED_BACK, since=at)
    return await swap(url, name, by=by, keep_until=keep_until, carry=Carrying(back), progress=progress)


async def undo(order: Order) -> list[str]:
    """Drop what was prepared and not put in; nothing once it was. Return the names of what was dropped."""
    return await drop_shadow(order.url, by=order.by)


async def _kept(url: str, by: str) -> tuple[str, datetime | None]:
    """Return the name of the database that a restore has replaced, and when that was; NotFound."""
    async with connected(url, database=MAINTENANCE) as cluster:
        for found in await noted(cluster, Role.KEPT, of=name_of(url), by=by):
            return found.name, found.note.at if found.note is not None else None
    raise NotFound(
        "The database that the restore has replaced is not kept any more.",
        hint="Restore the safety backup that was made before it.",
    )


def _migrated(url: str) -> list[str]:
    roles.require(url)
    done = migrate.upgrade(url)
    # What is prepared belongs to the database, and no dump has it.
    roles.prepare(url)
    return [revision.id for revision in done]
