"""Snowflake as a source, against fakesnow."""

import asyncio
import json
import urllib.request
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, ClassVar

import pyarrow as pa
import pytest
from pydantic import SecretStr, ValidationError

from connectors import catalogue
from connectors.sql.capability import ColumnType, SqlSource
from connectors.sql.snowflake import SnowflakeSource, snowflake_source
from maestro.credentials import SnowflakeCredential
from maestro.errors import Conflict, InvalidInput
from maestro.vendors import Snowflake
from tests.connectors.sql.contract import Running, SqlContract, Words
from tests.connectors.sql.ground import batch_of, run, streamed, write
from tests.fixtures.connected import looked_into, secured_connector
from tests.fixtures.graphql import Api
from tests.schema.connector_texts import RUN

PASSWORD = "a-secret-that-nobody-sees"
SCHEMA = "CONTRACT"
WORDS = Words(
    placeholder=lambda _: "?",
    types={
        "boolean": "BOOLEAN",
        "integer": "INTEGER",
        "float": "FLOAT",
        "decimal": "NUMBER(38, 9)",
        "text": "VARCHAR",
        "binary": "BINARY",
        "date": "DATE",
        "time": "TIME",
        "timestamp": "TIMESTAMP_TZ",
    },
    sleeping="SELECT COUNT(*) AS n FROM range(1, CAST({seconds} * 800 AS BIGINT)) a, range(1, 100000) b "
    "WHERE hash(a.range + b.range) = 1",
    numbers="SELECT n FROM range(1, {count} + 1) t(n)",
    wide="SELECT REPEAT('x', 1000) AS w FROM range({count})",
    own_schemas=("INFORMATION_SCHEMA",),
    spelled=str.upper,
    commented=(
        "COMMENT ON TABLE {table} IS 'Of tests'",
        "COMMENT ON COLUMN {table}.name IS 'Of a name'",
    ),
)


def config_of(port: int, **settings: Any) -> Snowflake:
    given = {"account": "maestro-tests", "user": "ADA", "warehouse": "WH", "database": "TESTS", "schema": SCHEMA}
    return Snowflake(**{**given, "host": "127.0.0.1", "port": port, "protocol": "http", **settings})


def opened(port: int, *, password: str = PASSWORD, **settings: Any) -> AbstractAsyncContextManager[SnowflakeSource]:
    return snowflake_source(config_of(port, **settings), SnowflakeCredential(password=SecretStr(password)))


@pytest.fixture(scope="module")
async def source(snowflake_port: int) -> AsyncIterator[SnowflakeSource]:
    async with opened(snowflake_port) as found:
        await found.identify()
        yield found


@pytest.fixture(scope="module")
def schema(source: SnowflakeSource) -> str:
    return SCHEMA


@pytest.fixture
def running(snowflake_port: int) -> Running:
    def asked(marker: str) -> int:
        with urllib.request.urlopen(f"http://127.0.0.1:{snowflake_port}/running", timeout=5) as answer:
            return sum(marker in text for text in json.load(answer))

    return lambda marker: asyncio.to_thread(asked, marker)


@pytest.fixture
def opening(snowflake_port: int) -> Callable[..., Any]:
    def open_with(**settings: Any) -> Any:
        safe = {"protocol": "https"} if "host" in settings else {}
        return opened(settings.pop("port", snowflake_port), **safe, **settings)

    return open_with


class TestSnowflake(SqlContract):
    words = WORDS
    place = "snowflake://maestro-tests/TESTS"
    password = PASSWORD
    most_connections = 8
    many = 5_000
    lacks: ClassVar[dict[str, str]] = {
        "json": "a VARIANT takes a parameter only through PARSE_JSON",
        "keys": "Snowflake enforces no keys",
        "views": "fakesnow lists no views among the tables of its information schema",
        "comments": "fakesnow fails to answer COMMENT ON COLUMN",
        "positions": "fakesnow tells them in other words; see test_snowflake_wire",
        "division by zero": "fakesnow divides by zero",
        "passwords": "fakesnow takes all of them; see test_snowflake_wire",
        "databases": "fakesnow makes those it is asked for; see test_snowflake_wire",
        "odd names": "fakesnow fails to answer for names with a quote in them",
        "memory": "fakesnow answers a result in one piece, Snowflake a large one in many",
    }

    async def test_a_large_result_passes_through_little_memory(self, source: SqlSource) -> None:  # noqa: ARG002
        self.needs("memory")

    async def test_decimals_are_exact_in_what_is_counted(
        self,
        source: SqlSource,  # noqa: ARG002
        schema: str,  # noqa: ARG002
    ) -> None:
        pytest.skip("fakesnow sums decimals as floats")


async def test_keys_and_comments_of_columns_are_told(source: SnowflakeSource, schema: str) -> None:
    lines = "id INT NOT NULL PRIMARY KEY COMMENT 'Of a key', name VARCHAR"
    await write(source, f"CREATE TABLE {schema}.told ({lines}) COMMENT = 'Of tests'")
    first, second = await source.columns(schema, "TOLD")
    assert (first.is_key, first.is_nullable, first.vendor_type) == (True, False, "NUMBER(38,0)")
    assert (second.is_key, second.is_nullable, second.vendor_type) == (False, True, "TEXT")
    (told,) = [one for one in await source.tables(schema) if one.name == "TOLD"]
    assert (told.kind, told.comment) == ("TABLE", "Of tests")


