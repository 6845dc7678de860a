"""Artifacts by GraphQL."""

from typing import Any

import pytest

from tests.fixtures.artifacts import (
    CREATE_ARTIFACT,
    DELETE_ARTIFACT,
    RESTORE_ARTIFACT,
    SET_ALIAS,
    UPDATE_ARTIFACT,
    USE,
    committed,
    new_artifact,
    opened,
    refused,
)
from tests.fixtures.graphql import Api


async def test_an_artifact_is_created_with_what_is_given(api: Api, project: str) -> None:
    given = {"projectId": project, "name": " digits ", "type": "dataset", "description": "Images."}
    data = await api(CREATE_ARTIFACT, input={**given, "tags": [{"key": "team", "value": "a"}]})
    saved = data["createArtifact"]["artifact"]
    assert saved.pop("id").startswith("artifact_")
    assert saved == {
        "name": "digits",
        "type": "dataset",
        "description": "Images.",
        "tags": [{"key": "team", "value": "a"}],
        "version": 1,
        "project": {"name": "Vision"},
    }


async def test_the_type_is_file_unless_given(api: Api, project: str) -> None:
    data = await api(CREATE_ARTIFACT, input={"projectId": project, "name": "digits", "type": None})
    assert data["createArtifact"]["artifact"]["type"] == "file"


async def test_a_creation_sent_again_is_one_artifact(api: Api, project: str) -> None:
    given = {"input": {"projectId": project, "name": "digits"}, "key": "k1"}
    first, state = await api(CREATE_ARTIFACT, **given), await api.state()
    assert await api(CREATE_ARTIFACT, **given) == first
    assert await api.state() == state


async def test_a_used_name_is_told_and_changes_nothing(api: Api, project: str, artifact: str) -> None:
    state = await api.state()
    data = await api(CREATE_ARTIFACT, input={"projectId": project, "name": "digits"})
    assert data["createArtifact"]["__typename"] == "NameTaken"
    assert data["createArtifact"]["field"] == "name"
    assert await api.state() == state


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 10_000}, "name"),
        ({"name": "ok", "type": ""}, "type"),
        ({"name": "ok", "description": "a\0b"}, "description"),
        ({"name": "ok", "tags": [{"key": "a"}, {"key": "a"}]}, "tags"),
    ],
)
async def test_a_bad_artifact_is_refused(api: Api, *, project: str, wrong: dict[str, Any], field: str) -> None:
    told = await refused(api, CREATE_ARTIFACT, input={"projectId": project, **wrong})
    assert (told["code"], told["field"]) == ("BAD_USER_INPUT", field)


async def test_an_artifact_is_changed_at_the_version_that_was_seen(api: Api, artifact: str) -> None:
    data = await api(UPDATE_ARTIFACT, id=artifact, input={"name": "letters", "type": "dataset"}, expected=1)
    assert data["updateArtifact"]["artifact"] == {
        "name": "letters",
        "type": "dataset",
        "description": "",
        "version": 2,
    }


async def test_a_stale_change_answers_the_current_artifact(api: Api, artifact: str) -> None:
    await api(UPDATE_ARTIFACT, id=artifact, input={"name": "letters"})
    state = await api.state()
    data = await api(UPDATE_ARTIFACT, id=artifact, input={"name": "words"}, expected=1)
    assert data["updateArtifact"] == {
        "__typename": "StaleVersion",
        "code": "STALE_VERSION",
        "current": {"name": "letters", "version": 2},
    }
    assert await api.state() == state


async def test_a_new_version_leaves_the_artifacts_optimistic_lock_alone(api: Api, artifact: str) -> None:
    await opened(api, artifact)
    data = await api(UPDATE_ARTIFACT, id=artifact, input={"name": "letters"}, expected=1)
    assert data["updateArtifact"]["__typename"] == "ArtifactSaved"


async def test_a_deleted_artifact_frees_its_name_and_comes_back_under_another(
    api: Api, project: str, artifact: str
) -> None:
    deleted = await api(DELETE_ARTIFACT, id=artifact, v=1)
    assert deleted["deleteArtifact"]["purgeAt"] > deleted["deleteArtifact"]["deletedAt"]
    await new_artifact(api, project)
    taken = await api(RESTORE_ARTIFACT, id=artifact)
    assert taken["restoreArtifact"] == {"__typename": "NameTaken", "field": "name"}
    back = await api(RESTORE_ARTIFACT, id=artifact, name="digits (old)")
    assert back["restoreArtifact"]["artifact"] == {"name": "digits (old)", "deletedAt": None}


async def test_a_restored_artifacts_new_name_is_checked(api: Api, artifact: str) -> None:
    await api(DELETE_ARTIFACT, id=artifact)
    told = await refused(api, RESTORE_ARTIFACT, id=artifact, name="x" * 10_000)
    assert told["code"] == "BAD_USER_INPUT"


async def test_a_project_lists_its_artifacts_by_filter_and_sort(api: Api, project: str) -> None:
    for name in ("b", "a", "c"):
        await new_artifact(api, project, name)
    query = """
    query ($id: ID!) { project(id: $id) { artifacts(
      first: 2, filter: {name: {in: ["a", "b"]}}, filterText: "type = 'file'", sort: [{field: NAME}]
    ) { totalCount nodes { name } pageInfo { hasNextPage } } } }"""
    data = await api(query, id=project)
    assert data["project"]["artifacts"] == {
        "totalCount": 2,
        "nodes": [{"name": "a"}, {"name": "b"}],
        "pageInfo": {"hasNextPage": False},
    }
    assert api.statements == 3


async def test_artifacts_are_found_by_tag_and_by_word(api: Api, project: str) -> None:
    await new_artifact(api, project)
    given = {"projectId": project, "name": "weights", "description": "of a network"}
    await api(CREATE_ARTIFACT, input={**given, "tags": [{"key": "team", "value": "a"}]})
    query = '{ artifacts(filter: {text: "netw", tag: {key: "team", eq: "a"}}) { nodes { name } } }'
    assert await api(query) == {"artifacts": {"nodes": [{"name": "weights"}]}}


async def test_a_list_with_everything_costs_a_statement_a_relation(api: Api, project: str, run: str) -> None:
    query = """
    { artifacts { nodes { name project { name } aliases { name version { number } setBy { name } }
        latestVersion { number } any: latestVersion(committed: false) { number }
        versions(first: 5) { nodes { number producedBy { id } usedBy { id } aliases { name }
          entries(first: 5) { path sizeBytes sha256 mediaType downloadUrl } artifact { name } } } } } }"""
    for name in ("a", "b", "c"):
        artifact = await new_artifact(api, project, name)
        version = await committed(api, artifact, run)
        await committed(api, artifact, run)
        await opened(api, artifact)
        await api(SET_ALIAS, artifact=artifact, name="prod", version=version)
        await api(USE, run=run, version=version)
    data = await api(query)
    first = data["artifacts"]["nodes"][0]
    assert first["latestVersion"] == {"number": 2}
    assert first["any"] == {"number": 3}
    assert [version["number"] for version in first["versions"]["nodes"]] == [3, 2, 1]
    oldest = first["versions"]["nodes"][2]
    assert oldest["producedBy"] == {"id": run}
    assert oldest["usedBy"] == [{"id": run}]
    assert [entry["path"] for entry in oldest["entries"]] == ["a.txt", "data/b.bin"]
    # artifacts, project, aliases, their version and user, latest twice, versions, their run, users, aliases, files and
    # artifact
    assert api.statements == 13
