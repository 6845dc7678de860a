"""Backups that lie in a bucket: made in a folder of drafts, of which nothing stays, and read from there again."""

from pathlib import Path

from uuid_utils.compat import uuid7

from connectors.stores.s3 import s3_store
from maestro.db.engine import Database
from ops.backups.making import Destination, Installation, Order, discard_backup, make_backup
from ops.backups.verifying import verify_backup
from tests.fixtures.buckets import s3_config_of
from tests.ops.backups.installations import add_blob, add_organization, everything_in
from tests.ops.backups.manifests import KEYS


async def test_a_backup_in_a_bucket_is_made_verified_and_removed(
    db: Database, installation: Installation, s3_endpoint: str, *, tmp_path: Path
) -> None:
    await add_blob(db, installation, await add_organization(db, "one"), content=b"weights")
    config = s3_config_of(s3_endpoint)
    async with s3_store(config) as store:
        where = {"LocationConstraint": config.region}
        await store._client.create_bucket(Bucket=config.bucket, CreateBucketConfiguration=where)
        destination, order = Destination(store, KEYS, tmp_path / "drafts"), Order(uuid7())
        made = await make_backup(order, installation=installation, destination=destination)
        verified = await verify_backup(order.backup_id, installation=installation, destination=destination)
        assert verified.files.objects == len(made.manifest.files) + 1
        assert everything_in(tmp_path / "drafts") == []
        await discard_backup(order.backup_id, destination=destination)
        left = [one.key async for page in store.list("") for one in page]
    assert left == [blob.key for blob in made.manifest.blobs]
