"""Making backups: what is in one, what is sent only once, and what is left when it is cut off."""

import asyncio
import time
from concurrent.futures import Future
from uuid import UUID, uuid4

import pytest
from uuid_utils.compat import uuid7

from maestro.db.direct import name_of
from maestro.db.engine import Database
from maestro.errors import MaestroError, PreflightFailed
from ops.backups.making import Destination, Installation, Made, Order, discard_backup, make_backup
from ops.backups.places import blob_of, file_of
from ops.backups.servers import APPLICATION, connected
from ops.backups.verifying import verify_backup
from tests.ops.backups.installations import add_blob, add_organization, everything_in, place_of


async def made(installation: Installation, destination: Destination, backup_id: UUID | None = None) -> Made:
    return await make_backup(Order(backup_id or uuid7()), installation=installation, destination=destination)


def stored(destination: Destination) -> list[str]:
    assert destination.store.folder is not None
    return everything_in(destination.store.folder)


async def is_dumped(url: str) -> bool:
    """Whether a program waits for a lock in a database."""
    async with connected(url, database="postgres") as connection:
        count: int = await connection.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1 AND datname = $2 "
            "AND wait_event_type = 'Lock'",
            APPLICATION,
            name_of(url),
        )
    return count > 0


async def test_a_file_of_two_organisations_is_stored_once_and_is_not_sent_again(
    db: Database, installation: Installation, destination: Destination
) -> None:
    one, other = await add_organization(db, "one"), await add_organization(db, "other")
    shared = await add_blob(db, installation, one, content=b"weights")
    assert await add_blob(db, installation, other, content=b"weights") == shared
    first = await made(installation, destination)
    later = await add_blob(db, installation, one, content=b"more weights")
    second = await made(installation, destination)
    assert (first.sent_bytes, second.sent_bytes) == (7, 12)
    assert [blob.organizations for blob in first.manifest.blobs] == [tuple(sorted([one.hex, other.hex]))]
    assert {blob.sha256 for blob in second.manifest.blobs} == {shared, later}
    assert [name for name in stored(destination) if name.startswith("blobs/")] == sorted(
        [blob_of(shared), blob_of(later)]
    )


async def test_a_file_that_is_damaged_or_lost_makes_a_backup_partial_and_no_worse(
    db: Database, installation: Installation, destination: Destination
) -> None:
    organization = await add_organization(db, "one")
    digests = [await add_blob(db, installation, organization, content=bytes([n]) * 9) for n in range(4)]
    whole, flipped, cut, lost = digests
    place_of(installation, organization, flipped).write_bytes(b"x" * 9)
    place_of(installation, organization, cut).write_bytes(b"x")
    place_of(installation, organization, lost).unlink()
    found = await made(installation, destination)
    assert not found.is_whole
    assert (sorted(found.damaged), found.missing, found.vanished) == (sorted([flipped, cut]), (lost,), ())
    assert [blob.sha256 for blob in found.manifest.blobs] == [whole]
    assert sorted(found.manifest.details["damagedBlobs"]) == sorted([flipped, cut])


async def test_a_file_that_another_organisation_still_has_is_taken_from_there(
    db: Database, installation: Installation, destination: Destination
) -> None:
    one, other = sorted([await add_organization(db, "one"), await add_organization(db, "other")])
    digest = await add_blob(db, installation, one, content=b"weights")
    await add_blob(db, installation, other, content=b"weights")
    place_of(installation, one, digest).write_bytes(b"damaged")
    found = await made(installation, destination)
    assert found.is_whole
    assert [blob.sha256 for blob in found.manifest.blobs] == [digest]


async def test_a_file_that_is_deleted_meanwhile_is_told_and_not_missed(
    db: Database, installation: Installation, destination: Destination
) -> None:
    organization = await add_organization(db, "one")
    digest = await add_blob(db, installation, organization, content=b"weights")
    place_of(installation, organization, digest).unlink()

    def progress(phase: str, *_: object, **__: object) -> None:
        if phase == "Storing the dump":
            deleted.append(asyncio.run_coroutine_threadsafe(delete(), loop))

    async def delete() -> None:
        async with db.transaction() as tx:
            await tx.fetch_sql("DELETE FROM blob")

    deleted: list[Future[None]] = []
    loop = asyncio.get_running_loop()
    found = await make_backup(Order(uuid7()), installation=installation, destination=destination, progress=progress)
    assert deleted
    assert found.is_whole
    assert (found.vanished, found.missing) == ((digest,), ())


