"""Copies that are stopped, killed or made again: all of one is there, or nothing."""

import asyncio
import signal
import sys
from functools import partial
from typing import Any, Final
from uuid import uuid4

import psycopg
import pytest

from connectors.local import LocalBlobs
from maestro.db.rows import CONNECTION_LOST, StatementFailed
from ops.restores.scoped import copy_organization
from tests.fixtures.graphql import Api
from tests.fixtures.working import work
from tests.ops.restores.conftest import BackUp, Store, plain


async def test_the_same_copy_is_made_once(api: Api, back_up: BackUp, blobs: LocalBlobs) -> None:
    await work(api, blobs)
    backup, copy_id = await back_up(), uuid4()
    made, _ = await backup.bring_back(copy_id=copy_id)
    before = await api.state()
    again, _ = await backup.bring_back(copy_id=copy_id)
    assert (again.organization_id, again.was_there, made.was_there) == (made.organization_id, True, False)
    assert await api.state() == before
    another, _ = await backup.bring_back(new_slug="once-more")
    assert another.organization_id != made.organization_id


class Broken(RuntimeError):
    """What a test throws in somebody's way."""


async def test_stopped_at_any_moment_it_leaves_nothing_and_can_begin_again(
    api: Api, back_up: BackUp, blobs: LocalBlobs
) -> None:
    await work(api, blobs)
    backup = await back_up()
    wanted, before = backup.organization(), await api.state()
    left = 0

    def stop(*_: Any, **__: Any) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Broken

    for moment in (0, 20, 27, 28, 29, 30, 40, 50, 57):
        left = moment
        with pytest.raises(Broken):
            await copy_organization(backup.places, wanted, progress=stop)
        assert await api.state() == before
    left = 58
    made = await copy_organization(backup.places, wanted, progress=stop)
    assert (made.was_there, made.rows["run"], left) == (False, 2, 0)


KILLED: Final = """
import asyncio, os, signal, sys
from pathlib import Path
from uuid import UUID
from connectors.local import LocalBlobs
from ops.restores.scoped import OrganizationCopy, Places, copy_organization

def die(phase, completed=None, total=None, *, unit=None):
    if phase == sys.argv[1] and completed == total:
        os.kill(os.getpid(), signal.SIGKILL)

source, target, folder, organization, restorer, copy = sys.argv[2:]
wanted = OrganizationCopy(UUID(organization), "again", "Again", UUID(restorer), UUID(copy))
asyncio.run(copy_organization(Places(source, target, LocalBlobs(Path(folder))), wanted, progress=die))
"""


async def test_a_process_that_is_killed_leaves_nothing_and_another_begins_again(
    api: Api, back_up: BackUp, store: Store
) -> None:
    await work(api, store.blobs)
    backup = await back_up()
    wanted, before = backup.organization(), await api.state()
    ends = backup.places.source_url, backup.places.target_url, str(store.folder)
    keys = map(str, (wanted.organization_id, wanted.restorer_id, wanted.copy_id))
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", KILLED, "Comparing rows", *ends, *keys)
    assert await process.wait() == -signal.SIGKILL
    assert await api.state() == before
    made = await copy_organization(backup.places, wanted)
    assert (made.was_there, made.files.present, made.rows["run"]) == (False, 1, 2)


async def test_connections_that_are_cut_while_rows_come_leave_nothing(
    api: Api, back_up: BackUp, blobs: LocalBlobs
) -> None:
    await work(api, blobs)
    backup = await back_up()
    before = await api.state()
    for url in (backup.places.source_url, backup.places.target_url):
        with pytest.raises((*CONNECTION_LOST, StatementFailed)):
            await copy_organization(backup.places, backup.organization(), progress=partial(cut, url))
        assert await api.state() == before
    made, _ = await backup.bring_back()
    assert made.rows["run"] == 2


def cut(url: str, phase: str, *_: Any, **__: Any) -> None:
    """End what is in a transaction there once rows are being copied."""
    if phase == "Copying rows":
        with psycopg.connect(plain(url), autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND state LIKE 'idle in transaction%'"
            )


async def test_progress_goes_forward_and_ends_with_all_rows(api: Api, back_up: BackUp, blobs: LocalBlobs) -> None:
    await work(api, blobs)
    backup, told = await back_up(), []
    made = await copy_organization(
        backup.places,
        backup.organization(),
        progress=lambda phase, completed=None, total=None, *, unit=None: told.append((phase, completed, total, unit)),
    )
    assert list(dict.fromkeys(phase for phase, *_ in told)) == [
        "Counting rows",
        "Placing files",
        "Copying rows",
        "Comparing rows",
    ]
    rows = [(completed, total) for phase, completed, total, _ in told if phase == "Copying rows"]
    assert rows == sorted(rows)
    assert rows[-1] == (sum(made.rows.values()),) * 2
