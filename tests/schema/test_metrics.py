"""Metrics by GraphQL: keys, series, buckets and pages of points."""

from typing import Any

import pytest

from tests.fixtures.graphql import Api
from tests.schema.metric_texts import POINTS, log, metric, new_run, series_of

KEYS = "query ($id: ID!) { run(id: $id) { project { metricKeys { id name unit direction } } } }"
UPDATE_KEY = """
mutation ($id: ID!, $input: UpdateMetricKeyInput!) { updateMetricKey(id: $id, input: $input) { name unit direction } }
"""


async def test_series_come_sorted_by_name_and_context(api: Api) -> None:
    run = await new_run(api)
    val, train = ([{"key": "split", "value": value}] for value in ("val", "train"))
    await log(
        api,
        run,
        0,
        metric([0], key="loss", context=val),
        metric([0], key="loss", context=train),
        metric([0], key="accuracy"),
    )

    assert [series["name"] for series in await series_of(api, run)] == [
        "accuracy",
        "loss{split=train}",
        "loss{split=val}",
    ]


async def test_series_are_found_by_key_and_context(api: Api) -> None:
    run = await new_run(api)
    await log(api, run, 0, metric([0]), metric([0], context=[{"key": "split", "value": "val"}]), metric([0], key="b"))

    found = await series_of(api, run, ["loss{split=val}", "b", "nothing"])

    assert [series["name"] for series in found] == ["b", "loss{split=val}"]


async def test_too_many_keys_are_refused(api: Api) -> None:
    run = await new_run(api)

    (error,) = await api.errors(
        "query ($id: ID!, $keys: [String!]) { run(id: $id) { series(keys: $keys) { id } } }",
        id=run,
        keys=[f"m{i}" for i in range(201)],
    )

    assert (error["extensions"]["code"], error["extensions"]["limit"]) == ("BAD_USER_INPUT", 200)


async def test_a_project_lists_the_keys_of_its_runs(api: Api) -> None:
    run = await new_run(api)
    await log(api, run, 0, metric([0], key="loss"), metric([0], key="accuracy"))

    keys = (await api(KEYS, id=run))["run"]["project"]["metricKeys"]

    assert [(key["name"], key["unit"], key["direction"]) for key in keys] == [
        ("accuracy", None, "NONE"),
        ("loss", None, "NONE"),
    ]
    assert api.statements == 3


async def test_a_key_is_told_its_unit_and_direction(api: Api) -> None:
    run = await new_run(api)
    await log(api, run, 0, metric([0]))
    (key,) = (await api(KEYS, id=run))["run"]["project"]["metricKeys"]

    changed = await api(UPDATE_KEY, id=key["id"], input={"unit": "nats", "direction": "MINIMIZE"})

    assert changed["updateMetricKey"] == {"name": "loss", "unit": "nats", "direction": "MINIMIZE"}
    (series,) = await series_of(api, run)
    assert (series["unit"], series["direction"]) == ("nats", "MINIMIZE")


@pytest.mark.parametrize("change", [{"direction": None}, {"unit": "u" * 51}])
async def test_a_bad_change_of_a_key_is_refused(api: Api, change: dict[str, Any]) -> None:
    run = await new_run(api)
    await log(api, run, 0, metric([0]))
    (key,) = (await api(KEYS, id=run))["run"]["project"]["metricKeys"]
    before = await api.state()

    (error,) = await api.errors(UPDATE_KEY, id=key["id"], input=change)

    assert (error["extensions"]["code"], error["extensions"]["field"]) == ("BAD_USER_INPUT", next(iter(change)))
    assert await api.state() == before


async def test_a_stranger_finds_neither_key_nor_series(api: Api, foreign: Api) -> None:
    run = await new_run(api)
    await log(api, run, 0, metric([0]))
    (key,) = (await api(KEYS, id=run))["run"]["project"]["metricKeys"]
    (series,) = await series_of(api, run)
    before = await api.state()

    refused = [
        *await foreign.errors("query ($id: ID!) { metricKey(id: $id) { id } }", id=key["id"]),
        *await foreign.errors("query ($id: ID!) { metricSeries(id: $id) { id } }", id=series["id"]),
        *await foreign.errors(UPDATE_KEY, id=key["id"], input={"unit": "s"}),
    ]

    assert [error["extensions"]["code"] for error in refused] == ["NOT_FOUND"] * 3
    assert await api.state() == before


async def test_a_series_and_its_key_are_nodes(api: Api) -> None:
    run = await new_run(api)
    await log(api, run, 0, metric([0]))
    (series,) = await series_of(api, run)

    data = await api(
        "query ($id: ID!) { node(id: $id) { id ... on MetricSeries { name key { name } run { id } } } }",
        id=series["id"],
    )

    assert data["node"] == {"id": series["id"], "name": "loss", "key": {"name": "loss"}, "run": {"id": run}}


@pytest.mark.parametrize("field", ["sampled { x }", "points { step }", "id"])
async def test_the_number_of_statements_does_not_depend_on_the_number_of_series(api: Api, field: str) -> None:
    run = await new_run(api)
    query = f"query ($id: ID!) {{ run(id: $id) {{ series {{ {field} }} }} }}"
    await log(api, run, 0, metric(range(600)))
    await api(query, id=run)
    few = api.statements
    await log(api, run, 1, *(metric(range(600 * (i % 2) + 1), key=f"m{i}") for i in range(30)))

    await api(query, id=run)

    assert api.statements == few
    assert few <= 6


async def test_points_are_read_page_by_page_over_blocks_and_rows(api: Api) -> None:
    run = await new_run(api)
    await log(api, run, 0, metric(range(0, 1_200, 2)))
    await log(api, run, 1, metric(range(2_000, 2_100)))
    await log(api, run, 2, metric(range(3_000, 3_600)))
    (series,) = await series_of(api, run)

    steps, after = [], None
    while True:
        page = (await api(POINTS, id=series["id"], first=130, after=after))["metricSeries"]["points"]
        steps.append(page["step"])
        after = page["endCursor"]
        if not page["hasNextPage"]:
            break

    assert [step for page in steps for step in page] == [
        *range(0, 1_200, 2),
        *range(2_000, 2_100),
        *range(3_000, 3_600),
    ]
    assert {len(page) for page in steps[:-1]} == {130}


async def test_a_page_of_no_points_has_no_cursor(api: Api) -> None:
    run = await new_run(api)
    await log(api, run, 0, metric([0]))
    (series,) = await series_of(api, run)

    page = (await api(POINTS, id=series["id"], first=0))["metricSeries"]["points"]

    assert page == {"step": [], "time": [], "value": [], "hasNextPage": True, "endCursor": None}


async def test_bad_windows_on_points_are_refused(api: Api) -> None:
    run = await new_run(api)
    await log(api, run, 0, metric([0]), metric([0], key="other"))
    one, other = await series_of(api, run)
    cursor = (await api(POINTS, id=one["id"]))["metricSeries"]["points"]["endCursor"]

    refused = [
        *await api.errors(POINTS, id=one["id"], first=100_000),
        *await api.errors(POINTS, id=one["id"], first=-1),
        *await api.errors(POINTS, id=other["id"], after=cursor),
        *await api.errors(POINTS, id=one["id"], after="nonsense"),
    ]

    assert [(error["extensions"]["code"], error["extensions"]["field"]) for error in refused] == [
        ("BAD_USER_INPUT", "first"),
        ("BAD_USER_INPUT", "first"),
        ("BAD_USER_INPUT", "after"),
        ("BAD_USER_INPUT", "after"),
    ]
