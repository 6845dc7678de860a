"""Profiles of a running server, asked for by GraphQL: what they hold, what they never hold, who may have them."""

import asyncio
import marshal
import sys
import tracemalloc
from functools import partial
from xml.etree import ElementTree as ET

import httpx
import pytest
from pyinstrument.stack_sampler import get_stack_sampler

from maestro.db.tables.enums import Role
from maestro.errors import Conflict, ProfileFailed
from maestro.profiles import process_name
from ops.profiling import asking
from tests.fixtures.graphql import Api
from tests.fixtures.worker import until
from tests.schema.job_texts import acting_as, refused, rows
from tests.schema.profile_texts import (
    RUNS,
    SECRET,
    SHOW,
    START,
    asking_for,
    assert_tells_nothing,
    files_of,
    made,
    secret_run,
    start,
)


@pytest.fixture
async def run(api: Api) -> str:
    """A run whose name is nobody's business."""
    return await secret_run(api)


async def test_a_profile_of_the_processor_is_a_flame_graph_and_more(
    api: Api, client: httpx.AsyncClient, run: str
) -> None:
    profile = await start(api, cpu={"seconds": 0.4})
    async with asking_for(client, RUNS, filter=f"name = '{SECRET}'"):
        found = await made(api, profile)
    files = await files_of(api, profile)
    assert [found[name] for name in ("kind", "state", "seconds", "process")] == [
        *("CPU", "SUCCEEDED", 0.4, process_name())
    ]
    assert sorted(files) == ["cpu.folded.txt", "cpu.html", "cpu.json", "cpu.speedscope.json", "cpu.svg"]
    assert {one["name"]: int(one["sizeBytes"]) for one in found["files"]} == {
        name: len(content) for name, content in files.items()
    }
    picture = ET.fromstring(files["cpu.svg"])  # noqa: S314 -- made here
    titles = [str(one.text) for one in picture.iter("{http://www.w3.org/2000/svg}title")]
    assert [title for title in titles if title.startswith("app.graphql.running:Runner.run\n")]
    summary = found["summary"]
    assert summary["samples"] > 0
    assert 0 < summary["cpuS"] <= summary["seconds"] + 0.1
    assert summary["overhead"]["beforeNs"] > 0
    assert b"https://fonts" not in files["cpu.html"]
    assert_tells_nothing(files, SECRET)


async def test_each_call_can_be_counted(api: Api, client: httpx.AsyncClient) -> None:
    profile = await start(api, cpu={"seconds": 0.2, "mode": "EACH_CALL"})
    async with asking_for(client, "{ __typename }"):
        found = await made(api, profile)
    files = await files_of(api, profile)
    stats = marshal.loads(files["cpu.prof"])  # noqa: S302 -- made here
    assert [place for place in stats if place[0] == "app/graphql/running.py" and place[2] == "run"]
    assert found["summary"]["calls"] == sum(calls for _, calls, *_ in stats.values())
    assert sys.getprofile() is None
    assert_tells_nothing(files)


async def test_a_profile_of_the_memory_tells_what_is_kept(api: Api) -> None:
    profile, kept = await start(api, memory={"seconds": 0.5}), []

    async def keep() -> None:
        while not tracemalloc.is_tracing():  # noqa: ASYNC110 -- nobody tells of it
            await asyncio.sleep(0.01)
        kept.append(bytearray(3_000_000))

    found, _ = await asyncio.gather(made(api, profile), keep())
    files = await files_of(api, profile)
    assert sorted(files) == ["memory.html", "memory.json", "memory.svg", "memory.txt"]
    first = found["summary"]["lines"][0]
    assert first["place"].startswith("tests/schema/test_profiles.py:")
    assert 3_000_000 <= first["grownBytes"] < 3_010_000
    assert found["summary"]["files"][0]["place"] == "tests/schema/test_profiles.py"
    assert found["summary"]["rssBeforeBytes"] > 0
    assert found["summary"]["overhead"]["tracedByBytes"] > 0
    assert not tracemalloc.is_tracing()
    assert_tells_nothing(files)


async def test_operations_are_counted_by_name_with_what_they_cost(
    api: Api, client: httpx.AsyncClient, run: str
) -> None:
    profile = await start(api, operations={"seconds": 1.0})
    async with asking_for(client, RUNS, filter=f"name = '{SECRET}'") as answers:
        found = await made(api, profile)
    files = await files_of(api, profile)
    assert sorted(files) == ["operations.html", "operations.json", "operations.md"]
    (row,) = [one for one in found["summary"]["byName"] if one["name"] == "RunsOfToday"]
    assert 0 < row["count"] <= len(answers)
    assert 0 < row["p50Ms"] <= row["p95Ms"] <= row["p99Ms"]
    assert 0 < row["cpuShare"] <= 1
    assert row["statements"] <= 3
    assert b"| RunsOfToday |" in files["operations.md"]
    assert_tells_nothing(files, SECRET)


async def test_a_process_is_profiled_once_at_a_time(api: Api) -> None:
    first, second = await start(api, cpu={"seconds": 2.5}), await start(api, memory={"seconds": 0.1})
    waiting = asyncio.create_task(made(api, first))
    await until(partial(is_busy, api))
    with pytest.raises(Conflict, match="being profiled already"):
        await made(api, second)
    assert (await waiting)["state"] == "SUCCEEDED"
    assert not await is_busy(api)


async def is_busy(api: Api) -> bool:
    ((one),) = (await api("{ processes { name role isBusy } }"))["processes"]
    assert (one["name"], one["role"]) == (process_name(), "SERVER")
    return bool(one["isBusy"])


