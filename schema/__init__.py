"""What a client sees: the GraphQL schema, one module a noun."""

import strawberry
from strawberry.schema.config import StrawberryConfig

from execution.events import ForgetfulExecutor
from execution.naming import OperationNaming
from schema.api_keys import ApiKeyMutations
from schema.artifact_aliases import ArtifactAliasMutations
from schema.artifact_entries import ArtifactEntryMutations
from schema.artifact_versions import ArtifactVersionMutations, ArtifactVersionQueries
from schema.artifacts import ArtifactMutations, ArtifactQueries
from schema.audit import AuditQueries
from schema.authorization import AuthorizationQueries
from schema.backup_changes import BackupMutations
from schema.backups import BackupQueries
from schema.bundles import BundleMutations
from schema.caching import CacheMutations, CacheQueries
from schema.charging import Charging
from schema.comparisons import ComparisonQueries
from schema.connector_administration import ConnectorAdministrationMutations
from schema.connector_checks import ConnectorCheckMutations
from schema.connector_queries import ConnectorQueryMutations
from schema.connector_secrets import ConnectorSecretMutations
from schema.connectors import ConnectorMutations, ConnectorQueries
from schema.database import DatabaseQueries
from schema.direct_uploads import ArtifactStoreMutations, DirectUploadMutations
from schema.experiment_changes import ExperimentMutations
from schema.experiments import ExperimentQueries
from schema.explaining import ExplainingQueries
from schema.filter_editing import FilterQueries
from schema.guarding import OPERATIONS, OperationGuard
from schema.invitations import InvitationMutations
from schema.job_changes import JobMutations
from schema.jobs import JobQueries
from schema.keeping import Keeping
from schema.lineage import LineageQueries
from schema.log_batches import LogBatchMutations
from schema.maintenance import MaintenanceMutations
from schema.memberships import MembershipMutations
from schema.metrics import MetricMutations, MetricQueries
from schema.model_aliases import ModelAliasMutations
from schema.model_versions import ModelVersionMutations, ModelVersionQueries
from schema.models import ModelMutations, ModelQueries
from schema.notification_changes import NotificationMutations
from schema.notifications import NotificationQueries
from schema.organization_changes import OrganizationMutations
from schema.organizations import OrganizationQueries
from schema.outcomes import HANDLERS
from schema.persisted_documents import PersistedDocumentMutations, PersistedDocumentQueries
from schema.profile_changes import ProfileMutations
from schema.profiles import ProfileQueries
from schema.projects import ProjectMutations, ProjectQueries
from schema.quotas import QuotaMutations
from schema.restore_changes import RestoreMutations
from schema.restores import RestoreQueries
from schema.root import NodeQueries
from schema.run_changes import RunMutations
from schema.runs import RunQueries
from schema.scalars import SCALARS
from schema.schedule_changes import ScheduleMutations
from schema.schedules import ScheduleQueries
from schema.search import SearchQueries
from schema.service_accounts import ServiceAccountMutations, ServiceAccountQueries
from schema.sessions import SessionMutations
from schema.subscriptions import Subscription
from schema.sync_changes import SyncMutations
from schema.syncs import SyncQueries
from schema.tracking import TrackingMutations
from schema.usage import UsageNoting


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
    SyncQueries,
    JobQueries,
    ScheduleQueries,
    BackupQueries,
    RestoreQueries,
    ProfileQueries,
    NotificationQueries,
    NodeQueries,
    SearchQueries,
    FilterQueries,
    ExplainingQueries,
    ModelQueries,
    ModelVersionQueries,
    LineageQueries,
    MetricQueries,
    AuditQueries,
    PersistedDocumentQueries,
    CacheQueries,
    DatabaseQueries,
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
    ArtifactStoreMutations,
    DirectUploadMutations,
    ArtifactAliasMutations,
    ConnectorMutations,
    ConnectorSecretMutations,
    SyncMutations,
    ConnectorCheckMutations,
    ConnectorQueryMutations,
    ConnectorAdministrationMutations,
    JobMutations,
    ScheduleMutations,
    BackupMutations,
    RestoreMutations,
    MaintenanceMutations,
    ProfileMutations,
    NotificationMutations,
    BundleMutations,
    TrackingMutations,
    ModelMutations,
    ModelVersionMutations,
    ModelAliasMutations,
    MetricMutations,
    LogBatchMutations,
    QuotaMutations,
    PersistedDocumentMutations,
    CacheMutations,
):
    """The root of mutations."""


schema = strawberry.Schema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    config=StrawberryConfig(scalar_map=SCALARS),
    exception_handlers=HANDLERS,
    execution_context_class=ForgetfulExecutor,
    # The guard comes first: what it refuses is charged as a request, and the others find its document in the context.
    extensions=[UsageNoting, OperationGuard, OperationNaming, Charging, Keeping],
)
operations = OPERATIONS
"""The documents that were sent: `operations.prepare(text)` parses and measures one, and keeps it for the next time."""
operations.serve(schema._schema)  # noqa: SLF001 -- Strawberry shows it no other way
