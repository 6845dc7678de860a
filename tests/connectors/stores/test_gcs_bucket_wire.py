"""What Google Cloud Storage is asked to do with objects and buckets that it has, and under which conditions.

The exchanges are those of the documentation of its JSON API, replayed by a small server: the servers that stand in for
the service neither refuse what it refuses, nor break off, nor look at tokens, generations and storage classes.
"""

from typing import Any

import pytest

from connectors.stores.buckets import Description, LifecycleRule, Upload
from connectors.stores.gcs.store import GcsStore
from connectors.stores.policies import AccessPolicy, Grant
from maestro.errors import Conflict, MaestroError, NotFound, StoreFailed
from maestro.vendor_errors import NotSupported
from tests.connectors.stores.contract import SHA256
from tests.fixtures.gcs_answers import DONE, Answer, ok, resource
from tests.fixtures.gcs_servers import Replay, refused

pytestmark = pytest.mark.usefixtures("at_once")


@pytest.fixture
def service(gcs_service: Replay) -> Replay:
    return gcs_service


@pytest.fixture
def store(gcs_store_replayed: GcsStore) -> GcsStore:
    return gcs_store_replayed


async def test_a_copy_of_a_large_object_takes_several_steps(service: Replay, store: GcsStore) -> None:
    service.say(
        ok(resource()),
        ok({"done": False, "rewriteToken": "t-1", "totalBytesRewritten": "100"}),
        ok({"done": False, "rewriteToken": "t-2", "totalBytesRewritten": "200"}),
        ok({"done": True, "resource": resource(name="p/c")}),
    )
    assert (await store.copy_from(store, "a", "c")).sha256 == SHA256
    copies = service.asked[1:]
    assert {one.path for one in copies} == {"/storage/v1/b/b/o/p/a/rewriteTo/b/b/o/p/c"}
    assert [one.query.get("rewriteToken") for one in copies] == [None, "t-1", "t-2"]
    assert {one.query["sourceGeneration"] for one in copies} == {"17"}
    assert [one.json for one in copies] == [{}] * 3


async def test_an_object_is_moved_to_a_storage_class_with_all_that_is_told_of_it(
    service: Replay, store: GcsStore
) -> None:
    told = resource(contentType="text/x", metadata={"sha256": SHA256, "a": "1"}, cacheControl="no-store")
    service.say(ok(told), ok({"done": True, "resource": {**told, "storageClass": "ARCHIVE"}}))
    await store.set_tier("a", "ARCHIVE")
    asked = service.asked[1]
    assert asked.path == "/storage/v1/b/b/o/p/a/rewriteTo/b/b/o/p/a"
    assert asked.json == {
        "storageClass": "ARCHIVE",
        "contentType": "text/x",
        "metadata": {"sha256": SHA256, "a": "1"},
        "cacheControl": "no-store",
    }
    assert (asked.query["sourceGeneration"], asked.query["ifGenerationMatch"]) == ("17", "17")


async def test_an_object_that_is_in_its_storage_class_or_has_none_is_not_touched(
    service: Replay, store: GcsStore
) -> None:
    service.say(ok(resource()))
    await store.set_tier("a", "STANDARD")
    with pytest.raises(NotSupported):
        await store.set_tier("a", "GLACIER")
    assert service.requests == ["GET /storage/v1/b/b/o/p/a"]


async def test_a_description_takes_out_what_it_does_not_say(service: Replay, store: GcsStore) -> None:
    service.say(ok(resource(metadata={"sha256": SHA256, "a": "1", "b": "2"})), ok(resource()))
    await store.describe("a", Description("text/x", {"b": "3"}))
    asked = service.asked[1]
    assert asked.method == "PATCH"
    assert asked.json == {"contentType": "text/x", "metadata": {"sha256": SHA256, "a": None, "b": "3"}}
    assert (asked.query["generation"], asked.query["ifMetagenerationMatch"]) == ("17", "3")


async def test_parts_are_joined_by_their_generations_and_removed_for_good(service: Replay, store: GcsStore) -> None:
    state: dict[str, Any] = {"description": {"media_type": None, "metadata": {}, "tier": "COLDLINE", "sha256": None}}
    upload = Upload("a", "u", 3, 5, state)
    start = "p/.work/uploads/u/"
    parts = [
        resource(b"", name=f"{start}begun", generation="1"),
        resource(b"one", name=f"{start}00000", generation="2"),
        resource(b"to", name=f"{start}00001", generation="3"),
    ]
    whole = resource(b"oneto", name=f"{start}joined/0-00000", generation="4")
    made = {"done": True, "resource": resource(b"oneto", storageClass="COLDLINE")}
    service.say(ok({"items": parts}), ok(whole), ok(made), ok({"items": [*parts, whole]}), DONE)
    await store.complete_upload(upload, sha256="ab")
    _, compose, rewritten, _, *removed = service.asked
    assert compose.path == f"/storage/v1/b/b/o/{start}joined/0-00000/compose"
    assert compose.json["sourceObjects"] == [
        {"name": f"{start}00000", "generation": "2"},
        {"name": f"{start}00001", "generation": "3"},
    ]
    assert rewritten.query["sourceGeneration"] == "4"
    assert rewritten.json["storageClass"] == "COLDLINE"
    assert rewritten.json["metadata"] == {"sha256": "ab", "maestro-upload": "u"}
    assert [one.method for one in removed] == ["DELETE"] * 4
    assert sorted(one.query["generation"] for one in removed) == ["1", "2", "3", "4"]
    assert removed[-1].path.endswith("/begun")


