"""Use cases of other tracking servers: jobs that bring in what was tracked there, and write there what was here."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select

from maestro.access import Permission
from maestro.db.rows import Row
from maestro.db.tables import Connector, Experiment, Job, Project, RegisteredModel
from maestro.db.tables.enums import ConnectorKind, ConnectorStatus
from maestro.errors import Conflict, InvalidInput, NotFound
from maestro.ids import Kind, encode
from maestro.job_inputs import ExportInput, ImportInput
from maestro.mlflow_inputs import FromMlflow, ToMlflow
from resolvers import jobs, validation
from resolvers.context import Context
from resolvers.idempotency import Once, write_once
from resolvers.writing import Lock, Writer

MOST_NAMES: Final = 1000
LONGEST_NAME: Final = 500
MOST_MODELS: Final = 100


async def import_from_mlflow(ctx: Context, given: Mapping[str, Any], *, idempotency_key: str | None = None) -> Row:
    """Start the import of an MLflow server into a project, and return its job.

    `given` has `connector_id` and `project_id`, and if given `experiments`, `with_artifacts`, `with_models` and
    `since`. NotFound, InvalidInput for a connector of another kind, Conflict for one that is disabled and for what is
    in the trash, Forbidden without the permission to write what comes.
    """
    asked = FromMlflow(
        connector_id=given["connector_id"],
        project_id=given["project_id"],
        experiments=_names(given.get("experiments")),
        with_artifacts=given.get("with_artifacts", True),
        with_models=given.get("with_models", True),
        since=given.get("since"),
    )

    async def write(writer: Writer) -> Row:
        await _require_project(writer, asked)
        await _require_mlflow(writer, asked.connector_id)
        return await jobs.start(writer, ImportInput(source=asked), idempotency_key=idempotency_key)

    return await write_once(ctx, Job, Once("importFromMlflow", idempotency_key, given), write=write)


async def export_to_mlflow(ctx: Context, given: Mapping[str, Any], *, idempotency_key: str | None = None) -> Row:
    """Start the export of a project, or of one experiment, to an MLflow server, and return its job.

    `given` has `connector_id` and `project_id`, and if given `experiment_id`, `with_artifacts`, `with_models` and
    `models`. NotFound, InvalidInput for a connector of another kind and for an experiment or a model of another
    project, Conflict, Forbidden.
    """
    asked = ToMlflow(
        connector_id=given["connector_id"],
        project_id=given["project_id"],
        experiment_id=given.get("experiment_id"),
        with_artifacts=given.get("with_artifacts", True),
        with_models=given.get("with_models", True),
        models=_models(given),
    )

    async def write(writer: Writer) -> Row:
        await _require_project(writer, asked)
        if asked.experiment_id is not None:
            await _require_within(writer, asked.experiment_id, asked.project_id)
        if asked.models is not None:
            await _require_models(writer, asked.models, asked.project_id)
        await _require_mlflow(writer, asked.connector_id)
        return await jobs.start(writer, ExportInput(target=asked), idempotency_key=idempotency_key)

    return await write_once(ctx, Job, Once("exportToMlflow", idempotency_key, given), write=write)


async def _require_project(writer: Writer, asked: FromMlflow | ToMlflow) -> None:
    first, *others = asked.takes[asked.project_id]
    project = await writer.container(Project, asked.project_id, needs=first)
    for permission in others:
        await writer.permit(Project, project, permission)


async def _require_mlflow(writer: Writer, connector_id: UUID) -> None:
    connector = await writer.in_use(Connector, connector_id, lock=Lock.KEEP)
    if connector.kind != ConnectorKind.MLFLOW:
        raise InvalidInput(
            f"This connector is of kind {connector.kind}.", field="connectorId", hint="Choose one of kind MLFLOW."
        )
    if connector.status == ConnectorStatus.DISABLED:
        raise Conflict("This Connector is disabled.", hint="Enable it first.")


async def _require_within(writer: Writer, experiment_id: UUID, project_id: UUID) -> None:
    experiment = await writer.in_use(Experiment, experiment_id, needs=Permission.EXPERIMENT_READ)
    if experiment.project_id != project_id:
        raise InvalidInput(
            "The experiment belongs to another project.", field="experimentId", hint="Name its own project."
        )


async def _require_models(writer: Writer, models: Sequence[UUID], project_id: UUID) -> None:
    c = RegisteredModel.__table__.c
    here = c.project_id == project_id, c.organization_id == writer.ctx.organization_id, c.deleted_at.is_(None)
    found = {row.id for row in await writer.tx.fetch(select(c.id).where(c.id.in_(models), *here))}
    missing = [encode(Kind.RegisteredModel, key) for key in models if key not in found]
    if missing:
        raise NotFound(
            f"The project has no RegisteredModel {missing[0]}.",
            field="models",
            hint="Name models of this project that are not in the trash.",
        )


def _models(given: Mapping[str, Any]) -> tuple[UUID, ...] | None:
    models: Sequence[UUID] | None = given.get("models")
    if models is None:
        return None
    if not given.get("with_models", True):
        raise InvalidInput("Models are named, and none are wanted.", field="models", hint="Leave one of the two out.")
    if not 0 < len(models) <= MOST_MODELS:
        raise InvalidInput(
            f"{len(models):,} models; name 1 to {MOST_MODELS}.", field="models", hint="Leave it out for all."
        )
    return tuple(dict.fromkeys(models))


def _names(given: Sequence[str] | None) -> tuple[str, ...] | None:
    if given is None:
        return None
    if not 0 < len(given) <= MOST_NAMES:
        raise InvalidInput(
            f"{len(given):,} experiments; name 1 to {MOST_NAMES:,}.", field="experiments", hint="Leave it out for all."
        )
    return tuple(validation.text(name, field="experiments", limit=LONGEST_NAME) for name in given)
