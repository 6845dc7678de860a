"""What a restore carries over from the database that it replaces: the server's work, and who is out."""

from uuid import UUID, uuid4

from uuid_utils.compat import uuid7

from maestro.cache.tags import CacheTag
from maestro.clock import now
from maestro.db.direct import connected, named
from maestro.db.engine import OWNER_ROLE, Database
from ops.audit import verify
from ops.restores.carrying import ROLLED_BACK, Carrying, Occasion
from ops.restores.swap import swap
from tests.fixtures.exchange import LATER
from tests.fixtures.installation import Installation, organization


async def jobs(url: str) -> dict[UUID, str]:
    async with connected(url) as connection:
        return {row[0]: row[1] for row in await connection.fetch("SELECT id, state FROM job")}


async def test_jobs_are_those_of_now_and_none_of_the_backup_runs_again(place: Installation) -> None:
    running = await place.job()
    queued = await place.job("QUEUED")
    gone = await place.job("SUCCEEDED")
    await place.back_up()
    await place.sql("UPDATE job SET state = 'SUCCEEDED', result = '{\"a\": 1}' WHERE id = $1", running)
    await place.sql("UPDATE job SET state = 'FAILED' WHERE id = $1", queued)
    await place.sql("DELETE FROM job WHERE id = $1", gone)
    later = await place.job("RUNNING", idempotency_key="once")
    await place.sql(
        "INSERT INTO job_event (id, organization_id, job_id, message) VALUES ($1, $2, $3, 'begun')",
        *(uuid7(), place.organization, later),
    )

    await place.restore()

    assert await jobs(place.url) == {running: "SUCCEEDED", queued: "FAILED", later: "RUNNING"}
    assert await place.one("SELECT result FROM job WHERE id = $1", running) == {"a": 1}
    assert await place.one("SELECT message FROM job_event WHERE job_id = $1", later) == "begun"
    assert await place.one("SELECT idempotency_key FROM job WHERE id = $1", later) == "once"


async def test_schedules_backups_restores_channels_and_answers_about_them_are_those_of_now(
    place: Installation,
) -> None:
    schedule, channel, backup, restore, project = (uuid7() for _ in range(5))
    own = place.organization
    await place.sql(
        "INSERT INTO job_schedule (id, organization_id, name, kind, cron) "
        "VALUES ($1, $2, 'old', 'BACKUP', '* * * * *')",
        *(schedule, own),
    )
    await place.back_up()
    await place.sql("UPDATE job_schedule SET name = 'nightly', is_paused = true")
    await place.sql(
        "INSERT INTO notification_channel (id, organization_id, name, kind, address) "
        "VALUES ($1, $2, 'n', 'EMAIL', 'a')",
        *(channel, own),
    )
    job = await place.job(schedule_id=schedule, scheduled_for=now())
    await place.sql(
        "INSERT INTO backup (id, organization_id, job_id, kind, state) VALUES ($1, $2, $3, 'FULL', 'SUCCEEDED')",
        *(backup, own, job),
    )
    await place.sql(
        "INSERT INTO restore (id, organization_id, job_id, backup_id, state) VALUES ($1, $2, $3, $4, 'RUNNING')",
        *(restore, own, job, backup),
    )
    for name, result in (("of a job", job), ("of a project", project)):
        await place.sql(
            "INSERT INTO idempotency_key (organization_id, key, operation, input_hash, result_id) "
            "VALUES ($1, $2, 'x', '', $3)",
            *(own, name, result),
        )

    await place.restore()

    assert await place.one("SELECT (name, is_paused)::text FROM job_schedule") == "(nightly,t)"
    assert await place.one("SELECT id FROM notification_channel") == channel
    assert await place.one("SELECT (id, job_id) FROM backup") == (backup, job)
    assert await place.one("SELECT (id, job_id, backup_id) FROM restore") == (restore, job, backup)
    assert await place.one("SELECT schedule_id FROM job") == schedule
    assert await place.one("SELECT array_agg(key) FROM idempotency_key") == ["of a job"]


