"""Every operator on every kind of target, asked of real runs through both fronts of the filter."""

from typing import Any

import pytest

from tests.fixtures.graphql import Api
from tests.fixtures.registry import new_project
from tests.fixtures.tracking import finish, new_experiment, new_key, new_run, new_series

QUERY = """
query ($text: String, $filter: RunFilter) {
  runs(filterText: $text, filter: $filter, sort: [{field: NUMBER}]) { totalCount nodes { name } }
}"""
STARTED = "2026-01-31T12:00:00Z"
FIELDS = {
    "status = FINISHED": "a",
    "status != FINISHED": "bcd",
    "status IN (FAILED, RUNNING)": "bcd",
    "status NOT IN (RUNNING)": "ab",
    "externalId = 'e1'": "a",
    "externalId != 'e1'": "",
    "NOT externalId = 'e1'": "bcd",
    "externalId EXISTS": "a",
    "NOT externalId EXISTS": "bcd",
    "externalId = null": "bcd",
    "externalId != null": "a",
    "number > 2": "cd",
    "number >= 2": "bcd",
    "number < 2": "a",
    "number <= 2": "ab",
    "number IN (1, 4)": "ad",
    "number BETWEEN 2 AND 3": "bc",
    "number NOT BETWEEN 2 AND 3": "ad",
    "name LIKE '_'": "abcd",
    "name NOT LIKE 'a'": "bcd",
    "name ILIKE 'B'": "b",
    "name NOT ILIKE 'B'": "acd",
    "name >= 'c'": "cd",
    "name BETWEEN 'b' AND 'c'": "bc",
    "durationMs > '1h'": "ab",
    "NOT durationMs > '1h'": "cd",
    "durationMs BETWEEN 0 AND 1": "",
    "startedAt = '2026-01-31T12:00:00Z'": "abcd",
    "endedAt > '2026-01-31' AND status = FAILED": "b",
    "text MATCHES 'wor som'": "d",
    "text MATCHES 'nothing'": "",
}
METRICS = {
    "metrics.acc > 0.5": "a",
    "metrics.acc < 0.9": "b",
    "metrics.acc.min <= 0.2": "ac",
    "metrics.acc.max < 0.5": "bc",
    "metrics.acc = 0.4": "b",
    "metrics.acc != 0.9": "b",
    "NOT metrics.acc = 0.9": "bcd",
    "metrics.acc EXISTS": "abc",
    "NOT metrics.acc EXISTS": "d",
    "metrics.acc IN (0.4, 0.9)": "ab",
    "metrics.acc NOT IN (0.4)": "a",
    "metrics.acc BETWEEN 0.4 AND 0.9": "ab",
    "metrics.acc NOT BETWEEN 0 AND 0.5": "a",
    'metrics."acc{split=val}" = 0.5': "a",
    "metrics.unknown > 0": "",
    "NOT metrics.unknown > 0": "abcd",
    "metrics.acc.min > 0 AND metrics.acc.max > 0.5": "a",
    "metrics.acc > 0.5 OR metrics.acc.min = 0.2": "ac",
    "NOT (metrics.acc > 0.5 OR metrics.acc < 0.5)": "cd",
}
PARAMS = {
    "params.lr > 0.05": "a",
    "params.lr = 0.01": "b",
    "params.lr != 0.1": "b",
    "NOT params.lr = 0.1": "bcd",
    "params.lr = 'fast'": "c",
    "params.lr EXISTS": "abc",
    "params.lr = null": "d",
    "params.lr BETWEEN 0.01 AND 0.1": "ab",
    "params.lr NOT BETWEEN 0 AND 0.05": "a",
    "params.lr IN (0.1, 7)": "a",
    "params.amp = true": "a",
    "params.amp = false": "b",
    "params.amp != true": "b",
    "params.opt = 'adam'": "ac",
    "params.opt IN ('adam', 'x')": "ac",
    "params.opt NOT IN ('adam')": "b",
    "params.opt LIKE 's%'": "b",
    "params.opt NOT LIKE 's%'": "ac",
    "params.opt ILIKE 'ADAM'": "ac",
    "params.opt > 'b'": "b",
    "params.lr < 1 AND params.opt = 'adam'": "a",
    "params.lr < 1 OR params.opt = 'adam'": "abc",
    "params.lr < 1 AND metrics.acc > 0.5": "a",
}
TAGS = {
    "tags.team = 'x'": "a",
    "tags.team != 'x'": "b",
    "NOT tags.team = 'x'": "bcd",
    "tags.team EXISTS": "ab",
    "NOT tags.team EXISTS": "cd",
    "tags.team = null": "cd",
    "tags.team IN ('x', 'z')": "a",
    "tags.team NOT IN ('x')": "b",
    "tags.team LIKE '_'": "ab",
    "tags.team NOT LIKE 'x'": "b",
    "tags.team ILIKE 'X'": "a",
    "tags.team > 'x'": "b",
    "tags.team BETWEEN 'a' AND 'x'": "a",
}
TYPED: list[tuple[dict[str, Any], str]] = [
    ({"metric": {"key": "acc", "gt": 0.5}}, "a"),
    ({"metric": {"key": "acc", "aggregate": "MIN", "lte": 0.2}}, "ac"),
    ({"metric": {"key": "acc", "exists": False}}, "d"),
    ({"metric": {"key": "acc{split=val}", "between": [0, 1]}}, "a"),
    ({"param": {"key": "lr", "lt": 0.05}}, "b"),
    ({"param": {"key": "lr", "eq": "fast"}}, "c"),
    ({"param": {"key": "amp", "eq": True}}, "a"),
    ({"param": {"key": "opt", "in": ["adam"]}}, "ac"),
    ({"param": {"key": "opt", "ilike": "S%"}}, "b"),
    ({"tag": {"key": "team", "notIn": ["x"]}}, "b"),
    ({"status": {"in": ["FAILED", "FINISHED"]}, "number": {"gte": 2}}, "b"),
    ({"or": [{"name": {"eq": "a"}}, {"and": [{"number": {"gt": 2}}, {"number": {"lt": 4}}]}]}, "ac"),
    ({"not": {"or": [{"name": {"eq": "a"}}, {"externalId": {"exists": False}}]}}, ""),
    ({"durationMs": {"gt": 1.5}, "startedAt": {"eq": STARTED}}, "ab"),
    ({"kind": {"ne": "TRAINING"}}, "d"),
    ({"text": "some wor"}, "d"),
]


