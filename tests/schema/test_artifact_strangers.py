"""What another organisation can do with artifacts: nothing."""

from typing import Any
from uuid import UUID

import pytest

from maestro.ids import Kind, encode
from tests.fixtures.artifacts import (
    ADD_ENTRY,
    COMMIT,
    CREATE_ARTIFACT,
    DELETE_ALIAS,
    DELETE_ARTIFACT,
    DELETE_VERSION,
    FAIL,
    OPEN,
    RESTORE_ARTIFACT,
    SET_ALIAS,
    UPDATE_ARTIFACT,
    USE,
    A,
    committed,
    refused,
)
from tests.fixtures.graphql import Api
from tests.fixtures.registry import new_project, new_run


async def test_a_stranger_finds_no_artifact_and_no_version(foreign: Api, artifact: str, version: str) -> None:
    for query, key in (("artifact", artifact), ("artifactVersion", version)):
        (error,) = await foreign.errors(f"query ($id: ID!) {{ {query}(id: $id) {{ id }} }}", id=key)
        assert error["extensions"]["code"] == "NOT_FOUND"
    assert await foreign("{ artifacts { totalCount nodes { id } } }") == {"artifacts": {"totalCount": 0, "nodes": []}}


async def test_a_stranger_changes_nothing(api: Api, foreign: Api, *, project: str, artifact: str, run: str) -> None:
    version = await committed(api, artifact, run)
    attempts: list[tuple[str, dict[str, Any]]] = [
        (CREATE_ARTIFACT, {"input": {"projectId": project, "name": "x"}}),
        (UPDATE_ARTIFACT, {"id": artifact, "input": {"name": "x"}}),
        (DELETE_ARTIFACT, {"id": artifact}),
        (RESTORE_ARTIFACT, {"id": artifact}),
        (OPEN, {"artifact": artifact}),
        (COMMIT, {"id": version}),
        (ADD_ENTRY, {"id": version, "path": "x", "sha256": A}),
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
    ("query", "kind"),
    [(DELETE_ARTIFACT, Kind.Artifact), (RESTORE_ARTIFACT, Kind.Artifact), (FAIL, Kind.ArtifactVersion)],
)
async def test_what_does_not_exist_is_not_found(api: Api, query: str, kind: Kind) -> None:
    assert (await refused(api, query, id=encode(kind, UUID(int=7))))["code"] == "NOT_FOUND"
