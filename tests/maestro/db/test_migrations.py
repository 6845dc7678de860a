import re
from asyncio import gather, to_thread
from collections.abc import Callable

import pytest
from alembic import command
from sqlalchemy.exc import ProgrammingError

from maestro.db import migrate
from maestro.db.engine import Database
from maestro.db.tables import Base
from maestro.errors import InvalidInput, SchemaBehindError, StartupError
from maestro.invocation import command as command_line

EVERYTHING = """
SELECT kind, name, definition FROM (
    SELECT 'column' AS kind, relname || '.' || attname AS name,
        concat_ws(' ', format_type(atttypid, atttypmod), attnotnull, attidentity, attgenerated,
                  pg_get_expr(adbin, adrelid)) AS definition
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid AND relkind IN ('r', 'p')
    LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE relnamespace = 'public'::regnamespace AND attnum > 0 AND NOT attisdropped
    UNION ALL SELECT 'relation', relname, relkind::text FROM pg_class WHERE relnamespace = 'public'::regnamespace
    UNION ALL SELECT 'index', indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL SELECT 'constraint', conname, conrelid::regclass || ' ' || pg_get_constraintdef(oid)
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION ALL SELECT 'type', typname, typtype::text FROM pg_type WHERE typnamespace = 'public'::regnamespace
    UNION ALL SELECT 'protection', tablename || '.' || policyname,
        concat_ws(' ', permissive, roles, cmd, qual, with_check) FROM pg_policies WHERE schemaname = 'public'
    UNION ALL SELECT 'protection', relname, 'row security' FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relrowsecurity
    UNION ALL SELECT 'protection', tgrelid::regclass || '.' || tgname, pg_get_triggerdef(oid) FROM pg_trigger
    WHERE NOT tgisinternal
    UNION ALL SELECT 'function', proname, prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT 'tuning', relname, reloptions::text FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND reloptions IS NOT NULL
    UNION ALL SELECT 'tuning', attrelid::regclass || '.' || attname, attstorage::text FROM pg_attribute
    JOIN pg_class ON pg_class.oid = attrelid JOIN pg_type ON pg_type.oid = atttypid
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND attnum > 0 AND attstorage <> typstorage
) AS catalogue
WHERE name NOT LIKE '%alembic_version%'
"""
"""What a database holds beside rows, each thing by a definition in PostgreSQL's own words."""

COLUMNS = """
SELECT relname AS "table", attname AS name, attnotnull AS required
FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid AND relkind = 'r'
WHERE relnamespace = 'public'::regnamespace AND relname <> 'alembic_version' AND attnum > 0 AND NOT attisdropped
"""

CONSTRAINTS = """
SELECT conname AS name, contype::text AS kind, relname AS "table",
    (SELECT string_agg(attname, '_' ORDER BY position) FROM unnest(conkey) WITH ORDINALITY AS part (number, position)
     JOIN pg_attribute ON attrelid = conrelid AND attnum = number) AS columns
FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid
WHERE connamespace = 'public'::regnamespace AND relname <> 'alembic_version' AND contype <> 'n'
"""

INDEXES = """
SELECT own.relname AS name, of.relname AS "table", indisunique AS is_unique,
    coalesce(pg_get_expr(indpred, indrelid), '') AS condition
FROM pg_index JOIN pg_class AS own ON own.oid = indexrelid JOIN pg_class AS of ON of.oid = indrelid
WHERE own.relnamespace = 'public'::regnamespace AND of.relname <> 'alembic_version'
    AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u'))
"""

VIEWS = r"^(_|uq_)?(usage_by_project|project_usage)(_organization_id_project_id)?$"

EVERY_REVISION = list(migrate.history())

