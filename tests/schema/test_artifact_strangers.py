"""What another organisation can do with artifacts: nothing."""

from typing import Any
from uuid import UUID

import pytest

from maestro.ids import Kind, encode
from tests.fixtures.artifacts import (
    COMMIT,
    DELETE_ARTIFACT,
    OPEN,
    SET_ALIAS,
    USE,
    A,
    committed,
    new_artifact,
    opened,
    refused,
)
from tests.fixtures.graphql import Api
from tests.fixtures.registry import new_project, new_run

CREATE = """
mutation ($input: CreateArtifactInput!, $key: String) {
  createArtifact(input: $input, idempotencyKey: $key) {
    __typename
    ... on ArtifactSaved { artifact { id name type description tags { key value } version project { name } } }
    ... on NameTaken { code field message }
  }
}"""
UPDATE = """
mutation ($id: ID!, $input: UpdateArtifactInput!, $expected: Int) {
  updateArtifact(id: $id, input: $input, expectedVersion: $expected) {
    __typename
    ... on ArtifactSaved { artifact { name type description version } }
    ... on NameTaken { code field }
    ... on StaleVersion { code current { ... on Artifact { name version } } }
  }
}"""
RESTORE = """
mutation ($id: ID!, $name: String) {
  restoreArtifact(id: $id, name: $name) {
    __typename ... on ArtifactSaved { artifact { name deletedAt } } ... on NameTaken { field }
  }
}"""
ADD = """
mutation ($id: ID!, $path: String!, $sha256: String!, $mediaType: String) {
  addArtifactEntry(versionId: $id, path: $path, sha256: $sha256, mediaType: $mediaType) {
    path sizeBytes sha256 mediaType
  }
}"""
FAIL = "mutation ($id: ID!) { failArtifactVersion(id: $id) { state fileCount sizeBytes entries { path } } }"
DELETE_VERSION = """
mutation ($id: ID!, $v: Int) {
  deleteArtifactVersion(id: $id, expectedVersion: $v) { state fileCount sizeBytes entries { path } }
}"""
DELETE_ALIAS = """
mutation ($artifact: ID!, $name: String!) {
  deleteArtifactAlias(artifactId: $artifact, name: $name) { aliases { name } }
}"""


@pytest.fixture
async def project(api: Api) -> str:
    return await new_project(api)


@pytest.fixture
async def artifact(api: Api, project: str) -> str:
    return await new_artifact(api, project)


@pytest.fixture
async def version(api: Api, artifact: str) -> str:
    return await opened(api, artifact)


@pytest.fixture
async def run(api: Api, project: str) -> str:
    return await new_run(api, project)


async def test_a_stranger_finds_no_artifact_and_no_version(foreign: Api, artifact: str, version: str) -> None:
    for query, key in (("artifact", artifact), ("artifactVersion", version)):
        (error,) = await foreign.errors(f"query ($id: ID!) {{ {query}(id: $id) {{ id }} }}", id=key)
        assert error["extensions"]["code"] == "NOT_FOUND"
    assert await foreign("{ artifacts { totalCount nodes { id } } }") == {"artifacts": {"totalCount": 0, "nodes": []}}


async def test_a_stranger_changes_nothing(api: Api, foreign: Api, *, project: str, artifact: str, run: str) -> None:
    version = await committed(api, artifact, run)
    attempts: list[tuple[str, dict[str, Any]]] = [
        (CREATE, {"input": {"projectId": project, "name": "x"}}),
        (UPDATE, {"id": artifact, "input": {"name": "x"}}),
        (DELETE_ARTIFACT, {"id": artifact}),
        (RESTORE, {"id": artifact}),
        (OPEN, {"artifact": artifact}),
        (COMMIT, {"id": version}),
        (ADD, {"id": version, "path": "x", "sha256": A}),
        (FAIL, {"id": version}),
        (DELETE_VERSION, {"id": version}),
        (SET_ALIAS, {"artifact": artifact, "name": "x", "version": version}),
        (DELETE_ALIAS, {"artifact": artifact, "name": "x"}),
        (USE, {"run": run, "version": version}),
    ]
    for query, variables in attempts:
        assert (await refused(foreign, query, **variables))["code"] == "NOT_FOUND"


async def test_a_strangers_run_produces_and_reads_nothing_here(api: Api, foreign: Api, artifact: str) -> None:
    project = await new_project(foreign)
    theirs = await new_run(foreign, project)
    assert (await refused(api, OPEN, artifact=artifact, run=theirs))["code"] == "NOT_FOUND"
    version = await committed(api, artifact)
    assert (await refused(api, USE, run=theirs, version=version))["code"] == "NOT_FOUND"


@pytest.mark.parametrize(
    ("query", "kind"), [(DELETE_ARTIFACT, Kind.Artifact), (RESTORE, Kind.Artifact), (FAIL, Kind.ArtifactVersion)]
)
async def test_what_does_not_exist_is_not_found(api: Api, query: str, kind: Kind) -> None:
    assert (await refused(api, query, id=encode(kind, UUID(int=7))))["code"] == "NOT_FOUND"
