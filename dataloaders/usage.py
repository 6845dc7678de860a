"""Loaders of what projects hold, as it was counted ahead: the database brings it up to date every few minutes."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import BigInteger, Uuid, any_, cast, column, func, select, table

from dataloaders.base import KEYS, ORGANIZATION, Loader
from maestro.access import Permission
from maestro.db.engine import Statement
from maestro.db.rows import Row
from maestro.db.tables.enums import RunStatus

STATUSES: Final = {status: status.value.lower() for status in RunStatus}
"""The columns with the counts of runs by their status."""
COUNTS: Final = ("experiments", "runs", *STATUSES.values(), "series", "points", "files", "storage_bytes", "as_of")
PROJECT_USAGE: Final = table(
    "project_usage", column("organization_id", Uuid()), column("project_id", Uuid()), *(column(name) for name in COUNTS)
)
"""A view that shows what the connection is bound to; what is behind it nobody can read."""
_OURS: Final = PROJECT_USAGE.c.organization_id == ORGANIZATION
POINTS: Final = (
    # PostgreSQL adds bigints up to a numeric, which has no form in JSON.
    select(cast(func.coalesce(func.sum(PROJECT_USAGE.c.points), 0), BigInteger)).where(_OURS).scalar_subquery()
)
POINTS_AS_OF: Final = select(func.max(PROJECT_USAGE.c.as_of)).where(_OURS).scalar_subquery()
"""Of all projects of the viewer's organisation, and as of when."""


class UsageByProject(Loader[UUID, Row | None]):
    """What projects hold; None for one that has not been counted yet."""

    needs = Permission.PROJECT_READ
    # When the view is counted anew nobody is told, so no answer of it may be kept.
    reads = None
    statement = Statement(select(PROJECT_USAGE).where(_OURS, PROJECT_USAGE.c.project_id == any_(KEYS)))

    async def fetch(self, keys: Sequence[UUID]) -> list[Row | Exception | None]:
        """Return the counts of each project."""
        found = {row.project_id: row for row in await self.rows(self.statement, keys=list(keys))}
        return [found.get(key) for key in keys]
