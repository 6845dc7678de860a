"""PostgreSQL as a source, against a real server."""

from collections.abc import AsyncIterator
from typing import Any, ClassVar
from uuid import uuid4

import asyncpg
import pyarrow as pa
import pytest
from pydantic import SecretStr

from connectors.catalogue import opened
from connectors.sql.postgresql import CONNECTIONS, PostgresqlSource, postgresql_source
from maestro.credentials import PostgresqlCredential
from maestro.postgres import Address
from maestro.vendors import Postgresql
from tests.connectors.sql.contract import Opening, Running, SqlContract, Words
from tests.fixtures.databases import Databases

PASSWORD = "sesame-of-postgresql"


@pytest.fixture(scope="module")
async def config(databases: Databases, postgres: Address) -> AsyncIterator[Postgresql]:
    """A database with a user who owns it."""
    async with databases.new() as url:
        name, user = url.rpartition("/")[2].partition("?")[0], f"user_{uuid4().hex[:8]}"
        await databases.run(f"CREATE USER {user} PASSWORD '{PASSWORD}'")
        await databases.run(f"ALTER DATABASE {name} OWNER TO {user}")
        try:
            yield Postgresql.model_validate(
                {"host": "127.0.0.1", "port": postgres.port, "database": name, "user": user, "sslMode": "disable"}
            )
        finally:
            await databases.run(f"ALTER DATABASE {name} OWNER TO CURRENT_USER")
            await databases.run(f"REASSIGN OWNED BY {user} TO CURRENT_USER")


@pytest.fixture(scope="module")
def opening(config: Postgresql) -> Opening:
    def opening_with(password: str = PASSWORD, **settings: Any) -> Any:
        credential = PostgresqlCredential(password=SecretStr(password))
        return postgresql_source(config.model_copy(update=settings), credential)

    return opening_with


@pytest.fixture(scope="module")
async def source(opening: Opening) -> AsyncIterator[PostgresqlSource]:
    async with opening() as found:
        yield found


@pytest.fixture(scope="module")
async def schema(source: PostgresqlSource) -> str:
    name = f"s_{uuid4().hex[:8]}"
    async with source.query(f"CREATE SCHEMA {name}", is_writing=True):
        return name


@pytest.fixture(scope="module")
async def watching(config: Postgresql) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(
        host=config.host, port=config.port, database=config.database, user=config.user, password=PASSWORD, ssl=False
    )
    yield connection
    await connection.close()


@pytest.fixture(scope="module")
def running(watching: Any) -> Running:
    async def counted(marker: str) -> int:
        found: int = await watching.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid()"
            " AND position($1 in query) > 0",
            marker,
        )
        return found

    return counted


async def test_the_catalogue_opens_it(config: Postgresql) -> None:
    async with opened("POSTGRESQL", config, PostgresqlCredential(password=SecretStr(PASSWORD))) as found:
        assert isinstance(found, PostgresqlSource)
        assert await found.identify() == f"{config.user}, PostgreSQL 18.6"


class TestPostgresql(SqlContract):
    words = Words(
        placeholder=lambda number: f"${number}",
        types={
            "boolean": "boolean",
            "integer": "bigint",
            "float": "double precision",
            "decimal": "numeric(38, 9)",
            "text": "text",
            "binary": "bytea",
            "date": "date",
            "time": "time",
            "timestamp": "timestamptz",
            "json": "jsonb",
        },
        sleeping="SELECT pg_sleep({seconds})::text AS v",
        numbers="SELECT n FROM generate_series(1, {count}::bigint) AS n",
        wide="SELECT repeat('x', 1000) AS v FROM generate_series(1, {count}) AS n",
        own_schemas=("information_schema", "pg_catalog", "pg_toast"),
        commented=("COMMENT ON TABLE {table} IS 'Of tests'", "COMMENT ON COLUMN {table}.name IS 'Of a name'"),
    )
    place = "postgresql://"
    password = PASSWORD
    most_connections = CONNECTIONS
    arrow: ClassVar = {"decimal": pa.types.is_string}  # the driver does not tell how many digits a decimal has