async def is_sampling(*, wanted: bool = True) -> bool:
    return bool(get_stack_sampler().subscribers) is wanted


async def test_a_cancelled_profile_stops_its_process(api: Api) -> None:
    profile = await start(api, cpu={"seconds": 60})
    waiting = asyncio.create_task(made(api, profile))
    await until(is_sampling)
    (job,) = await rows(api, "job")
    async with api.runtime.db.transaction() as tx:
        await tx.fetch_sql("UPDATE profile SET state = 'CANCELLED' WHERE job_id = $1", job["id"])
    await until(partial(is_sampling, wanted=False), patience_s=5)
    waiting.cancel()
    assert await files_of(api, profile) == {}


async def test_a_job_that_nobody_has_begun_is_cancelled_with_its_profile(api: Api) -> None:
    answer = (await api(START, input={"cpu": {}}))["startProfile"]
    assert (answer["kind"], answer["state"], answer["job"]["kind"]) == ("CPU", "QUEUED", "PROFILE")
    assert list(answer["job"]["input"]) == ["profileId"]
    await api("mutation ($id: ID!) { cancelJob(id: $id) { state } }", id=answer["job"]["id"])
    assert (await api(SHOW, id=answer["id"]))["profile"]["state"] == "CANCELLED"


async def test_a_process_that_ends_meanwhile_fails_the_profile(api: Api) -> None:
    profile = await start(api, cpu={"seconds": 60, "process": "gone-1"})
    waiting = asyncio.create_task(made(api, profile))
    await asyncio.sleep(0.1)
    async with api.runtime.db.transaction() as tx:
        await tx.fetch_sql(
            "UPDATE profile SET process = 'gone-1', taken_at = now(), beat_at = now() - interval '1 min'"
        )
    with pytest.raises(ProfileFailed, match="The process gone-1 has ended"):
        await waiting


async def test_a_process_that_is_not_there_fails_the_profile(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "TAKEN_S", 0.3)
    with pytest.raises(ProfileFailed, match="No process called nobody-1 has taken the profile up"):
        await made(api, await start(api, cpu={"process": "nobody-1"}))
    with pytest.raises(ProfileFailed, match="No worker has taken the profile up"):
        await made(api, await start(api, memory={"role": "WORKER"}))


@pytest.mark.parametrize("seconds", [0.05, 301, -1])
async def test_a_profile_lasts_a_while_and_not_for_ever(api: Api, seconds: float) -> None:
    before = await api.state()
    error = await refused(api, "BAD_USER_INPUT", START, input={"cpu": {"seconds": seconds}})
    assert error["extensions"]["field"] == "input.seconds"
    assert await api.state() == before


async def test_profiles_are_for_those_who_look_after_the_installation(api: Api, foreign: Api) -> None:
    profile = await start(api, cpu={"seconds": 0.1})
    await made(api, profile)
    before = await api.state()
    for stranger in (foreign, acting_as(api, Role.MAINTAINER)):
        await refused(stranger, "FORBIDDEN", START, input={"cpu": {}})
        await refused(stranger, "FORBIDDEN", "{ processes { name } }")
    assert (await foreign("{ profiles { nodes { id } } }"))["profiles"]["nodes"] == []
    await refused(foreign, "NOT_FOUND", SHOW, id=profile)
    await refused(acting_as(api, Role.VIEWER), "FORBIDDEN", SHOW, id=profile)
    assert await api.state() == before


async def test_profiles_are_listed_filtered_and_audited(api: Api) -> None:
    profiles = [await start(api, cpu={}), await start(api, memory={"seconds": 5}), await start(api, operations={})]
    page = """query ($filter: ProfileFilter) {
      profiles(first: 2, filter: $filter) { nodes { id } pageInfo { hasNextPage } }
    }"""
    found = (await api(page))["profiles"]
    assert [one["id"] for one in found["nodes"]] == [profiles[2], profiles[1]]
    assert found["pageInfo"]["hasNextPage"]
    assert (await api(page, filter={"kind": {"eq": "MEMORY"}}))["profiles"]["nodes"] == [{"id": profiles[1]}]
    assert (await api(page, filter={"seconds": {"lt": 6}}))["profiles"]["nodes"] == [{"id": profiles[1]}]
    entries = await rows(api, "audit_entry")
    assert [one["operation"] for one in entries].count("startProfile") == 3


async def test_the_same_key_starts_one_profile(api: Api) -> None:
    first = await api(START, input={"cpu": {}}, key="k")
    assert await api(START, input={"cpu": {}}, key="k") == first
    await refused(api, "CONFLICT", START, input={"memory": {}}, key="k")
    assert len(await rows(api, "profile")) == 1


async def test_a_file_is_fetched_by_its_link_alone_until_it_is_gone(api: Api, anonymous: httpx.AsyncClient) -> None:
    profile = await start(api, cpu={"seconds": 0.1})
    links = {one["name"]: one["downloadUrl"] for one in (await made(api, profile))["files"]}
    files = await files_of(api, profile)
    answer = await anonymous.get(links["cpu.svg"])
    assert (answer.status_code, answer.content) == (200, files["cpu.svg"])
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.headers["content-disposition"] == 'inline; filename="cpu.svg"'
    assert "sandbox allow-scripts" in answer.headers["content-security-policy"]
    saved = await anonymous.get(links["cpu.speedscope.json"])
    assert saved.headers["content-disposition"] == 'attachment; filename="cpu.speedscope.json"'
    assert (await anonymous.get(links["cpu.svg"] + "x")).status_code == 403
    async with api.runtime.db.transaction() as tx:
        await tx.fetch_sql("DELETE FROM profile")
    assert (await anonymous.get(links["cpu.svg"])).status_code == 404
