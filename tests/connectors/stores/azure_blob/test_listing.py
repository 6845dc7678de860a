"""The order of lists: that of UTF-8, whatever the order of Azure is."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from itertools import product

import pytest

from connectors.stores.azure_blob import AzureStore
from connectors.stores.azure_blob.listing import beginning, in_utf8_order, walked
from maestro.errors import StoreFailed
from tests.connectors.stores.azure_blob.test_versions import CONTAINER, entry, replayed
from tests.connectors.stores.contract import keys, put
from tests.fixtures.azurite_server import ACCOUNT
from tests.fixtures.replays import Exchange

NAMES = ["".join(name) for length in range(1, 5) for name in product("a/！🙂", repeat=length)]  # noqa: RUF001


async def each(names: Sequence[str]) -> AsyncIterator[str]:
    for name in names:
        yield name


async def ordered(names: Sequence[str]) -> list[str]:
    return [name async for name in in_utf8_order(each(names), str)]


async def test_names_in_the_order_of_utf_16_come_in_that_of_utf_8() -> None:
    given = sorted(NAMES, key=lambda name: name.encode("utf-16-be"))
    assert given != sorted(NAMES, key=str.encode)
    assert await ordered(given) == sorted(NAMES, key=str.encode)


async def test_names_in_the_order_of_utf_8_stay_in_it() -> None:
    given = sorted(NAMES, key=str.encode)
    assert await ordered(given) == given


async def test_another_order_is_refused() -> None:
    with pytest.raises(StoreFailed, match="an order of its own"):
        await ordered(["a/b", "a-b"])


async def test_names_are_not_kept_back_longer_than_needed() -> None:
    taken: list[str] = []

    async def told() -> AsyncIterator[str]:
        for name in ["a", "b/🙂", "c", "d"]:
            taken.append(name)
            yield name

    found = in_utf8_order(told(), str)
    assert [await anext(found) for _ in range(3)] == ["a", "b/🙂", "c"]
    assert taken == ["a", "b/🙂", "c"]


async def test_keys_beyond_the_basic_plane_are_listed_in_their_place(store: AzureStore) -> None:
    names = ["a/🙂/1", "a/！", "a/🙂/2", "b", "a/z"]  # noqa: RUF001
    await put(store, *names)
    assert await keys(store, page=2) == sorted(names, key=str.encode)


async def test_folders_are_walked_in_the_order_of_keys(store: AzureStore) -> None:
    names = ["a/b", "a-b", "a.b/c", "a/b-c/d", "a/b.c", "a/b/c/d", "ab", "b", "é/x", "é0", "🙂", "！/x"]  # noqa: RUF001
    names.remove("a/b")
    await put(store, *names)
    for prefix in ["", "a", "a/", "a/b", "a/b/c/d", "c"]:
        found = [blob.name.removeprefix(store.place.prefix) async for blob in walked(store.place, prefix)]
        assert found == sorted((name for name in names if name.startswith(prefix)), key=str.encode)


def test_azure_begins_before_all_that_follow_in_utf_8() -> None:
    names = NAMES[:: len(NAMES) // 60]
    for after in names:
        begin = beginning("", after)
        assert begin is not None
        behind = [name for name in names if name.encode() > after.encode()]
        assert all(name.encode("utf-16-be") >= begin.encode("utf-16-be") for name in behind)
    assert beginning("a/", "a/b/！") == "a/b/"  # noqa: RUF001
    assert [beginning("a/b", after) for after in ("a", "b", "a/！")] == [None] * 3  # noqa: RUF001


async def test_folders_behind_a_key_are_not_walked(store: AzureStore) -> None:
    names = ["a-b", "a/b-c/d", "a/b/c", "a0", "é/x", "🙂"]
    await put(store, *names)
    for after in [*names, "a", "a/", "a/b/", "a/b/d", "z"]:
        found = [blob.name.removeprefix(store.place.prefix) async for blob in walked(store.place, "", after)]
        assert found == [name for name in names if name.encode() > after.encode()]


async def test_a_list_goes_on_by_one_request() -> None:
    """Azurite begins at the first name: the answer is written after Azure's reference."""
    about = Exchange("GET", CONTAINER, {"restype": "account"}, 403, {"x-ms-error-code": "AuthorizationFailure"})
    answer = level("p/a/", entry("p/a/b", "", 3), entry("p/a/c", "", 4), delimiter="")
    going_on = replace(answer, query={**answer.query, "startFrom": "p/a/b", "maxresults": "3"})
    async with replayed(replace(about, path=f"/{ACCOUNT}/kept"), going_on) as (store, server):
        assert [[one.key for one in page] async for page in store.list("a/", after="a/b", page=2)] == [["a/c"]]
        assert server.left == []


async def test_accounts_with_folders_are_walked_folder_by_folder() -> None:
    """Azurite has no such account: the answers are written after Azure's reference, as in `test_versions.py`."""
    folder = entry("p/a", "", 0).replace("</Blob>", "<Metadata><hdi_isfolder>true</hdi_isfolder></Metadata></Blob>")
    prefix = "<BlobPrefix><Name>p/a/</Name></BlobPrefix>"
    about = {"x-ms-is-hns-enabled": "true", "x-ms-sku-name": "Standard_LRS", "x-ms-account-kind": "StorageV2"}
    async with replayed(
        Exchange("GET", CONTAINER, {"restype": "account", "comp": "properties"}, 200, about),
        level("p/", folder, prefix, entry("p/a-b", "", 3)),
        level("p/a/", entry("p/a/b", "", 4)),
    ) as (store, _):
        assert await keys(store) == ["a-b", "a/b"]


async def test_who_may_not_ask_the_account_lists_it_as_flat() -> None:
    refused = {"x-ms-error-code": "AuthorizationPermissionMismatch", "Content-Type": "application/xml"}
    about = Exchange("GET", f"/{ACCOUNT}/kept", {"restype": "account"}, 403, refused)
    answer = level("p/", entry("p/a", "", 3), delimiter="")
    async with replayed(about, answer) as (store, _):
        assert await keys(store) == ["a"]


def level(prefix: str, *entries: str, delimiter: str = "/") -> Exchange:
    body = (
        f'<?xml version="1.0" encoding="utf-8"?><EnumerationResults ServiceEndpoint="https://x/" ContainerName="kept">'
        f"<Prefix>{prefix}</Prefix><Delimiter>/</Delimiter><Blobs>{''.join(entries)}</Blobs><NextMarker />"
        "</EnumerationResults>"
    )
    query = {"comp": "list", "prefix": prefix, "include": "metadata"} | ({"delimiter": delimiter} if delimiter else {})
    return Exchange("GET", CONTAINER, query, 200, {"Content-Type": "application/xml"}, body)
