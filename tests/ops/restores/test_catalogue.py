"""What the catalogue says of tables and columns, and the ids that copies get."""

import random
from uuid import UUID, uuid4

import asyncpg
from sqlalchemy import Column, MetaData, Table, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from uuid_utils.compat import uuid7

from maestro.db.tables import Base
from ops.restores.scoped import catalogue
from ops.restores.scoped.new_ids import NewIds
from tests.ops.restores.conftest import plain


def test_every_table_and_every_column_with_ids_or_json_is_spoken_of() -> None:
    assert catalogue.unknown() == []


def test_nothing_is_spoken_of_twice_or_is_not_there() -> None:
    named = [*catalogue.OF_A_PROJECT, *catalogue.OF_AN_ORGANIZATION, *catalogue.LEFT_OUT]
    assert sorted(named) == sorted(Base.metadata.tables)
    columns = {(name, column.name) for name in named for column in catalogue.table_of(name).c}
    assert {*catalogue.PLAIN_JSON, *catalogue.IMPLIED, *catalogue.ENDS} <= columns


def test_a_table_that_nobody_has_thought_of_is_found_out() -> None:
    table = Table("toy", MetaData(), Column("id", Uuid()), Column("owner_id", Uuid()), Column("more", JSONB()))
    assert not catalogue.is_known("toy", table.c.owner_id)
    assert not catalogue.is_known("toy", table.c.more)
    assert catalogue.is_known("toy", table.c.id)


def test_each_table_comes_after_those_that_it_refers_to() -> None:
    tables = catalogue.copied_tables(is_project=False)
    for place, name in enumerate(tables):
        targets = {key.column.table.name for column in catalogue.table_of(name).c for key in column.foreign_keys}
        assert targets & set(tables) <= {name, *tables[:place]}


async def test_the_database_makes_the_same_new_ids_as_we_do(database_url: str) -> None:
    old = [uuid7(), uuid4(), UUID(int=0), UUID(int=2**128 - 1)]
    connection = await asyncpg.connect(plain(database_url))
    for ids in (NewIds.of_copy(uuid4()), NewIds(1), NewIds(2**32 - 1)):
        rows = await connection.fetch(f"SELECT {ids.sql('old')} AS new FROM unnest($1::uuid[]) AS old", old)
        assert [row["new"] for row in rows] == [ids.of(one) for one in old]
    await connection.close()


def test_new_ids_are_others_and_sort_like_the_old_ones() -> None:
    old = [uuid7() for _ in range(5_000)]
    random.Random(0).shuffle(old)
    ids = NewIds.of_copy(uuid4())
    new = [ids.of(one) for one in old]
    assert not set(old) & set(new)
    assert len(set(new)) == len(old)
    assert sorted(new) == [ids.of(one) for one in sorted(old)]
    assert [ids.of(one) for one in new] == old


def test_the_same_copy_has_the_same_ids_and_another_one_others() -> None:
    copy = uuid4()
    assert NewIds.of_copy(copy) == NewIds.of_copy(copy)
    assert NewIds.of_copy(copy) != NewIds.of_copy(uuid4())
