"""Syncs by GraphQL: planned, looked at, started, undone; who may, and what stands in the way."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from maestro.clock import now
from maestro.db.tables.enums import Role
from maestro.ids import Kind, encode
from tests.fixtures.graphql import Api, viewer_as
from tests.schema.job_texts import acting_as, add, refused, rows
from tests.schema.sync_texts import (
    BRIEF_PLAN,
    BRIEF_START,
    PLAN,
    ROLL_BACK,
    START,
    connectors,
    end,
    ends,
    plan_id,
    ready,
    run_id,
)


async def test_a_plan_is_asked_for_with_its_job_in_one_transaction(api: Api) -> None:
    keys = await connectors(api)
    given = {**ends(keys), "sourcePrefix": "/data/", "include": ["*.ckpt"], "delete": True, "bytesPerSecond": 5000}
    made = (await api(PLAN, input=given))["planSync"]
    (plan,), (job,) = await rows(api, "sync_plan"), await rows(api, "job")
    assert made == {
        "id": plan_id(plan["id"]),
        "state": "PLANNING",
        "summary": None,
        "source": {"name": "Store /a"},
        "target": {"name": "Store /b"},
        "createdBy": {"name": "Owner"},
        "job": {"kind": "SYNC_PLAN", "state": "QUEUED", "input": {"planId": str(plan["id"])}},
        "options": {
            "sourcePrefix": "data",
            "include": ["*.ckpt"],
            "exclude": [],
            "compare": "QUICK",
            "onConflict": "SKIP",
            "delete": True,
            "maxDeleteFraction": 0.5,
            "maxDeletes": None,
            "verify": False,
            "bytesPerSecond": 5000,
            "concurrency": 24,
        },
    }
    assert (plan["job_id"], plan["source_id"], plan["target_id"]) == (job["id"], *keys)
    (entry,) = await api.runtime.db.fetch_sql("SELECT operation, target_type, target_id FROM audit_entry")
    assert (entry.operation, entry.target_type, entry.target_id) == ("planSync", "SyncPlan", plan["id"])


async def test_under_a_used_key_there_is_one_plan_and_one_sync(api: Api) -> None:
    keys = await connectors(api)
    first, second = [(await api(PLAN, input=ends(keys), key="k"))["planSync"]["id"] for _ in range(2)]
    assert first == second
    plan = await ready(api, keys)
    await end(api)
    started = [(await api(START, id=plan_id(plan), key="s"))["startSync"]["id"] for _ in range(2)]
    assert started[0] == started[1]
    assert (len(await rows(api, "sync_plan")), len(await rows(api, "sync_run"))) == (2, 1)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"include": ["!a"]}, "input.include"),
        ({"exclude": [""]}, "input.exclude"),
        ({"sourcePrefix": "a/../b"}, "input.sourcePrefix"),
        ({"maxDeleteFraction": 1.5}, "input.maxDeleteFraction"),
        ({"bytesPerSecond": 1}, "input.bytesPerSecond"),
        ({"concurrency": 1000}, "input.concurrency"),
    ],
)
async def test_options_that_cannot_be_are_refused(api: Api, given: dict[str, Any], field: str) -> None:
    keys = await connectors(api)
    error = await refused(api, "BAD_USER_INPUT", PLAN, input={**ends(keys), **given})
    assert error["extensions"]["field"] == field


async def test_only_stores_of_objects_are_synced_and_only_apart_from_each_other(api: Api) -> None:
    first, second = await connectors(api)
    database = await add(api, "connector", kind="MYSQL", name="Database", config={})
    error = await refused(api, "BAD_USER_INPUT", PLAN, input=ends((first, database)))
    assert error["extensions"]["field"] == "targetId"
    await refused(api, "BAD_USER_INPUT", PLAN, input=ends((first, first)))
    within = {**ends((first, first)), "sourcePrefix": "x", "targetPrefix": "x/y"}
    error = await refused(api, "BAD_USER_INPUT", PLAN, input=within)
    assert error["message"] == "The source and the target of a sync lie within one another."
    beside = {**ends((first, first)), "sourcePrefix": "x", "targetPrefix": "xy"}
    assert (await api(PLAN, input=beside))["planSync"]["state"] == "PLANNING"
    assert (await api(PLAN, input=ends((second, first))))["planSync"]["state"] == "PLANNING"


async def test_a_plan_is_started_with_its_job(api: Api) -> None:
    keys = await connectors(api)
    plan = await ready(api, keys)
    made = (await api(START, id=plan_id(plan)))["startSync"]
    (run,) = await rows(api, "sync_run")
    assert made == {
        "id": run_id(run["id"]),
        "status": "QUEUED",
        "trigger": "MANUAL",
        "canBeRolledBack": False,
        "stats": None,
        "progress": None,
        "plan": {"state": "STARTED", "version": 2},
        "source": {"name": "Store /a"},
        "target": {"name": "Store /b"},
        "job": {
            "kind": "STORAGE_SYNC",
            "state": "QUEUED",
            "input": {**_no_ends(), "syncRunId": str(run["id"])},
        },
    }
    assert (run["connector_id"], run["target_id"], run["plan_id"]) == (*keys, plan)
    await refused(api, "CONFLICT", START, id=plan_id(plan))


def _no_ends() -> dict[str, Any]:
    options = {
        "sourcePrefix": "",
        "targetPrefix": "",
        "include": [],
        "exclude": [],
        "compare": "QUICK",
        "onConflict": "SKIP",
        "delete": False,
        "maxDeleteFraction": 0.5,
        "maxDeletes": None,
        "overrideDeleteGuard": False,
        "verify": False,
        "bytesPerSecond": None,
        "concurrency": 24,
    }
    return {"sourceId": None, "targetId": None, "options": options}


async def test_a_plan_that_is_out_of_date_is_not_started(api: Api) -> None:
    keys = await connectors(api)
    expired = await ready(api, keys, expires_at=now() - timedelta(seconds=1))
    error = await refused(api, "CONFLICT", START, id=plan_id(expired))
    assert error["message"] == "This plan has expired."
    for state in ("PLANNING", "FAILED", "EXPIRED"):
        other = await ready(api, keys, state=state)
        assert (await refused(api, "CONFLICT", START, id=plan_id(other)))["extensions"]["state"] == state
    plan = await ready(api, keys)
    assert (await refused(api, "STALE_VERSION", START, id=plan_id(plan), version=7))["extensions"][
        "currentVersion"
    ] == 1
    async with api.runtime.db.transaction() as tx:
        await tx.fetch_sql("UPDATE connector SET config = $2 WHERE id = $1", keys[1], {"folder": "/elsewhere"})
    error = await refused(api, "CONFLICT", START, id=plan_id(plan))
    assert error["message"] == "The settings of a connector were changed since this plan was made."


async def test_a_plan_says_that_it_would_remove_too_much_and_is_started_by_force(api: Api) -> None:
    plan = await ready(api, await connectors(api), removals=6)
    told = "6 of the 10 objects of the target would be removed; at most 50% may be."
    query = "query ($id: ID!) { syncPlan(id: $id) { refusal } }"
    assert (await api(query, id=plan_id(plan)))["syncPlan"]["refusal"] == told
    assert (await refused(api, "CONFLICT", START, id=plan_id(plan)))["message"] == told
    assert (await api(START, id=plan_id(plan), override=True))["startSync"]["status"] == "QUEUED"


async def test_two_syncs_to_one_target_never_run_at_a_time(api: Api) -> None:
    keys = await connectors(api)
    first, second = await ready(api, keys), await ready(api, keys)
    await api(START, id=plan_id(first))
    error = await refused(api, "CONFLICT", START, id=plan_id(second))
    assert error["message"] == "Another sync, or the way back from one, is filling the same target."
    other = await ready(api, (keys[1], keys[0]))
    await api(START, id=plan_id(other))
    await end(api)
    await api(START, id=plan_id(second))


async def test_a_sync_is_undone_by_a_job_once_it_has_ended_and_if_versions_were_kept(api: Api) -> None:
    plan = await ready(api, await connectors(api))
    run = (await api(START, id=plan_id(plan)))["startSync"]["id"]
    assert (await refused(api, "CONFLICT", ROLL_BACK, id=run))["message"] == "This sync has not ended."
    await end(api, status="SUCCEEDED")
    error = await refused(api, "CONFLICT", ROLL_BACK, id=run)
    assert error["message"] == "The target of this sync kept no versions of what was replaced and removed."
    await end(api, plan={"canBeRolledBack": True})
    job = (await api(ROLL_BACK, id=run))["rollbackSync"]
    assert (job["kind"], encode(Kind.SyncRun, UUID(job["input"]["syncRunId"]))) == ("SYNC_ROLLBACK", run)
    await refused(api, "CONFLICT", ROLL_BACK, id=run)
    await end(api, rolled_back_at=now())
    assert (await refused(api, "CONFLICT", ROLL_BACK, id=run))["message"] == "This sync was undone already."


async def test_cancelling_and_retrying_a_job_that_waits_carries_over_to_plan_and_sync(api: Api) -> None:
    keys = await connectors(api)
    cancel, retry = (f"mutation ($id: ID!) {{ {name}Job(id: $id) {{ state }} }}" for name in ("cancel", "retry"))
    await api(PLAN, input=ends(keys))
    (job,) = await rows(api, "job")
    await api(cancel, id=encode(Kind.Job, job["id"]))
    assert [plan["state"] for plan in await rows(api, "sync_plan")] == ["FAILED"]
    await api(retry, id=encode(Kind.Job, job["id"]))
    assert [plan["state"] for plan in await rows(api, "sync_plan")] == ["PLANNING"]
    plan = await ready(api, keys)
    await api(START, id=plan_id(plan))
    (run,) = await rows(api, "sync_run")
    await api(cancel, id=encode(Kind.Job, run["job_id"]))
    (run,) = await rows(api, "sync_run")
    assert (run["status"], run["ended_at"] is None) == ("CANCELLED", False)


async def test_who_may_not_sync_neither_plans_nor_starts(api: Api) -> None:
    keys = await connectors(api)
    plan = await ready(api, keys)
    viewer = acting_as(api, Role.VIEWER)
    await refused(viewer, "FORBIDDEN", PLAN, input=ends(keys))
    await refused(viewer, "FORBIDDEN", START, id=plan_id(plan))


async def test_both_connectors_have_to_lie_where_one_may_sync(api: Api) -> None:
    mine, theirs = [await add(api, "project", name=name, slug=name) for name in ("mine", "theirs")]
    here, _ = await connectors(api, project_id=mine)
    there = await add(api, "connector", kind="LOCAL", name="x", config={"folder": "/x"}, project_id=theirs)
    beside = await add(api, "connector", kind="LOCAL", name="y", config={"folder": "/y"}, project_id=mine)
    roles = {mine: Role.ADMIN, theirs: Role.VIEWER}
    someone = viewer_as(None, api.viewer.actor_id, api.viewer.organization_id, in_projects=roles)
    member = Api(api.runtime, someone)
    for keys in ((here, there), (there, here)):
        error = await refused(member, "FORBIDDEN", BRIEF_PLAN, input=ends(keys))
        assert error["extensions"]["permission"] == "connector:sync"
        plan = await ready(api, keys)
        await refused(member, "FORBIDDEN", BRIEF_START, id=plan_id(plan))
    await member(BRIEF_PLAN, input=ends((here, beside)))
    run = (await member(BRIEF_START, id=plan_id(await ready(api, (here, beside)))))["startSync"]["id"]
    await end(api, plan={"canBeRolledBack": True}, status="SUCCEEDED")
    await member("mutation ($id: ID!) { rollbackSync(syncRunId: $id) { id } }", id=run)


async def test_a_stranger_finds_neither_connectors_nor_plans_nor_syncs(api: Api, foreign: Api) -> None:
    keys = await connectors(api)
    plan = await ready(api, keys)
    run = (await api(START, id=plan_id(plan)))["startSync"]["id"]
    await end(api, plan={"canBeRolledBack": True}, status="SUCCEEDED")
    await refused(foreign, "NOT_FOUND", PLAN, input=ends(keys))
    await refused(foreign, "NOT_FOUND", START, id=plan_id(plan))
    await refused(foreign, "NOT_FOUND", ROLL_BACK, id=run)
    for text, key in (("syncPlan", plan_id(plan)), ("syncRun", run)):
        (error,) = await foreign.errors(f"query ($id: ID!) {{ {text}(id: $id) {{ id }} }}", id=key)
        assert error["extensions"]["code"] == "NOT_FOUND"
    create = """
        mutation ($input: JSON!) { createSchedule(input: {name: "s", kind: STORAGE_SYNC, cron: "@daily", input: $input})
            { __typename } }
    """
    await refused(foreign, "NOT_FOUND", create, input=ends(keys))


async def test_a_schedule_of_a_sync_belongs_to_any_organization(foreign: Api) -> None:
    keys = await connectors(foreign)
    create = """
        mutation ($input: JSON!) { createSchedule(input: {name: "s", kind: STORAGE_SYNC, cron: "@daily", input: $input})
            { ... on ScheduleSaved { schedule { kind input } } } }
    """
    made = (await foreign(create, input={**ends(keys), "options": {"delete": True}}))["createSchedule"]["schedule"]
    assert (made["kind"], made["input"]["sourceId"]) == ("STORAGE_SYNC", str(keys[0]))
    error = await refused(foreign, "BAD_USER_INPUT", create, input={})
    assert error["message"] == "input: sourceId and targetId are wanted."
