"""Bytes that no file has any more: freed, unless somebody is just sending or naming them."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from connectors.local import LocalBlobs
from maestro.db import blobs as lock
from maestro.ids import Kind
from ops.trash import purge
from tests.fixtures.artifacts import stored
from tests.fixtures.graphql import Api
from tests.fixtures.working import execute, throw_away, upload, work

AT_ONCE = timedelta(0)


async def test_bytes_of_other_files_stay(api: Api, blobs: LocalBlobs, folder: Path) -> None:
    first, second = await work(api, blobs), await work(api, blobs, "Speech")
    version = (await api.runtime.db.fetch_sql("SELECT id FROM artifact_version LIMIT 1"))[0].id
    await execute(
        api,
        "INSERT INTO artifact_entry (organization_id, version_id, path, sha256, size_bytes) "
        "SELECT organization_id, $1, 'shared', sha256, size_bytes FROM artifact_entry WHERE version_id <> $1",
        version,
    )
    await throw_away(api, Kind.Project, second.id)
    done = await purge(api.runtime.db, blobs, grace=AT_ONCE)
    assert done.files.blobs == 0
    assert len(stored(folder)) == 2
    assert first.id


async def test_bytes_that_have_just_come_stay_on_the_disk(api: Api, blobs: LocalBlobs, folder: Path) -> None:
    worked = await work(api, blobs)
    await throw_away(api, Kind.Project, worked.id)
    done = await purge(api.runtime.db, blobs)
    assert (done.files.blobs, done.files.bytes, done.files.freed_bytes) == (1, 22, 0)
    assert len(stored(folder)) == 1


async def test_bytes_stay_while_somebody_is_naming_some(api: Api, blobs: LocalBlobs, folder: Path) -> None:
    worked = await work(api, blobs)
    await throw_away(api, Kind.Project, worked.id)
    place = api.viewer.organization_id
    async with api.runtime.db.transaction() as tx:
        await lock.hold(tx, place)
        done = await purge(api.runtime.db, blobs, grace=AT_ONCE)
    assert (done.objects, done.files.is_busy, done.files.blobs) == (1, True, 0)
    assert len(stored(folder)) == 1
    again = await purge(api.runtime.db, blobs, grace=AT_ONCE)
    assert (again.files.is_busy, again.files.blobs) == (False, 1)
    assert stored(folder) == []


async def test_an_upload_of_the_same_bytes_at_the_same_time_keeps_them(
    api: Api, blobs: LocalBlobs, folder: Path
) -> None:
    """The file is written anew after its row is gone, and named after the purge has looked at it."""
    worked = await work(api, blobs)
    content, other = (await first_file(folder)).read_bytes(), await work(api, blobs, "Other")
    await throw_away(api, Kind.Project, worked.id)
    opened = await api("mutation ($a: ID!) { createArtifactVersion(artifactId: $a) { id } }", a=other.artifact)
    purging = asyncio.create_task(purge(api.runtime.db, Slow(folder), grace=timedelta(seconds=0.5)))
    await asyncio.sleep(0)
    for _ in range(3):
        await upload(api, blobs, opened["createArtifactVersion"]["id"], path="again.bin", content=content)
    await purging
    rows = await api.runtime.db.fetch_sql("SELECT organization_id, sha256 FROM blob")
    assert len(rows) == 2
    for row in rows:
        assert await blobs.verify(row.organization_id, row.sha256)


class Slow(LocalBlobs):
    """A store on a slow disk."""

    async def remove(self, organization_id: UUID, sha256: str, **when: Any) -> int | None:
        await asyncio.sleep(0.05)
        return await super().remove(organization_id, sha256, **when)


async def first_file(folder: Path) -> Path:
    """The one file of a store."""
    (found,) = stored(folder)
    return found
