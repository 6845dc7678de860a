"""A project to import into, and an MLflow server with something in it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from connectors.local import LocalBlobs
from connectors.tracking.mlflow_source import MlflowSource
from maestro.db.engine import Scope
from maestro.ids import Kind, uuid_of
from ops.imports.target import Target
from tests.fixtures.graphql import Api
from tests.fixtures.mlflow_server import opened


@pytest.fixture
async def source(mlflow_uri: str) -> AsyncIterator[MlflowSource]:
    async with opened(mlflow_uri) as found:
        yield found


def target_of(api: Api, project: str, folder: Path) -> Target:
    """Where an import by the viewer goes."""
    organization_id = api.viewer.organization_id
    return Target(
        db=api.runtime.db.within(Scope(organization_id)),
        organization_id=organization_id,
        project_id=uuid_of(Kind.Project, project),
        actor_id=api.viewer.actor_id,
        blobs=LocalBlobs(folder / "blobs"),
        drafts=folder / "drafts",
        largest_file=10_000_000,
    )


@pytest.fixture
def target(api: Api, project: str, tmp_path: Path) -> Target:
    return target_of(api, project, tmp_path)
