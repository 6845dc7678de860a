"""Loaders of the artifact stores of projects."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import any_, select

from dataloaders.base import KEYS, ORGANIZATION, Loader
from maestro.access import Permission
from maestro.db.engine import Statement
from maestro.db.rows import Row
from maestro.db.tables import ArtifactStore

_C: Final = ArtifactStore.__table__.c


class ArtifactStoreByProject(Loader[UUID, Row | None]):
    """The artifact stores of projects; None for one whose files lie in the server's own folder."""

    needs = Permission.PROJECT_READ
    statement = Statement(select(*_C).where(_C.project_id == any_(KEYS), _C.organization_id == ORGANIZATION))

    async def fetch(self, keys: Sequence[UUID]) -> list[Row | Exception | None]:
        """Return the store of each project."""
        found = {row.project_id: row for row in await self.rows(self.statement, keys=list(keys))}
        return [found.get(key) for key in keys]
