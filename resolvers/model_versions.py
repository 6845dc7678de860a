"""Use cases of model versions."""

from collections.abc import Callable, Mapping
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy import update as change

from maestro.access import Permission
from maestro.db.rows import Row
from maestro.db.tables import Artifact, ArtifactVersion, ModelAlias, ModelVersion, RegisteredModel, Run
from maestro.db.tables.enums import ArtifactState, LineageKind, ModelLifecycle
from maestro.errors import Conflict, InvalidInput
from maestro.ids import Kind
from resolvers import lineage, model_aliases, trash, validation
from resolvers.context import Context
from resolvers.documents import document
from resolvers.idempotency import Once, write_once
from resolvers.writing import Lock, Writer, writing

MOST_METRICS: Final = 1000


async def create(ctx: Context, model_id: UUID, given: Mapping[str, Any], *, idempotency_key: str | None = None) -> Row:
    """Create the next version of a model and draw where it came from.

    `given` may hold `description`, `lifecycle`, `signature`, `card`, `metrics`, and the UUIDs `source_run_id` and
    `artifact_version_id`, both of the model's project. NotFound, Conflict when one of them is in the trash, Forbidden
    for a lifecycle other than DRAFT without MODEL_APPROVE.
    """
    values = _checked({field: value for field, value in given.items() if value is not None})

    async def write(writer: Writer) -> Row:
        model = await writer.in_use(RegisteredModel, model_id, lock=Lock.CHANGE)
        if values.get("lifecycle", ModelLifecycle.DRAFT) != ModelLifecycle.DRAFT:
            await writer.permit(RegisteredModel, model, Permission.MODEL_APPROVE)
        await _check_sources(writer, model, values)
        number = model.last_version_number + 1
        counted = change(RegisteredModel).where(RegisteredModel.id == model_id)
        await writer.tx.fetch(counted.values(last_version_number=number))
        version = await writer.create(ModelVersion, model_id=model_id, number=number, **values)
        await _draw_lineage(writer, version)
        return version

    once = Once("createModelVersion", idempotency_key, {**given, "model_id": model_id})
    return await write_once(ctx, ModelVersion, once, write=write)


async def update(ctx: Context, key: UUID, *, expected_version: int | None, changes: Mapping[str, Any]) -> Row:
    """Change `description`, `lifecycle`, `signature`, `card` or `metrics`; NotFound, Conflict, StaleVersion.

    Forbidden for a lifecycle without MODEL_APPROVE.
    """
    validation.not_null(changes)
    values = _checked(changes)
    async with writing(ctx) as writer:
        if "lifecycle" in values:
            await writer.row(ModelVersion, key, needs=Permission.MODEL_APPROVE)
        return await writer.change(ModelVersion, key, expected_version=expected_version, **values)


async def delete(ctx: Context, key: UUID, *, expected_version: int | None = None) -> Row:
    """Move a version and its aliases to the trash; NotFound, StaleVersion, Conflict when an alias is protected."""
    async with writing(ctx) as writer:
        current = await _locked_with_model(writer, key)
        aliases = await _aliases(writer, ModelAlias.version_id == key, ModelAlias.deleted_at.is_(None))
        protecting = [alias.name for alias in aliases if alias.is_protected]
        if protecting:
            raise Conflict(
                f"Version {current.number} is protected by its alias {protecting[0]!r}.",
                hint="Move the alias to another version or take its protection away first.",
                aliases=protecting,
            )
        deleted = await trash.discard(writer, ModelVersion, key, expected_version=expected_version)
        await model_aliases.record_removal(writer, aliases)
        return deleted


