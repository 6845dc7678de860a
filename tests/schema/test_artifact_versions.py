"""Artifact versions by GraphQL: open, committed by digest, given up, deleted, tied to runs."""

from typing import Any
from uuid import uuid4

from maestro.events import topic
from maestro.ids import Kind, uuid_of
from tests.fixtures.artifacts import (
    A_AND_B,
    COMMIT,
    DELETE_ALIAS,
    DELETE_ARTIFACT,
    DELETE_VERSION,
    FAIL,
    OPEN,
    SET_ALIAS,
    USE,
    A,
    B,
    committed,
    filled,
    opened,
    refused,
)
from tests.fixtures.graphql import Api
from tests.fixtures.hearing import hearing
from tests.fixtures.registry import new_run


async def test_versions_are_counted_from_one(api: Api, artifact: str) -> None:
    first = await api(OPEN, artifact=artifact)
    assert first["createArtifactVersion"].pop("id").startswith("artifact_version_")
    assert first["createArtifactVersion"] == {
        "number": 1,
        "state": "PENDING",
        "digest": None,
        "fileCount": 0,
        "sizeBytes": 0,
        "committedAt": None,
    }
    second = await api(OPEN, artifact=artifact)
    assert second["createArtifactVersion"]["number"] == 2


async def test_opening_sent_again_is_one_version(api: Api, artifact: str) -> None:
    first = await api(OPEN, artifact=artifact, key="k1")
    assert await api(OPEN, artifact=artifact, key="k1") == first


async def test_nothing_is_opened_in_the_trash(api: Api, artifact: str) -> None:
    await api(DELETE_ARTIFACT, id=artifact)
    assert (await refused(api, OPEN, artifact=artifact))["code"] == "CONFLICT"


async def test_an_id_of_another_type_is_refused(api: Api, artifact: str, version: str) -> None:
    assert (await refused(api, OPEN, artifact=version))["field"] == "artifactId"
    assert (await refused(api, COMMIT, id=artifact))["field"] == "id"


async def test_a_committed_version_has_the_digest_of_its_files(api: Api, version: str) -> None:
    await filled(api, version)
    data = await api(COMMIT, id=version, digest=A_AND_B)
    sealed = data["commitArtifactVersion"]
    assert sealed.pop("committedAt") is not None
    assert sealed == {"state": "COMMITTED", "digest": A_AND_B, "sizeBytes": 3, "fileCount": 2, "version": 2}


async def test_the_list_of_files_may_be_checked_in_any_order_and_case(api: Api, version: str) -> None:
    await filled(api, version)
    entries = [{"path": "data/b.bin", "sha256": B.upper()}, {"path": "a.txt", "sha256": A}]
    data = await api(COMMIT, id=version, entries=entries, digest=A_AND_B.upper())
    assert data["commitArtifactVersion"]["digest"] == A_AND_B


async def test_another_digest_leaves_the_version_open(api: Api, version: str) -> None:
    await filled(api, version)
    told = await refused(api, COMMIT, id=version, digest="0" * 64)
    assert told["code"] == "DIGEST_MISMATCH"
    assert (told["expected"], told["actual"]) == ("0" * 64, A_AND_B)


async def test_other_files_leave_the_version_open_and_are_named(api: Api, version: str) -> None:
    await filled(api, version)
    entries = [{"path": "a.txt", "sha256": B}, {"path": "c", "sha256": A}]
    told = await refused(api, COMMIT, id=version, entries=entries)
    assert told["code"] == "DIGEST_MISMATCH"
    assert (told["missing"], told["unexpected"], told["different"]) == (["c"], ["data/b.bin"], ["a.txt"])


async def test_a_file_named_twice_or_too_many_files_are_refused(api: Api, version: str) -> None:
    await filled(api, version)
    twice = [{"path": "a.txt", "sha256": A}] * 2
    assert (await refused(api, COMMIT, id=version, entries=twice))["field"] == "entries"
    many = [{"path": f"{number}", "sha256": A} for number in range(10_001)]
    assert (await refused(api, COMMIT, id=version, entries=many))["limit"] == 10_000


