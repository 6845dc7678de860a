"""The ends of a plan opened: their connectors as they are now, which have to be those that were compared."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from uuid import UUID

from maestro.db.engine import Database
from maestro.db.rows import Row
from maestro.errors import Conflict, NotFound
from maestro.settings import Settings
from maestro.sync_ends import fingerprint, options_of, require_store
from maestro.vault import Vault
from ops.connectors.opening import find, opening
from ops.syncs.ends import End, Ends

_CONNECTOR: Final = "SELECT * FROM connector WHERE id = $1 AND organization_id = $2 AND deleted_at IS NULL"


@asynccontextmanager
async def opened_ends(plan: Row, *, db: Database, vault: Vault, settings: Settings) -> AsyncIterator[Ends]:
    """Open both stores of a plan for a block, within what the settings allow connectors.

    NotFound when a connector is gone, Conflict when one has other settings than those the plan was made with; the
    errors of opening a connector.
    """
    options, known = options_of(plan), plan.options.get("ends", {})
    source = await connector(db, plan.source_id, plan.organization_id, known=known.get("source"))
    target = await connector(db, plan.target_id, plan.organization_id, known=known.get("target"))
    ends = [await find(db, one.id, plan.organization_id) for one in (source, target)]
    async with opening(ends[0], vault, settings) as origin, opening(ends[1], vault, settings) as place:
        yield Ends(
            End(origin, source.kind, options.source_prefix),
            End(place, target.kind, options.target_prefix),
        )


async def connector(db: Database, key: UUID, organization_id: UUID, *, known: str | None = None) -> Row:
    """Return the connector of a store; NotFound, InvalidInput for one of no store, Conflict when it is not as known."""
    rows = await db.fetch_sql(_CONNECTOR, key, organization_id)
    if not rows:
        raise NotFound("There is no such Connector, or it is in the trash.")
    row = rows[0]
    require_store(row, field="sourceId or targetId")
    if known is not None and known != fingerprint(row.kind, row.config):
        raise Conflict(f"The settings of the connector {row.name!r} were changed.", hint="Plan anew.")
    return row