async def test_what_belongs_to_an_organisation_that_the_backup_does_not_have_is_left_out(place: Installation) -> None:
    await place.back_up()
    other = uuid7()
    await place.sql("INSERT INTO organization (id, slug, name) VALUES ($1, 'o', 'o')", other)
    mine, theirs = await place.job(), await place.job(organization_id=other)

    await place.restore()

    assert await jobs(place.url) == {mine: "RUNNING"}
    assert theirs not in await jobs(place.url)


async def test_a_new_server_keeps_its_restore_and_knows_nothing_of_who_is_in_the_backup(place: Installation) -> None:
    member = await place.person()
    key, stranded = await place.key_of(member), await place.job("RUNNING")
    await place.back_up()
    await place.sql('TRUNCATE organization, "user" CASCADE')
    fresh = Installation(place.cluster, uuid7(), uuid7(), place.coming)
    await organization(fresh)
    backup, restore = uuid7(), uuid7()
    job = await fresh.job("RUNNING", idempotency_key="k")
    await fresh.sql(
        "INSERT INTO restore (id, organization_id, job_id, state) VALUES ($1, $2, $3, 'RUNNING')",
        *(restore, fresh.organization, job),
    )
    await fresh.sql(
        "INSERT INTO backup (id, organization_id, kind, state) VALUES ($1, $2, 'FULL', 'SUCCEEDED')",
        *(backup, fresh.organization),
    )

    await fresh.restore()

    assert await place.one("SELECT array_agg(id) FROM organization") == [place.organization]
    assert await jobs(place.url) == {stranded: "CANCELLED", job: "RUNNING"}
    assert await place.one("SELECT array_agg(DISTINCT organization_id) FROM job") == [place.organization]
    assert await place.one("SELECT (id, job_id, organization_id) FROM restore") == (restore, job, place.organization)
    assert await place.one("SELECT organization_id FROM backup WHERE id = $1", backup) == place.organization
    assert (await place.role_of(member), await place.role_of(place.owner)) == ("CONTRIBUTOR", "OWNER")
    assert await place.one("SELECT revoked_at FROM api_key WHERE id = $1", key) is None


async def test_every_version_moves_beyond_those_of_both_databases(place: Installation) -> None:
    far = 9_000_000_000_000_000_000
    await place.sql("INSERT INTO data_version VALUES ($1, 'runs', $2)", place.organization, far)
    await place.back_up()
    async with connected(place.url) as connection:
        before = dict(await connection.fetch("SELECT tag, max(version) FROM data_version GROUP BY tag"))

    await place.restore()

    async with connected(place.url) as connection:
        after = dict(
            await connection.fetch("SELECT tag, version FROM data_version WHERE organization_id = $1", UUID(int=0))
        )
    assert set(after) >= {tag.value for tag in CacheTag}
    assert after["runs"] == far + 1
    assert [tag for tag, version in after.items() if version <= before.get(tag, 0)] == []


async def test_the_log_says_that_it_was_restored_and_where_the_other_log_ends(place: Installation) -> None:
    async def act(operation: str) -> None:
        await place.sql(
            "INSERT INTO audit_entry (id, organization_id, actor_label, operation, is_allowed, prev_hash, hash, seq) "
            "VALUES ($1, $2, 'somebody', $3, true, '', '', 0)",
            *(uuid7(), place.organization, operation),
        )

    other = uuid7()
    await place.sql("INSERT INTO organization (id, slug, name) VALUES ($1, 'o', 'o')", other)
    await act("before")
    await place.back_up()
    await act("after")
    head = await place.one("SELECT seq || ':' || encode(hash, 'hex') FROM audit_head")
    restore = uuid4()

    await place.restore(
        restore_id=restore, actor_id=place.owner, actor_kind="USER", actor_label="me@here", details={"backup": "b"}
    )

    async with connected(place.url) as connection:
        told = await connection.fetch(
            "SELECT * FROM audit_entry WHERE operation = 'restore' ORDER BY organization_id = $1 DESC",
            place.organization,
        )
    assert [(row.organization_id, row.actor_id, row.actor_label) for row in told] == [
        (place.organization, place.owner, "me@here"),
        (other, None, "the server's operator"),
    ]
    assert (told[0].before, told[0].after, told[0].target_id) == ({"auditHead": head}, {"backup": "b"}, restore)
    db = Database(place.url, pool_size=1, system_role=OWNER_ROLE)
    for one in (place.organization, other):
        assert (await verify(db, one)).is_intact
    await db.close()


