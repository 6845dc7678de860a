"""The database counts up what was written, however it was written; a process asks it once for all who want to know."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import asyncpg
import pytest

from maestro.cache import TAGS, CacheTag, Versions, tags_of
from maestro.cache.versions import Vector
from maestro.db import tables
from maestro.db.engine import Database, Scope
from maestro.db.tables import Base
from tests.fixtures.graphql import Api
from tests.fixtures.registry import new_project
from tests.fixtures.tracking import new_experiment, new_run
from tests.schema.metric_texts import log, metric

NEVER_KEPT = {
    "api_key": "is used at any time, without a transaction",
    "audit_entry": "grows with every mutation",
    "audit_head": "grows with every mutation",
    "connector_query": "changes with every statement that is run",
    "connector_secret": "is about secrets",
    "connector_usage": "grows with every use",
    "data_version": "is what counts",
    "document": "goes with its usage",
    "document_client": "goes with its usage",
    "document_usage": "grows with every call",
    "idempotency_key": "is read by mutations alone",
    "identity": "belongs to the door",
    "ingest_batch": "is read by mutations alone",
    "invitation": "ends by itself as time goes on",
    "sync_item": "changes with every object that is copied",
    "loose_object": "is read by mutations and jobs alone",
    "metric_block": "changes with its series, or in form alone",
    "metric_hot": "changes with its series, or in form alone",
    "points_by_day": "begins anew each day",
    "profile": "changes each second while it is made",
    "profile_file": "goes with its profile",
    "remote_blob": "is read where a link is followed, which asks nobody else",
    "session": "belongs to the door",
    "sign_in_link": "belongs to the door",
}
TRIGGERS = r"""
    SELECT c.relname AS name, substring(pg_get_triggerdef(t.oid), 'maestro_touch\(''(\w+)''\)') AS tag FROM pg_trigger t
    JOIN pg_class c ON c.oid = t.tgrelid WHERE t.tgname = 'touch'
