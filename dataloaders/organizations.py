"""Loaders of organisations, their members, and what they hold."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import any_, func, select

from dataloaders.base import KEYS, ORGANIZATION, ById, Loader
from dataloaders.catalogue import Catalogue, Listed
from dataloaders.lists import ListLoader
from maestro.db.engine import Statement
from maestro.db.rows import Row
from maestro.db.tables import (
    ApiKey,
    Artifact,
    Base,
    Blob,
    Experiment,
    Membership,
    MetricSeries,
    Organization,
    Project,
    RegisteredModel,
    Run,
    ServiceAccount,
)
from maestro.db.tables.enums import Role
from maestro.errors import NotFound
from maestro.filters import ValueType
from maestro.ids import Kind

MEMBERS = Catalogue(
    table=Membership,
    document=func.to_tsvector("simple", Membership.role),
    fields={
        "id": Listed(ValueType.ID, "The membership's id.", Membership.id, kind=Kind.Membership),
        "user": Listed(ValueType.ID, "The person.", Membership.user_id, is_nullable=True, kind=Kind.User),
        "project": Listed(ValueType.ID, "The project.", Membership.project_id, is_nullable=True, kind=Kind.Project),
        "role": Listed(ValueType.ENUM, "The role.", Membership.role, values=tuple(Role)),
        "createdAt": Listed(ValueType.DATETIME, "Since when.", Membership.created_at),
    },
)


class OrganizationById(Loader[UUID, Row]):
    """The viewer's organisation; no other one is ever found."""

    statement = Statement(
        select(Organization.__table__).where(Organization.id == any_(KEYS), Organization.id == ORGANIZATION)
    )

    async def fetch(self, keys: Sequence[UUID]) -> list[Row | Exception]:
        """Return the row of each organisation."""
        found = {row.id: row for row in await self.rows(self.statement, keys=list(keys))}
        return [found.get(key) or NotFound("There is no such Organization.") for key in keys]


class ServiceAccountById(ById):
    """Service accounts by their id."""

    table = ServiceAccount


class MembershipById(ById):
    """Memberships by their id."""

    table = Membership


class Members(ListLoader):
    """The memberships of an organisation."""

    catalogue = MEMBERS
    scope = "organization_id"


class ApiKeyNameById(Loader[UUID, str]):
    """The names of API keys; of the keys themselves nothing is ever read."""

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


class UsageByOrganization(Loader[UUID, Row]):
    """What the viewer's organisation holds, counted in one statement."""

    statement = Statement(
        select(
            *(_in_use(table) for table in (Project, Experiment, Run, RegisteredModel, Artifact)),  # type: ignore[call-overload] # labels of one type
            select(func.coalesce(func.sum(Blob.size_bytes), 0))
            .where(Blob.organization_id == ORGANIZATION)
            .scalar_subquery()
            .label("storage_bytes"),
            select(func.coalesce(func.sum(MetricSeries.n), 0))
            .where(MetricSeries.organization_id == ORGANIZATION)
            .scalar_subquery()
            .label("points"),
        )
    )

    async def fetch(self, keys: Sequence[UUID]) -> list[Row | Exception]:
        """Return the counts of the viewer's organisation, NotFound for any other."""
        counts = (await self.rows(self.statement))[0]
        missing = NotFound("There is no such Organization.")
        return [counts if key == self.organization_id else missing for key in keys]
