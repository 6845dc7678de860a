"""Nodes of any kind by GraphQL."""

from uuid import uuid4

import pytest

from maestro.ids import Kind, encode
from resolvers.nodes import MOST_IDS
from tests.fixtures.graphql import Api

PROJECT = "mutation ($n: String!) { createProject(input: {name: $n}) { ... on ProjectSaved { project { id } } } }"
NODE = "query ($id: ID!) { node(id: $id) { id __typename } }"
NODES = "query ($ids: [ID!]!) { nodes(ids: $ids) { id __typename ... on Project { name } } }"


async def project(api: Api, name: str = "P") -> str:
    return str((await api(PROJECT, n=name))["createProject"]["project"]["id"])


async def test_node_finds_anything_by_its_id(api: Api) -> None:
    for typename, key in (
        ("Project", await project(api)),
        ("User", encode(Kind.User, api.viewer.actor_id)),
        ("Organization", encode(Kind.Organization, api.viewer.organization_id)),
    ):
        assert (await api(NODE, id=key))["node"] == {"id": key, "__typename": typename}
        assert api.statements == 1


async def test_nodes_come_in_the_order_of_the_ids_by_one_statement_a_kind(api: Api) -> None:
    ids = [await project(api, name) for name in ("A", "B", "C")]
    user = encode(Kind.User, api.viewer.actor_id)
    wanted = [ids[2], user, ids[0], ids[2], ids[1]]
    data = await api(NODES, ids=wanted)
    assert [node["id"] for node in data["nodes"]] == wanted
    assert [node.get("name") for node in data["nodes"]] == ["C", None, "A", "C", "B"]
    assert api.statements == 2


async def test_an_id_without_a_node_is_null_in_its_place_with_an_error(api: Api) -> None:
    there, missing = await project(api), encode(Kind.Run, uuid4())
    data, errors = await api.run(NODES, ids=[missing, there])
    assert [node and node["id"] for node in data["nodes"]] == [None, there]
    assert [(error["path"], error["extensions"]["code"]) for error in errors] == [(["nodes", 0], "NOT_FOUND")]


@pytest.mark.parametrize("kind", [Kind.Project, Kind.ApiKey, Kind.AuditEntry])
async def test_a_node_that_is_not_there_is_not_found(api: Api, kind: Kind) -> None:
    (error,) = await api.errors(NODE, id=encode(kind, uuid4()))
    assert error["path"] == ["node"]
    assert error["extensions"]["code"] == "NOT_FOUND"


async def test_what_is_no_id_is_refused_with_the_field(api: Api) -> None:
    (error,) = await api.errors(NODE, id="17")
    assert (error["extensions"]["code"], error["extensions"]["field"]) == ("BAD_USER_INPUT", "id")


async def test_more_ids_than_allowed_are_refused_before_any_statement(api: Api) -> None:
    (error,) = await api.errors(NODES, ids=[encode(Kind.Project, uuid4())] * (MOST_IDS + 1))
    assert (error["extensions"]["field"], error["extensions"]["limit"]) == ("ids", MOST_IDS)
    assert api.statements == 0


async def test_a_stranger_finds_no_node(api: Api, foreign: Api) -> None:
    ours = [
        await project(api),
        encode(Kind.User, api.viewer.actor_id),
        encode(Kind.Organization, api.viewer.organization_id),
    ]
    data, errors = await foreign.run(NODES, ids=ours)
    assert data["nodes"] == [None, None, None]
    assert [error["extensions"]["code"] for error in errors] == ["NOT_FOUND"] * 3
