"""What a client sees: the GraphQL schema, one module a noun."""

from typing import Final

import strawberry
from strawberry.extensions import MaxTokensLimiter, ParserCache, ValidationCache
from strawberry.schema.config import StrawberryConfig

from execution.choice import OperationChoice
from schema.artifact_aliases import ArtifactAliasMutations
from schema.artifact_entries import ArtifactEntryMutations
from schema.artifact_versions import ArtifactVersionMutations, ArtifactVersionQueries
from schema.artifacts import ArtifactMutations, ArtifactQueries
from schema.comparisons import ComparisonQueries
from schema.connectors import ConnectorMutations, ConnectorQueries
from schema.experiment_changes import ExperimentMutations
from schema.experiments import ExperimentQueries
from schema.filter_editing import FilterQueries
from schema.jobs import JobQueries
from schema.lineage import LineageQueries
from schema.log_batches import LogBatchMutations
from schema.metrics import MetricMutations, MetricQueries
from schema.model_aliases import ModelAliasMutations
from schema.model_versions import ModelVersionMutations, ModelVersionQueries
from schema.models import ModelMutations, ModelQueries
from schema.organizations import OrganizationQueries
from schema.outcomes import HANDLERS
from schema.projects import ProjectMutations, ProjectQueries
from schema.root import NodeQueries
from schema.run_changes import RunMutations
from schema.runs import RunQueries
from schema.scalars import SCALARS
from schema.search import SearchQueries
from schema.subscriptions import Subscription

DOCUMENTS: Final = 512
"""So many documents are kept parsed and validated."""
TOKENS: Final = 10_000
"""The longest document, in tokens of the language; what it works on travels in variables."""


@strawberry.type(description="Everything that can be asked.")
class Query(
    ProjectQueries,
    ExperimentQueries,
    RunQueries,
    ComparisonQueries,
    ArtifactQueries,
    ArtifactVersionQueries,
    OrganizationQueries,
    ConnectorQueries,
    JobQueries,
    NodeQueries,
    SearchQueries,
    FilterQueries,
    ModelQueries,
    ModelVersionQueries,
    LineageQueries,
    MetricQueries,
):
    """The root of queries."""


@strawberry.type(description="Everything that can be changed.")
class Mutation(
    ProjectMutations,
    ExperimentMutations,
    RunMutations,
    ArtifactMutations,
    ArtifactVersionMutations,
    ArtifactEntryMutations,
    ArtifactAliasMutations,
    ConnectorMutations,
    ModelMutations,
    ModelVersionMutations,
    ModelAliasMutations,
    MetricMutations,
    LogBatchMutations,
):
    """The root of mutations."""


schema = strawberry.Schema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    config=StrawberryConfig(scalar_map=SCALARS),
    exception_handlers=HANDLERS,
    extensions=[
        # Validating a document of many thousand fields would hold up everybody else for seconds.
        lambda: MaxTokensLimiter(TOKENS),
        # A program sends the same few documents again and again; parsing and validating one costs milliseconds.
        lambda: ParserCache(DOCUMENTS),
        lambda: ValidationCache(DOCUMENTS),
        OperationChoice,
    ],
)
