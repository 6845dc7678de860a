import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from maestro.archive_settings import ArchiveLevel
from maestro.errors import BackupRefused, Conflict, InvalidInput
from ops.point_in_time import Archive, Target, bases, named_point, reach, restore_to_time, status, verify
from ops.point_in_time.bases import data_of
from ops.point_in_time.wal import Segment
from tests.ops.point_in_time.conftest import Primary, copy_of, marks, running

SIZE = 16 * 1024**2
ALL = [
    "before full",
    "full 0",
    "full 1",
    "full 2",
    "before incremental",
    *(f"incremental {i}" for i in range(3)),
    "last",
]


async def at(archive: Archive, target: Target) -> list[str]:
    async with restore_to_time(archive, target) as instance:
        return await marks(instance.url)


@dataclass(frozen=True)
class Story:
    """A server with a full and an incremental base backup, and moments between its markers."""

    primary: Primary
    moments: dict[str, tuple[datetime, str]]

    @property
    def archive(self) -> Archive:
        return self.primary.archive


@pytest.fixture(scope="module")
async def story(initialised: Path, reachable_folder: Path) -> AsyncIterator[Story]:
    folder = reachable_folder / "story"
    copy_of(initialised, folder)
    async with running(folder, level=ArchiveLevel.RECEIVER) as primary:
        moments = {}
        for name in ("full", "incremental"):
            await primary.mark(f"before {name}")
            await primary.back_up()
            for number in range(3):
                moments[f"{name} {number}"] = await primary.mark(f"{name} {number}")
                await primary.connection.execute("SELECT pg_switch_wal()")
            await named_point(primary.archive, primary.url, f"after {name}")
        await primary.mark("last")
        await primary.received()
        yield Story(primary, moments)
    shutil.rmtree(folder)


@pytest.mark.parametrize("kind", ["time", "lsn", "name", "time of an idle server", "latest"])
async def test_what_was_written_before_a_target_is_there_and_nothing_after_it(story: Story, kind: str) -> None:
    time, lsn = story.moments["incremental 1"]
    idle = (await status(story.archive)).received_at
    target, expected = {
        "time": (Target(time=time), ALL[:7]),
        "lsn": (Target(lsn=lsn), ALL[:7]),
        # From the full base backup, past the incremental one's beginning.
        "name": (Target(name="after full"), ALL[:4]),
        # Nothing that was committed later tells PostgreSQL where to stop.
        "time of an idle server": (Target(time=idle), ALL),
        "latest": (Target(), ALL),
    }[kind]
    assert await at(story.archive, target) == expected
    assert list(story.archive.folder.glob("maestro-side-*")) == []


async def test_what_can_be_reached_is_told_with_a_refusal(story: Story) -> None:
    first, latest = bases(story.archive)[0], (await reach(story.archive)).latest
    assert latest is not None
    for out in (first.stopped_at - timedelta(milliseconds=1), latest + timedelta(hours=1)):
        with pytest.raises(InvalidInput, match="cannot be reached") as refusal:
            await at(story.archive, Target(time=out))
        (span,) = refusal.value.details["reachable"]
        assert span["earliest"] == first.stopped_at.isoformat()
    for lsn, said in (("0/1", "cannot be reached"), ("half past three", "looks like")):
        with pytest.raises(InvalidInput, match=said):
            await at(story.archive, Target(lsn=lsn))
    with pytest.raises(InvalidInput, match="no point 'nowhere'") as refusal:
        await at(story.archive, Target(name="nowhere"))
    assert refusal.value.details["known"] == ["after incremental", "after full"]


async def test_without_a_base_backup_nothing_can_be_reached(place: Path) -> None:
    with pytest.raises(BackupRefused, match="no base backup"):
        await at(Archive.at(place), Target())


async def test_a_name_is_given_once_and_is_one(story: Story) -> None:
    with pytest.raises(Conflict, match="'after full'"):
        await named_point(story.archive, story.primary.url, "after full")
    with pytest.raises(InvalidInput):
        await named_point(story.archive, story.primary.url, "it's")


