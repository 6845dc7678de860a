"""The endpoint as real clients of JavaScript use it, against a server in a process of its own."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.app.conftest import Server
from tests.fixtures.node import run_node

AUDITS = 61
PROJECT = """mutation ($name: String!) {
  made: createProject(input: {name: $name}) { ... on ProjectSaved { made: project { id } } }
}"""
EXPERIMENT = """mutation ($project: ID!) {
  made: createExperiment(input: {projectId: $project, name: "e"}) { ... on ExperimentSaved { made: experiment { id } } }
}"""
RUN = """mutation ($experiment: ID!) {
  made: createRun(input: {experimentId: $experiment}) { ... on RunSaved { made: run { id } } }
}"""


def test_every_audit_of_graphql_http_passes(clients: Path, server: Server, key: str) -> None:
    results = json.loads(run_node(clients / "audit.mjs", f"{server.url}/graphql", key))
    assert [result for result in results if result["status"] != "ok"] == []
    assert len(results) == AUDITS


@dataclass(frozen=True)
class Seen:
    """What a client has seen of a server on which a project and a run were made for it."""

    project: str
    run: str
    told: dict[str, Any]


def seen_by(script: Path, server: Server, key: str) -> Seen:
    def make(query: str, **variables: str) -> str:
        content = {"query": query, "variables": variables}
        headers = {"authorization": f"Bearer {key}"}
        answer = httpx.post(f"{server.url}/graphql", json=content, headers=headers, trust_env=False).json()
        made: str = answer["data"]["made"]["made"]["id"]
        return made

    project = make(PROJECT, name=f"For {script.stem}")
    run = make(RUN, experiment=make(EXPERIMENT, project=project))
    printed = run_node(script, f"{server.url}/graphql", key, project, run)
    return Seen(project, run, json.loads(printed))


def codes(result: dict[str, Any]) -> list[str]:
    return [error["extensions"]["code"] for error in result["errors"]]


class TestGraphqlSse:
    @pytest.fixture(scope="class")
    @staticmethod
    def seen(clients: Path, server: Server, key: str) -> Seen:
        return seen_by(clients / "sse.mjs", server, key)

    def test_a_query_and_a_mutation_have_one_answer_each(self, seen: Seen) -> None:
        [query], [mutation] = seen.told["query"], seen.told["mutation"]
        assert seen.project in [node["id"] for node in query["data"]["projects"]["nodes"]]
        assert mutation["data"] == {"updateProject": {"__typename": "ProjectSaved"}}

    def test_errors_come_with_their_codes_before_the_end(self, seen: Seen) -> None:
        names = ("parseError", "validationError", "badInput", "unknownRun")
        assert [[codes(result) for result in seen.told[name]] for name in names] == [
            [["GRAPHQL_PARSE_FAILED"]],
            [["GRAPHQL_VALIDATION_FAILED"]],
            [["BAD_USER_INPUT"]],
            [["NOT_FOUND"]],
        ]

    def test_a_run_is_followed_until_the_client_cancels(self, seen: Seen) -> None:
        updates = [update["data"]["runUpdated"] for update in seen.told["updates"]]
        assert updates == [{"id": seen.run, "status": "RUNNING"}, {"id": seen.run, "status": "FINISHED"}]

    def test_nobody_is_told_so_by_the_status(self, seen: Seen) -> None:
        assert seen.told["unauthenticated"] == 401


@pytest.fixture(scope="module", params=["apollo", "urql"])
def script(clients: Path, request: pytest.FixtureRequest) -> Path:
    """The script of a client; both tell what they have seen in the same form."""
    return clients / f"{request.param}.mjs"


@pytest.fixture(scope="module")
def seen(script: Path, server: Server, key: str) -> Seen:
    """What the client has seen."""
    return seen_by(script, server, key)


def test_a_client_reads_queries_and_mutations(seen: Seen) -> None:
    asked = [told for name, told in seen.told.items() if name.startswith("query")]
    assert [told["codes"] for told in asked] == [None] * len(asked)
    assert all(seen.project in [node["id"] for node in told["data"]["projects"]["nodes"]] for told in asked)
    assert seen.told["mutation"] == {"updateProject": {"__typename": "ProjectSaved"}}


def test_a_client_sees_the_codes_of_errors(seen: Seen) -> None:
    assert [seen.told[name]["codes"] for name in ("validationError", "badInput")] == [
        ["GRAPHQL_VALIDATION_FAILED"],
        ["BAD_USER_INPUT"],
    ]


def test_a_client_follows_a_run_and_cancels(seen: Seen) -> None:
    updates = [told["data"]["runUpdated"]["status"] for told in seen.told["updates"]["results"]]
    assert (updates, seen.told["updates"]["end"]) == (["RUNNING", "FINISHED"], "cancelled")


def test_a_client_sees_why_a_subscription_ends(seen: Seen) -> None:
    assert seen.told["unknownRun"]["results"][-1]["codes"] == ["NOT_FOUND"]
    assert seen.told["unknownRun"]["end"] == "complete"
