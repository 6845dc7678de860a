"""A backup of rows in every table, restored into another database, is what was backed up."""

from dataclasses import replace

from uuid_utils.compat import uuid7

from maestro.db.engine import Database
from maestro.db.tables import Base
from ops.backups.making import Destination, Installation, Order, make_backup
from ops.backups.opening import opened
from ops.backups.places import manifest_of
from ops.backups.restoring import compare, restore_into
from ops.backups.sealing import Seal, key_pairs
from ops.backups.verifying import verify_backup
from ops.compaction import compact
from tests.fixtures.databases import Databases
from tests.fixtures.filling import fill
from tests.fixtures.graphql import Api
from tests.ops.backups.installations import add_blob, add_organization, everything_in
from tests.ops.backups.manifests import KEYS

ENDED = """
    UPDATE run SET status = 'FINISHED' WHERE id = (
        SELECT s.run_id FROM metric_series s JOIN metric_hot h ON h.series_id = s.id ORDER BY 1 LIMIT 1)"""
"""Ends one run, whose points are packed then; those of others stay rows."""


async def test_every_table_comes_back_as_it_was(
    api: Api, installation: Installation, destination: Destination, *, databases: Databases
) -> None:
    await fill(api, "zq7marker", 7_312_967_000)
    async with api.runtime.db.transaction() as tx:
        await tx.fetch_sql(ENDED)
    assert (await compact(api.runtime.db)).blocks > 0
    made = await make_backup(Order(uuid7(), "by hand"), installation=installation, destination=destination)
    manifest, store = made.manifest, destination.store
    names = {*Base.metadata.tables, "alembic_version"}
    assert {name.removeprefix("public.").strip('"') for name in manifest.tables} == names
    assert [name for name, table in manifest.tables.items() if not table.rows] == []
    async with (
        databases.new() as url,
        opened(manifest, store=store, keys=KEYS, folder=destination.drafts / "opened") as source,
    ):
        await restore_into(source=source, url=url)
        comparison = await compare(manifest=manifest, url=url)
    assert comparison.differences == ()
    assert (comparison.tables, comparison.revision) == (len(manifest.tables), manifest.schema_revision)


async def test_an_encrypted_backup_is_verified_without_leaving_a_plain_byte(
    db: Database, installation: Installation, destination: Destination
) -> None:
    organization = await add_organization(db, "zq7secret")
    await add_blob(db, installation, organization, content=b"zq7weights")
    sealed = replace(destination, seal=Seal(KEYS.current, (key_pairs(KEYS)[0].recipient,)))
    made = await make_backup(Order(uuid7()), installation=installation, destination=sealed)
    # It is opened by the keys that are there, whether or not new backups are encrypted.
    await verify_backup(made.manifest.backup_id, installation=installation, destination=destination)
    folder = destination.store.folder
    assert folder is not None
    names = everything_in(folder)
    assert [name for name in names if not name.endswith(".age")] == [manifest_of(made.manifest.backup_id)]
    # Whole words: three bytes stand in some megabyte of what is encrypted by chance.
    contents = {name: (folder / name).read_bytes() for name in names}
    assert [name for name in names if b"zq7secret" in contents[name] or b"zq7weights" in contents[name]] == []
    assert len(names) == 1 + len(made.manifest.files) + len(made.manifest.blobs)
    assert everything_in(destination.drafts) == []
