"""Loaders of invitations; of the secret in their links nothing is ever read."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import and_, case, func

from dataloaders.base import ById
from dataloaders.catalogue import Catalogue, Listed
from dataloaders.conditions import Conditions
from dataloaders.lists import Listing, ListLoader, Order, Scope
from maestro.access import Permission
from maestro.db.tables import Invitation
from maestro.db.tables.enums import InvitationState, Role
from maestro.filters import ValueType
from maestro.ids import Kind

STATE = case(
    (Invitation.accepted_at.is_not(None), InvitationState.ACCEPTED.value),
    (Invitation.revoked_at.is_not(None), InvitationState.REVOKED.value),
    (Invitation.expires_at <= func.now(), InvitationState.EXPIRED.value),
    else_=InvitationState.PENDING.value,
)
IS_PENDING = and_(Invitation.accepted_at.is_(None), Invitation.revoked_at.is_(None), Invitation.expires_at > func.now())

INVITATIONS = Catalogue(
    table=Invitation,
    document=func.to_tsvector("simple", Invitation.name + " " + Invitation.email),
    fields={
        "id": Listed(ValueType.ID, "The invitation's id.", Invitation.id, kind=Kind.Invitation),
        "email": Listed(ValueType.STRING, "The e-mail address.", Invitation.email),
        "name": Listed(ValueType.STRING, "The name.", Invitation.name),
        "role": Listed(ValueType.ENUM, "The role.", Invitation.role, values=tuple(Role)),
        "state": Listed(ValueType.ENUM, "What has become of it.", STATE, values=tuple(InvitationState)),
        "project": Listed(ValueType.ID, "The project.", Invitation.project_id, is_nullable=True, kind=Kind.Project),
        "createdAt": Listed(ValueType.DATETIME, "When it was sent.", Invitation.created_at),
        "expiresAt": Listed(ValueType.DATETIME, "When it expires.", Invitation.expires_at),
    },
)


class InvitationById(ById):
    """Invitations by their id."""

    needs = Permission.MEMBER_READ
    table = Invitation


class InvitationsByOrganization(ListLoader):
    """The invitations of an organisation: those that wait for somebody first, then the newest."""

    needs = Permission.MEMBER_READ
    catalogue = INVITATIONS
    scope = "organization_id"

    async def prepared(self, listing: Listing, scopes: Sequence[Scope]) -> tuple[Conditions, list[Order]]:
        """Sort what is pending before all else where no order is asked for."""
        conditions, orders = await super().prepared(listing, scopes)
        first: list[Any] = [] if listing.sort else [Order(IS_PENDING, is_descending=True, is_nullable=False)]
        return conditions, [*first, *orders]
