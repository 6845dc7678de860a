"""A project written to an MLflow server: all that runs have, again and again without anything twice."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final
from uuid import uuid4

import numpy as np
import pytest

from connectors.local import LocalBlobs
from connectors.tracking.capability import TrackedRun
from connectors.tracking.mlflow_source import MlflowSource
from maestro.db.engine import Scope
from maestro.errors import NotFound
from maestro.ids import Kind, uuid_of
from ops.exports.mlflow import export_mlflow
from ops.exports.origin import Origin, Written
from tests.connectors.tracking.contract import gathered
from tests.fixtures.graphql import Api
from tests.fixtures.mlflow_server import door, opened
from tests.fixtures.working import Worked, work
from tests.schema.metric_texts import log, metric

CONTENT: Final = b"what was learned"
CREATED: Final = 4
"""An experiment is looked for and made, a run is looked for, and made by the request of this number."""


@pytest.fixture
async def source(mlflow_uri: str) -> AsyncIterator[MlflowSource]:
    async with opened(mlflow_uri) as found:
        yield found


@pytest.fixture
def blobs(tmp_path: Path) -> LocalBlobs:
    return LocalBlobs(tmp_path / "blobs")


@pytest.fixture
async def worked(api: Api, blobs: LocalBlobs) -> Worked:
    return await work(api, blobs, f"Vision {uuid4()}")


def origin_of(api: Api, worked: Worked, blobs: LocalBlobs, *, experiment: str | None = None) -> Origin:
    organization_id = api.viewer.organization_id
    return Origin(
        db=api.runtime.db.within(Scope(organization_id)),
        organization_id=organization_id,
        project_id=uuid_of(Kind.Project, worked.id),
        experiment_id=None if experiment is None else uuid_of(Kind.Experiment, experiment),
        blobs=blobs,
    )


async def written(api: Api, source: MlflowSource, worked: Worked) -> list[TrackedRun]:
    name = (await api("query ($id: ID!) { project(id: $id) { name } }", id=worked.id))["project"]["name"]
    (experiment,) = await gathered(source.experiments(names=[f"{name}/Ablations"]))
    return await gathered(source.runs(experiment.id))


async def test_runs_are_written_with_all_that_they_have(
    api: Api, source: MlflowSource, *, worked: Worked, blobs: LocalBlobs, tmp_path: Path
) -> None:
    report = await export_mlflow(origin_of(api, worked, blobs), source)
    assert report == Written(experiments=1, runs=2, points=605, files=2, models=1, model_versions=1)
    mother, child = await written(api, source, worked)
    assert (mother.name, mother.status, dict(mother.params)) == ("mother", "FINISHED", {"lr": "0.1"})
    assert (child.name, child.status, child.tags["mlflow.parentRunId"]) == ("child", "RUNNING", mother.id)
    loss, accuracy = await source.histories(mother.id, ["loss", "accuracy/set/v"])
    assert np.array_equal(loss.values, np.arange(600.0))
    assert accuracy.values.tolist() == [1.0, 2.0, 3.0]
    (file, of_model) = await gathered(source.files(mother.id))
    assert of_model.path.startswith("models/")
    assert file.path.endswith("/weights.bin")
    await source.download(mother.id, file.path, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes().startswith(CONTENT)


async def test_a_second_export_fills_up_and_doubles_nothing(
    api: Api, source: MlflowSource, *, worked: Worked, blobs: LocalBlobs
) -> None:
    origin = origin_of(api, worked, blobs, experiment=worked.experiment)
    await export_mlflow(origin, source)
    before = await written(api, source, worked)
    child = (await api("{ runs(filterText: \"name = 'child'\") { nodes { id } } }"))["runs"]["nodes"][0]["id"]
    await log(api, child, 1, metric([3, 4]))
    assert (await export_mlflow(origin, source)).files == 0
    after = await written(api, source, worked)
    assert [run.id for run in after] == [run.id for run in before]
    (loss,) = await source.histories(after[1].id, ["loss"])
    assert loss.values.tolist() == [1, 2, 3, 4]
    (same,) = await source.histories(after[0].id, ["loss"])
    assert len(same.steps) == 600


async def test_one_run_that_is_refused_does_not_end_the_export(
    api: Api, source: MlflowSource, *, worked: Worked, blobs: LocalBlobs, mlflow_uri: str
) -> None:
    async with door(mlflow_uri) as broken, opened(broken.uri) as refusing:
        broken.answers = lambda _method, _path: (
            (400, b'{"error_code": "INVALID_PARAMETER_VALUE", "message": "too long"}')
            if [one for one in broken.asked if one.endswith("/create")][1:] and len(broken.asked) == CREATED
            else None
        )
        report = await export_mlflow(origin_of(api, worked, blobs), refusing)
    assert (report.runs, report.models, report.model_versions) == (1, 1, 0)
    assert [(one["noun"], one["code"]) for one in report.failures] == [
        ("run", "CONNECTOR_FAILED"),
        ("model version", "CONFLICT"),
    ]
    assert [run.name for run in await written(api, source, worked)] == ["child"]


async def test_what_is_not_there_is_not_exported(
    api: Api, foreign: Api, source: MlflowSource, *, worked: Worked, blobs: LocalBlobs
) -> None:
    with pytest.raises(NotFound):
        await export_mlflow(origin_of(foreign, worked, blobs), source)
