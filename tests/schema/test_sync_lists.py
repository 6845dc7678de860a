"""The objects of plans, and the syncs of stores, page by page."""

from uuid import UUID

from tests.fixtures.graphql import Api
from tests.schema.sync_texts import BRIEF_START, ITEMS, connectors, end, plan_id, ready


async def fill(api: Api, plan: UUID, count: int) -> None:
    """Give a plan items, the first one of which has failed."""
    async with api.runtime.db.transaction() as tx:
        for number in range(1, count + 1):
            state, error = ("PENDING", None)
            if number == 1:
                state, error = "FAILED", {"code": "FORBIDDEN", "message": "No.", "vendorCode": "AccessDenied"}
            await tx.fetch_sql(
                "INSERT INTO sync_item (organization_id, plan_id, number, key, action, size_bytes, source, state, "
                "error) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
                *(api.viewer.organization_id, plan, number, f"k{number}", "UPDATE" if number % 2 else "ADD"),
                *(number, {"size": number, "modifiedAt": "2026-06-01T00:00:00+00:00"}, state, error),
            )


async def test_the_objects_of_a_plan_are_read_page_by_page_and_by_action(api: Api) -> None:
    plan = await ready(api, await connectors(api))
    await fill(api, plan, 5)
    first = (await api(ITEMS, id=plan_id(plan), first=2))["syncPlan"]["items"]
    assert api.statements == 3
    assert (first["totalCount"], first["pageInfo"]["hasNextPage"]) == (5, True)
    assert first["nodes"] == [
        {
            "key": "k1",
            "action": "UPDATE",
            "state": "FAILED",
            "sizeBytes": 1,
            "sourceModifiedAt": "2026-06-01T00:00:00.000000Z",
            "error": {"code": "FORBIDDEN", "message": "No.", "vendorCode": "AccessDenied"},
        },
        {
            "key": "k2",
            "action": "ADD",
            "state": "PENDING",
            "sizeBytes": 2,
            "sourceModifiedAt": "2026-06-01T00:00:00.000000Z",
            "error": None,
        },
    ]
    after = first["pageInfo"]["endCursor"]
    second = (await api(ITEMS, id=plan_id(plan), first=9, after=after))["syncPlan"]["items"]
    assert [one["key"] for one in second["nodes"]] == ["k3", "k4", "k5"]
    added = (await api(ITEMS, id=plan_id(plan), action="ADD"))["syncPlan"]["items"]
    assert ([one["key"] for one in added["nodes"]], added["totalCount"]) == (["k2", "k4"], 2)
    failed = (await api(ITEMS, id=plan_id(plan), state="FAILED"))["syncPlan"]["items"]
    assert [one["key"] for one in failed["nodes"]] == ["k1"]
    last = "query ($id: ID!) { syncPlan(id: $id) { items(last: 2) { nodes { key } } } }"
    assert (await api(last, id=plan_id(plan)))["syncPlan"]["items"]["nodes"] == [{"key": "k4"}, {"key": "k5"}]


async def test_the_syncs_of_a_store_are_listed_from_it_and_to_it_with_what_has_failed(api: Api) -> None:
    keys = await connectors(api)
    plan = await ready(api, keys)
    await fill(api, plan, 2)
    run = (await api(BRIEF_START, id=plan_id(plan)))["startSync"]["id"]
    stats = dict.fromkeys(("added", "updated", "removed", "conflicts", "skipped", "failed", "notDone", "bytes"), 1)
    await end(api, status="PARTIAL", stats={**stats, "seconds": 1.5, "verification": None})
    query = """
        query { connectors(sort: [{field: NAME}]) { nodes {
            syncRuns { nodes { id status stats { failed seconds } plan { state } target { name } job { kind }
                failures(first: 5) { totalCount nodes { key } } } }
            incomingSyncRuns(filterText: "status = 'PARTIAL'") { nodes { id } } } } }
    """
    there, here = (await api(query))["connectors"]["nodes"]
    assert api.statements == 8
    assert there["syncRuns"]["nodes"] == [
        {
            "id": run,
            "status": "PARTIAL",
            "stats": {"failed": 1, "seconds": 1.5},
            "plan": {"state": "STARTED"},
            "target": {"name": "Store /b"},
            "job": {"kind": "STORAGE_SYNC"},
            "failures": {"totalCount": 1, "nodes": [{"key": "k1"}]},
        }
    ]
    assert (there["incomingSyncRuns"]["nodes"], here["incomingSyncRuns"]["nodes"]) == ([], [{"id": run}])
    assert (await api("{ syncRuns { nodes { id } } }"))["syncRuns"]["nodes"] == [{"id": run}]
