"""Projects in the schema."""

from typing import Annotated, Any

import strawberry
from strawberry import UNSET
from strawberry.types import Info

import resolvers.projects
import resolvers.trash
from dataloaders.artifact_stores import ArtifactStoreByProject
from dataloaders.artifacts import ArtifactsByProject
from dataloaders.connectors import ConnectorsByProject
from dataloaders.experiments import ExperimentsByProject
from dataloaders.memberships import MembersByProject
from dataloaders.metrics import MetricKeysByProject
from dataloaders.models import ModelsByProject
from dataloaders.projects import PROJECTS, ProjectById, Projects
from dataloaders.runs import RunsByProject
from dataloaders.usage import UsageByProject
from execution.declare import column, many, one, page
from execution.policy import cached
from maestro.access import Permission
from maestro.db.tables import Project as ProjectTable
from maestro.ids import Kind, uuid_of
from schema.arguments import ExpectedVersion, IdempotencyKey, NewName
from schema.artifact_stores import ArtifactStore
from schema.artifacts import Artifact, artifact_page
from schema.connections import Connection, given
from schema.connectors import Connector, connector_page
from schema.experiments import Experiment, experiment_page
from schema.filtering import (
    DateTimeCondition,
    IdCondition,
    StringCondition,
    condition,
    filter_input,
    sort_input,
)
from schema.guards import mutation
from schema.list_arguments import list_arguments
from schema.memberships import Membership, member_page
from schema.metrics import MetricKey
from schema.models import RegisteredModel, model_page
from schema.nodes import Owned, Trashable, by_id
from schema.outcomes import NameTaken, StaleVersion
from schema.project_usage import ProjectUsage
from schema.run_lists import run_page
from schema.runs import Run


@strawberry.type(description="What a team works on: experiments, models and artifacts that belong together.")
class Project(Owned, Trashable, kind=Kind.Project):
    """A project's row."""

    name: str = column("Its name, unique in the organisation.")
    slug: str = column("Its name in addresses, unique in the organisation.")
    description: str = column("What it is about, in Markdown.")
    experiments: Connection[Experiment] = page(
        ExperimentsByProject, arguments=experiment_page, description="Its experiments."
    )
    runs: Connection[Run] = page(RunsByProject, arguments=run_page, description="The runs of all its experiments.")
    models: Connection[RegisteredModel] = page(ModelsByProject, arguments=model_page, description="Its models.")
    artifacts: Connection[Artifact] = page(ArtifactsByProject, arguments=artifact_page, description="Its artifacts.")
    connectors: Connection[Connector] = page(
        ConnectorsByProject, arguments=connector_page, description="The connectors that serve it alone."
    )
    members: Connection[Membership] = page(
        MembersByProject,
        arguments=member_page,
        description="Who has a role in it besides those who have one in the whole organisation.",
    )
    metric_keys: list[MetricKey] = many(
        MetricKeysByProject,
        cached=cached(ttl=300),
        description="The metrics that its runs have logged, sorted by name.",
    )
    artifact_store: ArtifactStore | None = one(
        ArtifactStoreByProject,
        key="id",
        description="The object store to which the files of its artifacts go; null for the server's own folder.",
    )
    usage: ProjectUsage | None = one(
        UsageByProject,
        key="id",
        description="How much it holds, as it was counted at `asOf`; null until that was done for the first time.",
    )


@filter_input("Which projects; all members that are given must hold.")
class ProjectFilter:
    """The typed front of the filter language."""

    id: IdCondition | None = condition("By id.")
    name: StringCondition | None = condition("By name.")
    slug: StringCondition | None = condition("By the name in addresses.")
    description: StringCondition | None = condition("By description.")
    created_at: DateTimeCondition | None = condition("By the time of creation.")
    updated_at: DateTimeCondition | None = condition("By the time of the last change.")
    text: str | None = condition("By words of the name and the description; the last may be unfinished.")


