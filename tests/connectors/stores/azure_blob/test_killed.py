"""A process that is killed while it sends a large file to a container: another one goes on with what had arrived."""

import os
from pathlib import Path

import pytest

from connectors.stores.azure_blob import AzureStore
from tests.connectors.stores.test_killed import SIZE, assert_goes_on
from tests.fixtures.azurite_server import ACCOUNT_KEY


@pytest.fixture
def random_file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(os.urandom(SIZE))
    return path


async def test_an_upload_into_a_container_outlives_its_process(store: AzureStore, random_file: Path) -> None:
    config = store.place.config
    place = {
        "account": config.account,
        "container": config.container,
        "prefix": config.prefix,
        "endpointUrl": config.endpoint_url,
        "accountKey": ACCOUNT_KEY,
    }
    await assert_goes_on(store, place, random_file)
