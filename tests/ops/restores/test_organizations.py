"""An organisation of a backup, brought back as a new one beside what lives."""

import shutil
from dataclasses import replace
from uuid import uuid4

import psycopg
import pytest

from connectors.local import LocalBlobs
from maestro.access import organizations
from maestro.clock import now
from maestro.db.engine import OWNER_ROLE, Database
from maestro.db.tables.enums import Role
from maestro.errors import Conflict, NameTaken, NotFound
from ops import audit
from ops.demo.recording import load_recording
from ops.restores.scoped import copy_organization
from ops.restores.scoped.catalogue import LEFT_OUT
from ops.seeding.demo import Demo, load_demo
from resolvers.setup import ensure_owner
from tests.fixtures.artifacts import stored
from tests.fixtures.filling import fill
from tests.fixtures.graphql import Api, with_settings
from tests.fixtures.whole_answers import of_organization
from tests.fixtures.working import execute, work
from tests.ops.restores.conftest import BackUp, Store, kept_in, plain

ALL_ROWS = "SELECT count(*) AS n FROM {} WHERE organization_id = $1"


async def rows_of(api: Api, table: str) -> int:
    (found,) = await api.runtime.db.fetch_sql(ALL_ROWS.format(table), api.viewer.organization_id)
    n: int = found.n
    return n


@with_settings(rate_limit_cost="off")
async def test_a_copy_of_rows_of_every_table_answers_the_same(api: Api, back_up: BackUp) -> None:
    await fill(api, "aa", 1_000_000_000)
    before = await of_organization(api)
    made, owner = await (await back_up()).bring_back(allow_missing_files=True)
    assert await of_organization(owner) == before
    assert await of_organization(api) == before
    assert made.cut == {}
    # What `fill` makes that has no place in a copy is told.
    left = {one.table: one.rows for one in made.left_out}
    assert left["api_key"] == await rows_of(api, "api_key") == 4
    assert left["sync_run"] == 3


@with_settings(rate_limit_cost="off")
async def test_a_copy_of_work_answers_the_same_and_has_its_files(api: Api, back_up: BackUp, store: Store) -> None:
    await work(api, store.blobs)
    await work(api, store.blobs, "Speech")
    made, owner = await (await back_up()).bring_back()
    assert await of_organization(owner) == await of_organization(api)
    assert (made.files.files, made.files.linked, made.files.missing) == (2, 2, ())
    copies = stored(store.folder / made.organization_id.hex)
    originals = stored(store.folder / api.viewer.organization_id.hex)
    assert [path.name for path in copies] == [path.name for path in originals]
    assert [path.stat().st_ino for path in copies] == [path.stat().st_ino for path in originals]


@with_settings(rate_limit_cost="off")
async def test_a_copy_of_the_demo_answers_the_same(api: Api, back_up: BackUp, store: Store) -> None:
    db = Database(store.url, pool_size=3, system_role=OWNER_ROLE)
    demo = Demo(recording=load_recording(), owner=await ensure_owner(db), blobs=store.blobs, now=now())
    stats = await load_demo(db, demo, lambda *_: None)
    await db.close()
    made, owner = await (await back_up()).bring_back()
    assert made.rows["run"] == stats.runs
    assert await of_organization(owner, every=60) == await of_organization(api, every=60)


async def test_only_the_organization_that_is_asked_for_is_copied(
    foreign: Api, back_up: BackUp, blobs: LocalBlobs
) -> None:
    backup = await back_up()
    api = backup.api
    await work(api, blobs)
    await work(foreign, blobs)
    made, owner = await (await back_up()).bring_back()
    for table in ("project", "run", "metric_hot", "metric_block", "artifact_entry", "lineage_edge"):
        assert await rows_of(owner, table) == await rows_of(api, table) == await rows_of(foreign, table)
        assert made.rows[table] == await rows_of(api, table)


