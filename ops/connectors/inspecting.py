"""What only some vendors tell: warehouses, what ran there and what it costs; how an object, a bucket, its rules are."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from connectors.sql.extras import Explain, History, Jobs, Profile, Ran, Reckon, Step, Warehouse, Warehouses
from connectors.stores.buckets import Container, Lifecycle, LifecycleRule, Tiers, Versions
from connectors.stores.capability import ObjectStore
from connectors.stores.policies import Access, Policy
from ops.connectors.browsing import plain_object
from ops.connectors.offers import (
    AZURE,
    BIGQUERY,
    CLOUDS,
    GCS,
    RULED,
    SNOWFLAKE,
    STORES,
    WAREHOUSES,
    Kinds,
    name_of,
    require,
)
from ops.connectors.opening import Openings, Target
from ops.connectors.wire import plain

Asked = dict[str, Any]
Look = Callable[[Any, Target, Asked], Awaitable[Any]]
MOST: Final = 10_000
"""Operators of a plan, warehouses and rules of an answer."""


async def inspect(openings: Openings, asked: Asked) -> dict[str, Any]:
    """Return the `answer` to what is asked for: `what` is a name of `LOOKS`, the rest is as each of them says.

    NotSupported for a vendor that has nothing of it, and the errors of the vendor.
    """
    words, kinds, look = LOOKS[asked["what"]]
    target = await openings.find(UUID(asked["connector_id"]), UUID(asked["organization_id"]))
    require(target, kinds, words)
    async with openings.use(target) as connector:
        return {"answer": plain(await look(connector, target, asked))}


async def _warehouses(source: Warehouses, _: Target, __: Asked) -> list[dict[str, Any]]:
    return _listed(await source.warehouses())


async def _jobs(source: History, _: Target, asked: Asked) -> list[dict[str, Any]]:
    since = None if asked["since"] is None else datetime.fromisoformat(asked["since"])
    return _listed(await source.history(since=since, limit=asked["first"]))


async def _job(source: Jobs, _: Target, asked: Asked) -> dict[str, Any]:
    return asdict(await source.job(asked["id"]))


async def _profile(source: Profile, _: Target, asked: Asked) -> list[dict[str, Any]]:
    return _listed(await source.profile(asked["id"]))


async def _plan(source: Explain, _: Target, asked: Asked) -> list[dict[str, Any]]:
    return _listed(await source.explain(asked["statement"], asked["parameters"]))


async def _estimate(source: Reckon, _: Target, asked: Asked) -> dict[str, Any]:
    return asdict(await source.estimate(asked["statement"]))


async def _object(store: ObjectStore, _: Target, asked: Asked) -> dict[str, Any]:
    return plain_object(await store.head(asked["key"]))


async def _container(store: Container, target: Target, _: Asked) -> dict[str, Any]:
    exists = await store.container_exists()
    return {
        "name": name_of(target),
        "exists": exists,
        "tiers": list(_tiered(store)) if target.kind in CLOUDS else [],
        "is_versioned": await _versioned(store) if exists and target.kind in RULED else None,
    }


def _tiered(store: Any) -> Sequence[str]:
    tiers: Tiers = store
    return tiers.tiers


async def _versioned(store: Any) -> bool:
    versions: Versions = store
    return await versions.is_versioned()


async def _rules(store: Lifecycle, _: Target, __: Asked) -> list[dict[str, Any]]:
    return _listed(await store.lifecycle())


async def _policy(store: Policy, _: Target, __: Asked) -> dict[str, Any]:
    return asdict(await store.iam_policy())


async def _settings(store: Access, _: Target, __: Asked) -> dict[str, Any]:
    return asdict(await store.container_settings())


def _listed(found: Sequence[Warehouse | Ran | Step | LifecycleRule]) -> list[dict[str, Any]]:
    return [asdict(one) for one in found[:MOST]]


LOOKS: Final[Mapping[str, tuple[str, Kinds, Look]]] = {
    "warehouses": ("warehouses", SNOWFLAKE, _warehouses),
    "jobs": ("history of what ran there", WAREHOUSES, _jobs),
    "job": ("jobs with ids", BIGQUERY, _job),
    "profile": ("profiles of what ran there", SNOWFLAKE, _profile),
    "plan": ("plans of statements", SNOWFLAKE, _plan),
    "estimate": ("estimates of what a statement costs", BIGQUERY, _estimate),
    "object": ("objects", STORES, _object),
    "container": ("bucket or container", STORES, _container),
    "rules": ("lifecycle rules that can be read from here", RULED, _rules),
    "settings": ("settings of a container that can be read from here", AZURE, _settings),
    "policy": ("access policy that can be read from here", GCS, _policy),
}
"""What can be asked for: in words, of which kinds, and how. The answers are those of the vendor's protocol, as JSON."""
