"""What the database itself refuses, whatever a statement asks for."""

from uuid import UUID, uuid4

import asyncpg
import pytest

from maestro.db.engine import ORGANIZATION_ROLE, PROJECTS_ROLE, SYSTEM_ROLE, Database, Scope
from maestro.db.roles import LOGIN
from maestro.ids import Kind
from tests.fixtures.graphql import Api
from tests.fixtures.populating import populate

ROLES = [ORGANIZATION_ROLE, PROJECTS_ROLE, SYSTEM_ROLE, LOGIN]
OF_ORGANIZATIONS = """
    SELECT c.relname AS name FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'organization_id'
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND NOT a.attisdropped ORDER BY 1
"""
SEEN_BY_THE_SYSTEM_ALONE = {"session"}
TAMPERING = ["UPDATE audit_entry SET reason = 'x'", "DELETE FROM audit_entry", "TRUNCATE audit_entry"]
KEPT = {"audit_entry", "audit_head", "data_version"}
"""Tables from which no role of the server deletes."""


@pytest.fixture
async def tables(db: Database) -> list[str]:
    """The tables whose rows belong to an organisation."""
    return [row.name for row in await db.fetch_sql(OF_ORGANIZATIONS)]


async def of(view: Database, table: str) -> set[UUID]:
    rows = await view.fetch_sql(f"SELECT DISTINCT organization_id FROM {table}")
    return {row.organization_id for row in rows}


async def test_every_table_is_under_row_security(db: Database) -> None:
    rows = await db.fetch_sql(
        "SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' "
        "AND NOT relrowsecurity"
    )
    assert {row.name for row in rows} == {"alembic_version"}


@pytest.mark.parametrize("role", ROLES)
async def test_a_role_of_the_server_owns_nothing_and_bypasses_nothing(db: Database, role: str) -> None:
    (found,) = await db.fetch_sql("SELECT rolsuper, rolbypassrls, rolcreaterole FROM pg_roles WHERE rolname = $1", role)
    assert tuple(found) == (False, False, False)
    owned = await db.fetch_sql(
        "SELECT relname FROM pg_class JOIN pg_roles r ON r.oid = relowner WHERE r.rolname = $1", role
    )
    assert owned == []


async def test_the_server_is_signed_in_as_the_role_that_owns_nothing(api: Api) -> None:
    (row,) = await api.runtime.db.fetch_sql("SELECT session_user AS login, current_user AS role")
    assert tuple(row) == (LOGIN, SYSTEM_ROLE)
    (row,) = await api.context().db.fetch_sql("SELECT session_user AS login, current_user AS role")
    assert tuple(row) == (LOGIN, ORGANIZATION_ROLE)


async def test_a_request_sees_the_rows_of_its_organization_alone(api: Api, foreign: Api, tables: list[str]) -> None:
    await populate(api)
    await populate(foreign)
    ours, theirs = api.viewer.organization_id, foreign.viewer.organization_id
    filled = {table for table in tables if await of(api.runtime.db, table) == {ours, theirs}}
    assert filled >= {"project", "experiment", "run", "artifact", "connector", "membership", "api_key", "job", "backup"}
    for table in filled - SEEN_BY_THE_SYSTEM_ALONE:
        assert (table, await of(foreign.context().db, table)) == (table, {theirs})
    for table in SEEN_BY_THE_SYSTEM_ALONE:
        assert await of(foreign.context().db, table) == set()
    rows = await foreign.context().db.fetch_sql("SELECT id FROM organization")
    assert [row.id for row in rows] == [theirs]
    rows = await foreign.context().db.fetch_sql('SELECT id FROM "user"')
    assert [row.id for row in rows] == [foreign.viewer.actor_id]


async def test_a_request_changes_and_removes_no_row_of_another_organization(
    api: Api, foreign: Api, tables: list[str]
) -> None:
    await populate(api)
    before = await api.state()
    for table in set(tables) - KEPT:
        ours = api.viewer.organization_id
        async with foreign.context().db.transaction() as tx:
            assert await tx.fetch_sql(f"DELETE FROM {table} WHERE organization_id = $1 RETURNING 1", ours) == []
            sql = f"UPDATE {table} SET organization_id = $1 WHERE organization_id = $2 RETURNING 1"
            assert await tx.fetch_sql(sql, foreign.viewer.organization_id, ours) == []
    assert await api.state() == before


async def test_a_request_gives_no_row_to_another_organization(api: Api, foreign: Api) -> None:
    given = "INSERT INTO project (id, organization_id, name, slug) VALUES ($1, $2, 'x', 'x')"
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        await foreign.context().db.fetch_sql(given, uuid4(), api.viewer.organization_id)
    own = await populate(foreign)
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        await foreign.context().db.fetch_sql("UPDATE project SET organization_id = $1", api.viewer.organization_id)
    assert own


@pytest.mark.parametrize("verb", TAMPERING)
async def test_no_role_of_the_server_touches_the_audit_log(api: Api, verb: str) -> None:
    for view in (api.runtime.db, api.context().db):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await view.fetch_sql(verb)


async def test_a_view_on_one_project_shows_what_lies_in_it(api: Api, tables: list[str]) -> None:
    one, other = await populate(api, "one"), await populate(api, "other")
    scope = Scope(api.viewer.organization_id, frozenset([one[Kind.Project]]))
    view = api.runtime.db.within(scope)
    for table in ("experiment", "run", "metric_key", "metric_series", "registered_model", "model_version"):
        rows = await view.fetch_sql(f"SELECT id FROM {table}")
        assert len(rows) == 1, table
        assert rows[0].id in one.values(), table
    for table in ("job", "backup"):
        assert await of(view, table) == set()
    assert other


async def test_a_view_on_no_project_shows_none(api: Api) -> None:
    await populate(api)
    view = api.runtime.db.within(Scope(api.viewer.organization_id, frozenset()))
    assert await view.fetch_sql("SELECT id FROM run") == []


async def test_views_that_take_turns_on_one_connection_see_each_its_own(
    server_url: str, api: Api, foreign: Api
) -> None:
    await populate(api)
    await populate(foreign)
    single = Database(server_url, pool_size=1)
    for viewer in (api.viewer, foreign.viewer, foreign.viewer, api.viewer):
        assert await of(single.within(viewer.scope), "run") == {viewer.organization_id}
    assert await of(single, "run") == {api.viewer.organization_id, foreign.viewer.organization_id}
    await single.close()


async def test_a_connection_is_bound_again_only_when_another_scope_has_used_it(server_url: str, api: Api) -> None:
    single = Database(server_url, pool_size=1)
    view = single.within(api.viewer.scope)
    await view.fetch_sql("SELECT 1")
    # Whoever binds anew sets this again.
    await view.fetch_sql("SELECT set_config('maestro.projects', 'left alone', false)")
    (row,) = await view.fetch_sql("SELECT current_setting('maestro.projects') AS projects")
    assert row.projects == "left alone"
    await single.fetch_sql("SELECT 1")
    (row,) = await view.fetch_sql("SELECT current_setting('maestro.projects') AS projects")
    assert row.projects == ""
    await single.close()


async def test_a_connection_that_nobody_has_bound_sees_nothing(server_url: str, api: Api) -> None:
    await populate(api)
    connection = await asyncpg.connect(server_url.replace("+asyncpg", ""))
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.fetch("SELECT id FROM run")
    await connection.execute(f"SET ROLE {ORGANIZATION_ROLE}")
    assert await connection.fetch("SELECT id FROM run") == []
    await connection.close()
