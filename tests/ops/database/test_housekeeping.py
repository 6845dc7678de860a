"""Housekeeping: what is old goes, what is not stays, and a run that has fallen silent is lost until it logs again."""

from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any, Final

import pytest

from maestro.db.engine import Database
from maestro.events import topic
from maestro.ids import Kind, uuid_of
from maestro.settings import Settings
from ops.database import housekeeping
from ops.database.housekeeping import Keeping, Tidied, tidy
from tests.fixtures.graphql import Api
from tests.fixtures.hearing import hearing
from tests.fixtures.populating import populate
from tests.fixtures.registry import new_project
from tests.fixtures.tracking import finish, new_experiment, new_run

KEEPING: Final = Keeping.by(Settings(_env_file=None))  # type: ignore[call-arg] # a keyword of pydantic's
NOTHING: Final = Tidied()
RUN = "query ($id: ID!) { run(id: $id) { status statusReason endedAt startedAt version } }"
LOG = """mutation ($run: ID!) { logBatch(input: {runId: $run, writerId: "w", seq: 1, metrics: [
  {key: "loss", steps: [0], values: [1.0]}]}) { __typename } }"""
AGES: Final = {
    "idempotency_keys": ("idempotency_key", "created_at", timedelta(days=7)),
    "ingest_batches": ("run", "ended_at", timedelta(days=7)),
    "sign_in_links": ("sign_in_link", "expires_at", timedelta(days=30)),
    "sessions": ("session", "expires_at", timedelta(days=30)),
    "invitations": ("invitation", "expires_at", timedelta(days=30)),
    "document_usage": ("document_usage", "last_used_at", timedelta(days=365)),
    "daily_points": ("points_by_day", "day", timedelta(days=400)),
    "sync_plans": ("sync_plan", "updated_at", timedelta(days=14)),
    "profiles": ("profile", "created_at", timedelta(days=14)),
}
"""Where the time lies by which each kind is old, and how old that is."""


async def execute(db: Database, sql: str, *arguments: object) -> list[Any]:
    async with db.transaction() as tx:
        return list(await tx.fetch_sql(sql, *arguments))


@pytest.fixture
async def full(api: Api) -> Api:
    """An organisation that has one of everything that housekeeping forgets, of now."""
    db, ids = api.runtime.db, await populate(api)
    organization, user = api.viewer.organization_id, api.viewer.actor_id
    await execute(db, "UPDATE invitation SET expires_at = now()")
    await execute(db, "UPDATE session SET expires_at = now()")
    await execute(db, "UPDATE run SET status = 'FINISHED', ended_at = now()")
    await execute(db, "UPDATE sync_run SET ended_at = now() - interval '90 days'")
    for sql, *values in (
        ("INSERT INTO idempotency_key VALUES ($1, 'k', 'o', '', $2)", organization, user),
        ("INSERT INTO ingest_batch VALUES ($1, 'w', 1, $2, 1, '')", ids[Kind.Run], organization),
        (
            """INSERT INTO sign_in_link (token_hash, user_id, created_at, expires_at)
            VALUES ('', $1, now() - interval '99 days', now())""",
            user,
        ),
        (
            """INSERT INTO document_usage (organization_id, document_id, name, version, latencies)
            VALUES ($1, $2, 'web', '1', '{}')""",
            organization,
            ids[Kind.PersistedDocument],
        ),
        ("INSERT INTO points_by_day VALUES ($1, now()::date, 1)", organization),
    ):
        await execute(db, sql, *values)
    return api


@pytest.mark.parametrize("name", AGES)
async def test_what_is_older_than_it_has_to_be_is_forgotten(full: Api, name: str) -> None:
    db, (table, column, age) = full.runtime.db, AGES[name]
    hour = timedelta(hours=1) if name != "daily_points" else timedelta(days=1)
    assert await tidy(db, KEEPING) == NOTHING
    await execute(db, f"UPDATE {table} SET {column} = {column} - $1::interval", age - hour)
    assert await tidy(db, KEEPING) == NOTHING
    await execute(db, f"UPDATE {table} SET {column} = {column} - $1::interval", 2 * hour)
    state = await full.state()
    one = {**asdict(NOTHING), name: 1}
    assert asdict(await tidy(db, KEEPING, dry_run=True)) == {**one, "is_dry_run": True}
    assert await full.state() == state
    assert asdict(await tidy(db, KEEPING)) == one
    assert await tidy(db, KEEPING) == NOTHING


async def test_much_is_forgotten_in_small_transactions(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housekeeping, "BATCH", 4)
    await execute(
        api.runtime.db,
        "INSERT INTO idempotency_key SELECT $1, i::text, 'o', '', $1, now() - interval '8 days' "
        "FROM generate_series(1, 10) i",
        api.viewer.organization_id,
    )
    told: list[str] = []
    done = await tidy(api.runtime.db, KEEPING, progress=lambda phase, *_, **__: told.append(phase))
    assert done.idempotency_keys == 10
    assert told[:2] == ["Lost runs", "Idempotency keys"]


