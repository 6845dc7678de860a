"""Whether and how the database's changes are kept, so that it can return to any second."""

from maestro.archive_settings import ArchiveLevel
from maestro.postgres.configuration import USUAL_CONNECTIONS
from maestro.settings import Settings
from ops.point_in_time.archive import Archive
from ops.point_in_time.server import embedded_settings


def archives(settings: Settings) -> bool:
    """Say whether changes are kept: of the embedded database unless that is off, of another one where it was asked for.

    Another server has to grant it, and its own administrators may keep its changes already.
    """
    if settings.wal_archive is ArchiveLevel.OFF:
        return False
    return settings.database_url is None or "wal_archive" in settings.model_fields_set


def archive_of(settings: Settings) -> Archive:
    """Return where they are kept."""
    return Archive.at(settings.archive_dir or settings.data_dir, data_dir=settings.data_dir)


def postgres_settings(settings: Settings) -> dict[str, str]:
    """Return what the embedded PostgreSQL has to be started with."""
    return {**_connections(settings), **_archiving(settings)}


def _connections(settings: Settings) -> dict[str, str]:
    if settings.processes == 1:
        return {}
    return {"max_connections": str(USUAL_CONNECTIONS + (settings.processes - 1) * settings.connections_of_process)}


def _archiving(settings: Settings) -> dict[str, str]:
    if not archives(settings) or settings.wal_archive.streams:
        return {}
    archive = archive_of(settings)
    # PostgreSQL does not start on a folder that is not there.
    archive.make()
    return embedded_settings(settings.wal_archive, archive)
