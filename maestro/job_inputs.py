"""What jobs are asked to do: one model a kind, shared by whoever starts a job and whoever carries it out."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, TypeVar
from uuid import UUID

from pydantic import AwareDatetime, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from maestro.access.permissions import Permission
from maestro.bundle_inputs import FromBundle, ToBundle
from maestro.db.tables.enums import JobKind
from maestro.errors import InvalidInput
from maestro.job_input import JobInput as JobInput
from maestro.mlflow_inputs import FromMlflow, ToMlflow
from maestro.strict import Strict
from maestro.sync_inputs import StorageSyncInput as StorageSyncInput
from maestro.sync_inputs import SyncPlanInput as SyncPlanInput
from maestro.sync_inputs import SyncRollbackInput as SyncRollbackInput

J = TypeVar("J", bound="JobInput")
_SEAM: Final = re.compile("(?<=[a-z0-9])_([a-z])")

LONGEST_LABEL: Final = 200
MOST_CONNECTORS: Final = 1_000
"""So many connectors may be named."""
LONGEST_KEPT_S: Final = 90 * 24 * 3600
"""So long a replaced database may be kept."""


class BackupInput(JobInput):
    """A backup of the database and of the files."""

    kind = JobKind.BACKUP
    needs = Permission.BACKUP_CREATE
    own = frozenset({"backup_id"})

    backup_id: UUID | None = None
    """The row; of a scheduled job, whose id is then that of the backup too, the job makes it."""
    label: str = Field(default="", max_length=LONGEST_LABEL)
    encrypt: bool | None = None
    """Whether it is encrypted; None for what the server's settings say."""
    is_protected: bool = False


class BaseBackupInput(JobInput):
    """A copy of the database server's files, with which the archived changes reach every later moment."""

    kind = JobKind.BASE_BACKUP
    needs = Permission.BACKUP_CREATE
    own = frozenset({"backup_id"})

    backup_id: UUID | None = None
    """As of BackupInput."""
    label: str = Field(default="", max_length=LONGEST_LABEL)


class VerifyInput(JobInput):
    """The proof that a backup can be brought back."""

    kind = JobKind.VERIFY
    needs = Permission.BACKUP_CREATE
    own = frozenset({"backup_id"})

    backup_id: UUID | None = None
    """The backup; None for the newest one that is complete."""


class PruneInput(JobInput):
    """The removal of backups."""

    kind = JobKind.PRUNE
    needs = Permission.BACKUP_CREATE
    own = frozenset({"backup_ids"})

    backup_ids: tuple[UUID, ...] | None = None
    """These and no others; None for all that no rule keeps."""
    dry_run: bool = False


class Everything(Strict):
    """All that a backup holds, in the place of what is there."""

    what: Literal["EVERYTHING"] = "EVERYTHING"


class OneOrganization(Strict):
    """An organisation of the backup, as a new one beside those that are there."""

    what: Literal["ORGANIZATION"] = "ORGANIZATION"
    organization_id: UUID
    new_slug: str


class OneProject(Strict):
    """A project of the backup, as a new one beside those that are there."""

    what: Literal["PROJECT"] = "PROJECT"
    project_id: UUID
    new_name: str


RestoreScope = Annotated[Everything | OneOrganization | OneProject, Field(discriminator="what")]


class RestoreInput(JobInput):
    """The return to a backup, or to a moment."""

    kind = JobKind.RESTORE
    needs = Permission.BACKUP_RESTORE
    is_schedulable = False

    restore_id: UUID
    backup_id: UUID | None = None
    """The backup; None where `target_time` is told."""
    target_time: AwareDatetime | None = None
    """The moment to return to, from a base backup and the archived changes; always of everything."""
    scope: RestoreScope = Everything()
    dry_run: bool = False
    """Whether all is done but the last step: nobody's data changes."""
    keep_for_s: int | None = Field(default=None, ge=0, le=LONGEST_KEPT_S)
    """So long the replaced database is kept; None for what the server's settings say."""

    @model_validator(mode="after")
    def _returns_to_one_thing(self) -> "RestoreInput":
        if (self.backup_id is None) is (self.target_time is None):
            raise ValueError("either a backup or a moment is wanted")
        return self


class RollbackInput(JobInput):
    """The way back from a restore to the database that it replaced."""

    kind = JobKind.ROLLBACK
    needs = Permission.BACKUP_RESTORE
    is_schedulable = False

    restore_id: UUID


class ImportInput(JobInput):
    """What was tracked elsewhere, brought into a project."""

    kind = JobKind.IMPORT
    needs = Permission.CONNECTOR_SYNC
    is_of_installation = False
    is_schedulable = False

    source: Annotated[FromMlflow | FromBundle, Field(discriminator="what")]

    @property
    def takes(self) -> Mapping[UUID | None, tuple[Permission, ...]]:
        """What the source takes."""
        return self.source.takes


