"""What the jobs of backups and restores work with: the installation, the store, and the archive of changes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from connectors.stores.locations import location_of, store_of
from maestro.queue.work import Work
from maestro.version import VERSION
from ops.backups.making import Destination, Installation
from ops.backups.programs import folder_of
from ops.backups.sealing import seal_of
from ops.point_in_time import Archive

DRAFTS: Final = "drafts"
"""The folder of the data folder in which files are made that go elsewhere."""


def installation_of(work: Work) -> Installation:
    """Return what is backed up; PreflightFailed without an account that owns it."""
    return Installation(
        url=work.operations_url,
        blobs=work.settings.data_dir / "blobs",
        version=VERSION,
        programs=folder_of(work.settings),
        cluster=None if work.settings.database_url is not None else work.settings.data_dir / "postgres",
    )


@asynccontextmanager
async def destination_of(
    work: Work, *, location: str | None = None, encrypted: bool | None = None
) -> AsyncIterator[Destination]:
    """Open the store of backups, or the one where a backup lies, for a block."""
    settings, keys = work.settings, work.vault.keys
    async with store_of(location or location_of(settings), settings) as store:
        yield Destination(
            store=store,
            keys=keys,
            drafts=settings.data_dir / DRAFTS,
            seal=seal_of(settings, keys, encrypted=encrypted),
        )


def archive_of(work: Work) -> Archive:
    """Return the archive of base backups and changes."""
    settings = work.settings
    return Archive.at(settings.archive_dir or settings.data_dir, data_dir=settings.data_dir)


def server_url(work: Work) -> str:
    """Return the URL by which servers work on the database."""
    return work.db.url.set(drivername="postgresql").render_as_string(hide_password=False)
