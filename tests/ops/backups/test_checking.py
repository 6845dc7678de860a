"""Backups in a store: whole ones pass, and whatever is gone, cut off or changed is named."""

from collections.abc import Callable
from pathlib import Path

import pytest

from connectors.stores import LocalStore
from maestro.errors import BackupRefused
from maestro.progress import Progress, untold
from maestro.vault import MasterKeys
from ops.backups.checking import Checked, Depth, check_files
from ops.backups.manifest import Manifest
from ops.backups.places import file_of
from ops.backups.sealing import Seal, key_pairs
from tests.ops.backups.manifests import BLOBS, FILES, KEYS, OLDER, OURS, THEIRS, stored

SEAL = Seal(KEYS.current, (key_pairs(KEYS)[0].recipient,))
EACH = pytest.mark.parametrize("seal", [None, SEAL], ids=["plain", "encrypted"])


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


class Heard:
    """What progress was told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int | None, int | None]] = []

    def __call__(
        self, phase: str, completed: int | None = None, total: int | None = None, *, unit: str | None = None
    ) -> None:
        self.told.append((f"{phase}: {unit}", completed, total))


def flipped(place: int) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        content = bytearray(path.read_bytes())
        content[place] ^= 1
        path.write_bytes(content)

    return damage


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def lengthened(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"!")


def emptied(path: Path) -> None:
    path.write_bytes(b"")


async def refusal(
    manifest: Manifest, store: LocalStore, *, depth: Depth, keys: MasterKeys = KEYS
) -> tuple[str, list[dict[str, str]]]:
    with pytest.raises(BackupRefused) as refused:
        await check_files(manifest, store, keys=keys, depth=depth)
    return str(refused.value.details["reason"]), refused.value.details["objects"]


def keys_of(manifest: Manifest) -> list[str]:
    return [file_of(manifest.backup_id, file.path) for file in manifest.files] + [blob.key for blob in manifest.blobs]


@EACH
async def test_a_whole_backup_passes(store: LocalStore, tmp_path: Path, seal: Seal | None) -> None:
    made = await stored(store, folder=tmp_path, seal=seal)
    size = made.size_bytes + made.blob_bytes
    for depth in Depth:
        assert await check_files(made, store, keys=KEYS, depth=depth) == Checked(4, size)
    assert size == sum(map(len, [*FILES.values(), *BLOBS])) or seal is not None


async def test_a_blob_that_was_encrypted_anew_is_still_the_blob(store: LocalStore, tmp_path: Path) -> None:
    made = await stored(store, folder=tmp_path, seal=SEAL)
    before = {blob.stored_size for blob in made.blobs}
    while {blob.stored_size for blob in (await stored(store, folder=tmp_path, seal=SEAL)).blobs} == before:
        pass
    for depth in Depth:
        assert (await check_files(made, store, keys=KEYS, depth=depth)).objects == 4
    cut(store.folder / made.blobs[0].key)
    assert (await refusal(made, store, depth=Depth.SIZES))[0] == "TRUNCATED"


@EACH
async def test_progress_counts_the_bytes_that_are_read(store: LocalStore, tmp_path: Path, seal: Seal | None) -> None:
    made, heard = await stored(store, folder=tmp_path, seal=seal), Heard()
    progress: Progress = heard
    await check_files(made, store, keys=KEYS, depth=Depth.DIGESTS, progress=progress)
    total = made.size_bytes + made.blob_bytes
    read = [(done, of) for phase, done, of in heard.told if phase.endswith("bytes")]
    assert read[-1] == (total, total)
    assert read == sorted(read, key=lambda one: one[0] or 0)


@EACH
@pytest.mark.parametrize("damage", [Path.unlink, cut, emptied, lengthened], ids=["gone", "cut", "emptied", "longer"])
async def test_what_is_gone_or_of_another_size_is_found_without_reading(
    tmp_path: Path, seal: Seal | None, damage: Callable[[Path], None]
) -> None:
    reason, fault = {Path.unlink: ("TRUNCATED", "MISSING"), lengthened: ("CORRUPT", "LONG")}.get(
        damage, ("TRUNCATED", "SHORT")
    )
    for which in range(4):
        store = LocalStore(tmp_path / f"store {which}")
        made = await stored(store, folder=tmp_path, seal=seal)
        key = keys_of(made)[which]
        damage(store.folder / key)
        for depth in Depth:
            assert await refusal(made, store, depth=depth) == (reason, [{"key": key, "fault": fault}])


@EACH
@pytest.mark.parametrize("place", [0, -1])
async def test_a_flipped_bit_is_found_by_reading(tmp_path: Path, seal: Seal | None, place: int) -> None:
    for which in range(4):
        store = LocalStore(tmp_path / f"store {which}")
        made = await stored(store, folder=tmp_path, seal=seal)
        key = keys_of(made)[which]
        flipped(place)(store.folder / key)
        assert (await check_files(made, store, keys=KEYS)).objects == 4
        assert await refusal(made, store, depth=Depth.DIGESTS) == ("CORRUPT", [{"key": key, "fault": "CHANGED"}])


async def test_everything_that_is_wrong_is_named_and_what_is_gone_comes_first(
    store: LocalStore, tmp_path: Path
) -> None:
    made = await stored(store, folder=tmp_path)
    first, second, third, _ = keys_of(made)
    (store.folder / second).unlink()
    cut(store.folder / first)
    lengthened(store.folder / third)
    reason, objects = await refusal(made, store, depth=Depth.SIZES)
    assert reason == "TRUNCATED"
    assert objects == sorted(
        [
            {"key": first, "fault": "SHORT"},
            {"key": second, "fault": "MISSING"},
            {"key": third, "fault": "LONG"},
        ],
        key=lambda one: one["key"],
    )


async def test_blobs_for_another_key_are_told_from_damaged_ones(store: LocalStore, tmp_path: Path) -> None:
    made = await stored(store, folder=tmp_path, seal=SEAL)
    reason, objects = await refusal(made, store, depth=Depth.DIGESTS, keys=MasterKeys([THEIRS]))
    assert (reason, [one["fault"] for one in objects]) == ("WRONG_KEY", ["WRONG_KEY", "WRONG_KEY"])
    await check_files(made, store, keys=MasterKeys([OLDER, OURS]), depth=Depth.DIGESTS, progress=untold)


async def test_a_backup_without_blobs_needs_none(store: LocalStore, tmp_path: Path) -> None:
    made = await stored(store, folder=tmp_path, blobs=())
    assert (await check_files(made, store, keys=KEYS, depth=Depth.DIGESTS)).objects == 2
