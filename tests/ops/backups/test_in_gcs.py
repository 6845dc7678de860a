"""Backups in a bucket of Google Cloud Storage, as the settings of a server lead there: made, verified, restored."""

from pathlib import Path

from uuid_utils.compat import uuid7

from connectors.stores import store_of
from connectors.stores.gcs.store import GcsStore
from maestro.db.engine import Database
from maestro.settings import Settings
from ops.backups.making import Destination, Installation, Order, discard_backup, make_backup
from ops.backups.opening import opened
from ops.backups.restoring import compare, restore_into
from ops.backups.verifying import verify_backup
from tests.fixtures.databases import Databases
from tests.fixtures.gcs_servers import key_file, replaying
from tests.ops.backups.installations import add_blob, add_organization, everything_in
from tests.ops.backups.manifests import KEYS


async def test_a_backup_in_a_bucket_is_made_verified_restored_and_removed(
    db: Database, installation: Installation, databases: Databases, *, gcs: GcsStore, tmp_path: Path
) -> None:
    await add_blob(db, installation, await add_organization(db, "one"), content=b"weights")
    async with replaying() as (tokens, address):
        tokens.say((200, {}, {"access_token": "a-token", "expires_in": 3600}))
        (tmp_path / "key.json").write_text(key_file(f"{address}/token"))
        settings = Settings(
            _env_file=None,  # type: ignore[call-arg] # a keyword of pydantic's
            backup_gcs_endpoint=gcs._service.root,
            backup_gcs_credentials_file=tmp_path / "key.json",
        )
        async with store_of(f"gs://{gcs._service.bucket}/nightly", settings) as store:
            destination, order = Destination(store, KEYS, tmp_path / "drafts"), Order(uuid7())
            made = await make_backup(order, installation=installation, destination=destination)
            verified = await verify_backup(order.backup_id, installation=installation, destination=destination)
            assert verified.files.objects == len(made.manifest.files) + 1
            async with (
                databases.new() as url,
                opened(made.manifest, store=store, keys=KEYS, folder=tmp_path / "drafts" / "opened") as source,
            ):
                await restore_into(source=source, url=url)
                comparison = await compare(manifest=made.manifest, url=url)
            assert comparison.differences == ()
            assert comparison.tables == len(made.manifest.tables)
            assert everything_in(tmp_path / "drafts") == []
            await discard_backup(order.backup_id, destination=destination)
            left = [one.key async for page in store.list("") for one in page]
    assert left == [blob.key for blob in made.manifest.blobs]
