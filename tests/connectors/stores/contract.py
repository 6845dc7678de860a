"""What every store of objects has to do, run against each kind of them."""

import hashlib
from pathlib import Path

import pytest

from connectors.stores import ObjectStore, checked_key, digest_of, download, exists, probe, read
from connectors.stores.buckets import Ability, HasAbilities
from connectors.stores.capability import PAGE
from maestro.errors import DigestMismatch, InvalidInput, NotFound, PayloadTooLarge

MEGABYTE = 1024 * 1024
CONTENT = b"weights" * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()

METHODS = {
    Ability.COPY: "copy_from",
    Ability.UPLOADS: "begin_upload",
    Ability.DESCRIBED: "get_described",
    Ability.VERSIONS: "get_version",
    Ability.PRESIGN: "presign_get",
    Ability.LIFECYCLE: "set_lifecycle",
    Ability.TIERS: "set_tier",
    Ability.METADATA: "describe",
    Ability.CONTAINER: "create_container",
    Ability.POLICY: "set_iam_policy",
}
"""A method of each ability's protocol."""


async def keys(store: ObjectStore, prefix: str = "", *, page: int = PAGE) -> list[str]:
    return [one.key async for objects in store.list(prefix, page=page) for one in objects]


async def put(store: ObjectStore, *names: str) -> None:
    for name in names:
        await store.put_bytes(name, name.encode())


def content_of(path: Path) -> bytes:
    return path.read_bytes()


def is_there(path: Path) -> bool:
    return path.exists()


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_file())


