"""Registered models of a source as models of a project, with their versions, files, aliases and lineage."""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final
from uuid import UUID

from uuid_utils.compat import uuid7

from connectors.tracking.capability import TrackedModel, TrackedVersion, TrackingSource
from connectors.tracking.flavors import framework_of
from maestro.clock import now
from maestro.db.engine import Transaction
from maestro.db.rows import Row
from maestro.db.tables.enums import LineageKind, ModelLifecycle
from maestro.errors import InvalidInput, MaestroError, Transient
from maestro.ids import Kind
from maestro.threads import in_thread
from ops.imports import files
from ops.imports.experiments import SYSTEM
from ops.imports.files import Arrow, Sealing
from ops.imports.runs import known_runs
from ops.imports.target import Report, Target, require_alive
from ops.imports.texts import name_of, storable, tags_of

ORIGIN: Final = "mlflow.model"
STAGES: Final[Mapping[str, ModelLifecycle]] = {
    "Staging": ModelLifecycle.READY,
    "Production": ModelLifecycle.READY,
    "Archived": ModelLifecycle.DEPRECATED,
}
"""What a version becomes by its stage; without one it is a DRAFT."""
_LIVE_STAGES: Final = ("Staging", "Production")
_ALIAS: Final = re.compile(r"[A-Za-z0-9._-]{1,100}")
_FIND: Final = """
    SELECT id, tags FROM registered_model
    WHERE organization_id = $1 AND project_id = $2 AND deleted_at IS NULL
        AND (tags ->> 'mlflow.model' = $3 OR name = $4)
    ORDER BY (tags ->> 'mlflow.model' = $3) IS TRUE DESC LIMIT 1 FOR NO KEY UPDATE
"""
_MAKE: Final = """
    INSERT INTO registered_model (id, organization_id, project_id, name, description, tags, created_by_id)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
_CHANGE: Final = """
    UPDATE registered_model SET tags = tags || $3::jsonb, description = CASE $4 WHEN '' THEN description ELSE $4 END,
        version = version + 1, updated_at = now()
    WHERE id = $1 AND organization_id = $2 AND NOT (tags @> $3::jsonb AND $4 IN ('', description))
"""
_VERSIONS: Final = """
    SELECT id, number, artifact_version_id, deleted_at FROM model_version WHERE model_id = $1 AND organization_id = $2
"""
_MAKE_VERSION: Final = """
    INSERT INTO model_version (id, organization_id, model_id, number, description, lifecycle, card, source_run_id,
        artifact_version_id, created_at, created_by_id)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
"""
_COUNT: Final = """
    UPDATE registered_model SET last_version_number = greatest(last_version_number, $3),
        framework = coalesce(framework, $4)
    WHERE id = $1 AND organization_id = $2
"""
_ALIASES: Final = """
    SELECT id, name, version_id, is_protected FROM model_alias
    WHERE model_id = $1 AND organization_id = $2 AND deleted_at IS NULL FOR NO KEY UPDATE
"""
_POINT: Final = """
    INSERT INTO model_alias (id, organization_id, model_id, version_id, name, set_by_id, created_by_id)
    VALUES ($1, $2, $3, $4, $5, $6, $6)
    ON CONFLICT (model_id, name) WHERE deleted_at IS NULL
    DO UPDATE SET version_id = excluded.version_id, set_at = now(), set_by_id = excluded.set_by_id,
        version = model_alias.version + 1, updated_at = now()
"""
_MOVE: Final = """
    INSERT INTO model_alias_move (id, organization_id, model_id, name, version_id, by_id)
    VALUES ($1, $2, $3, $4, $5, $6)
