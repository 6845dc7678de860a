"""Tags: what an answer was made of, so that it is known what makes it stale."""

from enum import StrEnum
from typing import Final

from maestro.db import tables
from maestro.db.tables import Base


class CacheTag(StrEnum):
    """Something that changes together; the trigger on each table says which one it belongs to."""

    PROJECTS = "projects"
    EXPERIMENTS = "experiments"
    RUNS = "runs"
    PARAMS = "params"
    METRIC_KEYS = "metric_keys"
    METRICS = "metrics"
    MODELS = "models"
    ARTIFACTS = "artifacts"
    LINEAGE = "lineage"
    CONNECTORS = "connectors"
    MEMBERS = "members"
    ORGANIZATION = "organization"
    JOBS = "jobs"


TAGS: Final[dict[type[Base], CacheTag]] = {
    tables.Project: CacheTag.PROJECTS,
    tables.ArtifactStore: CacheTag.PROJECTS,
    tables.Experiment: CacheTag.EXPERIMENTS,
    tables.Run: CacheTag.RUNS,
    tables.Param: CacheTag.PARAMS,
    tables.MetricKey: CacheTag.METRIC_KEYS,
    # Whatever is logged changes its series too, so points need no tag of their own, and packing them changes nothing.
    tables.MetricSeries: CacheTag.METRICS,
    tables.RegisteredModel: CacheTag.MODELS,
    tables.ModelVersion: CacheTag.MODELS,
    tables.ModelAlias: CacheTag.MODELS,
    tables.ModelAliasMove: CacheTag.MODELS,
    tables.Artifact: CacheTag.ARTIFACTS,
    tables.ArtifactVersion: CacheTag.ARTIFACTS,
    tables.ArtifactAlias: CacheTag.ARTIFACTS,
    tables.ArtifactEntry: CacheTag.ARTIFACTS,
    tables.Blob: CacheTag.ARTIFACTS,
    tables.LineageEdge: CacheTag.LINEAGE,
    tables.Connector: CacheTag.CONNECTORS,
    tables.ConnectorCheck: CacheTag.CONNECTORS,
    tables.SyncPlan: CacheTag.CONNECTORS,
    tables.SyncRun: CacheTag.CONNECTORS,
    tables.Membership: CacheTag.MEMBERS,
    tables.User: CacheTag.MEMBERS,
    tables.ServiceAccount: CacheTag.MEMBERS,
    tables.Organization: CacheTag.ORGANIZATION,
    tables.Job: CacheTag.JOBS,
    tables.JobEvent: CacheTag.JOBS,
    tables.JobSchedule: CacheTag.JOBS,
    tables.Backup: CacheTag.JOBS,
    tables.Restore: CacheTag.JOBS,
    tables.NotificationChannel: CacheTag.JOBS,
}
"""The tables whose changes are counted. What is read from any other one is never kept."""


def tags_of(*read: type[Base]) -> tuple[CacheTag, ...]:
    """Return the tags of tables, each once, sorted; KeyError for a table whose changes nobody counts."""
    return tuple(sorted({TAGS[table] for table in read}))
