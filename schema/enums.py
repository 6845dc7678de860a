"""Enums of the schema: the closed sets of the tables with a description of each value."""

from collections.abc import Mapping
from enum import Enum
from typing import TypeVar

import strawberry

from dataloaders import samples
from maestro import access, filters, vendors
from maestro.db.tables import enums

E = TypeVar("E", bound=type[Enum])


def described(members: E, description: str, values: Mapping[str, str]) -> E:
    """Make a GraphQL enum of a Python one, describing each value."""
    made = strawberry.enum(members, description=description)
    for value in made.__strawberry_definition__.values:  # type: ignore[attr-defined] # Strawberry has just set it
        value.description = values[value.name]
    return made


RunStatus = described(
    enums.RunStatus,
    "Where a run is in its life.",
    {
        "SCHEDULED": "Created, not started yet.",
        "RUNNING": "Started; its process logs or sends heartbeats.",
        "FINISHED": "Ended by itself, with success.",
        "FAILED": "Ended by an error; `statusReason` says which.",
        "KILLED": "Stopped from outside.",
        "LOST": "Fell silent: no heartbeat came in time.",
    },
)
RunKind = described(
    enums.RunKind,
    "What a run does.",
    {
        "TRAINING": "Fits a model.",
        "EVALUATION": "Measures a model.",
        "INFERENCE": "Applies a model.",
        "DATA_PREP": "Makes or cleans data.",
        "TUNING": "Searches hyperparameters; its children are the trials.",
        "OTHER": "Something else.",
    },
)
DocumentKind = described(
    enums.DocumentKind,
    "What the operation of a document does.",
    {
        "QUERY": "Reads.",
        "MUTATION": "Writes.",
        "SUBSCRIPTION": "Follows.",
    },
)
ParamType = described(
    enums.ParamType,
    "The type that a param was logged with.",
    {
        "INT": "An integer.",
        "FLOAT": "A floating-point number.",
        "STRING": "A text.",
        "BOOL": "True or false.",
        "NULL": "Nothing.",
        "JSON": "A list or an object.",
    },
)
MetricDirection = described(
    enums.MetricDirection,
    "Which way a metric gets better.",
    {"MINIMIZE": "Less is better.", "MAXIMIZE": "More is better.", "NONE": "Neither."},
)
Aggregate = described(
    filters.Aggregate,
    "Which value of a metric's series counts.",
    {"LAST": "The one at the last step.", "MIN": "The least.", "MAX": "The greatest."},
)
XAxis = described(
    samples.XAxis,
    "What the x of a chart is.",
    {
        "STEP": "The step.",
        "TIME": "The time, in milliseconds since 1970.",
        "RELATIVE_TIME": "The time since the start of the run, in milliseconds.",
    },
)
ModelLifecycle = described(
    enums.ModelLifecycle,
    "How far a model version has come.",
    {
        "DRAFT": "Being worked on.",
        "READY": "Good for use.",
        "DEPRECATED": "Still there, not to be used for anything new.",
        "RETIRED": "Not to be used any more.",
    },
)
ArtifactState = described(
    enums.ArtifactState,
    "Whether an artifact version can be read.",
    {
        "PENDING": "Open: files can be added.",
        "COMMITTED": "Sealed by its digest: it can be read and never changes.",
        "FAILED": "Given up before it was sealed.",
        "DELETED": "Its files are gone.",
    },
)
LineageKind = described(
    enums.LineageKind,
    "What one object has to do with another.",
    {
        "USED": "The run read the artifact.",
        "PRODUCED": "The run made the artifact or the model version.",
        "TRAINED_ON": "The model version was trained on the data.",
        "DERIVED_FROM": "One was made from the other.",
        "DEPLOYED_AS": "The model version serves under that name.",
        "IMPORTED_FROM": "It came from another system.",
    },
)
ConnectorKind = described(
    enums.ConnectorKind,
    "The vendor that a connector talks to.",
    {
        "POSTGRESQL": "PostgreSQL.",
        "MYSQL": "MySQL or MariaDB.",
        "MONGODB": "MongoDB.",
        "SNOWFLAKE": "Snowflake.",
        "BIGQUERY": "Google BigQuery.",
        "S3": "Amazon S3 or a store that speaks its protocol.",
        "GCS": "Google Cloud Storage.",
        "AZURE_BLOB": "Azure Blob Storage.",
        "MLFLOW": "An MLflow tracking server.",
        "LOCAL": "A folder of the server.",
    },
)
ConnectorStatus = described(
    enums.ConnectorStatus,
    "What the last tests of a connector say.",
    {
        "UNTESTED": "Never tested.",
        "HEALTHY": "The last test passed.",
        "DEGRADED": "The last test passed in part.",
        "FAILING": "The last test failed.",
        "DISABLED": "Switched off.",
    },
)
JobState = described(
    enums.JobState,
    "Where a job is in its life.",
    {
        "QUEUED": "Waits for a worker.",
        "RUNNING": "Is being worked on.",
        "CANCELLING": "Was asked to stop and is stopping.",
        "CANCELLED": "Stopped because somebody asked.",
        "SUCCEEDED": "Done.",
        "PARTIAL": "Done in part; the events say what is missing.",
        "FAILED": "Ended by an error.",
    },
)
JobKind = described(
    enums.JobKind,
    "What a job does.",
    {
        "BACKUP": "Makes a backup.",
        "BASE_BACKUP": "Copies the database server's files, from which every later point in time can be reached.",
        "VERIFY": "Proves that a backup can be brought back.",
        "PRUNE": "Removes the backups that no rule keeps.",
        "RESTORE": "Brings a backup or a point in time back.",
        "ROLLBACK": "Undoes a restore.",
        "CHECK_CONNECTORS": "Tests connectors, and keeps what was found.",
        "SYNC_PLAN": "Compares two object stores, and says what a sync would do.",
        "STORAGE_SYNC": "Makes one object store like another.",
        "SYNC_ROLLBACK": "Brings back what a sync has replaced or removed, where the target keeps versions.",
        "IMPORT": "Reads from another system.",
        "EXPORT": "Writes a bundle.",
        "PURGE": "Removes for good what the trash holds.",
        "SWEEP": "Removes the files that nothing refers to.",
        "COMPACT": "Packs metric points.",
        "OPTIMIZE": "Looks after indexes, statistics and prepared aggregates of the database.",
        "HOUSEKEEPING": "Forgets what nobody needs: old jobs, used keys and links.",
        "NOTIFY": "Tells a channel how a job has ended, or that it can be told.",
        "PROFILE": "Has a process of the installation profiled.",
    },
)
ProfileKind = described(
    enums.ProfileKind,
    "What a profile looks at.",
    {
        "CPU": "What the thread of the event loop spends its time on.",
        "MEMORY": "What is allocated and kept.",
        "STATEMENTS": "The statements of one operation, with their plans.",
        "OPERATIONS": "How often operations are answered, how fast, and what each costs.",
    },
)
CatchUp = described(
    enums.CatchUp,
    "What a schedule does about the times that have passed while no worker was there, or it was paused.",
    {
        "SKIP": "Nothing: it goes on with the next one.",
        "LAST": "The last of them is made up for, the others are left out.",
        "ALL": "Each of them is made up for.",
    },
)
BackupKind = described(
    enums.BackupKind,
    "How a backup was made.",
    {
        "FULL": "By dumping the database, with the files beside it.",
        "BASE": "By copying the files of the database server, from which every later moment can be reached.",
    },
)
NotificationKind = described(
    enums.NotificationKind,
    "By which way somebody is told.",
    {"EMAIL": "By e-mail.", "WEBHOOK": "By a request to an address, signed where the channel has a secret."},
)
Role = described(
    enums.Role,
    "What a member may do.",
    {
        "OWNER": "Everything.",
        "ADMIN": "Everything but the organisation's settings, quotas, restores and purges.",
        "MAINTAINER": "Deletes, promotes, manages connectors and cancels jobs too.",
        "CONTRIBUTOR": "Writes experiments, runs, artifacts and models.",
        "VIEWER": "Reads.",
    },
)
Permission = described(
    access.Permission,
    "Something that can be allowed.",
    {one.name: one.description for one in access.Permission},
)
described(
    enums.InvitationState,
    "What has become of an invitation.",
    {
        "PENDING": "It waits for somebody to accept it.",
        "ACCEPTED": "Somebody has accepted it.",
        "REVOKED": "It was taken back.",
        "EXPIRED": "Nobody has accepted it in time.",
    },
)
described(
    enums.MembershipSource,
    "Where a role comes from.",
    {"MANUAL": "Somebody has given it.", "OIDC": "A group of the identity provider gives it, anew at each sign-in."},
)
described(
    access.SignInMethod,
    "How somebody signed in.",
    {"SESSION": "In a browser.", "API_KEY": "With an API key."},
)
described(
    enums.SignInWay,
    "How a session was opened.",
    {
        "LINK": "By a link that the server or the person made.",
        "INVITATION": "By accepting an invitation.",
        "OIDC": "At an identity provider.",
    },
)
described(
    vendors.ConnectorCapability,
    "What a connector can be used for.",
    {
        "OBJECT_STORE": "Keeps files.",
        "SQL_SOURCE": "Answers SQL queries.",
        "DOCUMENT_SOURCE": "Answers queries for documents.",
        "TRACKING_SOURCE": "Has experiments and runs of another system.",
    },
)
described(
    filters.SuggestionKind,
    "What a suggestion for a filter is.",
    {
        "FIELD": "A field of the list.",
        "KEY": "A metric, a param or a tag.",
        "OPERATOR": "A way to compare.",
        "VALUE": "Something to compare with.",
        "KEYWORD": "A word of the filter language.",
    },
)
described(
    filters.ValueType,
    "What a field of a filter holds.",
    {
        "STRING": "A text.",
        "TEXT": "Text that is searched by words.",
        "NUMBER": "A number.",
        "INTEGER": "A whole number.",
        "DATETIME": "A moment.",
        "DURATION": "A length of time, in milliseconds or as text like `1.5h`.",
        "BOOLEAN": "True or false.",
        "ENUM": "One of a closed set of values.",
        "ID": "An id.",
        "ANY": "A text, a number, true or false, value by value.",
    },
)
