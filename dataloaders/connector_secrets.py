"""Loader of when the credentials of connectors were set: all that can be read of them."""

from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from typing import Final
from uuid import UUID

from sqlalchemy import any_, select

from dataloaders.base import KEYS, ORGANIZATION, Loader
from maestro.access import Permission
from maestro.db.engine import Statement
from maestro.db.tables import ConnectorSecret

_SECRET: Final = ConnectorSecret.__table__.c


class Asked(Enum):
    """What is asked of a credential."""

    IS_SET = "whether there is one"
    SET_AT = "when it was set"


class ConnectorSecrets(Loader[tuple[UUID, Asked], bool | datetime | None]):
    """Whether connectors have credentials, and since when; both by one statement."""

    needs = Permission.CONNECTOR_READ
    statement = Statement(
        select(_SECRET.connector_id, _SECRET.set_at).where(
            _SECRET.connector_id == any_(KEYS), _SECRET.organization_id == ORGANIZATION
        )
    )

    async def fetch(self, keys: Sequence[tuple[UUID, Asked]]) -> list[bool | datetime | Exception | None]:
        """Return an answer for each connector and question."""
        rows = await self.rows(self.statement, keys=list({key for key, _ in keys}))
        set_at: dict[UUID, datetime] = {row.connector_id: row.set_at for row in rows}
        return [key in set_at if asked is Asked.IS_SET else set_at.get(key) for key, asked in keys]
