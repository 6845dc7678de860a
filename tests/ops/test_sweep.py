"""Comparing files with their rows."""

import time
from collections.abc import AsyncIterator
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from connectors.local import LocalBlobs
from maestro.db import blobs as lock
from ops.sweep import Lost, Swept, sweep
from tests.fixtures.artifacts import stored
from tests.fixtures.graphql import Api
from tests.fixtures.working import work

AT_ONCE = timedelta(0)


async def leave(blobs: LocalBlobs, organization_id: UUID, content: bytes) -> str:
    """Store bytes that no row names."""

    async def body() -> AsyncIterator[bytes]:
        yield content

    return (await blobs.write(organization_id, body(), limit=len(content))).sha256


async def test_files_that_nothing_names_are_removed(api: Api, blobs: LocalBlobs, folder: Path) -> None:
    await work(api, blobs)
    kept = stored(folder)
    await leave(blobs, api.viewer.organization_id, b"orphan")
    await leave(blobs, uuid4(), b"of an organization that came to nothing")
    before = await api.state()
    dry = await sweep(api.runtime.db, blobs, grace=AT_ONCE, dry_run=True)
    assert len(stored(folder)) == 3
    done = await sweep(api.runtime.db, blobs, grace=AT_ONCE)
    assert stored(folder) == kept
    assert await api.state() == before
    assert done == Swept(files=3, orphans=2, orphan_bytes=45, removed=2, freed_bytes=45)
    assert dry == Swept(files=3, orphans=2, orphan_bytes=45, is_dry_run=True)
    assert await sweep(api.runtime.db, blobs, grace=AT_ONCE) == Swept(files=1)


async def test_files_whose_row_may_be_about_to_come_are_left_alone(api: Api, blobs: LocalBlobs, folder: Path) -> None:
    await leave(blobs, api.viewer.organization_id, b"just now")
    done = await sweep(api.runtime.db, blobs)
    assert (done.orphans, done.young, done.removed) == (0, 1, 0)
    assert len(stored(folder)) == 1


async def test_files_stay_while_somebody_is_naming_some(api: Api, blobs: LocalBlobs, folder: Path) -> None:
    await leave(blobs, api.viewer.organization_id, b"orphan")
    async with api.runtime.db.transaction() as tx:
        await lock.hold(tx, api.viewer.organization_id)
        done = await sweep(api.runtime.db, blobs, grace=AT_ONCE)
    assert (done.orphans, done.removed) == (1, 0)
    assert len(stored(folder)) == 1


async def test_rows_without_a_file_are_told_and_stay(api: Api, blobs: LocalBlobs, folder: Path) -> None:
    await work(api, blobs)
    (path,) = stored(folder)
    path.unlink()
    before = await api.state()
    done = await sweep(api.runtime.db, blobs, grace=AT_ONCE)
    assert (done.lost_count, done.lost) == (1, (Lost(api.viewer.organization_id, path.name),))
    assert done.document["lost"] == [{"organizationId": str(api.viewer.organization_id), "sha256": path.name}]
    assert await api.state() == before


async def test_the_same_bytes_elsewhere_are_not_counted_as_freed(api: Api, blobs: LocalBlobs) -> None:
    place, other = api.viewer.organization_id, uuid4()
    digest = await leave(blobs, place, b"twice")
    assert await blobs.share(place, other, digest)
    # The first one gone, the other has a name less, which is a change of it as well.
    swept = [await sweep(api.runtime.db, blobs, grace=AT_ONCE) for _ in range(2)]
    assert [(done.removed, done.orphan_bytes, done.freed_bytes) for done in swept] == [(1, 5, 0), (1, 5, 5)]


async def test_what_a_removal_left_aside_is_put_back(api: Api, blobs: LocalBlobs, folder: Path) -> None:
    digest = await leave(blobs, api.viewer.organization_id, b"aside")
    place = folder / api.viewer.organization_id.hex / digest[:2] / digest
    aside = place.rename(place.with_name(f"{digest}.aside-{uuid4().hex}"))
    await sweep(api.runtime.db, blobs)
    assert stored(folder) == [aside]
    with_time = time.time() + 3600
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("connectors.blob_folder.time.time", lambda: with_time)
        await sweep(api.runtime.db, blobs)
    assert stored(folder) == [place]
    assert sha256(place.read_bytes()).hexdigest() == digest


async def test_names_that_are_none_of_ours_are_left_alone(api: Api, blobs: LocalBlobs, folder: Path) -> None:
    digest = await leave(blobs, api.viewer.organization_id, b"ours")
    shelf = folder / api.viewer.organization_id.hex / digest[:2]
    (shelf / "README").write_text("not ours")
    (folder / "lost+found").mkdir()
    done = await sweep(api.runtime.db, blobs, grace=AT_ONCE)
    assert (done.files, done.removed) == (1, 1)
    assert [path.name for path in shelf.iterdir()] == ["README"]
