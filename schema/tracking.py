"""Other tracking servers in the schema: what was tracked there is brought in, what was tracked here written there."""

from datetime import datetime
from typing import Annotated, Any

import strawberry
from strawberry import UNSET
from strawberry.types import Info

import resolvers.tracking
from maestro.access import Permission
from maestro.ids import Kind, uuid_of
from schema.arguments import IdempotencyKey
from schema.connections import given
from schema.guards import mutation
from schema.jobs import Job


@strawberry.input(description="What of an MLflow server to bring in, and into which project.")
class ImportFromMlflowInput:
    """An import."""

    connector_id: strawberry.ID = strawberry.field(description="The Connector of the server, of kind MLFLOW.")
    project_id: strawberry.ID = strawberry.field(description="The Project into which it goes.")
    experiments: list[str] | None = strawberry.field(
        default=UNSET,
        description="The names of the experiments there that are wanted, at most 1,000; all unless given.",
    )
    with_artifacts: bool = strawberry.field(default=True, description="Whether the files of the runs come too.")
    with_models: bool = strawberry.field(
        default=True,
        description="Whether registered models come too; with `experiments` those of which a version is of such a run.",
    )
    since: datetime | None = strawberry.field(default=UNSET, description="Leaves out runs that have begun before.")


@strawberry.input(description="What to write to an MLflow server.")
class ExportToMlflowInput:
    """An export."""

    connector_id: strawberry.ID = strawberry.field(description="The Connector of the server, of kind MLFLOW.")
    project_id: strawberry.ID = strawberry.field(description="The Project whose runs are written.")
    experiment_id: strawberry.ID | None = strawberry.field(
        default=UNSET, description="One Experiment of it; all of them unless given."
    )
    with_artifacts: bool = strawberry.field(
        default=True, description="Whether the files of the runs and of the models are written too."
    )
    with_models: bool = strawberry.field(
        default=True,
        description="Whether registered models are written too; with `experimentId` those of which a version is of "
        "such a run.",
    )
    models: list[strawberry.ID] | None = strawberry.field(
        default=UNSET, description="These registered Models of the project and no others, at most 100."
    )


@strawberry.type
class TrackingMutations:
    """Root fields."""

    @mutation(
        Permission.CONNECTOR_SYNC,
        description="Start a job that brings experiments, runs and registered models of an MLflow server into a "
        "project. Run again, it brings in what is new or has changed, and nothing twice. It also takes the permissions "
        "to write what comes.",
    )
    async def import_from_mlflow(
        self,
        info: Info[Any, Any],
        input: Annotated[ImportFromMlflowInput, strawberry.argument(description="The import.")],
        idempotency_key: IdempotencyKey = None,
    ) -> Job:
        """Import."""
        values = _read(given(input))
        return Job(
            row=await resolvers.tracking.import_from_mlflow(info.context, values, idempotency_key=idempotency_key)
        )

    @mutation(
        Permission.CONNECTOR_SYNC,
        description="Start a job that writes the runs and registered models of a project to an MLflow server. Run "
        "again, it fills up what is there, and doubles nothing.",
    )
    async def export_to_mlflow(
        self,
        info: Info[Any, Any],
        input: Annotated[ExportToMlflowInput, strawberry.argument(description="The export.")],
        idempotency_key: IdempotencyKey = None,
    ) -> Job:
        """Export."""
        values = _read(given(input))
        return Job(row=await resolvers.tracking.export_to_mlflow(info.context, values, idempotency_key=idempotency_key))


def _read(values: dict[str, Any]) -> dict[str, Any]:
    """Return an input with the keys of the rows in the place of ids."""
    kinds = {"connector_id": Kind.Connector, "project_id": Kind.Project, "experiment_id": Kind.Experiment}
    names = {"connector_id": "connectorId", "project_id": "projectId", "experiment_id": "experimentId"}
    keys: dict[str, Any] = {
        name: uuid_of(kind, values[name], field=names[name])
        for name, kind in kinds.items()
        if values.get(name) is not None
    }
    if values.get("models") is not None:
        keys["models"] = [uuid_of(Kind.RegisteredModel, value, field="models") for value in values["models"]]
    return {**values, **keys}
