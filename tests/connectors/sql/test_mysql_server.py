"""What MySQL has beyond the contract: its own types, its modes, and how it is secured. Against a real MariaDB."""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from connectors.sql.capability import ColumnType
from connectors.sql.mysql import MysqlSource
from maestro.errors import InvalidInput, MaestroError, Transient
from maestro.vendor_errors import ConnectorFailed
from tests.connectors.sql.ground import Opening, Running, batch_of, only, run, streamed, until, write
from tests.connectors.sql.test_mysql import config, opening, running, schema, source
from tests.fixtures.mariadb_server import Mariadb

__all__ = ["config", "opening", "running", "schema", "source"]


@pytest.mark.parametrize(
    ("kind", "written", "wanted"),
    [
        ("tinyint", "-128", -128),
        ("smallint unsigned", "65535", 65535),
        ("bigint unsigned", "18446744073709551615", 2**64 - 1),
        ("year", "2024", 2024),
        ("float", "0.5", 0.5),
        ("decimal(65, 30)", "1.5", Decimal("1.5")),
        ("datetime(6)", "'2024-02-29 12:00:00.5'", datetime(2024, 2, 29, 12, 0, 0, 500000)),  # noqa: DTZ001
        ("timestamp", "'2024-02-29 12:00:00'", datetime(2024, 2, 29, 12, tzinfo=UTC)),
        ("char(3)", "'a'", "a"),
        ("enum('a', 'b')", "'b'", "b"),
        ("set('a', 'b')", "'a,b'", "a,b"),
        ("varbinary(3)", "x'00ff'", b"\x00\xff"),
        ("bit(3)", "b'101'", b"\x05"),
        ("json", "'{\"a\": 1}'", '{"a": 1}'),
        ("uuid", "'12345678-1234-5678-1234-567812345678'", "12345678-1234-5678-1234-567812345678"),
    ],
)
async def test_a_value_of_its_own_types_is_read(
    source: MysqlSource, schema: str, *, kind: str, written: str, wanted: Any
) -> None:
    await write(source, f"CREATE OR REPLACE TABLE {schema}.own (v {kind} NULL)")
    await write(source, f"INSERT INTO {schema}.own VALUES ({written}), (NULL)")
    assert [row["v"] for row in await run(source, f"SELECT v FROM {schema}.own ORDER BY v IS NULL")] == [wanted, None]


async def test_a_day_that_is_none_is_null(source: MysqlSource, schema: str) -> None:
    await write(source, f"CREATE OR REPLACE TABLE {schema}.days (d date, t datetime)")
    async with source.transaction() as inside:
        await write(inside, "SET SESSION sql_mode = ''")
        await write(inside, f"INSERT INTO {schema}.days VALUES ('0000-00-00', '2024-02-00 00:00:00')")
    assert await run(source, f"SELECT d, t FROM {schema}.days") == [{"d": None, "t": None}]


async def test_a_duration_is_no_time_of_a_day(source: MysqlSource) -> None:
    with pytest.raises(InvalidInput):
        await run(source, "SELECT CAST('30:00:00' AS TIME) AS v")
    assert await only(source, "SELECT 1 AS v") == 1


@pytest.mark.parametrize("mode", ["NO_BACKSLASH_ESCAPES", "ANSI_QUOTES", ""])
@pytest.mark.parametrize("value", ["\\' OR 1=1 -- ", "\\", "a\\nb", "' OR ''='"])
async def test_literals_end_where_they_should_in_every_mode(source: MysqlSource, mode: str, value: str) -> None:
    async with source.transaction() as inside:
        await write(inside, f"SET SESSION sql_mode = '{mode}'")
        assert await only(inside, "SELECT %s AS v", value) == value
    assert await only(source, "SELECT %s AS v", value) == value


async def test_nothing_that_was_set_or_locked_is_left_for_the_next_statement(source: MysqlSource) -> None:
    await write(source, "SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES', SESSION time_zone = '+05:00'")
    await write(source, "SELECT GET_LOCK('of tests', 1)")
    assert await only(source, "SELECT @@time_zone AS v") == "+00:00"
    assert "NO_BACKSLASH" not in await only(source, "SELECT @@sql_mode AS v")
    assert await only(source, "SELECT IS_FREE_LOCK('of tests') AS v") == 1


@pytest.mark.parametrize(
    "statement", ["DELETE FROM {}.kept", "CALL {}.emptied()", "TRUNCATE {}.kept", "SELECT * FROM {}.kept FOR UPDATE"]
)
async def test_a_read_has_no_way_to_write(source: MysqlSource, schema: str, statement: str) -> None:
    await write(source, f"CREATE TABLE IF NOT EXISTS {schema}.kept (id int)")
    await write(source, f"DELETE FROM {schema}.kept")
    await write(source, f"INSERT INTO {schema}.kept VALUES (1)")
    await write(source, f"CREATE OR REPLACE PROCEDURE {schema}.emptied() BEGIN COMMIT; DELETE FROM {schema}.kept; END")
    with suppress(MaestroError):
        await run(source, statement.format(schema))
    assert await only(source, f"SELECT COUNT(*) AS n FROM {schema}.kept") == 1


async def test_a_write_that_takes_too_long_is_stopped_and_undone(source: MysqlSource, schema: str) -> None:
    await write(source, f"CREATE OR REPLACE TABLE {schema}.slow (id int)")
    with pytest.raises(MaestroError) as stopped:
        async with source.query(
            f"INSERT INTO {schema}.slow SELECT seq + SLEEP(0.1) FROM seq_1_to_1000", is_writing=True, timeout_s=0.5
        ):
            pass
    assert stopped.value.code == "TIMED_OUT"
    assert await only(source, f"SELECT COUNT(*) AS n FROM {schema}.slow") == 0


