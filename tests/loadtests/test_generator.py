"""The real generator against a real server: Locust in a process of its own, the server in this one."""

import asyncio
from pathlib import Path

import pytest

from loadtests.analysis.reading import read
from loadtests.analysis.summary import summarised
from loadtests.carrying_out import Wanted, carried_out
from loadtests.ground.founding import founded
from loadtests.scenarios.phases import Options
from maestro.runtime import Runtime
from tests.fixtures.graphql import with_settings

REQUESTS = 120


@with_settings(rate_limit_requests="off", rate_limit_cost="off")
async def test_organisations_at_work_beside_each_other_are_kept_apart(
    runtime: Runtime, url: str, tmp_path: Path
) -> None:
    keys = tuple([(await founded(runtime, runs=0)).key for _ in range(2)])
    wanted = Wanted(
        scenario="tenant-isolation",
        options=Options(rate=0, seconds=20, requests=REQUESTS),
        is_short=True,
        users=6,
        runs=0,
        seed=1,
        host=url,
        keys=keys,
    )
    folder = tmp_path / "report"
    folder.mkdir()
    await asyncio.to_thread(carried_out, wanted, folder)
    run = read(folder)
    summary = summarised(run)
    assert summary["is_reached"], summary["errors"]
    assert summary["measures"]["requests"] == REQUESTS
    assert summary["measures"]["trespasses"] > REQUESTS / 10
    assert {*run.requests.place} == {0, 1}
    assert {*run.requests.cache} == {"hit", "miss", ""}
    assert {*run.events.via} == {"WS", "SSE"}
    assert holding(folder, keys) == []


def holding(folder: Path, keys: tuple[str, ...]) -> list[str]:
    return [path.name for path in folder.iterdir() if any(key in path.read_text() for key in keys)]


async def test_a_server_that_refuses_the_ground_ends_the_test(url: str, tmp_path: Path) -> None:
    wanted = Wanted(
        scenario="baseline",
        options=Options(rate=10, seconds=1, requests=0),
        is_short=True,
        users=1,
        runs=0,
        seed=1,
        host=url,
        keys=("mst_unknown",),
    )
    with pytest.raises(RuntimeError, match="Nobody is signed in"):
        await asyncio.to_thread(carried_out, wanted, tmp_path)
