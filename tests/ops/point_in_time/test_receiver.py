import asyncio
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest

from maestro.archive_settings import ArchiveLevel
from maestro.errors import PreflightFailed
from maestro.postgres.lock import FolderLock
from ops.point_in_time import (
    Archive,
    Reception,
    bases,
    is_due,
    keep_up,
    make_base_backup,
    receive_forever,
    remove_old,
    status,
    stop_receiving,
)
from ops.point_in_time.hearing import Heard
from ops.point_in_time.server import look
from tests.ops.point_in_time.conftest import Primary, Start, Work, until


async def test_a_receiver_that_is_killed_is_started_again_and_nothing_is_missing(start: Start) -> None:
    primary = await start(level=ArchiveLevel.RECEIVER)
    await primary.back_up()
    first = await primary.receiving_process()
    await primary.mark("before")
    first.kill()
    await primary.mark("meanwhile")
    await primary.received()
    assert (await primary.receiving_process()).pid != first.pid
    state = await status(primary.archive)
    assert (state.is_receiving, state.reach.gaps, state.slot_status) == (True, (), "reserved")


async def test_a_file_that_was_just_being_made_when_its_receiver_was_killed_is_made_again(start: Start) -> None:
    primary = await start(level=ArchiveLevel.RECEIVER)
    await primary.received()
    await primary.stop_receiving()
    (partial,) = primary.archive.stream.glob("*.partial")
    os.truncate(partial, 8 * 1024**2)
    primary.receive()
    await primary.received()


async def test_a_frozen_receiver_is_noticed_and_replaced(start: Start) -> None:
    primary = await start(level=ArchiveLevel.RECEIVER)
    first = await primary.receiving_process()
    await primary.received()
    first.suspend()
    await primary.mark("behind")
    await until(lambda: (told := Heard.told_in(primary.archive)) and told.lag_bytes)
    await primary.received()
    assert (await primary.receiving_process()).pid != first.pid


async def test_a_second_receiver_waits_for_its_turn(start: Start) -> None:
    primary = await start(level=ArchiveLevel.RECEIVER)
    first = await primary.receiving_process()
    second = asyncio.create_task(receive_forever(Reception(primary.archive, primary.url, beat_s=0.1)))
    await asyncio.sleep(0.5)
    assert await receivers(primary) == 1
    assert first.is_running()
    await primary.stop_receiving()
    await primary.received()
    assert await receivers(primary) == 1
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    assert primary.receiver_process() is None


async def receivers(primary: Primary) -> Any:
    return await primary.connection.fetchval("SELECT count(*) FROM pg_stat_replication")


async def test_a_receiver_ends_with_its_process_killed_with_9(start: Start, work: Work) -> None:
    primary = await start()
    worker = work(primary, ArchiveLevel.RECEIVER)
    receiver = await primary.receiving_process()
    worker.kill()
    worker.wait()
    assert psutil.wait_procs([receiver], timeout=10)[1] == []
    lock = FolderLock.try_acquire(primary.archive.lock)
    assert lock is not None
    lock.close()


async def test_a_slot_holds_back_no_more_than_it_may_and_the_gap_is_told(start: Start) -> None:
    primary = await start({"max_slot_wal_keep_size": "48MB", "min_wal_size": "32MB", "max_wal_size": "32MB"})
    primary.receive()
    await primary.back_up()
    await primary.mark("before the gap")
    await primary.received()
    await primary.stop_receiving()
    for number in range(8):
        await primary.mark(f"in the gap {number}")
        await primary.connection.execute("SELECT pg_switch_wal()")
    await primary.connection.execute("CHECKPOINT")
    asked = "SELECT wal_status FROM pg_replication_slots"
    assert await primary.connection.fetchval(asked) == "lost"

    primary.receive()
    await primary.mark("behind the gap")
    await primary.received()
    done = await keep_up(primary.archive, primary.url, keep=timedelta(days=7))
    assert (done.made is not None, done.removed) == (True, ())
    await primary.mark("after the gap")
    await primary.received()
    assert await primary.connection.fetchval(asked) == "reserved"
    found = (await status(primary.archive)).reach
    assert len(found.gaps) == 1
    assert not await is_due(primary.archive)
    assert len(found.spans) == 2
    assert found.spans[0][1] < found.spans[1][0]


