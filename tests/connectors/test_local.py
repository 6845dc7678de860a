import asyncio
import fcntl
import hashlib
import resource
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from connectors.local import CHUNK, Blob, LocalBlobs
from maestro.errors import DigestMismatch, NotFound, PayloadTooLarge, Unavailable

OURS, THEIRS = UUID(int=1), UUID(int=2)
MEGABYTE = 1024 * 1024
CONTENT = b"weights" * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "blobs"


@pytest.fixture
def blobs(folder: Path) -> LocalBlobs:
    return LocalBlobs(folder)


async def sent(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def cut_off(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part
    raise ConnectionError("the sender is gone")


async def stalled(started: asyncio.Event, *parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part
    started.set()
    await asyncio.Event().wait()


def files(folder: Path) -> list[Path]:
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def small_disk() -> Iterator[None]:
    """No file can grow beyond 2 MiB, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 * MEGABYTE, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_a_blob_lies_under_its_organization_and_digest(blobs: LocalBlobs, folder: Path) -> None:
    written = await blobs.write(OURS, sent(CONTENT[:10], CONTENT[10:]), limit=MEGABYTE)
    assert written == Blob(SHA256, 7000)
    place = await blobs.find(OURS, SHA256)
    assert place.read_bytes() == CONTENT
    assert files(folder) == [Path(OURS.hex, SHA256[:2], SHA256)]


async def test_the_same_bytes_are_stored_once(blobs: LocalBlobs, folder: Path) -> None:
    await blobs.write(OURS, sent(CONTENT), limit=MEGABYTE)
    again = await blobs.write(OURS, sent(CONTENT), limit=MEGABYTE)
    assert again == Blob(SHA256, 7000)
    assert len(files(folder)) == 1


async def test_writers_of_the_same_bytes_do_not_disturb_each_other(blobs: LocalBlobs, folder: Path) -> None:
    written = await asyncio.gather(*(blobs.write(OURS, sent(CONTENT), limit=MEGABYTE) for _ in range(8)))
    assert written == [Blob(SHA256, 7000)] * 8
    assert len(files(folder)) == 1
    assert await blobs.verify(OURS, SHA256)


async def test_an_organization_does_not_see_the_blobs_of_another(blobs: LocalBlobs) -> None:
    await blobs.write(OURS, sent(CONTENT), limit=MEGABYTE)
    with pytest.raises(NotFound):
        await blobs.find(THEIRS, SHA256)


async def test_an_empty_body_is_a_blob(blobs: LocalBlobs) -> None:
    assert await blobs.write(OURS, sent(), limit=0) == Blob(hashlib.sha256().hexdigest(), 0)


async def test_a_body_of_exactly_the_limit_is_stored(blobs: LocalBlobs) -> None:
    assert await blobs.write(OURS, sent(CONTENT), limit=7000) == Blob(SHA256, 7000)


async def test_a_body_over_the_limit_is_refused_as_soon_as_it_is_over(blobs: LocalBlobs, folder: Path) -> None:
    with pytest.raises(PayloadTooLarge) as refused:
        await blobs.write(OURS, cut_off(CONTENT, b"!"), limit=7000)
    assert refused.value.extensions == {"code": "PAYLOAD_TOO_LARGE", "limit": 7000}
    assert files(folder) == []


async def test_a_body_of_another_digest_leaves_nothing(blobs: LocalBlobs, folder: Path) -> None:
    with pytest.raises(DigestMismatch) as refused:
        await blobs.write(OURS, sent(CONTENT), limit=MEGABYTE, expected="0" * 64)
    assert refused.value.extensions["expected"] == "0" * 64
    assert refused.value.extensions["actual"] == SHA256
    assert files(folder) == []


async def test_a_body_of_the_expected_digest_is_stored(blobs: LocalBlobs) -> None:
    assert await blobs.write(OURS, sent(CONTENT), limit=MEGABYTE, expected=SHA256) == Blob(SHA256, 7000)


async def test_a_body_that_is_cut_off_leaves_nothing(blobs: LocalBlobs, folder: Path) -> None:
    with pytest.raises(ConnectionError):
        await blobs.write(OURS, cut_off(b"x" * (2 * CHUNK)), limit=10 * CHUNK)
    assert files(folder) == []


async def test_a_writer_that_is_cancelled_leaves_nothing(blobs: LocalBlobs, folder: Path) -> None:
    started = asyncio.Event()
    writing = asyncio.create_task(blobs.write(OURS, stalled(started, b"x" * CHUNK), limit=10 * CHUNK))
    await started.wait()
    assert len(files(folder)) == 1
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert files(folder) == []


@pytest.mark.usefixtures("small_disk")
async def test_a_full_disk_is_told_and_leaves_nothing(blobs: LocalBlobs, folder: Path) -> None:
    with pytest.raises(Unavailable) as refused:
        await blobs.write(OURS, sent(*[b"x" * CHUNK] * 3), limit=10 * CHUNK)
    assert refused.value.message == "The disk of the server has no room for this file."
    assert files(folder) == []


async def test_memory_stays_small_however_large_the_body(blobs: LocalBlobs) -> None:
    part = b"x" * 65_536
    tracemalloc.start()
    try:
        written = await blobs.write(OURS, sent(*[part] * 1024), limit=100 * MEGABYTE)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert written.size == 64 * MEGABYTE
    assert peak < 8 * MEGABYTE


async def test_opening_removes_what_dead_writers_left(folder: Path) -> None:
    draft = folder / "incoming" / "abandoned"
    draft.parent.mkdir(parents=True)
    draft.write_bytes(b"half a bo")
    LocalBlobs(folder)
    assert files(folder) == []


async def test_opening_spares_what_is_being_written(blobs: LocalBlobs, folder: Path) -> None:
    started, done = asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield CONTENT
        started.set()
        await done.wait()

    writing = asyncio.create_task(blobs.write(OURS, slow(), limit=MEGABYTE))
    await started.wait()
    LocalBlobs(folder)
    done.set()
    assert await writing == Blob(SHA256, 7000)
    assert await blobs.verify(OURS, SHA256)


async def test_a_draft_is_locked_while_it_is_written(blobs: LocalBlobs, folder: Path) -> None:
    started = asyncio.Event()
    writing = asyncio.create_task(blobs.write(OURS, stalled(started, b"x"), limit=MEGABYTE))
    await started.wait()
    (draft,) = (folder / "incoming").iterdir()
    with draft.open("rb") as file, pytest.raises(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing


async def test_verifying_notices_a_changed_byte(blobs: LocalBlobs) -> None:
    await blobs.write(OURS, sent(CONTENT), limit=MEGABYTE)
    assert await blobs.verify(OURS, SHA256) is True
    (await blobs.find(OURS, SHA256)).write_bytes(CONTENT[:-1] + b"!")
    assert await blobs.verify(OURS, SHA256) is False


async def test_storing_again_repairs_a_changed_blob(blobs: LocalBlobs) -> None:
    await blobs.write(OURS, sent(CONTENT), limit=MEGABYTE)
    (await blobs.find(OURS, SHA256)).write_bytes(b"rotten")
    await blobs.write(OURS, sent(CONTENT), limit=MEGABYTE)
    assert await blobs.verify(OURS, SHA256) is True


@pytest.mark.parametrize("name", ["", "../../secret", "0" * 63, "A" * 64, "0" * 63 + "/"])
async def test_what_is_no_digest_is_not_looked_for(blobs: LocalBlobs, name: str) -> None:
    with pytest.raises(NotFound):
        await blobs.find(OURS, name)


def test_nobody_else_on_the_machine_can_enter_the_folder(blobs: LocalBlobs, folder: Path) -> None:
    assert folder.stat().st_mode & 0o777 == 0o700


async def test_a_blob_is_shared_between_organizations_and_each_may_remove_it(blobs: LocalBlobs, folder: Path) -> None:
    giver, taker = uuid4(), uuid4()
    blob = await blobs.write(giver, sent(b"shared"), limit=100)
    assert await blobs.share(giver, taker, blob.sha256)
    assert await blobs.share(giver, taker, blob.sha256)
    await blobs.settle(taker)
    assert await blobs.verify(taker, blob.sha256)
    assert await blobs.organizations() == sorted([giver, taker])
    assert [[file.sha256 for file in shelf] async for shelf in blobs.listed(taker)] == [[blob.sha256]]
    later = datetime.now(UTC) + timedelta(minutes=1)
    assert await blobs.remove(giver, blob.sha256, before=later) == 0
    assert not await blobs.has(giver, blob.sha256)
    assert await blobs.has(taker, blob.sha256)
    assert await blobs.remove(taker, blob.sha256, before=later) == 6
    assert files(folder) == []


async def test_what_is_not_there_is_neither_shared_nor_removed(blobs: LocalBlobs) -> None:
    assert not await blobs.share(uuid4(), uuid4(), "0" * 64)
    assert await blobs.remove(uuid4(), "0" * 64, before=datetime.now(UTC)) is None
    assert [shelf async for shelf in blobs.listed(uuid4())] == []
    await blobs.settle(uuid4())


async def test_a_blob_that_has_come_later_is_not_removed(blobs: LocalBlobs) -> None:
    place = uuid4()
    blob = await blobs.write(place, sent(b"new"), limit=100)
    assert await blobs.remove(place, blob.sha256, before=datetime.now(UTC) - timedelta(minutes=1)) is None
    assert await blobs.verify(place, blob.sha256)
