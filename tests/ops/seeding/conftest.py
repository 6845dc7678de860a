"""The demo in a database, loaded once: the tests of this folder only read it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.local import LocalBlobs
from maestro.db.engine import Database
from ops.demo.recording import Recording, load_recording
from ops.seeding.demo import Demo, DemoStats, load_demo
from resolvers.setup import Owner, ensure_owner
from tests.fixtures.databases import Databases

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Loaded:
    """The demo where it has been loaded, and what the loading told."""

    db: Database
    recording: Recording
    blobs: LocalBlobs
    owner: Owner
    stats: DemoStats
    reports: list[tuple[int, int, str]]


@pytest.fixture(scope="module")
def recording() -> Recording:
    return load_recording()


@pytest.fixture(scope="module")
async def loaded(
    databases: Databases, recording: Recording, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Loaded]:
    blobs = LocalBlobs(tmp_path_factory.mktemp("blobs"))
    reports: list[tuple[int, int, str]] = []
    async with databases.new(template="maestro") as url:
        db = Database(url, pool_size=3, system_role="none")
        owner = await ensure_owner(db)
        demo = Demo(recording=recording, owner=owner, blobs=blobs, now=NOW)
        stats = await load_demo(db, demo, lambda *report: reports.append(report))
        yield Loaded(db, recording, blobs, owner, stats, reports)
        await db.close()


@pytest.fixture
def blobs_folder(tmp_path: Path) -> Path:
    return tmp_path / "blobs"
