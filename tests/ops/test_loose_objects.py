"""Objects of artifact stores that no file has: removed, unless somebody may still need them; and bytes from there."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.local import LocalBlobs
from connectors.stores.s3 import S3Store
from maestro.db import blobs as lock
from maestro.errors import NotFound
from maestro.ids import Kind, uuid_of
from maestro.settings import Settings
from ops.bundles.exporting import Origin, export_project
from ops.loose_objects import Cleared, clear
from ops.stored_bytes import stored_bytes
from ops.trash import purge
from tests.fixtures.artifact_stores import REQUEST, SET_STORE, WEIGHTS, keys_of, promised, s3_connector, send, sent
from tests.fixtures.artifacts import COMMIT, FAIL
from tests.fixtures.graphql import Api

AT_ONCE = timedelta(0)


async def cleared(api: Api, **more: Any) -> Cleared:
    """Clear up as the job does."""
    return await clear(api.runtime.db, api.runtime.vault, api.runtime.settings, **more)


async def test_bytes_that_no_file_has_are_removed(
    api: Api, bucket_of_files: S3Store, version: str, *, artifact_store: str
) -> None:
    assert artifact_store
    await sent(api, version, {"a.bin": WEIGHTS, "b.bin": b"other"})
    assert await cleared(api) == Cleared()
    await api(FAIL, id=version)
    async with api.runtime.db.transaction() as tx:
        await lock.hold(tx, api.viewer.organization_id)
        assert await cleared(api) == Cleared()
    assert await cleared(api) == Cleared(removed=2)
    assert await keys_of(bucket_of_files) == []
    assert await cleared(api) == Cleared()


async def test_an_upload_that_nobody_completes_is_removed(
    api: Api, bucket_of_files: S3Store, version: str, *, artifact_store: str
) -> None:
    assert artifact_store
    asked = (await api(REQUEST, version=version, files=[promised("a.bin", WEIGHTS)]))["requestUploads"][0]
    await send(asked["upload"], WEIGHTS)
    assert await cleared(api) == Cleared()
    async with api.runtime.db.transaction() as tx:
        await tx.fetch_sql("UPDATE loose_object SET expires_at = now()")
    assert await cleared(api) == Cleared()
    assert len(await keys_of(bucket_of_files)) == 1
    assert await cleared(api, grace=AT_ONCE) == Cleared(removed=1)
    assert await keys_of(bucket_of_files) == []


async def test_a_store_that_is_away_keeps_its_objects_until_later(api: Api, version: str, artifact_store: str) -> None:
    await sent(api, version, {"a.bin": WEIGHTS})
    await api(FAIL, id=version)
    async with api.runtime.db.transaction() as tx:
        await tx.fetch_sql(
            "UPDATE connector SET deleted_at = now() WHERE id = $1", uuid_of(Kind.Connector, artifact_store)
        )
    assert await cleared(api) == Cleared(failed=1)
    async with api.runtime.db.transaction() as tx:
        await tx.fetch_sql("UPDATE connector SET deleted_at = NULL")
    assert await cleared(api) == Cleared(removed=1)


async def test_a_purged_project_takes_its_files_along(
    api: Api, bucket_of_files: S3Store, settings: Settings, *, project: str, version: str
) -> None:
    own = await s3_connector(api, bucket_of_files, projectId=project)
    await api(SET_STORE, project=project, connector=own)
    await sent(api, version, {"a.bin": WEIGHTS})
    await api("mutation ($id: ID!) { deleteProject(id: $id) { id } }", id=project)
    async with api.runtime.db.transaction() as tx:
        await tx.fetch_sql("UPDATE project SET purge_at = now()")
    blobs = LocalBlobs(settings.data_dir / "blobs")
    foreseen = await purge(api.runtime.db, blobs, dry_run=True)
    done = await purge(api.runtime.db, blobs)
    assert foreseen.rows == done.rows
    assert (done.rows["artifact_store"], done.rows["remote_blob"], done.rows["connector"]) == (1, 1, 1)


async def test_bytes_are_read_wherever_they_are(
    api: Api, settings: Settings, tmp_path: Path, *, version: str, artifact_store: str
) -> None:
    assert artifact_store
    await sent(api, version, {"a.bin": WEIGHTS})
    place, digest, drafts = api.viewer.organization_id, promised("", WEIGHTS)["sha256"], tmp_path / "drafts"
    async with stored_bytes(api.runtime.db, drafts, vault=api.runtime.vault, settings=settings) as found:
        assert await found.has(place, digest)
        assert (await found.find(place, digest)).read_bytes() == WEIGHTS
        assert await found.find(place, digest) == await found.find(place, digest)
        assert not await found.has(place, "0" * 64)
        with pytest.raises(NotFound):
            await found.find(place, "0" * 64)
    assert not drafts.exists()


async def test_a_bundle_has_the_bytes_of_the_store(
    api: Api, settings: Settings, tmp_path: Path, *, project: str, version: str, artifact_store: str
) -> None:
    assert artifact_store
    await sent(api, version, {"a.bin": WEIGHTS})
    await api(COMMIT, id=version)
    async with stored_bytes(api.runtime.db, tmp_path / "drafts", vault=api.runtime.vault, settings=settings) as blobs:
        origin = Origin(api.runtime.db, api.viewer.organization_id, uuid_of(Kind.Project, project), blobs)
        done = await export_project(origin, tmp_path / "bundle.zip")
    assert (done.files, done.file_bytes) == (1, len(WEIGHTS))