async def test_the_way_back_undoes_nothing_but_what_was_taken_since_the_restore(place: Installation) -> None:
    promoted = await place.person("VIEWER")
    old = await place.key_of(place.owner)
    await place.back_up()
    await place.sql("UPDATE membership SET role = 'ADMIN', updated_at = now() WHERE user_id = $1", promoted)
    newcomer = await place.person("MAINTAINER")
    key = await place.key_of(newcomer)
    before = await jobs(place.url)
    done = await place.restore()
    assert await place.role_of(newcomer) is None
    await place.sql("UPDATE api_key SET revoked_at = now() WHERE id = $1", old)
    during = await place.job("SUCCEEDED")

    await place.restore(coming=done.kept, operation=ROLLED_BACK, since=done.at)

    assert (await place.role_of(promoted), await place.role_of(newcomer)) == ("ADMIN", "MAINTAINER")
    revoked = "SELECT revoked_at IS NOT NULL FROM api_key WHERE id = $1"
    assert [await place.one(revoked, one) for one in (old, key)] == [True, False]
    assert await jobs(place.url) == {**before, during: "SUCCEEDED"}
    assert await place.one("SELECT array_agg(operation) FROM audit_entry") == ["rollbackRestore"]


async def test_carrying_over_many_jobs_keeps_the_fence_short(place: Installation) -> None:
    await place.back_up()
    await place.sql(
        "INSERT INTO job (id, organization_id, kind, state) "
        "SELECT gen_random_uuid(), $1, 'COMPACT', 'SUCCEEDED' FROM generate_series(1, 5000)",
        place.organization,
    )
    await place.sql(
        "INSERT INTO job_event (id, organization_id, job_id, message) "
        "SELECT gen_random_uuid(), $1, id, 'done' FROM job, generate_series(1, 4)",
        place.organization,
    )

    done = await place.restore()

    assert done.unavailable_ms is not None
    assert done.unavailable_ms < 2_000
    assert await place.one("SELECT count(*) FROM job_event") == 20_000


async def test_what_happens_between_the_two_passes_is_carried_over_by_the_second(place: Installation) -> None:
    changed, gone, same = [await place.job() for _ in range(3)]
    await place.back_up()
    carrying = Carrying(Occasion(restore_id=uuid4()))
    async with connected(place.url) as present, connected(named(place.url, place.coming)) as coming:
        await carrying(present, coming, is_last=False)
        await place.sql("UPDATE job SET state = 'SUCCEEDED' WHERE id = $1", changed)
        await place.sql("DELETE FROM job WHERE id = $1", gone)
        added = await place.job("QUEUED")
        await carrying(present, coming, is_last=True)

    assert await jobs(named(place.url, place.coming)) == {changed: "SUCCEEDED", same: "RUNNING", added: "QUEUED"}


async def test_a_carry_that_was_cut_off_is_done_again(place: Installation) -> None:
    await place.back_up()
    job = await place.job()
    occasion = Occasion(restore_id=uuid4())
    carrying = Carrying(occasion)
    coming = named(place.url, place.coming)
    async with connected(place.url) as present, connected(coming) as other:
        await carrying(present, other, is_last=True)
    await place.sql("UPDATE job SET state = 'SUCCEEDED' WHERE id = $1", job)

    await swap(place.url, place.coming, by=str(occasion.restore_id), keep_until=LATER, carry=carrying)

    assert await jobs(place.url) == {job: "SUCCEEDED"}
    assert await place.one("SELECT count(*) FROM audit_entry WHERE operation = 'restore'") == 1
