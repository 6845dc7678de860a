"""Runs of a source stored in a project: with more series than are packed beside other work."""

from uuid import uuid4

from connectors.tracking.mlflow_source import MlflowSource
from ops.blocks import MANY
from ops.imports.mlflow import import_mlflow
from ops.imports.target import Target, Wanted
from tests.connectors.tracking.contract import history, new_run
from tests.fixtures.graphql import Api
from tests.ops.imports.test_mlflow import imported


async def test_many_series_come_whole(api: Api, project: str, *, target: Target, source: MlflowSource) -> None:
    name = f"many {uuid4()}"
    series = [history(f"metric-{i:02}", [i, i + 0.5]) for i in range(MANY + 1)]
    await source.put_run(new_run(await source.ensure_experiment(name, {})), series)
    report = await import_mlflow(source, target, Wanted(experiments=[name]))
    assert report.points == 2 * len(series)
    (run,) = (await imported(api, project))["runs"]["nodes"]
    assert [(one["key"]["name"], one["count"], one["last"]) for one in run["series"]] == [
        (one.key, 2, one.values[1]) for one in series
    ]
