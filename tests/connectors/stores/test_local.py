import asyncio
import os
import resource
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.stores import LocalStore, probe, read
from maestro.errors import NotFound, StoreFailed
from tests.connectors.stores.contract import CONTENT, MEGABYTE, SHA256, StoreContract


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


@pytest.fixture
def small_disk() -> Iterator[None]:
    """No file can grow beyond 2 MiB, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 * MEGABYTE, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def files(store: LocalStore) -> list[str]:
    return sorted(str(path.relative_to(store.folder)) for path in store.folder.rglob("*") if path.is_file())


class TestLocalStore(StoreContract):
    pass


async def test_objects_are_files_that_only_their_owner_may_read(store: LocalStore) -> None:
    await store.put_bytes("a/b/c", b"x")
    assert files(store) == ["a/b/c"]
    modes = {str(path.relative_to(store.folder)): path.stat().st_mode & 0o777 for path in store.folder.rglob("*")}
    assert modes == {".incoming": 0o700, "a": 0o700, "a/b": 0o700, "a/b/c": 0o600}
    assert store.folder.stat().st_mode & 0o777 == 0o700


async def test_deleting_removes_the_folders_that_are_empty_then(store: LocalStore) -> None:
    await store.put_bytes("a/b/c", b"x")
    await store.put_bytes("a/d", b"x")
    await store.delete(["a/b/c"])
    assert sorted(path.name for path in store.folder.iterdir()) == [".incoming", "a"]
    assert files(store) == ["a/d"]
    await store.delete(["a/d"])
    assert [path.name for path in store.folder.iterdir()] == [".incoming"]


async def test_a_consumed_file_of_the_same_disk_is_moved_and_not_copied(store: LocalStore, tmp_path: Path) -> None:
    draft = tmp_path / "draft"
    draft.write_bytes(CONTENT)
    number = draft.stat().st_ino
    made = await store.put_file("a", draft, sha256=SHA256, consume=True)
    assert made.sha256 == SHA256
    assert (store.folder / "a").stat().st_ino == number
    assert (store.folder / "a").stat().st_mode & 0o777 == 0o600


async def test_what_is_put_while_its_folder_is_being_emptied_is_there(store: LocalStore) -> None:
    async def put(number: int) -> None:
        for _ in range(40):
            await store.put_bytes(f"a/b/{number}", b"x")
            await store.delete([f"a/b/{number}"])
        await store.put_bytes(f"a/b/{number}", b"y")

    await asyncio.gather(*map(put, range(4)))
    assert files(store) == [f"a/b/{number}" for number in range(4)]


async def test_a_reader_keeps_the_object_that_it_began_with(store: LocalStore) -> None:
    await store.put_bytes("a", b"x" * (3 * MEGABYTE))
    reading = store.get("a")
    content = await anext(reading)
    await store.put_bytes("a", b"y" * (3 * MEGABYTE))
    content += b"".join([part async for part in reading])
    assert content == b"x" * (3 * MEGABYTE)
    assert await read(store, "a") == b"y" * (3 * MEGABYTE)


async def test_a_writer_that_is_cancelled_leaves_nothing(store: LocalStore, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * (8 * MEGABYTE))
    begun, go_on = threading.Event(), threading.Event()

    def told(_: int) -> None:
        begun.set()
        go_on.wait(10)

    writing = asyncio.create_task(store.put_file("a", tmp_path / "file", told=told))
    await asyncio.to_thread(begun.wait, 10)
    assert len(files(store)) == 1
    writing.cancel()
    await asyncio.sleep(0)
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert files(store) == []


@pytest.mark.usefixtures("small_disk")
async def test_a_full_disk_is_told_and_leaves_nothing(store: LocalStore, tmp_path: Path) -> None:
    os.truncate(os.open(tmp_path / "file", os.O_CREAT | os.O_RDWR), 2 * MEGABYTE)
    with pytest.raises(StoreFailed, match="no room for a") as refused:
        await store.put_bytes("a", b"x" * (3 * MEGABYTE))
    assert refused.value.details == {"vendorCode": "EFBIG"}
    assert not refused.value.is_retryable
    assert files(store) == []


async def test_the_room_of_a_folder_is_that_of_its_disk(store: LocalStore, tmp_path: Path) -> None:
    free = await store.free_bytes()
    assert free is not None
    status = os.statvfs(tmp_path)
    assert abs(free - status.f_bavail * status.f_frsize) < 1024 * MEGABYTE


async def test_an_object_cannot_lie_below_another(store: LocalStore) -> None:
    await store.put_bytes("a", b"x")
    with pytest.raises(StoreFailed):
        await store.put_bytes("a/b", b"x")
    await store.put_bytes("c/d", b"x")
    with pytest.raises(StoreFailed):
        await store.put_bytes("c", b"x")
    assert files(store) == ["a", "c/d"]


async def test_a_link_that_leads_nowhere_and_a_pipe_are_no_objects(store: LocalStore) -> None:
    await store.put_bytes("a/b", b"x")
    (store.folder / "link").symlink_to("nowhere")
    os.mkfifo(store.folder / "pipe")
    assert [one.key async for page in store.list() for one in page] == ["a/b"]
    with pytest.raises(NotFound):
        await store.head("pipe")


async def test_what_dead_writers_left_is_removed_and_what_living_ones_write_stays(store: LocalStore) -> None:
    (store.folder / ".incoming").mkdir(parents=True)
    (store.folder / ".incoming" / "abandoned").write_bytes(b"half an ob")
    with store._draft() as draft:
        await store.tidy()
        assert [path.name for path in (store.folder / ".incoming").iterdir()] == [draft.path.name]


async def test_a_folder_that_cannot_be_made_fails_the_probe(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (step,) = await probe(LocalStore(tmp_path / "file" / "store"))
    assert step.name == "write"
    assert isinstance(step.error, StoreFailed)
