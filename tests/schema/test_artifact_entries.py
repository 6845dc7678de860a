"""The files of artifact versions by GraphQL."""

from typing import Any

from tests.fixtures.artifacts import (
    ADD_ENTRY,
    FAIL,
    A,
    B,
    committed,
    filled,
    new_artifact,
    opened,
    put,
    refused,
)
from tests.fixtures.graphql import Api
from tests.fixtures.registry import new_project


async def test_a_file_that_is_put_again_takes_the_place_of_the_first(api: Api, version: str) -> None:
    await filled(api, version)
    await put(api, version, path="a.txt", content=b"longer")
    query = """query ($id: ID!) { artifactVersion(id: $id) { fileCount sizeBytes entries { path sizeBytes } } }"""
    data = await api(query, id=version)
    assert data["artifactVersion"] == {
        "fileCount": 2,
        "sizeBytes": 8,
        "entries": [{"path": "a.txt", "sizeBytes": 6}, {"path": "data/b.bin", "sizeBytes": 2}],
    }


async def test_files_are_listed_by_prefix_and_from_a_path_on(api: Api, version: str) -> None:
    for path in ("x/1", "x/2", "x/3", "y"):
        await put(api, version, path=path, content=b"a")
    query = """query ($id: ID!, $first: Int, $after: String, $prefix: String) {
      artifactVersion(id: $id) { entries(first: $first, after: $after, prefix: $prefix) { path } } }"""

    async def paths(**given: Any) -> list[str]:
        data = await api(query, id=version, **given)
        return [entry["path"] for entry in data["artifactVersion"]["entries"]]

    assert await paths(first=2) == ["x/1", "x/2"]
    assert await paths(first=2, after="x/2") == ["x/3", "y"]
    assert await paths(prefix="x/", after="x/1") == ["x/2", "x/3"]
    assert await paths(prefix="%") == []
    (error,) = await api.errors(query, id=version, first=100_000)
    assert error["extensions"]["limit"] == 1000


async def test_stored_bytes_are_used_again_without_sending_them(api: Api, artifact: str) -> None:
    await committed(api, artifact)
    second = await opened(api, artifact)
    data = await api(ADD_ENTRY, id=second, path="copy.csv", sha256=A.upper())
    assert data["addArtifactEntry"] == {"path": "copy.csv", "sizeBytes": 1, "sha256": A, "mediaType": "text/csv"}
    blobs = await api.runtime.db.fetch_sql("SELECT sha256 FROM blob")
    assert sorted(blob.sha256 for blob in blobs) == sorted([A, B])


async def test_bytes_that_are_not_stored_are_not_found(api: Api, version: str) -> None:
    assert (await refused(api, ADD_ENTRY, id=version, path="a", sha256=A))["code"] == "NOT_FOUND"


async def test_bytes_of_another_organization_are_not_found(api: Api, foreign: Api, version: str) -> None:
    await filled(api, version)
    project = await new_project(foreign)
    theirs = await opened(foreign, await new_artifact(foreign, project))
    assert (await refused(foreign, ADD_ENTRY, id=theirs, path="a", sha256=A))["code"] == "NOT_FOUND"


async def test_nothing_is_added_to_a_committed_version(api: Api, artifact: str) -> None:
    version = await committed(api, artifact)
    assert (await refused(api, ADD_ENTRY, id=version, path="c", sha256=A))["state"] == "COMMITTED"


async def test_a_version_holds_ten_thousand_files_and_no_more(api: Api, version: str) -> None:
    await filled(api, version)
    async with api.runtime.db.transaction() as tx:
        await tx.fetch_sql("UPDATE artifact_version SET file_count = 10000")
    assert (await refused(api, ADD_ENTRY, id=version, path="c", sha256=A))["limit"] == 10_000
    data = await api(ADD_ENTRY, id=version, path="a.txt", sha256=B)
    assert data["addArtifactEntry"]["sizeBytes"] == 2


async def test_a_path_that_leaves_the_version_is_refused(api: Api, version: str) -> None:
    await filled(api, version)
    told = await refused(api, ADD_ENTRY, id=version, path="../a", sha256=A)
    assert (told["code"], told["field"]) == ("BAD_USER_INPUT", "path")


async def test_what_is_no_media_type_is_refused(api: Api, version: str) -> None:
    await filled(api, version)
    told = await refused(api, ADD_ENTRY, id=version, path="c", sha256=A, mediaType="text")
    assert told["field"] == "mediaType"


async def test_an_open_version_tells_where_to_send_a_file(api: Api, version: str) -> None:
    query = "query ($id: ID!, $path: String!) { artifactVersion(id: $id) { uploadUrl(path: $path) } }"
    data = await api(query, id=version, path="dir/a b?.txt")
    assert data["artifactVersion"]["uploadUrl"] == f"/artifacts/{version}/dir/a%20b%3F.txt"
    (error,) = await api.errors(query, id=version, path="../a")
    assert error["extensions"]["field"] == "path"
    await api(FAIL, id=version)
    assert (await api(query, id=version, path="a"))["artifactVersion"]["uploadUrl"] is None


async def test_a_link_is_good_for_a_day_at_most(api: Api, version: str) -> None:
    await filled(api, version)
    query = "query ($id: ID!, $ttl: Int) { artifactVersion(id: $id) { entries { downloadUrl(ttl: $ttl) } } }"
    for ttl in (0, -1, 86_401):
        errors = await api.errors(query, id=version, ttl=ttl)
        assert errors[0]["extensions"] == {"code": "BAD_USER_INPUT", "field": "ttl", "limit": 86_400}
