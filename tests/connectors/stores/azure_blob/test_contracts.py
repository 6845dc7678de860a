"""What every store, and every store with an ability, has to do: a container of azurite does it."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from connectors.stores.azure_blob import AzureConfig, AzureStore, azure_store
from tests.connectors.stores.container_contract import ContainerContract
from tests.connectors.stores.contract import MEGABYTE, StoreContract
from tests.connectors.stores.copying_contract import CopyingContract
from tests.connectors.stores.metadata_contract import MetadataContract
from tests.connectors.stores.presign_contract import PresignContract
from tests.connectors.stores.tiers_contract import TiersContract
from tests.connectors.stores.uploads_contract import UploadsContract


class TestAzureStore(StoreContract):
    # Azure takes no backslash, no control character, and no full stop at the end of a name.
    odd_names = tuple(name for name in StoreContract.odd_names if not {"\\", "\n"} & set(name))
    dotted_names = tuple(name for name in StoreContract.dotted_names if name != "...")


class TestUploads(UploadsContract):
    pass


class TestCopying(CopyingContract):
    pass


class TestCopyingInBlocks(CopyingContract):
    """Copies of more than the vendor copies in one step, which here are more than a megabyte."""

    @pytest.fixture
    async def store(self, config: AzureConfig) -> AsyncIterator[AzureStore]:
        async with azure_store(replace(config, largest_copy_bytes=MEGABYTE)) as opened:
            await opened.create_container()
            yield opened

    large = 3 * MEGABYTE + 1


class TestPresign(PresignContract):
    verifies_size = False  # nor does Azure itself


class TestTiers(TiersContract):
    first = "Hot"
    second = "Cool"


class TestMetadata(MetadataContract):
    pass


class TestContainer(ContainerContract):
    pass
