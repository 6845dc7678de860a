"""Loaders of model versions."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import func

from dataloaders.base import ById, Loader
from dataloaders.catalogue import Catalogue, Listed
from dataloaders.lists import ListLoader
from maestro.access import Permission
from maestro.cache import tags_of
from maestro.db.rows import Row
from maestro.db.tables import ModelVersion
from maestro.db.tables.enums import ModelLifecycle
from maestro.filters import ValueType
from maestro.ids import Kind

MODEL_VERSIONS: Final = Catalogue(
    table=ModelVersion,
    document=func.to_tsvector("simple", ModelVersion.description),
    fields={
        "id": Listed(ValueType.ID, "The version's id.", ModelVersion.id, kind=Kind.ModelVersion),
        "number": Listed(ValueType.INTEGER, "Its number in the model.", ModelVersion.number),
        "description": Listed(ValueType.STRING, "What is special about it.", ModelVersion.description),
        "lifecycle": Listed(
            ValueType.ENUM, "How far it has come.", ModelVersion.lifecycle, values=tuple(ModelLifecycle)
        ),
        "sourceRun": Listed(
            ValueType.ID, "The run that made it.", ModelVersion.source_run_id, is_nullable=True, kind=Kind.Run
        ),
        "artifactVersion": Listed(
            ValueType.ID,
            "The artifact version with its files.",
            ModelVersion.artifact_version_id,
            is_nullable=True,
            kind=Kind.ArtifactVersion,
        ),
        "createdAt": Listed(ValueType.DATETIME, "When it was created.", ModelVersion.created_at),
        "updatedAt": Listed(ValueType.DATETIME, "When it was last changed.", ModelVersion.updated_at),
    },
)


class ModelVersionById(ById):
    """Model versions by their id."""

    needs = Permission.MODEL_READ
    table = ModelVersion


class VersionsByModel(ListLoader):
    """The versions of a model."""

    needs = Permission.MODEL_READ
    catalogue = MODEL_VERSIONS
    scope = "model_id"


class LatestVersionByModel(Loader[UUID, Row | None]):
    """The version with the highest number of each model, None where there is none."""

    needs = Permission.MODEL_READ
    reads = tags_of(ModelVersion)

    async def fetch(self, keys: Sequence[UUID]) -> list[Row | Exception | None]:
        """Return the latest version of each model."""
        rows = await self.db.fetch_sql(
            "SELECT latest.* FROM unnest($1::uuid[]) AS wanted(id) CROSS JOIN LATERAL ("
            "SELECT * FROM model_version WHERE model_id = wanted.id AND organization_id = $2 AND deleted_at IS NULL "
            "ORDER BY number DESC LIMIT 1) AS latest",
            list(keys),
            self.organization_id,
        )
        found = {row.model_id: row for row in rows}
        return [found.get(key) for key in keys]