class StoreContract:
    """Subclassed for each kind of store, with a fixture `store` of an empty one.

    A vendor that cannot hold some of these names says so in its subclass, and refuses them.
    """

    large = 20 * MEGABYTE + 1
    odd_names: tuple[str, ...] = ("a b", "a+b", "a%20b", "ä?&=#", "quote'\"", "back\\slash", "<&>", "\n", "*")
    dotted_names: tuple[str, ...] = (".a", ".git/config", ".worker", "..a", "...", "a/.b/.c", "a/.work/d")

    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        path = tmp_path / "file"
        path.write_bytes(CONTENT)
        return path

    @pytest.fixture
    def large_file(self, tmp_path: Path) -> Path:
        path = tmp_path / "large"
        block = bytes(range(256)) * 4096
        with path.open("wb") as written:
            for number in range(self.large // MEGABYTE):
                written.write(number.to_bytes(8) + block[8:])
            written.write(b"!" * (self.large % MEGABYTE))
        return path

    async def test_bytes_that_are_put_can_be_read(self, store: ObjectStore) -> None:
        made = await store.put_bytes("backups/1/manifest.json", CONTENT)
        assert (made.key, made.size, made.sha256) == ("backups/1/manifest.json", 7000, SHA256)
        assert await read(store, "backups/1/manifest.json") == CONTENT

    async def test_an_empty_object_is_an_object(self, store: ObjectStore, tmp_path: Path) -> None:
        (tmp_path / "empty").touch()
        await store.put_bytes("a", b"")
        await store.put_file("b", tmp_path / "empty")
        assert [await read(store, key) for key in "ab"] == [b"", b""]
        assert [(await store.head(key)).size for key in "ab"] == [0, 0]

    async def test_the_later_object_takes_the_place_of_the_earlier_one(self, store: ObjectStore) -> None:
        await store.put_bytes("a", b"earlier and longer")
        await store.put_bytes("a", b"later")
        assert await read(store, "a") == b"later"
        assert await keys(store) == ["a"]

    async def test_looking_at_an_object_tells_its_size_and_time(self, store: ObjectStore) -> None:
        made = await store.put_bytes("a/b", CONTENT)
        seen = await store.head("a/b")
        assert (seen.key, seen.size) == ("a/b", 7000)
        assert seen.sha256 in (None, SHA256)
        assert abs((seen.modified_at - made.modified_at).total_seconds()) < 2
        assert seen.modified_at.utcoffset() is not None

    @pytest.mark.parametrize("key", ["a", "a/b/c", "b/c/d"])
    async def test_what_is_not_there_is_not_found(self, store: ObjectStore, key: str, tmp_path: Path) -> None:
        await put(store, "a/b", "b/c")
        with pytest.raises(NotFound):
            await store.head(key)
        with pytest.raises(NotFound):
            await read(store, key)
        with pytest.raises(NotFound):
            await download(store, key, tmp_path / "x")
        assert not await exists(store, key)
        assert not (tmp_path / "x").exists()

    @pytest.mark.parametrize(
        ("start", "end"), [(0, None), (0, 10), (5, 10), (6990, 8000), (6999, 7000), (1, None), (3, 3), (7000, None)]
    )
    async def test_a_range_is_read(self, store: ObjectStore, start: int, end: int | None) -> None:
        await store.put_bytes("a", CONTENT)
        assert b"".join([part async for part in store.get("a", start=start, end=end)]) == CONTENT[start:end]

    async def test_more_than_the_limit_is_not_taken_into_memory(self, store: ObjectStore) -> None:
        await store.put_bytes("a", CONTENT)
        assert await read(store, "a", limit=7000) == CONTENT
        with pytest.raises(PayloadTooLarge):
            await read(store, "a", limit=6999)

    async def test_a_file_is_put_and_stays_where_it_was(self, store: ObjectStore, file: Path) -> None:
        moved: list[int] = []
        made = await store.put_file("blobs/1", file, sha256=SHA256, told=moved.append)
        assert (made.size, made.sha256) == (7000, SHA256)
        assert sum(moved) == 7000
        assert content_of(file) == CONTENT
        assert await read(store, "blobs/1") == CONTENT

    async def test_a_file_that_is_consumed_is_gone(self, store: ObjectStore, file: Path) -> None:
        made = await store.put_file("blobs/1", file, consume=True)
        assert (made.size, made.sha256) == (7000, SHA256)
        assert not is_there(file)
        assert await read(store, "blobs/1") == CONTENT

    async def test_a_file_of_another_digest_is_refused_and_stores_nothing(self, store: ObjectStore, file: Path) -> None:
        await store.put_bytes("a", b"before")
        with pytest.raises(DigestMismatch) as refused:
            await store.put_file("a", file, sha256="0" * 64)
        assert refused.value.details == {"expected": "0" * 64, "actual": SHA256}
        assert await read(store, "a") == b"before"
        assert await keys(store) == ["a"]

    async def test_a_large_file_arrives_whole(self, store: ObjectStore, large_file: Path, tmp_path: Path) -> None:
        sent: list[int] = []
        fetched: list[int] = []
        made = await store.put_file("large", large_file, told=sent.append)
        assert made.size == sum(sent) == self.large
        found = await download(store, "large", tmp_path / "copy", told=fetched.append)
        assert found == (made.sha256, self.large)
        assert sum(fetched) == self.large
        assert content_of(tmp_path / "copy") == content_of(large_file)
        assert await digest_of(store, "large") == found

    async def test_a_range_of_a_large_object_crosses_its_parts(self, store: ObjectStore, large_file: Path) -> None:
        await store.put_file("large", large_file)
        start, end = 7 * MEGABYTE, 17 * MEGABYTE + 3
        part = b"".join([part async for part in store.get("large", start=start, end=end)])
        assert part == content_of(large_file)[start:end]

    async def test_reading_may_be_given_up(self, store: ObjectStore, large_file: Path) -> None:
        await store.put_file("large", large_file)
        reading = store.get("large")
        first = await anext(reading)
        await reading.aclose()
        assert content_of(large_file).startswith(first)

    async def test_what_is_downloaded_has_the_digest_that_was_asked_for(
        self, store: ObjectStore, tmp_path: Path
    ) -> None:
        await store.put_bytes("a", CONTENT)
        (tmp_path / "copy").write_bytes(b"before")
        with pytest.raises(DigestMismatch):
            await download(store, "a", tmp_path / "copy", sha256="0" * 64)
        assert content_of(tmp_path / "copy") == b"before"
        assert await download(store, "a", tmp_path / "copy", sha256=SHA256) == (SHA256, 7000)
        assert (tmp_path / "copy").stat().st_mode & 0o777 == 0o600
        assert files(tmp_path) == ["copy"]

    async def test_keys_are_listed_in_the_order_of_their_bytes(self, store: ObjectStore) -> None:
        names = ["a", "a-b", "a/b", "a/b-c/d", "a/b.c", "a0", "ab", "é/x", "é0", "z", "Ω", "🙂"]
        names.remove("a/b")
        names.remove("a")
        await put(store, *reversed(names))
        assert await keys(store) == sorted(names, key=str.encode)

    async def test_a_prefix_is_a_text_and_not_a_folder(self, store: ObjectStore) -> None:
        await put(store, "a/bc/1", "a/bc/2", "a/bd", "a/c", "b")
        assert await keys(store, "a/b") == ["a/bc/1", "a/bc/2", "a/bd"]
        assert await keys(store, "a/bc/") == ["a/bc/1", "a/bc/2"]
        assert await keys(store, "a/bc/1") == ["a/bc/1"]
        assert await keys(store, "a/bc/1/") == []
        assert await keys(store, "c") == []

    async def test_a_list_comes_in_pages(self, store: ObjectStore) -> None:
        names = [f"a/{number:02}" for number in range(7)]
        await put(store, *names)
        pages = [[one.key for one in page] async for page in store.list("a/", page=3)]
        assert pages == [names[:3], names[3:6], names[6:]]
        assert [one.size async for page in store.list("a/") for one in page] == [4] * 7

    async def test_a_list_goes_on_strictly_after_any_key(self, store: ObjectStore) -> None:
        names = ["a-b", "a/b-c/d", "a/b.c", "a/b/e", "a0", "ab", "é/x", "é0", "\uf900", "\uff01", "🙂", "🙃/z", "z"]
        await put(store, *reversed(names))
        ordered = sorted(names, key=str.encode)
        for after in [*names, "", "a", "a/", "a/b", "a/b/", "a/b/e0", "é", "\ud7ff", "\ufeff", "🙂0", "🙃"]:
            found = [[one.key for one in page] async for page in store.list(after=after, page=5)]
            assert {len(page) in range(1, 6) for page in found} <= {True}
            assert [key for page in found for key in page] == [one for one in ordered if one.encode() > after.encode()]
        inside = [one.key async for page in store.list("a/", after="a/b.c") for one in page]
        assert inside == ["a/b/e"]
        assert [one.key async for page in store.list("a/b", after="a") for one in page] == ["a/b-c/d", "a/b.c", "a/b/e"]
        assert [one.key async for page in store.list("a/", after="b") for one in page] == []

    async def test_nothing_is_listed_in_an_empty_store(self, store: ObjectStore) -> None:
        assert [page async for page in store.list()] == []

    async def test_objects_are_deleted_and_what_is_not_there_is_not_missed(self, store: ObjectStore) -> None:
        await put(store, "a/b/1", "a/b/2", "a/c")
        await store.delete(["a/b/1", "a/b/2", "a/none", "a/b", "none/at/all", "a/c/none"])
        assert await keys(store) == ["a/c"]
        await store.delete([])

    async def test_many_objects_are_deleted(self, store: ObjectStore) -> None:
        names = [f"many/{number:04}" for number in range(12)]
        await put(store, *names)
        await store.delete(name for name in [*names, *(f"gone/{number}" for number in range(1100))])
        assert await keys(store) == []

    @pytest.mark.parametrize(
        "key",
        ["", "/", "/a", "a/", "a//b", "../a", "a/../b", ".", "a/.", ".work", ".work/a", "a\0b", "x" * 256, "x/" * 450],
    )
    async def test_what_is_no_key_is_refused(self, store: ObjectStore, key: str) -> None:
        with pytest.raises(InvalidInput):
            await store.put_bytes(key, b"")
        with pytest.raises(InvalidInput):
            await store.head(key)
        with pytest.raises(InvalidInput):
            await store.delete([key])

    async def test_a_name_with_odd_characters_is_a_name(self, store: ObjectStore) -> None:
        names = [checked_key(name) for name in self.odd_names]
        await put(store, *names)
        assert await keys(store) == sorted(names)
        assert [await read(store, name) for name in names] == [name.encode() for name in names]
        await store.delete(names)
        assert await keys(store) == []

    async def test_a_name_may_begin_with_a_full_stop(self, store: ObjectStore) -> None:
        names = list(self.dotted_names)
        await put(store, *names)
        assert await keys(store) == sorted(names)
        assert await keys(store, ".g") == [".git/config"]
        assert [await read(store, name) for name in names] == [name.encode() for name in names]
        await store.delete(names)
        assert await keys(store) == []

    async def test_nothing_is_left_out_of_a_list_of_keys(self, store: ObjectStore) -> None:
        left_out: list[str] = []
        await put(store, ".a", "b/c")
        assert [one.key async for page in store.list(left_out=left_out.append) for one in page] == [".a", "b/c"]
        assert left_out == []

    def test_a_store_has_the_methods_of_its_abilities_and_no_others(self, store: HasAbilities) -> None:
        assert METHODS.keys() == set(Ability)
        assert {ability for ability, method in METHODS.items() if hasattr(store, method)} == store.abilities

    async def test_a_store_says_where_it_is(self, store: ObjectStore) -> None:
        assert "://" in str(store)

    async def test_a_store_that_works_is_probed_and_nothing_is_left(self, store: ObjectStore) -> None:
        steps = await probe(store)
        assert [(step.name, step.error) for step in steps] == [
            (name, None) for name in ("write", "look", "read", "list", "delete")
        ]
        assert all(0 <= step.seconds < 10 for step in steps)
        assert await keys(store) == []
