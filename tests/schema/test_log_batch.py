"""Logging by GraphQL: what is stored, what is refused, and that each batch counts once."""

import asyncio
import math
from typing import Any

import pytest

from tests.fixtures.graphql import Api
from tests.schema.metric_texts import FINISH, LOG, batch, log, metric, new_run, series_of

BAD: list[tuple[dict[str, Any], str, str]] = [
    ({"metrics": [metric([0, 1], [1.0, None])]}, "BAD_USER_INPUT", "metrics[0].values[1]"),
    ({"metrics": [metric([0]), metric([0, 1], [1.0, "nan"])]}, "BAD_USER_INPUT", "metrics[1].values[1]"),
    ({"metrics": [metric([0], [math.nan])]}, "BAD_USER_INPUT", "metrics[0].values[0]"),
    ({"metrics": [metric([0], [math.inf])]}, "BAD_USER_INPUT", "metrics[0].values[0]"),
    ({"metrics": [metric([0, -1])]}, "BAD_USER_INPUT", "metrics[0].steps[1]"),
    ({"metrics": [metric([2**53])]}, "BAD_USER_INPUT", "metrics[0].steps[0]"),
    ({"metrics": [metric([0, 1], [1.0])]}, "BAD_USER_INPUT", "metrics[0].values[1]"),
    ({"metrics": [metric([])]}, "BAD_USER_INPUT", "metrics[0].steps[0]"),
    ({"metrics": [metric([0], timestampsMs=[1_700_000_000])]}, "BAD_USER_INPUT", "metrics[0].timestampsMs[0]"),
    ({"metrics": [metric([0], key="")]}, "BAD_USER_INPUT", "metrics[0].key"),
    ({"metrics": [metric([0], key="k" * 251)]}, "BAD_USER_INPUT", "metrics[0].key"),
    ({"metrics": [metric([0], key="loss{split=val}")]}, "BAD_USER_INPUT", "metrics[0].key"),
    ({"metrics": [metric([0], key="lo\0ss")]}, "BAD_USER_INPUT", "metrics[0].key"),
    (
        {"metrics": [metric([0], context=[{"key": "split", "value": "a,b"}])]},
        "BAD_USER_INPUT",
        "metrics[0].context",
    ),
    ({"metrics": [metric(range(10_500)), metric(range(10_500), key="b")]}, "PAYLOAD_TOO_LARGE", "metrics"),
    ({"metrics": [metric([0], key=f"m{i}") for i in range(1_001)]}, "PAYLOAD_TOO_LARGE", "metrics"),
    ({"writerId": " "}, "BAD_USER_INPUT", "writerId"),
    ({"writerId": "w" * 10_000}, "BAD_USER_INPUT", "writerId"),
    ({"seq": -1}, "BAD_USER_INPUT", "seq"),
    ({"tags": [{"key": "team", "value": "a"}, {"key": "team", "value": "b"}]}, "BAD_USER_INPUT", "tags"),
    ({"params": [{"key": "", "value": 1}]}, "BAD_USER_INPUT", "params"),
]


async def test_a_batch_stores_params_tags_and_points_together(api: Api) -> None:
    run = await new_run(api)

    done = await log(
        api,
        run,
        0,
        metric([0, 1, 2], [0.5, 0.25, 1.0]),
        metric([0], [0.9], key="accuracy", context=[{"key": "split", "value": "val"}]),
        params=[{"key": "lr", "value": 0.01}],
        tags=[{"key": "team", "value": "a"}],
    )

    assert (done["accepted"], done["points"], done["isReplay"]) == (4, 4, False)
    assert done["run"]["params"] == [{"key": "lr", "value": 0.01}]
    assert done["run"]["tags"] == [{"key": "team", "value": "a"}]
    assert done["run"]["heartbeatAt"] is not None
    accuracy, loss = await series_of(api, run)
    assert accuracy["name"] == "accuracy{split=val}"
    assert accuracy["context"] == [{"key": "split", "value": "val"}]
    assert {name: loss[name] for name in ("count", "firstStep", "lastStep", "last", "min", "max", "mean")} == {
        "count": 3,
        "firstStep": 0,
        "lastStep": 2,
        "last": 1.0,
        "min": 0.25,
        "max": 1.0,
        "mean": 1.75 / 3,
    }
    assert (loss["argminStep"], loss["argmaxStep"]) == (1, 2)


async def test_tags_of_a_batch_are_added_to_those_of_the_run(api: Api) -> None:
    run = await new_run(api)
    await log(api, run, 0, tags=[{"key": "a", "value": "1"}, {"key": "b", "value": "1"}])

    done = await log(api, run, 1, tags=[{"key": "b", "value": "2"}])

    assert done["run"]["tags"] == [{"key": "a", "value": "1"}, {"key": "b", "value": "2"}]


async def test_bad_batches_are_refused_with_the_place_of_what_is_wrong_and_change_nothing(api: Api) -> None:
    run = await new_run(api)
    before = await api.state()

    errors = [(await api.errors(LOG, input=batch(run) | content))[0]["extensions"] for content, _, _ in BAD]

    assert [(error["code"], error["field"]) for error in errors] == [(code, field) for _, code, field in BAD]
    assert await api.state() == before


async def test_the_limit_of_points_is_named(api: Api) -> None:
    run = await new_run(api)

    (error,) = await api.errors(LOG, input=batch(run, metrics=[metric(range(21_000))]))

    assert error["message"] == "21,000 points; a batch has at most 20,000."
    assert error["extensions"]["limit"] == 20_000


