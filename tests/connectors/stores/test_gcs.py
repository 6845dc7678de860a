"""What every store has to do, tried with Google Cloud Storage on the server that can do it; see `gcs_servers.py`."""

from collections.abc import AsyncIterator

import pytest

from connectors.stores.buckets import LifecycleRule
from connectors.stores.gcs.store import GcsStore, gcs_store
from tests.connectors.stores.container_contract import ContainerContract
from tests.connectors.stores.contract import StoreContract
from tests.connectors.stores.copying_contract import CopyingContract
from tests.connectors.stores.lifecycle_contract import LifecycleContract
from tests.connectors.stores.metadata_contract import MetadataContract
from tests.connectors.stores.presign_contract import PresignContract
from tests.connectors.stores.tiers_contract import TiersContract
from tests.connectors.stores.uploads_contract import UploadsContract
from tests.connectors.stores.versions_contract import VersionsContract
from tests.fixtures.gcs_stores import another_bucket

NO_TIERS = "neither server moves objects to other storage classes when they are rewritten; see test_gcs_bucket_wire.py"


@pytest.fixture
def store(gcs: GcsStore) -> GcsStore:
    return gcs


class TestGcsStore(StoreContract):
    pass


class TestGcsUploads(UploadsContract):
    @pytest.fixture
    async def again(self, store: GcsStore) -> AsyncIterator[GcsStore]:
        async with gcs_store(store._service.config) as opened:
            yield opened


class TestGcsCopying(CopyingContract):
    @pytest.fixture
    async def other(self, store: GcsStore) -> GcsStore:
        made = another_bucket(store)
        await made.create_container()
        return made


class TestGcsVersions(VersionsContract):
    keeps_deletions = False

    async def test_a_version_is_removed_for_good(self, kept: object) -> None:  # noqa: ARG002 -- the contract's
        pytest.skip("fake-gcs-server does not look at the generation when it deletes; see test_gcs_bucket_wire.py")


class TestGcsContainer(ContainerContract):
    @pytest.fixture
    def missing(self, gcs_missing: GcsStore) -> GcsStore:
        return gcs_missing


class TestGcsLifecycle(LifecycleContract):
    # The service gives rules no names, so they are numbered.
    rules = (
        LifecycleRule("1", expire_days=30, expire_noncurrent_days=7, abort_uploads_days=2),
        LifecycleRule("2", prefix="models/", tier="COLDLINE", tier_days=90),
        LifecycleRule("3", prefix="logs/a b/", expire_days=1),
    )
    impossible = (
        LifecycleRule("4", expire_days=1, is_enabled=False),
        LifecycleRule("4", tier="GLACIER", tier_days=1),
        LifecycleRule("4", tier="ARCHIVE"),
        LifecycleRule("4", prefix="x"),
    )

    @pytest.fixture
    def store(self, strict_gcs: GcsStore) -> GcsStore:
        return strict_gcs


class TestGcsTiers(TiersContract):
    first, second = "STANDARD", "NEARLINE"

    async def test_an_object_is_moved_to_a_tier_and_stays_what_it_is(self, store: object) -> None:  # noqa: ARG002 -- the contract's
        pytest.skip(NO_TIERS)

    async def test_what_is_told_of_an_object_stays_with_it(self, store: object) -> None:  # noqa: ARG002 -- the contract's
        pytest.skip(NO_TIERS)

    async def test_an_upload_may_lead_to_a_tier(self, store: object) -> None:  # noqa: ARG002 -- the contract's
        pytest.skip(NO_TIERS)


class TestGcsMetadata(MetadataContract):
    @pytest.fixture
    def store(self, strict_gcs: GcsStore) -> GcsStore:
        return strict_gcs


class TestGcsPresigning(PresignContract):
    # Neither server that stands in for the vendor looks at any of it; test_gcs_signing.py verifies signatures itself.
    verifies_signatures = False
    verifies_expiry = False
    verifies_size = False
    # The headers by which a PUT creates only are verified in `test_gcs_signing.py`.
    refuses_replacement = False

    @pytest.fixture
    async def store(self, signing_session: GcsStore) -> GcsStore:
        made = another_bucket(signing_session)
        await made.create_container()
        return made

    async def test_a_browser_is_told_the_name_and_the_media_type(self, store: object) -> None:  # noqa: ARG002 -- the contract's
        pytest.skip("fake-gcs-server does not look at response-content-disposition; see test_gcs_signing.py")
