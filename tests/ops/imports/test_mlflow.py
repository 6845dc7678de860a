"""An MLflow server brought into a project: all of it, again and again, and whatever cannot be read left out."""

import math
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import pytest

from connectors.tracking.capability import TrackedModel, TrackedVersion
from connectors.tracking.mlflow_source import MlflowSource
from maestro.errors import Conflict, NotFound, QuotaExceeded, Transient
from maestro.ids import Kind, encode, uuid_of
from ops.imports.mlflow import import_mlflow
from ops.imports.target import Report, Target, Wanted
from tests.connectors.tracking.contract import NOON, files_in, history, new_run
from tests.fixtures.graphql import Api
from tests.fixtures.mlflow_server import door, opened
from tests.fixtures.registry import new_project
from tests.fixtures.tracked_models import put_model

RUNS: Final = """
query ($project: ID!) {
  project(id: $project) {
    experiments { nodes { name path description tags { key value }
      runs(sort: [{field: STARTED_AT}]) { nodes {
        externalId name status notes number startedAt endedAt tags { key value } source { repo commit entrypoint }
        params { key value } parent { externalId } environment
        outputs { artifact { name type } entries { path sizeBytes } }
        series { key { name } context { key value } count last lastStep } } } } } } }"""
MODELS: Final = """
query ($project: ID!) {
  project(id: $project) { models { nodes { name description framework tags { key value }
    aliases { name modelVersion { number } }
    versions(sort: [{field: NUMBER}]) { nodes {
      number lifecycle description sourceRun { externalId } artifactVersion { entries { path } } } } } } } }"""


class Filled:
    """An experiment of the server with a run and its part."""

    def __init__(self, source: MlflowSource, name: str) -> None:
        self.source, self.name = source, name
        self.experiment_id, self.run_id, self.part_id = "", "", ""

    @property
    def wanted(self) -> Wanted:
        return Wanted(experiments=[self.name])


@pytest.fixture
async def filled(source: MlflowSource, tmp_path: Path) -> Filled:
    found = Filled(source, f"/teams/vision/{uuid4()}")
    experiment_id = found.experiment_id = await source.ensure_experiment(
        found.name, {"team": "v", "mlflow.note.content": "About cats."}
    )
    run = new_run(
        experiment_id,
        params={"lr": "1e-3", "layers": "2", "fast": "True", "kind": "nan"},
        tags={
            "stage": "a",
            "mlflow.note.content": "Good.",
            "mlflow.source.git.commit": "abc",
            "mlflow.source.name": "train.py",
        },
    )
    found.run_id = await source.put_run(run, [history("loss", [3, math.inf, math.nan, 1]), history("val/acc", [0.5])])
    part = new_run(
        experiment_id,
        name="part",
        status="FAILED",
        started_at=NOON + timedelta(minutes=1),
        tags={"mlflow.parentRunId": found.run_id},
    )
    found.part_id = await source.put_run(part, [])
    (tmp_path / "file").write_bytes(b"weights")
    await source.put_file(found.run_id, "model/weights.bin", tmp_path / "file")
    return found


async def imported(api: Api, project: str) -> Any:
    data = await api(RUNS, project=project)
    (experiment,) = data["project"]["experiments"]["nodes"]
    return experiment


async def test_runs_come_with_all_that_they_have(api: Api, project: str, *, target: Target, filled: Filled) -> None:
    report = await import_mlflow(filled.source, target, filled.wanted)
    assert report == Report(experiments=1, runs_created=2, points=5, files=1, size_bytes=7)
    experiment = await imported(api, project)
    assert (experiment["path"], experiment["name"]) == ("/teams/vision", filled.name.rpartition("/")[2])
    assert experiment["description"] == "About cats."
    assert {"key": "team", "value": "v"} in experiment["tags"]
    run, part = experiment["runs"]["nodes"]
    assert run["environment"]["mlflow"]["runId"] == run["externalId"] == filled.run_id
    assert (run["name"], run["status"], run["notes"]) == ("first", "FINISHED", "Good.")
    assert (run["startedAt"], run["endedAt"]) == ("2026-01-02T12:00:00.000000Z", "2026-01-02T12:05:00.000000Z")
    assert {"key": "stage", "value": "a"} in run["tags"]
    assert run["source"] == {"repo": None, "commit": "abc", "entrypoint": "train.py"}
    assert run["params"] == [
        {"key": "fast", "value": True},
        {"key": "kind", "value": "nan"},
        {"key": "layers", "value": 2},
        {"key": "lr", "value": 0.001},
    ]
    assert [(one["key"]["name"], one["count"], one["last"], one["lastStep"]) for one in run["series"]] == [
        ("loss", 4, 1.0, 3),
        ("val/acc", 1, 0.5, 0),
    ]
    (output,) = run["outputs"]
    assert output["artifact"]["type"] == "run"
    assert output["entries"] == [{"path": "model/weights.bin", "sizeBytes": 7}]
    assert (part["status"], part["parent"]) == ("FAILED", {"externalId": filled.run_id})
    assert sorted(one["number"] for one in (run, part)) == [1, 2]


