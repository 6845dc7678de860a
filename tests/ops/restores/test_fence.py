"""The fence: who may put it up, and how it comes down whatever happens."""

import asyncio

import pytest

from maestro.db.direct import connected
from maestro.errors import Conflict, StartupError, Transient
from ops.restores import fence
from ops.restores.fence import await_open, locked, undo_abandoned_fence, watch
from tests.fixtures.exchange import Cluster, Refused, closed, swapped, word


async def test_an_abandoned_fence_is_undone_by_whoever_comes(cluster: Cluster) -> None:
    await closed(cluster, "restore-1", comment="own")
    with pytest.raises(Refused):
        await word(cluster.url)

    assert await undo_abandoned_fence(cluster.url)

    found = await cluster.found()
    assert (found.is_open, found.note, found.comment) == (True, None, "own")
    assert await word(cluster.url) == "present"
    assert not await undo_abandoned_fence(cluster.url)


async def test_an_account_that_does_not_own_the_database_is_told_what_its_owner_has_to_run(cluster: Cluster) -> None:
    await closed(cluster, "restore-1")
    password = cluster.url.split("://maestro:")[1].split("@", maxsplit=1)[0]
    weak = cluster.url.replace("://maestro:", "://weak:").replace(password, "weak")
    await cluster.connection.execute("CREATE ROLE weak LOGIN PASSWORD 'weak'")
    try:
        with pytest.raises(StartupError) as refused:
            await await_open(weak)
    finally:
        await cluster.connection.execute("DROP ROLE weak")
    assert refused.value.hint == f'Let its owner run: ALTER DATABASE "{cluster.name}" ALLOW_CONNECTIONS true;'
    assert await undo_abandoned_fence(cluster.url)


async def test_a_worker_opens_what_was_left_closed(cluster: Cluster) -> None:
    watching = asyncio.create_task(watch(cluster.url, every_s=0.05))
    await closed(cluster, "restore-1")
    async with asyncio.timeout(10):
        # Asking is the only way to learn of it.
        while not (await cluster.found()).is_open:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    watching.cancel()
    await asyncio.wait([watching])
    assert await word(cluster.url) == "present"


async def test_a_fence_is_left_alone_while_somebody_lives_behind_it(cluster: Cluster) -> None:
    await closed(cluster, "restore-1")
    async with connected(cluster.url, database="postgres") as other, locked(other, cluster.name):
        assert not await undo_abandoned_fence(cluster.url)
        assert not (await cluster.found()).is_open

        waiting = asyncio.create_task(await_open(cluster.url))
        await asyncio.sleep(0.2)
        assert not waiting.done()
    assert await waiting
    assert await word(cluster.url) == "present"


async def test_a_database_that_somebody_has_closed_for_reasons_of_their_own_stays_closed(
    cluster: Cluster, coming: str
) -> None:
    await cluster.connection.execute(f"ALTER DATABASE {cluster.name} ALLOW_CONNECTIONS false")

    assert not await undo_abandoned_fence(cluster.url)
    with pytest.raises(Conflict, match="no restore has closed it"):
        await swapped(cluster, coming)
    assert not (await cluster.found()).is_open
    await cluster.connection.execute(f"ALTER DATABASE {cluster.name} ALLOW_CONNECTIONS true")


async def test_a_swap_goes_on_behind_the_fence_that_it_has_left(cluster: Cluster, coming: str) -> None:
    await closed(cluster, "restore-1")

    await swapped(cluster, coming)

    assert await word(cluster.url) == "coming"


async def test_two_swaps_at_once_are_refused(cluster: Cluster, coming: str) -> None:
    async with connected(cluster.url, database="postgres") as other, locked(other, cluster.name):
        with pytest.raises(Conflict, match="being exchanged by somebody else"):
            await swapped(cluster, coming)
    assert await word(cluster.url) == "present"


async def test_sessions_that_do_not_end_are_waited_for_in_vain(
    monkeypatch: pytest.MonkeyPatch, cluster: Cluster, coming: str
) -> None:
    monkeypatch.setattr(fence, "ENDING_S", 0.2)
    monkeypatch.setattr(fence, "_END", "SELECT $1::text[], $2::int[]")
    async with connected(cluster.url) as client:
        with pytest.raises(Transient):
            await swapped(cluster, coming)
        assert await client.fetchval("SELECT word FROM word") == "present"
    assert (await cluster.found()).is_open
