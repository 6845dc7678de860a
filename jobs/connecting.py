"""What jobs open connectors with: the settings and the credential of one, as they are when it is opened."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final
from uuid import UUID

from jobs.means import DRAFTS
from maestro.db.engine import Database, Scope
from maestro.queue.work import Work
from ops.connectors.opening import find, opening
from ops.stored_bytes import StoredBytes, stored_bytes

_STARTER: Final = "SELECT created_by_id FROM job WHERE id = $1 AND organization_id = $2"


def scoped(work: Work) -> Database:
    """Return the database as the job's organisation sees it: PostgreSQL refuses every other row."""
    return work.db.within(Scope(work.organization_id))


async def starter_of(work: Work) -> UUID | None:
    """Return who started the job."""
    rows = await scoped(work).fetch_sql(_STARTER, work.job_id, work.organization_id)
    return rows[0].created_by_id if rows else None


@asynccontextmanager
async def bytes_of(work: Work) -> AsyncIterator[StoredBytes]:
    """Give the bytes of the files of the job's organisation for a block, to be read wherever they are."""
    drafts = work.settings.data_dir / DRAFTS / f"fetched-{work.job_id.hex}"
    async with stored_bytes(scoped(work), drafts, vault=work.vault, settings=work.settings) as found:
        yield found


@asynccontextmanager
async def connected(work: Work, connector_id: UUID) -> AsyncIterator[Any]:
    """Open a connector of the job's organisation for a block; NotFound, Conflict for one in the trash."""
    target = await find(work.db, connector_id, work.organization_id)
    async with opening(target, work.vault, work.settings) as connector:
        yield connector