async def test_a_version_is_removed_by_its_generation(service: Replay, store: GcsStore) -> None:
    service.say(DONE)
    await store.delete_version("a", "16")
    (asked,) = service.asked
    assert (asked.method, asked.path, asked.query["generation"]) == ("DELETE", "/storage/v1/b/b/o/p/a", "16")
    with pytest.raises(NotFound):
        await store.delete_version("a", "latest")
    assert len(service.asked) == 1


async def test_a_policy_that_somebody_else_has_changed_is_not_overwritten(service: Replay, store: GcsStore) -> None:
    grant = Grant("roles/storage.objectViewer", ("allUsers",))
    service.say(refused(412, "conditionNotMet", "At least one of the pre-conditions you specified did not hold."))
    with pytest.raises(Conflict) as raised:
        await store.set_iam_policy(AccessPolicy((grant,), "CAE="))
    assert raised.value.details == {"vendorCode": "conditionNotMet", "requestId": "R-17"}
    (asked,) = service.asked
    assert (asked.method, asked.path) == ("PUT", "/storage/v1/b/b/iam")
    assert asked.json == {
        "version": 3,
        "etag": "CAE=",
        "bindings": [{"role": "roles/storage.objectViewer", "members": ["allUsers"]}],
    }


async def test_rules_are_set_on_the_bucket_as_it_was_read(service: Replay, store: GcsStore) -> None:
    service.say(ok({"metageneration": "5"}), refused(412, "conditionNotMet"))
    with pytest.raises(Conflict):
        await store.set_lifecycle([LifecycleRule("1", prefix="x/", tier="NEARLINE", tier_days=3)])
    assert service.asked[1].query["ifMetagenerationMatch"] == "5"
    rule = {
        "action": {"type": "SetStorageClass", "storageClass": "NEARLINE"},
        "condition": {"age": 3, "isLive": True, "matchesPrefix": ["p/x/"]},
    }
    assert service.asked[1].json == {"lifecycle": {"rule": [rule]}}


async def test_rules_that_ours_cannot_say_are_left_out(service: Replay, store: GcsStore) -> None:
    delete = {"type": "Delete"}
    rules = [
        {"action": delete, "condition": {"age": 1, "matchesPrefix": ["p/a/", "p/b/"]}},
        {"action": delete, "condition": {"age": 1, "isLive": False, "matchesPrefix": ["p/"]}},
        {"action": delete, "condition": {"numNewerVersions": 1, "matchesPrefix": ["p/"]}},
        {"action": delete, "condition": {"age": 1}},
        {"action": delete, "condition": {"age": 4, "matchesPrefix": ["p/c"]}},
    ]
    service.say(ok({"lifecycle": {"rule": rules}}))
    assert list(await store.lifecycle()) == [LifecycleRule("1", prefix="c", expire_days=4)]


@pytest.mark.parametrize(
    ("seen", "kind"),
    [(ok({"name": "b"}), None), (refused(403, "forbidden"), Conflict), (refused(404, "notFound"), Conflict)],
)
async def test_a_bucket_whose_name_is_taken_is_ours_or_a_conflict(
    service: Replay, store: GcsStore, *, seen: Answer, kind: type[MaestroError] | None
) -> None:
    service.say(refused(409, "conflict", "Your previous request to create the named bucket succeeded."), seen)
    if kind is None:
        await store.create_container()
    else:
        with pytest.raises(kind):
            await store.create_container()
    assert service.asked[0].query == {"project": "who-pays"}
    assert service.asked[0].json["iamConfiguration"]["publicAccessPrevention"] == "enforced"
    assert service.requests == ["POST /storage/v1/b", "GET /storage/v1/b/b"]


async def test_a_bucket_that_is_not_empty_is_told_with_the_words_of_the_service(
    service: Replay, store: GcsStore
) -> None:
    service.say(refused(409, "conflict", "The bucket you tried to delete is not empty."))
    with pytest.raises(StoreFailed, match="not empty") as raised:
        await store.delete_container()
    assert raised.value.details == {"vendorCode": "conflict", "requestId": "R-17"}