async def test_a_second_import_reads_what_is_new_and_doubles_nothing(
    api: Api, project: str, *, target: Target, filled: Filled
) -> None:
    await import_mlflow(filled.source, target, filled.wanted)
    before = await api.state()
    report = await import_mlflow(filled.source, target, filled.wanted)
    assert report == Report(experiments=1, runs_unchanged=2)
    assert await api.state() == before
    part = new_run(filled.experiment_id, id="another", name="later")
    await filled.source.put_run(part, [history("loss", [9, 8])])
    assert await import_mlflow(filled.source, target, filled.wanted) == Report(
        experiments=1, runs_unchanged=2, runs_created=1, points=2
    )


async def test_a_run_that_has_changed_is_brought_up_to_date(
    api: Api, project: str, *, target: Target, source: MlflowSource, tmp_path: Path
) -> None:
    name = f"changing {uuid4()}"
    experiment_id = await source.ensure_experiment(name, {})
    run = new_run(experiment_id, status="RUNNING", ended_at=None, params={"a": "1"}, tags={"t": "1"})
    run_id = await source.put_run(run, [history("loss", range(600))])
    await import_mlflow(source, target, Wanted(experiments=[name]))
    (first,) = (await imported(api, project))["runs"]["nodes"]
    assert (first["status"], first["endedAt"]) == ("RUNNING", None)
    later = new_run(experiment_id, id=run.id, params={"a": "1", "b": "x"}, tags={"t": "2"})
    await source.put_run(later, [history("loss", range(700))])
    (tmp_path / "file").write_bytes(b"x")
    await source.put_file(run_id, "a.txt", tmp_path / "file")
    report = await import_mlflow(source, target, Wanted(experiments=[name]))
    assert report == Report(experiments=1, runs_updated=1, points=700, files=1, size_bytes=1)
    (run_here,) = (await imported(api, project))["runs"]["nodes"]
    assert (run_here["status"], run_here["number"]) == ("FINISHED", 1)
    assert [one["key"] for one in run_here["params"]] == ["a", "b"]
    assert {"key": "t", "value": "2"} in run_here["tags"]
    assert [(one["count"], one["last"]) for one in run_here["series"]] == [(700, 699.0)]


async def test_points_of_ended_runs_lie_in_blocks_at_once(api: Api, target: Target, filled: Filled) -> None:
    await import_mlflow(filled.source, target, filled.wanted)
    (found,) = await api.runtime.db.fetch_sql(
        "SELECT (SELECT count(*) FROM metric_hot) AS rows, (SELECT sum(n) FROM metric_block)::bigint AS points"
    )
    assert (found.rows, found.points) == (0, 5)


async def test_values_that_are_no_numbers_stay_what_they_are(api: Api, target: Target, filled: Filled) -> None:
    await import_mlflow(filled.source, target, filled.wanted)
    rows = await api.runtime.db.fetch_sql(
        "SELECT s.nonfinite, s.n, s.v_min, s.v_max FROM metric_series s JOIN metric_key k ON k.id = s.key_id "
        "WHERE k.name = 'loss'"
    )
    assert [tuple(row) for row in rows] == [(2, 4, 1.0, 3.0)]


async def test_a_run_that_was_deleted_here_stays_deleted(
    api: Api, project: str, *, target: Target, filled: Filled
) -> None:
    await import_mlflow(filled.source, target, filled.wanted)
    (row,) = await api.runtime.db.fetch_sql("SELECT id FROM run WHERE external_id = $1", filled.part_id)
    await api("mutation ($id: ID!) { deleteRun(id: $id) { id } }", id=encode(Kind.Run, row.id))
    before = await api.state()
    report = await import_mlflow(filled.source, target, filled.wanted)
    assert report == Report(experiments=1, runs_unchanged=1, runs_in_trash=1)
    assert await api.state() == before


async def test_one_run_that_cannot_be_read_does_not_end_the_import(
    api: Api, project: str, *, target: Target, filled: Filled, mlflow_uri: str
) -> None:
    async with door(mlflow_uri) as broken, opened(broken.uri) as source:
        broken.answers = lambda _method, path: (
            (400, b'{"error_code": "INTERNAL_ERROR", "message": "damaged"}')
            if "get-history" in path and filled.run_id in path
            else None
        )
        report = await import_mlflow(source, target, filled.wanted)
    assert (report.runs_created, report.failed) == (1, 1)
    what = f"the points of 'loss' of the run {filled.run_id}"
    message = f"The MLflow server cannot do this with {what}: damaged"
    assert report.failures == [{"noun": "run", "name": filled.run_id, "code": "CONNECTOR_FAILED", "message": message}]
    assert [run["name"] for run in (await imported(api, project))["runs"]["nodes"]] == ["part"]


