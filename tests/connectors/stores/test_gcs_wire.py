"""Bytes on the wire to Google Cloud Storage, and what its refusals are taken for.

The exchanges are those of the documentation of its JSON API, replayed by a small server: the servers that stand in for
the service neither refuse what it refuses, nor break off, nor look at tokens, generations and storage classes.
"""

import gzip
import hashlib
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import google_crc32c
import pytest

from connectors.stores import probe, read
from connectors.stores.gcs.store import GcsStore, gcs_store
from maestro.errors import Forbidden, MaestroError, NotFound, StoreFailed, Transient
from maestro.vendor_errors import NotSupported
from tests.connectors.stores.contract import CONTENT, MEGABYTE, SHA256
from tests.fixtures.emulators import free_port
from tests.fixtures.gcs_answers import DONE, Answer, ok, resource
from tests.fixtures.gcs_servers import Replay, refused

PIECE = 8 * MEGABYTE
pytestmark = pytest.mark.usefixtures("at_once")


@pytest.fixture
def service(gcs_service: Replay) -> Replay:
    return gcs_service


@pytest.fixture
def store(gcs_store_replayed: GcsStore) -> GcsStore:
    return gcs_store_replayed


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (refused(403, "forbidden"), Forbidden, "forbidden"),
        (refused(401, "authError"), Forbidden, "authError"),
        (refused(404, "notFound"), NotFound, "notFound"),
        (refused(400, "invalid", "Provided MD5 hash does not match calculated MD5 hash"), Transient, "invalid"),
        (refused(400, "required", "Bucket is a requester pays bucket"), StoreFailed, "required"),
        (refused(403, "userRateLimitExceeded"), Transient, "userRateLimitExceeded"),
        (refused(412, "conditionNotMet"), Transient, "conditionNotMet"),
        (refused(429, "rateLimitExceeded"), Transient, "rateLimitExceeded"),
        (refused(501, "notImplemented"), NotSupported, "notImplemented"),
        (
            (400, {"x-guploader-uploadid": "R-17"}, b"<Error><Code>EntityTooLarge</Code></Error>"),
            StoreFailed,
            "EntityTooLarge",
        ),
        ((409, {"x-guploader-uploadid": "R-17"}, b"what?"), StoreFailed, "409"),
    ],
)
async def test_what_the_service_answers_is_told_in_our_words_with_its_own(
    service: Replay, store: GcsStore, *, answer: Answer, kind: type[MaestroError], code: str
) -> None:
    service.say(answer)
    with pytest.raises(kind) as raised:
        await store.put_bytes("a", b"x")
    assert type(raised.value) is kind
    assert raised.value.details == {"vendorCode": code, "requestId": "R-17"}


async def test_a_bucket_that_is_not_there_is_told_by_the_probe(service: Replay, store: GcsStore) -> None:
    service.say(refused(404, "notFound", "The specified bucket does not exist."))
    (step,) = await probe(store)
    assert isinstance(step.error, NotFound)
    assert step.error.message == "There is no such bucket."


async def test_a_busy_service_is_asked_again(service: Replay, store: GcsStore) -> None:
    service.say(refused(503, "backendError"), None, ok(resource()))
    assert (await store.head("a")).size == 7000
    assert service.requests == ["GET /storage/v1/b/b/o/p/a"] * 3


async def test_a_service_that_stays_busy_is_told_to_be(service: Replay, store: GcsStore) -> None:
    service.say(refused(503, "backendError"))
    with pytest.raises(Transient) as raised:
        await store.head("a")
    assert raised.value.details["vendorCode"] == "backendError"
    assert len(service.asked) == 3


async def test_a_server_that_is_not_there_may_be_there_later(store: GcsStore) -> None:
    config = replace(store._service.config, endpoint_url=f"http://127.0.0.1:{free_port()}", tries=1)
    async with gcs_store(config) as failing:
        with pytest.raises(Transient) as raised:
            await failing.head("a")
    assert raised.value.details == {"vendorCode": "ClientConnectorError"}


async def test_bytes_go_with_their_digests_and_who_pays(service: Replay, store: GcsStore) -> None:
    service.say(ok(resource()))
    made = await store.put_bytes("a", CONTENT)
    (asked,) = service.asked
    assert (asked.method, asked.path) == ("POST", "/upload/storage/v1/b/b/o")
    assert asked.query == {"uploadType": "multipart", "userProject": "who-pays"}
    for text in (resource()["md5Hash"], resource()["crc32c"], SHA256, '"name": "p/a"'):
        assert text.encode() in asked.body
    assert b'"md5Hash": ' in asked.body
    assert "authorization" not in asked.headers
    assert (made.sha256, made.version_id, made.tier) == (SHA256, "17", "STANDARD")
    assert made.crc32c == google_crc32c.Checksum(CONTENT).hexdigest().decode()  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("changes", [{"md5Hash": "AAAA"}, {"crc32c": "AAAAAA=="}, {"size": "6999"}])
async def test_what_has_arrived_otherwise_is_noticed(service: Replay, store: GcsStore, changes: Any) -> None:
    service.say(ok(resource(**changes)))
    with pytest.raises(Transient, match="is not what was sent"):
        await store.put_bytes("a", CONTENT)


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "large"
    path.write_bytes(os.urandom(PIECE + 1000))
    return path


