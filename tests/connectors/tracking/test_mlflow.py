"""An MLflow server by its connector: the contract, and what is particular to it."""

import math
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import httpx
import numpy as np
import pytest

from connectors.catalogue import opened as by_kind
from connectors.tracking.capability import History
from connectors.tracking.mlflow_source import MlflowSource
from maestro.errors import Conflict, Forbidden, MaestroError, NotFound, Transient
from maestro.vendor_errors import ConnectorFailed, NotSupported
from maestro.vendors import Mlflow
from tests.connectors.tracking.contract import NOON_MS, TrackingContract, files_in, gathered, history, new_run
from tests.fixtures.connected import secured_connector
from tests.fixtures.graphql import Api
from tests.fixtures.mlflow_server import door, opened


@pytest.fixture
async def source(mlflow_uri: str) -> AsyncIterator[MlflowSource]:
    async with opened(mlflow_uri) as found:
        yield found


class TestMlflow(TrackingContract):
    """The contract."""

    async def test_it_is_opened_by_its_kind(self, mlflow_uri: str) -> None:
        async with by_kind("MLFLOW", Mlflow.model_validate({"trackingUri": mlflow_uri}), None) as found:
            assert await found.identify() == "MLflow 3.17.2"
            assert str(found) == mlflow_uri

    async def test_a_history_longer_than_an_answer_is_read_in_pages(
        self, source: MlflowSource, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("connectors.tracking.mlflow_histories.MOST_POINTS", 7)
        experiment_id = await self.make(source)
        for _ in range(3):
            await source.put_run(new_run(experiment_id), [history("loss", range(6)), history("long", range(20))])
        runs = await gathered(source.runs(experiment_id))
        found = await source.all_histories(runs)
        assert {
            (run.id, one.key): one.steps.tolist() == one.values.tolist() == list(range(len(one.steps)))
            for run in runs
            for one in found[run.id]
        } == {(run.id, key): True for run in runs for key in ("loss", "long")}
        assert {len(one.steps) for run in runs for one in found[run.id] if one.key == "long"} == {20}

    async def test_points_of_many_runs_are_told_apart_and_put_in_order(self, source: MlflowSource) -> None:
        experiment_id = await self.make(source)
        steps, values = np.array([2, 0, 1]), np.array([math.nan, -math.inf, 5.0])
        for shift in (0, 10):
            given = History("loss", steps + shift, NOON_MS + np.arange(3), values)
            await source.put_run(new_run(experiment_id, name=str(shift)), [given, history("acc", [shift])])
        await source.put_run(new_run(experiment_id, name="bare"), [history("acc", [7])])
        runs = await gathered(source.runs(experiment_id))
        found = await source.all_histories(runs)
        told = {(run.name, one.key): one for run in runs for one in found[run.id]}
        assert {place: one.steps.tolist() for place, one in told.items()} == {
            ("0", "loss"): [0, 1, 2],
            ("10", "loss"): [10, 11, 12],
            ("0", "acc"): [0],
            ("10", "acc"): [0],
            ("bare", "acc"): [0],
        }
        for name in ("0", "10"):
            assert told[name, "loss"].times_ms.tolist() == [NOON_MS + 1, NOON_MS + 2, NOON_MS]
            assert np.array_equal(told[name, "loss"].values, [-math.inf, 5.0, math.nan], equal_nan=True)
        assert [told[name, "acc"].values.tolist() for name in ("0", "10", "bare")] == [[0], [10], [7]]

    async def test_a_run_that_came_back_by_an_import_is_known_by_its_new_origin(self, source: MlflowSource) -> None:
        experiment_id = await self.make(source)
        run = new_run(experiment_id, tags={"maestro.run": "run_of_another_project"})
        assert await source.put_run(run, []) == await source.put_run(run, [])
        assert len(await gathered(source.runs(experiment_id))) == 1


async def test_files_of_runs_are_told_by_the_proxy(mlflow_uri: str, tmp_path: Path) -> None:
    async with door(mlflow_uri) as counting, opened(counting.uri) as source:
        experiment_id = await source.ensure_experiment(f"near {uuid4()}", {})
        run_id = await source.put_run(new_run(experiment_id), [])
        (tmp_path / "a").write_bytes(b"abc")
        await source.put_file(run_id, "deep/er/a.txt", tmp_path / "a")
        await source.put_file(run_id, "b.txt", tmp_path / "a")
        async with opened(counting.uri) as other:
            counting.asked.clear()
            (run,) = await gathered(other.runs(experiment_id))
            found = await gathered(other.files(run.id))
    assert [(one.path, one.size) for one in found] == [("b.txt", 3), ("deep/er/a.txt", 3)]
    assert counting.asked == [
        "POST /api/2.0/mlflow/runs/search",
        *["GET /api/2.0/mlflow-artifacts/artifacts"] * 3,
    ]


async def test_two_connectors_do_not_see_each_others_credentials(mlflow_uri: str) -> None:
    async with door(mlflow_uri) as first, door(mlflow_uri) as second:
        first.admit(token="t-one")
        second.admit(user=("ada", "p:w"))
        async with opened(first.uri, token="t-one") as one, opened(second.uri, username="ada", password="p:w") as two:
            assert await one.identify() == await two.identify() == "MLflow 3.17.2"
        for uri, credential in ((second.uri, {"token": "t-one"}), (first.uri, {}), (first.uri, {"token": "wrong"})):
            async with opened(uri, **credential) as source:
                with pytest.raises(Forbidden) as refused:
                    await source.identify()
                assert refused.value.details["vendorCode"] == "UNAUTHENTICATED"
                assert refused.value.details["requestId"] == "r-1"
                assert "t-one" not in f"{refused.value}{refused.value.extensions}{source!r}"


async def test_credentials_of_the_environment_are_not_used(mlflow_uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "t-one")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    async with door(mlflow_uri) as guarded:
        guarded.admit(token="t-one")
        async with opened(guarded.uri) as source:
            with pytest.raises(Forbidden):
                await source.identify()


@pytest.mark.parametrize(
    ("status", "content", "error", "code"),
    [
        (403, b'{"error_code": "PERMISSION_DENIED"}', Forbidden, "PERMISSION_DENIED"),
        (404, b'{"error_code": "RESOURCE_DOES_NOT_EXIST"}', NotFound, "RESOURCE_DOES_NOT_EXIST"),
        (404, b"<html>", NotSupported, "HTTP 404"),
        (501, b'{"error_code": "NOT_IMPLEMENTED"}', NotSupported, "NOT_IMPLEMENTED"),
        (400, b'{"error_code": "RESOURCE_ALREADY_EXISTS"}', Conflict, "RESOURCE_ALREADY_EXISTS"),
        (
            400,
            b'{"error_code": "INVALID_PARAMETER_VALUE", "message": "no"}',
            ConnectorFailed,
            "INVALID_PARAMETER_VALUE",
        ),
        (302, b"", ConnectorFailed, "HTTP 302"),
        (503, b"", Transient, "HTTP 503"),
        (200, b"<html>Sign in</html>", ConnectorFailed, None),
        (200, b"[]", ConnectorFailed, None),
    ],
)
async def test_what_the_server_refuses_is_an_error_of_ours(
    mlflow_uri: str, *, status: int, content: bytes, error: type[MaestroError], code: str | None
) -> None:
    async with door(mlflow_uri) as broken, opened(broken.uri) as source:
        broken.answers = lambda _method, _path: (status, content)
        with pytest.raises(error) as raised:
            await source.identify()
        assert type(raised.value) is error
        assert raised.value.details.get("vendorCode") == code


async def test_what_passes_is_tried_again(mlflow_uri: str) -> None:
    async with door(mlflow_uri) as busy, opened(busy.uri) as source:
        busy.answers = lambda _method, _path: (503, b"") if len(busy.asked) < 3 else None
        assert await source.identify() == "MLflow 3.17.2"
        assert busy.asked == ["POST /api/2.0/mlflow/experiments/search"] * 3 + ["GET /version"]


async def test_a_server_that_is_not_there_may_be_tried_again_later() -> None:
    async with opened("http://127.0.0.1:9") as source:
        with pytest.raises(Transient) as raised:
            await source.identify()
        assert raised.value.details["vendorCode"] == "ConnectError"


async def test_a_server_without_the_quick_call_is_read_one_by_one(mlflow_uri: str) -> None:
    async with door(mlflow_uri) as old, opened(old.uri) as source:
        old.answers = lambda _method, path: (404, b"<html>") if "get-history-bulk" in path else None
        experiment_id = await source.ensure_experiment(f"old {uuid4()}", {})
        await source.put_run(new_run(experiment_id), [history("loss", [3, 2, 1])])
        runs = await gathered(source.runs(experiment_id))
        (found,) = (await source.all_histories(runs))[runs[0].id]
        assert found.values.tolist() == [3, 2, 1]


async def test_a_download_that_breaks_off_leaves_nothing_behind(mlflow_uri: str, tmp_path: Path) -> None:
    async with door(mlflow_uri) as broken, opened(broken.uri) as source:
        run_id = await source.put_run(new_run(await source.ensure_experiment(f"cut {uuid4()}", {})), [])
        broken.answers = lambda _method, path: (500, b"") if "/mlflow-artifacts/" in path else None
        with pytest.raises(Transient):
            await source.download(run_id, "a", tmp_path / "a")
        assert files_in(tmp_path) == []


async def test_deleted_experiments_and_runs_are_left_out(mlflow_uri: str, source: MlflowSource) -> None:

    name = f"gone {uuid4()}"
    experiment_id = await source.ensure_experiment(name, {})
    run_id = await source.put_run(new_run(experiment_id), [])
    async with httpx.AsyncClient(base_url=f"{mlflow_uri}/api/2.0/mlflow") as http:
        (await http.post("/runs/delete", json={"run_id": run_id})).raise_for_status()
        assert await gathered(source.runs(experiment_id)) == []
        (await http.post("/experiments/delete", json={"experiment_id": experiment_id})).raise_for_status()
    assert await gathered(source.experiments(names=[name])) == []
    with pytest.raises(Conflict):
        await source.ensure_experiment(name, {})


async def test_experiments_are_looked_into_by_graphql(api: Api, mlflow_uri: str, source: MlflowSource) -> None:
    name = f"seen {uuid4()}"
    experiment_id = await source.ensure_experiment(name, {})
    made = await secured_connector(api, {"mlflow": {"trackingUri": mlflow_uri}}, None)
    look = "query ($id: ID!) { connector(id: $id) { experiments { externalId name createdAt artifactLocation } } }"
    found = (await api(look, id=made))["connector"]["experiments"]
    (seen,) = [one for one in found if one["name"] == name]
    assert seen["externalId"] == experiment_id
    assert (seen["createdAt"] is None, seen["artifactLocation"] is None) == (False, False)
