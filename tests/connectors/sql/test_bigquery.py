"""BigQuery as a source, against local-bigquery."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any, ClassVar

import pyarrow as pa
import pytest

from connectors import catalogue
from connectors.sql.bigquery import BigquerySource
from connectors.sql.capability import ColumnType, SqlSource
from connectors.sql.extras import Estimate
from connectors.sql.frames import table
from maestro.errors import Conflict, Forbidden, InvalidInput, NotFound, Transient
from maestro.vendor_errors import Cancelled
from maestro.vendors import Bigquery
from tests.connectors.sql.bigquery_ground import DATASET, WORDS, opened
from tests.connectors.sql.contract import Opening, Running, SqlContract
from tests.connectors.sql.ground import MOMENT, run, until, write
from tests.connectors.sql.writing import ARROW
from tests.fixtures.bigquery_server import PROJECT, BigqueryServer
from tests.fixtures.connected import looked_into, secured_connector
from tests.fixtures.emulators import free_port
from tests.fixtures.graphql import Api
from tests.schema.connector_texts import RUN, administer, refused_action


@pytest.fixture(scope="module")
async def source(bigquery_server: BigqueryServer) -> AsyncIterator[BigquerySource]:
    async with opened(bigquery_server) as found:
        await found.create_dataset(DATASET)
        yield found


@pytest.fixture(scope="module")
def schema(source: BigquerySource) -> str:
    return DATASET


@pytest.fixture
def running(source: BigquerySource) -> Running:
    async def count(marker: str) -> int:
        return sum(one.state == "RUNNING" and marker in (one.statement or "") for one in await source.history())

    return count


@pytest.fixture
def opening(bigquery_server: BigqueryServer) -> Callable[..., Any]:
    return lambda **settings: opened(bigquery_server, **settings)


class TestBigquery(SqlContract):
    words = WORDS
    place = f"bigquery://{PROJECT}/{DATASET}"
    password = "a-secret-that-nobody-sees"
    most_connections = 8
    many = 60_000
    # 40 MB were measured in a process that had run other tests: gRPC receives ahead of its reader.
    share = 0.9
    lacks: ClassVar[dict[str, str]] = {
        "passwords": "a service account has a key; see test_bigquery_wire",
        "databases": "a project is told by the account's rights, and local-bigquery makes those it is asked for",
        "undoing": "a statement is a job, which is done when it has run",
        "keys": "BigQuery enforces no keys",
        "comments": "the list of tables has none",
        "odd names": "there are none with these signs",
    }

    async def test_a_large_result_passes_through_little_memory(self, source: SqlSource) -> None:
        # The library of large results is imported for the first one, and what its pages take stays.
        await run(source, self.words.wide.format(count=25_000), batch_rows=2000)
        await super().test_a_large_result_passes_through_little_memory(source)

    async def test_a_host_that_is_not_known_may_be_tried_again(self, opening: Opening) -> None:  # noqa: ARG002
        pytest.skip("without a credential no other host than this machine is asked")

    @pytest.mark.parametrize("kind", ARROW)
    async def test_values_of_every_type_are_inserted(self, source: SqlSource, schema: str, kind: str) -> None:
        if kind == "binary":
            pytest.skip("local-bigquery loads no BYTES from Parquet")
        await super().test_values_of_every_type_are_inserted(source, schema, kind)


NESTED = "id INT64 NOT NULL, tags ARRAY<STRING>, place STRUCT<lat FLOAT64, names ARRAY<STRUCT<a STRING>>>"


async def test_nested_columns_are_told_with_what_is_inside(source: BigquerySource) -> None:
    made = f"CREATE TABLE {DATASET}.nested ({NESTED}, note STRING OPTIONS (description = 'Of a note'), "
    await write(source, f"{made} PRIMARY KEY (id) NOT ENFORCED)")
    found = {one.name: one for one in await source.columns(DATASET, "nested")}
    assert [(one.type, one.vendor_type) for one in found.values()] == [
        (ColumnType.INTEGER, "INT64"),
        (ColumnType.ARRAY, "ARRAY<STRING>"),
        (ColumnType.STRUCT, "STRUCT<lat FLOAT64, names ARRAY<STRUCT<a STRING>>>"),
        (ColumnType.TEXT, "STRING"),
    ]
    assert (found["id"].is_key, found["id"].is_nullable, found["note"].is_key) == (True, False, False)
    assert found["note"].comment == "Of a note"
    await write(source, f"INSERT INTO {DATASET}.nested (id, tags, place) VALUES (1, ['x'], (0.5, [STRUCT('y')]))")
    rows = await table(source, f"SELECT tags, place FROM {DATASET}.nested")
    assert rows.to_pylist() == [{"tags": ["x"], "place": {"lat": 0.5, "names": [{"a": "y"}]}}]
    assert rows.schema.field("place").type.field("names").type == pa.list_(pa.struct([("a", pa.string())]))


async def test_arrays_are_parameters(source: BigquerySource) -> None:
    assert await run(source, "SELECT n FROM UNNEST(?) AS n ORDER BY n", ["b", "a"]) == [{"n": "a"}, {"n": "b"}]
    assert await run(source, "SELECT n FROM UNNEST(?) AS n", []) == []


async def test_a_large_result_is_read_by_the_storage_api(
    source: BigquerySource, bigquery_server: BigqueryServer
) -> None:
    few, many = WORDS.numbers.format(count=10), WORDS.numbers.format(count=30_000)
    async with opened(bigquery_server, storageEndpointUrl=bigquery_server.storage_address) as quick:
        found = await table(quick, many)
    assert sorted(found["n"].to_pylist()) == list(range(1, 30_001))
    assert found.schema == (await table(source, few)).schema


async def test_a_storage_api_that_does_not_answer_is_told(bigquery_server: BigqueryServer) -> None:
    address = f"http://127.0.0.1:{free_port()}"
    async with opened(bigquery_server, storageEndpointUrl=address) as lame:
        assert len(await run(lame, WORDS.numbers.format(count=10))) == 10
        with pytest.raises(Transient):
            async with asyncio.timeout(20):
                await run(lame, WORDS.numbers.format(count=30_000))


async def test_a_statement_is_reckoned_and_not_run(source: BigquerySource) -> None:
    await write(source, f"CREATE TABLE {DATASET}.reckoned (id INT64)")
    assert await source.estimate(f"SELECT * FROM {DATASET}.reckoned WHERE id = ?") == Estimate("SELECT", 0)
    assert await source.estimate(f"INSERT INTO {DATASET}.reckoned (id) VALUES (1)") == Estimate("INSERT", 0)
    assert await run(source, f"SELECT COUNT(*) AS n FROM {DATASET}.reckoned") == [{"n": 0}]


async def test_jobs_are_listed_and_told(source: BigquerySource) -> None:
    async with source.query("SELECT 17 AS jobs") as result:
        name = str(result.query_id)
    one = await source.job(name)
    assert (one.id, one.kind, one.state, one.statement) == (name, "SELECT", "SUCCEEDED", "SELECT 17 AS jobs")
    assert (one.scanned_bytes, one.billed_bytes, one.error) == (0, 0, None)
    assert one.started_at is not None
    assert one.took_s is not None
    assert name in [listed.id for listed in await source.history(since=one.started_at - timedelta(seconds=1), limit=50)]
    with pytest.raises(NotFound):
        await source.job("gone")
    with pytest.raises(InvalidInput):
        await source.job("../datasets/x")


async def test_a_job_is_cancelled_by_its_id(source: BigquerySource, running: Running) -> None:
    asking = asyncio.create_task(run(source, WORDS.sleeping.format(seconds=60) + " /* by id */"))
    await until(running, "by id", is_running=True)
    (name,) = [one.id for one in await source.history() if "by id" in (one.statement or "") and one.state == "RUNNING"]
    while not asking.done():  # local-bigquery does not hear of it before the job has its connection
        await source.cancel_job(name)
        await asyncio.sleep(0.1)
    with pytest.raises(Cancelled) as stopped:
        await asking
    assert (stopped.value.details["vendorCode"], stopped.value.details["requestId"]) == ("stopped", name)


async def test_data_sets_are_made_and_removed(source: BigquerySource) -> None:
    await source.create_dataset("made")
    with pytest.raises(Conflict):
        await source.create_dataset("made")
    await write(source, "CREATE TABLE made.t (id INT64)")
    with pytest.raises(Conflict):
        await source.delete_dataset("made")
    assert "made" in await source.schemas()
    await source.delete_dataset("made", with_tables=True)
    assert "made" not in await source.schemas()
    with pytest.raises(NotFound):
        await source.delete_dataset("made")
    for elsewhere in ("made/tables/t", "../x", "other.made", ""):
        for change in (source.create_dataset, source.delete_dataset):
            with pytest.raises(InvalidInput):
                await change(elsewhere)


async def test_rows_are_streamed_and_none_of_a_request_with_one_that_does_not_fit(source: BigquerySource) -> None:
    await write(source, f"CREATE TABLE {DATASET}.streamed (id INT64, at TIMESTAMP)")
    rows: list[dict[str, Any]] = [{"id": number, "at": MOMENT} for number in range(3)]
    assert await source.stream_rows(DATASET, "streamed", rows) == 3
    with pytest.raises(InvalidInput) as failed:
        await source.stream_rows(DATASET, "streamed", [*rows, {"id": "no number"}])
    assert failed.value.details["row"] == 3
    assert await run(source, f"SELECT id, at FROM {DATASET}.streamed ORDER BY id") == rows
    with pytest.raises(NotFound):
        await source.stream_rows(DATASET, "gone", rows)


@pytest.mark.parametrize(
    "statement",
    ["EXPORT DATA OPTIONS (uri = 'gs://b/*', format = 'CSV') AS SELECT 1 AS a", "CREATE SCHEMA made_by_read"],
)
async def test_what_is_no_select_is_refused_as_a_read(source: BigquerySource, statement: str) -> None:
    with pytest.raises(Forbidden):
        await run(source, statement)
    assert "made_by_read" not in await source.schemas()


async def test_it_is_opened_by_its_kind(bigquery_server: BigqueryServer) -> None:
    given: dict[str, Any] = {"dataset": DATASET, "endpointUrl": bigquery_server.address}
    config = Bigquery(project=PROJECT, **given)
    async with catalogue.opened("BIGQUERY", config, None) as found:
        assert "BigQuery" in await found.identify()


async def test_the_beginning_of_a_table_is_read_without_a_job(source: BigquerySource) -> None:
    await write(source, f"CREATE TABLE {DATASET}.peeked (id INT64, tags ARRAY<STRING>, at TIMESTAMP)")
    await write(source, f"INSERT INTO {DATASET}.peeked VALUES (1, ['x'], '2026-01-31 12:00:00Z'), (2, [], NULL)")
    await write(source, f"CREATE VIEW {DATASET}.peeked_at AS SELECT id FROM {DATASET}.peeked")
    before = [one.id for one in await source.history()]
    async with source.peek(DATASET, "peeked", rows=5) as result:
        rows = [row async for batch in result.batches() for row in batch.to_pylist()]
        assert (result.query_id, result.affected) == (None, None)
    assert [(row["id"], row["tags"]) for row in rows] == [(1, ["x"]), (2, [])]
    assert [one.type for one in result.columns] == [ColumnType.INTEGER, ColumnType.ARRAY, ColumnType.TIMESTAMP]
    async with source.peek(DATASET, "peeked", rows=1) as result:
        assert [batch.num_rows async for batch in result.batches()] == [1]
    assert [one.id for one in await source.history()] == before
    async with source.peek(DATASET, "peeked_at", rows=1) as result:
        assert [batch.num_rows async for batch in result.batches()] == [1]
        assert result.query_id is not None
    with pytest.raises(NotFound):
        async with source.peek(DATASET, "none", rows=1):
            pass


LOOK = """
query ($id: ID!, $statement: String!) {
  connector(id: $id) {
    vendorJobs(first: 50) { externalId kind state statement }
    queryEstimate(statement: $statement) { kind scannedBytes }
  }
}
"""
JOB = "query ($id: ID!, $job: String!) { connector(id: $id) { vendorJob(id: $job) { kind state elapsedSeconds } } }"


@pytest.fixture
async def made(api: Api, source: BigquerySource, bigquery_server: BigqueryServer) -> str:
    """A connector to the project."""
    config = {"project": PROJECT, "dataset": DATASET, "endpointUrl": bigquery_server.address}
    return await secured_connector(api, {"bigquery": config}, None)


async def test_it_is_looked_into_and_queried_by_graphql(api: Api, source: BigquerySource, made: str) -> None:
    await write(source, f"CREATE TABLE {DATASET}.seen (id INT64, price NUMERIC, tags ARRAY<STRING>)")
    await write(source, f"INSERT INTO {DATASET}.seen VALUES (1, 12.5, ['x']), (2, NULL, [])")
    found = await looked_into(api, made, schema=DATASET, table="seen")
    assert DATASET in found["schemas"]
    assert {"name": "seen", "kind": "TABLE"} in found["tables"]["nodes"]
    assert [(one["name"], one["type"]) for one in found["columns"]] == [
        *(("id", "INTEGER"), ("price", "DECIMAL"), ("tags", "ARRAY"))
    ]
    assert (found["preview"]["rows"], found["preview"]["isTruncated"]) == ([[1, "12.500000000", ["x"]]], True)
    statement = f"SELECT id FROM {DATASET}.seen WHERE id > ?"
    answer = (await api(RUN, input={"connectorId": made, "statement": statement, "parameters": [1]}))["runQuery"]
    assert answer["rows"] == [[2]]
    looked = (await api(LOOK, id=made, statement=statement))["connector"]
    assert looked["queryEstimate"] == {"kind": "SELECT", "scannedBytes": 0}
    (name,) = [one["externalId"] for one in looked["vendorJobs"] if one["statement"] == statement]
    job = (await api(JOB, id=made, job=name))["connector"]["vendorJob"]
    assert (job["kind"], job["state"], job["elapsedSeconds"] >= 0) == ("SELECT", "SUCCEEDED", True)
    await administer(api, made, cancelJob={"id": name})
    assert (await refused_action(api, made, cancelJob={"id": "gone"}))["code"] == "NOT_FOUND"
    assert (await refused_action(api, made, cancelJob={"id": "../datasets/x"}))["code"] == "BAD_USER_INPUT"


async def test_data_sets_and_rows_are_made_by_graphql(api: Api, source: BigquerySource, made: str) -> None:
    await administer(api, made, createDataset={"name": "administered"})
    assert (await refused_action(api, made, createDataset={"name": "administered"}))["code"] == "CONFLICT"
    await write(source, "CREATE TABLE administered.t (id INT64)")
    place = {"schema": "administered", "table": "t"}
    assert (await administer(api, made, streamRows={**place, "rows": [{"id": 1}, {"id": 2}]}))["rowCount"] == 2
    extensions = await refused_action(api, made, streamRows={**place, "rows": [{"id": 3}, {"id": "none"}]})
    assert (extensions["code"], extensions["row"]) == ("BAD_USER_INPUT", 1)
    assert await run(source, "SELECT id FROM administered.t ORDER BY id") == [{"id": 1}, {"id": 2}]
    assert (await refused_action(api, made, deleteDataset={"name": "administered"}))["code"] == "CONFLICT"
    await administer(api, made, deleteDataset={"name": "administered", "withTables": True})
    assert "administered" not in await source.schemas()
