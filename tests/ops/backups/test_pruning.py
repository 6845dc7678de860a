"""Backups that are removed: what goes, what stays, and what is left by a process that is killed at any moment."""

import asyncio
import os
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from connectors.stores import LocalStore
from maestro.errors import Transient
from ops.backups.checking import Depth, check_files
from ops.backups.manifest import Manifest, read_manifest
from ops.backups.places import blob_of, file_of, manifest_of
from ops.backups.pruning import Receipt, Removed, prune
from ops.backups.turns import Pruning, backups_in_the_making, begin_backup, end_backup, is_pruned
from tests.ops.backups.manifests import FILES, KEYS, manifest, sha256, stored

SIZE = sum(map(len, FILES.values()))
LATER = timedelta(seconds=-1)
"""A grace time that is over for everything."""
OURS, SHARED, THEIRS = b"needed by the first", b"needed by both", b"needed by the second"


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


class KilledError(BaseException):
    """The end of a process."""


class MortalStore(LocalStore):
    """A store whose process is killed before one of the changes that it makes."""

    def __init__(self, folder: Path, lives: int) -> None:
        super().__init__(folder)
        self._lives = lives

    def _live(self) -> None:
        self._lives -= 1
        if self._lives < 0:
            raise KilledError

    async def delete(self, keys: Iterable[str]) -> None:
        for key in keys:
            self._live()
            await super().delete([key])


async def two(store: LocalStore, folder: Path) -> tuple[Manifest, Manifest]:
    first = await stored(store, folder=folder, blobs=(OURS, SHARED))
    return first, await stored(store, folder=folder, blobs=(SHARED, THEIRS))


def files(store: LocalStore) -> set[str]:
    found = (str(path.relative_to(store.folder)) for path in store.folder.rglob("*") if path.is_file())
    return {name for name in found if not name.startswith(".")}


def age(store: LocalStore, by: timedelta) -> None:
    for path in store.folder.rglob("*"):
        if path.is_file():
            then = path.stat().st_mtime - by.total_seconds()
            os.utime(path, (then, then))


def folder_of(made: Manifest) -> set[str]:
    return {file_of(made.backup_id, path) for path in (*FILES, "manifest.json")}


async def test_a_backup_goes_with_the_blobs_that_no_other_one_needs(store: LocalStore, tmp_path: Path) -> None:
    first, second = await two(store, tmp_path)
    manifest_size = (await store.head(manifest_of(first.backup_id))).size
    receipt = await prune(store, [first.backup_id], grace=LATER)
    assert receipt == Receipt(
        is_dry_run=False,
        backups=(Removed(first.backup_id, 3, SIZE + manifest_size),),
        blobs=1,
        blob_bytes=len(OURS),
    )
    assert receipt.size_bytes == SIZE + manifest_size + len(OURS)
    assert files(store) == folder_of(second) | {blob_of(sha256(SHARED)), blob_of(sha256(THEIRS))}
    assert (await check_files(second, store, keys=KEYS, depth=Depth.DIGESTS)).objects == 4


async def test_a_dry_run_says_the_same_and_changes_nothing(store: LocalStore, tmp_path: Path) -> None:
    first, _ = await two(store, tmp_path)
    before = files(store)
    dry = await prune(store, [first.backup_id], grace=LATER, is_dry_run=True)
    assert files(store) == before
    wet = await prune(store, [first.backup_id], grace=LATER)
    assert dry.is_dry_run
    assert (dry.backups, dry.blobs, dry.blob_bytes) == (wet.backups, wet.blobs, wet.blob_bytes)


async def test_blobs_that_have_just_been_written_stay(store: LocalStore, tmp_path: Path) -> None:
    first, _ = await two(store, tmp_path)
    assert (await prune(store, [first.backup_id])).blobs == 0
    age(store, timedelta(hours=25))
    assert (await prune(store, [])).blobs == 1


async def test_a_backup_that_is_being_made_stays_whoever_asks(store: LocalStore, tmp_path: Path) -> None:
    first, second = await two(store, tmp_path)
    before = files(store)
    receipt = await prune(store, [first.backup_id, second.backup_id], making=[first.backup_id, second.backup_id])
    assert (receipt.backups, files(store)) == ((), before)
    await begin_backup(store, first.backup_id)
    receipt = await prune(store, [first.backup_id], grace=LATER)
    assert receipt == Receipt(is_dry_run=False, blobs_kept="A backup is being made, or somebody else removes old ones.")


async def test_no_blob_goes_while_a_backup_is_being_made(store: LocalStore, tmp_path: Path) -> None:
    first, _ = await two(store, tmp_path)
    making = uuid4()
    await begin_backup(store, making)
    receipt = await prune(store, [first.backup_id], grace=LATER)
    assert ([one.backup_id for one in receipt.backups], receipt.blobs) == ([first.backup_id], 0)
    assert blob_of(sha256(OURS)) in files(store)
    await end_backup(store, making)
    assert (await prune(store, [], grace=LATER)).blobs == 1


