"""A job that is followed by a subscription, to its end and from where an earlier subscription has stopped."""

import base64
from typing import Any, Final
from uuid import UUID

import pytest

import dataloaders.jobs
import resolvers.job_following
from maestro.db.tables.enums import Role
from tests.fixtures.following import following
from tests.fixtures.graphql import Api
from tests.schema.job_texts import acting_as, add, change, job_id

WATCH: Final = """
subscription ($id: ID!, $after: String) {
  jobUpdated(id: $id, after: $after) { cursor job { state progress { phase completed } } events { level message } }
}"""


def summed_up(event: Any) -> tuple[str, int | None, list[str]]:
    told = event["jobUpdated"]
    return told["job"]["state"], told["job"]["progress"]["completed"], [one["message"] for one in told["events"]]


async def new_job(api: Api, *events: str, **values: Any) -> UUID:
    job = await add(api, "job", **{"kind": "BACKUP", "state": "RUNNING", **values})
    await change(api, job, *events)
    return job


async def test_a_job_is_told_as_it_is_and_then_after_each_change_to_its_end(api: Api) -> None:
    job = await new_job(api, "begun")
    async with following(api, WATCH, id=job_id(job)) as events:
        told = [summed_up(await anext(events))]
        await change(api, job, completed=5)
        told.append(summed_up(await anext(events)))
        await change(api, job, "dumped", "compared")
        told.append(summed_up(await anext(events)))
        await change(api, job, "done", state="SUCCEEDED")
        told.append(summed_up(await anext(events)))
        with pytest.raises(StopAsyncIteration):
            await anext(events)
    assert told == [
        ("RUNNING", None, ["begun"]),
        ("RUNNING", 5, []),
        ("RUNNING", 5, ["dumped", "compared"]),
        ("SUCCEEDED", 5, ["done"]),
    ]


@pytest.mark.parametrize("state", ["SUCCEEDED", "FAILED", "CANCELLED", "PARTIAL"])
async def test_what_has_ended_is_told_once(api: Api, state: str) -> None:
    job = await new_job(api, "begun", "ended", state=state)
    async with following(api, WATCH, id=job_id(job)) as events:
        assert summed_up(await anext(events)) == (state, None, ["begun", "ended"])
        with pytest.raises(StopAsyncIteration):
            await anext(events)


async def test_many_changes_at_once_are_told_as_one(api: Api) -> None:
    job = await new_job(api)
    async with following(api, WATCH, id=job_id(job)) as events:
        await anext(events)
        for number in range(20):
            await change(api, job, f"{number}", completed=number)
        seen: list[str] = []
        times = 0
        while len(seen) < 20:
            seen += summed_up(await anext(events))[2]
            times += 1
    assert seen == [str(number) for number in range(20)]
    assert times < 10


async def test_after_a_cursor_what_was_missed_comes_first_at_any_server(api: Api, elsewhere: Api) -> None:
    job = await new_job(api, "one")
    async with following(api, WATCH, id=job_id(job)) as events:
        cursor = (await anext(events))["jobUpdated"]["cursor"]
    await change(api, job, "two", "three", completed=3)
    async with following(elsewhere, WATCH, id=job_id(job), after=cursor) as events:
        first = await anext(events)
        await change(api, job, "four")
        second = await anext(events)
    assert (summed_up(first), summed_up(second)) == (("RUNNING", 3, ["two", "three"]), ("RUNNING", 3, ["four"]))
    async with following(api, WATCH, id=job_id(job), after=second["jobUpdated"]["cursor"]) as events:
        assert summed_up(await anext(events)) == ("RUNNING", 3, [])


async def test_more_events_than_go_into_one_come_one_after_the_other(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    limited = dataloaders.jobs._EVENTS_AFTER.replace(f"LIMIT {dataloaders.jobs.MOST_EVENTS}", "LIMIT 2")
    monkeypatch.setattr(dataloaders.jobs, "_EVENTS_AFTER", limited)
    monkeypatch.setattr(resolvers.job_following, "MOST_EVENTS", 2)
    job = await new_job(api, *"abcde", state="FAILED")
    async with following(api, WATCH, id=job_id(job)) as events:
        told = [summed_up(event)[2] async for event in events]
    assert told == [["a", "b"], ["c", "d"], ["e"]]


async def test_a_cursor_of_something_else_is_refused(api: Api) -> None:
    job, other = await new_job(api), await new_job(api)
    async with following(api, WATCH, id=job_id(other)) as events:
        foreign_cursor = (await anext(events))["jobUpdated"]["cursor"]
    for cursor in (foreign_cursor, "x", "", base64.urlsafe_b64encode(b"short").decode(), "é"):
        async with following(api, WATCH, id=job_id(job), after=cursor) as events:
            (error,) = await anext(events)
        assert (error["extensions"]["code"], error["extensions"]["field"]) == ("BAD_USER_INPUT", "after")


async def test_who_may_not_see_a_job_does_not_follow_it(api: Api, foreign: Api) -> None:
    job = await new_job(api)
    async with following(foreign, WATCH, id=job_id(job)) as events:
        (error,) = await anext(events)
    assert error["extensions"]["code"] == "NOT_FOUND"
    async with following(acting_as(api, Role.VIEWER), WATCH, id=job_id(job)) as events:
        assert summed_up(await anext(events))[0] == "RUNNING"


async def test_a_job_that_is_forgotten_meanwhile_ends_with_an_error(api: Api) -> None:
    job = await new_job(api)
    async with following(api, WATCH, id=job_id(job)) as events:
        await anext(events)
        async with api.runtime.db.transaction() as tx:
            await tx.fetch_sql("DELETE FROM job WHERE id = $1", job)
        await change(api, job)
        (error,) = await anext(events)
    assert error["extensions"]["code"] == "NOT_FOUND"
