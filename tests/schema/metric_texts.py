"""A run to log to, and the operations that log and read metrics."""

from collections.abc import Mapping, Sequence
from typing import Any

from tests.fixtures.graphql import Api

LOG = """
mutation ($input: LogBatchInput!) {
  logBatch(input: $input) {
    accepted points isReplay
    run { id status heartbeatAt version tags { key value } params { key value } }
  }
}"""
SERIES = """
query ($id: ID!, $keys: [String!]) {
  run(id: $id) {
    series(keys: $keys) {
      id name unit direction context { key value } count firstStep lastStep last lastNonFinite min max mean
      argminStep argmaxStep nonFiniteCount
    }
  }
}"""
POINTS = """
query ($id: ID!, $first: Int! = 10000, $after: String) {
  metricSeries(id: $id) { points(first: $first, after: $after) { step time value hasNextPage endCursor } }
}"""
FINISH = "mutation ($id: ID!) { finishRun(id: $id) { status } }"


async def new_run(api: Api, name: str = "Vision") -> str:
    """Make a project with an experiment with a run and return the run's id."""
    project = await api(
        "mutation ($name: String!) { createProject(input: {name: $name}) { ... on ProjectSaved { project { id } } } }",
        name=name,
    )
    experiment = await api(
        """mutation ($project: ID!) {
          createExperiment(input: {projectId: $project, name: "mlp"}) { ... on ExperimentSaved { experiment { id } } }
        }""",
        project=project["createProject"]["project"]["id"],
    )
    run = await api(
        """mutation ($experiment: ID!) {
          createRun(input: {experimentId: $experiment}) { ... on RunSaved { run { id } } }
        }""",
        experiment=experiment["createExperiment"]["experiment"]["id"],
    )
    found: str = run["createRun"]["run"]["id"]
    return found


def batch(run: str, seq: int = 0, *, writer: str = "w", **content: Any) -> dict[str, Any]:
    """Return the input of logBatch."""
    return {"runId": run, "writerId": writer, "seq": seq, **content}


def metric(
    steps: Sequence[int], values: Sequence[Any] | None = None, *, key: str = "loss", **more: Any
) -> dict[str, Any]:
    """Return points of one metric; the values are those of the steps unless given."""
    return {"key": key, "steps": list(steps), "values": list(map(float, steps) if values is None else values), **more}


async def log(api: Api, run: str, seq: int = 0, *metrics: Mapping[str, Any], **content: Any) -> Any:
    """Log a batch of metrics and return the answer."""
    return (await api(LOG, input=batch(run, seq, metrics=list(metrics), **content)))["logBatch"]


async def series_of(api: Api, run: str, keys: Sequence[str] | None = None) -> Any:
    """Return the series of a run."""
    return (await api(SERIES, id=run, keys=keys))["run"]["series"]


async def points_of(api: Api, series: str) -> dict[int, float | None]:
    """Return all points of a series of up to 10,000, by step."""
    page = (await api(POINTS, id=series))["metricSeries"]["points"]
    assert not page["hasNextPage"]
    return dict(zip(page["step"], page["value"], strict=True))
