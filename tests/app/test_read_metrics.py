"""What a scrape reads of the whole installation: jobs, backups, syncs, storage and quotas, as the database has them."""

from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from starlette.applications import Starlette
from uuid_utils.compat import uuid7

from maestro import clock
from maestro.archive_settings import ArchiveLevel
from maestro.runtime import Runtime
from ops.point_in_time.archive import Archive
from ops.point_in_time.hearing import Heard
from ops.readings import Readings
from tests.fixtures.graphql import Api, browser
from tests.fixtures.metrics import Scrape, scrape
from tests.fixtures.populating import populate
from tests.fixtures.working import execute

INSERT_JOB = """
INSERT INTO job (id, organization_id, kind, state, run_after, created_at, ended_at, worker)
VALUES ($1, $2, $3, $4, $5::timestamptz, now() - interval '90 s', $6::timestamptz, $7)"""
INSERT_BACKUP = """
INSERT INTO backup (id, organization_id, kind, state, size_bytes, ended_at, verified_at, removed_at)
VALUES ($1, $2, 'FULL', $3, $4, now() - $5::float8 * interval '1 s', $6::timestamptz, $7::timestamptz)"""
INSERT_SCHEDULE = """
INSERT INTO job_schedule (id, organization_id, name, kind, cron, is_paused, next_run_at)
VALUES ($1, $2, $3, 'BACKUP', '0 0 * * *', $4, now() - interval '50 s')"""


@pytest.fixture
async def told(app: Starlette, api: Api) -> Scrape:
    """A scrape of an installation with some of everything."""
    whose = api.viewer.organization_id
    await populate(api)
    await execute(api, "DELETE FROM sync_run")
    await execute(api, "DELETE FROM job")
    await execute(api, "DELETE FROM backup")
    await execute(api, "DELETE FROM job_schedule")
    await _jobs(api, whose)
    for name, is_paused in (("late", False), ("paused", True)):
        await execute(api, INSERT_SCHEDULE, uuid7(), whose, name, is_paused)
    now = clock.now()
    for state, size, age, verified, removed in (
        ("SUCCEEDED", 100, 5_000.0, now, None),
        ("SUCCEEDED", 250, 100.0, None, None),
        ("FAILED", 7, 1.0, None, None),
        ("SUCCEEDED", 9, 10.0, now, now),
    ):
        await execute(api, INSERT_BACKUP, uuid7(), whose, state, size, age, verified, removed)
    await execute(api, 'UPDATE organization SET quotas = \'{"runs": 4, "pointsPerDay": 0}\' WHERE id = $1', whose)
    await execute(api, "ANALYZE")
    async with browser(app) as http:
        return await scrape(http)


async def _jobs(api: Api, whose: UUID) -> None:
    now = clock.now()
    later = now.replace(year=now.year + 1)
    before = now.replace(year=now.year - 1)
    for kind, state, run_after, ended_at, worker in (
        ("BACKUP", "QUEUED", None, None, None),
        ("BACKUP", "QUEUED", later, None, None),
        ("BACKUP", "RUNNING", None, None, "first"),
        ("SWEEP", "RUNNING", None, None, "second"),
        ("SWEEP", "FAILED", None, now, "second"),
        ("SWEEP", "FAILED", None, before, "second"),
    ):
        await execute(api, INSERT_JOB, uuid7(), whose, kind, state, run_after, ended_at, worker)


async def test_jobs_are_told_by_kind_and_state_with_the_age_of_the_queue(told: Scrape) -> None:
    assert told.series("maestro_jobs") == {
        ("BACKUP", "QUEUED"): 2,
        ("BACKUP", "RUNNING"): 1,
        ("SWEEP", "RUNNING"): 1,
        ("SWEEP", "FAILED"): 1,
    }
    assert told.series("maestro_job_queue_depth") == {(): 1}
    assert 90 <= told.value("maestro_job_queue_oldest_age_seconds") < 150
    assert told.series("maestro_jobs_deferred") == {(): 1}
    assert told.series("maestro_job_workers") == {(): 2}
    assert told.series("maestro_job_schedules") == {("active",): 1, ("paused",): 1}
    assert 50 <= told.value("maestro_job_schedule_late_seconds") < 110


async def test_the_last_good_backup_and_the_last_verified_one_are_told(told: Scrape) -> None:
    assert told.series("maestro_backups") == {("FULL",): 2}
    assert 100 <= told.value("maestro_backup_last_age_seconds", kind="FULL") < 160
    assert told.series("maestro_backup_last_bytes") == {("FULL",): 250}
    assert told.series("maestro_backups_bytes") == {(): 350}
    assert told.series("maestro_wal_archive_failures") == {(): 0}
    assert 0 <= told.value("maestro_backup_last_verified_age_seconds") < 60


async def test_the_largest_use_of_each_quota_is_told(told: Scrape) -> None:
    assert told.series("maestro_quota_use_ratio") == {("runs",): 0.25, ("pointsPerDay",): 1}


async def test_what_is_stored_is_told_by_sizes_and_estimates(told: Scrape) -> None:
    assert told.value("maestro_database_size_bytes") > 1_000_000
    assert told.value("maestro_table_size_bytes", table="run") > 0
    assert told.value("maestro_points_blocks_bytes") > 0
    assert told.names() >= {"maestro_points_blocks", "maestro_points_uncompacted", "maestro_rows"}
    assert told.value("maestro_organizations") == 1
    assert told.value("maestro_data_folder_size_bytes") > told.value("maestro_data_folder_free_bytes") > 0


async def test_connections_and_connectors_are_told_without_a_name(told: Scrape) -> None:
    assert told.value("maestro_database_max_sessions") > 0
    assert told.value("maestro_database_sessions") > 0
    assert sum(told.series("maestro_connectors").values()) == 1
    assert all(len(labels) == 2 for labels in told.series("maestro_connectors"))


async def test_sessions_keys_and_syncs_are_counted(
    api: Api, client: httpx.AsyncClient, person: httpx.AsyncClient
) -> None:
    await populate(api)
    told = await scrape(client)
    assert told.value("maestro_sessions_active") == 2
    assert told.value("maestro_api_keys_active") >= 1
    assert sum(told.series("maestro_sync_runs").values()) == 1
    assert (await person.get("/livez")).status_code == 200


async def test_how_far_the_log_is_received_is_what_its_receiver_has_said(runtime: Runtime, tmp_path: Path) -> None:
    archive = Archive.at(tmp_path, data_dir=tmp_path)
    archive.state.parent.mkdir(parents=True, exist_ok=True)
    heard: dict[str, Any] = {"received_at": clock.now(), "lag_bytes": 77, "held_bytes": 99}
    Heard(ArchiveLevel.RECEIVER, is_streaming=True, **heard).tell(archive)
    readings = Readings(runtime.db, tmp_path, archive)
    read = {family.name: value for family, _, value in await readings.now()}
    readings.close()
    assert read["maestro_wal_receiver_up"] == 1
    assert read["maestro_wal_archive_lag_bytes"] == 77
    assert read["maestro_wal_held_bytes"] == 99
    assert 0 <= read["maestro_wal_archive_lag_seconds"] < 60
