"""Loaders of API keys: everybody sees their own, and more only who manages them. Nothing reads a key's secret."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, any_, func, or_, select, true

from dataloaders.base import KEYS, ORGANIZATION, ById, Loader
from dataloaders.catalogue import Catalogue, Listed
from dataloaders.conditions import Conditions
from dataloaders.lists import Listing, ListLoader
from maestro.access import Permission, Viewer
from maestro.db.engine import Statement
from maestro.db.rows import Row
from maestro.db.tables import ApiKey, Project
from maestro.errors import Forbidden, NotFound
from maestro.filters import ValueType
from maestro.ids import Kind

IS_ACTIVE = and_(ApiKey.revoked_at.is_(None), or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > func.now()))

API_KEYS = Catalogue(
    table=ApiKey,
    document=func.to_tsvector("simple", ApiKey.name),
    fields={
        "id": Listed(ValueType.ID, "The key's id.", ApiKey.id, kind=Kind.ApiKey),
        "name": Listed(ValueType.STRING, "What the key is for.", ApiKey.name),
        "prefix": Listed(ValueType.STRING, "The first characters of the key.", ApiKey.prefix),
        "user": Listed(ValueType.ID, "The person whose key it is.", ApiKey.user_id, is_nullable=True, kind=Kind.User),
        "serviceAccount": Listed(
            ValueType.ID,
            "The service account whose key it is.",
            ApiKey.service_account_id,
            is_nullable=True,
            kind=Kind.ServiceAccount,
        ),
        "appendOnly": Listed(ValueType.BOOLEAN, "Whether it only logs.", ApiKey.is_append_only),
        "isActive": Listed(ValueType.BOOLEAN, "Whether it is neither revoked nor expired.", IS_ACTIVE),
        "createdAt": Listed(ValueType.DATETIME, "When it was created.", ApiKey.created_at),
        "lastUsedAt": Listed(ValueType.DATETIME, "When it was last used.", ApiKey.last_used_at, is_nullable=True),
        "expiresAt": Listed(ValueType.DATETIME, "When it stops working.", ApiKey.expires_at, is_nullable=True),
        "revokedAt": Listed(ValueType.DATETIME, "When it was revoked.", ApiKey.revoked_at, is_nullable=True),
    },
)


def own(viewer: Viewer) -> ColumnElement[bool]:
    """Return the condition of a viewer's own keys; Forbidden for a key that may log and never read."""
    if viewer.grants.is_append_only:
        raise Forbidden("This API key may log and do nothing else.", hint="Use another key.")
    return or_(ApiKey.user_id == viewer.actor_id, ApiKey.service_account_id == viewer.actor_id)


def visible(viewer: Viewer) -> ColumnElement[bool]:
    """Return the condition of the keys that a viewer may see: their own, and those that they manage; Forbidden."""
    if viewer.grants.allow(Permission.API_KEY_MANAGE):
        return true()
    if viewer.grants.allow(Permission.SERVICE_ACCOUNT_MANAGE):
        return or_(own(viewer), ApiKey.service_account_id.is_not(None))
    return own(viewer)


class ApiKeyById(ById):
    """API keys that the viewer may see, by their id; NotFound for all others."""

    needs = None
    table = ApiKey

    async def fetch(self, keys: Sequence[UUID]) -> list[Row | Exception]:
        """Return the row of each id."""
        columns = ApiKey.__table__.c
        query = select(*columns).where(
            columns.id == any_(KEYS), columns.organization_id == ORGANIZATION, visible(self.viewer)
        )
        found = {row.id: row for row in await self.rows(Statement(query), keys=list(keys))}
        return [found.get(key) or self.missing() for key in keys]


class ApiKeys(ListLoader):
    """Every API key of an organisation."""

    needs = Permission.API_KEY_MANAGE
    catalogue = API_KEYS
    scope = "organization_id"


class ApiKeysOfViewer(ListLoader):
    """The viewer's own API keys in the organisation in which they act."""

    needs = None
    catalogue = API_KEYS
    scope = "organization_id"

    def base(self, conditions: Conditions, listing: Listing, *columns: Any) -> Select[Any]:
        """Return the SELECT of the viewer's own."""
        return super().base(conditions, listing, *columns).where(own(self.viewer))


class ApiKeysByServiceAccount(ListLoader):
    """The API keys of service accounts, as far as the viewer may see them."""

    needs = None
    catalogue = API_KEYS
    scope = "service_account_id"

    def base(self, conditions: Conditions, listing: Listing, *columns: Any) -> Select[Any]:
        """Return the SELECT of what the viewer may see."""
        return super().base(conditions, listing, *columns).where(visible(self.viewer))


class ProjectsByApiKey(Loader[UUID, list[Row] | None]):
    """The projects that API keys are limited to, those that the viewer cannot see left out; None without a limit."""

    needs = Permission.PROJECT_READ
    statement = Statement(
        select(ApiKey.id.label("key"), ApiKey.project_ids.is_not(None).label("is_limited"), *Project.__table__.c)
        .outerjoin(Project, Project.id == any_(ApiKey.project_ids))
        .where(ApiKey.id == any_(KEYS), ApiKey.organization_id == ORGANIZATION)
        .order_by(Project.name)
    )

    async def fetch(self, keys: Sequence[UUID]) -> list[list[Row] | Exception | None]:
        """Return the projects of each key."""
        found: dict[UUID, list[Row] | None] = {}
        for row in await self.rows(self.statement, keys=list(keys)):
            projects = found.setdefault(row.key, [] if row.is_limited else None)
            if projects is not None and row.id is not None:
                projects.append(row)
        return [found[key] if key in found else NotFound("There is no such ApiKey.") for key in keys]
