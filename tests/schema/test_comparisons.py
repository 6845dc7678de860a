"""Runs side by side by GraphQL."""

import pytest

from tests.fixtures.graphql import Api
from tests.fixtures.registry import new_project
from tests.fixtures.tracking import new_experiment, new_key, new_run, new_series

COMPARE = """
query ($ids: [ID!]!) {
  compareRuns(ids: $ids) {
    runs { name }
    params { key differs values { value type } }
    metrics { key context { key value } direction last min max }
  }
}"""


async def test_params_and_metrics_stand_in_the_order_of_the_runs(api: Api) -> None:
    project = await new_project(api)
    experiment, loss = await new_experiment(api, project), await new_key(api, project, "loss", direction="MINIMIZE")
    first = await new_run(api, experiment, name="first", params={"lr": 1, "seed": 7, "only": None})
    second = await new_run(api, experiment, name="second", params={"lr": 1.0, "seed": 7})
    await new_series(api, project, first, key=loss, values=(0.2, 0.1, 0.9), split="val")
    await new_series(api, project, first, key=loss, values=(None, 0.1, 0.9))
    await new_series(api, project, second, key=loss, values=(0.3, 0.2, 0.8), split="val")
    data = await api(COMPARE, ids=[second, first])
    assert data["compareRuns"] == {
        "runs": [{"name": "second"}, {"name": "first"}],
        "params": [
            {"key": "lr", "differs": True, "values": [{"value": 1.0, "type": "FLOAT"}, {"value": 1, "type": "INT"}]},
            {"key": "only", "differs": True, "values": [None, {"value": None, "type": "NULL"}]},
            {"key": "seed", "differs": False, "values": [{"value": 7, "type": "INT"}, {"value": 7, "type": "INT"}]},
        ],
        "metrics": [
            {
                "key": "loss",
                "context": [],
                "direction": "MINIMIZE",
                "last": [None, None],
                "min": [None, 0.1],
                "max": [None, 0.9],
            },
            {
                "key": "loss",
                "context": [{"key": "split", "value": "val"}],
                "direction": "MINIMIZE",
                "last": [0.3, 0.2],
                "min": [0.2, 0.1],
                "max": [0.8, 0.9],
            },
        ],
    }
    assert api.statements == 3


async def test_runs_of_several_projects_can_be_compared(api: Api) -> None:
    runs = [
        await new_run(api, await new_experiment(api, await new_project(api, name)), name=name) for name in ("A", "B")
    ]
    data = await api(COMPARE, ids=runs)
    assert data["compareRuns"]["runs"] == [{"name": "A"}, {"name": "B"}]


@pytest.mark.parametrize("count", [0, 51])
async def test_one_to_fifty_runs_are_compared(api: Api, count: int) -> None:
    (error,) = await api.errors(COMPARE, ids=[f"run_{n:032x}" for n in range(count)])
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "field": "ids", "limit": 50}


async def test_a_run_is_compared_once_and_must_exist(api: Api) -> None:
    run = await new_run(api, await new_experiment(api, await new_project(api)))
    (error,) = await api.errors(COMPARE, ids=[run, run])
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    (error,) = await api.errors(COMPARE, ids=[run, "run_" + "0" * 32])
    assert error["extensions"]["code"] == "NOT_FOUND"
