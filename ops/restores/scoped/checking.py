"""What stands against a copy, found out before anything of it is made."""

import re
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from maestro.access import organizations
from maestro.db.engine import Database, Transaction
from maestro.errors import Conflict, MaestroError, NameTaken, NotFound, QuotaExceeded
from ops.restores.scoped.results import Files
from ops.restores.scoped.selection import Selection

RUNS: Final = "runs"
STORAGE: Final = "storageBytes"
"""Names of quotas. Points count on the day on which they are logged, and a copy logs none."""
PHRASES: Final = {RUNS: "runs in use", STORAGE: "bytes of files"}
MOST_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class Growth:
    """What an organisation gets of what its quotas count."""

    runs: int
    bytes: int


_REVISION: Final = "SELECT version_num FROM alembic_version"
_USAGE: Final = """
    SELECT quotas,
        (SELECT count(*) FROM run WHERE organization_id = o.id AND deleted_at IS NULL) AS runs,
        (SELECT coalesce(sum(size_bytes), 0) FROM blob WHERE organization_id = o.id) AS bytes
    FROM organization o WHERE id = $1
"""
_TAKEN: Final = """
    SELECT name = $2 AS by_name FROM project
    WHERE organization_id = $1 AND (name = $2 OR slug = $3) AND deleted_at IS NULL ORDER BY 1 DESC LIMIT 1
"""
_CONNECTORS: Final = "SELECT name FROM connector WHERE project_id = $1 ORDER BY name"
_SAME_NAMES: Final = """
    SELECT name FROM connector WHERE organization_id = $1 AND name = ANY($2) AND deleted_at IS NULL ORDER BY name
"""
_SLUGS: Final = "SELECT slug FROM project WHERE organization_id = $1 AND deleted_at IS NULL AND slug LIKE $2 || '%'"


async def require_one_revision(source: Any, target: Database) -> None:
    """Raise Conflict unless both databases have the same schema."""
    (old,), (new,) = await source.fetch(_REVISION), await target.fetch_sql(_REVISION)
    if old["version_num"] != new.version_num:
        raise Conflict(
            f"The backup has the schema {old['version_num']}, this server has {new.version_num}.",
            hint="Migrate what was restored of the backup first.",
        )


async def organization_conflicts(
    target: Database | Transaction, restorer_id: UUID, selection: Selection
) -> list[MaestroError]:
    """Return what stands against a new organisation."""
    slug = selection.renamed.slug
    if not await target.fetch_sql('SELECT FROM "user" WHERE id = $1', restorer_id):
        return [NotFound("There is nobody with this id who could own the new organization.")]
    if await organizations.has_slug(target, restorer_id, slug, besides=selection.into.organization_id):
        taken = f"You already belong to an organization with the slug {slug!r}."
        return [NameTaken(taken, field="slug", hint="Choose another one.")]
    return []


async def project_conflicts(target: Database | Transaction, selection: Selection) -> list[MaestroError]:
    """Return what stands against a new project."""
    place, renamed = selection.into.organization_id, selection.renamed
    if not await target.fetch_sql("SELECT FROM organization WHERE id = $1", place):
        return [NotFound("There is no such Organization.")]
    taken = await target.fetch_sql(_TAKEN, place, renamed.name, renamed.slug)
    return [name_taken(selection, "name" if taken[0].by_name else "slug")] if taken else []


async def taken_connectors(
    source: Any, target: Database, *, project_id: UUID, organization_id: UUID
) -> tuple[str, ...]:
    """Return the names of a project's connectors that other connectors of an organisation have."""
    names = [row["name"] for row in await source.fetch(_CONNECTORS, project_id)]
    return tuple(row.name for row in await target.fetch_sql(_SAME_NAMES, organization_id, names))


def name_taken(selection: Selection, field: str) -> NameTaken:
    """Return the refusal of a name or slug that another project has."""
    value = selection.renamed.name if field == "name" else selection.renamed.slug
    return NameTaken(f"There is a Project with the {field} {value!r} already.", field=field, hint="Choose another one.")


async def quota_conflicts(
    target: Database | Transaction, organization_id: UUID, growth: Growth, *, is_in: bool = False
) -> list[MaestroError]:
    """Return what of a growth does not fit into an organisation's quotas; `is_in` when it is counted there already."""
    rows = await target.fetch_sql(_USAGE, organization_id)
    if not rows:
        return []
    used = {RUNS: (int(rows[0].runs), growth.runs), STORAGE: (int(rows[0].bytes), growth.bytes)}
    standing = {name: (has - more if is_in else has, more) for name, (has, more) in used.items()}
    return [
        _exceeded(name, limit, has=has, more=more)
        for name, (has, more) in standing.items()
        if (limit := rows[0].quotas.get(name)) is not None and more and has + more > limit
    ]


def missing_files(files: Files) -> list[MaestroError]:
    """Return the refusal of a copy whose files are not all to be had."""
    if not files.missing:
        return []
    shown = list(files.missing[:MOST_SHOWN])
    return [
        Conflict(
            f"{len(files.missing):,} of {files.files:,} files are neither here nor in the backup.",
            hint="Go on without them if the rest is worth it.",
            missing=shown,
        )
    ]


async def free_slug(target: Database, organization_id: UUID, wanted: str) -> str:
    """Return a slug that no project of an organisation has: the wanted one, or the same with a number."""
    taken = {row.slug for row in await target.fetch_sql(_SLUGS, organization_id, wanted[:50])}
    number, slug = 2, wanted
    while slug in taken:
        slug, number = f"{re.sub(r'-+$', '', wanted[:50])}-{number}", number + 1
    return slug


def _exceeded(quota: str, limit: int, *, has: int, more: int) -> QuotaExceeded:
    return QuotaExceeded(
        f"This organization may have {limit:,} {PHRASES[quota]}, has {has:,}, and would get {more:,} more.",
        hint="Delete what is not needed any more, or have the quota raised.",
        quota={RUNS: "RUNS", STORAGE: "STORAGE_BYTES"}[quota],
        limit=limit,
        used=has,
    )