async def test_a_version_without_files_is_not_committed(api: Api, version: str) -> None:
    assert (await refused(api, COMMIT, id=version))["code"] == "CONFLICT"


async def test_committing_again_changes_nothing(api: Api, version: str) -> None:
    await filled(api, version)
    first = await api(COMMIT, id=version)
    state = await api.state()
    assert await api(COMMIT, id=version, digest=A_AND_B) == first
    assert await api.state() == state


async def test_committing_again_with_other_files_is_a_conflict(api: Api, version: str) -> None:
    await filled(api, version)
    await api(COMMIT, id=version)
    told = await refused(api, COMMIT, id=version, digest="0" * 64)
    assert (told["code"], told["digest"]) == ("CONFLICT", A_AND_B)


async def test_a_version_of_a_deleted_artifact_is_not_committed(api: Api, artifact: str, version: str) -> None:
    await filled(api, version)
    await api(DELETE_ARTIFACT, id=artifact)
    assert (await refused(api, COMMIT, id=version))["code"] == "CONFLICT"


async def test_a_version_that_is_given_up_lets_go_of_its_files(api: Api, version: str) -> None:
    await filled(api, version)
    data = await api(FAIL, id=version)
    assert data["failArtifactVersion"] == {"state": "FAILED", "fileCount": 0, "sizeBytes": 0, "entries": []}
    state = await api.state()
    assert await api(FAIL, id=version) == data
    assert await api.state() == state
    assert (await refused(api, COMMIT, id=version))["state"] == "FAILED"


async def test_a_committed_version_is_not_given_up(api: Api, artifact: str) -> None:
    assert (await refused(api, FAIL, id=await committed(api, artifact)))["state"] == "COMMITTED"


async def test_a_deleted_version_lets_go_of_its_files_for_good(api: Api, artifact: str) -> None:
    version = await committed(api, artifact)
    assert (await refused(api, DELETE_VERSION, id=version, v=1))["code"] == "STALE_VERSION"
    data = await api(DELETE_VERSION, id=version, v=2)
    assert data["deleteArtifactVersion"] == {"state": "DELETED", "fileCount": 0, "sizeBytes": 0, "entries": []}
    assert await api(DELETE_VERSION, id=version) == data
    latest = "query ($id: ID!) { artifact(id: $id) { latestVersion(committed: false) { number } } }"
    assert (await api(latest, id=artifact))["artifact"]["latestVersion"] is None


async def test_a_version_that_an_alias_points_at_is_not_deleted(api: Api, artifact: str) -> None:
    version = await committed(api, artifact)
    await api(SET_ALIAS, artifact=artifact, name="prod", version=version)
    assert (await refused(api, DELETE_VERSION, id=version))["code"] == "CONFLICT"
    await api(DELETE_ALIAS, artifact=artifact, name="prod")
    assert (await api(DELETE_VERSION, id=version))["deleteArtifactVersion"]["state"] == "DELETED"


async def test_a_version_that_a_model_version_needs_is_not_deleted(api: Api, project: str, artifact: str) -> None:
    version = await committed(api, artifact)
    model, owner = uuid4(), api.viewer.organization_id
    async with api.runtime.db.transaction() as tx:
        await tx.fetch_sql(
            "INSERT INTO registered_model (id, organization_id, project_id, name) VALUES ($1, $2, $3, 'm')",
            *(model, owner, uuid_of(Kind.Project, project)),
        )
        await tx.fetch_sql(
            "INSERT INTO model_version (id, organization_id, model_id, number, artifact_version_id) "
            "VALUES ($1, $2, $3, 1, $4)",
            *(uuid4(), owner, model, uuid_of(Kind.ArtifactVersion, version)),
        )
    assert (await refused(api, DELETE_VERSION, id=version))["code"] == "CONFLICT"