@pytest.fixture
async def four(api: Api) -> list[str]:
    """Four runs named a, b, c and d, and one of the same metric in another project."""
    project = await new_project(api)
    experiment, key = await new_experiment(api, project), await new_key(api, project, "acc")
    runs = [
        await new_run(
            api, experiment, name="a", startedAt=STARTED, externalId="e1",
            params={"lr": 0.1, "opt": "adam", "amp": True}, tags={"team": "x"},
        ),
        await new_run(
            api, experiment, name="b", startedAt=STARTED, params={"lr": 0.01, "opt": "sgd", "amp": False},
            tags={"team": "y"},
        ),
        await new_run(api, experiment, name="c", startedAt=STARTED, params={"lr": "fast", "opt": "adam"}),
        await new_run(api, experiment, name="d", startedAt=STARTED, notes="Some words", kind="OTHER"),
    ]  # fmt: skip
    await finish(api, runs[0])
    await finish(api, runs[1], "FAILED")
    await new_series(api, project, runs[0], key=key, values=(0.9, 0.1, 0.95))
    await new_series(api, project, runs[0], key=key, values=(0.5, 0.5, 0.5), split="val")
    await new_series(api, project, runs[1], key=key, values=(0.4, 0.4, 0.4))
    await new_series(api, project, runs[2], key=key, values=(None, 0.2, 0.3))
    return runs


async def named(api: Api, **wanted: Any) -> str:
    found = (await api(QUERY, **wanted))["runs"]
    assert found["totalCount"] == len(found["nodes"])
    return "".join(run["name"] for run in found["nodes"])


@pytest.mark.parametrize("cases", [FIELDS, METRICS, PARAMS, TAGS], ids=["fields", "metrics", "params", "tags"])
async def test_each_operator_finds_the_runs_for_which_it_holds(
    api: Api, four: list[str], cases: dict[str, str]
) -> None:
    assert {text: await named(api, text=text) for text in cases} == cases


async def test_the_typed_front_finds_what_the_text_finds(api: Api, four: list[str]) -> None:
    assert [(wanted, await named(api, filter=wanted)) for wanted, _ in TYPED] == TYPED


async def test_both_fronts_together_must_hold(api: Api, four: list[str]) -> None:
    assert await named(api, text="number > 1", filter={"tag": {"key": "team", "exists": True}}) == "b"


async def test_runs_are_found_by_ids(api: Api, four: list[str]) -> None:
    assert await named(api, text=f"id = '{four[1]}'") == "b"
    assert await named(api, filter={"id": {"in": four[:2]}}) == "ab"
    assert await named(api, text=f"parent = '{four[0]}' OR id != '{four[3]}'") == "abc"


async def test_an_id_of_another_kind_is_refused_by_its_field(api: Api, four: list[str]) -> None:
    (error,) = await api.errors(QUERY, filter={"experiment": {"eq": four[0]}})
    assert (error["extensions"]["code"], error["extensions"]["field"]) == ("BAD_USER_INPUT", "experiment")


async def test_a_metric_of_one_name_is_found_in_every_project_and_in_one(api: Api, four: list[str]) -> None:
    project = await new_project(api, "Other")
    key = await new_key(api, project, "acc")
    run = await new_run(api, await new_experiment(api, project), name="e")
    await new_series(api, project, run, key=key, values=(0.7, 0.7, 0.7))
    found = await api(
        """query ($id: ID!) {
          runs(filterText: "metrics.acc > 0.5", sort: [{metric: "acc"}]) { nodes { name } }
          project(id: $id) { runs(filterText: "metrics.acc > 0.5") { totalCount nodes { name } } }
        }""",
        id=project,
    )
    assert [node["name"] for node in found["runs"]["nodes"]] == ["e", "a"]
    assert found["project"]["runs"] == {"totalCount": 1, "nodes": [{"name": "e"}]}