project_page = list_arguments(PROJECTS, ProjectFilter, sort_input("ProjectSort", PROJECTS), noun="projects")


@strawberry.type
class ProjectQueries:
    """Root fields."""

    project: Project | None = one(
        ProjectById, key=None, arguments=by_id(Kind.Project), description="A project by its id."
    )
    projects: Connection[Project] = page(
        Projects,
        key=None,
        arguments=project_page,
        cached=cached(ttl=300),
        description="The organisation's projects.",
    )


@strawberry.input(description="A new project.")
class CreateProjectInput:
    """What a project is made of."""

    name: str = strawberry.field(description="Its name: 1 to 200 characters, unique in the organisation.")
    slug: str | None = strawberry.field(
        default=UNSET, description="Its name in addresses; made from the name unless given."
    )
    description: str | None = strawberry.field(default=UNSET, description="What it is about, in Markdown.")


@strawberry.input(description="Changes of a project; what is left out stays as it is.")
class UpdateProjectInput:
    """What can be changed."""

    name: str | None = strawberry.field(default=UNSET, description="Its new name.")
    slug: str | None = strawberry.field(default=UNSET, description="Its new name in addresses.")
    description: str | None = strawberry.field(default=UNSET, description="What it is about, in Markdown.")


@strawberry.type(description="The project as it is after the change.")
class ProjectSaved:
    """The good outcome."""

    project: Project = strawberry.field(description="The project.")


CreateProjectPayload = Annotated[
    ProjectSaved | NameTaken, strawberry.union("CreateProjectPayload", description="How the creation went.")
]
UpdateProjectPayload = Annotated[
    ProjectSaved | NameTaken | StaleVersion,
    strawberry.union("UpdateProjectPayload", description="How the change went."),
]
RestoreProjectPayload = Annotated[
    ProjectSaved | NameTaken, strawberry.union("RestoreProjectPayload", description="How the restoring went.")
]


ProjectId = Annotated[strawberry.ID, strawberry.argument(description="The id of a Project.")]


@strawberry.type
class ProjectMutations:
    """Root fields."""

    @mutation(Permission.PROJECT_CREATE, description="Create a project.")
    async def create_project(
        self,
        info: Info[Any, Any],
        input: Annotated[CreateProjectInput, strawberry.argument(description="The project.")],
        idempotency_key: IdempotencyKey = None,
    ) -> CreateProjectPayload:
        """Create."""
        row = await resolvers.projects.create(info.context, given(input), idempotency_key=idempotency_key)
        return ProjectSaved(project=Project(row=row))

    @mutation(Permission.PROJECT_UPDATE, description="Change a project.")
    async def update_project(
        self,
        info: Info[Any, Any],
        id: ProjectId,
        input: Annotated[UpdateProjectInput, strawberry.argument(description="The changes.")],
        expected_version: ExpectedVersion = None,
    ) -> UpdateProjectPayload:
        """Update."""
        row = await resolvers.projects.update(
            info.context, uuid_of(Kind.Project, id), expected_version=expected_version, changes=given(input)
        )
        return ProjectSaved(project=Project(row=row))

    @mutation(Permission.PROJECT_DELETE, description="Move a project and all it contains to the trash.")
    async def delete_project(
        self, info: Info[Any, Any], id: ProjectId, expected_version: ExpectedVersion = None
    ) -> Project:
        """Delete."""
        row = await resolvers.trash.delete(
            info.context, ProjectTable, uuid_of(Kind.Project, id), expected_version=expected_version
        )
        return Project(row=row)

    @mutation(
        Permission.PROJECT_DELETE, description="Bring a project back from the trash with what its deletion took along."
    )
    async def restore_project(self, info: Info[Any, Any], id: ProjectId, name: NewName = None) -> RestoreProjectPayload:
        """Restore."""
        row = await resolvers.trash.restore(info.context, ProjectTable, uuid_of(Kind.Project, id), name=name)
        return ProjectSaved(project=Project(row=row))
