import asyncio
import shutil
from datetime import UTC, datetime

import pytest

from loadtests.ledger import Ledger
from maestro.archive_settings import ArchiveLevel
from maestro.errors import BackupRefused, EmbeddedDatabaseError
from maestro.postgres import EmbeddedPostgres
from ops.point_in_time import Archive, Target, named_point, points, reach, rebuild_data_folder, restore_to_time, status
from tests.ops.point_in_time.conftest import Primary, Start, Work, marks, running, until

BOUND_S = 2.0
"""What a receiver may lose at most."""


async def disaster(primary: Primary, *, frozen_s: float | None = None) -> tuple[Ledger, list[datetime]]:
    """Write, kill everything and throw the data away; then build the folder anew, and return what was lost."""
    await primary.back_up()
    ledger = Ledger()
    ledger.open(primary.address.url("postgresql"))
    await ledger.holds(200)
    receiver = await primary.receiving_process()
    if frozen_s is not None:
        receiver.suspend()
        await asyncio.sleep(frozen_s)
    await primary.lose()
    await ledger.close()
    await rebuild_data_folder(primary.folder, primary.archive)
    async with running(primary.folder) as anew:
        return ledger, await ledger.lost(anew.address.url("postgresql"))


async def test_the_server_killed_and_its_data_thrown_away_loses_less_than_the_bound(start: Start) -> None:
    primary = await start(level=ArchiveLevel.RECEIVER)
    ledger, lost = await disaster(primary)
    assert ledger.seconds(lost) <= BOUND_S


async def test_a_frozen_receiver_does_lose_which_shows_that_the_test_can_fail(start: Start) -> None:
    primary = await start(level=ArchiveLevel.RECEIVER)
    _, lost = await disaster(primary, frozen_s=0.5)
    assert len(lost) > 10


async def test_with_the_synchronous_level_nothing_is_lost_though_the_receiver_is_frozen(start: Start) -> None:
    primary = await start(level=ArchiveLevel.SYNCHRONOUS)
    await until_synchronous(primary)
    ledger, lost = await disaster(primary, frozen_s=0.5)
    assert len(ledger.acknowledged) >= 200
    assert lost == []


async def until_synchronous(primary: Primary) -> None:
    asked = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"
    await until(lambda: primary.connection.fetchval(asked))


async def test_commits_go_on_when_a_synchronous_receiver_ends_in_order(start: Start) -> None:
    primary = await start(level=ArchiveLevel.SYNCHRONOUS)
    await until_synchronous(primary)
    await primary.stop_receiving()
    await asyncio.wait_for(primary.mark("without a receiver"), 5)


async def test_commits_wait_when_a_synchronous_receiver_was_killed_until_the_server_is_started_anew(
    start: Start, work: Work
) -> None:
    primary = await start()
    worker = work(primary, ArchiveLevel.SYNCHRONOUS)
    await until_synchronous(primary)
    worker.kill()
    worker.wait()
    waiting = asyncio.create_task(primary.mark("waits"))
    await asyncio.wait([waiting], timeout=0.5)
    assert not waiting.done()
    primary.server.stop()
    await asyncio.gather(waiting, return_exceptions=True)
    async with running(primary.folder) as anew:
        await asyncio.wait_for(anew.mark("after"), 5)
        # It was on the disk, if not acknowledged.
        assert await marks(anew.url) == ["waits", "after"]


async def test_what_the_damaged_folder_still_has_of_the_log_is_used(start: Start) -> None:
    primary = await start(level=ArchiveLevel.RECEIVER)
    await primary.back_up()
    await primary.mark("received")
    await named_point(primary.archive, primary.url, "early")
    await primary.received()
    await primary.stop_receiving()
    never = await primary.mark("never received")
    await primary.connection.execute("SELECT pg_switch_wal()")
    await primary.mark("never received either")
    with pytest.raises(EmbeddedDatabaseError, match="PostgreSQL runs on"):
        await rebuild_data_folder(primary.folder, primary.archive)
    primary.server.stop()
    data = primary.folder / "postgres" / "data"
    (data / "global" / "pg_control").unlink()

    rebuilt = await rebuild_data_folder(primary.folder, primary.archive)
    assert rebuilt.damaged is not None
    assert (rebuilt.damaged / "base").is_dir()
    async with running(primary.folder, level=ArchiveLevel.RECEIVER) as anew:
        everything = ["received", "never received", "never received either"]
        assert await marks(anew.url) == everything
        # The log goes on upon a timeline of its own, from the old base backup without a gap.
        await anew.mark("anew")
        await anew.received()
        found = await reach(anew.archive)
        assert (found.gaps, len(found.spans)) == ((), 1)
        assert {one.timeline for one in found.stretches} == {2}
        assert list(points(anew.archive)) == ["early"]

        left = await anew.mark("left again")
        await anew.received()

    shutil.rmtree(data)
    await rebuild_data_folder(primary.folder, primary.archive, target=Target(name="early"))
    await a_third_timeline_comes_from_the_first(
        primary, {left[0]: [*everything, "anew", "left again"], never[0]: everything[:2]}
    )


async def a_third_timeline_comes_from_the_first(primary: Primary, earlier: dict[datetime, list[str]]) -> None:
    """Back before all of it; each moment is found on the timeline that was lived on then."""
    async with running(primary.folder, level=ArchiveLevel.RECEIVER) as anew:
        assert await marks(anew.url) == ["received"]
        await anew.mark("third")
        await anew.received()
        assert (await reach(anew.archive)).gaps == ()
        expected = {Target(): ["received", "third"], **{Target(time=time): texts for time, texts in earlier.items()}}
        for target, texts in expected.items():
            async with restore_to_time(anew.archive, target) as instance:
                assert await marks(instance.url) == texts


async def test_a_folder_is_not_touched_when_there_is_nothing_to_build_it_from(start: Start) -> None:
    primary = await start()
    primary.server.stop()
    before = sorted(primary.folder.rglob("*"))
    with pytest.raises(BackupRefused, match="no base backup"):
        await rebuild_data_folder(primary.folder, Archive.at(primary.folder, data_dir=primary.folder))
    assert sorted(primary.folder.rglob("*")) == before


async def test_segments_that_postgresql_hands_out_are_kept_as_well(start: Start) -> None:
    folder_of = {"archive_mode": "on", "archive_library": "basic_archive", "archive_timeout": "1s"}
    primary = await start(folder_of, level=None)
    primary.archive.make()
    stream = str(primary.archive.stream)
    await primary.connection.execute(f"ALTER SYSTEM SET basic_archive.archive_directory = '{stream}'")
    await primary.connection.execute("SELECT pg_reload_conf()")
    primary.receive(ArchiveLevel.ARCHIVE)
    await primary.back_up()
    time, _ = await primary.mark("handed out")
    await primary.received()
    state = await status(primary.archive)
    assert (state.is_receiving, state.trouble) == (True, None)
    assert state.reach.latest is not None
    assert time <= state.reach.latest <= datetime.now(UTC)


async def test_a_server_does_not_begin_empty_where_the_building_anew_was_killed(start: Start) -> None:
    primary = await start()
    primary.server.stop()
    data = primary.folder / "postgres" / "data"
    data.rename(data.with_name("data.damaged_20261129120000"))
    with pytest.raises(EmbeddedDatabaseError, match="was never finished"):
        EmbeddedPostgres(primary.folder).start()
    assert not data.exists()