async def test_a_backup_that_was_made_is_not_made_again(
    installation: Installation, destination: Destination, db: Database
) -> None:
    backup_id = uuid7()
    first = await made(installation, destination, backup_id)
    await add_organization(db, "later")
    before = stored(destination)
    assert (await made(installation, destination, backup_id)).manifest == first.manifest
    assert stored(destination) == before


async def test_what_an_earlier_try_has_left_is_gone_and_other_backups_stay(
    installation: Installation, destination: Destination
) -> None:
    await made(installation, destination)
    kept, backup_id = stored(destination), uuid7()
    await destination.store.put_bytes(file_of(backup_id, "dump/9999.dat.gz"), b"half of it")
    work = destination.work_of(backup_id)
    work.mkdir(parents=True)
    (work / "toc.dat").write_bytes(b"half of it")
    found = await made(installation, destination, backup_id)
    assert not work.exists()
    names = {file_of(backup_id, path) for path in ["manifest.json", *(file.path for file in found.manifest.files)]}
    assert set(stored(destination)) - set(kept) == names
    await discard_backup(backup_id, destination=destination)
    assert stored(destination) == kept


async def test_rows_that_are_written_meanwhile_are_in_a_backup_whole_or_not_at_all(
    db: Database, installation: Installation, destination: Destination
) -> None:
    is_over, is_going, written = asyncio.Event(), asyncio.Event(), 0

    async def write() -> None:
        nonlocal written
        while not is_over.is_set():
            organization = await add_organization(db, f"org-{written}")
            async with db.transaction() as tx:
                sql = "INSERT INTO project (id, organization_id, slug, name) VALUES ($1, $2, 'p', 'p')"
                await tx.fetch_sql(sql, uuid4(), organization)
                await tx.fetch_sql("DELETE FROM organization WHERE slug = $1", f"org-{written - 3}")
            written += 1
            if written == 4:
                is_going.set()

    writing = asyncio.create_task(write())
    await asyncio.wait_for(is_going.wait(), 10)
    found = await made(installation, destination)
    is_over.set()
    await writing
    assert written > found.manifest.tables["public.organization"].rows > 0
    verified = await verify_backup(found.manifest.backup_id, installation=installation, destination=destination)
    assert verified.comparison.is_equal


async def test_a_cancelled_backup_is_gone_within_seconds_with_all_that_it_has_started(
    db: Database, installation: Installation, destination: Destination
) -> None:
    async with db.transaction() as tx:
        # pg_dump waits for it, so that it is cut off in its midst for certain.
        await tx.fetch_sql("LOCK TABLE pg_catalog.pg_largeobject_metadata IN ACCESS EXCLUSIVE MODE")
        making = asyncio.create_task(made(installation, destination))
        async with asyncio.timeout(10):
            while not await is_dumped(installation.url):
                pass
        began = time.monotonic()
        making.cancel()
        with pytest.raises(asyncio.CancelledError):
            await making
    assert time.monotonic() - began < 30
    assert stored(destination) == []
    assert not await is_dumped(installation.url)


async def test_a_backup_that_fails_leaves_nothing_behind(installation: Installation, destination: Destination) -> None:
    broken = Installation(installation.url, installation.blobs, "0.1.0", programs=destination.drafts)
    with pytest.raises(PreflightFailed, match="no client programs") as raised:
        await made(broken, destination)
    assert raised.value.details["checks"][0]["name"] == "programs"
    assert stored(destination) == []
    with pytest.raises(MaestroError) as lost:
        await made(Installation("postgresql://x@127.0.0.1:1/x", installation.blobs, "0.1.0"), destination)
    assert lost.value.is_retryable
    assert stored(destination) == []
