"""The steps that all restores share: a backup or a moment becomes a database beside the one in use."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from jobs.means import archive_of, destination_of, installation_of, server_url
from maestro.db.direct import name_of
from maestro.queue.work import Work
from ops.backups import records as backup_records
from ops.point_in_time import Target, restore_to_time
from ops.restores import records, restoring
from ops.restores.past import fill_from
from ops.restores.restoring import Order


async def validate(work: Work, stored: Mapping[str, Any]) -> str:
    """See that the backup can be relied on, and its restore carried out; BackupRefused, PreflightFailed."""
    async with order_of(work, stored) as order:
        manifest = await restoring.validate(order, progress=work.progress)
    return manifest.created_at.isoformat()


async def fill(work: Work, stored: Mapping[str, Any]) -> dict[str, Any]:
    """Fill a database beside the one in use, and compare every row with what it was filled from."""
    async with order_of(work, stored) as order:
        if stored["target_time"] is None:
            found = await restoring.fill(order, progress=work.progress)
        else:
            found = await _fill_from_the_past(work, order, datetime.fromisoformat(stored["target_time"]))
    await records.verified(work.db, order.restore_id, found)
    return found


async def bring_up(work: Work, stored: Mapping[str, Any]) -> dict[str, Any]:
    """Migrate it to this version, and see that the server can use it."""
    async with order_of(work, stored) as order:
        return await restoring.bring_up(order, progress=work.progress)


async def undo(work: Work, stored: Mapping[str, Any]) -> list[str]:
    """Drop it, unless it is in use by now."""
    async with order_of(work, stored) as order:
        return await restoring.undo(order)


@asynccontextmanager
async def order_of(work: Work, stored: Mapping[str, Any]) -> AsyncIterator[Order]:
    """Open the store in which the backup of a restore lies, for a block."""
    restore_id = UUID(stored["restore_id"])
    backup_id = None if stored["backup_id"] is None else UUID(stored["backup_id"])
    location = None if backup_id is None else (await backup_records.find(work.db, backup_id)).location
    async with destination_of(work, location=location) as source:
        yield Order(
            restore_id=restore_id,
            # A moment has no backup; the restore's own id stands in its place.
            backup_id=backup_id or restore_id,
            installation=installation_of(work),
            source=source,
            server_url=server_url(work),
        )


async def _fill_from_the_past(work: Work, order: Order, time: datetime) -> dict[str, Any]:
    past = restore_to_time(archive_of(work), Target(time=time), database=name_of(order.url), progress=work.progress)
    async with past as instance:
        reached = None if instance.reached_at is None else instance.reached_at.isoformat()
        return {**await fill_from(instance.url, order, progress=work.progress), "reachedAt": reached}
