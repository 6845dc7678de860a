"""Loaders of organisations and of what they hold."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, any_, cast, func, select

from dataloaders.base import KEYS, ORGANIZATION, Loader
from dataloaders.quotas import POINTS_TODAY
from dataloaders.usage import POINTS, POINTS_AS_OF
from maestro.access import Permission
from maestro.db.engine import Statement
from maestro.db.rows import Row
from maestro.db.tables import (
    ApiKey,
    Artifact,
    Base,
    Blob,
    Experiment,
    Organization,
    Project,
    RegisteredModel,
    Run,
)
from maestro.errors import NotFound


class OrganizationById(Loader[UUID, Row]):
    """The viewer's organisation; no other one is ever found."""

    needs = None
    statement = Statement(
        select(Organization.__table__).where(Organization.id == any_(KEYS), Organization.id == ORGANIZATION)
    )

    async def fetch(self, keys: Sequence[UUID]) -> list[Row | Exception]:
        """Return the row of each organisation."""
        found = {row.id: row for row in await self.rows(self.statement, keys=list(keys))}
        return [found.get(key) or NotFound("There is no such Organization.") for key in keys]


class ApiKeyNameById(Loader[UUID, str]):
    """The names of API keys; of the keys themselves nothing is ever read."""

    needs = None
    statement = Statement(
        select(ApiKey.id, ApiKey.name).where(ApiKey.id == any_(KEYS), ApiKey.organization_id == ORGANIZATION)
    )

    async def fetch(self, keys: Sequence[UUID]) -> list[str | Exception]:
        """Return the name of each key."""
        found = {row.id: row.name for row in await self.rows(self.statement, keys=list(keys))}
        return [found[key] if key in found else NotFound("There is no such ApiKey.") for key in keys]


def _in_use(table: type[Base]) -> object:
    c = table.__table__.c
    query = select(func.count()).where(c.organization_id == ORGANIZATION, c.deleted_at.is_(None))
    return query.scalar_subquery().label(f"{table.__tablename__.removeprefix('registered_')}s")


def _sum(column: Any) -> Any:
    # PostgreSQL adds bigints up to a numeric, which has no form in JSON.
    return cast(func.coalesce(func.sum(column), 0), BigInteger)


class UsageByOrganization(Loader[UUID, Row]):
    """What the viewer's organisation holds, counted in one statement."""

    needs = Permission.ORGANIZATION_READ
    # The points are counted ahead, and nobody is told when they are counted anew.
    reads = None
    statement = Statement(
        select(
            *(_in_use(table) for table in (Project, Experiment, Run, RegisteredModel, Artifact)),  # type: ignore[call-overload] # labels of one type
            select(_sum(Blob.size_bytes))
            .where(Blob.organization_id == ORGANIZATION)
            .scalar_subquery()
            .label("storage_bytes"),
            # Adding up every series took most of the time: 120 ms with 800,000 of them.
            POINTS.label("points"),
            POINTS_AS_OF.label("points_as_of"),
            func.coalesce(POINTS_TODAY.scalar_subquery(), 0).label("points_today"),
        )
    )

    async def fetch(self, keys: Sequence[UUID]) -> list[Row | Exception]:
        """Return the counts of the viewer's organisation, NotFound for any other."""
        counts = (await self.rows(self.statement))[0]
        missing = NotFound("There is no such Organization.")
        return [counts if key == self.organization_id else missing for key in keys]