async def test_a_plan_is_kept_as_long_as_its_sync_can_be_undone(full: Api) -> None:
    await execute(full.runtime.db, "UPDATE sync_plan SET updated_at = now() - interval '90 days'")
    for ended in ("NULL", "now() - interval '1 day'"):
        await execute(full.runtime.db, f"UPDATE sync_run SET ended_at = {ended}")
        assert (await tidy(full.runtime.db, KEEPING)).sync_plans == 0


async def test_a_session_that_was_revoked_is_kept_until_it_has_expired(full: Api) -> None:
    # In an older backup it is good, and who restores that is told by this row that it is not.
    await execute(full.runtime.db, "UPDATE session SET revoked_at = now() - interval '90 days'")
    assert (await tidy(full.runtime.db, KEEPING)).sessions == 0


async def test_a_link_that_was_used_is_kept_as_long_as_it_was_made_for(full: Api) -> None:
    await execute(
        full.runtime.db,
        "UPDATE sign_in_link SET used_at = now(), created_at = now(), expires_at = now() - interval '90 days'",
    )
    assert (await tidy(full.runtime.db, KEEPING)).sign_in_links == 0


async def test_an_invitation_that_was_accepted_stays(full: Api) -> None:
    await execute(full.runtime.db, "UPDATE invitation SET accepted_at = now(), expires_at = now() - interval '90 days'")
    assert (await tidy(full.runtime.db, KEEPING)).invitations == 0


async def test_batches_of_a_run_that_goes_on_are_known_for_ever(api: Api) -> None:
    run = await new_run(api, await new_experiment(api, await new_project(api)))
    await api(LOG, run=run)
    eager = replace(KEEPING, ingest_batches=timedelta(0))
    assert (await tidy(api.runtime.db, eager)).ingest_batches == 0
    await finish(api, run)
    assert (await tidy(api.runtime.db, eager)).ingest_batches == 1


async def silence(api: Api, run: str, hours: int) -> None:
    await execute(
        api.runtime.db,
        "UPDATE run SET created_at = created_at - $2::interval, started_at = started_at - $2::interval, "
        "heartbeat_at = heartbeat_at - $2::interval WHERE id = $1",
        uuid_of(Kind.Run, run),
        timedelta(hours=hours),
    )


async def test_a_run_that_is_silent_for_too_long_is_lost_and_whoever_follows_it_is_told(api: Api) -> None:
    experiment = await new_experiment(api, await new_project(api))
    run, other = await new_run(api, experiment), await new_run(api, experiment)
    await api(LOG, run=run)
    await silence(api, run, 25)
    await silence(api, other, 23)
    before = (await api(RUN, id=run))["run"]
    async with hearing(api.runtime.events, api.runtime.db, topic(Kind.Run, uuid_of(Kind.Run, run))) as events:
        assert asdict(await tidy(api.runtime.db, KEEPING))["lost_runs"] == 1
        assert (await anext(events)).details == {"change": "status"}
    after = (await api(RUN, id=run))["run"]
    assert (after["status"], after["version"]) == ("LOST", before["version"] + 1)
    assert after["statusReason"] == f"No sign of life since {after['endedAt'][:19]}Z."
    assert after["endedAt"] > after["startedAt"]
    assert (await api(RUN, id=other))["run"]["status"] == "RUNNING"
    assert await tidy(api.runtime.db, KEEPING) == NOTHING


async def test_logging_brings_a_lost_run_back(api: Api) -> None:
    run = await new_run(api, await new_experiment(api, await new_project(api)))
    await silence(api, run, 25)
    assert (await tidy(api.runtime.db, KEEPING)).lost_runs == 1
    await api(LOG, run=run)
    found = (await api(RUN, id=run))["run"]
    assert (found["status"], found["statusReason"], found["endedAt"]) == ("RUNNING", None, None)
    assert (await tidy(api.runtime.db, KEEPING)).lost_runs == 0


async def test_a_run_that_is_being_logged_to_is_not_lost(api: Api) -> None:
    run = await new_run(api, await new_experiment(api, await new_project(api)))
    await silence(api, run, 25)
    async with api.runtime.db.transaction() as tx:
        await tx.fetch_sql("SELECT id FROM run WHERE id = $1 FOR NO KEY UPDATE", uuid_of(Kind.Run, run))
        assert await tidy(api.runtime.db, KEEPING) == NOTHING


async def test_runs_that_wait_have_ended_or_lie_in_the_trash_are_left_alone(api: Api) -> None:
    experiment = await new_experiment(api, await new_project(api))
    scheduled = await new_run(api, experiment, status="SCHEDULED")
    ended, gone = await new_run(api, experiment), await new_run(api, experiment)
    await finish(api, ended)
    await api("mutation ($id: ID!) { deleteRun(id: $id) { id } }", id=gone)
    for run in (scheduled, ended, gone):
        await silence(api, run, 1_000)
    assert await tidy(api.runtime.db, KEEPING) == NOTHING
