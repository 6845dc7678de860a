"""MySQL as a source, against a real MariaDB."""

from collections.abc import AsyncIterator
from typing import Any, ClassVar
from uuid import uuid4

import aiomysql
import pytest
from pydantic import SecretStr

from connectors.catalogue import opened
from connectors.sql.mysql import MysqlSource, mysql_source
from connectors.sql.mysql_pool import CONNECTIONS
from connectors.sql.mysql_text import quoted
from maestro.credentials import MysqlCredential
from maestro.vendors import Mysql
from tests.connectors.sql.contract import Opening, Running, SqlContract, Words
from tests.connectors.sql.ground import only
from tests.fixtures.connected import looked_into, secured_connector
from tests.fixtures.graphql import Api
from tests.fixtures.mariadb_server import PASSWORD, Mariadb
from tests.schema.connector_texts import RUN


@pytest.fixture(scope="module")
def config(mariadb: Mariadb) -> Mysql:
    return Mysql.model_validate(
        {"host": "127.0.0.1", "port": mariadb.port, "database": mariadb.database, "user": mariadb.user}
    )


@pytest.fixture(scope="module")
def opening(config: Mysql) -> Opening:
    def opening_with(password: str = PASSWORD, **settings: Any) -> Any:
        return mysql_source(config.model_copy(update=settings), MysqlCredential(password=SecretStr(password)))

    return opening_with


@pytest.fixture(scope="module")
async def source(opening: Opening) -> AsyncIterator[MysqlSource]:
    async with opening() as found:
        yield found


@pytest.fixture(scope="module")
async def schema(source: MysqlSource) -> str:
    name = f"s_{uuid4().hex[:8]}"
    async with source.query(f"CREATE DATABASE {name}", is_writing=True):
        return name


@pytest.fixture(scope="module")
async def running(mariadb: Mariadb) -> AsyncIterator[Running]:
    connection = await aiomysql.connect(
        host="127.0.0.1",
        port=mariadb.port,
        user=mariadb.user,
        password=mariadb.password.encode().decode("latin-1"),
        charset="utf8mb4",
        autocommit=True,
    )

    async def counted(marker: str) -> int:
        async with connection.cursor() as cursor:
            await cursor.execute(
                "SELECT COUNT(*) FROM information_schema.processlist WHERE command = 'Query' AND info LIKE %s"
                " AND id <> CONNECTION_ID()",
                (f"%{marker}%",),
            )
            return int((await cursor.fetchone())[0])

    yield counted
    connection.close()


async def test_the_catalogue_opens_it(config: Mysql) -> None:
    async with opened("MYSQL", config, MysqlCredential(password=SecretStr(PASSWORD))) as found:
        assert isinstance(found, MysqlSource)
        assert await found.identify() == f"{config.user}@%, {await only(found, 'SELECT VERSION() AS v')}"


class TestMysql(SqlContract):
    words = Words(
        placeholder=lambda _: "%s",
        types={
            "boolean": "boolean",
            "integer": "bigint",
            "float": "double",
            "decimal": "decimal(38, 9)",
            "text": "mediumtext",
            "binary": "blob",
            "date": "date",
            "time": "time(6)",
            "timestamp": "timestamp(6) null default null",
        },
        sleeping="SELECT SLEEP({seconds}) AS v",
        numbers="SELECT seq AS n FROM seq_1_to_{count}",
        wide="SELECT REPEAT('x', 1000) AS v FROM seq_1_to_{count}",
        own_schemas=("information_schema", "mysql", "performance_schema", "sys"),
        quoted=quoted,
        commented=(
            "ALTER TABLE {table} COMMENT 'Of tests'",
            "ALTER TABLE {table} MODIFY name mediumtext COMMENT 'Of a name'",
        ),
    )
    lacks: ClassVar = {
        "json": "MariaDB's JSON is a longtext, and it is told as one",
        "nan": "MySQL has no NaN and no infinity",
        "division by zero": "MySQL answers NULL for it, also in strict mode; only an INSERT is refused",
        "zones in texts": "MariaDB knows no zones in the text of a timestamp",
    }
    place = "mysql://"
    password = PASSWORD
    most_connections = CONNECTIONS


async def test_it_is_looked_into_and_queried_by_graphql(
    api: Api, config: Mysql, *, source: MysqlSource, schema: str
) -> None:
    table = f"{schema}.`odd ``name`"
    for statement in (
        f"CREATE TABLE {table} (id BIGINT PRIMARY KEY, price DECIMAL(10, 2), note JSON)",
        f"INSERT INTO {table} VALUES (1, 12.5, '{{\"a\": [1]}}'), (9007199254740993, NULL, NULL)",
    ):
        async with source.query(statement, is_writing=True):
            pass
    settings = config.model_dump(by_alias=True)
    made = await secured_connector(api, {"mysql": settings}, {"mysql": {"password": PASSWORD}})
    found = await looked_into(api, made, schema=schema, table="odd `name")
    assert schema in found["schemas"]
    assert {"name": "odd `name", "kind": "TABLE"} in found["tables"]["nodes"]
    assert [(one["name"], one["isKey"]) for one in found["columns"]] == [
        ("id", True),
        ("price", False),
        ("note", False),
    ]
    assert [one["type"] for one in found["preview"]["columns"]][:2] == ["INTEGER", "DECIMAL"]
    assert (found["preview"]["rows"][0][:2], found["preview"]["isTruncated"]) == ([1, "12.50"], True)
    statement = f"SELECT id FROM {table} WHERE id > %s"
    answer = await api(RUN, input={"connectorId": made, "statement": statement, "parameters": [1]})
    assert answer["runQuery"]["rows"] == [["9007199254740993"]]
    (error,) = await api.errors(RUN, input={"connectorId": made, "statement": f"DELETE FROM {table}"})
    assert error["extensions"]["code"] == "FORBIDDEN"
    async with source.query(f"DROP TABLE {table}", is_writing=True):
        pass