class ExportInput(JobInput):
    """What was tracked here, written elsewhere."""

    kind = JobKind.EXPORT
    needs = Permission.CONNECTOR_SYNC
    is_of_installation = False
    is_schedulable = False

    target: Annotated[ToMlflow | ToBundle, Field(discriminator="what")]

    @property
    def takes(self) -> Mapping[UUID | None, tuple[Permission, ...]]:
        """What the target takes."""
        return self.target.takes


class PurgeInput(JobInput):
    """The removal for good of what has been in the trash for long enough."""

    kind = JobKind.PURGE
    needs = Permission.TRASH_PURGE

    dry_run: bool = False


class SweepInput(JobInput):
    """The removal of stored files that nothing refers to."""

    kind = JobKind.SWEEP
    needs = Permission.MAINTENANCE_RUN

    dry_run: bool = False


class CompactInput(JobInput):
    """The packing of metric points."""

    kind = JobKind.COMPACT
    needs = Permission.MAINTENANCE_RUN


class OptimizeInput(JobInput):
    """The care for indexes, statistics and prepared aggregates."""

    kind = JobKind.OPTIMIZE
    needs = Permission.MAINTENANCE_RUN

    dry_run: bool = False


class HousekeepingInput(JobInput):
    """The removal of what nobody needs any more: old jobs, used keys and links."""

    kind = JobKind.HOUSEKEEPING
    needs = Permission.MAINTENANCE_RUN

    dry_run: bool = False


class NotifyInput(JobInput):
    """The telling of a channel."""

    kind = JobKind.NOTIFY
    needs = Permission.NOTIFICATION_MANAGE
    is_of_installation = False
    is_schedulable = False

    channel_id: UUID
    job_id: UUID | None = None
    """The job whose end is told; None for a test, which is sent whatever the channel is told of and even when it is
    switched off."""


class CheckConnectorsInput(JobInput):
    """The test of connectors."""

    kind = JobKind.CHECK_CONNECTORS
    needs = Permission.CONNECTOR_MANAGE
    is_of_installation = False

    connector_ids: tuple[UUID, ...] | None = Field(default=None, max_length=MOST_CONNECTORS)
    """These; None for all of the organisation that are in use."""
    writes: bool = False
    """Whether something is written and removed again too."""


class ProfileInput(JobInput):
    """The profile of a process; its row says of whom, how long and how."""

    kind = JobKind.PROFILE
    needs = Permission.MAINTENANCE_RUN
    is_schedulable = False

    profile_id: UUID


INPUTS: Final[dict[JobKind, type[JobInput]]] = {model.kind: model for model in JobInput.__subclasses__()}
"""The model of each kind that can be started."""


def read(model: type[J], stored: Mapping[str, Any]) -> J:
    """Return what a job is asked to do, from its row."""
    return model.model_validate(stored)


def checked(kind: JobKind, given: Any, *, field: str = "input") -> JobInput:
    """Return what a client wants the jobs of a schedule to do; InvalidInput with the place of what cannot be."""
    model = INPUTS.get(kind)
    if model is None or not model.is_schedulable:
        known = ", ".join(kind for kind, one in INPUTS.items() if one.is_schedulable)
        raise InvalidInput(f"Jobs of kind {kind} do not begin by themselves.", field="kind", hint=f"Choose of {known}.")
    open_to_clients = [name for name in model.model_fields if name not in model.own]
    names = ", ".join(map(to_camel, open_to_clients))
    hint = f"The input of {kind} may hold {names}." if names else f"The input of {kind} holds nothing: pass {{}}."
    if not isinstance(given, Mapping):
        raise InvalidInput(f"{field} is no JSON object.", field=field, hint=hint)
    known_names = {*open_to_clients, *map(to_camel, open_to_clients)}
    for name in given:
        if name not in known_names:
            raise InvalidInput(f"{field} holds {str(name)[:80]!r}, which nobody knows.", field=field, hint=hint)
    try:
        return model.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join([field, *(to_camel(str(part)) for part in first["loc"])])
        message = first["msg"].removeprefix("Value error, ")
        raise InvalidInput(f"{place}: {message}.", field=place, hint=hint) from None


def on_wire(stored: Any) -> Any:
    """Return what a job was given or has made as clients see it: its names without underscores."""
    match stored:
        case Mapping():
            return {_SEAM.sub(lambda seam: seam[1].upper(), name): on_wire(value) for name, value in stored.items()}
        case list():
            return [on_wire(item) for item in stored]
        case _:
            return stored
