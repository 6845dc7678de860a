"""What takes more than one permission, and what must not show or reach beyond the projects and kinds of a viewer."""

import hashlib
from dataclasses import replace
from typing import Any

import httpx
import pytest

from maestro.access import Limits, Permission, grants_of
from maestro.access.keys import KeySpec
from maestro.db.tables.enums import ConnectorKind, Role
from maestro.ids import Kind, uuid_of
from tests.fixtures.artifacts import ADD_ENTRY, OPEN, new_artifact, opened, put
from tests.fixtures.graphql import Api, api_key, viewer_as
from tests.fixtures.registry import new_artifact_version, new_model, new_project, new_run, new_version
from tests.schema.test_connector_secrets import REMOVE as REMOVE_SECRET
from tests.schema.test_connector_secrets import S3 as S3_SECRET
from tests.schema.test_connector_secrets import SET as SET_SECRET
from tests.schema.test_connectors import CONFIGS, created
from tests.schema.test_connectors import UPDATE as UPDATE_CONNECTOR

LIFECYCLE = """
mutation ($id: ID!, $lifecycle: ModelLifecycle!) {
  updateModelVersion(id: $id, input: {lifecycle: $lifecycle}) { ... on ModelVersionSaved { modelVersion { id } } }
}"""
NEW_VERSION = """
mutation ($input: CreateModelVersionInput!) { createModelVersion(input: $input) { modelVersion { id } } }"""
USE = "mutation ($run: ID!, $version: ID!) { useArtifact(runId: $run, versionId: $version) { id } }"
SEARCH = 'query ($types: [SearchType!]) { search(text: "Vision", types: $types) { hits { node { id } } } }'
COMMIT = """
mutation ($id: ID!, $digest: String, $entries: [ArtifactEntryInput!]) {
  commitArtifactVersion(id: $id, expectedDigest: $digest, entries: $entries) { state }
}"""
LINEAGE = "query ($id: ID!) { lineage(id: $id) { nodes { id } edges { kind } } }"


def acting_as(api: Api, role: Role | None, **given: Any) -> Api:
    return Api(api.runtime, viewer_as(role, api.viewer.actor_id, api.viewer.organization_id, **given))


def scoped(api: Api, *scopes: Permission) -> Api:
    """The owner with a key of some scopes."""
    return acting_as(api, Role.OWNER, limits=Limits(scopes=frozenset(scopes)))


def inside(api: Api, project: str, role: Role = Role.MAINTAINER) -> Api:
    """The same person with a role in one project alone."""
    return acting_as(api, None, in_projects={uuid_of(Kind.Project, project): role})


async def refused(api: Api, viewer: Api, query: str, **variables: Any) -> tuple[str, str | None]:
    """The code of the one error and the permission that it names; nothing has changed."""
    before = await api.state()
    (error,) = await viewer.errors(query, **variables)
    assert await api.state() == before
    return error["extensions"]["code"], error["extensions"].get("permission")


async def test_a_lifecycle_is_changed_by_who_approves(api: Api) -> None:
    version = await new_version(api, await new_model(api, await new_project(api)))
    contributor, maintainer = acting_as(api, Role.CONTRIBUTOR), acting_as(api, Role.MAINTAINER)
    assert await refused(api, contributor, LIFECYCLE, id=version, lifecycle="READY") == ("FORBIDDEN", "model:approve")
    await maintainer(LIFECYCLE, id=version, lifecycle="READY")


async def test_a_version_does_not_begin_with_a_lifecycle_that_nobody_has_approved(api: Api) -> None:
    model = await new_model(api, await new_project(api))
    contributor = acting_as(api, Role.CONTRIBUTOR)
    given = {"modelId": model, "lifecycle": "READY"}
    assert await refused(api, contributor, NEW_VERSION, input=given) == ("FORBIDDEN", "model:approve")
    await contributor(NEW_VERSION, input={"modelId": model, "lifecycle": "DRAFT"})


async def test_using_an_artifact_takes_writing_the_run_and_reading_the_version(api: Api) -> None:
    here, there = await new_project(api), await new_project(api, "Other")
    run, elsewhere = await new_run(api, here), await new_run(api, there)
    version = await new_artifact_version(api, there)
    assert await refused(api, scoped(api, Permission.RUN_WRITE), USE, run=run, version=version) == (
        "FORBIDDEN",
        "artifact:read",
    )
    viewer = acting_as(api, Role.VIEWER, in_projects={uuid_of(Kind.Project, here): Role.CONTRIBUTOR})
    assert await refused(api, viewer, USE, run=elsewhere, version=version) == ("FORBIDDEN", "run:write")
    assert (await viewer(USE, run=run, version=version))["useArtifact"]["id"] == version