async def test_a_connection_that_the_server_ends_is_made_again(source: MysqlSource, running: Running) -> None:
    asking = asyncio.create_task(run(source, "SELECT SLEEP(20) AS ended_by_test"))
    await until(running, "AS ended_by_test", is_running=True)
    find = "SELECT id FROM information_schema.processlist WHERE info LIKE '%AS ended_by_test' AND id <> CONNECTION_ID()"
    await write(source, f"KILL {await only(source, find)}")
    with pytest.raises(Transient):
        await asking
    assert await only(source, "SELECT 1 AS v") == 1


async def test_json_is_given_as_parts(source: MysqlSource) -> None:
    assert await only(source, "SELECT JSON_VALUE(%s, '$.a[1]') AS v", {"a": [1, "it's"]}) == "it's"


async def test_rows_longer_than_one_statement_are_inserted(source: MysqlSource, schema: str) -> None:
    await write(source, f"CREATE OR REPLACE TABLE {schema}.wide (v longtext)")
    batch = batch_of(v=pa.array(["x" * 400_000] * 7))
    assert await source.insert(schema, "wide", streamed(batch)) == 7
    assert await only(source, f"SELECT SUM(LENGTH(v)) AS n FROM {schema}.wide") == 2_800_000


async def test_its_types_are_told_of_a_table(source: MysqlSource, schema: str) -> None:
    kinds = {
        "a": ("tinyint(1)", ColumnType.BOOLEAN),
        "b": ("bigint(20) unsigned", ColumnType.INTEGER),
        "c": ("enum('x')", ColumnType.TEXT),
        "d": ("geometry", ColumnType.GEOGRAPHY),
        "e": ("mediumblob", ColumnType.BINARY),
    }
    columns = ", ".join(f"{name} {kind}" for name, (kind, _) in kinds.items())
    await write(source, f"CREATE OR REPLACE TABLE {schema}.typed ({columns})")
    found = {one.name: (one.vendor_type, one.type) for one in await source.columns(schema, "typed")}
    assert found == kinds


# How it is secured


async def outcome(opening: Opening, **settings: Any) -> tuple[type[MaestroError] | None, str]:
    try:
        async with opening(**settings) as opened:
            return None, await opened.identify()
    except MaestroError as error:
        return type(error), str(error)


@pytest.mark.parametrize(
    ("mode", "is_known", "wanted"),
    [
        ("REQUIRED at 127.0.0.1", False, None),
        ("VERIFY_CA at localhost", False, ConnectorFailed),
        ("VERIFY_CA at 127.0.0.1", True, None),
        ("VERIFY_IDENTITY at 127.0.0.1", True, ConnectorFailed),
        ("VERIFY_IDENTITY at localhost", True, None),
    ],
)
async def test_a_certificate_is_verified_as_the_mode_says(
    opening: Opening,
    mariadb: Mariadb,
    monkeypatch: pytest.MonkeyPatch,
    *,
    mode: str,
    is_known: bool,
    wanted: type[MaestroError] | None,
) -> None:
    if is_known:
        monkeypatch.setenv("SSL_CERT_FILE", str(mariadb.authority))
    mode, _, host = mode.partition(" at ")
    kind, told = await outcome(opening, ssl_mode=mode, host=host)
    assert kind is wanted, told


@pytest.mark.parametrize(("mode", "is_encrypted"), [("DISABLED", False), ("PREFERRED", True), ("REQUIRED", True)])
async def test_a_line_is_encrypted_as_the_mode_says(opening: Opening, mode: str, *, is_encrypted: bool) -> None:
    async with opening(ssl_mode=mode) as opened:
        ((_, cipher),) = [tuple(row.values()) for row in await run(opened, "SHOW SESSION STATUS LIKE 'Ssl_cipher'")]
    assert bool(cipher) is is_encrypted


@asynccontextmanager
async def greeting(plugin: bytes) -> AsyncIterator[tuple[int, bytearray]]:
    """A server without TLS that greets as MySQL does and wants a way to sign in; what it is told is kept."""
    told = bytearray()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        capabilities = 0x000FF7FF & ~0x0800  # all the usual ones, without TLS
        hello = b"\x0a8.4.0\0" + struct.pack("<I", 1) + b"12345678\0" + struct.pack("<H", capabilities & 0xFFFF)
        hello += b"\x2d" + struct.pack("<HH", 2, capabilities >> 16) + bytes([21]) + bytes(10) + b"123456789012\0"
        hello += plugin + b"\0"
        writer.write(struct.pack("<I", len(hello))[:3] + b"\0" + hello)
        await writer.drain()
        told.extend(await reader.read(1000))
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1], told


@pytest.mark.parametrize("mode", ["REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY"])
async def test_a_server_without_tls_learns_nothing_where_tls_is_asked_for(opening: Opening, mode: str) -> None:
    async with greeting(b"mysql_native_password") as (port, told):
        kind, _ = await outcome(opening, ssl_mode=mode, port=port)
    assert (kind, bytes(told)) == (ConnectorFailed, b"")


@pytest.mark.parametrize("mode", ["DISABLED", "PREFERRED"])
async def test_a_password_is_never_told_in_plain_to_who_was_not_verified(opening: Opening, mode: str) -> None:
    async with greeting(b"mysql_clear_password") as (port, told):
        kind, _ = await outcome(opening, ssl_mode=mode, port=port)
    assert (kind, bytes(told)) == (ConnectorFailed, b"")
