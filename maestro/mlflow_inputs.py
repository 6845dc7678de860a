"""What jobs are asked to do with MLflow servers."""

from collections.abc import Mapping
from typing import Final, Literal
from uuid import UUID

from pydantic import AwareDatetime

from maestro.access.permissions import Permission
from maestro.strict import Strict

_RUNS: Final = (Permission.EXPERIMENT_WRITE, Permission.RUN_WRITE)
_MODELS: Final = (Permission.MODEL_WRITE, Permission.MODEL_PROMOTE, Permission.MODEL_APPROVE)


class FromMlflow(Strict):
    """An MLflow server, by its connector, into a project."""

    what: Literal["MLFLOW"] = "MLFLOW"
    connector_id: UUID
    project_id: UUID
    experiments: tuple[str, ...] | None = None
    """The names of those that are wanted; None for all."""
    with_artifacts: bool = True
    with_models: bool = True
    since: AwareDatetime | None = None
    """Leaves out runs that began before."""

    @property
    def takes(self) -> Mapping[UUID | None, tuple[Permission, ...]]:
        """What has to be held in the project: to write what comes."""
        files = (Permission.ARTIFACT_WRITE,) if self.with_artifacts else ()
        return {self.project_id: (*_RUNS, *files, *(_MODELS if self.with_models else ()))}


class ToMlflow(Strict):
    """A project, or one experiment of it, to an MLflow server by its connector."""

    what: Literal["MLFLOW"] = "MLFLOW"
    connector_id: UUID
    project_id: UUID
    experiment_id: UUID | None = None
    with_artifacts: bool = True
    with_models: bool = True
    models: tuple[UUID, ...] | None = None
    """These; None for all of the project, or with an experiment for those of which a version is of such a run."""

    @property
    def takes(self) -> Mapping[UUID | None, tuple[Permission, ...]]:
        """What has to be held in the project: to read what goes."""
        files = (Permission.ARTIFACT_READ,) if self.with_artifacts else ()
        models = (Permission.MODEL_READ,) if self.with_models else ()
        return {self.project_id: (Permission.EXPERIMENT_READ, *files, *models)}
