import asyncio
import errno
import os
import resource
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from connectors.stores import LocalStore, ObjectStore, probe, read
from connectors.stores.buckets import Upload
from connectors.stores.local_uploads import ABANDONED
from maestro.errors import Forbidden, NotFound, StoreFailed
from tests.connectors.stores.container_contract import ContainerContract
from tests.connectors.stores.contract import CONTENT, MEGABYTE, SHA256, StoreContract, keys
from tests.connectors.stores.copying_contract import CopyingContract
from tests.connectors.stores.uploads_contract import UploadsContract


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


class TestLocalUploads(UploadsContract):
    @pytest.fixture
    def again(self, store: LocalStore) -> LocalStore:
        return LocalStore(store.folder)


class TestLocalCopying(CopyingContract):
    @pytest.fixture
    def other(self, tmp_path: Path) -> LocalStore:
        return LocalStore(tmp_path / "other")

    @pytest.fixture
    def stranger(self) -> ObjectStore:
        """Nothing that is opened: to be asked, it need not be a store of any vendor."""
        return cast("ObjectStore", object())


class TestLocalContainer(ContainerContract):
    @pytest.fixture
    def missing(self, store: LocalStore) -> LocalStore:
        return store


async def test_objects_are_files_that_only_their_owner_may_read(store: LocalStore) -> None:
    await store.put_bytes("a/b/c", b"x")
    assert files(store) == ["a/b/c"]
    modes = {str(path.relative_to(store.folder)): path.stat().st_mode & 0o777 for path in store.folder.rglob("*")}
    assert modes == {".work": 0o700, ".work/incoming": 0o700, "a": 0o700, "a/b": 0o700, "a/b/c": 0o600}
    assert store.folder.stat().st_mode & 0o777 == 0o700


async def test_deleting_removes_the_folders_that_are_empty_then(store: LocalStore) -> None:
    await store.put_bytes("a/b/c", b"x")
    await store.put_bytes("a/d", b"x")
    await store.delete(["a/b/c"])
    assert sorted(path.name for path in store.folder.iterdir()) == [".work", "a"]
    assert files(store) == ["a/d"]
    await store.delete(["a/d"])
    assert [path.name for path in store.folder.iterdir()] == [".work"]


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
    (store.folder / ".work" / "incoming").mkdir(parents=True)
    (store.folder / ".work" / "incoming" / "abandoned").write_bytes(b"half an ob")
    with store._draft() as draft:
        await store.tidy()
        assert [path.name for path in (store.folder / ".work" / "incoming").iterdir()] == [draft.path.name]


async def test_a_name_that_is_no_text_is_told_and_not_listed(store: LocalStore) -> None:
    await store.put_bytes("a/b", b"x")
    (store.folder / "a" / os.fsdecode(b"\xff.bin")).write_bytes(b"x")
    left_out: list[str] = []
    assert [one.key async for page in store.list(left_out=left_out.append) for one in page] == ["a/b"]
    assert left_out == ["a/\ufffd.bin"]


async def test_links_that_lead_round_in_a_circle_are_told_and_not_followed(store: LocalStore) -> None:
    await store.put_bytes("a/b", b"x")
    (store.folder / "a" / "round").symlink_to(store.folder / "a")
    left_out: list[str] = []
    assert [one.key async for page in store.list(left_out=left_out.append) for one in page] == ["a/b"]
    assert left_out == ["a/round/"]


async def test_links_are_not_followed_where_that_is_not_wanted(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_bytes(b"secret")
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "folder").symlink_to(tmp_path / "outside")
    (tmp_path / "root" / "file").symlink_to(tmp_path / "outside" / "secret")
    store = LocalStore(tmp_path / "root", follows_links=False)
    await store.put_bytes("a", b"x")
    left_out: list[str] = []
    assert [one.key async for page in store.list(left_out=left_out.append) for one in page] == ["a"]
    assert left_out == ["file", "folder"]
    for key in ("folder/secret", "file"):
        with pytest.raises(Forbidden):
            await read(store, key)
        with pytest.raises(Forbidden):
            await store.put_bytes(key, b"changed")
        with pytest.raises(Forbidden):
            await store.copy_from(store, "a", key)
        with pytest.raises(Forbidden):
            await store.copy_from(store, key, "b")
        with pytest.raises(Forbidden):
            await store.delete([key])
    assert (tmp_path / "outside" / "secret").read_bytes() == b"secret"
    assert await keys(store) == ["a"]


@pytest.mark.parametrize("reason", [errno.EXDEV, errno.EOPNOTSUPP])
async def test_a_file_system_that_cannot_copy_has_the_bytes_carried(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch, reason: int
) -> None:
    def refused(*_: int) -> int:
        raise OSError(reason, "no")

    monkeypatch.setattr(os, "copy_file_range", refused)
    content = os.urandom(3 * MEGABYTE + 1)
    await store.put_bytes("a", content)
    await store.copy_from(store, "a", "b")
    assert await read(store, "b") == content


async def test_a_copy_is_a_file_of_its_own(store: LocalStore) -> None:
    await store.put_bytes("a", CONTENT)
    await store.copy_from(store, "a", "b")
    first, second = ((store.folder / name).stat() for name in "ab")
    assert (first.st_ino != second.st_ino, second.st_nlink) == (True, 1)
    assert second.st_mode & 0o777 == 0o600


async def test_uploads_that_were_given_up_days_ago_are_removed(store: LocalStore) -> None:
    old, young = [await store.begin_upload("a", 5) for _ in range(2)]
    for upload in (old, young):
        await store.put_part(upload, 0, b"first")
    folder = store.folder / ".work" / "uploads" / old.id
    days_ago = time.time() - ABANDONED.total_seconds() - 10
    for path in (*folder.iterdir(), folder):
        os.utime(path, (days_ago, days_ago))
    await store.tidy()
    assert len(await store.parts(young)) == 1
    with pytest.raises(NotFound):
        await store.parts(old)
    assert not folder.exists()


async def test_an_upload_that_could_lead_elsewhere_is_not_known(store: LocalStore, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    forged = Upload("a", "../../../other", 8, 8)
    for attempt in (store.parts(forged), store.put_part(forged, 0, b"12345678"), store.abort_upload(forged)):
        with pytest.raises(NotFound):
            await attempt
    assert (tmp_path / "other").is_dir()


async def test_a_folder_with_an_upload_that_goes_on_is_not_removed(store: LocalStore) -> None:
    upload = await store.begin_upload("a", 5)
    with pytest.raises(StoreFailed):
        await store.delete_container()
    await store.put_part(upload, 0, b"first")
    assert (await store.complete_upload(upload)).size == 5


async def test_a_folder_that_cannot_be_made_fails_the_probe(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (step,) = await probe(LocalStore(tmp_path / "file" / "store"))
    assert step.name == "write"
    assert isinstance(step.error, StoreFailed)


async def test_folders_behind_a_key_are_not_read(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    for key in ["a/1", "b/c/1", "b/c/2", "b/d/1", "c/1", "z"]:
        await store.put_bytes(key, b"x")
    read_folders: list[str] = []
    scandir = os.scandir

    def noted(folder: Path) -> Any:
        read_folders.append(str(Path(folder).relative_to(store.folder)))
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", noted)
    assert [one.key async for page in store.list(after="b/c/1") for one in page] == ["b/c/2", "b/d/1", "c/1", "z"]
    assert read_folders == [".", "b", "b/c", "b/d", "c"]
