"""Verifying backups: what differs from the manifest by one row is found, and nothing is left of it."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest
from uuid_utils.compat import uuid7

from maestro.db.direct import name_of
from maestro.db.engine import Database
from maestro.errors import BackupRefused, VerificationFailed
from ops.backups.making import Destination, Installation, Order, make_backup
from ops.backups.manifest import Manifest, written
from ops.backups.places import file_of, manifest_of
from ops.backups.scratch import scratch_database, sweep_scratch_databases
from ops.backups.servers import connected
from ops.backups.verifying import Verification, verify_backup
from tests.ops.backups.installations import add_organization, forge


@pytest.fixture
async def manifest(db: Database, installation: Installation, destination: Destination) -> Manifest:
    for slug in ("first", "second"):
        await add_organization(db, slug)
    made = await make_backup(Order(uuid7()), installation=installation, destination=destination)
    return made.manifest


async def scratches(installation: Installation) -> list[str]:
    async with connected(installation.url, database="postgres") as connection:
        rows = await connection.fetch(
            "SELECT datname::text AS name FROM pg_database WHERE starts_with(datname, $1)",
            name_of(installation.url) + "_verify_",
        )
    return [row["name"] for row in rows]


async def verified(manifest: Manifest, installation: Installation, destination: Destination) -> Verification:
    return await verify_backup(manifest.backup_id, installation=installation, destination=destination)


async def test_a_good_backup_is_verified_down_to_its_indexes(
    manifest: Manifest, installation: Installation, destination: Destination
) -> None:
    found = await verified(manifest, installation, destination)
    assert found.has_checked_indexes
    assert found.plain["rows"] == sum(table.rows for table in manifest.tables.values())
    assert found.plain["tables"] == len(manifest.tables)
    assert found.plain["schemaRevision"] == manifest.schema_revision
    assert found.files.objects == len(manifest.files)
    assert set(found.seconds) == {"files", "restore", "compare", "indexes"}
    assert await scratches(installation) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: rows.replace(b"second", b"secund"),
        lambda rows: b"".join(line for line in rows.splitlines(keepends=True) if b"second" not in line),
    ],
    ids=["changed", "dropped"],
)
async def test_a_row_that_is_not_what_it_was_is_found_even_when_every_digest_fits(
    manifest: Manifest,
    installation: Installation,
    destination: Destination,
    *,
    change: Callable[[bytes], bytes],
) -> None:
    assert await forge(manifest, destination, change) == 1
    with pytest.raises(VerificationFailed) as raised:
        await verified(manifest, installation, destination)
    assert raised.value.details["tables"] == ["public.organization"]
    assert raised.value.details["differences"][0]["expected"].startswith("2 rows")
    assert await scratches(installation) == []


async def test_a_dump_that_cannot_be_restored_is_no_good_backup(
    manifest: Manifest, installation: Installation, destination: Destination
) -> None:
    assert await forge(manifest, destination, lambda rows: rows.replace(b"second\tsecond", b"second")) == 1
    with pytest.raises(VerificationFailed, match="cannot be restored") as raised:
        await verified(manifest, installation, destination)
    assert "second" not in str(raised.value)
    assert await scratches(installation) == []


async def test_what_the_manifest_has_and_the_dump_has_not_is_found(
    manifest: Manifest, installation: Installation, destination: Destination
) -> None:
    objects = {**manifest.details["objects"], "triggers": {"count": 1000, "sha256": "0" * 64}}
    forged = replace(
        manifest,
        schema_revision="2026_01_01_01",
        sequences={"public.gone": 7},
        details={**manifest.details, "objects": objects},
    )
    await destination.store.put_bytes(manifest_of(manifest.backup_id), written(forged, destination.keys))
    with pytest.raises(VerificationFailed) as raised:
        await verified(manifest, installation, destination)
    assert raised.value.details["tables"] == ["public.gone", "triggers", "schema revision"]


async def test_a_file_that_is_cut_off_is_refused_before_anything_is_restored(
    manifest: Manifest, installation: Installation, destination: Destination
) -> None:
    folder = destination.store.folder
    assert folder is not None
    path = folder / file_of(manifest.backup_id, "dump/toc.dat")
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(BackupRefused) as raised:
        await verified(manifest, installation, destination)
    assert raised.value.details["reason"] == "TRUNCATED"


async def test_a_cancelled_verification_drops_its_database(
    manifest: Manifest, installation: Installation, destination: Destination
) -> None:
    is_restoring = asyncio.Event()

    def progress(phase: str, *_: object, **__: object) -> None:
        if phase == "Restoring rows":
            is_restoring.set()

    verifying = asyncio.create_task(
        verify_backup(manifest.backup_id, installation=installation, destination=destination, progress=progress)
    )
    await is_restoring.wait()
    assert len(await scratches(installation)) == 1
    verifying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await verifying
    assert await scratches(installation) == []


async def test_databases_that_killed_verifications_left_behind_are_dropped_and_those_in_use_are_not(
    manifest: Manifest, installation: Installation
) -> None:
    left = name_of(installation.url) + "_verify_0123456789ab"
    async with connected(installation.url, database="postgres") as connection:
        await connection.execute(f"CREATE DATABASE {left} TEMPLATE template0")
    async with scratch_database(installation.url, manifest) as used:
        assert await scratches(installation) == [name_of(used)]
        assert await sweep_scratch_databases(installation.url) == []
        assert await scratches(installation) == [name_of(used)]
    assert await scratches(installation) == []
