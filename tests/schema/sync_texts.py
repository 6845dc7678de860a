"""Operations of syncs, and rows of plans."""

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from maestro.clock import now
from maestro.ids import Kind, encode
from tests.fixtures.graphql import Api
from tests.fixtures.populating import SUMMARY
from tests.schema.job_texts import add

PLAN: Final = """
mutation ($input: PlanSyncInput!, $key: String) {
  planSync(input: $input, idempotencyKey: $key) {
    id state summary { overwrites } source { name } target { name } createdBy { name } job { kind state input }
    options { sourcePrefix include exclude compare onConflict delete maxDeleteFraction maxDeletes verify
      bytesPerSecond concurrency }
  }
}"""
START: Final = """
mutation ($id: ID!, $version: Int, $override: Boolean! = false, $key: String) {
  startSync(planId: $id, expectedVersion: $version, overrideDeleteGuard: $override, idempotencyKey: $key) {
    id status trigger canBeRolledBack stats { added } progress { objects } plan { state version }
    source { name } target { name } job { kind state input }
  }
}"""
BRIEF_PLAN: Final = "mutation ($input: PlanSyncInput!) { planSync(input: $input) { id } }"
BRIEF_START: Final = "mutation ($id: ID!) { startSync(planId: $id) { id } }"
ROLL_BACK: Final = "mutation ($id: ID!) { rollbackSync(syncRunId: $id) { kind input } }"
ITEMS: Final = """
query ($id: ID!, $first: Int, $after: String, $action: SyncAction, $state: SyncItemState) {
  syncPlan(id: $id) { items(first: $first, after: $after, action: $action, state: $state) {
    totalCount nodes { key action state sizeBytes sourceModifiedAt error { code message vendorCode } }
    pageInfo { endCursor hasNextPage } } }
}"""
FOLDERS: Final = ("/a", "/b")


def plan_id(key: UUID) -> str:
    return encode(Kind.SyncPlan, key)


def run_id(key: UUID) -> str:
    return encode(Kind.SyncRun, key)


async def connectors(api: Api, named: str = "Store", **values: Any) -> tuple[UUID, UUID]:
    """Two connectors of folders."""
    first, second = [
        await add(api, "connector", kind="LOCAL", name=f"{named} {folder}", config={"folder": folder}, **values)
        for folder in FOLDERS
    ]
    return first, second


def ends(keys: tuple[UUID, UUID]) -> dict[str, str]:
    """The input that names them."""
    return {name: encode(Kind.Connector, key) for name, key in zip(("sourceId", "targetId"), keys, strict=True)}


async def ready(api: Api, keys: tuple[UUID, UUID], *, removals: int = 0, **values: Any) -> UUID:
    """A plan that can be started, made as its job does."""
    made = (await api(BRIEF_PLAN, input=ends(keys)))["planSync"]
    key = UUID(made["id"].rpartition("_")[2])
    summary = {**SUMMARY, "remove": {"count": removals, "bytes": 0, "samples": []}, "targetCount": 10}
    changes = {"state": "READY", "summary": summary, "expires_at": now() + timedelta(hours=1), **values}
    async with api.runtime.db.transaction() as tx:
        for column, value in changes.items():
            await tx.fetch_sql(f"UPDATE sync_plan SET {column} = $2 WHERE id = $1", key, value)
    return key


async def end(api: Api, **values: Any) -> None:
    """Let all jobs be over, and all syncs be as told."""
    async with api.runtime.db.transaction() as tx:
        await tx.fetch_sql("UPDATE job SET state = 'SUCCEEDED', ended_at = now()")
        for column, value in values.items():
            await tx.fetch_sql(f"UPDATE sync_run SET {column} = $1", value)
