"""Whoever may write and not read gets a receipt: a key that only logs, and one whose scopes leave reading out."""

from dataclasses import replace
from typing import Any

import pytest

from maestro.access import Limits, Permission
from maestro.db.tables.enums import Role
from tests.fixtures.graphql import Api, viewer_as
from tests.fixtures.registry import new_project
from tests.fixtures.tracking import new_experiment, new_run

CREATE = """
mutation ($input: CreateRunInput!, $key: String) {
  createRun(input: $input, idempotencyKey: $key) { __typename ... on RunSaved { run { %s } } }
}"""
HEARTBEAT = "mutation ($id: ID!) { heartbeat(id: $id) { %s } }"
LOG = "mutation ($input: LogBatchInput!) { logBatch(input: $input) { %s } }"


def with_key(api: Api, limits: Limits) -> Api:
    return Api(api.runtime, viewer_as(Role.OWNER, api.viewer.actor_id, api.viewer.organization_id, limits=limits))


@pytest.fixture
def logging(api: Api) -> Api:
    """The owner with a key that may log and never read."""
    return with_key(api, Limits(is_append_only=True))


@pytest.fixture
async def experiment(api: Api) -> str:
    """An experiment."""
    return await new_experiment(api, await new_project(api))


async def refusal(api: Api, logging: Api, query: str, **variables: Any) -> tuple[str, str | None]:
    """The code of the one error and the field that it names; nothing has changed."""
    before = await api.state()
    (error,) = await logging.errors(query, **variables)
    assert await api.state() == before
    return error["extensions"]["code"], error["extensions"].get("field")


async def test_a_program_logs_with_what_it_needs_to_know(logging: Api, experiment: str) -> None:
    created = await logging(CREATE % "id number version status", input={"experimentId": experiment})
    run = created["createRun"]["run"]
    batch = {"runId": run["id"], "writerId": "w", "seq": 0, "metrics": [{"key": "loss", "steps": [0], "values": [1.0]}]}
    logged = await logging(LOG % "accepted isReplay run { id status stopRequestedAt }", input=batch)
    ended = await logging("mutation ($id: ID!) { finishRun(id: $id) { status endedAt heartbeatAt } }", id=run["id"])
    assert logged["logBatch"]["accepted"] == 1
    assert ended["finishRun"]["status"] == "FINISHED"


@pytest.mark.parametrize(
    ("selected", "named"),
    [
        ("id config", "Run.config"),
        ("params { key }", "Run.params"),
        ("... on Run { notes }", "Run.notes"),
        ("...hidden", "Run.name"),
        ("id viewerPermissions", "Run.viewerPermissions"),
        ("project { id }", "Run.project"),
        ("id @skip(if: true) notes @include(if: false)", "Run.notes"),
    ],
)
async def test_a_field_beyond_the_receipt_refuses_the_change(
    api: Api, logging: Api, experiment: str, *, selected: str, named: str
) -> None:
    query = CREATE % selected + (" fragment hidden on Run { ... { name } }" if "hidden" in selected else "")
    assert await refusal(api, logging, query, input={"experimentId": experiment}) == ("FORBIDDEN", named)


async def test_what_is_read_through_an_interface_is_refused_too(api: Api, logging: Api, experiment: str) -> None:
    run = await new_run(api, experiment)
    for selected, named in (
        ("... on Owned { updatedAt }", "Run.updatedAt"),
        ("... on Node { id } notes", "Run.notes"),
    ):
        assert await refusal(api, logging, HEARTBEAT % selected, id=run) == ("FORBIDDEN", named)


async def test_a_request_that_is_sent_again_shows_no_more_than_the_first_time(
    api: Api, logging: Api, experiment: str
) -> None:
    given = {"experimentId": experiment, "notes": "private"}
    first = await api(CREATE % "id", input=given, key="k")
    again = await logging(CREATE % "id number", input=given, key="k")
    assert again["createRun"]["run"]["id"] == first["createRun"]["run"]["id"]
    assert await refusal(api, logging, CREATE % "notes", input=given, key="k") == ("FORBIDDEN", "Run.notes")


