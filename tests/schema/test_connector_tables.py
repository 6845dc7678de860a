"""Schemas, tables and columns of databases that connectors lead to, by GraphQL, against a real server."""

import pytest

from tests.fixtures.connected import Warehouse, warehouse_connector
from tests.fixtures.graphql import Api


@pytest.fixture
async def made(api: Api, warehouse: Warehouse) -> str:
    """A connector to the database."""
    return await warehouse_connector(api, warehouse)


async def test_schemas_tables_and_columns_are_listed(api: Api, made: str) -> None:
    query = """
    query ($id: ID!, $after: String) {
      connector(id: $id) {
        schemas
        tables(schema: "shop", first: 1, after: $after) {
          nodes { schema name kind } pageInfo { hasNextPage endCursor }
        }
        columns(schema: "shop", table: "Odd \\"name\\"") { name type vendorType isNullable isKey }
      }
    }"""
    found = (await api(query, id=made))["connector"]
    assert "shop" in found["schemas"]
    assert found["tables"]["nodes"] == [{"schema": "shop", "name": 'Odd "name"', "kind": "TABLE"}]
    assert [(one["name"], one["type"], one["isKey"]) for one in found["columns"]] == [
        ("id", "INTEGER", True),
        ("price", "DECIMAL", False),
        ("note", "JSON", False),
        ("at", "TIMESTAMP", False),
    ]
    rest = (await api(query, id=made, after=found["tables"]["pageInfo"]["endCursor"]))["connector"]["tables"]
    assert [(one["name"], one["kind"]) for one in rest["nodes"]] == [("seen", "VIEW")]
    assert rest["pageInfo"]["hasNextPage"] is False


async def test_the_first_rows_of_a_table_are_shown(api: Api, made: str) -> None:
    query = """
    query ($id: ID!, $table: String!) {
      connector(id: $id) { preview(schema: "shop", table: $table, limit: 5) { rows isTruncated columns { name } } }
    }"""
    shown = (await api(query, id=made, table='Odd "name"'))["connector"]["preview"]
    assert shown["rows"] == [
        [1, "12.50", {"a": [1]}, "2026-01-31T12:00:00+00:00"],
        ["9007199254740993", None, None, None],
    ]
    assert shown["isTruncated"] is False
    (error,) = await api.errors(query, id=made, table='x"; DROP TABLE shop.t; --')
    assert error["extensions"]["code"] == "NOT_FOUND"
