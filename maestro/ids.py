"""Global ids: the kind of a node and its UUID in one opaque string, like `run_0199c2f4…`.

The kind is readable on purpose: an id that turns up in a log or a URL says what it is, and an id given where another
kind is wanted is refused with a message that names both.
"""

import re
from collections.abc import Collection
from enum import StrEnum
from typing import Final
from uuid import UUID

from maestro.errors import InvalidInput

_FORM = re.compile(r"(?P<kind>[a-z_]+)_(?P<key>[0-9a-f]{32})")


class Kind(StrEnum):
    """The kinds of nodes; the value is the prefix of their ids, the name is that of the GraphQL type."""

    Organization = "organization"
    User = "user"
    ServiceAccount = "service_account"
    ApiKey = "api_key"
    Membership = "membership"
    Invitation = "invitation"
    Session = "session"
    Project = "project"
    Experiment = "experiment"
    Run = "run"
    MetricKey = "metric_key"
    MetricSeries = "metric_series"
    RegisteredModel = "model"
    ModelVersion = "model_version"
    ModelAlias = "model_alias"
    Artifact = "artifact"
    ArtifactVersion = "artifact_version"
    Connector = "connector"
    SyncPlan = "sync_plan"
    ConnectorCheck = "connector_check"
    ConnectorQuery = "connector_query"
    SyncRun = "sync_run"
    Job = "job"
    JobSchedule = "schedule"
    Backup = "backup"
    Restore = "restore"
    Profile = "profile"
    NotificationChannel = "notification"
    AuditEntry = "audit_entry"
    PersistedDocument = "document"

    @property
    def phrase(self) -> str:
        """The name with its article, as in "the id of an Artifact"."""
        # No vowel is heard at the beginning of "User".
        return f"{'an' if self.name[0] in 'AEIO' else 'a'} {self.name}"


ACTORS: Final = (Kind.User, Kind.ServiceAccount)
"""The kinds of those who act."""
_PREFIXES = frozenset(kind.value for kind in Kind)


def encode(kind: Kind, key: UUID) -> str:
    """Return the global id of a node."""
    return f"{kind.value}_{key.hex}"


def decode(value: str, *, field: str = "id") -> tuple[Kind, UUID]:
    """Return the kind and the UUID in a global id; InvalidInput when it is none."""
    found = _FORM.fullmatch(value)
    if found is None or found["kind"] not in _PREFIXES:
        raise InvalidInput(
            f"{value[:80]!r} is not the id of anything.",
            field=field,
            hint="Pass an id as a query answered it, like run_0199c2f4a7b87c3d9e1f2a3b4c5d6e7f.",
        )
    return Kind(found["kind"]), UUID(hex=found["key"])


def uuid_among(kinds: Collection[Kind], value: str, *, field: str = "id") -> UUID:
    """Return the UUID in the id of a node of one of some kinds; InvalidInput when it is of another kind or of none."""
    found, key = decode(value, field=field)
    if found not in kinds:
        wanted = " or ".join(kind.phrase for kind in kinds)
        raise InvalidInput(f"{value!r} is the id of {found.phrase}; the id of {wanted} is wanted here.", field=field)
    return key


def uuid_of(kind: Kind, value: str, *, field: str = "id") -> UUID:
    """Return the UUID in the id of a node of one kind; InvalidInput when it is of another kind or of none."""
    return uuid_among((kind,), value, field=field)
