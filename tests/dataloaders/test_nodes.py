"""Rows of mixed kinds by their ids."""

from uuid_utils.compat import uuid7

from dataloaders.nodes import BY_KIND, load_nodes
from maestro.db.rows import Row
from maestro.ids import Kind, decode
from schema.nodes import KINDS
from tests.fixtures.graphql import Api
from tests.fixtures.registry import new_model, new_project, new_version


def test_every_kind_that_can_be_loaded_has_a_type() -> None:
    assert set(BY_KIND) <= set(KINDS)


async def test_rows_come_in_the_order_of_their_ids_with_one_statement_a_kind(api: Api) -> None:
    project = decode(await new_project(api))
    model = await new_model(api, await new_project(api, "Other"))
    one, other = decode(await new_version(api, model)), decode(await new_version(api, model))
    before = api.runtime.db.statements_run
    rows = await load_nodes(api.context().loaders, [other, project, one])
    assert [isinstance(row, Row) and row.id for row in rows] == [other[1], project[1], one[1]]
    assert api.runtime.db.statements_run - before == 2


async def test_an_id_without_a_row_is_none(api: Api) -> None:
    project = decode(await new_project(api))
    asked = [(Kind.Run, uuid7()), project, (Kind.ApiKey, uuid7())]
    rows = await load_nodes(api.context().loaders, asked)
    assert [isinstance(row, Row) and row.id for row in rows] == [False, project[1], False]


async def test_another_organisations_row_is_none(api: Api, foreign: Api) -> None:
    project = decode(await new_project(api))
    assert await load_nodes(foreign.context().loaders, [project]) == [None]


async def test_every_kind_can_be_asked_for(api: Api) -> None:
    asked = [(kind, uuid7()) for kind in Kind]
    assert await load_nodes(api.context().loaders, asked) == [None] * len(Kind)