async def test_files_that_cannot_be_fetched_leave_the_run_without_a_version(
    api: Api, project: str, *, target: Target, filled: Filled, mlflow_uri: str, tmp_path: Path
) -> None:
    async with door(mlflow_uri) as broken, opened(broken.uri) as source:
        broken.answers = lambda _method, path: (404, b"") if path.endswith("weights.bin") else None
        report = await import_mlflow(source, target, filled.wanted)
    assert (report.runs_created, report.files, report.failed) == (2, 0, 1)
    assert report.failures[0]["noun"] == "files of a run"
    assert (await imported(api, project))["runs"]["nodes"][0]["outputs"] == []
    assert files_in(target.drafts) == []
    # Once they are there, the next import brings them.
    assert (await import_mlflow(filled.source, target, filled.wanted)).files == 1


async def test_a_server_that_goes_away_ends_the_import_and_what_has_come_stays(
    api: Api, project: str, *, target: Target, filled: Filled, mlflow_uri: str
) -> None:
    async with door(mlflow_uri) as leaving, opened(leaving.uri) as source:
        leaving.answers = lambda _method, _path: (
            (503, b"") if any("mlflow-artifacts" in one for one in leaving.asked) else None
        )
        with pytest.raises(Transient):
            await import_mlflow(source, target, filled.wanted)
    assert len((await imported(api, project))["runs"]["nodes"]) == 2
    report = await import_mlflow(filled.source, target, filled.wanted)
    assert (report.runs_created, report.runs_unchanged, report.files) == (0, 2, 1)


async def test_an_experiment_that_is_not_there_is_refused(api: Api, target: Target, source: MlflowSource) -> None:
    before = await api.state()
    with pytest.raises(NotFound):
        await import_mlflow(source, target, Wanted(experiments=["nobody has this"]))
    assert await api.state() == before


async def test_a_quota_ends_the_import(api: Api, target: Target, filled: Filled) -> None:
    async with api.runtime.db.transaction() as tx:
        await tx.fetch_sql("UPDATE organization SET quotas = '{\"runs\": 1}'")
    with pytest.raises(QuotaExceeded):
        await import_mlflow(filled.source, target, filled.wanted)
    assert await api.runtime.db.fetch_sql("SELECT FROM run") == []


async def test_a_project_in_the_trash_is_refused(api: Api, project: str, *, target: Target, filled: Filled) -> None:
    await api("mutation ($id: ID!) { deleteProject(id: $id) { id } }", id=project)
    before = await api.state()
    with pytest.raises(Conflict):
        await import_mlflow(filled.source, target, filled.wanted)
    assert await api.state() == before


async def test_runs_go_into_two_projects(api: Api, project: str, *, target: Target, filled: Filled) -> None:
    await import_mlflow(filled.source, target, filled.wanted)
    other = await new_project(api, "Other")
    elsewhere = replace(target, project_id=uuid_of(Kind.Project, other))
    assert (await import_mlflow(filled.source, elsewhere, filled.wanted)).runs_created == 2
    assert len((await imported(api, other))["runs"]["nodes"]) == 2
    assert len((await imported(api, project))["runs"]["nodes"]) == 2


async def test_models_come_with_versions_files_and_aliases(
    api: Api, project: str, *, target: Target, filled: Filled, tmp_path: Path
) -> None:
    (tmp_path / "MLmodel").write_bytes(
        b"artifact_path: model\nflavors:\n  python_function:\n    a: b\n  sklearn:\n    c: d\n"
    )
    await filled.source.put_file(filled.run_id, "model/MLmodel", tmp_path / "MLmodel")
    name = f"Classifier {uuid4()}"
    versions = [
        TrackedVersion(number, filled.run_id, f"runs:/{filled.run_id}/model", f"v{number}", {"n": "1"}, aliases)
        for number, aliases in ((1, ()), (2, ("champion", "7")))
    ]
    versions[1] = replace(versions[1], aliases=("champion",))
    await put_model(filled.source, TrackedModel(name, "tells cats", {"team": "v"}, tuple(versions)))
    report = await import_mlflow(filled.source, target, filled.wanted)
    assert (report.models, report.model_versions, report.failed) == (1, 2, 0)
    (model,) = (await api(MODELS, project=project))["project"]["models"]["nodes"]
    assert (model["name"], model["description"], model["framework"]) == (name, "tells cats", "scikit-learn")
    assert {"key": "team", "value": "v"} in model["tags"]
    assert model["aliases"] == [{"name": "champion", "modelVersion": {"number": 2}}]
    assert [(one["number"], one["lifecycle"], one["description"]) for one in model["versions"]["nodes"]] == [
        (1, "DRAFT", "v1"),
        (2, "DRAFT", "v2"),
    ]
    for one in model["versions"]["nodes"]:
        assert one["sourceRun"] == {"externalId": filled.run_id}
        assert [entry["path"] for entry in one["artifactVersion"]["entries"]] == ["MLmodel", "weights.bin"]
    before = await api.state()
    again = await import_mlflow(filled.source, target, filled.wanted)
    assert (again.models, again.model_versions, again.files) == (1, 0, 0)
    assert await api.state() == before
