"""Bringing one organisation, or one project, of a backup back as a new one beside what lives.

The source is a database that holds the restored backup, the target the one that lives. All rows are written in one
transaction: whenever this is stopped nothing of them is seen, and it may begin anew. Files are put into place before,
as nobody can refer to them yet.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Final

from maestro.clock import now
from maestro.db.engine import OWNER_ROLE, Database
from maestro.errors import MaestroError, NotFound
from maestro.progress import Progress, untold
from ops.restores.scoped import checking, counting, files, references, writing
from ops.restores.scoped.checking import Growth
from ops.restores.scoped.new_ids import NewIds
from ops.restores.scoped.results import Copied, OrganizationCopy, Places, ProjectCopy
from ops.restores.scoped.route import Route
from ops.restores.scoped.scope import Scope
from ops.restores.scoped.selection import Renamed, Selection
from ops.restores.scoped.writing import Work

_ORGANIZATION: Final = "SELECT id FROM organization WHERE id = $1"
_PROJECT: Final = "SELECT organization_id, slug, deleted_at FROM project WHERE id = $1"
_IS_THERE: Final = "SELECT FROM {} WHERE id = $1"


async def copy_organization(
    places: Places, wanted: OrganizationCopy, *, dry_run: bool = False, progress: Progress = untold
) -> Copied:
    """Make a new organisation of one in a backup, owned by whoever restores it alone.

    A dry run changes nothing and says what would be copied, and what stands against it. NotFound, NameTaken, Conflict
    for another schema and for files that are nowhere, VerificationFailed.
    """
    async with _opened(places) as (source, target):
        if not await source.fetch(_ORGANIZATION, wanted.organization_id):
            raise NotFound("There is no such Organization in the backup.")
        ids = NewIds.of_copy(wanted.copy_id)
        selection = Selection(
            scope=Scope(wanted.organization_id),
            into=Scope(ids.of(wanted.organization_id)),
            ids=ids,
            moment=now(),
            renamed=Renamed(wanted.new_name, wanted.new_slug),
        )
        found = await checking.organization_conflicts(target, wanted.restorer_id, selection)
        work = await _prepared(Route(source, target, places, wanted, selection, progress))
        return await _carried_out(work, found, is_dry=dry_run)


async def copy_project(
    places: Places, wanted: ProjectCopy, *, dry_run: bool = False, progress: Progress = untold
) -> Copied:
    """Make a new project, in an organisation that lives, of one in a backup; from the trash it comes out of it.

    As `copy_organization`, and QuotaExceeded. What the project referred to in other projects it still does where the
    organisation has that, else the reference is cut.
    """
    async with _opened(places) as (source, target):
        rows = await source.fetch(_PROJECT, wanted.project_id)
        if not rows:
            raise NotFound("There is no such Project in the backup.")
        ids, place = NewIds.of_copy(wanted.copy_id), wanted.into_organization_id
        slug = wanted.new_slug or await checking.free_slug(target, place, rows[0]["slug"])
        taken = await checking.taken_connectors(source, target, project_id=wanted.project_id, organization_id=place)
        selection = Selection(
            scope=Scope(rows[0]["organization_id"], wanted.project_id),
            into=Scope(place, ids.of(wanted.project_id)),
            ids=ids,
            moment=now(),
            renamed=Renamed(wanted.new_name, slug),
            brings_back=rows[0]["deleted_at"] is not None,
            taken=taken,
        )
        found = await checking.project_conflicts(target, selection)
        work = await _prepared(Route(source, target, places, wanted, selection, progress))
        found += await checking.quota_conflicts(target, place, work.growth)
        return await _carried_out(work, found, is_dry=dry_run)


@asynccontextmanager
async def _opened(places: Places) -> AsyncIterator[tuple[Any, Database]]:
    """Open both databases by the tables' owner, the source as it is at this moment."""
    origin = Database(places.source_url, pool_size=1, system_role=OWNER_ROLE)
    target = Database(places.target_url, pool_size=2, system_role=OWNER_ROLE)
    try:
        async with origin.driver() as source, source.transaction(isolation="repeatable_read"):
            await checking.require_one_revision(source, target)
            yield source, target
    finally:
        await origin.close()
        await target.close()


async def _prepared(route: Route) -> Work:
    await references.prepare(route)
    counted = await counting.count(route)
    survey = await files.survey(route)
    growth = Growth(await counting.runs_in_use(route), survey.new_bytes)
    return Work(route, counted, survey.files, growth)


async def _carried_out(work: Work, conflicts: list[MaestroError], *, is_dry: bool) -> Copied:
    """Tell what the copy would be, or make it."""
    told = _told(work, is_dry=is_dry)
    if await _is_there(work):
        return replace(told, was_there=True)
    forgiven = work.route.wanted.allow_missing_files
    conflicts += [] if forgiven else checking.missing_files(work.found)
    if is_dry:
        return replace(told, conflicts=tuple(conflicts))
    for conflict in conflicts:
        raise conflict
    placed = await files.place(work.route, work.found.bytes)
    for conflict in [] if forgiven else checking.missing_files(placed):
        raise conflict
    return replace(told, checksums=await writing.write(work), files=placed)


async def _is_there(work: Work) -> bool:
    into = work.selection.into
    table, key = ("project", into.project_id) if into.project_id else ("organization", into.organization_id)
    return bool(await work.route.target.fetch_sql(_IS_THERE.format(table), key))


def _told(work: Work, *, is_dry: bool) -> Copied:
    selection = work.selection
    return Copied(
        organization_id=selection.into.organization_id,
        project_id=selection.into.project_id,
        name=selection.renamed.name,
        slug=selection.renamed.slug,
        is_dry_run=is_dry,
        rows=work.counted.rows,
        checksums={},
        cut=work.counted.cut,
        left_out=work.counted.left_out,
        files=work.found,
        renamed=selection.taken,
    )
