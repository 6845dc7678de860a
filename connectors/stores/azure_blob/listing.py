"""Lists of blobs in the order of their names' UTF-8, which is not the order in which Azure gives them.

Azure orders names by their UTF-16, in which characters beyond the Basic Multilingual Plane come before those from
U+E000 to U+FFFF. Accounts with a hierarchical namespace go folder by folder instead, so that `a/b` comes before `a-b`.
"""

import heapq
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any, Final, TypeVar

from azure.storage.blob import BlobProperties

from connectors.stores.azure_blob.errors import translated
from connectors.stores.azure_blob.place import Place
from maestro.errors import Forbidden, NotFound, StoreFailed
from maestro.vendor_errors import NotSupported

T = TypeVar("T")

MOST_OF_A_PAGE: Final = 5000
_BEYOND: Final = "\U00010000"
"""The first character beyond the Basic Multilingual Plane."""
_APART: Final = "\ue000"
"""The first character whose place in UTF-16 is another one than in UTF-8."""
_FOLDER: Final = "hdi_isfolder"
"""What the metadata of a blob hold that stands for a folder."""


async def is_tree(place: Place) -> bool:
    """Say whether the account has a hierarchical namespace; False when the credential does not suffice to know."""
    try:
        with translated("the account"):
            about: dict[str, Any] = await place.client.get_account_information()
    except (Forbidden, NotFound, NotSupported, StoreFailed):
        return False
    return bool(about.get("is_hns_enabled"))


async def flat(place: Place, prefix: str, after: str | None, *, page: int) -> AsyncIterator[BlobProperties]:
    """Yield the blobs whose names begin with a text in the order of their UTF-8, those that follow on `after`."""
    begin = None if after is None else beginning(place.prefix + prefix, place.prefix + after)
    listing = place.client.list_blobs(
        name_starts_with=place.prefix + prefix,
        include=["metadata"],
        # The service begins with the very name that it is given.
        results_per_page=min(page if begin is None else page + 1, MOST_OF_A_PAGE),
        start_from=begin,
    )
    behind = _behind(place, after)
    async for blob in in_utf8_order(listing, lambda one: str(one.name)):
        if str(blob.name).encode() > behind and not is_folder(blob):
            yield blob


def beginning(prefix: str, after: str) -> str | None:
    """Return with which name Azure is to begin, so that all that follow on a name in UTF-8 are among what comes.

    Both orders agree on names up to the first character from U+E000 on. None for the very first: it has to lie within
    what is listed.
    """
    place = next((place for place, character in enumerate(after) if character >= _APART), len(after))
    return after[:place] if after[:place].startswith(prefix) else None


async def walked(place: Place, prefix: str, after: str | None = None) -> AsyncIterator[BlobProperties]:
    """Yield the same of an account with a hierarchical namespace, folder by folder, each of which is in memory."""
    behind = _behind(place, after)
    levels = [await _level(place, place.prefix + prefix)]
    while levels:
        child = next(levels[-1], None)
        if child is None:
            levels.pop()
            continue
        name = str(child.name).encode()
        if not isinstance(child, BlobProperties):
            if name > behind or behind.startswith(name):
                levels.append(await _level(place, child.name))
        elif name > behind and not is_folder(child):
            yield child


def _behind(place: Place, after: str | None) -> bytes:
    return b"" if after is None else (place.prefix + after).encode()


async def _level(place: Place, prefix: str) -> Iterator[Any]:
    children = place.client.walk_blobs(name_starts_with=prefix, include=["metadata"], delimiter="/")
    return iter(sorted([one async for one in children], key=lambda one: str(one.name).encode()))


def is_folder(blob: BlobProperties) -> bool:
    """Say whether a blob stands for a folder of an account with a hierarchical namespace."""
    return str((blob.metadata or {}).get(_FOLDER, "")).lower() == "true"


async def in_utf8_order(items: AsyncIterator[T], name: Callable[[T], str]) -> AsyncIterator[T]:
    """Yield things that come in the order of their names' UTF-16 in that of their UTF-8.

    Only those with a character beyond the Basic Multilingual Plane are kept back, until no name can come any more that
    begins as theirs do before it. StoreFailed when they come in any other order.
    """
    waiting: list[tuple[bytes, int, str, T]] = []
    last, number = b"", 0
    async for item in items:
        reached, number = name(item), number + 1
        heapq.heappush(waiting, (reached.encode(), number, reached, item))
        while waiting and _is_settled(waiting[0][2], reached):
            last, item_before = _following(waiting, last)
            yield item_before
    while waiting:
        last, item_before = _following(waiting, last)
        yield item_before


def _is_settled(name: str, reached: str) -> bool:
    """Say whether nothing can come before a name in UTF-8, now that the list has come to another in UTF-16."""
    return max(name, default="") < _BEYOND or not any(
        character >= _BEYOND and reached.startswith(name[:place]) for place, character in enumerate(name)
    )


def _following(waiting: list[tuple[bytes, int, str, T]], last: bytes) -> tuple[bytes, T]:
    name, _, _, item = heapq.heappop(waiting)
    if name < last:
        raise StoreFailed(
            "The store lists its objects in an order of its own.",
            hint="Its account has a hierarchical namespace, and the credential may not ask for that. Use the account's "
            "key, or a shared access signature for the account.",
        )
    return name, item


async def in_pages(items: AsyncIterator[T], page: int) -> AsyncIterator[Sequence[T]]:
    """Yield things in sequences of at most so many."""
    some: list[T] = []
    async for item in items:
        some.append(item)
        if len(some) == page:
            yield some
            some = []
    if some:
        yield some
