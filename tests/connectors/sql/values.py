"""What every SQL source has to do with values: in as parameters, out as Arrow."""

import math
from typing import Any

import pyarrow as pa
import pytest

from connectors.sql.capability import SqlSource
from connectors.sql.frames import frame, table
from tests.connectors.sql.ground import ATTACKS, GOOD, HOLDS, ODD, Ground, as_python, only, run, write

each_value = pytest.mark.parametrize(
    ("kind", "given", "wanted"),
    [
        pytest.param(kind, given, wanted, id=f"{kind}-{number}")
        for kind, pairs in GOOD.items()
        for number, (given, wanted) in enumerate(pairs)
    ],
)
each_comparable_value = pytest.mark.parametrize(
    ("kind", "given", "wanted"),
    [
        pytest.param(kind, given, wanted, id=f"{kind}-{number}")
        for kind, pairs in GOOD.items()
        if kind not in {"json", "float"}  # not equal to anything, or by chance
        for number, (given, wanted) in enumerate(pairs)
    ],
)
each_kind = pytest.mark.parametrize("kind", GOOD)


class Values(Ground):
    """Parameters and types."""

    @each_value
    async def test_a_parameter_is_stored_and_read_back(
        self, source: SqlSource, schema: str, *, kind: str, given: Any, wanted: Any
    ) -> None:
        self.kind(kind, given)
        name = self.named(schema, await self.made(source, schema, k="integer", v=kind))
        await write(source, f"INSERT INTO {name} (k, v) VALUES ({self.marks(2)})", 1, given)
        found = await only(source, f"SELECT v FROM {name}")
        assert as_python(kind, found) == wanted

    @each_comparable_value
    async def test_a_row_is_found_by_a_parameter(
        self, source: SqlSource, schema: str, *, kind: str, given: Any, wanted: Any
    ) -> None:
        self.kind(kind, given)
        name = self.named(schema, await self.made(source, schema, k="integer", v=kind))
        for number, (value, _) in enumerate([(given, wanted), *[pair for pair in GOOD[kind] if pair[1] != wanted]]):
            await write(source, f"INSERT INTO {name} (k, v) VALUES ({self.marks(2)})", number, value)
        assert await run(source, f"SELECT k FROM {name} WHERE v = {self.marks(1)}", given) == [
            {self.words.spelled("k"): 0}
        ]

    @each_kind
    async def test_null_is_null_in_every_column(self, source: SqlSource, schema: str, kind: str) -> None:
        self.kind(kind)
        name = self.named(schema, await self.made(source, schema, k="integer", v=kind))
        await write(source, f"INSERT INTO {name} (k, v) VALUES ({self.marks(2)})", 1, None)
        assert await only(source, f"SELECT v FROM {name}") is None

    @each_kind
    async def test_a_result_says_what_its_columns_hold(self, source: SqlSource, schema: str, kind: str) -> None:
        self.kind(kind)
        name = self.named(schema, await self.made(source, schema, v=kind))
        async with source.query(f"SELECT v FROM {name}") as result:
            (column,) = result.columns
            (field,) = result.schema
        wanted, is_right = HOLDS[kind]
        is_right = self.arrow.get(kind, is_right)
        assert (column.name, column.type) == (self.words.spelled("v"), wanted)
        assert field.name == column.name
        assert is_right(field.type), field.type
        assert column.vendor_type

    async def test_numbers_that_are_none_are_kept(self, source: SqlSource, schema: str) -> None:
        self.needs("nan")
        name = self.named(schema, await self.made(source, schema, k="integer", v="float"))
        for number, value in enumerate([math.nan, math.inf, -math.inf]):
            await write(source, f"INSERT INTO {name} (k, v) VALUES ({self.marks(2)})", number, value)
        first, *rest = [row[self.words.spelled("v")] for row in await run(source, f"SELECT v FROM {name} ORDER BY k")]
        assert math.isnan(first)
        assert rest == [math.inf, -math.inf]

    @pytest.mark.parametrize("attack", ATTACKS)
    async def test_a_parameter_is_never_read_as_sql(self, source: SqlSource, schema: str, attack: str) -> None:
        name = await self.filled(source, schema)
        value = attack.replace("{table}", name)
        await write(source, f"UPDATE {name} SET name = {self.marks(1)} WHERE id = 1", value)
        assert await only(source, f"SELECT name FROM {name} WHERE id = 1") == value
        found = f"SELECT id FROM {name} WHERE name = {self.marks(1)}"
        assert [row[self.words.spelled("id")] for row in await run(source, found, value)] == [1]
        assert await run(source, found, f"{value}x") == []
        assert await only(source, f"SELECT COUNT(*) AS n FROM {name}") == 3

    async def test_signs_of_placeholders_in_a_statement_without_parameters_are_text(self, source: SqlSource) -> None:
        assert await only(source, "SELECT '100 % %s %(a)s $1 ? :b {c}' AS v") == "100 % %s %(a)s $1 ? :b {c}"

    async def test_letters_of_every_alphabet_are_kept_in_a_statement(self, source: SqlSource) -> None:
        assert await only(source, "SELECT 'ünï 🙂 日本' AS v") == "ünï 🙂 日本"

    async def test_a_frame_has_the_values(self, source: SqlSource, schema: str) -> None:
        kinds = {f"c_{kind}": kind for kind in GOOD if kind in self.words.types and kind != "binary"}
        name = self.named(schema, await self.made(source, schema, k="integer", **kinds))
        marks = self.marks(len(kinds) + 1)
        await write(source, f"INSERT INTO {name} VALUES ({marks})", 1, *(GOOD[kind][0][0] for kind in kinds.values()))
        await write(source, f"INSERT INTO {name} VALUES ({marks})", 2, *(None for _ in kinds))
        found = await frame(source, f"SELECT * FROM {name} ORDER BY k")
        assert list(found.columns) == [self.words.spelled(column) for column in ("k", *kinds)]
        assert [list(found[column].isna()) for column in found.columns[1:]] == [[False, True]] * len(kinds)
        for column, kind in zip(found.columns[1:], kinds.values(), strict=True):
            value = found[column][0]
            assert (as_python(kind, value) if kind == "json" else value) == GOOD[kind][0][1], column

    async def test_a_large_integer_beside_null_keeps_its_digits_in_a_frame(
        self, source: SqlSource, schema: str
    ) -> None:
        name = self.named(schema, await self.made(source, schema, k="integer", v="integer"))
        for number, value in enumerate([2**53 + 1, None]):
            await write(source, f"INSERT INTO {name} (k, v) VALUES ({self.marks(2)})", number, value)
        found = await frame(source, f"SELECT v FROM {name} ORDER BY k")
        assert found[self.words.spelled("v")].iloc[0] == 2**53 + 1

    async def test_a_result_without_rows_still_has_its_columns(self, source: SqlSource, schema: str) -> None:
        name = await self.filled(source, schema, rows=0)
        found = await table(source, f"SELECT id, name FROM {name}")
        assert isinstance(found, pa.Table)
        assert (found.column_names, found.num_rows) == ([self.words.spelled("id"), self.words.spelled("name")], 0)
        assert (await frame(source, f"SELECT id, name FROM {name}")).shape == (0, 2)

    async def test_two_columns_of_one_name_are_both_there(self, source: SqlSource) -> None:
        found = await table(source, "SELECT 1 AS a, 2 AS a")
        assert [column.to_pylist() for column in found.columns] == [[1], [2]]

    async def test_odd_text_is_read_as_it_is(self, source: SqlSource, schema: str) -> None:
        name = await self.filled(source, schema)
        await write(source, f"UPDATE {name} SET name = {self.marks(1)} WHERE id = 2", ODD)
        assert await only(source, f"SELECT name FROM {name} WHERE id = 2") == ODD