async def restore(ctx: Context, key: UUID) -> Row:
    """Bring a version back with the aliases that its deletion took along, but for those set anew since.

    NotFound, Conflict when the model is in the trash.
    """
    async with writing(ctx) as writer:
        await _locked_with_model(writer, key)
        await writer.tx.fetch_sql(
            "UPDATE model_alias AS old SET trashed_with_id = NULL WHERE old.trashed_with_id = $1 AND EXISTS ("
            "SELECT FROM model_alias AS new WHERE new.model_id = old.model_id AND new.name = old.name "
            "AND new.deleted_at IS NULL)",
            key,
        )
        returning = await _aliases(writer, ModelAlias.trashed_with_id == key)
        restored = await trash.bring_back(writer, ModelVersion, key)
        await model_aliases.record_return(writer, returning)
        return restored


async def _locked_with_model(writer: Writer, key: UUID) -> Row:
    # Whoever changes aliases or versions locks the model first, so that two of them never wait for each other.
    version = await writer.row(ModelVersion, key)
    await writer.row(RegisteredModel, version.model_id, lock=Lock.CHANGE)
    return await writer.row(ModelVersion, key, lock=Lock.CHANGE)


async def _aliases(writer: Writer, *conditions: Any) -> list[Row]:
    return await writer.tx.fetch(select(*ModelAlias.__table__.c).where(*conditions).order_by(ModelAlias.name))


async def _check_sources(writer: Writer, model: Row, values: Mapping[str, Any]) -> None:
    """Refuse a run or an artifact that cannot be the source of a version of this model."""
    if (run_id := values.get("source_run_id")) is not None:
        run = await writer.in_use(Run, run_id, needs=Permission.EXPERIMENT_READ)
        _check_project(model, run, field="sourceRunId")
    if (version_id := values.get("artifact_version_id")) is not None:
        version = await writer.row(ArtifactVersion, version_id, lock=Lock.KEEP, needs=Permission.ARTIFACT_READ)
        artifact = await writer.in_use(Artifact, version.artifact_id)
        _check_project(model, artifact, field="artifactVersionId")
        if version.state not in (ArtifactState.PENDING, ArtifactState.COMMITTED):
            raise Conflict(f"This ArtifactVersion is {version.state}.", hint="Choose a version whose files are there.")


def _check_project(model: Row, source: Row, *, field: str) -> None:
    if source.project_id != model.project_id:
        raise InvalidInput(
            f"{field} belongs to another project than the model.",
            field=field,
            hint="Register the model in the project of its runs and artifacts.",
        )


async def _draw_lineage(writer: Writer, version: Row) -> None:
    made = Kind.ModelVersion, version.id
    if version.source_run_id is not None:
        run = Kind.Run, version.source_run_id
        await lineage.link(writer, origin=run, target=made, kind=LineageKind.PRODUCED, run_id=version.source_run_id)
        await lineage.inherit(writer, run_id=version.source_run_id, target=made)
    if version.artifact_version_id is not None:
        files = Kind.ArtifactVersion, version.artifact_version_id
        await lineage.link(
            writer, origin=files, target=made, kind=LineageKind.DERIVED_FROM, run_id=version.source_run_id
        )


def _checked(given: Mapping[str, Any]) -> dict[str, Any]:
    checks: dict[str, Callable[[Any], Any]] = {
        "description": lambda value: validation.text(value, field="description"),
        "lifecycle": lambda value: value,
        "signature": lambda value: document(value, field="signature"),
        "card": lambda value: validation.text(value, field="card"),
        "metrics": _metrics,
        "source_run_id": lambda value: value,
        "artifact_version_id": lambda value: value,
    }
    return {field: checks[field](value) for field, value in given.items()}


def _metrics(value: Any) -> dict[str, Any]:
    metrics = document(value, field="metrics")
    if len(metrics) > MOST_METRICS:
        raise InvalidInput(
            f"{len(metrics):,} metrics; at most {MOST_METRICS:,} are allowed.", field="metrics", limit=MOST_METRICS
        )
    wrong = next((name for name, amount in metrics.items() if not _is_number(amount)), None)
    if wrong is not None:
        raise InvalidInput(
            f"The metric {wrong[:80]!r} is no number.",
            field="metrics",
            hint='Pass one number a metric, like {"accuracy": 0.93}.',
        )
    return metrics


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
