"""Files whose bytes lie in an object store: a backup has their rows alone, and what is restored leads to the bytes."""

from typing import Any, Final

import httpx
import pytest

from connectors.stores.s3 import S3Store
from tests.fixtures.artifact_stores import WEIGHTS, fetched, keys_of, sent
from tests.fixtures.artifacts import COMMIT, opened
from tests.fixtures.exchange import read, write
from tests.fixtures.graphql import Api
from tests.fixtures.restore_orders import Backups, restored
from tests.ops.restores.conftest import BackUp

FILES: Final = """
query ($id: ID!) {
  artifactVersion(id: $id) { state entries { path sizeBytes sha256 downloadUrl } }
}"""
OF_PROJECT: Final = """
query ($id: ID!) {
  project(id: $id) {
    artifactStore { connector { id } }
    artifacts(first: 10) { nodes { versions(first: 10) { nodes { entries { path downloadUrl } } } } }
  }
}"""


async def files(api: Api, version: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await api(FILES, id=version))["artifactVersion"]["entries"]
    return found


@pytest.mark.usefixtures("artifact_store")
async def test_files_of_a_store_are_read_after_everything_was_restored(
    api: Api,
    restorable: Backups,
    anonymous: httpx.AsyncClient,
    *,
    bucket_of_files: S3Store,
    artifact: str,
    version: str,
) -> None:
    await sent(api, version, {"weights.bin": WEIGHTS, "b.bin": b"other"})
    await api(COMMIT, id=version)
    before, keys = await files(api, version), await keys_of(bucket_of_files)
    backup = await restorable.make()
    for ruin in (
        "UPDATE artifact_entry SET path = 'ruined-' || path, connector_id = NULL",
        "DELETE FROM artifact_store",
        "DELETE FROM remote_blob",
        "DELETE FROM connector_secret",
        'UPDATE connector SET config = config || \'{"bucket": "another"}\'',
    ):
        await write(restorable.cluster.url, ruin)
    assert not list(restorable.blobs.rglob("*"))

    await restored(restorable.order(backup))

    assert [(one["path"], one["sha256"]) for one in await files(api, version)] == [
        (one["path"], one["sha256"]) for one in before
    ]
    contents = [(await fetched(anonymous, one["downloadUrl"])).content for one in await files(api, version)]
    assert contents == [b"other", WEIGHTS]
    # The project goes on with its store, where nothing was sent again.
    assert await keys_of(bucket_of_files) == keys
    later = await opened(api, artifact)
    (entry,) = await sent(api, later, {"later.bin": b"later"})
    assert (await fetched(anonymous, entry["downloadUrl"])).content == b"later"
    assert len(await keys_of(bucket_of_files)) == len(keys) + 1
    assert await read(restorable.cluster.url, "SELECT count(*) FROM artifact_store") == 1


@pytest.mark.usefixtures("artifact_store")
async def test_a_copy_of_a_project_reads_the_files_that_the_store_of_the_original_has(
    api: Api,
    back_up: BackUp,
    anonymous: httpx.AsyncClient,
    *,
    project: str,
    bucket_of_files: S3Store,
    version: str,
) -> None:
    await sent(api, version, {"weights.bin": WEIGHTS})
    await api(COMMIT, id=version)
    keys = await keys_of(bucket_of_files)
    backup = await back_up()
    made, copy = await backup.bring_project_back(project)
    assert (made.files.present, made.files.missing) == (1, ())
    found = (await api(OF_PROJECT, id=copy))["project"]
    # Where the files of a copy go is decided anew.
    assert found["artifactStore"] is None
    (artifact,) = found["artifacts"]["nodes"]
    (restored_version,) = artifact["versions"]["nodes"]
    (entry,) = restored_version["entries"]
    assert (await fetched(anonymous, entry["downloadUrl"])).content == WEIGHTS
    assert await keys_of(bucket_of_files) == keys