async def test_a_name_that_is_taken_tells_nothing_of_who_has_it(api: Api, logging: Api, experiment: str) -> None:
    await api(CREATE % "id", input={"experimentId": experiment, "externalId": "job-1", "notes": "private"})
    answer = await logging(CREATE % "id", input={"experimentId": experiment, "externalId": "job-1"})
    assert answer["createRun"] == {"__typename": "NameTaken"}


@pytest.mark.parametrize(
    "query",
    ["{ runs { totalCount } }", "{ organization { name } }", "{ roles { role } }", "{ viewer { user { email } } }"],
)
async def test_a_key_that_only_logs_reads_nothing(api: Api, logging: Api, query: str) -> None:
    assert (await refusal(api, logging, query))[0] == "FORBIDDEN"


async def test_a_key_that_only_logs_may_ask_what_it_may_do(logging: Api) -> None:
    assert (await logging("{ viewer { method permissions user { id } } }"))["viewer"]["permissions"] == [
        "EXPERIMENT_WRITE",
        "RUN_WRITE",
        "ARTIFACT_WRITE",
    ]


async def test_a_scope_without_reading_gets_a_receipt(api: Api, experiment: str) -> None:
    writer = with_key(api, Limits(scopes=frozenset({Permission.RUN_WRITE})))
    run = await new_run(api, experiment)
    assert await refusal(api, writer, HEARTBEAT % "notes", id=run) == ("FORBIDDEN", "Run.notes")
    assert await refusal(api, writer, HEARTBEAT % "... on Owned { createdBy { id } }", id=run) == (
        "FORBIDDEN",
        "Run.createdBy",
    )
    assert (await writer(HEARTBEAT % "id status", id=run))["heartbeat"] == {"id": run, "status": "RUNNING"}


async def test_a_scope_that_reads_gets_the_whole_object_and_no_other(api: Api, experiment: str) -> None:
    writer = with_key(api, Limits(scopes=frozenset({Permission.RUN_WRITE, Permission.EXPERIMENT_READ})))
    run = await new_run(api, experiment)
    assert (await writer(HEARTBEAT % "notes experiment { name }", id=run))["heartbeat"]["notes"] == ""
    named = "Project.name"
    assert await refusal(api, writer, HEARTBEAT % "project { name }", id=run) == ("FORBIDDEN", named)


async def test_a_refused_receipt_is_audited(api: Api, logging: Api, experiment: str) -> None:
    await logging.errors(CREATE % "notes", input={"experimentId": experiment})
    rows = await api.runtime.db.fetch_sql(
        "SELECT operation, is_allowed, code FROM audit_entry ORDER BY seq DESC LIMIT 1"
    )
    assert [tuple(row) for row in rows] == [("createRun", False, "FORBIDDEN")]


async def test_fragments_that_spread_each_other_many_times_are_walked_once(
    api: Api, logging: Api, experiment: str
) -> None:
    run = await new_run(api, experiment)
    doubling = "".join(f" fragment f{i} on Run {{ ...f{i + 1} ...f{i + 1} }}" for i in range(18))
    query = HEARTBEAT % "...f0" + doubling + " fragment f18 on Run { id }"
    unbounded = logging.runtime.settings.model_copy(update={"max_fields": 2**20})
    patient = Api(replace(logging.runtime, settings=unbounded), logging.viewer)
    assert (await patient(query, id=run))["heartbeat"] == {"id": run}


async def test_whoever_reads_gets_everything(api: Api, experiment: str) -> None:
    run = await new_run(api, experiment)
    reader = Api(api.runtime, viewer_as(Role.CONTRIBUTOR, api.viewer.actor_id, api.viewer.organization_id))
    assert (await reader(HEARTBEAT % "notes project { name } viewerPermissions", id=run))["heartbeat"]["notes"] == ""