async def test_a_large_file_goes_on_where_it_has_arrived(service: Replay, store: GcsStore, large: Path) -> None:
    content = large.read_bytes()  # noqa: ASYNC240 -- a test of its own
    session = f"{store._service.root}/session?upload_id=1"
    service.say(
        ok({}, location=session),
        refused(503, "backendError"),
        (308, {"range": f"bytes=0-{4 * MEGABYTE - 1}"}, b""),
        (308, {"range": f"bytes=0-{PIECE - 1}"}, b""),
        None,
        ok(resource(content)),
    )
    made = await store.put_file("a", large)
    begun, first, asking, rest, last, ended = service.asked
    assert begun.query == {"uploadType": "resumable", "name": "p/a", "userProject": "who-pays"}
    assert begun.json["metadata"] == {"sha256": made.sha256}
    assert begun.headers["x-upload-content-length"] == str(PIECE + 1000)
    size = PIECE + 1000
    assert [one.headers["content-range"] for one in (first, asking, rest, last, ended)] == [
        f"bytes 0-{PIECE - 1}/{size}",
        f"bytes */{size}",
        f"bytes {4 * MEGABYTE}-{PIECE - 1}/{size}",
        f"bytes {PIECE}-{size - 1}/{size}",
        f"bytes */{size}",
    ]
    assert first.body == content[:PIECE]
    assert rest.body == content[4 * MEGABYTE : PIECE]
    assert last.body == content[PIECE:]
    told = resource(content)
    assert last.headers["x-goog-hash"] == f"crc32c={told['crc32c']},md5={told['md5Hash']}"
    assert "x-goog-hash" not in first.headers
    assert (made.size, made.sha256) == (size, hashlib.sha256(content).hexdigest())


async def test_a_large_file_that_was_damaged_is_not_left_there(service: Replay, store: GcsStore, large: Path) -> None:
    session = f"{store._service.root}/session"
    size = PIECE + 1000
    damaged = resource(b"x" * size)
    service.say(ok({}, location=session), (308, {"range": f"bytes=0-{PIECE - 1}"}, b""), ok(damaged), DONE)
    with pytest.raises(Transient, match="is not what was sent"):
        await store.put_file("a", large)
    assert service.requests[-1] == "DELETE /storage/v1/b/b/o/p/a"
    assert service.asked[-1].query["generation"] == "17"


async def test_a_large_file_is_given_up_when_the_service_has_forgotten_it(
    service: Replay, store: GcsStore, large: Path
) -> None:
    session = f"{store._service.root}/session"
    service.say(ok({}, location=session), refused(410, "gone"))
    with pytest.raises(Transient, match="forgotten"):
        await store.put_file("a", large)
    assert service.requests[-1] == "DELETE /session"


async def test_what_breaks_off_is_gone_on_with_in_the_same_generation(service: Replay, store: GcsStore) -> None:
    head = {"content-length": "7000", "x-goog-generation": "17"}
    rest = CONTENT[3000:]
    service.say((200, head, CONTENT[:3000]), (206, {"x-goog-generation": "17"}, rest))
    assert await read(store, "a", limit=8000) == CONTENT
    first, *_, last = service.asked
    assert first.query == {"alt": "media", "userProject": "who-pays"}
    assert (last.query["generation"], last.headers["range"]) == ("17", "bytes=3000-8000")


async def test_nothing_is_read_of_another_generation(service: Replay, store: GcsStore) -> None:
    head = {"content-length": "7000", "x-goog-generation": "17"}
    service.say((200, head, CONTENT[:3000]), refused(404, "notFound"))
    with pytest.raises(Transient, match="taken the place"):
        await read(store, "a")


async def test_what_is_stored_packed_is_read_as_it_is_stored(service: Replay, store: GcsStore) -> None:
    packed = gzip.compress(CONTENT)
    service.say((200, {"content-encoding": "gzip", "x-goog-generation": "17"}, packed))
    assert await read(store, "a") == packed
    assert service.asked[0].headers["accept-encoding"] == "gzip"


async def test_a_list_goes_on_by_one_request(service: Replay, store: GcsStore) -> None:
    service.say(ok({"items": [resource(name="p/a/b"), resource(name="p/a/c"), resource(name="p/a/d")]}))
    assert [[one.key for one in page] async for page in store.list("a/", after="a/b", page=2)] == [["a/c", "a/d"]]
    (asked,) = service.asked
    told = {name: asked.query[name] for name in ("prefix", "startOffset", "maxResults")}
    assert told == {"prefix": "p/a/", "startOffset": "p/a/b", "maxResults": "3"}


async def test_a_page_is_never_too_large_where_the_key_is_gone_after_which_it_goes_on(
    service: Replay, store: GcsStore
) -> None:
    service.say(ok({"items": [resource(name="p/a/c"), resource(name="p/a/d"), resource(name="p/a/e")]}))
    pages = [[one.key for one in page] async for page in store.list("a/", after="a/b", page=2)]
    assert pages == [["a/c", "a/d"], ["a/e"]]
