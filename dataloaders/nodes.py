"""Rows of mixed kinds by their ids: one statement a kind."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from dataloaders.api_keys import ApiKeyById
from dataloaders.artifacts import ArtifactById, ArtifactVersionById
from dataloaders.audit import AuditEntryById
from dataloaders.backups import BackupById, RestoreById
from dataloaders.base import Loader, Loaders
from dataloaders.connector_checks import ConnectorCheckById
from dataloaders.connector_queries import ConnectorQueryById
from dataloaders.connectors import ConnectorById
from dataloaders.experiments import ExperimentById
from dataloaders.invitations import InvitationById
from dataloaders.jobs import JobById
from dataloaders.memberships import MembershipById
from dataloaders.metrics import MetricKeyById, MetricSeriesById
from dataloaders.model_aliases import ModelAliasById
from dataloaders.model_versions import ModelVersionById
from dataloaders.models import ModelById
from dataloaders.notifications import NotificationChannelById
from dataloaders.organizations import OrganizationById
from dataloaders.persisted_documents import PersistedDocumentById
from dataloaders.profiles import ProfileById
from dataloaders.projects import ProjectById
from dataloaders.runs import RunById
from dataloaders.schedules import JobScheduleById
from dataloaders.service_accounts import ServiceAccountById
from dataloaders.syncs import SyncPlanById, SyncRunById
from dataloaders.users import UserById
from maestro.db.rows import Row
from maestro.errors import Forbidden, NotFound
from maestro.ids import Kind

BY_KIND: Final[Mapping[Kind, type[Loader[UUID, Row]]]] = {
    Kind.Organization: OrganizationById,
    Kind.User: UserById,
    Kind.ServiceAccount: ServiceAccountById,
    Kind.ApiKey: ApiKeyById,
    Kind.Membership: MembershipById,
    Kind.Invitation: InvitationById,
    Kind.Project: ProjectById,
    Kind.Experiment: ExperimentById,
    Kind.Run: RunById,
    Kind.MetricKey: MetricKeyById,
    Kind.MetricSeries: MetricSeriesById,
    Kind.RegisteredModel: ModelById,
    Kind.ModelVersion: ModelVersionById,
    Kind.ModelAlias: ModelAliasById,
    Kind.Artifact: ArtifactById,
    Kind.ArtifactVersion: ArtifactVersionById,
    Kind.Connector: ConnectorById,
    Kind.SyncPlan: SyncPlanById,
    Kind.ConnectorCheck: ConnectorCheckById,
    Kind.ConnectorQuery: ConnectorQueryById,
    Kind.SyncRun: SyncRunById,
    Kind.Job: JobById,
    Kind.JobSchedule: JobScheduleById,
    Kind.Backup: BackupById,
    Kind.Restore: RestoreById,
    Kind.Profile: ProfileById,
    Kind.NotificationChannel: NotificationChannelById,
    Kind.AuditEntry: AuditEntryById,
    Kind.PersistedDocument: PersistedDocumentById,
}
"""The loader of each kind of node that can be found by its id."""


async def load_nodes(loaders: Loaders, ids: Sequence[tuple[Kind, UUID]]) -> list[Row | Forbidden | None]:
    """Return the row of each node, all kinds at once: None where there is none, Forbidden for a kind not to be read."""
    return list(await asyncio.gather(*(_load(loaders, kind, key) for kind, key in ids)))


async def _load(loaders: Loaders, kind: Kind, key: UUID) -> Row | Forbidden | None:
    if kind not in BY_KIND:
        return None
    try:
        return await loaders[BY_KIND[kind]].load(key)
    except NotFound:
        return None
    except Forbidden as refusal:
        return refusal
