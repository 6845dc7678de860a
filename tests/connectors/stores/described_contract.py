"""What stores promise that read and write small objects with their descriptions by one request."""

from typing import Any

import pytest

from connectors.stores.buckets import Description
from maestro.errors import NotFound, PayloadTooLarge
from tests.connectors.stores.contract import CONTENT, SHA256


class DescribedContract:
    """Subclassed for each vendor, with a fixture `store`."""

    async def test_an_object_is_written_and_read_with_what_is_told_of_it(self, store: Any) -> None:
        told = Description("text/plain", {"stage": "raw"})
        made = await store.put_described("a/b", CONTENT, told)
        assert (made.key, made.size, made.sha256) == ("a/b", len(CONTENT), SHA256)
        found, content = await store.get_described("a/b", limit=len(CONTENT))
        assert content == CONTENT
        assert (found.media_type, dict(found.metadata), found.sha256) == ("text/plain", {"stage": "raw"}, SHA256)
        assert found.etag == made.etag == (await store.head("a/b")).etag

    async def test_one_of_no_bytes_is_an_object_too(self, store: Any) -> None:
        await store.put_described("empty", b"", Description())
        found, content = await store.get_described("empty", limit=0)
        assert (found.size, content) == (0, b"")

    async def test_more_bytes_than_the_limit_are_refused_and_what_is_not_there_is_not_found(self, store: Any) -> None:
        await store.put_described("a", CONTENT, Description())
        with pytest.raises(PayloadTooLarge):
            await store.get_described("a", limit=len(CONTENT) - 1)
        with pytest.raises(NotFound):
            await store.get_described("b", limit=1)
