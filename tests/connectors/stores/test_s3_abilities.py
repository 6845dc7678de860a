"""What buckets can do, against ministack."""

import hashlib
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any

import pytest

from connectors.stores import read
from connectors.stores.buckets import Description, LifecycleRule
from connectors.stores.s3 import S3Config, S3Store, copying, s3_store
from connectors.stores.s3.targets import checksum
from maestro.errors import NotFound, Transient
from maestro.vendor_errors import NotSupported
from tests.connectors.stores.container_contract import ContainerContract
from tests.connectors.stores.contract import CONTENT, MEGABYTE, SHA256, keys
from tests.connectors.stores.copying_contract import CopyingContract
from tests.connectors.stores.described_contract import DescribedContract
from tests.connectors.stores.lifecycle_contract import LifecycleContract
from tests.connectors.stores.metadata_contract import MetadataContract
from tests.connectors.stores.presign_contract import MINUTES, REFUSED, PresignContract, send
from tests.connectors.stores.tiers_contract import TiersContract
from tests.connectors.stores.uploads_contract import UploadsContract
from tests.connectors.stores.versions_contract import VersionsContract, content, versions
from tests.fixtures.buckets import s3_config_of
from tests.fixtures.connected import secured_connector
from tests.fixtures.emulators import S3_KEY, S3_SECRET
from tests.fixtures.faults import Recorded, listening
from tests.fixtures.graphql import Api
from tests.schema.connector_texts import RULES, STORE, administer, refused_action


@pytest.fixture
def store(s3_bucket: S3Store) -> S3Store:
    return s3_bucket


def without_condition(params: dict[str, Any], **_: Any) -> None:
    del params["CopySourceIfMatch"]


class TestS3Uploads(UploadsContract):
    @pytest.fixture
    def again(self, s3_client: Any, s3_config: S3Config) -> S3Store:
        return S3Store(s3_client, s3_config)


class TestS3Described(DescribedContract):
    pass


class TestS3Copying(CopyingContract):
    @pytest.fixture
    async def other(self, s3_client: Any, s3_endpoint: str) -> S3Store:
        made = S3Store(s3_client, s3_config_of(s3_endpoint))
        await made.create_container()
        return made

    @pytest.fixture
    def stranger(self, s3_client: Any, s3_config: S3Config) -> S3Store:
        return S3Store(s3_client, replace(s3_config, access_key_id="AKIAOTHER"))


