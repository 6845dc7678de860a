"""Artifact aliases by GraphQL."""

from maestro.ids import Kind, uuid_of
from tests.fixtures.artifacts import DELETE_ALIAS, SET_ALIAS, committed, new_artifact, refused
from tests.fixtures.graphql import Api


async def test_an_alias_moves_from_version_to_version(api: Api, artifact: str) -> None:
    for number in (1, 2):
        data = await api(SET_ALIAS, artifact=artifact, name="prod", version=await committed(api, artifact))
        alias = data["setArtifactAlias"]
        assert alias.pop("setAt") is not None
        assert alias == {"name": "prod", "version": {"number": number}, "setBy": {"name": "Owner"}}
    query = "query ($id: ID!) { artifact(id: $id) { aliases { name version { number aliases { name } } } } }"
    data = await api(query, id=artifact)
    assert data["artifact"]["aliases"] == [{"name": "prod", "version": {"number": 2, "aliases": [{"name": "prod"}]}}]


async def test_an_alias_set_again_changes_nothing(api: Api, artifact: str) -> None:
    version = await committed(api, artifact)
    first = await api(SET_ALIAS, artifact=artifact, name="prod", version=version)
    state = await api.state()
    assert await api(SET_ALIAS, artifact=artifact, name="prod", version=version) == first
    assert await api.state() == state


async def test_an_alias_points_at_committed_versions_of_its_artifact_alone(
    api: Api, *, project: str, artifact: str, version: str
) -> None:
    pending = await refused(api, SET_ALIAS, artifact=artifact, name="prod", version=version)
    assert (pending["code"], pending["state"]) == ("CONFLICT", "PENDING")
    other = await committed(api, await new_artifact(api, project, "letters"))
    assert (await refused(api, SET_ALIAS, artifact=artifact, name="prod", version=other))["field"] == "versionId"


async def test_an_artifact_has_a_hundred_aliases_at_most(api: Api, artifact: str) -> None:
    version = await committed(api, artifact)
    async with api.runtime.db.transaction() as tx:
        await tx.fetch_sql(
            "INSERT INTO artifact_alias (organization_id, artifact_id, name, version_id) "
            "SELECT $1, $2, 'a' || n, $3 FROM generate_series(1, 100) n",
            *(api.viewer.organization_id, uuid_of(Kind.Artifact, artifact), uuid_of(Kind.ArtifactVersion, version)),
        )
    assert (await refused(api, SET_ALIAS, artifact=artifact, name="prod", version=version))["limit"] == 100


async def test_an_alias_that_is_not_there_is_not_deleted(api: Api, artifact: str) -> None:
    assert (await refused(api, DELETE_ALIAS, artifact=artifact, name="prod"))["code"] == "NOT_FOUND"
