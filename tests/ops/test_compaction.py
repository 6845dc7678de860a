"""Compaction: the points stay the same, they only lie closer together."""

import asyncio
import contextlib
from typing import Any

import pytest

from maestro.db.engine import Database
from ops.compaction import Compacted, compact
from tests.fixtures.graphql import Api
from tests.schema.metric_texts import FINISH, log, metric, new_run, points_of, series_of


async def stored(db: Database) -> tuple[list[int], int]:
    """The lengths of all blocks by their steps, and the number of rows."""
    blocks = await db.fetch_sql("SELECT n FROM metric_block ORDER BY series_id, step0")
    rows = await db.fetch_sql("SELECT count(*) AS n FROM metric_hot")
    return [block.n for block in blocks], rows[0].n


async def everything(api: Api, run: str) -> Any:
    """All that can be read of a run's series."""
    series = await series_of(api, run)
    return series, [await points_of(api, one["id"]) for one in series]


async def test_many_rows_become_a_block(api: Api) -> None:
    run = await new_run(api)
    for seq in range(2):
        await log(api, run, seq, metric(range(seq * 300, (seq + 1) * 300)))
    before = await everything(api, run)

    done = await compact(api.runtime.db)

    assert done == Compacted(series=1, blocks=1, points=600)
    assert await stored(api.runtime.db) == ([600], 0)
    assert await everything(api, run) == before


async def test_few_rows_of_a_run_that_goes_on_stay(api: Api) -> None:
    run = await new_run(api)
    await log(api, run, 0, metric(range(511)))

    assert await compact(api.runtime.db) == Compacted()
    assert await stored(api.runtime.db) == ([], 511)


async def test_few_rows_of_an_ended_run_become_blocks(api: Api) -> None:
    run = await new_run(api)
    await log(api, run, 0, metric([1, 2, 3]), metric([4], key="other"))
    await api(FINISH, id=run)
    before = await everything(api, run)

    done = await compact(api.runtime.db)

    assert done == Compacted(series=2, blocks=2, points=4)
    assert (await stored(api.runtime.db))[1] == 0
    assert await everything(api, run) == before


async def test_small_neighbouring_blocks_are_merged_up_to_the_size_of_a_block(api: Api) -> None:
    run = await new_run(api)
    for seq in range(9):
        await log(api, run, seq, metric(range(seq * 1_000, (seq + 1) * 1_000)))
    before = await everything(api, run)

    await compact(api.runtime.db)

    assert await stored(api.runtime.db) == ([4_000, 4_000, 1_000], 0)
    assert await everything(api, run) == before


async def test_rows_between_blocks_join_their_neighbours(api: Api) -> None:
    run = await new_run(api)
    await log(api, run, 0, metric(range(600)))
    await log(api, run, 1, metric(range(5_000, 5_600)))
    await log(api, run, 2, metric(range(2_000, 2_010)))
    await api(FINISH, id=run)
    before = await everything(api, run)

    await compact(api.runtime.db)

    assert await stored(api.runtime.db) == ([1_210], 0)
    assert await everything(api, run) == before


async def test_a_second_round_has_nothing_to_do(api: Api) -> None:
    run = await new_run(api)
    await log(api, run, 0, metric(range(3_000)), metric(range(400), key="short"))
    await log(api, run, 1, metric(range(3_000, 6_000)))
    await api(FINISH, id=run)
    await compact(api.runtime.db)
    before = await api.state()

    assert await compact(api.runtime.db) == Compacted()
    assert await api.state() == before


async def test_nothing_is_lost_or_doubled_beside_logging(api: Api) -> None:
    run = await new_run(api)

    batches = [range(start, start + 80) for start in (seq * 60 - 20 * (seq % 3) for seq in range(25))]

    async def writer(key: str) -> None:
        for seq, steps in enumerate(batches):
            await log(api, run, seq, metric(steps, key=key), writer=key)

    async def compactor() -> None:
        for _ in range(15):
            await compact(api.runtime.db)
            await asyncio.sleep(0.01)

    await asyncio.gather(writer("a"), writer("b"), compactor(), compactor())
    await api(FINISH, id=run)
    await compact(api.runtime.db)

    expected = {step: float(step) for steps in batches for step in steps}
    series, points = await everything(api, run)
    assert points == [expected, expected]
    assert [one["count"] for one in series] == [len(expected)] * 2
    assert await stored(api.runtime.db) == ([len(expected)] * 2, 0)


async def test_stopped_at_any_point_it_leaves_the_same_points(api: Api) -> None:
    runs = [await new_run(api, f"P{i}") for i in range(4)]
    for run in runs:
        for seq in range(3):
            await log(api, run, seq, metric(range(seq * 700, (seq + 1) * 700)), metric([seq], key="short"))
        await api(FINISH, id=run)
    before = [await everything(api, run) for run in runs]

    for pause_ms in range(1, 12):
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(compact(api.runtime.db), pause_ms / 1000)
        assert [await everything(api, run) for run in runs] == before
    await compact(api.runtime.db)

    assert [await everything(api, run) for run in runs] == before
    assert sorted((await stored(api.runtime.db))[0]) == [3] * 4 + [2_100] * 4


async def test_late_points_find_their_place_in_what_was_packed(api: Api) -> None:
    run = await new_run(api)
    await log(api, run, 0, metric(range(0, 2_000, 2)))
    await log(api, run, 1, metric(range(2_000, 2_100)))
    await compact(api.runtime.db)

    await log(api, run, 2, metric([1, 2, 5_000], [-1.0, -2.0, -3.0]))

    (series,), (points,) = await everything(api, run)
    expected = {step: float(step) for step in [*range(0, 2_000, 2), *range(2_000, 2_100)]}
    assert points == dict(sorted((expected | {1: -1.0, 2: -2.0, 5_000: -3.0}).items()))
    assert (series["count"], series["min"], series["last"]) == (1_102, -3.0, -3.0)


async def test_a_damaged_block_does_not_stop_the_others(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    damaged, sound = await new_run(api), await new_run(api, "Speech")
    await log(api, damaged, 0, metric(range(600)))
    async with api.runtime.db.transaction() as tx:
        await tx.fetch_sql("UPDATE metric_block SET data = set_byte(data, 20, get_byte(data, 20) # 255)")
    await log(api, damaged, 1, metric(range(600, 1_200)))
    await log(api, sound, 0, metric(range(600)))
    await log(api, sound, 1, metric(range(600, 1_200)))

    done = await compact(api.runtime.db)

    assert done == Compacted(series=1, blocks=1, points=1_200)
    assert "stay unpacked" in caplog.text
