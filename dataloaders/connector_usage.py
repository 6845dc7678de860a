"""Loader of how much connectors are used, by days."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import any_, select

from dataloaders.base import KEYS, ORGANIZATION, Loader
from maestro.access import Permission
from maestro.clock import now
from maestro.db.engine import Statement
from maestro.db.rows import Row
from maestro.db.tables import ConnectorUsage

MOST_DAYS: Final = 366
_C: Final = ConnectorUsage.__table__.c


class UsageByConnector(Loader[tuple[UUID, int], list[Row]]):
    """How much connectors were used on each of the last days that they were used on, the newest first."""

    needs = Permission.CONNECTOR_READ
    # It is counted all the time, and nobody is told.
    reads = None
    statement = Statement(
        select(*_C)
        .where(_C.connector_id == any_(KEYS), _C.organization_id == ORGANIZATION)
        .order_by(_C.connector_id, _C.day.desc())
    )

    async def fetch(self, keys: Sequence[tuple[UUID, int]]) -> list[list[Row] | Exception]:
        """Return the days of each connector."""
        rows = await self.rows(self.statement, keys=list({key for key, _ in keys}))
        today = now().date()
        return [
            [row for row in rows if row.connector_id == key and row.day > today - timedelta(days=days)]
            for key, days in keys
        ]
