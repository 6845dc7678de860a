"""One organisation or one project of a backup, brought back as a new one beside those that are there."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from connectors.local import LocalBlobs
from jobs.means import DRAFTS
from jobs.restore_steps import bring_up, fill, order_of, undo, validate
from maestro.db.tables.enums import Role
from maestro.errors import NotFound
from maestro.queue.work import JobRun, Work
from ops.restores import records
from ops.restores.files import plain_bytes
from ops.restores.restoring import Order
from ops.restores.scoped import Copied, Fetch, OrganizationCopy, Places, ProjectCopy, copy_organization, copy_project

_OWNER: Final = """
    SELECT m.organization_id, m.user_id FROM membership m JOIN organization o ON o.id = m.organization_id
    WHERE m.role = $1 AND m.project_id IS NULL AND m.removed_at IS NULL AND m.user_id IS NOT NULL
    ORDER BY o.created_at, o.id, m.user_id = $2 DESC LIMIT 1
"""
_IS_THERE: Final = "SELECT id FROM organization WHERE id = $1"


async def restore_part(run: JobRun, stored: Mapping[str, Any]) -> dict[str, Any]:
    """Restore the backup beside the data, copy a part of it, and drop it again."""
    await run.step("validate", validate, stored)
    verification = await run.step("fill", fill, stored)
    await run.step("bring up", bring_up, stored)
    copied = await run.step("copy", copy, stored)
    await run.step("undo", undo, stored)
    return {"verification": verification, "copied": copied}


async def copy(work: Work, stored: Mapping[str, Any]) -> dict[str, Any]:
    """Copy the part, all of it or nothing; a dry run says what would be copied, and what stands against it."""
    async with order_of(work, stored) as order:
        places = Places(
            source_url=order.shadow_url,
            target_url=order.url,
            blobs=LocalBlobs(order.installation.blobs),
            fetch=await _fetch(order, work.settings.data_dir / DRAFTS),
        )
        copied = await _copied(work, stored, places)
    return copied.document


async def _copied(work: Work, stored: Mapping[str, Any], places: Places) -> Copied:
    scope, restore_id, is_dry = stored["scope"], UUID(stored["restore_id"]), stored["dry_run"]
    row = await records.find(work.db, restore_id)
    home, owner = await _home(work, row.created_by_id)
    origin = {"backupId": stored["backup_id"], "restoreId": str(restore_id)}
    if scope["what"] == "ORGANIZATION":
        wanted = OrganizationCopy(
            organization_id=UUID(scope["organization_id"]),
            new_slug=scope["new_slug"],
            new_name=scope["new_slug"],
            restorer_id=owner,
            copy_id=restore_id,
            origin=origin,
        )
        return await copy_organization(places, wanted, dry_run=is_dry, progress=work.progress)
    project = ProjectCopy(
        project_id=UUID(scope["project_id"]),
        into_organization_id=await _place(work, places, UUID(scope["project_id"]), home=home),
        new_name=scope["new_name"],
        restorer_id=owner,
        copy_id=restore_id,
        origin=origin,
    )
    return await copy_project(places, project, dry_run=is_dry, progress=work.progress)


async def _home(work: Work, created_by: UUID | None) -> tuple[UUID, UUID]:
    """Return the first organisation, and whoever asked if they are its owner, else an owner of it."""
    rows = await work.db.fetch_sql(_OWNER, Role.OWNER, created_by)
    if not rows:
        raise NotFound("The first organisation has no owner.")
    return rows[0].organization_id, rows[0].user_id


async def _place(work: Work, places: Places, project_id: UUID, *, home: UUID) -> UUID:
    """Return the organisation that a project goes into: its own where that is still there, else the first one."""
    origin = await records.organization_of(places.source_url, project_id)
    return origin if origin is not None and await work.db.fetch_sql(_IS_THERE, origin) else home


async def _fetch(order: Order, drafts: Path) -> Fetch:
    """Return what reads the files of the backup by their digests."""
    by_digest = {blob.sha256: blob for blob in (await order.manifest()).blobs}

    async def fetch(sha256: str) -> AsyncIterator[bytes]:
        blob = by_digest.get(sha256)
        if blob is None:
            raise NotFound("The backup does not have this file.")
        opened = drafts / f"{order.by}-{sha256}"
        async for content in plain_bytes(blob, store=order.source.store, keys=order.source.keys, opened=opened):
            yield content

    return fetch