async def test_receiving_stops_before_the_disk_is_full(start: Start) -> None:
    primary = await start()
    task = Reception(primary.archive, primary.url, beat_s=0.1, least_free=2**62)
    receiver = asyncio.create_task(receive_forever(task))
    await until(lambda: "nearly full" in str(Heard.told_in(primary.archive)))
    assert "nearly full" in str((await status(primary.archive)).trouble)
    assert primary.receiver_process() is None
    receiver.cancel()
    await asyncio.gather(receiver, return_exceptions=True)


async def test_what_is_held_back_for_a_receiver_that_does_not_come_again_is_let_go(start: Start) -> None:
    primary = await start(level=ArchiveLevel.RECEIVER)
    await primary.receiving_process()
    await primary.stop_receiving()
    assert await stop_receiving(primary.url)
    assert not await stop_receiving(primary.url)


async def test_old_base_backups_go_with_their_log_and_no_chain_is_broken(start: Start) -> None:
    primary = await start(level=ArchiveLevel.RECEIVER)
    left = primary.archive.base / "partial-left"
    primary.archive.make()
    left.mkdir()
    made = [
        await make_base_backup(primary.archive, primary.url, is_incremental=is_incremental)
        for is_incremental in (False, False, True)
    ]
    assert not left.exists()
    await primary.connection.execute("SELECT pg_switch_wal()")
    await primary.received()
    assert await remove_old(primary.archive, keep=timedelta(days=1)) == []
    would_go = await remove_old(primary.archive, keep=timedelta(0), is_dry_run=True)
    assert would_go == made[:1]
    assert bases(primary.archive) == made
    assert await remove_old(primary.archive, keep=timedelta(0)) == made[:1]
    # The last one rests on the one before it.
    assert bases(primary.archive) == made[1:]
    state = await status(primary.archive)
    assert (state.reach.gaps, state.reach.earliest) == ((), made[1].stopped_at)


async def test_an_archive_is_of_one_server_alone(start: Start) -> None:
    primary = await start()
    primary.archive.make()
    found = await look(primary.url)
    primary.archive.claim(type(found.identity)("1", found.identity.major_version, found.identity.segment_bytes))
    with pytest.raises(PreflightFailed, match="another PostgreSQL server") as refusal:
        await primary.back_up()
    assert [check["name"] for check in refusal.value.details["checks"]] == ["archive"]


@pytest.mark.parametrize(
    ("settings", "attributes", "lacking"),
    [
        ({}, "IN ROLE pg_monitor", "account"),
        ({}, "REPLICATION", "statistics"),
        ({"wal_level": "minimal", "max_wal_senders": "0", "summarize_wal": "off"}, "REPLICATION", "wal_level"),
        ({"hba_file": "{hba}"}, "REPLICATION IN ROLE pg_monitor", "pg_hba"),
    ],
)
async def test_a_server_that_does_not_grant_it_is_refused_with_what_is_missing(
    start: Start, place: Path, *, settings: dict[str, str], attributes: str, lacking: str
) -> None:
    hba = place / "hba"
    hba.write_text("local all all scram-sha-256\n")
    hba.chmod(0o644)
    primary = await start({name: value.format(hba=hba) for name, value in settings.items()})
    await primary.connection.execute(f"CREATE ROLE operations LOGIN PASSWORD 'x' {attributes}")
    url = primary.url.replace(f"maestro:{primary.address.password}", "operations:x")
    archive = Archive.at(place / "elsewhere")
    with pytest.raises(PreflightFailed) as refusal:
        await make_base_backup(archive, url)
    assert lacking in [check["name"] for check in refusal.value.details["checks"]]
    assert os.listdir(archive.base) == []  # noqa: PTH208 - it is there, and empty


async def test_an_account_of_another_server_that_may_replicate_is_enough(start: Start, place: Path) -> None:
    primary = await start()
    await primary.connection.execute("CREATE ROLE operations LOGIN PASSWORD 'x' REPLICATION IN ROLE pg_monitor")
    url = primary.url.replace(f"maestro:{primary.address.password}", "operations:x")
    archive = Archive(place / "elsewhere", primary.archive.account)
    receiver = asyncio.create_task(receive_forever(Reception(archive, url, beat_s=0.1)))
    await make_base_backup(archive, url)
    await until(lambda: (told := Heard.told_in(archive)) and told.received_at and told.trouble is None)
    receiver.cancel()
    await asyncio.gather(receiver, return_exceptions=True)
