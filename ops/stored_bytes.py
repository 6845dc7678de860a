"""The bytes of an organisation's files, wherever they are: those in object stores are fetched when they are read."""

import shutil
from collections import deque
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

from connectors.local import LocalBlobs
from connectors.stores.transfers import download, exists
from maestro.db.engine import Database
from maestro.db.rows import Row
from maestro.errors import NotFound
from maestro.settings import Settings
from maestro.threads import in_thread
from maestro.vault import Vault
from ops.connectors.opening import find, opening

KEPT: Final = 16
"""So many fetched files are kept at a time: who reads a file does not read more others beside it."""
_PLACES: Final = "SELECT connector_id, key FROM remote_blob WHERE organization_id = $1 AND sha256 = $2"


class StoredBytes(LocalBlobs):
    """A folder of blobs, and where that has none the artifact stores; to read from, for the length of a block."""

    def __init__(self, folder: Path, drafts: Path, db: Database, *, vault: Vault, settings: Settings) -> None:
        super().__init__(folder)
        self._db, self._vault, self._settings = db, vault, settings
        self._fetched: deque[tuple[str, Path]] = deque()
        self._folder_of_fetched = drafts
        self._open: dict[UUID, Any] = {}
        self._stack = AsyncExitStack()

    async def has(self, organization_id: UUID, sha256: str) -> bool:
        """Say whether the bytes are in the folder or in a store; errors as of connectors."""
        if await super().has(organization_id, sha256):
            return True
        for place in await self._places(organization_id, sha256):
            if await exists(await self._store(organization_id, place.connector_id), place.key):
                return True
        return False

    async def find(self, organization_id: UUID, sha256: str) -> Path:
        """Return a file with the bytes, fetched if need be; NotFound, DigestMismatch, errors as of connectors."""
        if await super().has(organization_id, sha256):
            return await super().find(organization_id, sha256)
        for digest, path in self._fetched:
            if digest == sha256:
                return path
        for place in await self._places(organization_id, sha256):
            path = self._folder_of_fetched / uuid4().hex
            await download(await self._store(organization_id, place.connector_id), place.key, path, sha256=sha256)
            self._keep(sha256, path)
            return path
        raise NotFound("There is no such file in the store.")

    async def close(self) -> None:
        """Close the stores."""
        await self._stack.aclose()

    async def _places(self, organization_id: UUID, sha256: str) -> list[Row]:
        return await self._db.fetch_sql(_PLACES, organization_id, sha256)

    async def _store(self, organization_id: UUID, connector_id: UUID) -> Any:
        if connector_id not in self._open:
            target = await find(self._db, connector_id, organization_id)
            opened = opening(target, self._vault, self._settings)
            self._open[connector_id] = await self._stack.enter_async_context(opened)
        return self._open[connector_id]

    def _keep(self, sha256: str, path: Path) -> None:
        if len(self._fetched) == KEPT:
            self._fetched.popleft()[1].unlink(missing_ok=True)
        self._fetched.append((sha256, path))


@asynccontextmanager
async def stored_bytes(db: Database, drafts: Path, *, vault: Vault, settings: Settings) -> AsyncIterator[StoredBytes]:
    """Give the bytes of the organisations that a database shows, for a block; `drafts` is a folder for it alone."""
    # What a killed step has left goes first.
    await in_thread(lambda _: _emptied(drafts))
    found = StoredBytes(settings.data_dir / "blobs", drafts, db, vault=vault, settings=settings)
    try:
        yield found
    finally:
        await found.close()
        await in_thread(lambda _: shutil.rmtree(drafts))


def _emptied(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
