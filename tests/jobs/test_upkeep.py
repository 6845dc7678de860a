"""The jobs that look after the database: what their results say, and that a dry run changes nothing."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import orjson
import pytest

from jobs.catalogue import JOBS
from maestro.db.tables.enums import JobKind
from maestro.progress import untold
from maestro.queue.work import JobRun, Partial, Step, Work
from maestro.settings import Settings
from tests.fixtures.graphql import Api


class Straight(JobRun):
    """Runs the steps of a job one after the other, in this process, with results as JSON has them."""

    def __init__(self, work: Work) -> None:
        self.job_id, self.organization_id, self.attempt = work.job_id, work.organization_id, 1
        self.work = work
        self.events: list[str] = []

    async def step(self, name: str, function: Step, /, *arguments: Any) -> Any:  # noqa: ARG002 -- as of JobRun
        return orjson.loads(orjson.dumps(await function(self.work, *arguments)))

    async def event(self, level: str, message: str, **details: Any) -> None:  # noqa: ARG002 -- as of JobRun
        self.events.append(f"{level} {message}")


@pytest.fixture
def run(api: Api, database_url: str, tmp_path: Path) -> Straight:
    """A run of a job on a database with one organisation."""
    work = Work(
        job_id=uuid4(),
        organization_id=UUID(int=0),
        settings=Settings(data_dir=tmp_path, _env_file=None),  # type: ignore[call-arg] # a keyword of pydantic's
        db=api.runtime.db,
        vault=api.runtime.vault,
        progress=untold,
        event=untold,  # type: ignore[arg-type] # no step tells an event
        owner_url=database_url.replace("+asyncpg", ""),
    )
    return Straight(work)


async def result(run: Straight, kind: JobKind, **given: Any) -> Mapping[str, Any] | Partial:
    return await JOBS[kind].function(run, given)


async def test_optimising_says_what_was_done_and_counts_usage_anew(api: Api, run: Straight) -> None:
    await api('mutation { createProject(input: {name: "p"}) { __typename } }')
    assert await result(run, JobKind.OPTIMIZE) == {
        "actions": [],
        "is_dry_run": False,
        "bytes_gained": 0,
        "counted": True,
    }
    assert (await api("{ projects { nodes { usage { runs } } } }"))["projects"]["nodes"] == [{"usage": {"runs": 0}}]


async def test_optimising_ends_in_part_when_something_cannot_be_done(run: Straight) -> None:
    connection = await asyncpg.connect(run.work.operations_url)
    await connection.execute("CREATE TABLE t AS SELECT 1 AS a FROM generate_series(1, 2)")
    with pytest.raises(asyncpg.UniqueViolationError):
        await connection.execute("CREATE UNIQUE INDEX CONCURRENTLY twice ON t (a)")
    await connection.close()
    done = await result(run, JobKind.OPTIMIZE)
    assert isinstance(done, Partial)
    assert done.message == "This could not be done: twice."
    assert [event.partition(":")[0] for event in run.events] == ["WARNING REINDEX twice"]


@pytest.mark.parametrize("kind", [JobKind.OPTIMIZE, JobKind.HOUSEKEEPING])
async def test_a_dry_run_changes_nothing(api: Api, run: Straight, kind: JobKind) -> None:
    async with api.runtime.db.transaction() as tx:
        await tx.fetch_sql(
            "INSERT INTO idempotency_key VALUES ($1, 'k', 'o', '', $1, now() - interval '8 days')",
            api.viewer.organization_id,
        )
    state = await api.state()
    done = await result(run, kind, dry_run=True)
    assert isinstance(done, Mapping)
    assert done["is_dry_run"]
    assert done.get("idempotency_keys", 1) == 1
    assert await api.state() == state
