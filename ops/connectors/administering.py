"""What is changed at vendors beside rows and objects: warehouses, data sets, jobs, buckets with their rules."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from connectors.sql.extras import Datasets, Jobs, StreamRows, Warehouses, WarehouseSize
from connectors.stores.buckets import Container, Description, Lifecycle, LifecycleRule, Metadata, Tiers, Versions
from connectors.stores.policies import Access, AccessPolicy, Grant, Policy, StoredPolicy
from maestro.errors import InvalidInput
from maestro.public_access import PublicAccess
from ops.connectors.offers import AZURE, BIGQUERY, CLOUDS, GCS, RULED, SNOWFLAKE, STORES, Kinds, name_of, require
from ops.connectors.opening import Openings, Target

Given = Mapping[str, Any]
Act = Callable[[Any, Given], Awaitable[int | None]]


async def administer(openings: Openings, asked: dict[str, Any]) -> dict[str, Any]:
    """Carry out `action`, a name of `ACTIONS`, with what it is `given`; return the `row_count` of rows that it added.

    NotSupported for a vendor that has nothing of it, InvalidInput for the name of another container than the
    connector's, and the errors of the vendor.
    """
    words, kinds, act = ACTIONS[asked["action"]]
    target = await openings.find(UUID(asked["connector_id"]), UUID(asked["organization_id"]))
    require(target, kinds, words)
    if asked["action"] in NAMED:
        _require_name(target, asked["given"]["name"])
    async with openings.use(target) as connector:
        return {"row_count": await act(connector, asked["given"])}


def _require_name(target: Target, name: str) -> None:
    if name != name_of(target):
        raise InvalidInput(
            "That is not the name of what this connector leads to.",
            field="action.name",
            hint="Name the bucket, container or folder as the connector's settings do.",
        )


async def _create_warehouse(source: Warehouses, given: Given) -> None:
    size = WarehouseSize(given["size"])
    await source.create_warehouse(given["name"], size, auto_suspend_s=given["auto_suspend_seconds"])


async def _resize_warehouse(source: Warehouses, given: Given) -> None:
    await source.resize_warehouse(given["name"], WarehouseSize(given["size"]))


async def _suspend_warehouse(source: Warehouses, given: Given) -> None:
    await source.suspend_warehouse(given["name"])


async def _resume_warehouse(source: Warehouses, given: Given) -> None:
    await source.resume_warehouse(given["name"])


async def _create_dataset(source: Datasets, given: Given) -> None:
    await source.create_dataset(given["name"], location=given.get("location"))


async def _delete_dataset(source: Datasets, given: Given) -> None:
    await source.delete_dataset(given["name"], with_tables=given["with_tables"])


async def _stream_rows(source: StreamRows, given: Given) -> int:
    return await source.stream_rows(given["schema"], given["table"], given["rows"])


async def _cancel_job(source: Jobs, given: Given) -> None:
    await source.cancel_job(given["id"])


async def _create_container(store: Container, _: Given) -> None:
    await store.create_container()


async def _delete_container(store: Container, _: Given) -> None:
    await store.delete_container()


async def _set_versioning(store: Versions, given: Given) -> None:
    await store.set_versioned(given["is_enabled"])


async def _set_rules(store: Lifecycle, given: Given) -> None:
    await store.set_lifecycle([_rule(**one) for one in given["rules"]])


def _rule(name: str, **rest: Any) -> LifecycleRule:
    return LifecycleRule(name, **rest)


async def _set_policy(store: Policy, given: Given) -> None:
    grants = tuple(Grant(one["role"], tuple(one["members"]), one.get("condition")) for one in given["grants"])
    await store.set_iam_policy(AccessPolicy(grants, given["etag"]))


async def _set_container_metadata(store: Access, given: Given) -> None:
    await store.set_container_metadata(given["metadata"])


async def _set_access(store: Access, given: Given) -> None:
    public = given.get("public_access")
    policies = [_stored_policy(**one) for one in given["stored_policies"]]
    await store.set_access(None if public is None else PublicAccess(public), policies, etag=given["etag"])


def _stored_policy(name: str, permissions: str | None = None, **times: str | None) -> StoredPolicy:
    moments = {end: None if time is None else datetime.fromisoformat(time) for end, time in times.items()}
    return StoredPolicy(name, permissions, **moments)


async def _set_tier(store: Tiers, given: Given) -> None:
    await store.set_tier(given["key"], given["tier"])


async def _set_metadata(store: Metadata, given: Given) -> None:
    await store.describe(given["key"], Description(given.get("media_type"), given["metadata"]))


ACTIONS: Final[Mapping[str, tuple[str, Kinds, Act]]] = {
    "create_warehouse": ("warehouses", SNOWFLAKE, _create_warehouse),
    "resize_warehouse": ("warehouses", SNOWFLAKE, _resize_warehouse),
    "suspend_warehouse": ("warehouses", SNOWFLAKE, _suspend_warehouse),
    "resume_warehouse": ("warehouses", SNOWFLAKE, _resume_warehouse),
    "create_dataset": ("data sets", BIGQUERY, _create_dataset),
    "delete_dataset": ("data sets", BIGQUERY, _delete_dataset),
    "stream_rows": ("rows that are streamed", BIGQUERY, _stream_rows),
    "cancel_job": ("jobs with ids", BIGQUERY, _cancel_job),
    "create_container": ("bucket or container", STORES, _create_container),
    "delete_container": ("bucket or container", STORES, _delete_container),
    "set_versioning": ("versions that can be switched from here", RULED, _set_versioning),
    "set_lifecycle_rules": ("lifecycle rules that can be set from here", RULED, _set_rules),
    "set_access_policy": ("access policy that can be set from here", GCS, _set_policy),
    "set_container_metadata": ("metadata of containers", AZURE, _set_container_metadata),
    "set_container_access": ("public access or stored policies that can be set from here", AZURE, _set_access),
    "set_object_tier": ("tiers", CLOUDS, _set_tier),
    "set_object_metadata": ("metadata of objects", CLOUDS, _set_metadata),
}
"""What can be done: in words, with connectors of which kinds, and how."""
NAMED: Final = frozenset({"create_container", "delete_container", "set_container_access"})
"""Actions that name what the connector leads to, so that nobody removes, or opens, another one than they mean."""
