"""What every SQL source has to do when it writes: all or nothing."""

from collections.abc import AsyncIterator
from decimal import Decimal

import pyarrow as pa
import pytest

from connectors.sql.capability import SqlSource
from maestro.errors import Conflict, InvalidInput, MaestroError, NotFound
from tests.connectors.sql.ground import GOOD, MOMENT, ODD, Ground, as_python, batch_of, only, run, streamed, write

ARROW = {
    "boolean": pa.bool_(),
    "integer": pa.int64(),
    "float": pa.float64(),
    "decimal": pa.decimal128(38, 9),
    "text": pa.string(),
    "binary": pa.binary(),
    "date": pa.date32(),
    "time": pa.time64("us"),
    "timestamp": pa.timestamp("us", "UTC"),
    "json": pa.string(),
}


class Writing(Ground):
    """Writes, inserts and transactions."""

    async def test_a_write_says_how_many_rows_it_has_changed(self, source: SqlSource, schema: str) -> None:
        name = await self.filled(source, schema)
        assert await write(source, f"INSERT INTO {name} (id, name) VALUES (4, 'x'), (5, 'y')") == 2
        assert await write(source, f"UPDATE {name} SET name = 'z' WHERE id > {self.marks(1)}", 1) == 4
        assert await write(source, f"DELETE FROM {name} WHERE id = {self.marks(1)}", 5) == 1
        assert await write(source, f"DELETE FROM {name} WHERE id = {self.marks(1)}", 5) == 0
        assert await only(source, f"SELECT COUNT(*) AS n FROM {name}") == 4

    async def test_a_read_changes_no_rows_and_a_write_answers_none(self, source: SqlSource, schema: str) -> None:
        name = await self.filled(source, schema)
        async with source.query(f"SELECT id FROM {name}") as result:
            assert result.affected is None
        async with source.query(f"DELETE FROM {name} WHERE id > 0", is_writing=True) as result:
            assert list(result.columns) == list(result.schema) == []
            assert [batch async for batch in result.batches()] == []

    async def test_rows_can_be_read_where_writing_is_allowed(self, source: SqlSource, schema: str) -> None:
        name = await self.filled(source, schema)
        assert len(await run(source, f"SELECT id FROM {name}", is_writing=True)) == 3

    async def test_a_write_whose_block_fails_is_undone(self, source: SqlSource, schema: str) -> None:
        self.needs("undoing")
        name = await self.filled(source, schema)
        with pytest.raises(LookupError):
            async with source.query(f"DELETE FROM {name} WHERE id > 0", is_writing=True):
                raise LookupError
        assert await only(source, f"SELECT COUNT(*) AS n FROM {name}") == 3

    async def test_batches_are_inserted_by_the_names_of_their_columns(self, source: SqlSource, schema: str) -> None:
        name = await self.made(source, schema, id="integer", name="text", more="float")
        first = batch_of(**{self.words.spelled("name"): ["one", ODD], self.words.spelled("id"): [1, 2]})
        second = batch_of(**{self.words.spelled("name"): [None], self.words.spelled("id"): [3]})
        second = second.cast(first.schema)
        assert await source.insert(schema, self.words.spelled(name), streamed(first, second)) == 3
        found = await run(source, f"SELECT id, name, more FROM {self.named(schema, name)} ORDER BY id")
        assert [tuple(row.values()) for row in found] == [(1, "one", None), (2, ODD, None), (3, None, None)]

    @pytest.mark.parametrize("kind", ARROW)
    async def test_values_of_every_type_are_inserted(self, source: SqlSource, schema: str, kind: str) -> None:
        self.kind(kind)
        name = await self.made(source, schema, k="integer", v=kind)
        values = [wanted for _, wanted in GOOD[kind] if len(str(wanted)) < 10_000]
        values = ['{"a": 1}'] if kind == "json" else values
        batch = pa.RecordBatch.from_arrays(
            [pa.array(range(len(values) + 1)), pa.array([*values, None], ARROW[kind])],
            names=[self.words.spelled("k"), self.words.spelled("v")],
        )
        assert await source.insert(schema, self.words.spelled(name), streamed(batch)) == len(values) + 1
        found = await run(source, f"SELECT v FROM {self.named(schema, name)} ORDER BY k")
        read = [row[self.words.spelled("v")] for row in found]
        assert [as_python(kind, one) for one in read] == [*([{"a": 1}] if kind == "json" else values), None]

    async def test_many_rows_are_inserted(self, source: SqlSource, schema: str) -> None:
        name = await self.made(source, schema, id="integer", name="text")
        batches = [
            batch_of(
                **{self.words.spelled("id"): range(start, start + 2000), self.words.spelled("name"): ["x" * 20] * 2000}
            )
            for start in range(0, 10_000, 2000)
        ]
        assert await source.insert(schema, self.words.spelled(name), streamed(*batches)) == 10_000
        found = await run(source, f"SELECT COUNT(*) AS n, MAX(id) AS m FROM {self.named(schema, name)}")
        assert [tuple(row.values()) for row in found] == [(10_000, 9999)]

    async def test_no_batch_is_no_row(self, source: SqlSource, schema: str) -> None:
        name = await self.made(source, schema, id="integer")
        spelled = self.words.spelled("id")
        assert await source.insert(schema, self.words.spelled(name), streamed()) == 0
        empty = pa.RecordBatch.from_pydict({spelled: pa.array([], pa.int64())})
        assert await source.insert(schema, self.words.spelled(name), streamed(empty)) == 0

    async def test_an_insert_that_breaks_off_leaves_nothing(self, source: SqlSource, schema: str) -> None:
        name = await self.made(source, schema, id="integer")
        batch = batch_of(**{self.words.spelled("id"): range(5000)})

        async def breaking() -> AsyncIterator[pa.RecordBatch]:
            yield batch
            yield batch
            raise LookupError

        with pytest.raises(LookupError):
            await source.insert(schema, self.words.spelled(name), breaking())
        assert await only(source, f"SELECT COUNT(*) AS n FROM {self.named(schema, name)}") == 0

    async def test_an_insert_of_a_row_that_does_not_fit_leaves_nothing(self, source: SqlSource, schema: str) -> None:
        self.needs("not null")
        name = await self.made(source, schema, id=f"{self.words.types['integer']} NOT NULL")
        good = batch_of(**{self.words.spelled("id"): range(5000)})
        bad = batch_of(**{self.words.spelled("id"): pa.array([1, None], pa.int64())})
        with pytest.raises((InvalidInput, Conflict)):
            await source.insert(schema, self.words.spelled(name), streamed(good, bad))
        assert await only(source, f"SELECT COUNT(*) AS n FROM {self.named(schema, name)}") == 0

    async def test_there_is_nothing_to_insert_into(self, source: SqlSource, schema: str) -> None:
        name = await self.made(source, schema, id="integer")
        with pytest.raises(NotFound):
            await source.insert(schema, "gone", streamed(batch_of(id=[1])))
        with pytest.raises((NotFound, InvalidInput)):
            await source.insert(schema, self.words.spelled(name), streamed(batch_of(gone=[1])))
        assert await only(source, f"SELECT COUNT(*) AS n FROM {self.named(schema, name)}") == 0

    async def test_odd_names_are_names(self, source: SqlSource, schema: str) -> None:
        self.needs("odd names")
        odd, column = "odd ; -- name's", "a %s b"
        quoted = f"{self.words.quoted(schema)}.{self.words.quoted(odd)}"
        await write(source, f"CREATE TABLE {quoted} ({self.words.quoted(column)} {self.words.types['integer']})")
        assert await source.insert(schema, odd, streamed(batch_of(**{column: [7]}))) == 1
        assert await run(source, f"SELECT * FROM {quoted}") == [{column: 7}]
        assert [one.name for one in await source.columns(schema, odd)] == [column]
        assert odd in [one.name for one in await source.tables(schema)]
        await write(source, f"DROP TABLE {quoted}")

    async def test_a_transaction_is_seen_when_it_has_ended(self, source: SqlSource, schema: str) -> None:
        self.needs("transactions")
        name = await self.filled(source, schema)
        count = f"SELECT COUNT(*) AS n FROM {name}"
        async with source.transaction() as inside:
            assert await write(inside, f"INSERT INTO {name} (id, name) VALUES (4, 'x')") == 1
            assert await write(inside, f"UPDATE {name} SET name = {self.marks(1)} WHERE id = 4", ODD) == 1
            assert (await only(inside, count), await only(source, count)) == (4, 3)
        assert await only(source, f"SELECT name FROM {name} WHERE id = 4") == ODD

    async def test_a_transaction_that_fails_is_undone(self, source: SqlSource, schema: str) -> None:
        self.needs("transactions")
        name = await self.filled(source, schema)

        async def failing(statement: str) -> None:
            async with source.transaction() as inside:
                await write(inside, f"DELETE FROM {name} WHERE id > 0")
                if not statement:
                    raise LookupError
                await write(inside, statement)

        with pytest.raises(LookupError):
            await failing("")
        with pytest.raises(MaestroError):
            await failing("DELETE FROM gone_for_good")
        assert await only(source, f"SELECT COUNT(*) AS n FROM {name}") == 3

    async def test_decimals_are_exact_in_what_is_counted(self, source: SqlSource, schema: str) -> None:
        self.kind("decimal")
        name = self.named(schema, await self.made(source, schema, v="decimal"))
        for value in ("0.1", "0.2"):
            await write(source, f"INSERT INTO {name} (v) VALUES ({self.marks(1)})", value)
        assert Decimal(await only(source, f"SELECT SUM(v) AS v FROM {name}")) == Decimal("0.3")

    async def test_a_moment_is_the_same_in_every_zone(self, source: SqlSource, schema: str) -> None:
        self.kind("timestamp")
        name = self.named(schema, await self.made(source, schema, v="timestamp"))
        batch = batch_of(v=pa.array([MOMENT], pa.timestamp("us", "Asia/Kolkata")))
        batch = batch.rename_columns([self.words.spelled("v")])
        assert await source.insert(schema, self.words.spelled(name.rpartition(".")[2]), streamed(batch)) == 1
        assert await only(source, f"SELECT v FROM {name}") == MOMENT
