"""Where connectors lie, for what may be done with them in one project and not in another."""

from collections.abc import Collection, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import any_, select

from dataloaders.base import KEYS, ORGANIZATION, Loader, forbidden
from maestro.access import Permission, Viewer
from maestro.db.engine import Statement
from maestro.db.rows import Row
from maestro.db.tables import Connector
from maestro.errors import Forbidden, MaestroError, NotFound

_C: Final = Connector.__table__.c


class ConnectorPlaces(Loader[UUID, Row]):
    """The projects of connectors; NotFound."""

    needs = Permission.CONNECTOR_READ
    statement = Statement(select(_C.id, _C.project_id).where(_C.id == any_(KEYS), _C.organization_id == ORGANIZATION))

    async def fetch(self, keys: Sequence[UUID]) -> list[Row | Exception]:
        """Return the place of each connector."""
        found = {row.id: row for row in await self.rows(self.statement, keys=list(keys))}
        return [found.get(key) or NotFound("There is no such Connector.") for key in keys]


def refusal(viewer: Viewer, needs: Permission, place: Row) -> Forbidden | None:
    """Return why a viewer may not do something with a connector; None where they may."""
    return None if viewer.grants.allow(needs, place.project_id) else forbidden(viewer, needs)


async def refusals(loader: Loader[Any, Any], needs: Permission, keys: Collection[UUID]) -> dict[UUID, MaestroError]:
    """Return of which connectors a loader's viewer may not be told something, and why.

    Costs a statement for who holds the permission in some projects alone.
    """
    if loader.viewer.grants.allow(needs):
        return {}
    ids = list(dict.fromkeys(keys))
    places = await ConnectorPlaces(loader.db, loader.viewer).fetch(ids)
    found = {
        key: place if isinstance(place, MaestroError) else refusal(loader.viewer, needs, place)
        for key, place in zip(ids, places, strict=True)
        if not isinstance(place, Exception) or isinstance(place, MaestroError)
    }
    return {key: why for key, why in found.items() if why is not None}