class TestS3CopyingInParts(TestS3Copying):
    """All of it again where nothing is small enough to be copied in one step."""

    @pytest.fixture(autouse=True)
    def small_steps(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(copying, "COPIED_AT_ONCE_BYTES", 0)
        monkeypatch.setattr(copying, "COPIED_PART_BYTES", 6 * MEGABYTE)

    @pytest.mark.parametrize("is_compared", [True, False])
    async def test_a_copy_that_fails_leaves_no_parts(
        self, store: S3Store, other: S3Store, *, is_compared: bool, request: pytest.FixtureRequest
    ) -> None:
        if not is_compared:
            # Like servers that take no notice of the condition.
            events, event = store._client.meta.events, "provide-client-params.s3.UploadPartCopy"
            events.register(event, without_condition)
            request.addfinalizer(lambda: events.unregister(event, without_condition))
        await other.put_bytes("a", bytes(7 * MEGABYTE))
        seen = await other._seen(other.target("a"))
        await other.put_bytes("a", bytes(7 * MEGABYTE + 1))
        with pytest.raises(Transient):
            await store._copy(other.target("a"), store.target("b"), seen, changes={})
        found = await store._client.list_multipart_uploads(Bucket=store.config.bucket)
        assert found.get("Uploads", []) == []
        assert await keys(store) == []

    async def test_what_is_told_of_a_large_object_is_changed_in_parts_too(self, store: S3Store) -> None:
        await store.put_bytes("a", CONTENT)
        await store.describe("a", Description("text/x-a", {"framework": "torch"}))
        await store.set_tier("a", "STANDARD_IA")
        seen = await store.head("a")
        assert (seen.media_type, dict(seen.metadata), seen.tier) == (
            "text/x-a",
            {"framework": "torch"},
            "STANDARD_IA",
        )
        assert (seen.sha256, await read(store, "a")) == (SHA256, CONTENT)


class TestS3Versions(VersionsContract):
    async def test_a_deletion_has_no_bytes(self, kept: S3Store) -> None:
        await kept.delete(["a/x"])
        deletion = (await versions(kept))[0]
        with pytest.raises(NotFound):
            await content(kept, deletion)

    async def test_what_else_lies_in_the_bucket_has_no_versions_here(self, kept: S3Store) -> None:
        await kept._client.put_object(Bucket=kept.config.bucket, Key="other", Body=b"")
        await kept._client.put_object(Bucket=kept.config.bucket, Key="maestro/backups/a/", Body=b"")
        assert {one.key for one in await versions(kept)} == {"a/x"}


class TestS3Presign(PresignContract):
    async def test_bytes_of_another_digest_are_not_stored(self, store: S3Store) -> None:
        signed = await store.presign_put("a", MINUTES, sha256=SHA256)
        assert (await send(signed, CONTENT[::-1])).status_code in REFUSED
        assert await keys(store) == []
        assert (await send(signed, CONTENT)).is_success
        assert await read(store, "a") == CONTENT


class TestS3Lifecycle(LifecycleContract):
    rules = (
        LifecycleRule("drafts", "drafts/", expire_days=7, abort_uploads_days=2),
        LifecycleRule("old", expire_noncurrent_days=90, tier="GLACIER_IR", tier_days=60),
        LifecycleRule("off", "é/", expire_days=1, is_enabled=False),
    )
    impossible = (
        LifecycleRule("nothing"),
        LifecycleRule("", expire_days=1),
        LifecycleRule("zero", expire_days=0),
        LifecycleRule("no days", tier="GLACIER"),
        LifecycleRule("no tier", tier="COLDER", tier_days=1),
        LifecycleRule("back", tier="STANDARD", tier_days=90),
        LifecycleRule("too soon", tier="STANDARD_IA", tier_days=29),
    )

    async def test_rules_for_other_objects_of_the_bucket_are_left_alone(self, store: S3Store) -> None:
        beyond = {"ID": "all", "Filter": {"Prefix": "logs/"}, "Status": "Enabled", "Expiration": {"Days": 3}}
        tagged = {**beyond, "ID": "t", "Filter": {"Tag": {"Key": "a", "Value": "b"}}}
        bucket = {"Bucket": store.config.bucket}
        await store._client.put_bucket_lifecycle_configuration(
            **bucket, LifecycleConfiguration={"Rules": [beyond, tagged]}
        )
        assert list(await store.lifecycle()) == []
        await store.set_lifecycle(self.rules[:1])
        assert list(await store.lifecycle()) == list(self.rules[:1])
        await store.set_lifecycle([])
        found = await store._client.get_bucket_lifecycle_configuration(**bucket)
        assert sorted(rule["ID"] for rule in found["Rules"]) == ["all", "t"]

    async def test_a_rule_that_more_than_a_prefix_chooses_is_left_out(self, store: S3Store) -> None:
        chosen = {"And": {"Prefix": "maestro/backups/a", "Tags": [{"Key": "a", "Value": "b"}]}}
        rule = {"ID": "t", "Filter": chosen, "Status": "Enabled", "Expiration": {"Days": 3}}
        await store._client.put_bucket_lifecycle_configuration(
            Bucket=store.config.bucket, LifecycleConfiguration={"Rules": [rule]}
        )
        assert list(await store.lifecycle()) == []


class TestS3Tiers(TiersContract):
    first = "STANDARD"
    second = "STANDARD_IA"

    async def test_a_server_that_has_not_the_tier_is_told(self, s3_config: S3Config) -> None:
        """What Ceph 16.2 has answered that has one storage class."""
        head = 'HTTP/1.1 200 OK\nETag: "9dd4e461268c8034f5c8564e155c67a6"\nContent-Length: 1\n'
        head += "Last-Modified: Sun, 29 Nov 2026 10:43:01 GMT\nContent-Type: binary/octet-stream\n\n"
        body = "<Error><Code>InvalidArgument</Code><RequestId>tx1</RequestId></Error>"
        refused = f"HTTP/1.1 400 Bad Request\nContent-Length: {len(body)}\nContent-Type: application/xml\n\n{body}"
        async with (
            listening(Recorded(head, refused)) as address,
            s3_store(replace(s3_config, endpoint_url=address)) as store,
        ):
            with pytest.raises(NotSupported, match="STANDARD_IA"):
                await store.set_tier("a", "STANDARD_IA")


class TestS3Metadata(MetadataContract):
    async def test_headers_that_are_not_described_stay(self, store: S3Store) -> None:
        target = store.target("a")
        await store._client.put_object(
            **target.names, Body=CONTENT, CacheControl="no-store", ContentLanguage="de", StorageClass="STANDARD_IA"
        )
        await store.describe("a", Description("text/x-a"))
        seen = await store._seen(target)
        assert (seen["CacheControl"], seen["ContentLanguage"]) == ("no-store", "de")
        assert (seen["StorageClass"], seen["ContentType"]) == ("STANDARD_IA", "text/x-a")

    async def test_a_head_tells_all_that_is_known(self, store: S3Store) -> None:
        await store._client.put_object(
            **store.target("a").names,
            Body=CONTENT,
            ContentType="text/x-a",
            ChecksumSHA256=checksum(bytes.fromhex(SHA256)),
            StorageClass="STANDARD_IA",
            Metadata={"framework": "torch"},
        )
        seen = await store.head("a")
        md5 = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()
        assert (seen.sha256, seen.md5, seen.etag) == (SHA256, md5, md5)
        assert (seen.tier, seen.media_type, dict(seen.metadata)) == ("STANDARD_IA", "text/x-a", {"framework": "torch"})
        ((listed,),) = [page async for page in store.list()]
        assert (listed.etag, listed.tier, listed.size) == (md5, "STANDARD_IA", 7000)
        assert abs(listed.modified_at - seen.modified_at) < timedelta(seconds=1)

    async def test_what_others_call_a_digest_is_none(self, store: S3Store) -> None:
        await store._client.put_object(**store.target("a").names, Body=b"x", Metadata={"sha256": "MD5:abc"})
        assert (await store.head("a")).sha256 is None


class TestS3Container(ContainerContract):
    @pytest.fixture
    def missing(self, s3_client: Any, s3_config: S3Config) -> S3Store:
        return S3Store(s3_client, s3_config)

    async def test_a_bucket_without_a_region_is_in_the_first_one(self, s3_config: S3Config) -> None:
        async with s3_store(replace(s3_config, region=None)) as store:
            await store.create_container()
            found = await store._client.get_bucket_location(Bucket=s3_config.bucket)
            assert found["LocationConstraint"] is None
            await store.delete_container()


async def test_a_part_that_was_changed_on_its_way_is_refused(store: S3Store) -> None:
    upload = await store.begin_upload("a", 7000)
    with pytest.raises(Transient):
        await store._send(upload, 0, CONTENT[::-1], sha256=SHA256)
    assert list(await store.parts(upload)) == []


async def test_an_upload_that_is_gone_is_not_taken_for_another_one_of_its_key(store: S3Store) -> None:
    upload = await store.begin_upload("a", 7000)
    await store.put_part(upload, 0, CONTENT)
    await store.abort_upload(upload)
    await store.put_bytes("a", CONTENT)
    with pytest.raises(NotFound):
        await store.complete_upload(upload)


async def test_what_an_upload_keeps_holds_no_secret(store: S3Store) -> None:
    upload = await store.begin_upload("a", 7000)
    assert S3_SECRET not in repr(asdict(upload))


async def test_a_bucket_is_administered_by_graphql(api: Api, store: S3Store, s3_config: S3Config) -> None:
    place = {"bucket": s3_config.bucket, "prefix": "shop/", "endpointUrl": s3_config.endpoint_url, "isPathStyle": True}
    secret = {"s3": {"accessKeyId": S3_KEY, "secretAccessKey": S3_SECRET}}
    made = await secured_connector(api, {"s3": {**place, "region": "eu-central-1"}}, secret)
    await store._client.put_object(Bucket=s3_config.bucket, Key="shop/a", Body=b"hello")
    await administer(api, made, setObjectMetadata={"key": "a", "metadata": {"of": "shop"}, "mediaType": "text/csv"})
    await administer(api, made, setObjectTier={"key": "a", "tier": "STANDARD_IA"})
    await administer(api, made, setVersioning={"isEnabled": True})
    found = (await api(STORE, id=made, key="a"))["connector"]
    told = {"key": "a", "sizeBytes": 5, "tier": "STANDARD_IA", "mediaType": "text/csv", "metadata": {"of": "shop"}}
    assert found["object"] == told
    assert found["container"]["tiers"][0] == "STANDARD"
    assert (found["container"]["exists"], found["container"]["isVersioned"]) == (True, True)
    rule = {"name": "old", "prefix": "logs/", "expireDays": 30, "tier": "GLACIER", "tierDays": 7}
    await administer(api, made, setLifecycleRules={"rules": [rule]})
    (kept,) = (await api(RULES, id=made))["connector"]["lifecycleRules"]
    assert {name: kept[name] for name in rule} == rule
    assert (kept["expireNoncurrentDays"], kept["isEnabled"]) == (None, True)
    wrong = {"rules": [{"name": "no", "tier": "NONE", "tierDays": 1}]}
    assert (await refused_action(api, made, setLifecycleRules=wrong))["code"] == "NOT_SUPPORTED"
    assert (await api(RULES, id=made))["connector"]["lifecycleRules"] == [kept]
    assert (await refused_action(api, made, setObjectTier={"key": "none", "tier": "GLACIER"}))["code"] == "NOT_FOUND"
    assert (await refused_action(api, made, deleteContainer={"name": s3_config.bucket}))["code"] == "STORE_FAILED"
