"""What connectors lead to: objects, tables and their columns, collections and their fields, experiments."""

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import asdict
from typing import Any, Final
from uuid import UUID

from connectors.stores.capability import ObjectStore, StoredObject
from maestro.vendors import ConnectorCapability
from ops.connectors.opening import Openings
from ops.connectors.rows import columns_of

Arguments = dict[str, Any]
HINTS: Final = {
    ConnectorCapability.OBJECT_STORE: "Objects are what S3, GCS, AZURE_BLOB and LOCAL have.",
    ConnectorCapability.SQL_SOURCE: "Schemas, tables and columns are what POSTGRESQL, MYSQL, SNOWFLAKE and BIGQUERY "
    "have.",
    ConnectorCapability.DOCUMENT_SOURCE: "Collections and their fields are what MONGODB has.",
    ConnectorCapability.TRACKING_SOURCE: "Experiments of another server are what MLFLOW has.",
}
SAMPLE: Final = 1_000
"""Documents that are looked at for the fields of a collection."""
MOST: Final = 1_000
"""Schemas, columns, collections, fields and experiments of an answer."""


@asynccontextmanager
async def used(openings: Openings, asked: Arguments, capability: ConnectorCapability) -> AsyncIterator[Any]:
    """Open the connector that is asked for a block, for what it is able to; NotSupported, and as `Openings.use`."""
    target = await openings.find(UUID(asked["connector_id"]), UUID(asked["organization_id"]))
    target.require(capability, hint=HINTS[capability])
    async with openings.use(target) as connector:
        yield connector


async def objects(openings: Openings, asked: Arguments) -> dict[str, Any]:
    """Return `items`, `first` of the objects under `prefix` that follow on the key `after`, and whether `has_next`."""
    first, after = asked["first"], asked["after"]
    found: list[StoredObject] = []
    async with used(openings, asked, ConnectorCapability.OBJECT_STORE) as store:
        async for one in _following(store, asked["prefix"] or "", after, page=first + 1):
            found.append(one)
            if len(found) > first:
                break
    return {"items": [plain_object(one) for one in found[:first]], "has_next": len(found) > first}


async def _following(store: ObjectStore, prefix: str, after: str | None, *, page: int) -> AsyncIterator[StoredObject]:
    async with aclosing(store.list(prefix, after=after, page=page)) as pages:  # type: ignore[type-var] # all stores generate
        async for objects in pages:
            for one in objects:
                yield one


def plain_object(one: StoredObject) -> dict[str, Any]:
    """Return an object as plain JSON."""
    return {**asdict(one), "modified_at": one.modified_at.isoformat(), "metadata": dict(one.metadata)}


async def schemas(openings: Openings, asked: Arguments) -> dict[str, Any]:
    """Return the `items`, names of the schemas."""
    async with used(openings, asked, ConnectorCapability.SQL_SOURCE) as source:
        return {"items": list(await source.schemas())[:MOST]}


async def tables(openings: Openings, asked: Arguments) -> dict[str, Any]:
    """Return `items`, `first` of the tables of `schema` or of all that follow on `after`, and whether `has_next`."""
    first, after = asked["first"], asked["after"]
    async with used(openings, asked, ConnectorCapability.SQL_SOURCE) as source:
        found = await source.tables(
            asked["schema"], after=None if after is None else (after[0], after[1]), limit=first + 1
        )
    return {"items": [asdict(one) for one in found[:first]], "has_next": len(found) > first}


async def columns(openings: Openings, asked: Arguments) -> dict[str, Any]:
    """Return the `items`, the columns of the table `table` of `schema`."""
    async with used(openings, asked, ConnectorCapability.SQL_SOURCE) as source:
        return {"items": columns_of(await source.columns(asked["schema"], asked["table"]))[:MOST]}


async def collections(openings: Openings, asked: Arguments) -> dict[str, Any]:
    """Return the `items`, the collections."""
    async with used(openings, asked, ConnectorCapability.DOCUMENT_SOURCE) as source:
        return {"items": [asdict(one) for one in await source.collections()][:MOST]}


async def fields(openings: Openings, asked: Arguments) -> dict[str, Any]:
    """Return the `items`, the fields that a sample of the documents of `collection` has."""
    async with used(openings, asked, ConnectorCapability.DOCUMENT_SOURCE) as source:
        return {"items": [asdict(one) for one in await source.fields(asked["collection"], sample=SAMPLE)][:MOST]}


async def experiments(openings: Openings, asked: Arguments) -> dict[str, Any]:
    """Return the `items`, the first experiments."""
    found: list[dict[str, Any]] = []
    async with (
        used(openings, asked, ConnectorCapability.TRACKING_SOURCE) as source,
        aclosing(source.experiments()) as pages,
    ):
        async for page in pages:
            found += _experiments(page)
            if len(found) >= MOST:
                break
    return {"items": found[:MOST]}


def _experiments(page: Sequence[Any]) -> list[dict[str, Any]]:
    return [
        {
            **asdict(one),
            "tags": dict(one.tags),
            "created_at": None if one.created_at is None else one.created_at.isoformat(),
        }
        for one in page
    ]