"""
ALL = tuple(CacheTag)


@pytest.fixture
async def versions(api: Api) -> AsyncIterator[Versions]:
    """What another process knows of the same database."""
    found = Versions(api.runtime.db)
    yield found
    await found.close()


async def vector(versions: Versions, api: Api, *tags: CacheTag) -> Vector:
    snapshot = await versions.at(api.viewer.organization_id)
    assert snapshot is not None
    return snapshot.of(tags or ALL)


async def changed(versions: Versions, api: Api, before: Vector) -> set[CacheTag]:
    after = await vector(versions, api)
    return {ALL[i % len(ALL)] for i, (old, new) in enumerate(zip(before, after, strict=True)) if old != new}


async def test_every_table_has_the_tag_in_the_database_that_it_has_in_the_code(db: Database) -> None:
    found = {row.name: row.tag for row in await db.fetch_sql(TRIGGERS)}
    assert found == {table.__tablename__: tag.value for table, tag in TAGS.items()}


def test_a_table_has_a_tag_or_is_never_kept() -> None:
    names = {mapper.class_.__tablename__ for mapper in Base.registry.mappers}
    tagged = {table.__tablename__ for table in TAGS}
    assert tagged & NEVER_KEPT.keys() == set()
    assert tagged | NEVER_KEPT.keys() == names


def test_a_table_without_a_tag_cannot_be_declared_to_be_kept() -> None:
    with pytest.raises(KeyError):
        tags_of(tables.Run, tables.ApiKey)


async def test_a_mutation_counts_up_what_it_wrote_and_nothing_else(api: Api, foreign: Api, versions: Versions) -> None:
    mine, theirs = await vector(versions, api), await vector(versions, foreign)
    await api('mutation { createProject(input: {name: "one"}) { __typename } }')
    assert await changed(versions, api, mine) == {CacheTag.PROJECTS}
    assert await changed(versions, foreign, theirs) == set()


async def test_a_batch_counts_up_what_was_logged(api: Api, versions: Versions) -> None:
    run = await new_run(api, await new_experiment(api, await new_project(api)))
    before = await vector(versions, api)
    await log(api, run, 0, metric([1], [0.5], key="loss"))
    assert await changed(versions, api, before) >= {CacheTag.METRICS, CacheTag.METRIC_KEYS}
    before = await vector(versions, api)
    await log(api, run, 1, metric([2], [0.25], key="loss"))
    assert await changed(versions, api, before) == {CacheTag.METRICS}
    before = await vector(versions, api)
    await log(api, run, 1, metric([2], [0.25], key="loss"))
    assert await changed(versions, api, before) == set()


async def test_a_refused_mutation_counts_nothing_up(api: Api, versions: Versions) -> None:
    await api('mutation { createProject(input: {name: "one"}) { __typename } }')
    before = await vector(versions, api)
    await api.errors('mutation { createProject(input: {name: ""}) { __typename } }')
    data = await api('mutation { createProject(input: {name: "one"}) { __typename } }')
    assert data["createProject"]["__typename"] == "NameTaken"
    assert await changed(versions, api, before) == set()


async def test_what_is_rolled_back_counts_nothing_up(api: Api, versions: Versions) -> None:
    before = await vector(versions, api)
    with pytest.raises(ZeroDivisionError):
        await written(api.context().db, api.viewer.organization_id, fails=True)
    assert await changed(versions, api, before) == set()


async def test_a_transaction_without_an_audit_entry_counts_up_too(api: Api, foreign: Api, versions: Versions) -> None:
    mine, theirs = await vector(versions, api), await vector(versions, foreign)
    await written(api.context().db, api.viewer.organization_id)
    assert await changed(versions, api, mine) == {CacheTag.PROJECTS}
    assert await changed(versions, foreign, theirs) == set()


async def test_what_the_system_writes_is_everybodys(api: Api, foreign: Api, versions: Versions) -> None:
    mine, theirs = await vector(versions, api), await vector(versions, foreign)
    await written(api.runtime.db, api.viewer.organization_id)
    assert await changed(versions, api, mine) == await changed(versions, foreign, theirs) == {CacheTag.PROJECTS}


async def test_what_another_program_writes_is_everybodys_at_once(
    api: Api, versions: Versions, database_url: str
) -> None:
    before = await vector(versions, api)
    connection = await asyncpg.connect(database_url.replace("postgresql+asyncpg", "postgresql"))
    await connection.execute("UPDATE organization SET name = 'by hand'")
    assert await changed(versions, api, before) == {CacheTag.ORGANIZATION}
    before = await vector(versions, api)
    async with connection.transaction():
        await connection.execute("TRUNCATE lineage_edge")
    assert await changed(versions, api, before) == {CacheTag.LINEAGE}
    await connection.close()


async def written(db: Database, organization_id: UUID, *, fails: bool = False) -> None:
    async with db.transaction() as tx:
        await tx.fetch_sql(
            "INSERT INTO project (id, organization_id, name, slug) VALUES ($1, $2, $3, $3)",
            uuid4(),
            organization_id,
            uuid4().hex,
        )
        if fails:
            raise ZeroDivisionError


async def test_nothing_is_counted_before_the_commit(api: Api, versions: Versions) -> None:
    before = await vector(versions, api)
    async with api.context().db.transaction() as tx:
        await tx.fetch_sql("UPDATE organization SET name = 'soon'")
        await tx.settle()
        assert await changed(versions, api, before) == set()
    assert await changed(versions, api, before) == {CacheTag.ORGANIZATION}


async def test_who_asks_at_once_shares_a_statement(api: Api, foreign: Api, versions: Versions) -> None:
    organizations = [api.viewer.organization_id, foreign.viewer.organization_id] * 50
    found = await asyncio.gather(*map(versions.at, organizations))
    assert None not in found
    assert versions.statements <= 2


async def test_who_asks_after_a_commit_is_told_of_it_however_many_ask(api: Api, versions: Versions) -> None:
    scope = api.viewer.scope
    stop = False

    async def keep_asking() -> None:
        while not stop:
            await versions.at(scope.organization_id)

    others = [asyncio.create_task(keep_asking()) for _ in range(20)]
    before = await vector(versions, api)
    for _ in range(50):
        await written(api.runtime.db.within(scope), scope.organization_id)
        after = await vector(versions, api)
        assert after != before
        before = after
    stop = True
    await asyncio.gather(*others)


async def test_who_is_cut_off_leaves_the_answer_to_the_others(api: Api, versions: Versions) -> None:
    key = api.viewer.organization_id
    first, second = (asyncio.create_task(versions.at(key)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert await second is not None


async def test_without_the_database_nothing_is_known_and_later_it_is_again(
    api: Api, versions: Versions, db: Database
) -> None:
    await vector(versions, api)
    await db.fetch_sql("ALTER TABLE data_version RENAME TO gone")
    assert await versions.at(api.viewer.organization_id) is None
    await db.fetch_sql("ALTER TABLE gone RENAME TO data_version")
    assert await versions.at(api.viewer.organization_id) is not None
    await db.fetch_sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%FROM data_version%'"
        " AND pid <> pg_backend_pid()"
    )
    seen = [await versions.at(api.viewer.organization_id) for _ in range(3)]
    assert seen[-1] is not None


async def test_whoever_asks_while_it_is_closed_is_told_that_nothing_is_known(api: Api, versions: Versions) -> None:
    asking = [asyncio.create_task(versions.at(api.viewer.organization_id)) for _ in range(2)]
    await asyncio.sleep(0)
    asking += [asyncio.create_task(versions.at(api.viewer.organization_id)) for _ in range(2)]
    await asyncio.sleep(0)
    await versions.close()
    async with asyncio.timeout(10):
        assert await asyncio.gather(*asking) == [None] * 4


async def test_a_view_on_an_organization_sees_its_own_versions_alone(api: Api, foreign: Api) -> None:
    await api('mutation { createProject(input: {name: "one"}) { __typename } }')
    view = api.runtime.db.within(Scope(foreign.viewer.organization_id))
    assert await view.fetch_sql("SELECT * FROM data_version") == []
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await api.context().db.fetch_sql("UPDATE data_version SET version = 0")