async def test_a_version_is_the_output_of_a_run_that_one_may_write(api: Api) -> None:
    here, there = await new_project(api), await new_project(api, "Other")
    artifact, run = await new_artifact(api, here), await new_run(api, there)
    viewer = acting_as(api, Role.VIEWER, in_projects={uuid_of(Kind.Project, here): Role.CONTRIBUTOR})
    assert await refused(api, viewer, OPEN, artifact=artifact, run=run) == ("FORBIDDEN", "run:write")


@pytest.mark.parametrize(
    ("source", "needed"), [("sourceRunId", "experiment:read"), ("artifactVersionId", "artifact:read")]
)
async def test_the_sources_of_a_model_version_are_what_one_may_read(api: Api, source: str, needed: str) -> None:
    project = await new_project(api)
    model = await new_model(api, project)
    run, version = await new_run(api, project), await new_artifact_version(api, project)
    given = {"modelId": model, source: {"sourceRunId": run, "artifactVersionId": version}[source]}
    writer = scoped(api, Permission.MODEL_WRITE, Permission.MODEL_READ)
    assert await refused(api, writer, NEW_VERSION, input=given) == ("FORBIDDEN", needed)


async def test_bytes_of_another_project_are_not_reached_by_their_digest(api: Api) -> None:
    here, there = await new_project(api), await new_project(api, "Other")
    theirs = await opened(api, await new_artifact(api, there))
    await put(api, theirs, path="a.txt", content=b"private")
    mine = await opened(api, await new_artifact(api, here))
    digest = hashlib.sha256(b"private").hexdigest()
    member = inside(api, here)
    assert await refused(api, member, ADD_ENTRY, id=mine, path="a.txt", sha256=digest) == ("NOT_FOUND", None)
    await put(api, mine, path="b.txt", content=b"private")
    assert (await member(ADD_ENTRY, id=mine, path="a.txt", sha256=digest))["addArtifactEntry"]["sizeBytes"] == 7


async def test_bytes_are_put_by_their_digest_by_who_may_read_them(api: Api) -> None:
    version = await opened(api, await new_artifact(api, await new_project(api)))
    writer = scoped(api, Permission.ARTIFACT_WRITE)
    query = 'mutation ($id: ID!) { addArtifactEntry(versionId: $id, path: "a", sha256: "b") { __typename } }'
    assert await refused(api, writer, query, id=version) == ("FORBIDDEN", "artifact:read")


async def test_who_may_not_read_is_not_told_which_files_others_have_put(api: Api) -> None:
    version = await opened(api, await new_artifact(api, await new_project(api)))
    await put(api, version, path="private.txt", content=b"private")
    logging = acting_as(api, Role.OWNER, limits=Limits(is_append_only=True))
    wanted = [{"path": "mine.txt", "sha256": "0" * 64}]
    (error,) = await logging.errors(COMMIT, id=version, digest="0" * 64, entries=wanted)
    told = {name: value for name, value in error["extensions"].items() if name not in ("code", "hint")}
    assert told == {"expected": "0" * 64, "missing": ["mine.txt"]}


async def test_a_file_is_sent_by_who_may_write_artifacts_and_the_refusal_is_audited(
    api: Api, anonymous: httpx.AsyncClient
) -> None:
    version = await opened(api, await new_artifact(api, await new_project(api)))
    owner = KeySpec(organization_id=api.viewer.organization_id, user_id=api.viewer.actor_id, name="k")
    reading = await api_key(api.runtime, replace(owner, scopes=("artifact:read",)))
    writing = await api_key(api.runtime, replace(owner, scopes=("artifact:write",)))
    before = await api.runtime.db.fetch_sql("SELECT count(*) AS n FROM artifact_entry")
    statuses = [
        (
            await anonymous.put(f"/artifacts/{version}/a.txt", content=b"a", headers={"authorization": f"Bearer {key}"})
        ).status_code
        for key in (reading, writing)
    ]
    after = await api.runtime.db.fetch_sql("SELECT count(*) AS n FROM artifact_entry")
    entries = await api.runtime.db.fetch_sql(
        "SELECT is_allowed, code FROM audit_entry WHERE operation = 'uploadArtifactFile' ORDER BY seq"
    )
    assert statuses == [403, 200]
    assert after[0].n - before[0].n == 1
    assert [tuple(entry) for entry in entries] == [(False, "FORBIDDEN"), (True, None)]