async def test_versions_are_filtered_by_state_size_and_digest(api: Api, artifact: str, version: str) -> None:
    await committed(api, artifact)
    query = """
    query ($id: ID!, $filter: ArtifactVersionFilter, $text: String) {
      artifact(id: $id) { versions(filter: $filter, filterText: $text, sort: [{field: SIZE_BYTES, direction: DESC}]) {
        totalCount nodes { number } } } }"""

    async def numbers(**given: Any) -> list[int]:
        data = await api(query, id=artifact, **given)
        return [node["number"] for node in data["artifact"]["versions"]["nodes"]]

    assert await numbers() == [2, 1]
    assert await numbers(filter={"state": {"eq": "COMMITTED"}, "sizeBytes": {"gt": 2}}) == [2]
    assert await numbers(text="state = 'PENDING'") == [1]
    assert await numbers(filter={"text": A_AND_B[:8]}) == [2]


async def arrows(api: Api) -> list[tuple[str, str, str, str, str]]:
    rows = await api.runtime.db.fetch_sql("SELECT * FROM lineage_edge ORDER BY id")
    return [(row.kind, row.from_type, row.from_id.hex, row.to_type, row.to_id.hex) for row in rows]


async def test_a_commit_records_what_the_run_produced(api: Api, artifact: str, run: str) -> None:
    version = await opened(api, artifact, run)
    assert await arrows(api) == []
    await filled(api, version)
    await api(COMMIT, id=version)
    await api(COMMIT, id=version)
    made = (
        "PRODUCED",
        "Run",
        uuid_of(Kind.Run, run).hex,
        "ArtifactVersion",
        uuid_of(Kind.ArtifactVersion, version).hex,
    )
    assert await arrows(api) == [made]
    query = "query ($id: ID!) { run(id: $id) { outputs { number } inputs { number } } }"
    assert (await api(query, id=run))["run"] == {"outputs": [{"number": 1}], "inputs": []}


async def test_a_use_is_recorded_once(api: Api, artifact: str, run: str) -> None:
    version = await committed(api, artifact)
    for _ in range(2):
        data = await api(USE, run=run, version=version)
        assert data["useArtifact"] == {"usedBy": [{"id": run}]}
    read = ("USED", "ArtifactVersion", uuid_of(Kind.ArtifactVersion, version).hex, "Run", uuid_of(Kind.Run, run).hex)
    assert await arrows(api) == [read]
    query = "query ($id: ID!) { run(id: $id) { outputs { number } inputs { number } } }"
    assert (await api(query, id=run))["run"] == {"outputs": [], "inputs": [{"number": 1}]}


async def test_readers_are_cut_at_the_number_asked_for_newest_first(api: Api, project: str, artifact: str) -> None:
    version = await committed(api, artifact)
    readers = [await new_run(api, project) for _ in range(3)]
    for reader in readers:
        await api(USE, run=reader, version=version)
    query = "query ($id: ID!) { artifactVersion(id: $id) { usedBy(first: 2) { id } } }"
    data = await api(query, id=version)
    assert data["artifactVersion"]["usedBy"] == [{"id": readers[2]}, {"id": readers[1]}]
    assert api.statements == 2


async def test_a_version_that_cannot_be_read_is_not_used(api: Api, version: str, run: str) -> None:
    assert (await refused(api, USE, run=run, version=version))["state"] == "PENDING"


async def test_a_subscriber_of_a_run_hears_of_its_inputs_and_outputs(api: Api, artifact: str, run: str) -> None:
    runtime = api.runtime
    async with hearing(runtime.events, runtime.db, topic(Kind.Run, uuid_of(Kind.Run, run))) as heard:
        version = await committed(api, artifact, run)
        await api(USE, run=run, version=version)
        assert [(await anext(heard)).details for _ in range(2)] == [{"change": "outputs"}, {"change": "inputs"}]
