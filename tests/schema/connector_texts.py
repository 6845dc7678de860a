"""Operations on connectors, and connectors to use them on."""

from pathlib import Path
from typing import Any, Final

from tests.fixtures.graphql import Api

CREATE: Final = """
mutation ($input: CreateConnectorInput!) {
  createConnector(input: $input) { ... on ConnectorSaved { connector { id } } }
}
"""
TEST: Final = """
mutation ($id: ID!, $writes: Boolean! = false) {
  testConnector(id: $id, writes: $writes) {
    id status trigger steps { name outcome message code hint seconds } connector { status lastTest }
  }
}
"""
RUN: Final = """
mutation ($input: RunQueryInput!) {
  runQuery(input: $input) { id columns { name type vendorType } rows rowCount isTruncated sizeBytes elapsedMs }
}
"""
AGGREGATE: Final = """
mutation ($input: RunAggregationInput!) {
  runAggregation(input: $input) { id columns { name type vendorType } rows rowCount isTruncated sizeBytes elapsedMs }
}
"""
CANCEL: Final = """
mutation ($id: ID, $key: String) { cancelQuery(id: $id, cancelKey: $key) { id state cancelledBy { id } } }
"""
OBJECTS: Final = """
query ($id: ID!, $prefix: String! = "", $first: Int, $after: String) {
  connector(id: $id) {
    objects(prefix: $prefix, first: $first, after: $after) {
      nodes { key sizeBytes } pageInfo { hasNextPage endCursor }
    }
  }
}
"""

CHECKS: Final = """
query ($id: ID!, $first: Int) {
  connector(id: $id) {
    status checks(first: $first) { nodes { id status trigger steps { name } } pageInfo { hasNextPage } }
  }
}
"""

ADMINISTER: Final = """
mutation ($id: ID!, $action: ConnectorActionInput!) {
  administerConnector(id: $id, action: $action) { rowCount connector { id } }
}
"""
STORE: Final = """
query ($id: ID!, $key: String!) {
  connector(id: $id) {
    object(key: $key) { key sizeBytes tier mediaType metadata }
    container { name exists isVersioned tiers }
  }
}
"""
RULES: Final = """
query ($id: ID!) {
  connector(id: $id) {
    lifecycleRules {
      name prefix expireDays expireNoncurrentDays abortUploadsDays tier tierDays isEnabled
    }
  }
}
"""
POLICY: Final = """
query ($id: ID!) { connector(id: $id) { accessPolicy { etag grants { role members condition } } } }
"""


async def administer(api: Api, made: str, **action: Any) -> Any:
    """Have something done at a vendor."""
    return (await api(ADMINISTER, id=made, action=action))["administerConnector"]


async def refused_action(api: Api, made: str, **action: Any) -> Any:
    """Have something done that is refused, and return what the error tells."""
    (error,) = await api.errors(ADMINISTER, id=made, action=action)
    return error["extensions"]


async def connector(api: Api, config: dict[str, Any], name: str = "Store", **more: Any) -> str:
    """Create a connector and return its id."""
    data = await api(CREATE, input={"name": name, "config": config, **more})
    made: str = data["createConnector"]["connector"]["id"]
    return made


async def folder_connector(api: Api, folder: Path, name: str = "Folder", **more: Any) -> str:
    """Create a connector to a folder of the server and return its id."""
    return await connector(api, {"local": {"folder": str(folder)}}, name, **more)
