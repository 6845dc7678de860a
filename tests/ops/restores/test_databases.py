"""Databases beside the one in use: shadows, kept ones, and what belongs to a database outside of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from maestro.clock import now
from maestro.db.direct import named
from maestro.errors import Conflict
from ops.restores.databases import Note, Role, create_shadow, kept_name, shadow_of
from ops.restores.swap import drop_kept, drop_shadow, swap
from tests.fixtures.exchange import Cluster, read, swapped, word, write


async def test_access_settings_comment_and_limit_go_over(cluster: Cluster, coming: str) -> None:
    name, execute = cluster.name, cluster.connection.execute
    await execute(f"COMMENT ON DATABASE {name} IS 'the team''s \\own'")
    await execute(f"REVOKE CONNECT ON DATABASE {name} FROM PUBLIC")
    await execute(f"GRANT CONNECT ON DATABASE {name} TO maestro_server WITH GRANT OPTION")
    await execute(f"ALTER DATABASE {name} SET search_path TO public, \"$user\", 'a, b'")
    await execute(f"ALTER DATABASE {name} SET work_mem TO '9MB'")
    await execute(f"ALTER ROLE maestro_server IN DATABASE {name} SET statement_timeout TO '7s'")
    await execute(f"ALTER DATABASE {name} CONNECTION LIMIT 77")
    await execute(f"ALTER DATABASE {coming} SET work_mem TO '1MB'")
    await execute(f"ALTER DATABASE {coming} SET random_page_cost TO 7")
    await execute(f"GRANT CREATE ON DATABASE {coming} TO maestro_system")
    before = await outside(cluster)

    done = await swapped(cluster, coming)

    assert await outside(cluster) == before
    assert await read(cluster.url, "SELECT current_schemas(false)::text") == "{public}"
    assert await read(cluster.url, "SHOW work_mem") == "9MB"
    await swapped(cluster, done.kept, by="rollback-1")
    assert await outside(cluster) == before


async def outside(cluster: Cluster) -> Any:
    """What belongs to the database in use and stands outside of it."""
    row = await cluster.connection.fetchrow(
        """
        SELECT shobj_description(d.oid, 'pg_database') AS comment, datconnlimit, pg_get_userbyid(datdba) AS owner,
            ARRAY(SELECT a::text FROM unnest(datacl) a ORDER BY 1) AS access,
            ARRAY(SELECT setrole || array_to_string(setconfig, ';') FROM pg_db_role_setting
                WHERE setdatabase = d.oid ORDER BY 1) AS settings
        FROM pg_database d WHERE datname = $1
        """,
        cluster.name,
    )
    return dict(row)


async def test_a_shadow_is_like_its_model_and_is_made_anew_each_time(cluster: Cluster) -> None:
    shadow = await create_shadow(cluster.connection, cluster.name, by="0199-abc")
    await write(named(cluster.url, shadow), "CREATE TABLE half (id int)")

    assert (
        await create_shadow(cluster.connection, cluster.name, by="0199-abc")
        == shadow
        == shadow_of(cluster.name, "0199-abc")
    )
    assert await read(named(cluster.url, shadow), "SELECT to_regclass('half') IS NULL")
    found, model = await cluster.found(shadow), await cluster.found()
    assert found.note == Note(Role.SHADOW, cluster.name, "0199-abc")
    same = ("datdba", "encoding", "datcollate", "datctype", "datlocprovider", "datlocale", "dattablespace")
    assert [found.row.columns[one] for one in same] == [model.row.columns[one] for one in same]
    assert await drop_shadow(cluster.url, by="another") == []
    assert await drop_shadow(cluster.url, by="0199-abc") == [shadow]
    assert await cluster.names() == [cluster.name]


async def test_kept_databases_go_when_their_time_is_over(cluster: Cluster, coming: str) -> None:
    done = await swap(cluster.url, coming, by="restore-1", keep_until=now() + timedelta(days=1))

    assert await drop_kept(cluster.url, now()) == []
    assert await drop_kept(cluster.url, now() + timedelta(days=2)) == [done.kept]
    assert await cluster.names() == [cluster.name]


def test_a_kept_database_has_a_name_of_its_own_however_long_the_name_is() -> None:
    at = datetime(2026, 11, 29, 6, 50, 7, tzinfo=UTC)

    assert kept_name("maestro", at, []) == "maestro_before_20261129065007"
    assert kept_name("maestro", at, ["maestro_before_20261129065007"]) == "maestro_before_20261129065007_2"
    assert kept_name("ü" * 31, at, []) == "ü" * 20 + "_before_20261129065007"


async def test_the_name_of_a_shadow_that_is_somebody_elses_is_refused(cluster: Cluster) -> None:
    theirs = shadow_of(cluster.name, "restore-1")
    await cluster.copy(theirs)
    await cluster.connection.execute(f"COMMENT ON DATABASE \"{theirs}\" IS 'mine'")

    with pytest.raises(Conflict, match="another database"):
        await create_shadow(cluster.connection, cluster.name, by="restore-1")
    assert await word(named(cluster.url, theirs)) == "present"
