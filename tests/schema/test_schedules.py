"""Schedules of jobs by GraphQL."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest

from maestro.db.tables.enums import Role
from maestro.ids import Kind, encode
from tests.fixtures.graphql import Api
from tests.schema.job_texts import NOON, acting_as, add, refused, rows

SAVED: Final = """... on ScheduleSaved { schedule {
    id name kind cron timezone input priority catchUp isPaused version nextRunAt nextRuns(first: 2)
} } ... on NameTaken { code field } """
STALE: Final = "... on StaleVersion { code current { id } }"
CREATE: Final = f"""
mutation ($input: CreateScheduleInput!, $key: String) {{
  createSchedule(input: $input, idempotencyKey: $key) {{ {SAVED} }}
}}"""
UPDATE: Final = f"""
mutation ($id: ID!, $input: UpdateScheduleInput!, $version: Int) {{
  updateSchedule(id: $id, input: $input, expectedVersion: $version) {{ {SAVED} {STALE} }}
}}"""
SWITCH: Final = f"""
mutation ($id: ID!, $version: Int) {{ %s(id: $id, expectedVersion: $version) {{
  ... on ScheduleSaved {{ schedule {{ id isPaused nextRuns }} }} {STALE} }} }}"""
SWITCHES: Final = ("pauseSchedule", "resumeSchedule", "deleteSchedule")
NIGHTLY: Final = {"name": "nightly", "kind": "BACKUP", "cron": "30 2 * * *", "timezone": "Europe/Berlin"}


async def new_schedule(api: Api, **given: Any) -> Any:
    return (await api(CREATE, input={**NIGHTLY, **given}))["createSchedule"]["schedule"]


async def test_a_schedule_is_made_with_its_next_times(api: Api) -> None:
    made = await new_schedule(api, input={"label": "nightly", "isProtected": True}, priority=5, catchUp="SKIP")
    runs = [datetime.fromisoformat(time).astimezone(ZoneInfo("Europe/Berlin")) for time in made.pop("nextRuns")]
    assert [(run.hour, run.minute) for run in runs] == [(2, 30)] * 2
    assert datetime.now(UTC) < runs[0] < datetime.now(UTC) + timedelta(days=1, hours=2)
    assert made.pop("nextRunAt") == runs[0].astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    assert made.pop("id").startswith("schedule_")
    assert made == {
        **NIGHTLY,
        "input": {"backupId": None, "label": "nightly", "encrypt": None, "isProtected": True},
        "priority": 5,
        "catchUp": "SKIP",
        "isPaused": False,
        "version": 1,
    }


async def test_under_a_used_key_there_is_one_schedule(api: Api) -> None:
    first, second = [(await api(CREATE, input=NIGHTLY, key="k"))["createSchedule"]["schedule"] for _ in range(2)]
    assert first == second
    taken = (await api(CREATE, input=NIGHTLY))["createSchedule"]
    assert taken == {"code": "NAME_TAKEN", "field": "name"}
    assert len(await rows(api, "job_schedule")) == 1


@pytest.mark.parametrize(
    ("given", "field", "words"),
    [
        ({"cron": "61 2 * * *"}, "cron", "is no cron expression"),
        ({"cron": "every day"}, "cron", "is no cron expression"),
        ({"cron": "0 0 30 2 *"}, "cron", "never fires"),
        ({"timezone": "Mars/Base"}, "timezone", "is no time zone"),
        ({"input": {"lable": "x"}}, "input", "holds 'lable', which nobody knows"),
        ({"input": {"backupId": "x"}}, "input", "holds 'backupId', which nobody knows"),
        ({"input": {"label": "x" * 201}}, "input.label", "at most 200"),
        ({"input": []}, "input", "is no JSON object"),
        ({"kind": "RESTORE"}, "kind", "do not begin by themselves"),
        ({"kind": "IMPORT"}, "kind", "do not begin by themselves"),
        ({"priority": 1001}, "priority", "at most 1,000"),
        ({"name": " "}, "name", "is empty"),
    ],
)
async def test_what_cannot_be_is_refused_with_its_place(
    api: Api, *, given: dict[str, Any], field: str, words: str
) -> None:
    error = await refused(api, "BAD_USER_INPUT", CREATE, input={**NIGHTLY, **given})
    assert error["extensions"]["field"] == field
    assert words in error["message"]


async def test_other_times_count_from_now_on(api: Api) -> None:
    schedule = await new_schedule(api)
    changed = (await api(UPDATE, id=schedule["id"], input={"cron": "@hourly", "timezone": "UTC"}, version=1))[
        "updateSchedule"
    ]["schedule"]
    assert changed["version"] == 2
    assert datetime.fromisoformat(changed["nextRunAt"]) <= datetime.now(UTC) + timedelta(hours=1)
    renamed = (await api(UPDATE, id=schedule["id"], input={"name": "hourly", "input": {}}))["updateSchedule"]
    assert renamed["schedule"]["nextRunAt"] == changed["nextRunAt"]
    stale = (await api(UPDATE, id=schedule["id"], input={"priority": 1}, version=1))["updateSchedule"]
    assert stale == {"code": "STALE_VERSION", "current": {"id": schedule["id"]}}
    for wrong in ({"cron": "x"}, {"timezone": None}, {"input": {"a": 1}}, {"name": ""}):
        await refused(api, "BAD_USER_INPUT", UPDATE, id=schedule["id"], input=wrong)


async def test_a_schedule_is_paused_and_resumed(api: Api) -> None:
    schedule = await new_schedule(api)
    paused = (await api(SWITCH % "pauseSchedule", id=schedule["id"]))["pauseSchedule"]["schedule"]
    assert (paused["isPaused"], paused["nextRuns"]) == (True, [])
    again = await api(SWITCH % "pauseSchedule", id=schedule["id"], version=2)
    assert again["pauseSchedule"]["schedule"]["isPaused"]
    stale = await api(SWITCH % "resumeSchedule", id=schedule["id"], version=1)
    assert stale["resumeSchedule"]["code"] == "STALE_VERSION"
    resumed = (await api(SWITCH % "resumeSchedule", id=schedule["id"]))["resumeSchedule"]["schedule"]
    assert len(resumed["nextRuns"]) == 5


async def test_a_removed_schedule_leaves_its_jobs(api: Api) -> None:
    schedule = await new_schedule(api)
    key = (await rows(api, "job_schedule"))[0]["id"]
    await add(api, "job", kind="BACKUP", schedule_id=key, scheduled_for=NOON)
    stale = await api(SWITCH % "deleteSchedule", id=schedule["id"], version=7)
    assert stale["deleteSchedule"]["code"] == "STALE_VERSION"
    gone = await api(SWITCH % "deleteSchedule", id=schedule["id"], version=1)
    assert gone["deleteSchedule"]["schedule"]["id"] == schedule["id"]
    assert await rows(api, "job_schedule") == []
    assert [job["schedule_id"] for job in await rows(api, "job")] == [None]


async def test_the_jobs_of_many_schedules_cost_one_statement(api: Api) -> None:
    for name in ("a", "b"):
        key = await add(api, "job_schedule", name=name, kind="BACKUP", cron="@daily")
        for day in (1, 2):
            time = NOON + timedelta(days=day)
            await add(api, "job", kind="BACKUP", state="FAILED", schedule_id=key, scheduled_for=time)
    query = """{ schedules(sort: [{field: NAME}], filter: {kind: {eq: BACKUP}}) { nodes { name
        jobs(first: 1, filter: {state: {eq: FAILED}}) { nodes { scheduledFor } totalCount } } } }"""
    told = (await api(query))["schedules"]["nodes"]
    newest = {"nodes": [{"scheduledFor": "2026-02-02T12:00:00.000000Z"}], "totalCount": 2}
    assert told == [{"name": "a", "jobs": newest}, {"name": "b", "jobs": newest}]
    assert api.statements == 3


@pytest.mark.parametrize(("first", "code"), [(101, "BAD_USER_INPUT"), (-1, "BAD_USER_INPUT")])
async def test_as_many_times_as_are_sensible_are_told(api: Api, first: int, code: str) -> None:
    schedule = await new_schedule(api)
    query = f"query ($id: ID!) {{ schedule(id: $id) {{ nextRuns(first: {first}) }} }}"
    assert (await refused(api, code, query, id=schedule["id"]))["extensions"]["field"] == "first"


async def test_whoever_decides_when_jobs_begin_may_start_them(api: Api) -> None:
    admin = acting_as(api, Role.ADMIN)
    error = await refused(admin, "FORBIDDEN", CREATE, input={**NIGHTLY, "kind": "PURGE"})
    assert error["extensions"]["permission"] == "trash:purge"
    purge = (await new_schedule(api, kind="PURGE"))["id"]
    await refused(admin, "FORBIDDEN", UPDATE, id=purge, input={"cron": "@hourly"})
    for switch in SWITCHES:
        await refused(admin, "FORBIDDEN", SWITCH % switch, id=purge)
    assert (await new_schedule(admin, name="mine"))["name"] == "mine"
    await refused(acting_as(api, Role.MAINTAINER), "FORBIDDEN", CREATE, input=NIGHTLY)


async def test_jobs_of_the_installation_begin_in_the_first_organization_alone(api: Api, foreign: Api) -> None:
    await refused(foreign, "FORBIDDEN", CREATE, input=NIGHTLY)
    own = encode(Kind.JobSchedule, await add(foreign, "job_schedule", name="s", kind="BACKUP", cron="@daily"))
    first = (await new_schedule(api))["id"]
    for switch in SWITCHES:
        await refused(foreign, "FORBIDDEN", SWITCH % switch, id=own)
        await refused(foreign, "NOT_FOUND", SWITCH % switch, id=first)