async def test_a_dry_run_changes_nothing_and_tells_what_the_real_one_does(
    api: Api, back_up: BackUp, store: Store
) -> None:
    await work(api, store.blobs)
    backup = await back_up()
    before, files = await api.state(), stored(store.folder)
    wanted = backup.organization()
    dry = await copy_organization(backup.places, wanted, dry_run=True)
    assert (await api.state(), stored(store.folder)) == (before, files)
    made = await copy_organization(backup.places, wanted)
    assert replace(dry, is_dry_run=False, checksums=made.checksums) == made
    assert (dry.is_dry_run, dry.conflicts, dry.checksums) == (True, (), {})
    assert dry.document["rows"]["run"] == 2


async def test_a_slug_of_ones_own_is_refused(api: Api, back_up: BackUp) -> None:
    backup = await back_up()
    (mine,) = await api.runtime.db.fetch_sql("SELECT slug FROM organization")
    before = await api.state()
    with pytest.raises(NameTaken):
        await backup.bring_back(new_slug=mine.slug)
    dry = await copy_organization(backup.places, backup.organization(new_slug=mine.slug), dry_run=True)
    assert [type(one) for one in dry.conflicts] == [NameTaken]
    assert await api.state() == before


async def test_nobody_but_who_restores_it_has_a_role_in_the_copy(api: Api, back_up: BackUp) -> None:
    await fill(api, "aa", 1_000_000_000)
    made, owner = await (await back_up()).bring_back(allow_missing_files=True)
    roles = await api.runtime.db.fetch_sql(
        "SELECT user_id, role FROM membership WHERE organization_id = $1 AND removed_at IS NULL", made.organization_id
    )
    assert [(row.user_id, row.role) for row in roles] == [(api.viewer.actor_id, Role.OWNER)]
    assert await rows_of(owner, "membership") == await rows_of(api, "membership") + 1
    (able,) = await api.runtime.db.fetch_sql(
        "SELECT count(*) AS n FROM service_account WHERE organization_id = $1 AND disabled_at IS NULL",
        made.organization_id,
    )
    assert able.n == 0
    names = [row.slug for row in await organizations.own(api.runtime.db, api.viewer.actor_id, current=uuid4())]
    assert "again" in names


async def test_nothing_that_opens_or_begins_anything_is_copied(api: Api, back_up: BackUp) -> None:
    await fill(api, "aa", 1_000_000_000)
    await execute(api, "UPDATE connector SET schedule = '0 3 * * *', status = 'HEALTHY', last_test = '{}'")
    _, owner = await (await back_up()).bring_back(allow_missing_files=True)
    held = await owner("query { connectors { edges { node { status lastTest schedule hasSecret } } } }")
    assert [edge["node"] for edge in held["connectors"]["edges"]] == 2 * [
        {"status": "UNTESTED", "lastTest": None, "schedule": None, "hasSecret": False}
    ]
    for table in LEFT_OUT:
        if table not in ("user", "identity", "sign_in_link", "audit_entry", "audit_head", "data_version"):
            assert await rows_of(owner, table) == 0


async def test_people_who_are_not_here_any_more_are_not_named(api: Api, back_up: BackUp, blobs: LocalBlobs) -> None:
    worked = await work(api, blobs)
    gone = uuid4()
    await execute(api, "INSERT INTO \"user\" (id, email, name) VALUES ($1, 'gone@example.org', 'Gone')", gone)
    await execute(
        api,
        "INSERT INTO membership (id, organization_id, user_id, role) VALUES ($1, $2, $3, 'VIEWER')",
        *(uuid4(), api.viewer.organization_id, gone),
    )
    await execute(api, "UPDATE run SET created_by_id = $1", gone)
    backup = await back_up()
    await execute(api, 'DELETE FROM "user" WHERE id = $1', gone)
    made, owner = await backup.bring_back()
    assert made.cut == {"run.created_by_id": 2}
    assert ("membership", 1) in [(one.table, one.rows) for one in made.left_out]
    answer = await owner("query { runs { edges { node { createdBy { id } experiment { createdBy { id } } } } } }")
    makers = [edge["node"] for edge in answer["runs"]["edges"]]
    assert {one["createdBy"] is None for one in makers} == {True}
    assert {one["experiment"]["createdBy"] is None for one in makers} == {False}
    assert worked.run


