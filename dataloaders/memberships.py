"""Loaders of memberships: who has which role in an organisation and in its projects."""

from typing import Any

from sqlalchemy import Select, func

from dataloaders.base import ById, Grouped
from dataloaders.catalogue import Catalogue, Listed
from dataloaders.conditions import Conditions
from dataloaders.lists import Listing, ListLoader
from maestro.access import Permission
from maestro.db.tables import Membership
from maestro.db.tables.enums import MembershipSource, Role
from maestro.filters import ValueType
from maestro.ids import Kind

MEMBERS = Catalogue(
    table=Membership,
    document=func.to_tsvector("simple", Membership.role),
    fields={
        "id": Listed(ValueType.ID, "The membership's id.", Membership.id, kind=Kind.Membership),
        "user": Listed(ValueType.ID, "The person.", Membership.user_id, is_nullable=True, kind=Kind.User),
        "serviceAccount": Listed(
            ValueType.ID,
            "The service account.",
            Membership.service_account_id,
            is_nullable=True,
            kind=Kind.ServiceAccount,
        ),
        "project": Listed(ValueType.ID, "The project.", Membership.project_id, is_nullable=True, kind=Kind.Project),
        "role": Listed(ValueType.ENUM, "The role.", Membership.role, values=tuple(Role)),
        "source": Listed(ValueType.ENUM, "Where it comes from.", Membership.source, values=tuple(MembershipSource)),
        "createdAt": Listed(ValueType.DATETIME, "Since when.", Membership.created_at),
    },
)


class MembershipById(ById):
    """Memberships by their id, those that have ended included."""

    needs = Permission.MEMBER_READ
    table = Membership


class MembersByOrganization(ListLoader):
    """The memberships of an organisation and of its projects that have not ended."""

    needs = Permission.MEMBER_READ
    catalogue = MEMBERS
    scope = "organization_id"

    def base(self, conditions: Conditions, listing: Listing, *columns: Any) -> Select[Any]:
        """Leave out what has ended."""
        return super().base(conditions, listing, *columns).where(Membership.removed_at.is_(None))


class MembersByProject(MembersByOrganization):
    """The memberships of a project that have not ended; roles in the whole organisation are none of them."""

    scope = "project_id"


class MembershipsByServiceAccount(Grouped):
    """The roles of a service account, the first given first."""

    needs = Permission.MEMBER_READ
    table = Membership
    key = "service_account_id"
    order = ("created_at", "id")

    @classmethod
    def query(cls) -> Any:
        """Leave out what has ended."""
        return super().query().where(Membership.removed_at.is_(None))
