"""The swap: one database takes the name of another, whole or not at all."""

import asyncio
from typing import Any

import asyncpg
import pytest

from maestro.db.direct import connected, named
from maestro.errors import NotFound, PreflightFailed
from ops.restores.databases import Note, Role, create_shadow, find
from ops.restores.fence import undo_abandoned_fence
from ops.restores.swap import Swapped, drop_kept, drop_shadow, swap
from tests.fixtures.exchange import LATER, Cluster, Refused, closed, lost, swapped, word, write


async def test_the_coming_database_takes_the_name_and_the_present_one_is_kept_closed(
    cluster: Cluster, coming: str
) -> None:
    done = await swapped(cluster, coming)

    assert await word(cluster.url) == "coming"
    assert done.unavailable_ms is not None
    assert 0 < done.unavailable_ms < 2_000
    kept = await cluster.found(done.kept)
    assert (kept.is_open, kept.note) == (False, Note(Role.KEPT, cluster.name, "restore-1", at=done.at, until=LATER))
    with pytest.raises(Refused):
        await word(named(cluster.url, done.kept))
    assert (await cluster.found()).note is None
    assert await cluster.names() == sorted([cluster.name, done.kept])


async def test_the_same_swap_is_done_once(cluster: Cluster, coming: str) -> None:
    done = await swapped(cluster, coming)

    assert await swapped(cluster, coming) == Swapped(done.kept, done.at, None)
    assert await word(cluster.url) == "coming"


async def test_a_swap_backwards_is_the_way_back(cluster: Cluster, coming: str) -> None:
    done = await swapped(cluster, coming)

    back = await swapped(cluster, done.kept, by="rollback-1")

    assert await word(cluster.url) == "present"
    assert (await cluster.found()).is_open
    assert await cluster.names() == sorted([cluster.name, back.kept])
    assert (await cluster.found(back.kept)).note == Note(Role.KEPT, cluster.name, "rollback-1", at=back.at, until=LATER)


async def test_those_who_are_connected_are_ended_and_may_come_again(cluster: Cluster, coming: str) -> None:
    async with connected(cluster.url) as client:
        await swapped(cluster, coming)

        assert await lost(client)
    assert await word(cluster.url) == "coming"


async def test_who_comes_again_and_again_keeps_nobody_from_swapping(cluster: Cluster, coming: str) -> None:
    seen: list[str] = []

    async def client() -> None:
        while True:
            try:
                seen.append(await word(cluster.url))
            except (asyncpg.PostgresError, OSError, asyncpg.InterfaceError) as error:
                seen.append(getattr(error, "sqlstate", "") or "lost")

    clients = [asyncio.create_task(client()) for _ in range(5)]
    await asyncio.sleep(0.2)
    done = await swapped(cluster, coming)
    await asyncio.sleep(0.2)
    for one in clients:
        one.cancel()
    await asyncio.wait(clients)

    assert done.unavailable_ms is not None
    assert done.unavailable_ms < 2_000
    answers = [one for one in seen if one in ("present", "coming")]
    assert answers == sorted(answers, reverse=True), "an answer of before came after one of after"
    assert set(answers) == {"present", "coming"}
    assert set(seen) - {"present", "coming"} <= {"55000", "3D000", "57P01", "08003", "08006", "lost"}


@pytest.mark.parametrize("is_last", [False, True])
async def test_what_fails_in_carrying_over_leaves_the_present_database_in_use(
    cluster: Cluster, coming: str, *, is_last: bool
) -> None:
    async def carry(present: Any, coming: Any, **given: bool) -> None:
        if given["is_last"] is is_last:
            await coming.execute("SELECT 1 / 0")

    await cluster.connection.execute(f"COMMENT ON DATABASE {cluster.name} IS 'own'")
    with pytest.raises(asyncpg.DivisionByZeroError):
        await swapped(cluster, coming, carry=carry)

    found = await cluster.found()
    assert (found.is_open, found.note, found.comment) == (True, None, "own")
    assert await word(cluster.url) == "present"
    assert (await swapped(cluster, coming)).unavailable_ms is not None
    assert await word(cluster.url) == "coming"


