"""What every SQL source has to tell of itself and of what is in it."""

from uuid import uuid4

import pytest

from connectors.sql.capability import SqlSource, Table
from maestro.errors import NotFound
from tests.connectors.sql.ground import GOOD, HOLDS, Ground, write


class Browsing(Ground):
    """Who it is, schemas, tables and columns."""

    async def test_a_source_says_who_it_is_and_what_answers(self, source: SqlSource) -> None:
        told = await source.identify()
        assert any(letter.isdigit() for letter in told)
        assert self.password not in told

    async def test_a_source_says_where_it_is_and_tells_no_secret(self, source: SqlSource) -> None:
        assert str(source).startswith(self.place)
        assert self.password not in str(source) + repr(source)

    async def test_schemas_are_listed_without_the_vendors_own(self, source: SqlSource, schema: str) -> None:
        found = list(await source.schemas())
        assert schema in found
        assert found == sorted(found)
        assert not {name.lower() for name in found} & {name.lower() for name in self.words.own_schemas}

    async def test_tables_are_listed_by_name_and_in_pages(self, source: SqlSource, schema: str) -> None:
        names = sorted([self.words.spelled(await self.made(source, schema, id="integer")) for _ in range(4)])
        every = await source.tables(schema)
        assert [one.name for one in every if one.name in names] == names
        assert [one.name for one in every] == sorted(one.name for one in every)
        assert {(one.schema, one.kind) for one in every if one.name in names} == {(schema, "TABLE")}
        paged: list[Table] = []
        after = None
        while page := await source.tables(schema, after=after, limit=2):
            assert len(page) <= 2
            paged += page
            after = (page[-1].schema, page[-1].name)
        assert [one.name for one in paged] == [one.name for one in every]

    async def test_tables_of_all_schemas_are_listed(self, source: SqlSource, schema: str) -> None:
        name = self.words.spelled(await self.made(source, schema, id="integer"))
        found = [(one.schema, one.name) for one in await source.tables(after=(schema, name[:-1]))]
        assert (schema, name) in found
        assert found == sorted(found)
        assert not {one for one, _ in found} & set(self.words.own_schemas)

    async def test_a_view_is_told_from_a_table(self, source: SqlSource, schema: str) -> None:
        self.needs("views")
        name = await self.filled(source, schema)
        view = f"v_{uuid4().hex[:12]}"
        await write(source, f"CREATE VIEW {self.named(schema, view)} AS SELECT id FROM {name}")
        kinds = {one.name: one.kind for one in await source.tables(schema)}
        assert kinds[self.words.spelled(view)] == "VIEW"
        assert [column.name for column in await source.columns(schema, self.words.spelled(view))] == [
            self.words.spelled("id")
        ]

    async def test_there_are_no_tables_in_a_schema_that_is_not_there(self, source: SqlSource, schema: str) -> None:
        assert list(await source.tables(f"{schema}_gone")) == []

    async def test_columns_are_told_in_their_order_with_their_types(self, source: SqlSource, schema: str) -> None:
        kinds = {f"c_{kind}": kind for kind in GOOD if kind in self.words.types}
        name = self.words.spelled(await self.made(source, schema, **kinds))
        found = await source.columns(schema, name)
        assert [column.name for column in found] == [self.words.spelled(one) for one in kinds]
        assert [column.type for column in found] == [HOLDS[kind][0] for kind in kinds.values()]
        assert all(column.vendor_type for column in found)
        assert all(column.is_nullable and not column.is_key for column in found)

    async def test_keys_and_columns_that_are_always_set_are_told(self, source: SqlSource, schema: str) -> None:
        self.needs("keys")
        integer, text = self.words.types["integer"], self.words.types["text"]
        columns = {"b": f"{text} NOT NULL", "id": f"{integer} NOT NULL", "c": text}
        name = f"t_{uuid4().hex[:12]}"
        lines = ", ".join(f"{column} {kind}" for column, kind in columns.items())
        await write(source, f"CREATE TABLE {self.named(schema, name)} ({lines}, {self.words.key} (id))")
        found = await source.columns(schema, self.words.spelled(name))
        assert [(column.is_nullable, column.is_key) for column in found] == [
            (False, False),
            (False, True),
            (True, False),
        ]

    async def test_comments_are_told(self, source: SqlSource, schema: str) -> None:
        self.needs("comments")
        name = await self.made(source, schema, name="text")
        for statement in self.words.commented:
            await write(source, statement.format(table=self.named(schema, name)))
        spelled = self.words.spelled(name)
        assert {one.name: one.comment for one in await source.tables(schema)}[spelled] == "Of tests"
        assert [column.comment for column in await source.columns(schema, spelled)] == ["Of a name"]

    @pytest.mark.parametrize("name", ["gone", "", "x'; DROP TABLE y; --", 'x"y', "x`y", "x\\", "%", "ü🙂"])
    async def test_a_table_that_is_not_there_has_no_columns(self, source: SqlSource, schema: str, name: str) -> None:
        with pytest.raises(NotFound):
            await source.columns(schema, name)
        with pytest.raises(NotFound):
            await source.columns(f"{schema}{name}", "gone")
