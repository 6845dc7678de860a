"""Bundles in the schema: a project is written into an object store, and made anew of what lies there."""

from typing import Annotated, Any

import strawberry
from strawberry import UNSET
from strawberry.types import Info

import resolvers.bundles
from maestro.access import Permission
from maestro.ids import Kind, uuid_of
from schema.arguments import IdempotencyKey
from schema.connections import given
from schema.guards import mutation
from schema.jobs import Job


@strawberry.input(description="Which project to write, and where to.")
class ExportProjectInput:
    """An export."""

    project_id: strawberry.ID = strawberry.field(description="The Project.")
    connector_id: strawberry.ID = strawberry.field(
        description="The Connector of an object store: S3, GCS, AZURE_BLOB or LOCAL."
    )
    key: str = strawberry.field(description="The key of the object there, such as `exports/project.zip`.")


@strawberry.input(description="Which bundle to read, and what the project is called.")
class ImportProjectInput:
    """An import."""

    connector_id: strawberry.ID = strawberry.field(description="The Connector of the object store.")
    key: str = strawberry.field(description="The key of the bundle there.")
    name: str | None = strawberry.field(
        default=UNSET, description="The name of the new project; the one that it had unless given."
    )


@strawberry.type
class BundleMutations:
    """Root fields."""

    @mutation(
        Permission.CONNECTOR_SYNC,
        description="Start a job that writes a project into an object store as one file: experiments, runs with all "
        "points, models, artifacts with their files. It takes the permissions to read all of it. What lies in the "
        "trash, who did what, and connectors are left out. The same project makes the same bytes.",
    )
    async def export_project(
        self,
        info: Info[Any, Any],
        input: Annotated[ExportProjectInput, strawberry.argument(description="The export.")],
        idempotency_key: IdempotencyKey = None,
    ) -> Job:
        """Export."""
        values = _read(given(input))
        row = await resolvers.bundles.export_project(info.context, values, idempotency_key=idempotency_key)
        return Job(row=row)

    @mutation(
        Permission.CONNECTOR_SYNC,
        description="Start a job that makes a new project of a file that exportProject has written, all of it or "
        "nothing. It takes the permissions to create a project and all that is in one. The job's result has its id.",
    )
    async def import_project(
        self,
        info: Info[Any, Any],
        input: Annotated[ImportProjectInput, strawberry.argument(description="The import.")],
        idempotency_key: IdempotencyKey = None,
    ) -> Job:
        """Import."""
        values = _read(given(input))
        row = await resolvers.bundles.import_project(info.context, values, idempotency_key=idempotency_key)
        return Job(row=row)


def _read(values: dict[str, Any]) -> dict[str, Any]:
    """Return an input with the keys of the rows in the place of ids."""
    kinds = {"connector_id": (Kind.Connector, "connectorId"), "project_id": (Kind.Project, "projectId")}
    return {
        name: uuid_of(kinds[name][0], value, field=kinds[name][1]) if name in kinds else value
        for name, value in values.items()
    }
