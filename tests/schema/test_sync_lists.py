"""The objects of plans, and the syncs of stores, page by page."""

from typing import Final
from uuid import UUID

from maestro.db.tables.enums import Role
from maestro.ids import Kind, encode
from tests.fixtures.graphql import Api
from tests.fixtures.registry import new_project
from tests.schema.job_texts import acting_as
from tests.schema.sync_texts import BRIEF_START, ITEMS, connectors, end, plan_id, ready

PLANS: Final = """
query ($first: Int, $after: String, $filter: SyncPlanFilter, $text: String) {
  syncPlans(first: $first, after: $after, filter: $filter, filterText: $text) {
    totalCount nodes { id state source { name } job { kind } } pageInfo { endCursor hasNextPage } } }
"""


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


async def test_the_plans_of_an_organization_are_listed_from_the_newest_page_by_page(api: Api) -> None:
    keys = await connectors(api)
    plans = [plan_id(await ready(api, keys)) for _ in range(3)]
    first = (await api(PLANS, first=2))["syncPlans"]
    assert api.statements == 4
    assert ([one["id"] for one in first["nodes"]], first["totalCount"]) == (plans[:0:-1], 3)
    assert first["nodes"][0] == {
        "id": plans[2],
        "state": "READY",
        "source": {"name": "Store /a"},
        "job": {"kind": "SYNC_PLAN"},
    }
    rest = (await api(PLANS, first=2, after=first["pageInfo"]["endCursor"]))["syncPlans"]
    assert ([one["id"] for one in rest["nodes"]], rest["pageInfo"]["hasNextPage"]) == ([plans[0]], False)


async def test_plans_and_syncs_are_found_by_state_project_and_connector(api: Api) -> None:
    project = await new_project(api)
    lying, loose = await connectors(api, project_id=UUID(project[-32:])), await connectors(api, "Other")
    inside, outside = await ready(api, lying), await ready(api, loose)
    run = (await api(BRIEF_START, id=plan_id(outside)))["startSync"]["id"]

    async def found(**conditions: object) -> list[str]:
        return [one["id"] for one in (await api(PLANS, **conditions))["syncPlans"]["nodes"]]

    source, target = (encode(Kind.Connector, key) for key in lying)
    assert await found(filter={"state": {"eq": "STARTED"}}) == [plan_id(outside)]
    assert await found(filter={"project": {"eq": project}}) == [plan_id(inside)]
    assert await found(filter={"source": {"eq": target}}) == []
    assert await found(filter={"or": [{"source": {"eq": target}}, {"target": {"eq": target}}]}) == [plan_id(inside)]
    assert await found(text=f"source = '{source}' AND createdAt > '2026-01-01'") == [plan_id(inside)]
    runs = "query ($text: String!) { syncRuns(filterText: $text) { nodes { id } } }"
    for text, ids in ((f"project = '{project}'", []), (f"plan = '{plan_id(outside)}'", [{"id": run}])):
        assert (await api(runs, text=text))["syncRuns"]["nodes"] == ids


async def test_where_there_is_no_plan_the_list_is_empty_and_strangers_see_none(api: Api, foreign: Api) -> None:
    empty = {"totalCount": 0, "nodes": [], "pageInfo": {"endCursor": None, "hasNextPage": False}}
    assert (await api(PLANS))["syncPlans"] == empty
    await ready(api, await connectors(api))
    assert (await foreign(PLANS))["syncPlans"] == empty
    assert (await acting_as(api, Role.VIEWER)(PLANS))["syncPlans"]["totalCount"] == 1
