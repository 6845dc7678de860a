"""The schedules of a new installation: made once, in the first organisation, and never again."""

import importlib
from datetime import timedelta
from typing import Any

from maestro.clock import now
from maestro.cron import next_runs
from maestro.db.engine import Database
from maestro.queue.standard import BASE_BACKUP, STANDARD, ensure_schedules
from resolvers.setup import ensure_owner
from tests.fixtures.graphql import Api

READ = "SELECT organization_id, name, kind, cron, timezone, input, is_paused, next_run_at FROM job_schedule ORDER BY id"


async def schedules(db: Database) -> list[Any]:
    return list(await db.fetch_sql(READ))


async def test_the_first_organization_is_made_with_them_and_their_next_times(db: Database) -> None:
    owner = await ensure_owner(db)
    found = await schedules(db)
    assert [(one.name, one.kind, one.cron, one.timezone) for one in found] == [
        (one.name, one.kind, one.cron, "UTC") for one in STANDARD
    ]
    assert {one.organization_id for one in found} == {owner.organization_id}
    for one in found:
        assert now() < one.next_run_at < now() + timedelta(days=8)
        assert (one.input, one.is_paused) == ({}, False)


async def test_what_somebody_has_deleted_stays_deleted(db: Database) -> None:
    await ensure_owner(db)
    async with db.transaction() as tx:
        await tx.fetch_sql("DELETE FROM job_schedule WHERE name <> 'Housekeeping'")
    await ensure_owner(db)
    assert [one.name for one in await schedules(db)] == ["Housekeeping"]


async def test_another_organization_has_none(foreign: Api, api: Api) -> None:
    found = await schedules(api.runtime.db)
    assert foreign.viewer.organization_id not in {one.organization_id for one in found}


async def test_base_backups_are_made_where_changes_are_archived(db: Database) -> None:
    owner = await ensure_owner(db, archives=True)
    assert BASE_BACKUP.name in [one.name for one in await schedules(db)]
    async with db.transaction() as tx:
        assert await ensure_schedules(tx, owner.organization_id, archives=True) == 0


async def test_an_installation_of_before_is_given_the_same(db: Database) -> None:
    migration = importlib.import_module("maestro.db.migrations.versions.2026_11_29_06_upkeep")
    assert {name: (kind, cron) for name, (kind, cron, _) in migration.SCHEDULES.items()} == {
        one.name: (one.kind.value, one.cron) for one in STANDARD
    }
    for name, (_, cron, first) in migration.SCHEDULES.items():
        (row,) = await db.fetch_sql(f"SELECT ({first}) AT TIME ZONE 'UTC' AS at")
        assert (name, next_runs(cron, "UTC", row.at - timedelta(seconds=1))[0]) == (name, row.at)
        assert row.at > now()
