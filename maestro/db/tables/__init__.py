"""Every table of the domain; importing this module fills `Base.metadata`."""

from maestro.db.tables.artifacts import (
    Artifact,
    ArtifactAlias,
    ArtifactEntry,
    ArtifactStore,
    ArtifactVersion,
    Blob,
    LooseObject,
    RemoteBlob,
)
from maestro.db.tables.audit import AuditEntry, AuditHead
from maestro.db.tables.backups import Backup, Restore
from maestro.db.tables.base import Base, Owned, Trashable
from maestro.db.tables.connectors import (
    Connector,
    ConnectorCheck,
    ConnectorQuery,
    ConnectorSecret,
    ConnectorUsage,
)
from maestro.db.tables.experiments import Experiment
from maestro.db.tables.jobs import Job, JobEvent, JobSchedule
from maestro.db.tables.lineage import LineageEdge
from maestro.db.tables.metrics import IngestBatch, MetricBlock, MetricHot, MetricKey, MetricSeries, PointsByDay
from maestro.db.tables.models import ModelAlias, ModelAliasMove, ModelVersion, RegisteredModel
from maestro.db.tables.notifications import NotificationChannel
from maestro.db.tables.organizations import Organization
from maestro.db.tables.persisted_documents import DocumentClient, DocumentUsage, PersistedDocument
from maestro.db.tables.profiles import Profile, ProfileFile
from maestro.db.tables.projects import Project
from maestro.db.tables.runs import Param, Run
from maestro.db.tables.syncs import SyncItem, SyncPlan, SyncRun
from maestro.db.tables.users import (
    ApiKey,
    IdempotencyKey,
    Identity,
    Invitation,
    Membership,
    ServiceAccount,
    Session,
    SignInLink,
    User,
)
from maestro.db.tables.versions import DataVersion

__all__ = [
    "ApiKey",
    "Artifact",
    "ArtifactAlias",
    "ArtifactEntry",
    "ArtifactStore",
    "ArtifactVersion",
    "AuditEntry",
    "AuditHead",
    "Backup",
    "Base",
    "Blob",
    "Connector",
    "ConnectorCheck",
    "ConnectorQuery",
    "ConnectorSecret",
    "ConnectorUsage",
    "DataVersion",
    "DocumentClient",
    "DocumentUsage",
    "Experiment",
    "IdempotencyKey",
    "Identity",
    "IngestBatch",
    "Invitation",
    "Job",
    "JobEvent",
    "JobSchedule",
    "LineageEdge",
    "LooseObject",
    "Membership",
    "MetricBlock",
    "MetricHot",
    "MetricKey",
    "MetricSeries",
    "ModelAlias",
    "ModelAliasMove",
    "ModelVersion",
    "NotificationChannel",
    "Organization",
    "Owned",
    "Param",
    "PersistedDocument",
    "PointsByDay",
    "Profile",
    "ProfileFile",
    "Project",
    "RegisteredModel",
    "RemoteBlob",
    "Restore",
    "Run",
    "ServiceAccount",
    "Session",
    "SignInLink",
    "SyncItem",
    "SyncPlan",
    "SyncRun",
    "Trashable",
    "User",
]