WITHOUT_ORGANIZATION = {
    "organization": "is one",
    "user": "may be a member of several",
    "sign_in_link": "signs a user in, to whichever organisations that user is a member of",
    "identity": "is who a user is elsewhere, whichever organisations that user is a member of",
    "session": "is a user's, who may go from one organisation to another in it",
}
ON_THE_TRASH_TOO = {
    "uq_run_project_id_number": "a number is never given twice",
    "uq_model_version_model_id_number": "a number is never given twice",
    "ix_run_experiment_id": "removing an experiment for good finds its runs in the trash",
    "ix_run_parent_id_id": "removing a run for good finds its children in the trash",
    "ix_model_version_source_run_id": "removing a run for good finds its versions in the trash",
    "ix_model_version_artifact_version_id": "removing files for good finds their model versions in the trash",
    "ix_model_alias_version_id": "removing a version for good finds its aliases in the trash",
    "ix_model_alias_model_id": "removing a model for good finds its aliases in the trash",
}


async def catalogue(url: str) -> set[tuple[str, ...]]:
    db = Database(url, pool_size=1, system_role="none")
    found = {tuple(row) for row in await db.fetch_sql(EVERYTHING)}
    await db.close()
    return found


async def execute(url: str, sql: str) -> None:
    db = Database(url, pool_size=1, system_role="none")
    await db.fetch_sql(sql)
    await db.close()


@pytest.mark.parametrize("revision", [revision.id for revision in EVERY_REVISION])
async def test_a_revision_can_be_undone_without_a_trace_and_run_again(empty_database_url: str, revision: str) -> None:
    url = empty_database_url
    ids = ["base", *(known.id for known in EVERY_REVISION)]
    previous = ids[ids.index(revision) - 1]
    await to_thread(migrate.upgrade, url, previous)
    before = await catalogue(url)
    await to_thread(migrate.upgrade, url, revision)
    after = await catalogue(url)
    assert after != before
    undone = await to_thread(migrate.downgrade, url, previous)
    assert [one.id for one in undone] == [revision]
    assert await catalogue(url) == before
    await to_thread(migrate.upgrade, url, revision)
    assert await catalogue(url) == after


async def test_undoing_every_revision_leaves_nothing(database_url: str) -> None:
    assert await to_thread(migrate.downgrade, database_url, "base") == EVERY_REVISION[::-1]
    assert await catalogue(database_url) == set()
    assert await to_thread(migrate.current, database_url) is None


async def test_migrations_lead_to_the_tables_of_the_code(database_url: str, empty_database_url: str) -> None:
    db = Database(empty_database_url, pool_size=1, system_role="none")
    async with db.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    await db.close()
    only_one_has = await catalogue(database_url) ^ await catalogue(empty_database_url)
    # How a table is stored, vacuumed and protected is said by migrations alone.
    by_migrations = {"tuning", "protection", "function"}
    told = {thing for thing in only_one_has if thing[0] not in by_migrations}
    # So are views: the code reads the one that has a name in front of what is counted ahead.
    assert {name for _, name, _ in told if not re.search(VIEWS, name)} == set()


async def test_a_draft_of_the_next_revision_would_be_empty(database_url: str) -> None:
    # Raises with what it would hold.
    await to_thread(migrate.run_on, database_url, lambda lent: command.check(migrate.configuration(lent)))


async def test_a_new_database_has_everything_pending(empty_database_url: str) -> None:
    assert await to_thread(migrate.current, empty_database_url) is None
    assert await to_thread(migrate.pending, empty_database_url) == EVERY_REVISION


async def test_a_migrated_database_has_nothing_pending(database_url: str) -> None:
    assert await to_thread(migrate.current, database_url) == migrate.head()
    assert await to_thread(migrate.pending, database_url) == []
    await to_thread(migrate.require_current, database_url)


async def test_upgrading_a_migrated_database_runs_nothing(database_url: str) -> None:
    assert await to_thread(migrate.upgrade, database_url) == []


async def test_a_database_that_is_behind_is_refused_with_the_command_to_run(empty_database_url: str) -> None:
    with pytest.raises(SchemaBehindError) as refusal:
        await to_thread(migrate.require_current, empty_database_url)
    assert refusal.value.hint == f"Back the database up and run `{command_line('migrate')}`."
    assert refusal.value.details == {"pending": [revision.id for revision in EVERY_REVISION]}
    assert await catalogue(empty_database_url) == set()


