"""What the jobs of syncs between stores are asked to do."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import BeforeValidator, model_validator

from maestro.access.permissions import Permission
from maestro.db.tables.enums import JobKind
from maestro.errors import InvalidInput
from maestro.ids import Kind, uuid_of
from maestro.job_input import JobInput
from maestro.sync_options import SyncOptions


def _connector(value: Any) -> Any:
    """Return the UUID in the id of a connector, which is how clients write schedules."""
    if not isinstance(value, str) or not value.startswith(f"{Kind.Connector.value}_"):
        return value
    try:
        return uuid_of(Kind.Connector, value)
    except InvalidInput as error:
        raise ValueError(error.message.rstrip(".")) from None


ConnectorKey = Annotated[UUID, BeforeValidator(_connector)]


class SyncPlanInput(JobInput):
    """The comparison of two stores, of which a plan comes."""

    kind = JobKind.SYNC_PLAN
    needs = Permission.CONNECTOR_SYNC
    is_of_installation = False
    is_schedulable = False

    plan_id: UUID


class StorageSyncInput(JobInput):
    """A sync: of a plan that somebody has looked at, or by a schedule, which plans and carries out in one job."""

    kind = JobKind.STORAGE_SYNC
    needs = Permission.CONNECTOR_SYNC
    is_of_installation = False
    own = frozenset({"sync_run_id"})

    sync_run_id: UUID | None = None
    """The row; None for a schedule, whose job makes it."""
    source_id: ConnectorKey | None = None
    """The connectors of a schedule."""
    target_id: ConnectorKey | None = None
    options: SyncOptions = SyncOptions()

    @model_validator(mode="after")
    def _knows_its_ends(self) -> "StorageSyncInput":
        if self.sync_run_id is None and (self.source_id is None or self.target_id is None):
            raise ValueError("sourceId and targetId are wanted")
        return self

    @property
    def connectors(self) -> tuple[UUID, ...]:
        """Both ends."""
        return tuple(one for one in (self.source_id, self.target_id) if one is not None)


class SyncRollbackInput(JobInput):
    """The way back from a sync: what it has changed in a target that keeps versions."""

    kind = JobKind.SYNC_ROLLBACK
    needs = Permission.CONNECTOR_SYNC
    is_of_installation = False
    is_schedulable = False

    sync_run_id: UUID
