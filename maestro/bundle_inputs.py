"""What jobs are told of bundles: where one lies, and what becomes of it."""

from collections.abc import Mapping
from typing import Final, Literal
from uuid import UUID

from maestro.access.permissions import Permission
from maestro.strict import Strict

_READS: Final = (Permission.EXPERIMENT_READ, Permission.ARTIFACT_READ, Permission.MODEL_READ)
_WRITES: Final = (
    Permission.PROJECT_CREATE,
    Permission.EXPERIMENT_WRITE,
    Permission.RUN_WRITE,
    Permission.ARTIFACT_WRITE,
    Permission.MODEL_WRITE,
    Permission.MODEL_PROMOTE,
    Permission.MODEL_APPROVE,
)


class FromBundle(Strict):
    """A bundle in an object store, as a new project."""

    what: Literal["BUNDLE"] = "BUNDLE"
    connector_id: UUID
    key: str
    name: str | None = None
    """What the project is called; None for what it was called."""

    @property
    def takes(self) -> Mapping[UUID | None, tuple[Permission, ...]]:
        """What has to be held in the whole organisation: to create a project and all that is in one."""
        return {None: _WRITES}


class ToBundle(Strict):
    """A project as a bundle in an object store."""

    what: Literal["BUNDLE"] = "BUNDLE"
    connector_id: UUID
    project_id: UUID
    key: str

    @property
    def takes(self) -> Mapping[UUID | None, tuple[Permission, ...]]:
        """What has to be held in the project: to read all that is in it."""
        return {self.project_id: _READS}
