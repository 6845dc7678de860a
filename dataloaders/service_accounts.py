"""Loaders of service accounts."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Select, any_, exists, func, select

from dataloaders.api_keys import IS_ACTIVE
from dataloaders.base import KEYS, ORGANIZATION, ById, Loader
from dataloaders.catalogue import Catalogue, Listed
from dataloaders.conditions import Conditions
from dataloaders.lists import Listing, ListLoader
from maestro.access import Permission
from maestro.db.engine import Statement
from maestro.db.tables import ApiKey, Membership, ServiceAccount
from maestro.filters import ValueType
from maestro.ids import Kind

SERVICE_ACCOUNTS = Catalogue(
    table=ServiceAccount,
    document=func.to_tsvector("simple", ServiceAccount.name + " " + ServiceAccount.description),
    fields={
        "id": Listed(ValueType.ID, "The service account's id.", ServiceAccount.id, kind=Kind.ServiceAccount),
        "name": Listed(ValueType.STRING, "The service account's name.", ServiceAccount.name),
        "description": Listed(ValueType.STRING, "What it does.", ServiceAccount.description),
        "createdAt": Listed(ValueType.DATETIME, "When it was created.", ServiceAccount.created_at),
        "updatedAt": Listed(ValueType.DATETIME, "When it was last changed.", ServiceAccount.updated_at),
        "disabledAt": Listed(
            ValueType.DATETIME, "When it was switched off.", ServiceAccount.disabled_at, is_nullable=True
        ),
    },
)


class ServiceAccountById(ById):
    """Service accounts by their id."""

    needs = None
    table = ServiceAccount


class ServiceAccounts(ListLoader):
    """The organisation's service accounts; for who sees some projects alone, those that have a role there."""

    needs = Permission.MEMBER_READ
    catalogue = SERVICE_ACCOUNTS
    reads_also = (Membership,)

    def base(self, conditions: Conditions, listing: Listing, *columns: Any) -> Select[Any]:
        """Leave out those of which the viewer sees no role, unless they may see all members."""
        query = super().base(conditions, listing, *columns)
        if self.viewer.grants.allow(Permission.MEMBER_READ):
            return query
        held = exists().where(Membership.service_account_id == ServiceAccount.id, Membership.removed_at.is_(None))
        return query.where(held)


class ServiceAccountsByOrganization(ServiceAccounts):
    """The service accounts of an organisation."""

    scope = "organization_id"


class ApiKeyCountByServiceAccount(Loader[UUID, int]):
    """How many API keys of a service account work now."""

    needs = Permission.MEMBER_READ
    statement = Statement(
        select(ApiKey.service_account_id, func.count().label("total"))
        .where(ApiKey.service_account_id == any_(KEYS), ApiKey.organization_id == ORGANIZATION, IS_ACTIVE)
        .group_by(ApiKey.service_account_id)
    )

    async def fetch(self, keys: Sequence[UUID]) -> list[int | Exception]:
        """Return the count of each service account."""
        counts = {row.service_account_id: row.total for row in await self.rows(self.statement, keys=list(keys))}
        return [counts.get(key, 0) for key in keys]
