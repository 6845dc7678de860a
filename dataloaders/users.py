"""Loaders of people."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import any_, exists, select

from dataloaders.base import KEYS, ORGANIZATION, Loader
from maestro.db.engine import Statement
from maestro.db.rows import Row
from maestro.db.tables import Membership, User
from maestro.errors import NotFound


class UserById(Loader[UUID, Row]):
    """People who are or were members of the viewer's organisation."""

    statement = Statement(
        select(User.__table__).where(
            User.id == any_(KEYS),
            exists().where(Membership.user_id == User.id, Membership.organization_id == ORGANIZATION),
        )
    )

    async def fetch(self, keys: Sequence[UUID]) -> list[Row | Exception]:
        """Return the row of each person."""
        found = {row.id: row for row in await self.rows(self.statement, keys=list(keys))}
        return [found.get(key) or NotFound("There is no such User.") for key in keys]