async def test_a_note_of_a_backup_that_was_given_up_grows_old(store: LocalStore) -> None:
    making = uuid4()
    await begin_backup(store, making)
    assert await backups_in_the_making(store) == {making}
    age(store, timedelta(hours=25))
    assert await backups_in_the_making(store) == set()


async def test_what_is_left_of_a_backup_that_never_ended_goes_when_it_is_old(store: LocalStore) -> None:
    lost = uuid4()
    await store.put_bytes(file_of(lost, "dump/toc.dat"), b"PGDMP")
    assert (await prune(store, [])).backups == ()
    age(store, timedelta(hours=25))
    assert (await prune(store, [], making=[lost])).backups == ()
    assert (await prune(store, [])).backups == (Removed(lost, 1, 5, is_leftover=True),)
    assert files(store) == set()


async def test_removing_what_is_not_there_removes_nothing(store: LocalStore) -> None:
    assert await prune(store, [uuid4()]) == Receipt(is_dry_run=False)


async def test_what_else_lies_in_the_store_stays(store: LocalStore, tmp_path: Path) -> None:
    others = {"wal/000000010000000000000001", "backups/notes.txt", "backups/not-an-id/x"}
    for key in others:
        await store.put_bytes(key, b"x")
    first = await stored(store, folder=tmp_path, blobs=())
    age(store, timedelta(days=9))
    await prune(store, [first.backup_id], grace=LATER)
    assert files(store) == others


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"format": "maestro backup", "version": 2}', b'{"version": 1}']
)
async def test_no_blob_goes_while_a_manifest_cannot_be_read(store: LocalStore, tmp_path: Path, content: bytes) -> None:
    first, _ = await two(store, tmp_path)
    strange = manifest_of(uuid4())
    await store.put_bytes(strange, content)
    receipt = await prune(store, [first.backup_id], grace=LATER)
    assert (len(receipt.backups), receipt.blobs) == (1, 0)
    assert receipt.blobs_kept is not None
    assert strange in receipt.blobs_kept


async def test_a_backup_waits_while_somebody_prunes(store: LocalStore) -> None:
    turn, making = Pruning(store), uuid4()
    assert await turn.begin()
    with pytest.raises(Transient):
        await begin_backup(store, making, patience_s=0)
    assert await backups_in_the_making(store) == set()
    waiting = asyncio.create_task(begin_backup(store, making))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    await turn.end()
    await asyncio.wait_for(waiting, 10)


async def test_only_one_prunes_at_a_time_and_not_while_a_backup_is_being_made(store: LocalStore) -> None:
    first, second = Pruning(store), Pruning(store)
    assert await first.begin()
    assert not await second.begin()
    await first.end()
    await begin_backup(store, uuid4())
    assert not await second.begin()
    assert not await is_pruned(store)


async def test_whoever_is_dead_is_not_waited_for(store: LocalStore) -> None:
    assert await Pruning(store).begin()
    age(store, timedelta(minutes=11))
    await asyncio.wait_for(begin_backup(store, uuid4()), 10)


async def test_a_process_that_is_killed_at_any_moment_leaves_whole_backups_and_the_next_one_ends_its_work(
    tmp_path: Path,
) -> None:
    for lives in range(12):
        store = MortalStore(tmp_path / f"store {lives}", lives)
        first, second = await two(store, tmp_path)
        was_killed = False
        try:
            await prune(store, [first.backup_id], grace=LATER)
        except KilledError:
            was_killed = True
        survivor = LocalStore(store.folder)
        await whole_or_gone(survivor, first)
        assert (await check_files(second, survivor, keys=KEYS, depth=Depth.DIGESTS)).objects == 4
        age(survivor, timedelta(hours=25))
        await prune(survivor, [first.backup_id])
        assert files(survivor) == folder_of(second) | {blob_of(sha256(SHARED)), blob_of(sha256(THEIRS))}
        if not was_killed:
            assert lives > 4
            return
    pytest.fail("It was killed each time.")


async def whole_or_gone(store: LocalStore, made: Manifest) -> None:
    if manifest_of(made.backup_id) in files(store):
        content = b"".join([part async for part in store.get(manifest_of(made.backup_id))])
        assert read_manifest(content, KEYS) == made
        assert (await check_files(made, store, keys=KEYS, depth=Depth.DIGESTS)).objects == 4


def test_a_manifest_of_a_backup_is_told_from_other_files() -> None:
    assert manifest_of(UUID(int=0)) == f"backups/{'0' * 32}/manifest.json"
    assert manifest().backup_id.version == 7
