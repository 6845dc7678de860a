"""Operations on profiles, and what tests do with them."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import httpx

from maestro.ids import Kind, uuid_of
from maestro.progress import untold
from ops.profiling.asking import have_profiled
from tests.fixtures.graphql import Api
from tests.fixtures.registry import new_project
from tests.fixtures.tracking import new_experiment, new_run
from tests.fixtures.worker import until

START: Final = """mutation Start($input: StartProfileInput!, $key: String) {
  startProfile(input: $input, idempotencyKey: $key) { id kind state job { id kind input } }
}"""
SHOW: Final = """query Show($id: ID!) {
  profile(id: $id) { kind state seconds process summary endedAt files { name mediaType sizeBytes downloadUrl } }
}"""
RUNS: Final = """query RunsOfToday($filter: String) {
  runs(first: 5, filterText: $filter) { nodes { id name experiment { name } } }
}"""
SECRET: Final = "tell-nobody-4711"


async def start(api: Api, **wanted: Any) -> str:
    return str((await api(START, input=wanted))["startProfile"]["id"])


def key_of(profile: str) -> UUID:
    return uuid_of(Kind.Profile, profile)


async def made(api: Api, profile: str) -> Any:
    """Do what the job does, and return the profile."""
    await have_profiled(api.runtime.db, key_of(profile), untold)
    return (await api(SHOW, id=profile))["profile"]


async def files_of(api: Api, profile: str) -> dict[str, bytes]:
    found = await api.runtime.db.fetch_sql("SELECT * FROM profile_file WHERE profile_id = $1", key_of(profile))
    return {one.name: one.content for one in found}


@asynccontextmanager
async def asking_for(client: httpx.AsyncClient, query: str, **variables: Any) -> AsyncIterator[list[int]]:
    """Ask again and again, from before the block to its end; the list counts the answers."""
    answers: list[int] = []

    async def ask() -> None:
        while True:
            answer = await client.post("/graphql", json={"query": query, "variables": variables})
            assert "errors" not in answer.json(), answer.text
            answers.append(answer.status_code)
            # What is answered from memory would never let anybody else have a turn.
            await asyncio.sleep(0)

    async def have_answered() -> bool:
        return bool(answers)

    asked = asyncio.create_task(ask())
    try:
        # The first one takes longest: nothing of it is known yet.
        await until(have_answered)
        yield answers
    finally:
        asked.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asked


def assert_tells_nothing(files: Mapping[str, bytes], *secrets: str) -> None:
    root = str(Path(__file__).parents[2])
    paths = [root, str(Path.home()), sys.prefix, sys.base_prefix]
    for name, content in files.items():
        assert [one for one in (*secrets, *paths) if one.encode() in content] == [], name


async def secret_run(api: Api) -> str:
    """Make a run whose name is nobody's business."""
    project = await new_project(api, "Vision")
    return await new_run(api, await new_experiment(api, project, "Ablations"), name=SECRET)