async def test_its_log_begins_with_where_it_came_from(api: Api, back_up: BackUp, blobs: LocalBlobs) -> None:
    await work(api, blobs)
    made, owner = await (await back_up()).bring_back(origin={"backup": "that of Monday"})
    answer = await owner("query { auditLog { edges { node { operation seq actor { id } targetType after } } } }")
    (entry,) = [edge["node"] for edge in answer["auditLog"]["edges"]]
    assert entry["after"] == {
        "name": "Again",
        "slug": "again",
        "copyOf": str(api.viewer.organization_id),
        "backup": "that of Monday",
    }
    assert (entry["operation"], entry["seq"], entry["targetType"]) == ("restoreOrganization", 1, "Organization")
    assert (await audit.verify(api.runtime.db, made.organization_id)).is_intact
    assert (await audit.verify(api.runtime.db, api.viewer.organization_id)).is_intact


async def test_the_first_organization_stays_the_first(api: Api, back_up: BackUp) -> None:
    made, _ = await (await back_up()).bring_back()
    assert await organizations.is_first(api.runtime.db, api.viewer.organization_id)
    assert not await organizations.is_first(api.runtime.db, made.organization_id)


async def test_versions_are_counted_for_the_copy_alone(api: Api, back_up: BackUp, blobs: LocalBlobs) -> None:
    await work(api, blobs)
    backup = await back_up()
    versions = "SELECT * FROM data_version WHERE organization_id <> $1 ORDER BY 1, 2"
    before = await api.runtime.db.fetch_sql(versions, uuid4())
    made, _ = await backup.bring_back()
    assert await api.runtime.db.fetch_sql(versions, made.organization_id) == before
    tags = "SELECT tag FROM data_version WHERE organization_id = $1"
    counted = {row.tag for row in await api.runtime.db.fetch_sql(tags, made.organization_id)}
    assert {"runs", "metrics", "artifacts", "models", "lineage", "members", "organization"} <= counted


async def test_files_that_live_no_more_or_are_damaged_come_from_the_backup(
    api: Api, back_up: BackUp, store: Store
) -> None:
    for name in ("Vision", "Speech", "Text"):
        await work(api, store.blobs, name)
    backup, folder = await back_up(), store.folder.parent / "kept"
    folder.mkdir()
    originals = stored(store.folder / api.viewer.organization_id.hex)
    for path in originals:
        shutil.copyfile(path, folder / path.name)
    originals[0].unlink()
    originals[1].write_bytes(b"damaged")
    made = await copy_organization(replace(backup.places, fetch=kept_in(folder)), backup.organization())
    assert (made.files.linked, made.files.fetched, made.files.missing) == (1, 2, ())
    for path in originals:
        assert await store.blobs.verify(made.organization_id, path.name)
    assert originals[1].read_bytes() == b"damaged"


async def test_without_its_files_nothing_is_copied_unless_that_is_allowed(
    api: Api, back_up: BackUp, store: Store
) -> None:
    await work(api, store.blobs)
    backup = await back_up()
    (lost,) = stored(store.folder / api.viewer.organization_id.hex)
    lost.unlink()
    before = await api.state()
    with pytest.raises(Conflict, match="1 of 1 files are neither here nor in the backup") as refused:
        await backup.bring_back()
    assert refused.value.details == {"missing": [lost.name]}
    dry = await copy_organization(backup.places, backup.organization(), dry_run=True)
    assert [one.code for one in dry.conflicts] == ["CONFLICT"]
    assert await api.state() == before
    made, _ = await backup.bring_back(allow_missing_files=True)
    assert made.files.missing == (lost.name,)


async def test_another_schema_is_refused(api: Api, back_up: BackUp) -> None:
    backup = await back_up()
    with psycopg.connect(plain(backup.places.source_url)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '2020_01_01_01'")
    before = await api.state()
    with pytest.raises(Conflict, match="has the schema 2020_01_01_01"):
        await backup.bring_back()
    assert await api.state() == before


async def test_what_is_not_in_the_backup_is_not_found(api: Api, back_up: BackUp) -> None:
    backup = await back_up()
    with pytest.raises(NotFound):
        await copy_organization(backup.places, backup.organization(organization_id=uuid4()))
    with pytest.raises(NotFound):
        await backup.bring_back(restorer_id=uuid4())
