"""Backups that lie in a container of Azure, as the settings of a server name it: made, verified, restored, removed."""

from pathlib import Path

from pydantic import SecretStr
from uuid_utils.compat import uuid7

from connectors.stores import store_of
from connectors.stores.azure_blob import azure_store
from maestro.db.engine import Database
from maestro.settings import Settings
from ops.backups.making import Destination, Installation, Order, discard_backup, make_backup
from ops.backups.opening import opened
from ops.backups.restoring import compare, restore_into
from ops.backups.verifying import verify_backup
from tests.connectors.stores.azure_blob.opened import config_of
from tests.fixtures.azurite_server import ACCOUNT, Azurite
from tests.fixtures.databases import Databases
from tests.ops.backups.installations import add_blob, add_organization, everything_in
from tests.ops.backups.manifests import KEYS


async def test_a_backup_in_azure_is_made_verified_restored_and_removed(
    db: Database, installation: Installation, azurite: Azurite, *, databases: Databases, tmp_path: Path
) -> None:
    await add_blob(db, installation, await add_organization(db, "one"), content=b"weights")
    config = config_of(azurite.address)
    settings = Settings(
        _env_file=None,  # type: ignore[call-arg] # a keyword of pydantic's
        backup_store=f"az://{ACCOUNT}/{config.container}/maestro/backups",
        backup_azure_endpoint=azurite.address,
        backup_azure_sas_token=SecretStr(azurite.signature("rcwdl")),
    )
    async with azure_store(config) as owned:
        await owned.create_container()
    async with store_of(str(settings.backup_store), settings) as store:
        assert str(store) == f"{settings.backup_store}/"
        destination, order = Destination(store, KEYS, tmp_path / "drafts"), Order(uuid7())
        made = await make_backup(order, installation=installation, destination=destination)
        verified = await verify_backup(order.backup_id, installation=installation, destination=destination)
        assert verified.files.objects == len(made.manifest.files) + 1
        assert everything_in(tmp_path / "drafts") == []
        async with (
            databases.new() as url,
            opened(made.manifest, store=store, keys=KEYS, folder=tmp_path / "opened") as source,
        ):
            await restore_into(source=source, url=url)
            assert (await compare(manifest=made.manifest, url=url)).differences == ()
        await discard_backup(order.backup_id, destination=destination)
        left = [one.key async for page in store.list("") for one in page]
    assert left == [blob.key for blob in made.manifest.blobs]
