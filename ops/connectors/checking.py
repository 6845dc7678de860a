"""Testing all connectors of an organisation, some at a time."""

import asyncio
from collections.abc import Collection, Mapping
from typing import Any, Final
from uuid import UUID

from maestro.db.tables.enums import ConnectorStatus
from maestro.errors import MaestroError
from maestro.progress import Progress, untold
from ops.connectors.opening import Openings
from ops.connectors.testing import examine

AT_A_TIME: Final = 4
TRIGGER: Final = "SCHEDULE"
_IN_USE: Final = """
    SELECT id, name, kind FROM connector
    WHERE organization_id = $1 AND deleted_at IS NULL AND status <> 'DISABLED' AND ($2::uuid[] IS NULL OR id = ANY($2))
    ORDER BY name
"""


async def check_all(
    openings: Openings,
    organization_id: UUID,
    *,
    named: Collection[UUID] | None = None,
    writes: bool = False,
    progress: Progress = untold,
) -> list[dict[str, Any]]:
    """Test the connectors of an organisation that are in use, or those of them that are named.

    Returns of each its `id`, `name`, `kind` and `status`; what could not be tested at all has a `code` instead.
    """
    rows = await openings.db.fetch_sql(_IN_USE, organization_id, None if named is None else list(named))
    room, done = asyncio.Semaphore(AT_A_TIME), 0

    async def check(row: Any) -> dict[str, Any]:
        nonlocal done
        async with room:
            found = await _checked(openings, organization_id, row.id, writes=writes)
        done += 1
        progress("Testing", done, len(rows), unit="connectors")
        return {"id": str(row.id), "name": row.name, "kind": row.kind, **found}

    return list(await asyncio.gather(*map(check, rows)))


async def _checked(openings: Openings, organization_id: UUID, key: UUID, *, writes: bool) -> Mapping[str, Any]:
    try:
        found = await examine(openings, key, organization_id, trigger=TRIGGER, writes=writes)
    except MaestroError as error:
        # A kind that nobody opens, or a connector that was just moved to the trash.
        return {"code": error.code}
    return {"status": found["status"]}


def failing(checked: Collection[Mapping[str, Any]]) -> list[str]:
    """Return the names of the connectors that are not as they should be."""
    return [one["name"] for one in checked if one.get("status", ConnectorStatus.HEALTHY) != ConnectorStatus.HEALTHY]