async def test_json_goes_in_as_text_and_comes_out_as_text(source: SnowflakeSource, schema: str) -> None:
    await write(source, f"CREATE TABLE {schema}.j (v VARIANT)")
    await write(source, f"INSERT INTO {schema}.j SELECT PARSE_JSON(?)", {"a": [1, None]})
    (row,) = await run(source, f"SELECT v FROM {schema}.j")
    assert json.loads(row["V"]) == {"a": [1, None]}
    (column,) = await source.columns(schema, "J")
    assert column.type is ColumnType.JSON
    with pytest.raises(InvalidInput, match="Parameter 1 is not JSON"):
        await write(source, f"INSERT INTO {schema}.j SELECT PARSE_JSON(?)", [object()])


async def test_an_insert_that_breaks_a_constraint_leaves_nothing(source: SnowflakeSource, schema: str) -> None:
    await write(source, f"CREATE TABLE {schema}.staged (id INT NOT NULL, name VARCHAR)")
    good, bad = batch_of(ID=[1], name=["x"]), batch_of(ID=pa.array([None], pa.int64()), name=["x"])
    assert await source.insert(schema, "STAGED", streamed(good)) == 1
    with pytest.raises(Conflict):
        await source.insert(schema, "STAGED", streamed(bad))
    assert await run(source, f"SELECT * FROM {schema}.staged") == [{"ID": 1, "NAME": "x"}]


async def test_columns_of_batches_are_found_whatever_their_capitals(source: SnowflakeSource, schema: str) -> None:
    await write(source, f"CREATE TABLE {schema}.capitals (id INT, name VARCHAR)")
    assert await source.insert(schema, "CAPITALS", streamed(batch_of(Id=[1], Name=["x"]))) == 1
    assert await run(source, f"SELECT * FROM {schema}.capitals") == [{"ID": 1, "NAME": "x"}]
    with pytest.raises(InvalidInput, match="go into one column"):
        await source.insert(schema, "CAPITALS", streamed(batch_of(id=[1], ID=[2])))


async def test_what_commits_by_itself_is_for_no_transaction(source: SnowflakeSource, schema: str) -> None:
    with pytest.raises(InvalidInput, match="for no transaction"):
        async with source.transaction() as inside:
            await write(inside, f"CREATE TABLE {schema}.never (id INT)")
    assert "NEVER" not in [one.name for one in await source.tables(schema)]


async def test_a_write_that_is_cancelled_in_its_block_is_undone(source: SnowflakeSource, schema: str) -> None:
    await write(source, f"CREATE TABLE {schema}.undone (id INT)")
    has_written = asyncio.Event()

    async def writing() -> None:
        async with source.query(f"INSERT INTO {schema}.undone VALUES (1)", is_writing=True):
            has_written.set()
            await asyncio.sleep(60)

    asking = asyncio.create_task(writing())
    await asyncio.wait_for(has_written.wait(), 20)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert await run(source, f"SELECT * FROM {schema}.undone") == []


async def test_warehouses_of_the_stand_in_are_listed(source: SnowflakeSource) -> None:
    assert [one.name for one in await source.warehouses()] == ["FAKESNOW_WAREHOUSE"]


async def test_it_is_opened_by_its_kind(snowflake_port: int) -> None:
    credential = SnowflakeCredential(password=SecretStr(PASSWORD))
    async with catalogue.opened("SNOWFLAKE", config_of(snowflake_port), credential) as found:
        assert "Snowflake" in await found.identify()


def test_credentials_are_told_to_no_other_machine_in_the_clear() -> None:
    with pytest.raises(ValidationError, match="http is for a server on this machine only"):
        config_of(443, host="snowflake.example.org")


async def test_it_is_looked_into_and_queried_by_graphql(api: Api, source: SnowflakeSource, snowflake_port: int) -> None:
    await write(source, f"CREATE TABLE {SCHEMA}.seen (id INT NOT NULL PRIMARY KEY, price NUMBER(10, 2), day DATE)")
    await write(source, f"INSERT INTO {SCHEMA}.seen VALUES (1, 12.5, '2026-01-31'), (2, NULL, NULL)")
    config = config_of(snowflake_port).model_dump(by_alias=True)
    made = await secured_connector(api, {"snowflake": config}, {"snowflake": {"password": PASSWORD}})
    found = await looked_into(api, made, schema=SCHEMA, table="SEEN")
    assert SCHEMA in found["schemas"]
    assert {"name": "SEEN", "kind": "TABLE"} in found["tables"]["nodes"]
    assert [(one["name"], one["isKey"]) for one in found["columns"]] == [("ID", True), ("PRICE", False), ("DAY", False)]
    assert found["preview"]["rows"] == [[1, "12.50", "2026-01-31"]]
    assert found["preview"]["isTruncated"] is True
    statement = f"SELECT id FROM {SCHEMA}.seen WHERE id > ?"
    answer = await api(RUN, input={"connectorId": made, "statement": statement, "parameters": [1]})
    assert answer["runQuery"]["rows"] == [[2]]
    (error,) = await api.errors(RUN, input={"connectorId": made, "statement": f"DELETE FROM {SCHEMA}.seen"})
    assert error["extensions"]["code"] == "FORBIDDEN"
