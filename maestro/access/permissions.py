"""The catalogue of permissions, and which of them each role holds. It is code; what people hold is data."""

from enum import StrEnum
from typing import Final, Self

from maestro.db.tables.enums import Role


class Permission(StrEnum):
    """Something that can be allowed; `noun:verb`."""

    description: str

    def __new__(cls, value: str, description: str) -> Self:
        """Make a member that is its text and knows what it allows."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.description = description
        return member

    ORGANIZATION_READ = "organization:read", "See the organisation's settings and how much it holds."
    ORGANIZATION_UPDATE = "organization:update", "Rename the organisation and change its settings."
    MEMBER_READ = "member:read", "See who belongs to the organisation or the project, and in which role."
    MEMBER_MANAGE = "member:manage", "Invite people, change their roles and remove them."
    SERVICE_ACCOUNT_MANAGE = "service_account:manage", "Create service accounts, give them roles and switch them off."
    API_KEY_MANAGE = "api_key:manage", "See and revoke the keys of others, and make keys for service accounts."
    QUOTA_MANAGE = "quota:manage", "Set how much the organisation may use."
    AUDIT_READ = "audit:read", "Read the audit log and verify it."
    AUDIT_EXPORT = "audit:export", "Take the audit log away as a file."
    DOCUMENT_READ = "document:read", "See the registered documents and how they are used."
    DOCUMENT_WRITE = "document:write", "Register, retire and restore documents."
    CACHE_MANAGE = "cache:manage", "See how well answers are kept, and have them forgotten."
    PROJECT_READ = "project:read", "See projects."
    PROJECT_CREATE = "project:create", "Create projects."
    PROJECT_UPDATE = "project:update", "Rename and describe projects."
    PROJECT_DELETE = "project:delete", "Move projects to the trash and bring them back."
    EXPERIMENT_READ = "experiment:read", "See experiments, runs and their metrics."
    EXPERIMENT_WRITE = "experiment:write", "Create and change experiments and metric keys."
    EXPERIMENT_DELETE = "experiment:delete", "Move experiments to the trash and bring them back."
    RUN_WRITE = "run:write", "Create runs, log to them, change and end them."
    RUN_DELETE = "run:delete", "Move runs to the trash and bring them back."
    ARTIFACT_READ = "artifact:read", "See artifacts and download their files."
    ARTIFACT_WRITE = "artifact:write", "Create artifacts and versions of them, upload files, set aliases."
    ARTIFACT_DELETE = "artifact:delete", "Delete artifacts and versions of them, and bring artifacts back."
    MODEL_READ = "model:read", "See models and their versions."
    MODEL_WRITE = "model:write", "Create and change models and versions of them."
    MODEL_DELETE = "model:delete", "Move models and versions of them to the trash and bring them back."
    MODEL_PROMOTE = "model:promote", "Move, protect and remove the aliases of models."
    MODEL_APPROVE = "model:approve", "Change the lifecycle of a model version."
    CONNECTOR_READ = "connector:read", "See connectors and their syncs, never their credentials."
    CONNECTOR_MANAGE = "connector:manage", "Create, change and delete connectors."
    CONNECTOR_SYNC = "connector:sync", "Start the syncs of connectors."
    CONNECTOR_QUERY = "connector:query", "Look into what connectors lead to, and query it."
    SECRET_MANAGE = "secret:manage", "Set and remove the credentials of connectors; nobody can read them."
    JOB_READ = "job:read", "See jobs, in a project those of its connectors, and backups."
    JOB_CANCEL = "job:cancel", "Cancel jobs, and have failed ones tried again."
    SCHEDULE_MANAGE = "schedule:manage", "Create, change, pause and remove the schedules of jobs."
    NOTIFICATION_MANAGE = "notification:manage", "Say who is told how jobs end."
    MAINTENANCE_RUN = "maintenance:run", "Look after the database: its indexes, its statistics, what nobody needs."
    BACKUP_CREATE = "backup:create", "Make backups."
    BACKUP_RESTORE = "backup:restore", "Restore backups."
    TRASH_PURGE = "trash:purge", "Remove for good what is in the trash."


_VIEWER: Final = frozenset(one for one in Permission if one.endswith(":read") and one is not Permission.AUDIT_READ)
_CONTRIBUTOR: Final = _VIEWER | {
    Permission.EXPERIMENT_WRITE,
    Permission.RUN_WRITE,
    Permission.ARTIFACT_WRITE,
    Permission.MODEL_WRITE,
}
_MAINTAINER: Final = _CONTRIBUTOR | {
    Permission.PROJECT_CREATE,
    Permission.PROJECT_UPDATE,
    Permission.PROJECT_DELETE,
    Permission.EXPERIMENT_DELETE,
    Permission.RUN_DELETE,
    Permission.ARTIFACT_DELETE,
    Permission.MODEL_DELETE,
    Permission.MODEL_PROMOTE,
    Permission.MODEL_APPROVE,
    Permission.CONNECTOR_MANAGE,
    Permission.CONNECTOR_SYNC,
    Permission.CONNECTOR_QUERY,
    Permission.JOB_CANCEL,
}
_ADMIN: Final = _MAINTAINER | {
    Permission.MEMBER_MANAGE,
    Permission.SERVICE_ACCOUNT_MANAGE,
    Permission.API_KEY_MANAGE,
    Permission.SECRET_MANAGE,
    Permission.BACKUP_CREATE,
    Permission.SCHEDULE_MANAGE,
    Permission.NOTIFICATION_MANAGE,
    Permission.MAINTENANCE_RUN,
    Permission.DOCUMENT_WRITE,
    Permission.CACHE_MANAGE,
    Permission.AUDIT_READ,
    Permission.AUDIT_EXPORT,
}

ROLES: Final[dict[Role, frozenset[Permission]]] = {
    Role.OWNER: frozenset(Permission),
    Role.ADMIN: _ADMIN,
    Role.MAINTAINER: _MAINTAINER,
    Role.CONTRIBUTOR: _CONTRIBUTOR,
    Role.VIEWER: _VIEWER,
}
"""What each role may do, from everything to reading: each holds all that the next one holds."""

PLACED: Final = ("project", "experiment", "run", "artifact", "model", "connector", "secret", "member", "job")
"""The nouns of what lies in projects, or may."""
IN_PROJECTS: Final[frozenset[Permission]] = frozenset(
    one for one in Permission if one.partition(":")[0] in PLACED and one is not Permission.PROJECT_CREATE
)
"""What a role in one project allows there; everything else is of the whole organisation."""

APPENDING: Final = frozenset({Permission.RUN_WRITE, Permission.EXPERIMENT_WRITE, Permission.ARTIFACT_WRITE})
"""What a key that only logs can hold."""


def lowest_role(permission: Permission) -> Role:
    """Return the role that allows something and least besides."""
    return next(role for role in reversed(ROLES) if permission in ROLES[role])
