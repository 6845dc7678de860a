"""Loaders of what people and service accounts are allowed: their memberships that have not ended."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import any_, func, or_, select

from dataloaders.base import KEYS, ORGANIZATION, Loader
from maestro.db.engine import Statement
from maestro.db.rows import Row
from maestro.db.tables import Membership
from maestro.db.tables.enums import Role


class RolesByActor(Loader[UUID, list[Row]]):
    """The memberships of people and service accounts, that in the whole organisation first."""

    # Everybody may ask it of themselves; who asks it of others is judged where they ask.
    needs = None
    statement = Statement(
        select(*Membership.__table__.c, func.coalesce(Membership.user_id, Membership.service_account_id).label("actor"))
        .where(
            or_(Membership.user_id == any_(KEYS), Membership.service_account_id == any_(KEYS)),
            Membership.organization_id == ORGANIZATION,
            Membership.removed_at.is_(None),
        )
        .order_by(Membership.project_id.is_not(None), Membership.id)
    )

    async def fetch(self, keys: Sequence[UUID]) -> list[list[Row] | Exception]:
        """Return the memberships of each, an empty list where there are none."""
        rows = await self.rows(self.statement, keys=list(keys))
        return [[row for row in rows if row.actor == key] for key in keys]


class RoleByActor(Loader[UUID, Role | None]):
    """The role that somebody has in the whole organisation; None for who has roles in projects alone."""

    needs = None
    reads = RolesByActor.reads

    async def fetch(self, keys: Sequence[UUID]) -> list[Role | Exception | None]:
        """Return the role of each."""
        held = await RolesByActor(self.db, self.viewer).fetch(keys)
        return [one if isinstance(one, Exception) else _role_of(one) for one in held]


def _role_of(memberships: Sequence[Row]) -> Role | None:
    return next((Role(row.role) for row in memberships if row.project_id is None), None)
