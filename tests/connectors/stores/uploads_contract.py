"""What every store that takes objects in parts has to do."""

import asyncio
import hashlib
import json
from dataclasses import asdict
from typing import Any, Protocol

import pytest

from connectors.stores.buckets import Ability, Description, HasAbilities, Upload, Uploads
from connectors.stores.capability import ObjectStore
from connectors.stores.transfers import read
from maestro.errors import InvalidInput, NotFound, StoreFailed
from tests.connectors.stores.contract import MEGABYTE, keys

KEY = "models/a b+ä/weights"


class UploadStore(ObjectStore, Uploads, HasAbilities, Protocol):
    """A store that objects are put into in parts."""


def part_of(upload: Upload, number: int) -> bytes:
    """Bytes that differ from part to part, and within each."""
    size = upload.size_of(number)
    return (b"%08d" % number + bytes(range(256)) * (size // 256 + 1))[:size]


def whole(upload: Upload) -> bytes:
    return b"".join(part_of(upload, number) for number in range(upload.count))


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


async def send(store: Uploads, upload: Upload, *numbers: int) -> None:
    await asyncio.gather(*(store.put_part(upload, number, part_of(upload, number)) for number in numbers))


class UploadsContract:
    """Subclassed with a fixture `store` of an empty store, and `again`, the same store opened a second time.

    `size` is that of an object that has at least three parts, the last of which is smaller.
    """

    size = 20 * MEGABYTE + 1

    @pytest.fixture
    async def upload(self, store: UploadStore) -> Upload:
        upload = await store.begin_upload(KEY, self.size)
        assert upload.count >= 3
        return upload

    async def test_nothing_is_to_be_seen_until_an_upload_is_completed(self, store: UploadStore, upload: Upload) -> None:
        await send(store, upload, *range(upload.count))
        assert await keys(store) == []
        with pytest.raises(NotFound):
            await store.head(KEY)
        made = await store.complete_upload(upload, sha256=digest(whole(upload)))
        assert (made.key, made.size, made.sha256) == (KEY, self.size, digest(whole(upload)))
        assert await keys(store) == [KEY]
        seen = await store.head(KEY)
        assert seen.size == self.size
        assert seen.sha256 in (None, made.sha256)
        assert await read(store, KEY) == whole(upload)

    async def test_parts_arrive_in_any_order(self, store: UploadStore, upload: Upload) -> None:
        for number in reversed(range(upload.count)):
            part = await store.put_part(upload, number, part_of(upload, number))
            assert (part.number, part.size) == (number, upload.size_of(number))
        await store.complete_upload(upload)
        assert await read(store, KEY) == whole(upload)

    async def test_what_has_arrived_is_told_in_order(self, store: UploadStore, upload: Upload) -> None:
        last = upload.count - 1
        sent = [await store.put_part(upload, number, part_of(upload, number)) for number in (last, 0)]
        arrived = await store.parts(upload)
        assert [(part.number, part.size) for part in arrived] == [(0, upload.part_size), (last, upload.size_of(last))]
        assert {part.tag for part in arrived} == {part.tag for part in sent}

    async def test_a_part_takes_the_place_of_the_one_before(self, store: UploadStore, upload: Upload) -> None:
        await store.put_part(upload, 0, bytes(upload.part_size))
        await send(store, upload, *range(upload.count))
        assert len(await store.parts(upload)) == upload.count
        await store.complete_upload(upload)
        assert await read(store, KEY) == whole(upload)

    async def test_an_upload_goes_on_in_another_life(
        self, store: UploadStore, again: UploadStore, upload: Upload
    ) -> None:
        await send(store, upload, 1)
        resumed = Upload(**json.loads(json.dumps(asdict(upload))))
        assert resumed == upload
        assert [part.number for part in await again.parts(resumed)] == [1]
        await send(again, resumed, 0, *range(2, resumed.count))
        made = await again.complete_upload(resumed, sha256=digest(whole(upload)))
        assert made.size == self.size
        assert await read(store, KEY) == whole(upload)

    async def test_to_complete_twice_is_no_error(self, store: UploadStore, again: UploadStore, upload: Upload) -> None:
        await send(store, upload, *range(upload.count))
        first = await store.complete_upload(upload, sha256=digest(whole(upload)))
        second = await again.complete_upload(upload, sha256=digest(whole(upload)))
        assert (second.key, second.size, second.sha256) == (first.key, first.size, first.sha256)
        assert await read(store, KEY) == whole(upload)

    async def test_an_upload_without_all_its_parts_is_not_completed(self, store: UploadStore, upload: Upload) -> None:
        await store.put_bytes(KEY, b"before")
        await send(store, upload, *range(1, upload.count))
        with pytest.raises(StoreFailed):
            await store.complete_upload(upload)
        assert await read(store, KEY) == b"before"
        await send(store, upload, 0)
        await store.complete_upload(upload)
        assert await read(store, KEY) == whole(upload)

    async def test_the_object_of_an_upload_takes_the_place_of_another(self, store: UploadStore, upload: Upload) -> None:
        await store.put_bytes(KEY, b"before")
        await send(store, upload, *range(upload.count))
        assert await read(store, KEY) == b"before"
        await store.complete_upload(upload)
        assert await read(store, KEY) == whole(upload)
        assert await keys(store) == [KEY]

    async def test_parts_that_are_thrown_away_are_gone(self, store: UploadStore, upload: Upload) -> None:
        await store.put_bytes(KEY, b"before")
        await send(store, upload, *range(upload.count))
        await store.abort_upload(upload)
        with pytest.raises(NotFound):
            await store.parts(upload)
        assert await read(store, KEY) == b"before"
        await store.abort_upload(upload)

    async def test_an_upload_that_was_thrown_away_is_not_completed(self, store: UploadStore, upload: Upload) -> None:
        await send(store, upload, *range(upload.count))
        await store.abort_upload(upload)
        with pytest.raises(NotFound):
            await store.complete_upload(upload)
        assert await keys(store) == []

    async def test_an_upload_that_has_ended_has_no_parts(self, store: UploadStore, upload: Upload) -> None:
        await send(store, upload, *range(upload.count))
        await store.complete_upload(upload)
        with pytest.raises(NotFound):
            await store.parts(upload)
        await store.abort_upload(upload)
        assert await read(store, KEY) == whole(upload)

    async def test_two_uploads_of_one_key_do_not_meet(self, store: UploadStore, upload: Upload) -> None:
        second = await store.begin_upload(KEY, 1000)
        await send(store, upload, *range(upload.count))
        await store.put_part(second, 0, b"s" * 1000)
        assert [part.number for part in await store.parts(second)] == [0]
        await store.complete_upload(second)
        assert await read(store, KEY) == b"s" * 1000

    async def test_a_part_that_cannot_be_one_is_refused(self, store: UploadStore, upload: Upload) -> None:
        for number, size in [(0, upload.part_size - 1), (-1, upload.part_size), (upload.count, 1)]:
            with pytest.raises(InvalidInput):
                await store.put_part(upload, number, bytes(size))
        assert list(await store.parts(upload)) == []

    @pytest.mark.parametrize("content", [b"", b"x", b"x" * 1000])
    async def test_a_small_object_has_one_part_and_an_empty_one_none(self, store: UploadStore, content: bytes) -> None:
        upload = await store.begin_upload(KEY, len(content))
        assert upload.count == (1 if content else 0)
        if content:
            await store.put_part(upload, 0, content)
        made = await store.complete_upload(upload, sha256=digest(content))
        assert (made.size, made.sha256) == (len(content), digest(content))
        assert await read(store, KEY) == content
        assert (await store.complete_upload(upload, sha256=digest(content))).size == len(content)

    async def test_what_is_told_when_an_upload_begins_is_kept(self, store: UploadStore) -> None:
        description = Description("application/x-weights", {"framework": "torch"}, sha256=digest(b"content"))
        upload = await store.begin_upload(KEY, 7, description)
        await store.put_part(upload, 0, b"content")
        made = await store.complete_upload(upload)
        assert made.sha256 in (None, description.sha256)
        assert await read(store, KEY) == b"content"
        if Ability.METADATA in store.abilities:
            seen = await store.head(KEY)
            told: dict[str, Any] = {"framework": "torch"}
            assert (seen.media_type, dict(seen.metadata)) == ("application/x-weights", told)
            assert seen.sha256 == description.sha256

    async def test_what_is_no_key_is_not_begun(self, store: UploadStore) -> None:
        with pytest.raises(InvalidInput):
            await store.begin_upload("a/../b", 1)

    async def test_recent_uploads_are_left_alone_when_the_store_is_tidied(
        self, store: UploadStore, upload: Upload
    ) -> None:
        await send(store, upload, 0)
        await store.tidy()
        assert [part.number for part in await store.parts(upload)] == [0]