def test_a_target_is_one_thing_and_its_time_has_a_zone() -> None:
    with pytest.raises(InvalidInput, match="only one"):
        Target(lsn="0/1", name="x")
    with pytest.raises(InvalidInput, match="zone"):
        Target(time=datetime(2026, 11, 29))  # noqa: DTZ001 - that is the mistake


async def test_an_incremental_base_backup_rests_on_the_one_before_and_is_smaller(story: Story) -> None:
    full, incremental = bases(story.archive)
    assert incremental.parent_id == full.id
    assert incremental.size_bytes < full.size_bytes / 2


async def test_a_flipped_byte_in_any_part_of_a_chain_is_named_and_refused(story: Story, place: Path) -> None:
    full, _ = bases(story.archive)
    damaged = copied(story.archive, place)
    file = data_of(damaged, full) / "global" / "1262"
    content = bytearray(file.read_bytes())
    content[100] ^= 1
    file.write_bytes(content)
    with pytest.raises(BackupRefused) as refusal:
        await at(damaged, Target())
    assert refusal.value.details == {"reason": "CORRUPT", "base": full.id, "files": ["global/1262"]}


async def test_a_missing_file_is_named_and_refused(story: Story, place: Path) -> None:
    _, incremental = bases(story.archive)
    damaged = copied(story.archive, place)
    (data_of(damaged, incremental) / "global" / "pg_filenode.map").unlink()
    with pytest.raises(BackupRefused) as refusal:
        await verify(damaged, incremental)
    assert refusal.value.details == {"reason": "TRUNCATED", "base": incremental.id, "files": ["global/pg_filenode.map"]}


async def test_a_base_backup_whose_parent_is_gone_is_refused(story: Story, place: Path) -> None:
    full, _ = bases(story.archive)
    damaged = copied(story.archive, place)
    shutil.rmtree(damaged.base / full.id)
    with pytest.raises(BackupRefused, match=f"rests on {full.id}, which is gone"):
        await at(damaged, Target())


async def test_a_missing_segment_is_named_and_what_is_behind_it_refused(story: Story, place: Path) -> None:
    full, incremental = bases(story.archive)
    holed = copied(story.archive, place)
    missing = Segment(1, Segment.of(full.stop_lsn, timeline=1, size=SIZE).number + 2)
    holed.kept(SIZE)[missing].unlink()
    found = await reach(holed)
    assert [(gap.first, gap.count) for gap in found.gaps] == [(missing.name(SIZE), 1)]
    before, after = found.spans
    assert (before[0], after[0]) == (full.stopped_at, incremental.stopped_at)
    with pytest.raises(BackupRefused, match=missing.name(SIZE)) as refusal:
        await at(holed, Target(time=story.moments["full 1"][0]))
    assert refusal.value.details["segments"] == [missing.name(SIZE)]
    assert await at(holed, Target(time=before[1])) == ALL[:2]


async def test_a_damaged_segment_is_not_taken_for_the_end_of_the_log(story: Story, place: Path) -> None:
    damaged = copied(story.archive, place)
    _, incremental = bases(damaged)
    path = damaged.kept(SIZE)[Segment(1, Segment.of(incremental.stop_lsn, timeline=1, size=SIZE).number + 1)]
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(BackupRefused, match="does not lead"):
        await at(damaged, Target())


async def test_whole_segments_are_packed_and_the_one_being_received_is_not(story: Story) -> None:
    names = {path.name for path in story.archive.segments.iterdir()}
    assert len(names) > 3
    assert all(name.endswith(".gz") for name in names)
    assert [path.name for path in story.archive.stream.iterdir() if path.name.endswith(".partial")]


def copied(archive: Archive, place: Path) -> Archive:
    """The archive at another place, to be damaged there."""
    (place / "copy").mkdir()
    (place / "copy").chmod(0o711)
    for name in ("wal", "base"):
        copy_of(archive.folder / name, place / "copy" / name)
    return Archive(place / "copy", archive.account)
