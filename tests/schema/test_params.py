"""Params of runs by GraphQL: their types, their prefixes, their correction and their number."""

from typing import Any

import pytest

from maestro.db.tables import Run
from maestro.errors import PayloadTooLarge
from maestro.ids import Kind, uuid_of
from resolvers.params import MOST_PARAMS, write
from resolvers.writing import writing
from tests.fixtures.graphql import Api
from tests.fixtures.registry import new_project
from tests.fixtures.tracking import new_experiment, new_run

PARAMS = "query ($id: ID!, $prefix: String!) { run(id: $id) { params(prefix: $prefix) { key type value } } }"


@pytest.fixture
async def experiment(api: Api) -> str:
    return await new_experiment(api, await new_project(api))


async def params_of(api: Api, run: str, prefix: str = "") -> dict[str, Any]:
    data = await api(PARAMS, id=run, prefix=prefix)
    return {param["key"]: param["value"] for param in data["run"]["params"]}


async def test_params_keep_the_type_that_they_were_logged_with(api: Api, experiment: str) -> None:
    values = {
        "bool": True,
        "float": 1e-05,
        "int": 2**60,
        "json": {"b": [1, None, "ü"], "a": {}},
        "null": None,
        "string": "adam",
        "whole": 1.0,
    }
    run = await new_run(api, experiment, params=values)
    data = await api(PARAMS, id=run, prefix="")
    assert [(param["type"], param["value"]) for param in data["run"]["params"]] == [
        ("BOOL", True),
        ("FLOAT", 1e-05),
        ("INT", 2**60),
        ("JSON", values["json"]),
        ("NULL", None),
        ("STRING", "adam"),
        ("FLOAT", 1.0),
    ]


async def test_params_are_read_by_the_beginning_of_their_keys(api: Api, experiment: str) -> None:
    run = await new_run(api, experiment, params={"model.a": 1, "model.b": 2, "model_c": 3, "x%": 4})
    assert await params_of(api, run, "model.") == {"model.a": 1, "model.b": 2}
    assert await params_of(api, run, "x%") == {"x%": 4}
    assert await params_of(api, run, "%") == {}


async def test_a_param_that_is_logged_again_is_corrected(api: Api, experiment: str) -> None:
    run = await new_run(api, experiment, params={"lr": "0.1", "n": 1})
    async with writing(api.context()) as writer:
        await write(writer, await writer.row(Run, uuid_of(Kind.Run, run)), {"lr": 0.1, "n": 1})
    assert await params_of(api, run) == {"lr": 0.1, "n": 1}


async def test_a_run_never_has_more_than_its_most_params(api: Api, experiment: str) -> None:
    run = await new_run(api, experiment, params={str(n): n for n in range(MOST_PARAMS)})
    state = await api.state()
    with pytest.raises(PayloadTooLarge, match="2,001 params"):
        async with writing(api.context()) as writer:
            await write(writer, await writer.row(Run, uuid_of(Kind.Run, run)), {"one more": 1})
    assert await api.state() == state
