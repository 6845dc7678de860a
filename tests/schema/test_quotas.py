"""Quotas: set by whoever may, kept at every write that they are about, and told before they are used up."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from maestro.clock import now
from maestro.db.tables.enums import Role
from maestro.ids import Kind, uuid_of
from maestro.settings import Settings
from resolvers import artifact_files
from resolvers.artifact_files import File
from tests.fixtures.artifacts import CONTENT, MEGABYTE, in_parts, new_artifact, opened, stored
from tests.fixtures.graphql import Api, viewer_as
from tests.fixtures.registry import new_project
from tests.fixtures.tracking import CREATE_RUN, new_experiment
from tests.fixtures.tracking import new_run as another_run
from tests.schema.metric_texts import LOG, batch, log, metric, new_run

SET = "mutation ($input: SetQuotasInput!) { setQuotas(input: $input) { quotas version } }"
USAGE = """{ organization { quotaUsage { name limit used ratio state } usage { pointsToday } } }"""
DELETE_RUN = "mutation ($id: ID!) { deleteRun(id: $id) { id } }"


async def put(api: Api, **given: int | None) -> Any:
    return (await api(SET, input=given))["setQuotas"]["quotas"]


async def used(api: Api) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await api(USAGE))["organization"]["quotaUsage"]
    return found


@pytest.fixture
async def experiment(api: Api) -> str:
    return await new_experiment(api, await new_project(api))


async def test_quotas_are_set_beside_each_other_and_null_removes_one(api: Api) -> None:
    assert await put(api, runs=5, storageBytes=2**50) == {"runs": 5, "storageBytes": 2**50}
    assert await put(api, pointsPerDay=7, runs=None) == {"pointsPerDay": 7, "storageBytes": 2**50}
    assert (await api(SET, input={}))["setQuotas"]["version"] == 4


@pytest.mark.parametrize("given", [{"runs": -1}, {"pointsPerDay": str(2**53)}])
async def test_a_quota_out_of_range_is_refused(api: Api, given: dict[str, Any]) -> None:
    before = await api.state()
    [error] = await api.errors(SET, input=given)
    assert (error["extensions"]["code"], error["extensions"]["field"]) == ("BAD_USER_INPUT", next(iter(given)))
    assert await api.state() == before


async def test_the_log_has_the_quotas_before_and_after(api: Api) -> None:
    await put(api, runs=5)
    await put(api, runs=6)
    rows = await api.runtime.db.fetch_sql(
        "SELECT before, after FROM audit_entry WHERE operation = 'setQuotas' ORDER BY seq"
    )
    assert [(row.before, row.after) for row in rows] == [
        ({"quotas": {}}, {"quotas": {"runs": 5}}),
        ({"quotas": {"runs": 5}}, {"quotas": {"runs": 6}}),
    ]


@pytest.mark.parametrize("role", [Role.VIEWER, Role.CONTRIBUTOR, Role.MAINTAINER, Role.ADMIN])
async def test_only_an_owner_sets_quotas(api: Api, role: Role) -> None:
    before = await api.state()
    lower = Api(api.runtime, viewer_as(role, api.viewer.actor_id, api.viewer.organization_id))
    [error] = await lower.errors(SET, input={"runs": 1})
    assert error["extensions"]["code"] == "FORBIDDEN"
    assert await api.state() == before


async def test_usage_is_told_of_the_quotas_that_are_set_in_one_statement(api: Api, experiment: str) -> None:
    assert await used(api) == []
    await put(api, runs=5, pointsPerDay=10, storageBytes=0)
    for _ in range(4):
        run = await another_run(api, experiment)
    await log(api, run, 0, metric(range(3)))
    assert await used(api) == [
        {"name": "RUNS", "limit": 5, "used": 4, "ratio": 0.8, "state": "WARNING"},
        {"name": "POINTS_PER_DAY", "limit": 10, "used": 3, "ratio": 0.3, "state": "OK"},
        {"name": "STORAGE_BYTES", "limit": 0, "used": 0, "ratio": 1.0, "state": "EXCEEDED"},
    ]
    assert api.statements == 3  # the organisation, the quotas and the counts


async def test_another_organisation_neither_shares_nor_sees_a_quota(api: Api, foreign: Api, experiment: str) -> None:
    await put(api, runs=1)
    await another_run(api, experiment)
    assert await used(foreign) == []
    await another_run(foreign, await new_experiment(foreign, await new_project(foreign)))


async def test_a_run_beyond_the_quota_is_refused_and_nothing_is_written(api: Api, experiment: str) -> None:
    await put(api, runs=2)
    for _ in range(2):
        await another_run(api, experiment)
    before = await api.state()
    [error] = await api.errors(CREATE_RUN, input={"experimentId": experiment})
    assert error["message"] == "This organization may have 2 runs in use and has 2."
    assert error["extensions"] == {
        "code": "QUOTA_EXCEEDED",
        "hint": "Delete what is not needed any more, or have the quota raised.",
        "quota": "RUNS",
        "limit": 2,
        "used": 2,
    }
    assert await api.state() == before


async def test_a_run_that_is_deleted_makes_room_at_once(api: Api, experiment: str) -> None:
    await put(api, runs=1)
    run = await another_run(api, experiment)
    await api.errors(CREATE_RUN, input={"experimentId": experiment})
    await api(DELETE_RUN, id=run)
    await another_run(api, experiment)


async def test_a_run_is_created_again_under_its_key_when_the_quota_is_used_up(api: Api, experiment: str) -> None:
    await put(api, runs=1)
    made = [await api(CREATE_RUN, input={"experimentId": experiment}, key="k") for _ in range(2)]
    assert made[0]["createRun"]["run"]["id"] == made[1]["createRun"]["run"]["id"]


async def test_runs_of_projects_that_the_viewer_cannot_see_count(api: Api, experiment: str) -> None:
    await another_run(api, experiment)
    await put(api, runs=1)
    project = await new_project(api, "Audio")
    mine = {uuid_of(Kind.Project, project): Role.CONTRIBUTOR}
    there = await new_experiment(api, project)
    narrow = Api(api.runtime, viewer_as(None, api.viewer.actor_id, api.viewer.organization_id, in_projects=mine))
    [error] = await narrow.errors(CREATE_RUN, input={"experimentId": there})
    assert error["extensions"]["code"] == "QUOTA_EXCEEDED"


async def test_a_lower_quota_than_what_is_there_refuses_only_what_is_new(api: Api, experiment: str) -> None:
    run = await another_run(api, experiment)
    await put(api, runs=0)
    await api('mutation ($id: ID!) { updateRun(id: $id, input: {name: "y"}) { __typename } }', id=run)
    await api.errors(CREATE_RUN, input={"experimentId": experiment})


async def test_usage_is_not_counted_again_for_each_run(api: Api, experiment: str) -> None:
    await put(api, runs=100)
    counts = []
    for _ in range(3):
        await another_run(api, experiment)
        counts.append(api.statements)
    assert counts[0] - 1 == counts[1] == counts[2]


@pytest.mark.parametrize("noun", ["Run", "Experiment", "Project"])
async def test_runs_beyond_the_quota_do_not_come_back_from_the_trash(api: Api, noun: str) -> None:
    project = await new_project(api)
    experiment = await new_experiment(api, project)
    runs = [await another_run(api, experiment) for _ in range(2)]
    lying = {"Run": runs[0], "Experiment": experiment, "Project": project}[noun]
    await api(f"mutation ($id: ID!) {{ delete{noun}(id: $id) {{ id }} }}", id=lying)
    await put(api, runs=1)
    restore = f"mutation ($id: ID!) {{ restore{noun}(id: $id) {{ __typename }} }}"
    before = await api.state()
    [error] = await api.errors(restore, id=lying)
    assert (error["extensions"]["code"], error["extensions"]["quota"]) == ("QUOTA_EXCEEDED", "RUNS")
    assert await api.state() == before
    await put(api, runs=2)
    await api(restore, id=lying)
    assert (await used(api))[0]["used"] == 2


async def test_points_beyond_the_quota_of_a_day_are_refused_and_nothing_is_written(api: Api) -> None:
    run = await new_run(api)
    await put(api, pointsPerDay=10)
    await log(api, run, 0, metric(range(8)))
    before = await api.state()
    [error] = await api.errors(LOG, input=batch(run, 1, metrics=[metric(range(3))], tags=[{"key": "a", "value": "b"}]))
    assert (error["extensions"]["code"], error["extensions"]["quota"], error["extensions"]["used"]) == (
        "QUOTA_EXCEEDED",
        "POINTS_PER_DAY",
        8,
    )
    assert await api.state() == before
    assert (await log(api, run, 1, metric(range(2))))["accepted"] == 2


async def test_a_batch_that_is_sent_again_and_one_without_points_need_no_room(api: Api) -> None:
    run = await new_run(api)
    await put(api, pointsPerDay=3)
    await log(api, run, 0, metric(range(3)))
    assert (await log(api, run, 0, metric(range(3))))["isReplay"]
    await api(LOG, input=batch(run, 1, tags=[{"key": "a", "value": "b"}]))
    assert (await api(USAGE))["organization"]["usage"] == {"pointsToday": 3}


async def test_points_that_another_process_has_logged_are_never_exceeded(api: Api) -> None:
    run = await new_run(api)
    await put(api, pointsPerDay=10)
    await log(api, run, 0, metric(range(4)))
    # What this process remembers is 4; the row says otherwise.
    await api.runtime.db.fetch_sql("UPDATE points_by_day SET n = 9")
    before = await api.state()
    [error] = await api.errors(LOG, input=batch(run, 1, metrics=[metric(range(2))]))
    assert (error["extensions"]["code"], error["extensions"]["used"]) == ("QUOTA_EXCEEDED", 9)
    assert await api.state() == before
    assert (await log(api, run, 1, metric([0])))["accepted"] == 1


async def test_yesterdays_points_do_not_count(api: Api) -> None:
    run = await new_run(api)
    await put(api, pointsPerDay=3)
    await log(api, run, 0, metric(range(3)))
    yesterday = now().date() - timedelta(days=1)
    await api.runtime.db.fetch_sql("UPDATE points_by_day SET day = $1", yesterday)
    assert (await log(api, run, 1, metric(range(3))))["accepted"] == 3


async def test_a_group_counts_its_points_by_one_statement(api: Api) -> None:
    run = await new_run(api)
    await log(api, run, 0, metric(range(5)))
    await log(api, run, 1, metric(range(5)))
    rows = await api.runtime.db.fetch_sql("SELECT n, day FROM points_by_day")
    assert [(row.n, row.day) for row in rows] == [(10, now().date())]


async def test_a_file_beyond_the_quota_is_refused_and_nothing_is_written(api: Api, client: httpx.AsyncClient) -> None:
    version = await opened(api, await new_artifact(api, await new_project(api)))
    await put(api, storageBytes=len(CONTENT))
    assert (await client.put(f"/artifacts/{version}/a.bin", content=CONTENT)).status_code == 200
    before = await api.state()
    refused = await client.put(f"/artifacts/{version}/b.bin", content=b"x")
    assert refused.status_code == 403
    [error] = refused.json()["errors"]
    assert (error["extensions"]["code"], error["extensions"]["quota"]) == ("QUOTA_EXCEEDED", "STORAGE_BYTES")
    assert await api.state() == before


async def test_a_file_of_unknown_length_is_kept_off_the_disk_beyond_the_quota(
    api: Api, client: httpx.AsyncClient, settings: Settings
) -> None:
    version = await opened(api, await new_artifact(api, await new_project(api)))
    await put(api, storageBytes=MEGABYTE)
    assert (await client.put(f"/artifacts/{version}/a.bin", content=in_parts(MEGABYTE // 2))).status_code == 200
    (kept,) = stored(settings.data_dir / "blobs")
    before = await api.state()
    refused = await client.put(f"/artifacts/{version}/b.bin", content=in_parts(2 * MEGABYTE))
    assert refused.status_code == 403
    [error] = refused.json()["errors"]
    assert (error["extensions"]["code"], error["extensions"]["quota"]) == ("QUOTA_EXCEEDED", "STORAGE_BYTES")
    assert stored(settings.data_dir / "blobs") == [kept]
    assert await api.state() == before


async def test_bytes_that_are_stored_already_need_no_room(api: Api) -> None:
    version = await opened(api, await new_artifact(api, await new_project(api)))
    await put(api, storageBytes=4)
    await _record(api, version, "a.bin")
    await _record(api, version, "b.bin")
    assert [(one["used"], one["state"]) for one in await used(api)] == [(4, "EXCEEDED")]


async def test_a_write_that_nearly_uses_a_quota_up_is_warned_of(
    client: httpx.AsyncClient, api: Api, experiment: str
) -> None:
    await put(api, runs=5)
    answers = []
    for _ in range(4):
        body = {"query": CREATE_RUN, "variables": {"input": {"experimentId": experiment}}}
        answers.append((await client.post("/graphql", json=body)).json()["extensions"])
    assert ["warnings" in extensions for extensions in answers] == [False, False, False, True]
    assert answers[3]["warnings"] == [
        {"quota": "RUNS", "limit": 5, "used": 4, "message": "4 of 5 runs in use are used."}
    ]


async def _record(api: Api, version: str, path: str) -> None:
    file = File(path, "0" * 64, 4, "text/plain")
    await artifact_files.record(api.context(), uuid_of(Kind.ArtifactVersion, version), file)