"""


async def import_models(target: Target, source: TrackingSource, *, is_partial: bool, report: Report) -> None:
    """Bring in the registered models; `is_partial` leaves out those of whose versions no run is in the project."""
    async for page in source.models():
        for model in page:
            await _import_model(target, source, model, is_partial=is_partial, report=report)


async def _import_model(
    target: Target, source: TrackingSource, model: TrackedModel, *, is_partial: bool, report: Report
) -> None:
    runs = (await known_runs(target.db, target, [one.run_id for one in model.versions if one.run_id])).rows
    if is_partial and not runs:
        return
    model_id, known = await _ensure(target, model)
    report.models += 1
    for version in model.versions:
        if version.number in known:
            continue
        run = runs.get(version.run_id or "")
        kept, framework = await _files_of(target, source, (model, version), run=run, report=report)
        await _make_version(target, model_id, version, made=(run, kept, framework))
        report.model_versions += 1
    await _point(target, model_id, model, report=report)


async def _ensure(target: Target, model: TrackedModel) -> tuple[UUID, dict[int, Row]]:
    """Return the model that stands for one of the source, and its versions by their numbers."""
    fitting, _ = tags_of(model.tags, besides=SYSTEM)
    tags: dict[str, Any] = {**fitting, ORIGIN: storable(model.name)}
    description, name = storable(model.description), name_of(model.name, "model")
    place = target.organization_id, target.project_id
    async with target.db.transaction() as tx:
        await target.hold(tx)
        found = await tx.fetch_sql(_FIND, *place, tags[ORIGIN], name)
        if found and ORIGIN not in found[0].tags:
            # Somebody's own model, whose versions are numbered otherwise.
            name, found = f"{name[:180]} (MLflow)", []
        if not found:
            key = uuid7()
            await tx.fetch_sql(_MAKE, key, *place, name, description, tags, target.actor_id)
            return key, {}
        key = found[0].id
        await tx.fetch_sql(_CHANGE, key, target.organization_id, tags, description)
        rows = await tx.fetch_sql(_VERSIONS, key, target.organization_id)
        return key, {row.number: row for row in rows}


async def _files_of(
    target: Target,
    source: TrackingSource,
    which: tuple[TrackedModel, TrackedVersion],
    *,
    run: Row | None,
    report: Report,
) -> tuple[UUID | None, str | None]:
    """Store the files of a version, and return their artifact version and the framework that has made them."""
    model, version = which
    try:
        listed = [file async for page in source.version_files(model.name, version.number) for file in page]
        if not listed:
            return None, None
        fetch = partial(_fetch, source, model.name, version.number)
        async with files.fetched(target, listed, fetch) as places:
            framework = await in_thread(lambda _: framework_of(list(places), partial(_peek, places)))
            stored = await files.keep(target, places)
    except MaestroError as error:
        if isinstance(error, Transient):
            await require_alive(source, error)
        report.fails("files of a model version", f"{model.name} {version.number}", error)
        return None, None
    sealing = Sealing(
        name=f"{model.name[:190]} (model)",
        type="model",
        tags={ORIGIN: storable(model.name)},
        run_id=None if run is None else run.id,
        files=stored,
    )
    report.files += len(stored)
    report.size_bytes += sum(file.size_bytes for file in stored)
    return await files.seal(target, sealing), framework


async def _fetch(source: TrackingSource, model: str, number: int, *place: Any) -> int:
    path, to = place
    return await source.download_version_file(model, number, path=path, to=to)


def _peek(places: Mapping[str, Any], path: str, most: int) -> bytes:
    with places[path].open("rb") as file:
        head: bytes = file.read(most)
        return head


async def _make_version(
    target: Target, model_id: UUID, version: TrackedVersion, *, made: tuple[Row | None, UUID | None, str | None]
) -> None:
    run, kept, framework = made
    run_id = None if run is None else run.id
    key = uuid7()
    async with target.db.transaction() as tx:
        await tx.fetch_sql(_COUNT, model_id, target.organization_id, version.number, framework)
        lifecycle = STAGES.get(version.stage or "", ModelLifecycle.DRAFT)
        about = version.number, storable(version.description), lifecycle, _card(version)
        when = version.created_at or now()
        await tx.fetch_sql(
            _MAKE_VERSION, key, target.organization_id, model_id, *about, run_id, kept, when, target.actor_id
        )
        for arrow in _arrows(key, run_id, kept):
            await files.draw(tx, target, arrow)


def _arrows(key: UUID, run_id: UUID | None, kept: UUID | None) -> Iterable[Arrow]:
    end = Kind.ModelVersion, key
    if run_id is not None:
        yield Arrow((Kind.Run, run_id), end, LineageKind.PRODUCED, run_id)
    if kept is not None:
        yield Arrow((Kind.ArtifactVersion, kept), end, LineageKind.DERIVED_FROM, run_id)


def _card(version: TrackedVersion) -> str:
    """Return what the source tells of a version that has no column here, for people."""
    told = {"source": version.source or "", "stage": version.stage or "", **version.tags}
    lines = [f"- {key}: {value}" for key, value in told.items() if value]
    return storable("\n".join(["Imported from MLflow.", "", *lines]))


async def _point(target: Target, model_id: UUID, model: TrackedModel, *, report: Report) -> None:
    """Let the aliases point where they point in the source; one that is protected here stays where it is."""
    async with target.db.transaction() as tx:
        versions = {row.number: row for row in await tx.fetch_sql(_VERSIONS, model_id, target.organization_id)}
        known = {row.name: row for row in await tx.fetch_sql(_ALIASES, model_id, target.organization_id)}
        for name, number in _wanted(model.versions).items():
            version, alias = versions.get(number), known.get(name)
            if not _ALIAS.fullmatch(name) or name.isdigit():
                report.fails("alias", f"{model.name} {name}", _unfit(name))
            elif version is None or version.deleted_at is not None or (alias and alias.is_protected):
                continue
            elif alias is None or alias.version_id != version.id:
                await _set(tx, target, (model_id, version.id, name))


async def _set(tx: Transaction, target: Target, place: tuple[UUID, UUID, str]) -> None:
    model_id, version_id, name = place
    await tx.fetch_sql(_POINT, uuid7(), target.organization_id, model_id, version_id, name, target.actor_id)
    await tx.fetch_sql(_MOVE, uuid7(), target.organization_id, model_id, name, version_id, target.actor_id)


def _wanted(versions: Sequence[TrackedVersion]) -> dict[str, int]:
    """Return where aliases point; the newest version of a stage has the stage's name as one, unless that is used."""
    staged = {one.stage.lower(): one.number for one in versions if one.stage in _LIVE_STAGES}
    return {**staged, **{alias: one.number for one in versions for alias in one.aliases}}


def _unfit(name: str) -> MaestroError:
    return InvalidInput(f"{name[:80]!r} cannot be an alias here.")
