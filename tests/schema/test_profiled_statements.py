"""Profiles of the statements of a query: run as whoever asks, explained, and without any value."""

import pytest

from maestro.errors import ProfileFailed
from tests.fixtures.graphql import Api
from tests.fixtures.registry import new_project
from tests.fixtures.tracking import new_experiment, new_run
from tests.schema.job_texts import refused
from tests.schema.profile_texts import RUNS, SECRET, START, assert_tells_nothing, files_of, made, secret_run, start


@pytest.fixture
async def run(api: Api) -> str:
    """A run whose name is nobody's business."""
    return await secret_run(api)


async def test_the_statements_of_a_query_have_plans_and_no_values(api: Api, run: str) -> None:
    variables = {"filter": f"name = '{SECRET}'"}
    profile = await start(api, statements={"document": RUNS, "variables": variables})
    found, files = await made(api, profile), await files_of(api, profile)
    summary = found["summary"]
    assert (summary["operation"], summary["statements"], summary["batches"], summary["errors"]) == (
        *("RunsOfToday", 2, 2),
        [],
    )
    assert summary["buffers"]["hit"] > 0
    text = files["statements.txt"].decode()
    assert "1. Runs." in text
    assert "2. ExperimentById.rows:" in text
    assert "pk_experiment" in text
    assert_tells_nothing(files, SECRET)
    # It is run as whoever asks, whose rows alone are seen; and what was asked is nowhere in the database.
    stored = "SELECT (SELECT string_agg(j::text, '') FROM job j) || (SELECT string_agg(p::text, '') FROM profile p)"
    logged = "(SELECT string_agg(a::text, '') FROM audit_entry a WHERE operation = 'startProfile')"
    (row,) = await api.runtime.db.fetch_sql(f"{stored} || {logged} AS texts")
    assert [part for part in (SECRET, "runs(first") if part in row.texts] == []
    assert "STATEMENTS" in row.texts


async def test_a_query_sees_no_more_than_whoever_asks(api: Api, foreign: Api, run: str) -> None:
    await new_run(foreign, await new_experiment(foreign, await new_project(foreign, "Theirs"), "E"), name="theirs")
    profile = await start(api, statements={"document": RUNS, "variables": {"filter": "name = 'theirs'"}})
    await made(api, profile)
    assert b"1. Runs._scoped" in (await files_of(api, profile))["statements.txt"]
    assert b" 0 rows" in (await files_of(api, profile))["statements.txt"]


@pytest.mark.parametrize(
    "document", ['mutation { deleteRun(id: "x") { id } }', 'subscription { jobUpdated(id: "x") { cursor } }', "{", ""]
)
async def test_nothing_but_a_query_is_run_once_more(api: Api, document: str) -> None:
    before = await api.state()
    await refused(api, "BAD_USER_INPUT", START, input={"statements": {"document": document}})
    assert await api.state() == before


async def test_a_query_that_is_refused_is_told_by_its_code_alone(api: Api) -> None:
    profile = await start(api, statements={"document": f'{{ run(id: "{SECRET}", no: 1) {{ id }} }}'})
    with pytest.raises(ProfileFailed) as refusal:
        await made(api, profile)
    assert refusal.value.message == "The operation was refused: GRAPHQL_VALIDATION_FAILED."


async def test_an_operation_is_forgotten_once_it_was_run(api: Api) -> None:
    profile = await start(api, statements={"document": "{ projects { nodes { id } } }"})
    await made(api, profile)
    with pytest.raises(ProfileFailed, match="not known here any more"):
        await made(api, profile)
