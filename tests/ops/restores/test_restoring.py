"""The steps of a restore of everything, from a backup in a store to a server that works on it, and the way back."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from uuid_utils.compat import uuid7

from maestro.db import migrate
from maestro.db.direct import named
from maestro.errors import BackupRefused, NotFound, PreflightFailed, VerificationFailed
from ops.backups.manifest import TableState
from ops.restores import restoring
from ops.restores.swap import Swapped
from tests.fixtures.audit import create
from tests.fixtures.exchange import LATER, read, write
from tests.fixtures.graphql import Api
from tests.fixtures.restore_orders import CONTENT, Backups, file_of, occasion, prepared, restored

NAMES = "query { projects(sort: [{field: NAME}]) { nodes { name } } }"


async def names(api: Api) -> Sequence[str]:
    """What the running server says: its pool has lost every connection."""
    data = await api(NAMES)
    return [node["name"] for node in data["projects"]["nodes"]]


async def test_everything_is_brought_back_and_the_way_back_leads_to_what_was_there(
    api: Api, restorable: Backups
) -> None:
    place = await file_of(api, restorable)
    kept = await create(api, "kept")
    await create(api, "damaged")
    backup = await restorable.make()
    await write(restorable.cluster.url, "UPDATE project SET name = 'ruined' WHERE name = 'damaged'")
    await create(api, "of since")
    place.unlink()
    order = restorable.order(backup)

    done = await restored(order)

    assert done.unavailable_ms is not None
    assert done.unavailable_ms < 2_000
    assert await names(api) == ["damaged", "kept"]
    assert place.read_bytes() == CONTENT
    # The server goes on without a restart, also writing.
    await api("mutation ($id: ID!) { deleteProject(id: $id) { id } }", id=kept)
    assert await names(api) == ["damaged"]

    back = await restoring.roll_back(occasion(order), url=order.url, server_url=order.server_url, keep_until=LATER)

    assert await names(api) == ["kept", "of since", "ruined"]
    again = await restoring.roll_back(occasion(order), url=order.url, server_url=order.server_url, keep_until=LATER)
    assert again == Swapped(back.kept, back.at, None)
    assert await names(api) == ["kept", "of since", "ruined"]


async def test_what_cannot_be_unpacked_or_has_no_room_is_refused_before_anything_is_made(
    restorable: Backups, tmp_path: Path
) -> None:
    backup = await restorable.make()
    manifest = await restorable.order(backup).manifest()
    database = replace(manifest.database, size_bytes=10**15)
    await restorable.rewrite(backup, database=database, tools={**manifest.tools, "compression": "zstd:1"})
    order = restorable.order(backup)
    order = replace(order, installation=replace(order.installation, cluster=tmp_path))

    with pytest.raises(PreflightFailed) as refused:
        await restoring.validate(order)

    checks = {check["name"]: check for check in refused.value.details["checks"]}
    assert {name: check["isPassed"] for name, check in checks.items()} == {"programs": False, "room": False}
    assert "the dump is compressed by zstd:1" in checks["programs"]["result"]
    assert "1,100,000,000,000,000 are needed" in checks["room"]["result"]


async def test_a_dry_run_changes_nothing_and_every_step_may_be_done_again(api: Api, restorable: Backups) -> None:
    await create(api, "kept")
    order = restorable.order(await restorable.make())
    await create(api, "of since")
    before = await api.state()
    await prepared(order)

    told = await restoring.report(order)

    assert told["project"] == {"now": 2, "restored": 1}
    assert "membership" not in told
    assert await api.state() == before
    for left in ([order.shadow], []):
        assert await restoring.undo(order) == left
        assert await restorable.cluster.names() == [restorable.cluster.name]
    await prepared(order)
    await restoring.bring_up(order)
    done = await restoring.exchange(order, occasion(order), keep_until=LATER)
    assert await restoring.exchange(order, occasion(order), keep_until=LATER) == Swapped(done.kept, done.at, None)
    for _ in range(2):
        assert (await restoring.prove(order, occasion(order), keep_until=LATER))["organizations"] == 1
        assert await restoring.undo(order) == []
    assert await names(api) == ["kept"]


async def test_a_backup_of_an_earlier_revision_is_migrated_before_it_is_put_in(api: Api, restorable: Backups) -> None:
    await create(api, "kept")
    old = f"{restorable.cluster.name}_old"
    await api.runtime.events.stop()
    await restorable.cluster.connection.fetch(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1", restorable.cluster.name
    )
    url = await restorable.cluster.copy(old)
    await asyncio.to_thread(migrate.downgrade, url, migrate.history()[-2].id)
    order = restorable.order(await restorable.make(url))

    await restoring.validate(order)
    await restoring.fill(order)
    brought = await restoring.bring_up(order)

    assert brought["migrations"] == [migrate.head()]
    await restoring.exchange(order, occasion(order), keep_until=LATER)
    assert await names(api) == ["kept"]


async def test_a_backup_of_a_later_revision_is_refused_before_anything_is_done(api: Api, restorable: Backups) -> None:
    backup = await restorable.make()
    await restorable.rewrite(backup, schema_revision="2999_01_01_01")

    with pytest.raises(BackupRefused) as refused:
        await restoring.validate(restorable.order(backup))
    assert refused.value.details["reason"] == "FUTURE_VERSION"
    assert await restorable.cluster.names() == [restorable.cluster.name]


async def test_what_differs_from_the_manifest_is_not_put_in(api: Api, restorable: Backups) -> None:
    await create(api, "kept")
    backup = await restorable.make()
    tables = {**(await restorable.order(backup).manifest()).tables, "public.project": TableState(rows=2, checksum="0")}
    await restorable.rewrite(backup, tables=tables)
    order = restorable.order(backup)

    with pytest.raises(VerificationFailed) as refused:
        await restoring.fill(order)
    assert refused.value.details["tables"] == ["public.project"]
    assert await restoring.undo(order) == [order.shadow]
    assert await names(api) == ["kept"]


async def test_a_database_that_turns_out_unfit_gives_its_place_back(api: Api, restorable: Backups) -> None:
    await create(api, "kept")
    order = restorable.order(await restorable.make())
    await create(api, "of since")
    await prepared(order)
    await restoring.exchange(order, occasion(order), keep_until=LATER)
    await write(order.url, "REVOKE SELECT ON run FROM maestro_system")

    with pytest.raises(VerificationFailed, match="is in use again"):
        await restoring.prove(order, occasion(order), keep_until=LATER)

    assert await names(api) == ["kept", "of since"]
    assert "rollbackRestore" in await read(order.url, "SELECT array_agg(operation) FROM audit_entry")


async def test_a_database_that_can_no_longer_be_read_gives_its_place_back_all_the_same(
    api: Api, restorable: Backups
) -> None:
    await create(api, "kept")
    order = restorable.order(await restorable.make())
    await prepared(order)
    await restoring.exchange(order, occasion(order), keep_until=LATER)
    await write(order.url, "DROP TABLE job CASCADE")

    with pytest.raises(VerificationFailed):
        await restoring.prove(order, occasion(order), keep_until=LATER)
    assert await names(api) == ["kept"]


async def test_an_unfit_shadow_is_found_out_before_it_is_put_in(api: Api, restorable: Backups) -> None:
    order = restorable.order(await restorable.make())
    await restoring.fill(order)
    await write(order.shadow_url, "REVOKE SELECT ON run FROM maestro_system")

    with pytest.raises(VerificationFailed, match="not fit to serve"):
        await restoring.bring_up(order)


async def test_there_is_no_way_back_to_what_is_not_kept(api: Api, restorable: Backups) -> None:
    order = restorable.order(uuid7())
    with pytest.raises(NotFound, match="not kept any more"):
        await restoring.roll_back(occasion(order), url=order.url, server_url=order.server_url, keep_until=LATER)
    assert await names(api) == []


async def test_what_stands_in_the_way_of_an_exchange_is_told_before_hours_of_work(
    api: Api, restorable: Backups
) -> None:
    order = restorable.order(await restorable.make())
    await restorable.cluster.connection.execute("CREATE ROLE weak LOGIN PASSWORD 'weak'")
    url = named(
        order.url.replace(password_of(order.url), "weak").replace("://maestro:", "://weak:"), restorable.cluster.name
    )
    weak = replace(order, installation=replace(order.installation, url=url))
    try:
        with pytest.raises(PreflightFailed) as refused:
            await restoring.validate(weak)
    finally:
        await restorable.cluster.connection.execute("DROP ROLE weak")
    assert any("does not own" in check for check in refused.value.details["checks"])


def password_of(url: str) -> str:
    return url.split("://maestro:")[1].split("@", maxsplit=1)[0]
