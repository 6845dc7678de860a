"""Registered models of a project written to an MLflow server, with their versions, files and aliases.

MLflow numbers versions by itself, from 1 and without gaps, so that our number of one is told by its tag. Files of a
version go into a folder of its own among those of its run: what a version holds never changes, and the folder of an
artifact of the run may still get files. MLflow takes none without a run, so that a version whose run is not exported
is put below one that is made for its model.
"""

import re
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from connectors.tracking.capability import TrackedModel, TrackedRun, TrackedVersion, TrackingSource
from maestro.db.rows import Row
from maestro.errors import Conflict, NotFound
from maestro.ids import Kind, encode
from ops.exports.origin import Origin, Written

CARRIERS: Final = "Registered models"
"""The experiment, below the project, of the runs that are made for models."""
LONGEST_TAG: Final = 5000
"""What every version of MLflow takes as the value of a tag."""
_NUMBER: Final = "maestro.version"
_MODELS: Final = """
    SELECT m.id, m.name, m.description, m.task, m.framework, m.tags, m.created_at, p.name AS project
    FROM registered_model m JOIN project p ON p.id = m.project_id
    WHERE m.organization_id = $1 AND m.project_id = $2 AND m.deleted_at IS NULL
        AND ($3::uuid[] IS NULL OR m.id = ANY($3))
        AND ($4::uuid IS NULL OR EXISTS (SELECT FROM model_version v JOIN run r ON r.id = v.source_run_id
            WHERE v.model_id = m.id AND v.deleted_at IS NULL AND r.experiment_id = $4 AND r.deleted_at IS NULL))
    ORDER BY m.id
"""
_VERSIONS: Final = """
    SELECT id, number, description, lifecycle, card, source_run_id, artifact_version_id FROM model_version
    WHERE model_id = $1 AND organization_id = $2 AND deleted_at IS NULL ORDER BY number
"""
_ALIASES: Final = """
    SELECT name, version_id FROM model_alias WHERE model_id = $1 AND organization_id = $2 AND deleted_at IS NULL
    ORDER BY name
"""
_FILES: Final = """
    SELECT e.path, e.sha256 FROM artifact_version v
    JOIN artifact a ON a.id = v.artifact_id JOIN artifact_entry e ON e.version_id = v.id
    WHERE v.id = $1 AND v.organization_id = $2 AND v.state = 'COMMITTED' AND a.deleted_at IS NULL ORDER BY e.path
"""
_UNFIT_IN_PATHS: Final = re.compile(r"[^\w-]+", re.ASCII)


async def export_models(
    origin: Origin, target: TrackingSource, *, run_ids: Mapping[UUID, str | None], report: Written
) -> None:
    """Write the models that are wanted, with all their versions; `run_ids` are those of exported runs there by ours.

    A version or an alias that is refused does not end it. NotFound for a model that is wanted and not there, Transient.
    """
    wanted = origin.model_ids
    only_of = origin.experiment_id if wanted is None else None
    given = None if wanted is None else list(wanted)
    models = await origin.db.fetch_sql(_MODELS, origin.organization_id, origin.project_id, given, only_of)
    if wanted is not None and len(models) < len(set(wanted)):
        raise NotFound("A Model that is to be exported is not in the project any more.")
    exporting = _Exporting(origin, target, run_ids=run_ids, report=report)
    for model in models:
        with report.noting("model", model.name):
            await exporting.model(model)


class _Exporting:
    """An export of models that is under way."""

    def __init__(
        self, origin: Origin, target: TrackingSource, *, run_ids: Mapping[UUID, str | None], report: Written
    ) -> None:
        self._origin, self._target = origin, target
        self._run_ids, self._report = run_ids, report
        self._carriers: dict[UUID, str] = {}

    async def model(self, row: Row) -> None:
        """Write a model with its versions and aliases."""
        there = await self._target.ensure_model(_model(row), otherwise=f"{row.name[:100]} ({row.project[:100]})")
        self._report.models += 1
        numbers: dict[UUID, int] = {}
        for version in await self._rows(_VERSIONS, row.id):
            with self._report.noting("model version", f"{row.name} {version.number}"):
                numbers[version.id] = await self._version(there, row, version)
        for alias in await self._rows(_ALIASES, row.id):
            if alias.version_id in numbers:
                with self._report.noting("alias", f"{row.name} {alias.name}"):
                    await self._target.put_alias(there, alias.name, numbers[alias.version_id])

    async def _rows(self, sql: str, key: UUID) -> list[Row]:
        return list(await self._origin.db.fetch_sql(sql, key, self._origin.organization_id))

    async def _version(self, there: TrackedModel, model: Row, row: Row) -> int:
        """Write a version, its files before it: one that is seen on the server is whole."""
        known = next((one for one in there.versions if one.tags.get(_NUMBER) == str(row.number)), None)
        # Where it lies it stays, though its run may have been exported since.
        run_id, source = (known.run_id, known.source) if known is not None else await self._place(model, row)
        if self._origin.with_files and row.artifact_version_id is not None:
            await self._files(str(source), row.artifact_version_id)
        number = await self._target.put_version(there, _version(row, run_id, source))
        self._report.model_versions += known is None
        return number

    async def _place(self, model: Row, row: Row) -> tuple[str, str]:
        """Return the run of a new version and its source; Conflict when its own run was refused."""
        run_id = self._run_ids.get(row.source_run_id)
        if run_id is None and row.source_run_id in self._run_ids:
            raise Conflict("The run that made it could not be written.", hint="Start the export again.")
        if run_id is None:
            run_id = self._carriers.get(model.id) or await self._carrier(model)
        # Two models may have names that look alike in a path.
        folder = f"{_UNFIT_IN_PATHS.sub('_', model.name)[:80]}-{model.id.hex[-8:]}"
        return run_id, f"runs:/{run_id}/models/{folder}/{row.number}"

    async def _carrier(self, model: Row) -> str:
        experiment_id = await self._target.ensure_experiment(f"{model.project}/{CARRIERS}", {})
        run = TrackedRun(
            id=encode(Kind.RegisteredModel, model.id),
            experiment_id=experiment_id,
            name=model.name,
            status="FINISHED",
            started_at=model.created_at,
            ended_at=model.created_at,
        )
        self._carriers[model.id] = run_id = await self._target.put_run(run, ())
        return run_id

    async def _files(self, source: str, version_id: UUID) -> None:
        rows = await self._rows(_FILES, version_id)
        there = {file.path async for page in self._target.source_files(source) for file in page} if rows else set()
        for row in rows:
            if row.path not in there:
                place = await self._origin.blobs.find(self._origin.organization_id, row.sha256)
                await self._target.put_source_file(source, row.path, place)
                self._report.files += 1


def _version(row: Row, run_id: str | None, source: str | None) -> TrackedVersion:
    told = {"maestro.lifecycle": row.lifecycle, "maestro.card": row.card[:LONGEST_TAG]}
    tags = {key: value for key, value in told.items() if value}
    return TrackedVersion(row.number, run_id, source, row.description, tags)


def _model(row: Row) -> TrackedModel:
    told: dict[str, Any] = {"maestro.task": row.task, "maestro.framework": row.framework}
    return TrackedModel(
        id=encode(Kind.RegisteredModel, row.id),
        name=row.name,
        description=row.description,
        tags={**{key: str(value) for key, value in row.tags.items()}, **{k: v for k, v in told.items() if v}},
    )
