"""EXPORT by a worker that is killed in the middle: the bundle of the one that goes on is whole, and the same."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final
from zipfile import ZipFile

import psutil
import pytest

from connectors.local import LocalBlobs
from maestro.db.direct import connected
from maestro.db.rows import Row
from tests.fixtures.graphql import Api
from tests.fixtures.sync_jobs import Place
from tests.fixtures.worker import PATIENCE_S, Queue, Workers, until
from tests.fixtures.working import CONTENT, Worked, work

EXPORT: Final = "mutation ($input: ExportProjectInput!) { exportProject(input: $input) { id } }"
LAST: Final = "alembic_version"
"""The table that an export reads last, when rows, points and files are in its draft."""
WAITING: Final = f"SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = '{LAST}'::regclass"


@pytest.fixture
def changed(tmp_path: Path) -> dict[str, Any]:
    """Folders of the test may be connected to."""
    return {"local_connector_folders": (tmp_path,)}


@pytest.fixture
def place(api: Api, queue: Queue, workers: Workers, tmp_path: Path) -> Place:  # noqa: PLR0917 -- fixtures
    """An installation with a folder for bundles."""
    made = Place(api, queue, workers, tmp_path)
    made.target.mkdir()
    return made


@pytest.fixture
async def worked(place: Place) -> Worked:
    """A project with runs, points, a model and files."""
    return await work(place.api, LocalBlobs(place.folder / "data" / "blobs"))


@asynccontextmanager
async def locked(url: str) -> AsyncIterator[Any]:
    """Nobody reads the last table of an export for the length of a block; what is yielded says whether one waits."""
    async with connected(url) as connection, connection.transaction():
        await connection.execute(f"LOCK TABLE {LAST} IN ACCESS EXCLUSIVE MODE")
        async with connected(url) as looking:
            yield lambda: looking.fetchval(WAITING)


async def started(place: Place, worked: Worked, *, store: str, key: str) -> str:
    wanted = {"connectorId": store, "projectId": worked.id, "key": key}
    made: str = (await place.api(EXPORT, input=wanted))["exportProject"]["id"]
    return made


async def done(place: Place, job_id: str) -> Row:
    job = await place.ended(job_id)
    assert job.state == "SUCCEEDED", job.error_message
    return job


def told(job: Row) -> dict[str, Any]:
    """What the job tells of its bundle, but for its name."""
    return {name: value for name, value in job.result.items() if name != "key"}


async def test_an_export_whose_worker_is_killed_makes_the_bundle_that_it_would_have_made(
    place: Place, worked: Worked, database_url: str
) -> None:
    store = await place.connector("There", {"local": {"folder": str(place.target)}})
    first = place.work()
    whole = await done(place, await started(place, worked, store=store, key="whole.zip"))
    async with locked(database_url) as is_waited_for:
        job_id = await started(place, worked, store=store, key="killed.zip")
        await until(is_waited_for)
        drafts = [path for path in (place.folder / "data").rglob("bundle-*/*") if path.stat().st_size > len(CONTENT)]
        assert len(drafts) == 1
        first.kill()
        await asyncio.to_thread(psutil.wait_procs, [first.process], timeout=PATIENCE_S)
    assert [path.name for path in place.target.glob("*.zip")] == ["whole.zip"]
    place.work()
    again = await done(place, job_id)
    bundles = [(place.target / name).read_bytes() for name in ("whole.zip", "killed.zip")]
    assert bundles[0] == bundles[1]
    assert told(again) == told(whole)
    assert (whole.result["files"], whole.result["sizeBytes"]) == (1, len(bundles[0]))
    with ZipFile(place.target / "killed.zip") as bundle:
        assert bundle.testzip() is None
    assert not any(path.exists() for path in drafts)
