"""Every table of the domain; importing this module fills `Base.metadata`."""

from maestro.db.tables.artifacts import Artifact, ArtifactAlias, ArtifactEntry, ArtifactVersion, Blob
from maestro.db.tables.base import Base, Owned, Trashable
from maestro.db.tables.connectors import Connector, ConnectorSecret, SyncRun
from maestro.db.tables.experiments import Experiment
from maestro.db.tables.jobs import Backup, Job, JobEvent
from maestro.db.tables.lineage import LineageEdge
from maestro.db.tables.metrics import IngestBatch, MetricBlock, MetricHot, MetricKey, MetricSeries
from maestro.db.tables.models import ModelAlias, ModelAliasMove, ModelVersion, RegisteredModel
from maestro.db.tables.organizations import Organization
from maestro.db.tables.projects import Project
from maestro.db.tables.runs import Param, Run
from maestro.db.tables.users import (
    ApiKey,
    AuditEntry,
    IdempotencyKey,
    Membership,
    PersistedOperation,
    ServiceAccount,
    SignInLink,
    User,
)

__all__ = [
    "ApiKey",
    "Artifact",
    "ArtifactAlias",
    "ArtifactEntry",
    "ArtifactVersion",
    "AuditEntry",
    "Backup",
    "Base",
    "Blob",
    "Connector",
    "ConnectorSecret",
    "Experiment",
    "IdempotencyKey",
    "IngestBatch",
    "Job",
    "JobEvent",
    "LineageEdge",
    "Membership",
    "MetricBlock",
    "MetricHot",
    "MetricKey",
    "MetricSeries",
    "ModelAlias",
    "ModelAliasMove",
    "ModelVersion",
    "Organization",
    "Owned",
    "Param",
    "PersistedOperation",
    "Project",
    "RegisteredModel",
    "Run",
    "ServiceAccount",
    "SignInLink",
    "SyncRun",
    "Trashable",
    "User",
]
