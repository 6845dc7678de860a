"""Loaders of people, and of whoever acts: people and service accounts."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, Text, any_, cast, exists, literal, null, select, union_all

from dataloaders.base import KEYS, ORGANIZATION, Loader
from maestro.db.engine import Statement
from maestro.db.rows import Row
from maestro.db.tables import Base, Membership, ServiceAccount, User
from maestro.errors import NotFound
from maestro.ids import Kind

# Memberships are kept when they end, so whoever has left can still be named.
_IS_KNOWN: Final = exists().where(Membership.user_id == User.id, Membership.organization_id == ORGANIZATION)
_COLUMNS: Final = {column.name: column.type for table in (User, ServiceAccount) for column in table.__table__.c}


def _as_actor(table: type[Base], kind: Kind) -> Select[Any]:
    own = table.__table__.c
    columns = [own[name] if name in own else cast(null(), type_).label(name) for name, type_ in _COLUMNS.items()]
    return select(literal(kind.value, Text()).label("actor"), *columns)


class UserById(Loader[UUID, Row]):
    """People who are or were members of the viewer's organisation."""

    needs = None
    statement = Statement(select(User.__table__).where(User.id == any_(KEYS), _IS_KNOWN))

    async def fetch(self, keys: Sequence[UUID]) -> list[Row | Exception]:
        """Return the row of each person."""
        found = {row.id: row for row in await self.rows(self.statement, keys=list(keys))}
        return [found.get(key) or NotFound("There is no such User.") for key in keys]


class ActorById(Loader[UUID, Row | None]):
    """Whoever acted, people and service accounts, with the columns of both and `actor`, the kind of node.

    None for somebody whom the viewer cannot see.
    """

    needs = None
    statement = Statement(
        union_all(
            _as_actor(User, Kind.User).where(User.id == any_(KEYS), _IS_KNOWN),
            _as_actor(ServiceAccount, Kind.ServiceAccount).where(
                ServiceAccount.id == any_(KEYS), ServiceAccount.organization_id == ORGANIZATION
            ),
        )
    )

    async def fetch(self, keys: Sequence[UUID]) -> list[Row | Exception | None]:
        """Return the row of each actor."""
        found = {row.id: row for row in await self.rows(self.statement, keys=list(keys))}
        return [found.get(key) for key in keys]