async def test_search_leaves_out_what_may_not_be_read(api: Api) -> None:
    project = await new_project(api)
    model = await new_model(api, project, "Vision model")
    viewer = scoped(api, Permission.MODEL_READ)
    assert (await viewer(SEARCH))["search"]["hits"] == [{"node": {"id": model}}]
    assert await refused(api, viewer, SEARCH, types=["MODEL", "PROJECT"]) == ("FORBIDDEN", "project:read")


async def test_search_stays_in_the_projects_of_a_member(api: Api) -> None:
    here, there = await new_project(api, "Vision"), await new_project(api, "Vision too")
    assert len((await api(SEARCH))["search"]["hits"]) == 2
    assert (await inside(api, here)(SEARCH))["search"]["hits"] == [{"node": {"id": here}}]
    assert there != here


async def test_nodes_that_may_not_be_read_are_refused_in_their_places(api: Api) -> None:
    project = await new_project(api)
    model = await new_model(api, project)
    data, errors = await scoped(api, Permission.MODEL_READ).run(
        "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=[project, model]
    )
    assert data == {"nodes": [None, {"id": model}]}
    assert [(error["path"], error["extensions"]["code"]) for error in errors] == [(["nodes", 0], "FORBIDDEN")]


async def test_lineage_leaves_out_what_may_not_be_read(api: Api) -> None:
    project = await new_project(api)
    run, version = await new_run(api, project), await new_artifact_version(api, project)
    await api(USE, run=run, version=version)
    viewer = scoped(api, Permission.EXPERIMENT_READ)
    assert len((await api(LINEAGE, id=run))["lineage"]["nodes"]) == 2
    assert (await viewer(LINEAGE, id=run))["lineage"] == {"nodes": [{"id": run}], "edges": []}
    assert await refused(api, viewer, LINEAGE, id=version) == ("FORBIDDEN", "artifact:read")


async def test_the_readers_of_a_version_are_shown_to_who_may_read_runs(api: Api) -> None:
    project = await new_project(api)
    run, version = await new_run(api, project), await new_artifact_version(api, project)
    await api(USE, run=run, version=version)
    query = "query ($id: ID!) { artifactVersion(id: $id) { usedBy { id } } }"
    assert (await api(query, id=version))["artifactVersion"]["usedBy"] == [{"id": run}]
    viewer = scoped(api, Permission.ARTIFACT_READ)
    assert await refused(api, viewer, query, id=version) == ("FORBIDDEN", "experiment:read")


async def test_the_vocabulary_of_a_list_is_for_who_may_read_it(api: Api) -> None:
    query = "{ filterVocabulary(list: RUNS) { fields { name } } }"
    assert await refused(api, scoped(api, Permission.MODEL_READ), query) == ("FORBIDDEN", "experiment:read")
    assert (await scoped(api, Permission.EXPERIMENT_READ)(query))["filterVocabulary"]["fields"]


async def test_a_member_of_a_project_sees_who_has_made_what_is_in_it(api: Api) -> None:
    project = await new_project(api)
    query = "query ($id: ID!) { project(id: $id) { createdBy { id } } viewer { user { id } } }"
    found = await inside(api, project)(query, id=project)
    assert found["project"]["createdBy"] == found["viewer"]["user"]


def test_a_project_in_which_a_key_holds_nothing_is_not_visible() -> None:
    here, there = uuid_of(Kind.Project, "project_" + "1" * 32), uuid_of(Kind.Project, "project_" + "2" * 32)
    grants = grants_of([(Role.VIEWER, here)], Limits(projects=frozenset({here, there})))
    assert grants.visible_projects == frozenset({here})


async def test_a_credential_is_sent_nowhere_else_by_who_may_not_set_it(api: Api) -> None:
    connector = (await created(api, config={"s3": CONFIGS[ConnectorKind.S3]}))["id"]
    await api(SET_SECRET, id=connector, secret=S3_SECRET)
    maintainer = acting_as(api, Role.MAINTAINER)
    elsewhere = {"config": {"s3": {"bucket": "b", "endpointUrl": "https://elsewhere.example"}}}
    before = await api.state()
    (error,) = await maintainer.errors(UPDATE_CONNECTOR, id=connector, input=elsewhere)
    assert (error["extensions"]["code"], error["extensions"]["permission"]) == ("FORBIDDEN", "secret:manage")
    assert await api.state() == before
    same = {"name": "Renamed", "config": {"s3": CONFIGS[ConnectorKind.S3]}}
    assert (await maintainer(UPDATE_CONNECTOR, id=connector, input=same))["updateConnector"][
        "__typename"
    ] == "ConnectorSaved"
    await api(REMOVE_SECRET, id=connector)
    moved = (await maintainer(UPDATE_CONNECTOR, id=connector, input=elsewhere))["updateConnector"]
    assert moved["__typename"] == "ConnectorSaved"
