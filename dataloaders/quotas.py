"""Loader of quotas: what an organisation may hold at most, and how much of it is used."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Date, cast, func, select

from dataloaders.base import ORGANIZATION, Loader
from maestro.access import Permission
from maestro.db.engine import Statement
from maestro.db.rows import Row
from maestro.db.tables import Blob, Organization, PointsByDay, Run
from maestro.errors import NotFound

WARNING_FROM: Final = 0.8
"""The part of a quota from which on clients are warned."""
TODAY: Final = cast(func.timezone("UTC", func.now()), Date)


class Quota(StrEnum):
    """What can be limited, by its name in `organization.quotas`."""

    RUNS = "runs"
    POINTS_PER_DAY = "pointsPerDay"
    STORAGE_BYTES = "storageBytes"


class QuotaState(StrEnum):
    """How near a quota is."""

    OK = "OK"
    WARNING = "WARNING"
    EXCEEDED = "EXCEEDED"


@dataclass(frozen=True, slots=True)
class QuotaStanding:
    """A quota that is set and how much of it is used."""

    name: Quota
    limit: int
    used: int

    @property
    def ratio(self) -> float:
        """The part that is used; 1 for a quota of nothing."""
        return self.used / self.limit if self.limit else 1.0

    @property
    def state(self) -> QuotaState:
        """How near it is: nothing more fits where it is exceeded."""
        if self.used >= self.limit:
            return QuotaState.EXCEEDED
        return QuotaState.WARNING if self.ratio >= WARNING_FROM else QuotaState.OK


def _used(quota: Quota, query: Any) -> Any:
    """Count only where the quota is set: PostgreSQL does not run a branch that it does not take."""
    is_set = Organization.quotas.has_key(quota.value)
    return func.coalesce(select(query.scalar_subquery()).where(is_set).scalar_subquery(), 0).label(quota.name)


POINTS_TODAY: Final = select(PointsByDay.n).where(PointsByDay.organization_id == ORGANIZATION, PointsByDay.day == TODAY)
USAGE: Final = Statement(
    select(
        Organization.quotas,
        _used(Quota.RUNS, select(func.count()).where(Run.organization_id == ORGANIZATION, Run.deleted_at.is_(None))),
        _used(Quota.POINTS_PER_DAY, POINTS_TODAY),
        _used(Quota.STORAGE_BYTES, select(func.sum(Blob.size_bytes)).where(Blob.organization_id == ORGANIZATION)),
    ).where(Organization.id == ORGANIZATION)
)
"""The quotas of an organisation, and what is used of those that are set."""


def standings(row: Row) -> list[QuotaStanding]:
    """Return the quotas of a row of USAGE, those that are set alone."""
    return [QuotaStanding(one, row.quotas[one], int(row[one.name])) for one in Quota if one in row.quotas]


class QuotaUsageByOrganization(Loader[UUID, list[QuotaStanding]]):
    """The quotas of the viewer's organisation."""

    needs = Permission.ORGANIZATION_READ

    async def fetch(self, keys: Sequence[UUID]) -> list[list[QuotaStanding] | Exception]:
        """Return the quotas that are set of the viewer's organisation, NotFound for any other."""
        found = [standings(row) for row in await self.rows(USAGE)]
        missing = NotFound("There is no such Organization.")
        return [found[0] if found and key == self.organization_id else missing for key in keys]