@pytest.mark.parametrize("refusing", [migrate.require_current, migrate.upgrade])
async def test_a_database_that_is_ahead_is_refused_and_left_alone(
    database_url: str, refusing: Callable[..., object]
) -> None:
    await execute(database_url, "UPDATE alembic_version SET version_num = '9999_01_01_01'")
    before = await catalogue(database_url)
    with pytest.raises(StartupError, match="ahead of this version of Maestro: it is at revision 9999_01_01_01"):
        await to_thread(refusing, database_url)
    assert await catalogue(database_url) == before
    assert await to_thread(migrate.current, database_url) == "9999_01_01_01"


@pytest.mark.parametrize("change", [migrate.upgrade, migrate.downgrade])
async def test_an_unknown_target_is_refused_and_changes_nothing(
    database_url: str, change: Callable[..., object]
) -> None:
    before = await catalogue(database_url)
    with pytest.raises(InvalidInput, match="There is no revision 'nowhere'"):
        await to_thread(change, database_url, "nowhere")
    assert await catalogue(database_url) == before
    assert await to_thread(migrate.current, database_url) == migrate.head()


async def test_of_two_upgrades_at_once_one_migrates_and_both_succeed(empty_database_url: str) -> None:
    first, second = await gather(
        to_thread(migrate.upgrade, empty_database_url), to_thread(migrate.upgrade, empty_database_url)
    )
    assert sorted([first, second], key=len) == [[], EVERY_REVISION]
    assert await to_thread(migrate.current, empty_database_url) == migrate.head()


async def test_a_revision_that_fails_leaves_nothing_behind_and_frees_the_lock(empty_database_url: str) -> None:
    await execute(empty_database_url, "CREATE TABLE run (id int)")
    before = await catalogue(empty_database_url)
    with pytest.raises(ProgrammingError, match='relation "run" already exists'):
        await to_thread(migrate.upgrade, empty_database_url)
    assert await catalogue(empty_database_url) == before
    await execute(empty_database_url, "DROP TABLE run")
    assert await to_thread(migrate.upgrade, empty_database_url) == EVERY_REVISION


async def test_constraints_are_named_by_their_kind_table_and_columns(db: Database) -> None:
    kinds = {"p": "pk_{table}", "f": "fk_{table}_{columns}", "u": "uq_{table}_{columns}", "c": "ck_{table}_"}
    constraints = await db.fetch_sql(CONSTRAINTS)
    assert {row.kind for row in constraints} == set(kinds)
    misnamed = {}
    for row in constraints:
        expected = kinds[row.kind].format(table=row.table, columns=row.columns)
        if row.name != expected and not (row.kind == "c" and row.name.startswith(expected)):
            misnamed[row.name] = expected
    assert misnamed == {}


async def test_indexes_are_named_by_their_kind_and_table(db: Database) -> None:
    indexes = await db.fetch_sql(INDEXES)
    assert indexes
    assert [
        row.name for row in indexes if not row.name.startswith(f"{'uq' if row.is_unique else 'ix'}_{row.table}_")
    ] == []


async def test_indexes_of_tables_with_a_trash_leave_the_trash_out(db: Database) -> None:
    with_trash = {row.table for row in await db.fetch_sql(COLUMNS) if row.name == "deleted_at"}
    assert len(with_trash) == 8
    full = {
        row.name
        for row in await db.fetch_sql(INDEXES)
        if row.table in with_trash and "deleted_at IS NULL" not in row.condition
    }
    assert full == set(ON_THE_TRASH_TOO)


async def test_every_row_belongs_to_an_organization(db: Database) -> None:
    columns = await db.fetch_sql(COLUMNS)
    owned = {row.table for row in columns if row.name == "organization_id" and row.required}
    assert {row.table for row in columns} - owned == set(WITHOUT_ORGANIZATION)
