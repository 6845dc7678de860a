"""The life of a run by GraphQL: its end, signs of life, and the wish that it stop."""

import asyncio
from typing import Any

import pytest

from maestro.db.tables import Run
from maestro.events import topic
from maestro.ids import Kind, uuid_of
from tests.fixtures.graphql import Api
from tests.fixtures.hearing import hearing
from tests.fixtures.registry import new_project
from tests.fixtures.tracking import new_experiment, new_run

FINISH = """
mutation ($id: ID!, $status: RunStatus! = FINISHED, $reason: String, $at: DateTime) {
  finishRun(id: $id, status: $status, statusReason: $reason, endedAt: $at) {
    status statusReason endedAt durationMs version
  }
}"""
STOP = "mutation ($id: ID!) { requestStop(id: $id) { stopRequestedAt version } }"
BEAT = "mutation ($id: ID!) { heartbeat(id: $id) { status startedAt endedAt heartbeatAt stopRequestedAt version } }"
START, END = "2026-01-31T12:00:00.000000Z", "2026-01-31T12:00:01.500000Z"


@pytest.fixture
async def experiment(api: Api) -> str:
    return await new_experiment(api, await new_project(api))


async def lose(api: Api, run: str) -> None:
    """Let a run fall silent."""
    await api.runtime.db.fetch_sql(
        "UPDATE run SET status = 'LOST', ended_at = now() WHERE id = $1", uuid_of(Kind.Run, run)
    )


async def test_a_run_is_finished_with_its_reason_and_duration(api: Api, experiment: str) -> None:
    run = await new_run(api, experiment, startedAt=START)
    data = await api(FINISH, id=run, status="FAILED", reason="diverged", at=END)
    assert data["finishRun"] == {
        "status": "FAILED",
        "statusReason": "diverged",
        "endedAt": END,
        "durationMs": 1500,
        "version": 2,
    }


@pytest.mark.parametrize("status", ["FINISHED", "KILLED"])
async def test_a_second_finish_is_refused_saying_how_it_ended(api: Api, experiment: str, status: str) -> None:
    run = await new_run(api, experiment, startedAt=START)
    await api(FINISH, id=run, at=END)
    state = await api.state()
    (error,) = await api.errors(FINISH, id=run, status=status, at=END)
    assert error["message"] == "This run has ended as FINISHED at 2026-01-31T12:00:01.500000Z."
    assert error["extensions"]["code"] == "CONFLICT"
    assert (error["extensions"]["status"], error["extensions"]["endedAt"]) == ("FINISHED", END)
    assert await api.state() == state


async def test_two_finishes_at_once_end_a_run_once(api: Api, experiment: str) -> None:
    run = await new_run(api, experiment)
    answers = await asyncio.gather(*(api.run(FINISH, id=run, status=status) for status in ("FINISHED", "FAILED")))
    assert sorted(len(errors) for _, errors in answers) == [0, 1]


@pytest.mark.parametrize("status", ["RUNNING", "SCHEDULED", "LOST"])
async def test_a_run_cannot_be_finished_as_something_else(api: Api, experiment: str, status: str) -> None:
    run = await new_run(api, experiment)
    state = await api.state()
    (error,) = await api.errors(FINISH, id=run, status=status)
    assert (error["extensions"]["code"], error["extensions"]["field"]) == ("BAD_USER_INPUT", "status")
    assert await api.state() == state


async def test_a_run_cannot_end_before_it_started(api: Api, experiment: str) -> None:
    run = await new_run(api, experiment, startedAt=END)
    state = await api.state()
    (error,) = await api.errors(FINISH, id=run, at=START)
    assert error["extensions"]["field"] == "endedAt"
    assert await api.state() == state


async def test_a_wish_to_stop_is_seen_by_the_next_heartbeat(api: Api, experiment: str) -> None:
    run = await new_run(api, experiment)
    asked = (await api(STOP, id=run))["requestStop"]
    assert asked["stopRequestedAt"] is not None
    assert (await api(BEAT, id=run))["heartbeat"]["stopRequestedAt"] == asked["stopRequestedAt"]


async def test_asking_twice_to_stop_changes_nothing(api: Api, experiment: str) -> None:
    run = await new_run(api, experiment)
    first = await api(STOP, id=run)
    state = await api.state()
    assert await api(STOP, id=run) == first
    assert await api.state() == state


async def test_a_heartbeat_keeps_the_version(api: Api, experiment: str) -> None:
    run = await new_run(api, experiment)
    beat = (await api(BEAT, id=run))["heartbeat"]
    assert beat["heartbeatAt"] is not None
    assert beat["version"] == 1
    # The run is locked and written, listeners are told, and the audit log.
    assert api.statements == 4


async def test_the_first_heartbeat_starts_a_scheduled_run(api: Api, experiment: str) -> None:
    run = await new_run(api, experiment, status="SCHEDULED")
    beat = (await api(BEAT, id=run))["heartbeat"]
    assert beat["status"] == "RUNNING"
    assert beat["startedAt"] is not None


async def test_a_heartbeat_brings_a_lost_run_back(api: Api, experiment: str) -> None:
    run = await new_run(api, experiment, startedAt=START)
    await lose(api, run)
    (error,) = await api.errors(FINISH, id=run)
    assert error["extensions"]["hint"] == "A heartbeat brings a lost run back."
    beat = (await api(BEAT, id=run))["heartbeat"]
    assert (beat["status"], beat["startedAt"], beat["endedAt"]) == ("RUNNING", START, None)


@pytest.mark.parametrize("query", [STOP, BEAT])
async def test_an_ended_run_takes_no_sign_of_life_and_no_wish(api: Api, experiment: str, query: str) -> None:
    run = await new_run(api, experiment)
    await api(FINISH, id=run)
    state = await api.state()
    (error,) = await api.errors(query, id=run)
    assert error["extensions"]["code"] == "CONFLICT"
    assert await api.state() == state


async def test_a_run_in_the_trash_cannot_be_finished(api: Api, experiment: str) -> None:
    run = await new_run(api, experiment)
    await api("mutation ($id: ID!) { deleteRun(id: $id) { id } }", id=run)
    state = await api.state()
    (error,) = await api.errors(FINISH, id=run)
    assert error["message"] == f"This {Run.__name__} is in the trash."
    assert await api.state() == state


async def test_every_change_of_a_run_is_told(api: Api, experiment: str) -> None:
    run = await new_run(api, experiment, status="SCHEDULED")
    changes: list[Any] = []
    runtime = api.runtime
    async with hearing(runtime.events, runtime.db, topic(Kind.Run, uuid_of(Kind.Run, run))) as events:
        await api(BEAT, id=run)
        await api(BEAT, id=run)
        await api(STOP, id=run)
        await api('mutation ($id: ID!) { updateRun(id: $id, input: {name: "x"}) { __typename } }', id=run)
        await api(FINISH, id=run)
        await api("mutation ($id: ID!) { deleteRun(id: $id) { id } }", id=run)
        await api("mutation ($id: ID!) { restoreRun(id: $id) { __typename } }", id=run)
        while "restored" not in changes:
            changes.append((await anext(events)).details["change"])
    assert changes == ["status", "heartbeat", "stop", "fields", "status", "deleted", "restored"]
