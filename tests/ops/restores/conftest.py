"""Backups to restore from: databases beside the one that lives, with the same rows."""

import io
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from connectors.local import LocalBlobs, read
from maestro.db.tables.enums import Role
from maestro.ids import Kind, encode, uuid_of
from maestro.settings import Settings
from ops.restores.scoped import Copied, OrganizationCopy, Places, ProjectCopy, copy_organization, copy_project
from tests.fixtures.databases import Databases
from tests.fixtures.graphql import Api, viewer_as


@dataclass
class Backup:
    """A database with the rows of a moment, and what is restored of it."""

    places: Places
    api: Api

    def organization(self, **given: Any) -> OrganizationCopy:
        """What is asked for to have the first organisation back."""
        viewer = self.api.viewer
        wanted = {"organization_id": viewer.organization_id, "restorer_id": viewer.actor_id}
        return OrganizationCopy(**{**wanted, "new_slug": "again", "new_name": "Again", **given})

    def project(self, project: str, **given: Any) -> ProjectCopy:
        """What is asked for to have a project back in the first organisation."""
        viewer = self.api.viewer
        wanted = {"into_organization_id": viewer.organization_id, "restorer_id": viewer.actor_id, "new_name": "Again"}
        return ProjectCopy(**{"project_id": uuid_of(Kind.Project, project), **wanted, **given})

    async def bring_back(self, **given: Any) -> tuple[Copied, Api]:
        """Copy the first organisation and return the copy, and its owner."""
        made = await copy_organization(self.places, self.organization(**given))
        return made, Api(self.api.runtime, viewer_as(Role.OWNER, self.api.viewer.actor_id, made.organization_id))

    async def bring_project_back(self, project: str, **given: Any) -> tuple[Copied, str]:
        """Copy a project and return the copy, and its id."""
        made = await copy_project(self.places, self.project(project, **given))
        assert made.project_id is not None
        return made, encode(Kind.Project, made.project_id)


BackUp = Callable[[], Awaitable[Backup]]


@dataclass
class Store:
    """The database that lives, by its URL, and the files that do."""

    url: str
    blobs: LocalBlobs
    folder: Path


@pytest.fixture
def store(database_url: str, settings: Settings) -> Store:
    """What lives."""
    folder = settings.data_dir / "blobs"
    return Store(database_url, LocalBlobs(folder), folder)


@pytest.fixture
def blobs(store: Store) -> LocalBlobs:
    """The store of files that lives."""
    return store.blobs


@pytest.fixture
async def back_up(databases: Databases, store: Store, api: Api) -> AsyncIterator[BackUp]:
    """Keeps the rows as they are in another database."""
    async with AsyncExitStack() as kept:

        async def back_up() -> Backup:
            url = await kept.enter_async_context(databases.new(template="maestro"))
            await duplicate(store.url, url)
            return Backup(Places(url, store.url, store.blobs), api)

        yield back_up


async def duplicate(origin: str, target: str) -> None:
    """Write every row of a database into another one of the same schema, in place of what it holds."""
    reading, writing = await asyncpg.connect(plain(origin)), await asyncpg.connect(plain(target))
    try:
        await writing.execute("SET session_replication_role = replica")
        tables = await reading.fetch(
            "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
        )
        for table in tables:
            await writing.execute(f'DELETE FROM "{table["name"]}"')
            rows = io.BytesIO()
            await reading.copy_from_table(table["name"], output=rows, format="binary")
            rows.seek(0)
            await writing.copy_to_table(table["name"], source=rows, format="binary")
    finally:
        await reading.close()
        await writing.close()


def plain(url: str) -> str:
    """The URL without the name of SQLAlchemy's driver."""
    return url.replace("postgresql+asyncpg", "postgresql")


def kept_in(folder: Path) -> Callable[[str], AsyncIterator[bytes]]:
    """Read files of a folder by their digests, as from where backups are stored."""
    return lambda sha256: read(folder / sha256)
