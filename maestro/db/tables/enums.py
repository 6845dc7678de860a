"""The closed sets of values that columns and the schema share; each member's value is its name on the wire."""

from enum import StrEnum


class RunStatus(StrEnum):
    """Where a run is in its life."""

    SCHEDULED = "SCHEDULED"
    RUNNING = "RUNNING"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    KILLED = "KILLED"
    LOST = "LOST"

    @property
    def is_terminal(self) -> bool:
        """Say whether nothing more is expected of such a run."""
        return self not in (RunStatus.SCHEDULED, RunStatus.RUNNING)


class RunKind(StrEnum):
    """What a run does."""

    TRAINING = "TRAINING"
    EVALUATION = "EVALUATION"
    INFERENCE = "INFERENCE"
    DATA_PREP = "DATA_PREP"
    TUNING = "TUNING"
    OTHER = "OTHER"


class ParamType(StrEnum):
    """The type that a param was logged with."""

    INT = "INT"
    FLOAT = "FLOAT"
    STRING = "STRING"
    BOOL = "BOOL"
    NULL = "NULL"
    JSON = "JSON"


class MetricDirection(StrEnum):
    """Which way a metric gets better."""

    MINIMIZE = "MINIMIZE"
    MAXIMIZE = "MAXIMIZE"
    NONE = "NONE"


class ModelLifecycle(StrEnum):
    """How far a model version has come."""

    DRAFT = "DRAFT"
    READY = "READY"
    DEPRECATED = "DEPRECATED"
    RETIRED = "RETIRED"


class ArtifactState(StrEnum):
    """Whether an artifact version can be read."""

    PENDING = "PENDING"
    COMMITTED = "COMMITTED"
    FAILED = "FAILED"
    DELETED = "DELETED"


class LineageKind(StrEnum):
    """What one object has to do with another."""

    USED = "USED"
    PRODUCED = "PRODUCED"
    TRAINED_ON = "TRAINED_ON"
    DERIVED_FROM = "DERIVED_FROM"
    DEPLOYED_AS = "DEPLOYED_AS"
    IMPORTED_FROM = "IMPORTED_FROM"


class ConnectorKind(StrEnum):
    """The vendor that a connector talks to."""

    POSTGRESQL = "POSTGRESQL"
    MYSQL = "MYSQL"
    MONGODB = "MONGODB"
    SNOWFLAKE = "SNOWFLAKE"
    BIGQUERY = "BIGQUERY"
    S3 = "S3"
    GCS = "GCS"
    AZURE_BLOB = "AZURE_BLOB"
    MLFLOW = "MLFLOW"
    LOCAL = "LOCAL"


class ConnectorStatus(StrEnum):
    """What the last tests of a connector say."""

    UNTESTED = "UNTESTED"
    HEALTHY = "HEALTHY"
    DEGRADED = "DEGRADED"
    FAILING = "FAILING"
    DISABLED = "DISABLED"


class JobState(StrEnum):
    """Where a job is in its life."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    CANCELLING = "CANCELLING"
    CANCELLED = "CANCELLED"
    SUCCEEDED = "SUCCEEDED"
    PARTIAL = "PARTIAL"
    FAILED = "FAILED"


class JobKind(StrEnum):
    """What a job does."""

    BACKUP = "BACKUP"
    BASE_BACKUP = "BASE_BACKUP"
    VERIFY = "VERIFY"
    PRUNE = "PRUNE"
    RESTORE = "RESTORE"
    ROLLBACK = "ROLLBACK"
    CHECK_CONNECTORS = "CHECK_CONNECTORS"
    SYNC_PLAN = "SYNC_PLAN"
    STORAGE_SYNC = "STORAGE_SYNC"
    SYNC_ROLLBACK = "SYNC_ROLLBACK"
    IMPORT = "IMPORT"
    EXPORT = "EXPORT"
    PURGE = "PURGE"
    SWEEP = "SWEEP"
    COMPACT = "COMPACT"
    OPTIMIZE = "OPTIMIZE"
    HOUSEKEEPING = "HOUSEKEEPING"
    NOTIFY = "NOTIFY"
    PROFILE = "PROFILE"


class ProfileKind(StrEnum):
    """What a profile looks at."""

    CPU = "CPU"
    MEMORY = "MEMORY"
    STATEMENTS = "STATEMENTS"
    OPERATIONS = "OPERATIONS"


class PlanState(StrEnum):
    """What has become of a plan of a sync."""

    PLANNING = "PLANNING"
    READY = "READY"
    FAILED = "FAILED"
    STARTED = "STARTED"
    EXPIRED = "EXPIRED"


class SyncAction(StrEnum):
    """What a sync does with an object; nothing with one that was changed at both ends, or that it may not touch."""

    ADD = "ADD"
    UPDATE = "UPDATE"
    REMOVE = "REMOVE"
    CONFLICT = "CONFLICT"


class SyncItemState(StrEnum):
    """How far a sync has come with an object."""

    PENDING = "PENDING"
    DONE = "DONE"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"


class CatchUp(StrEnum):
    """What a schedule does about the times that passed while nobody could run it, or it was paused."""

    SKIP = "SKIP"
    LAST = "LAST"
    ALL = "ALL"


class BackupKind(StrEnum):
    """How a backup was made: by dumping the database with its files, or by copying the server's data folder."""

    FULL = "FULL"
    BASE = "BASE"


class NotificationKind(StrEnum):
    """By which way somebody is told."""

    EMAIL = "EMAIL"
    WEBHOOK = "WEBHOOK"


class DocumentKind(StrEnum):
    """What the operation of a stored document does."""

    QUERY = "QUERY"
    MUTATION = "MUTATION"
    SUBSCRIPTION = "SUBSCRIPTION"


class Role(StrEnum):
    """What a member may do, from everything to reading."""

    OWNER = "OWNER"
    ADMIN = "ADMIN"
    MAINTAINER = "MAINTAINER"
    CONTRIBUTOR = "CONTRIBUTOR"
    VIEWER = "VIEWER"


class ActorKind(StrEnum):
    """What acts: a person, or a program in its own name."""

    USER = "USER"
    SERVICE_ACCOUNT = "SERVICE_ACCOUNT"


class MembershipSource(StrEnum):
    """Where a membership comes from: given by somebody, or by a group of the identity provider."""

    MANUAL = "MANUAL"
    OIDC = "OIDC"


class InvitationState(StrEnum):
    """What has become of an invitation."""

    PENDING = "PENDING"
    ACCEPTED = "ACCEPTED"
    REVOKED = "REVOKED"
    EXPIRED = "EXPIRED"


class SignInWay(StrEnum):
    """How a session was opened."""

    LINK = "LINK"
    INVITATION = "INVITATION"
    OIDC = "OIDC"
