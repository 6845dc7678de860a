"""What every SQL source has to do when it is asked: streams, stops, and refusals to write."""

import asyncio
import gc
from contextlib import suppress
from uuid import uuid4

import psutil
import pytest

from connectors.sql.capability import SqlSource
from maestro.errors import Forbidden, InvalidInput, MaestroError, NotFound
from maestro.vendor_errors import TimedOut
from tests.connectors.sql.ground import MEGABYTE, Ground, Running, only, run, until, write

WRITES = [
    "INSERT INTO {table} (id, name) VALUES (9, 'x')",
    "UPDATE {table} SET name = 'x' WHERE id = 1",
    "DELETE FROM {table} WHERE id = 1",
    "DROP TABLE {table}",
    "CREATE TABLE {table}_x (id INTEGER)",
    "ALTER TABLE {table} ADD COLUMN more INTEGER",
]


def marker() -> str:
    return f"mark_{uuid4().hex[:12]}"


class Reading(Ground):
    """Streams, time, cancellation, and that a read changes nothing."""

    def sleeping(self, seconds: float, mark: str) -> str:
        """Return a statement that takes so long, and has a text in it that is found in the vendor's list."""
        return f"{self.words.sleeping.format(seconds=seconds)} /* {mark} */"

    async def test_rows_come_in_batches_of_one_schema_that_is_known_before(self, source: SqlSource) -> None:
        async with source.query(self.words.numbers.format(count=2500), batch_rows=1000) as result:
            known = result.schema
            assert known.names == [self.words.spelled("n")] == [column.name for column in result.columns]
            found = [batch async for batch in result.batches()]
        assert all(batch.schema == known for batch in found)
        assert all(0 < batch.num_rows <= 1000 for batch in found)
        assert sorted(n for batch in found for n in batch.column(0).to_pylist()) == list(range(1, 2501))

    async def test_a_large_result_passes_through_little_memory(self, source: SqlSource) -> None:
        process, rows = psutil.Process(), 0
        gc.collect()
        before = process.memory_info().rss
        most = 0
        async with source.query(self.words.wide.format(count=self.many), batch_rows=2000, timeout_s=120) as result:
            async for batch in result.batches():
                rows += batch.num_rows
                most = max(most, process.memory_info().rss - before)
        assert most < self.many * 1000 * self.share, f"{most:,} bytes"
        assert rows == self.many
        assert self.many * 1000 >= 50 * MEGABYTE

    async def test_a_result_may_be_left_early(self, source: SqlSource, running: Running) -> None:
        mark = marker()
        statement = f"{self.words.wide.format(count=self.many)} /* {mark} */"
        async with source.query(statement, batch_rows=100, timeout_s=120) as result:
            async for batch in result.batches():
                assert 0 < batch.num_rows <= 100
                break
        if "processes" not in self.lacks:
            await until(running, mark, is_running=False)
        assert await only(source, "SELECT 1 AS v") == 1

    async def test_a_result_need_not_be_read(self, source: SqlSource) -> None:
        for _ in range(max(self.most_connections, 4) + 2):
            async with source.query(self.words.numbers.format(count=5000), batch_rows=100):
                pass
        assert await only(source, "SELECT 1 AS v") == 1

    async def test_a_statement_that_takes_too_long_is_stopped_at_the_vendor(
        self, source: SqlSource, running: Running
    ) -> None:
        self.needs("timeouts")
        mark = marker()
        with pytest.raises(TimedOut) as stopped:
            await run(source, self.sleeping(20, mark), timeout_s=0.5)
        assert stopped.value.details["timeoutSeconds"] == 0.5
        if "processes" not in self.lacks:
            await until(running, mark, is_running=False)
        assert await only(source, "SELECT 1 AS v") == 1

    async def test_a_caller_that_is_cancelled_stops_the_statement_at_the_vendor(
        self, source: SqlSource, running: Running
    ) -> None:
        self.needs("processes")
        mark = marker()
        asking = asyncio.create_task(run(source, self.sleeping(20, mark)))
        await until(running, mark, is_running=True)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await until(running, mark, is_running=False)
        assert await only(source, "SELECT 1 AS v") == 1

    async def test_a_caller_that_is_cancelled_while_it_reads_leaves_nothing_running(
        self, source: SqlSource, running: Running
    ) -> None:
        self.needs("processes")
        mark, has_begun = marker(), asyncio.Event()

        async def reading() -> None:
            statement = f"{self.words.wide.format(count=self.many)} /* {mark} */"
            async with source.query(statement, batch_rows=100) as result:
                async for _ in result.batches():
                    has_begun.set()
                    await asyncio.sleep(0.01)

        asking = asyncio.create_task(reading())
        await asyncio.wait_for(has_begun.wait(), 30)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await until(running, mark, is_running=False)
        assert await only(source, "SELECT 1 AS v") == 1

    async def test_many_statements_run_at_a_time_and_no_more_than_there_are_connections(
        self, source: SqlSource, running: Running
    ) -> None:
        self.needs("processes")
        mark = marker()
        asking = [asyncio.create_task(run(source, self.sleeping(0.2, mark))) for _ in range(self.most_connections * 3)]
        most = 0
        while not all(one.done() for one in asking):
            most = max(most, await running(mark))
            await asyncio.sleep(0.01)
        assert all(len(one.result()) == 1 for one in asking)
        assert 1 < most <= self.most_connections

    async def test_many_answers_are_not_mixed_up(self, source: SqlSource, schema: str) -> None:
        name = await self.filled(source, schema, rows=20)
        found = await asyncio.gather(
            *(only(source, f"SELECT name FROM {name} WHERE id = {self.marks(1)}", number) for number in range(1, 21))
        )
        assert found == [f"name {number}" for number in range(1, 21)]

    @pytest.mark.parametrize("statement", WRITES)
    async def test_a_read_refuses_to_write(self, source: SqlSource, schema: str, statement: str) -> None:
        self.needs("read-only")
        name = await self.filled(source, schema)
        before = await run(source, f"SELECT id, name FROM {name} ORDER BY id")
        tables = [one.name for one in await source.tables(schema)]
        with pytest.raises(Forbidden):
            await run(source, statement.format(table=name))
        assert await run(source, f"SELECT id, name FROM {name} ORDER BY id") == before
        assert [one.name for one in await source.tables(schema)] == tables

    async def test_a_second_statement_is_refused_and_does_not_run(self, source: SqlSource, schema: str) -> None:
        name = await self.filled(source, schema)
        with pytest.raises(MaestroError):
            await run(source, f"SELECT 1 AS v; DROP TABLE {name}")
        with pytest.raises(InvalidInput):
            await write(source, f"DELETE FROM {name} WHERE id = 1; DELETE FROM {name} WHERE id = 2")
        assert await only(source, f"SELECT COUNT(*) AS n FROM {name}") == 3

    @pytest.mark.parametrize("escape", ["COMMIT", "ROLLBACK"])
    async def test_a_read_cannot_leave_its_transaction(self, source: SqlSource, schema: str, escape: str) -> None:
        name = await self.filled(source, schema)
        with suppress(MaestroError):
            await run(source, escape)
        if "read-only" not in self.lacks:
            with pytest.raises(Forbidden):
                await run(source, f"DELETE FROM {name} WHERE id > 0")
        assert await only(source, f"SELECT COUNT(*) AS n FROM {name}") == 3

    async def test_a_statement_is_prepared_once_and_run_often(self, source: SqlSource, schema: str) -> None:
        name = await self.filled(source, schema)
        async with source.prepare(f"SELECT id, name FROM {name} WHERE id >= {self.marks(1)} ORDER BY id") as prepared:
            assert [tuple(row) for row in await prepared.rows([3])] == [(3, "name 3")]
            assert [tuple(row) for row in await prepared.rows(["2"])] == [(2, "name 2"), (3, "name 3")]
            assert list(await prepared.rows([4])) == []

    async def test_what_is_not_understood_is_not_prepared(self, source: SqlSource) -> None:
        with pytest.raises(InvalidInput):
            async with source.prepare("SELEKT 1") as prepared:
                await prepared.rows()
        with pytest.raises(NotFound):
            async with source.prepare("SELECT * FROM gone_for_good") as prepared:
                await prepared.rows()

    async def test_what_is_prepared_refuses_to_write_and_takes_its_time_only(
        self, source: SqlSource, schema: str
    ) -> None:
        self.needs("read-only", "timeouts")
        name = await self.filled(source, schema)
        with pytest.raises(Forbidden):
            async with source.prepare(f"DELETE FROM {name} WHERE id = {self.marks(1)}") as prepared:
                await prepared.rows([1])
        async with source.prepare(self.sleeping(20, marker())) as prepared:
            with pytest.raises(TimedOut):
                await prepared.rows(timeout_s=0.3)
        assert await only(source, f"SELECT COUNT(*) AS n FROM {name}") == 3