async def test_a_bad_param_leaves_no_points_behind(api: Api) -> None:
    run = await new_run(api)
    params = [{"key": f"p{i}", "value": i} for i in range(2_000)]
    await log(api, run, 0, params=params)
    before = await api.state()

    (error,) = await api.errors(
        LOG, input=batch(run, 1, params=[{"key": "one more", "value": 1}], metrics=[metric([0])])
    )

    assert error["extensions"]["code"] == "PAYLOAD_TOO_LARGE"
    assert await api.state() == before


async def test_a_stranger_finds_no_run_to_log_to(api: Api, foreign: Api) -> None:
    run = await new_run(api)
    before = await api.state()

    (error,) = await foreign.errors(LOG, input=batch(run, metrics=[metric([0])]))

    assert error["extensions"]["code"] == "NOT_FOUND"
    assert await api.state() == before


async def test_an_unknown_run_is_not_found(api: Api) -> None:
    (error,) = await api.errors(LOG, input=batch("run_" + "0" * 32))

    assert error["extensions"]["code"] == "NOT_FOUND"


async def test_the_id_of_something_else_is_refused(api: Api) -> None:
    (error,) = await api.errors(LOG, input=batch("project_" + "0" * 32))

    assert (error["extensions"]["code"], error["extensions"]["field"]) == ("BAD_USER_INPUT", "runId")


async def test_a_finished_run_takes_no_more_points(api: Api) -> None:
    run = await new_run(api)
    await api(FINISH, id=run)
    before = await api.state()

    (error,) = await api.errors(LOG, input=batch(run, metrics=[metric([0])]))

    assert error["extensions"]["code"] == "CONFLICT"
    assert "finishRun" in error["extensions"]["hint"]
    assert await api.state() == before


async def test_a_run_in_the_trash_takes_no_points(api: Api) -> None:
    run = await new_run(api)
    await api("mutation ($id: ID!) { deleteRun(id: $id) { id } }", id=run)
    before = await api.state()

    (error,) = await api.errors(LOG, input=batch(run, metrics=[metric([0])]))

    assert error["extensions"]["code"] == "CONFLICT"
    assert await api.state() == before


@pytest.mark.parametrize("status", ["SCHEDULED", "LOST"])
async def test_logging_starts_a_scheduled_run_and_brings_a_lost_one_back(api: Api, status: str) -> None:
    run = await new_run(api)
    async with api.runtime.db.transaction() as tx:
        await tx.fetch_sql("UPDATE run SET status = $1", status)

    done = await log(api, run, 0, metric([0]))

    assert done["run"]["status"] == "RUNNING"


async def test_a_batch_sent_again_changes_nothing(api: Api) -> None:
    run = await new_run(api)
    content: dict[str, Any] = {
        "metrics": [metric([0, 1])],
        "params": [{"key": "lr", "value": 1}],
        "tags": [{"key": "a", "value": "b"}],
    }
    await api(LOG, input=batch(run, **content))
    before = await api.state()

    again = (await api(LOG, input=batch(run, **content)))["logBatch"]

    assert (again["accepted"], again["points"], again["isReplay"]) == (0, 2, True)
    assert await api.state() == before


async def test_a_batch_sent_again_after_the_end_of_the_run_is_a_replay(api: Api) -> None:
    run = await new_run(api)
    await log(api, run, 0, metric([0]))
    await api(FINISH, id=run)

    assert (await log(api, run, 0, metric([0])))["isReplay"]


async def test_another_batch_under_a_used_seq_is_a_conflict(api: Api) -> None:
    run = await new_run(api)
    await log(api, run, 0, metric([0], [1.0]))
    before = await api.state()

    (error,) = await api.errors(LOG, input=batch(run, 0, metrics=[metric([0], [2.0])]))

    assert (error["extensions"]["code"], error["extensions"]["field"]) == ("CONFLICT", "seq")
    assert await api.state() == before


async def test_each_writer_counts_for_itself(api: Api) -> None:
    run = await new_run(api)

    done = [
        (await api(LOG, input=batch(run, 0, writer=writer, metrics=[metric([step])])))["logBatch"]["isReplay"]
        for step, writer in enumerate("ab")
    ]

    assert done == [False, False]
    assert [series["count"] for series in await series_of(api, run)] == [2]


async def test_a_batch_sent_many_times_at_once_is_stored_once(api: Api) -> None:
    run = await new_run(api)

    answers = await asyncio.gather(*(log(api, run, 0, metric(range(600))) for _ in range(8)))

    assert sorted(answer["isReplay"] for answer in answers) == [False] + [True] * 7
    assert [series["count"] for series in await series_of(api, run)] == [600]


async def test_a_bad_batch_does_not_fail_those_that_are_written_with_it(api: Api) -> None:
    good, bad = await new_run(api), await new_run(api, "Speech")
    await api(FINISH, id=bad)

    answers = await asyncio.gather(
        *(api.run(LOG, input=batch(run, i, metrics=[metric([i])])) for i in range(6) for run in (good, bad))
    )

    assert [len(errors) for _, errors in answers] == [0, 1] * 6
    assert [series["count"] for series in await series_of(api, good)] == [6]
    assert await series_of(api, bad) == []


async def test_writers_of_the_same_runs_do_not_block_each_other(api: Api) -> None:
    runs = [await new_run(api, f"P{i}") for i in range(3)]

    await asyncio.gather(
        *(
            log(api, run, seq, *(metric([seq], key=f"m{k}") for k in range(5)), writer=str(seq))
            for seq in range(12)
            for run in runs
        )
    )

    for run in runs:
        assert [series["count"] for series in await series_of(api, run)] == [12] * 5
