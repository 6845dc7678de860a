"""What jobs are asked to do with MLflow servers."""

from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime

from maestro.strict import Strict


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


class ToMlflow(Strict):
    """A project, or one experiment of it, to an MLflow server by its connector."""

    what: Literal["MLFLOW"] = "MLFLOW"
    connector_id: UUID
    project_id: UUID
    experiment_id: UUID | None = None
    with_artifacts: bool = True