async def test_a_swap_that_is_cut_off_in_the_fence_leaves_the_present_database_in_use(
    cluster: Cluster, coming: str
) -> None:
    is_fenced = asyncio.Event()

    async def carry(present: Any, coming: Any, *, is_last: bool) -> None:
        if is_last:
            is_fenced.set()
            await coming.execute("SELECT pg_sleep(60)")

    task = asyncio.create_task(swapped(cluster, coming, carry=carry))
    await is_fenced.wait()
    with pytest.raises(Refused):
        await word(cluster.url)
    task.cancel()
    await asyncio.wait([task])

    assert task.cancelled()
    assert await word(cluster.url) == "present"


async def test_what_is_carried_over_last_is_what_nobody_writes_to_any_more(cluster: Cluster, coming: str) -> None:
    async def carry(present: Any, coming: Any, *, is_last: bool) -> None:
        if not is_last:
            await write(cluster.url, "UPDATE word SET word = 'written after the first pass'")
            return
        await coming.execute("UPDATE word SET word = $1", await present.fetchval("SELECT word FROM word"))

    await swapped(cluster, coming, carry=carry)

    assert await word(cluster.url) == "written after the first pass"


async def test_a_database_that_is_not_there_is_not_swapped_in(cluster: Cluster) -> None:
    with pytest.raises(NotFound):
        await swapped(cluster, "nothing")
    assert await word(cluster.url) == "present"


async def test_a_prepared_transaction_and_a_slot_are_in_the_way(cluster: Cluster, coming: str) -> None:
    async with connected(cluster.url) as client:
        settings = await client.fetchrow(
            "SELECT current_setting('max_prepared_transactions')::int > 0 AS prepares, "
            "current_setting('wal_level') = 'logical' AS replicates"
        )
    if settings.prepares:
        await write(cluster.url, "BEGIN; INSERT INTO word VALUES ('x'); PREPARE TRANSACTION 'left'")
        with pytest.raises(PreflightFailed, match="'left' is prepared"):
            await swapped(cluster, coming)
        await write(cluster.url, "ROLLBACK PREPARED 'left'")
    assert await word(cluster.url) == "present"


async def test_an_account_without_rights_is_told_all_that_it_lacks(cluster: Cluster, coming: str) -> None:
    await cluster.connection.execute("CREATE ROLE weak LOGIN PASSWORD 'weak'")
    weak = cluster.url.replace("://maestro:", "://weak:")
    password = cluster.url.split("://maestro:")[1].split("@")[0]
    try:
        with pytest.raises(PreflightFailed) as refused:
            await swap(weak.replace(password, "weak"), coming, by="restore-1", keep_until=LATER)
    finally:
        await cluster.connection.execute("DROP ROLE weak")
    checks = " ".join(refused.value.details["checks"])
    assert f"weak does not own the database {cluster.name}" in checks
    assert "may not create databases" in checks
    assert await word(cluster.url) == "present"


async def test_an_owner_who_is_no_superuser_may_swap(cluster: Cluster, coming: str) -> None:
    execute = cluster.connection.execute
    await execute("CREATE ROLE keeper LOGIN CREATEDB PASSWORD 'keeper'")
    password = cluster.url.split("://maestro:")[1].split("@")[0]
    theirs = cluster.url.replace("://maestro:", "://keeper:").replace(password, "keeper")
    try:
        for name in (cluster.name, coming):
            await execute(f"ALTER DATABASE {name} OWNER TO keeper")
            await write(named(cluster.url, name), "GRANT SELECT ON word TO keeper")
        await cluster.is_quiet(coming)
        async with connected(theirs) as client:
            done = await swap(theirs, coming, by="restore-1", keep_until=LATER)
            assert client.is_closed() or await lost(client)
        assert await word(theirs) == "coming"
        await closed(cluster, "restore-2")
        assert await undo_abandoned_fence(theirs)
        assert await drop_kept(theirs, LATER) == [done.kept]
        shadow = await create_shadow(cluster.connection, cluster.name, by="restore-3")
        assert (await cluster.found(shadow)).owner == "keeper"
        assert await drop_shadow(theirs, by="restore-3") == [shadow]
        assert await find(cluster.connection, shadow) is None
    finally:
        for name in await cluster.names():
            await execute(f"ALTER DATABASE {name} OWNER TO maestro")
            await write(named(cluster.url, name), "DROP OWNED BY keeper")
        await execute("DROP ROLE keeper")
