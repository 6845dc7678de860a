"""What a client sees: the GraphQL schema, one module a noun."""

from typing import Final

import strawberry
from strawberry.extensions import MaxTokensLimiter, ParserCache, ValidationCache
from strawberry.schema.config import StrawberryConfig

from execution.bounds import BoundedLength
from execution.choice import OperationChoice
from execution.naming import OperationNaming
from schema.api_keys import ApiKeyMutations
from schema.artifact_aliases import ArtifactAliasMutations
from schema.artifact_entries import ArtifactEntryMutations
from schema.artifact_versions import ArtifactVersionMutations, ArtifactVersionQueries
from schema.artifacts import ArtifactMutations, ArtifactQueries
from schema.audit import AuditQueries
from schema.authorization import AuthorizationQueries
from schema.charging import Charging
from schema.comparisons import ComparisonQueries
from schema.connector_secrets import ConnectorSecretMutations
from schema.connectors import ConnectorMutations, ConnectorQueries
from schema.experiment_changes import ExperimentMutations
from schema.experiments import ExperimentQueries
from schema.filter_editing import FilterQueries
from schema.invitations import InvitationMutations
from schema.jobs import JobQueries
from schema.lineage import LineageQueries
from schema.log_batches import LogBatchMutations
from schema.memberships import MembershipMutations
from schema.metrics import MetricMutations, MetricQueries
from schema.model_aliases import ModelAliasMutations
from schema.model_versions import ModelVersionMutations, ModelVersionQueries
from schema.models import ModelMutations, ModelQueries
from schema.organization_changes import OrganizationMutations
from schema.organizations import OrganizationQueries
from schema.outcomes import HANDLERS
from schema.projects import ProjectMutations, ProjectQueries
from schema.quotas import QuotaMutations
from schema.root import NodeQueries
from schema.run_changes import RunMutations
from schema.runs import RunQueries
from schema.scalars import SCALARS
from schema.search import SearchQueries
from schema.service_accounts import ServiceAccountMutations, ServiceAccountQueries
from schema.sessions import SessionMutations
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
    ServiceAccountQueries,
    AuthorizationQueries,
    ConnectorQueries,
    JobQueries,
    NodeQueries,
    SearchQueries,
    FilterQueries,
    ModelQueries,
    ModelVersionQueries,
    LineageQueries,
    MetricQueries,
    AuditQueries,
):
    """The root of queries."""


@strawberry.type(description="Everything that can be changed.")
class Mutation(
    OrganizationMutations,
    MembershipMutations,
    InvitationMutations,
    ServiceAccountMutations,
    ApiKeyMutations,
    SessionMutations,
    ProjectMutations,
    ExperimentMutations,
    RunMutations,
    ArtifactMutations,
    ArtifactVersionMutations,
    ArtifactEntryMutations,
    ArtifactAliasMutations,
    ConnectorMutations,
    ConnectorSecretMutations,
    ModelMutations,
    ModelVersionMutations,
    ModelAliasMutations,
    MetricMutations,
    LogBatchMutations,
    QuotaMutations,
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
        BoundedLength,
        # A program sends the same few documents again and again; parsing and validating one costs milliseconds.
        lambda: ParserCache(DOCUMENTS),
        lambda: ValidationCache(DOCUMENTS),
        OperationChoice,
        OperationNaming,
        Charging,
    ],
)
