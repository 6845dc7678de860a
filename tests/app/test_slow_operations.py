"""The log of slow operations: what a record tells, what it never tells, and when there is one."""

import asyncio
import json
import logging
from datetime import timedelta
from typing import Any, Final

import httpx
import pytest

from app import slow_operations
from app.slow_operations import Slow, SlowOperations
from maestro.db.engine import SYSTEM_ROLE, Database
from maestro.db.plans import plan_of
from maestro.effort import SLOWEST, Effort, Run
from maestro.logs import JsonLines
from maestro.runtime import Runtime
from maestro.tracing import name_in_log_records
from tests.fixtures.graphql import with_settings

PLANTED: Final = "Pl4ntedS3cretOfTheSlowQ7"
TRACE: Final = "4bf92f3577b34da6a3ce929d0e0e4736"
ANY: Final = timedelta(microseconds=1)
LIST: Final = (
    f'query Listing {{ projects(filter: {{name: {{like: "{PLANTED}"}}}}) {{ nodes {{ name }} }} '
    f'lost: project(id: "project_{0:032x}") {{ name }} }}'
)
BINDING: Final = (SYSTEM_ROLE, "", "")


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> SlowOperations:
    """Nobody has asked for a plan before."""
    made = SlowOperations()
    monkeypatch.setattr("app.operation_watching.SLOW", made)
    return made


async def records(caplog: pytest.LogCaptureFixture, number: int) -> list[dict[str, Any]]:
    def found() -> list[logging.LogRecord]:
        return [record for record in caplog.records if record.name == "app.slow_operations"]

    async with asyncio.timeout(5):
        while len(found()) < number:  # noqa: ASYNC110 -- a task of the server writes them
            await asyncio.sleep(0.01)
    return [vars(record)["facts"]["operation"] for record in found()]


@with_settings(slow_operation=ANY, cache=False)
async def test_a_slow_operation_is_one_record_with_what_it_did(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    made = logging.getLogRecordFactory()
    name_in_log_records()
    try:
        headers = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
        answer = (await client.post("/graphql", json={"query": LIST}, headers=headers)).json()
        (told,) = await records(caplog, 1)
    finally:
        logging.setLogRecordFactory(made)
    assert answer["errors"][0]["extensions"]["code"] == "NOT_FOUND"
    assert (told["name"], told["type"], told["outcome"]) == ("Listing", "query", "partial")
    assert told["errorCodes"] == ["NOT_FOUND"]
    assert len(told["documentSha256"]) == 64
    assert told["cost"] > 0
    assert 0 < told["sqlSeconds"] <= told["seconds"] * told["statements"]
    assert told["loaders"]["ProjectById"] == {"rounds": 1, "keys": 1, "largest": 1}
    assert 1 <= len(told["slowest"]) <= SLOWEST
    assert told["statements"] >= len(told["slowest"])
    assert "$1" in told["slowest"][0]["sql"]
    assert any("cost=" in line for line in told["plan"])
    (record,) = [one for one in caplog.records if one.name == "app.slow_operations"]
    assert record.getMessage().startswith("Slow operation: query Listing took ")
    assert vars(record)["trace"] == f" [{TRACE}]"
    written = JsonLines("server").format(record)
    assert json.loads(written)["operation"] == json.loads(json.dumps(told))
    assert PLANTED not in written


@with_settings(slow_operation=ANY, cache=False)
async def test_plans_are_asked_for_now_and_then_and_records_are_always_written(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        await client.post("/graphql", json={"query": "{ projects { nodes { id } } }"})
    told = await records(caplog, 3)
    assert [one["name"] for one in told] == ["anonymous"] * 3
    assert sum("plan" in one for one in told) == 1


@pytest.mark.parametrize("changed", [{"slow_operation": timedelta(0)}, {"slow_operation": timedelta(minutes=1)}])
async def test_nothing_is_written_when_it_is_off_or_nothing_was_slow(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture, changed: dict[str, Any]
) -> None:
    await client.post("/graphql", json={"query": LIST})
    await asyncio.sleep(2 * slow_operations.AFTER_S)
    assert changed
    assert await records(caplog, 0) == []


@with_settings(slow_operation=ANY, operation_timeout=timedelta(milliseconds=300), cache=False)
async def test_an_operation_that_was_cancelled_for_its_time_is_told(
    client: httpx.AsyncClient, runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    async with runtime.db.transaction() as tx:
        await tx.fetch_sql("LOCK TABLE project IN ACCESS EXCLUSIVE MODE")
        await client.post("/graphql", json={"query": "query Late { projects { nodes { id } } }"})
    (told,) = await records(caplog, 1)
    assert (told["name"], told["outcome"], told["errorCodes"]) == ("Late", "error", ["SERVICE_UNAVAILABLE"])
    assert told["seconds"] >= 0.3


async def test_a_plan_needs_no_values_and_runs_nothing(db: Database) -> None:
    async with db.transaction() as tx:
        await tx.fetch_sql("CREATE TABLE made (id int)")
        await tx.fetch_sql("GRANT ALL ON made TO PUBLIC")
    insert = "INSERT INTO made SELECT $1::int RETURNING id"
    plan = await plan_of(db, Run(1.0, insert, BINDING))
    assert plan is not None
    assert "Insert on made" in plan[0]
    assert await db.fetch_sql("SELECT * FROM made") == []
    assert await plan_of(db, Run(1.0, "LOCK TABLE made", BINDING)) is None


async def test_a_plan_is_that_of_the_role_under_which_the_statement_was_run(db: Database) -> None:
    organization = f"{1:08d}-0000-0000-0000-000000000000"
    run = Run(1.0, "SELECT id FROM project WHERE name = $1", ("maestro_organization", organization, ""))
    bound, unbound = await plan_of(db, run), await plan_of(db, Run(1.0, run.sql, BINDING))
    # Row-level security adds what the statement does not ask for.
    assert "organization_id" in "\n".join(bound or ())
    assert "organization_id" not in "\n".join(unbound or ())


async def test_a_plan_that_is_not_to_be_had_leaves_the_record(
    db: Database, fresh: SlowOperations, caplog: pytest.LogCaptureFixture
) -> None:
    facts = {"type": "query", "name": "x", "seconds": 1.0}
    fresh.report(db, Slow(facts, [Run(1.0, "SELECT nothing FROM nowhere", BINDING)]))
    (told,) = await records(caplog, 1)
    assert "plan" not in told
    assert told["slowest"] == [{"seconds": 1.0, "sql": "SELECT nothing FROM nowhere"}]


def test_the_slowest_statements_are_kept_and_all_are_counted() -> None:
    done = Effort()
    for seconds in (1.0, 5.0, 2.0, 4.0, 3.0):
        done.ran(f"SELECT {seconds}", (), rows=1, seconds=seconds, binding=BINDING)
    done.loaded("A", 3)
    done.loaded("A", 5)
    assert [run.seconds for run in done.slowest] == [5.0, 4.0, 3.0]
    assert (done.statements, done.sql_seconds) == (5, 15.0)
    assert (done.loaders["A"].rounds, done.loaders["A"].keys, done.loaders["A"].largest) == (2, 8, 5)
