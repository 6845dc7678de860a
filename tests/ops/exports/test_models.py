"""Registered models written to an MLflow server: with versions, files and aliases, and brought back from there."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import httpx
import pytest

from connectors.local import LocalBlobs
from connectors.tracking.capability import TrackedModel
from connectors.tracking.mlflow_source import MlflowSource
from maestro.errors import NotFound, Transient
from maestro.ids import Kind, uuid_of
from ops.exports.mlflow import export_mlflow
from ops.exports.origin import Origin
from ops.imports.mlflow import import_mlflow
from ops.imports.target import Wanted
from tests.connectors.tracking.contract import gathered
from tests.fixtures.graphql import Api
from tests.fixtures.mlflow_server import door, opened
from tests.fixtures.registry import new_model, new_project, new_version, set_alias
from tests.fixtures.tracked_models import put_model
from tests.fixtures.tracking import new_experiment
from tests.fixtures.working import CONTENT, Worked, throw_away, work
from tests.ops.exports.test_mlflow import origin_of
from tests.ops.imports.conftest import target_of

MODELS: Final = """
query ($project: ID!) { project(id: $project) { models { nodes { name description framework tags { key value }
  aliases { name modelVersion { number } }
  versions(sort: [{field: NUMBER}]) { nodes {
    number description sourceRun { name } artifactVersion { entries { path sizeBytes } } } } } } } }"""
UPDATE: Final = """
mutation ($id: ID!) { updateModelVersion(id: $id, input: {description: "better"}) { __typename } }"""


class Registered:
    """A project in which somebody has worked, and a second model of it whose second version is gone."""

    def __init__(self, worked: Worked, model: str, versions: tuple[str, str]) -> None:
        self.worked, self.model, self.versions = worked, model, versions


@pytest.fixture
async def source(mlflow_uri: str) -> AsyncIterator[MlflowSource]:
    async with opened(mlflow_uri) as found:
        yield found


@pytest.fixture
def blobs(tmp_path: Path) -> LocalBlobs:
    return LocalBlobs(tmp_path / "blobs")


@pytest.fixture
async def registered(api: Api, blobs: LocalBlobs) -> Registered:
    worked = await work(api, blobs, f"Vision {uuid4()}")
    model = await new_model(
        api, worked.id, f"Cats/dogs {uuid4()}", description="tells cats", tags=[{"key": "team", "value": "v"}]
    )
    with_run = {"sourceRunId": worked.run, "artifactVersionId": worked.version}
    first = await new_version(api, model, description="good", **with_run)
    gone = await new_version(api, model)
    third = await new_version(api, model, artifactVersionId=worked.version)
    await throw_away(api, Kind.ModelVersion, gone, is_due=False)
    await set_alias(api, model, first, name="old")
    await set_alias(api, model, third, name="best")
    return Registered(worked, model, (first, third))


def origin(api: Api, registered: Registered, blobs: LocalBlobs, **given: Any) -> Origin:
    wanted = {"model_ids": [uuid_of(Kind.RegisteredModel, registered.model)], **given}
    return replace(origin_of(api, registered.worked, blobs), **wanted)


async def there(source: MlflowSource, *models: str) -> list[TrackedModel]:
    found = {one.tags.get("maestro.model"): one for one in await gathered(source.models())}
    return [found[model] for model in models if model in found]


async def ids_at(uri: str) -> str:
    """What the server tells of all models in one call, their ids here among it."""
    async with httpx.AsyncClient(base_url=uri, trust_env=False) as http:
        answer = await http.get("/api/2.0/mlflow/registered-models/search", params={"max_results": 1000})
    return answer.raise_for_status().text


async def test_models_come_back_as_they_were(
    api: Api, source: MlflowSource, *, registered: Registered, blobs: LocalBlobs, tmp_path: Path
) -> None:
    report = await export_mlflow(origin(api, registered, blobs), source)
    assert (report.models, report.model_versions, report.files, report.failures) == (1, 2, 3, [])
    name = (await api("query ($id: ID!) { model(id: $id) { name } }", id=registered.model))["model"]["name"]
    project = await new_project(api, "Copy")
    named = await api("query ($id: ID!) { project(id: $id) { name } }", id=registered.worked.id)
    folder = named["project"]["name"]
    wanted = Wanted(experiments=[f"{folder}/Ablations", f"{folder}/Registered models"])
    await import_mlflow(source, target_of(api, project, tmp_path / "copy"), wanted)
    (copy,) = (await api(MODELS, project=project))["project"]["models"]["nodes"]
    assert (copy["name"], copy["description"]) == (name.replace("/", "_"), "tells cats")
    assert {"key": "team", "value": "v"} in copy["tags"]
    assert copy["aliases"] == [
        {"name": "best", "modelVersion": {"number": 2}},
        {"name": "old", "modelVersion": {"number": 1}},
    ]
    files = {"entries": [{"path": "weights.bin", "sizeBytes": len(CONTENT) + len(folder)}]}
    assert copy["versions"]["nodes"] == [
        {"number": 1, "description": "good", "sourceRun": {"name": "mother"}, "artifactVersion": files},
        # MLflow takes no version without a run.
        {"number": 2, "description": "", "sourceRun": {"name": name}, "artifactVersion": files},
    ]


async def test_numbers_and_what_else_mlflow_does_not_know_stand_in_tags(
    api: Api, source: MlflowSource, *, registered: Registered, blobs: LocalBlobs
) -> None:
    await export_mlflow(origin(api, registered, blobs), source)
    (model,) = await there(source, registered.model)
    assert [(one.number, one.tags) for one in model.versions] == [
        (1, {"maestro.version": "1", "maestro.lifecycle": "DRAFT"}),
        (2, {"maestro.version": "3", "maestro.lifecycle": "DRAFT"}),
    ]


async def test_a_second_export_fills_up_and_doubles_nothing(
    api: Api, source: MlflowSource, *, registered: Registered, blobs: LocalBlobs
) -> None:
    await export_mlflow(origin(api, registered, blobs, with_files=False), source)
    (before,) = await there(source, registered.model)
    first, _ = registered.versions
    await api(UPDATE, id=first)
    await set_alias(api, registered.model, first, name="best")
    report = await export_mlflow(origin(api, registered, blobs), source)
    assert (report.models, report.model_versions, report.files, report.failures) == (1, 0, 3, [])
    (after,) = await there(source, registered.model)
    assert [one.number for one in after.versions] == [1, 2]
    assert [one.source for one in after.versions] == [one.source for one in before.versions]
    assert [one.aliases for one in before.versions] == [("old",), ("best",)]
    assert [one.aliases for one in after.versions] == [("best", "old"), ()]
    assert [one.description for one in after.versions] == ["better", ""]
    again = await export_mlflow(origin(api, registered, blobs), source)
    assert (again.model_versions, again.files) == (0, 0)
    assert await there(source, registered.model) == [after]


async def test_an_export_that_broke_off_goes_on(
    api: Api, source: MlflowSource, *, registered: Registered, blobs: LocalBlobs, mlflow_uri: str
) -> None:
    async with door(mlflow_uri) as broken, opened(broken.uri) as breaking:
        made = "POST /api/2.0/mlflow/model-versions/create"
        broken.answers = lambda _method, _path: (503, b"") if broken.asked.count(made) > 1 else None
        with pytest.raises(Transient):
            await export_mlflow(origin(api, registered, blobs), breaking)
    (half,) = await there(source, registered.model)
    assert [one.tags["maestro.version"] for one in half.versions] == ["1"]
    report = await export_mlflow(origin(api, registered, blobs), source)
    assert (report.model_versions, report.failed) == (1, 0)
    (whole,) = await there(source, registered.model)
    assert [one.tags["maestro.version"] for one in whole.versions] == ["1", "3"]


async def test_anothers_model_of_the_same_name_is_left_alone(
    api: Api, source: MlflowSource, *, registered: Registered, blobs: LocalBlobs
) -> None:
    query = "query ($id: ID!) { model(id: $id) { name project { name } } }"
    ours = (await api(query, id=registered.model))["model"]
    name = ours["name"].replace("/", "_")
    await put_model(source, TrackedModel(name, "theirs"))
    for _ in range(2):
        await export_mlflow(origin(api, registered, blobs), source)
    (model,) = await there(source, registered.model)
    assert model.name == f"{name} ({ours['project']['name']})"
    (theirs,) = [one for one in await gathered(source.models()) if one.name == name]
    assert (theirs.description, dict(theirs.tags), theirs.versions) == ("theirs", {}, ())


async def test_what_mlflow_refuses_is_left_out_with_the_reason(
    api: Api, source: MlflowSource, *, registered: Registered, blobs: LocalBlobs, mlflow_uri: str
) -> None:
    await set_alias(api, registered.model, registered.versions[1], name="prod.eu")
    async with door(mlflow_uri) as broken, opened(broken.uri) as refusing:
        made = "POST /api/2.0/mlflow/model-versions/create"
        no = 400, b'{"error_code": "INVALID_PARAMETER_VALUE", "message": "too long"}'
        broken.answers = lambda _method, _path: (
            no if broken.asked[-1] == made and broken.asked.count(made) == 1 else None
        )
        report = await export_mlflow(origin(api, registered, blobs), refusing)
    assert (report.models, report.model_versions, report.failed) == (1, 1, 2)
    assert [(one["noun"], one["name"].rpartition(" ")[2], one["code"]) for one in report.failures] == [
        ("model version", "1", "CONNECTOR_FAILED"),
        ("alias", "prod.eu", "CONNECTOR_FAILED"),
    ]
    (model,) = await there(source, registered.model)
    assert [(one.tags["maestro.version"], one.aliases) for one in model.versions] == [("3", ("best",))]


async def test_models_are_chosen(
    api: Api, source: MlflowSource, *, registered: Registered, blobs: LocalBlobs, mlflow_uri: str
) -> None:
    worked = registered.worked
    lone = await new_model(api, worked.id, f"Lone {uuid4()}")
    other = uuid_of(Kind.Experiment, await new_experiment(api, worked.id, "Other"))
    own = uuid_of(Kind.Experiment, worked.experiment)
    every = [worked.model, registered.model, lone]
    for given, expected in (
        ({"experiment_id": other, "with_models": False}, []),
        ({"model_ids": None, "experiment_id": other}, []),
        ({"experiment_id": other}, [registered.model]),
        ({"model_ids": None, "experiment_id": own}, [worked.model, registered.model]),
        ({"model_ids": None}, every),
    ):
        report = await export_mlflow(origin(api, registered, blobs, with_files=False, **given), source)
        assert (report.models, report.failed) == (len(expected), 0)
        assert {model for model in every if model in await ids_at(mlflow_uri)} == set(expected)


async def test_a_model_that_is_not_there_is_not_exported(
    api: Api, source: MlflowSource, *, registered: Registered, blobs: LocalBlobs
) -> None:
    await throw_away(api, Kind.RegisteredModel, registered.model, is_due=False)
    with pytest.raises(NotFound):
        await export_mlflow(origin(api, registered, blobs), source)
    assert await there(source, registered.model) == []
