"""The versions of objects in Google Cloud Storage, which calls them generations. A deletion is none."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from itertools import groupby
from typing import Any, Final

from connectors.stores.buckets import ObjectVersion
from connectors.stores.capability import PAGE, StoredObject
from connectors.stores.gcs.reading import stream
from connectors.stores.gcs.resources import FIELDS, moment, stored
from connectors.stores.gcs.rewriting import rewrite
from connectors.stores.gcs.service import OfService
from connectors.stores.keys import is_key
from maestro.errors import NotFound

OF_VERSIONS: Final = f"nextPageToken,items({FIELDS},timeDeleted)"


class Versioning(OfService):
    """Keep what was there before."""

    async def is_versioned(self) -> bool:
        """Say whether what is replaced or deleted is kept."""
        params = self._service.params(fields="versioning")
        found = await self._service.ask("GET", self._service.url(), what="the bucket", params=params)
        return bool((found.get("versioning") or {}).get("enabled"))

    async def set_versioned(self, is_versioned: bool) -> None:  # noqa: FBT001 -- its only argument
        """Have versions kept, or not any more; it takes up to half a minute until all servers know."""
        told = {"versioning": {"enabled": is_versioned}}
        await self._service.ask("PATCH", self._service.url(), what="the bucket", json=told)

    async def versions(self, prefix: str = "", *, page: int = PAGE) -> AsyncIterator[Sequence[ObjectVersion]]:
        """Yield all versions of the objects whose keys begin with a text, by key, the newest first."""
        waiting: list[ObjectVersion] = []
        async for some in self._by_key(prefix):
            waiting += some
            while len(waiting) >= page:
                yield waiting[:page]
                waiting = waiting[page:]
        if waiting:
            yield waiting

    async def get_version(self, key: str, version_id: str) -> AsyncGenerator[bytes, None]:
        """Yield the bytes of a version; NotFound."""
        generation = _checked(key, version_id)
        async with aclosing(stream(self._service, self._service.name(key), generation=generation)) as parts:
            async for part in parts:
                yield part

    async def restore_version(self, key: str, version_id: str) -> StoredObject:
        """Make a version the latest one again, by a copy of it; NotFound."""
        service, name = self._service, self._service.name(key)
        await service.resource(name, key, generation=_checked(key, version_id))
        made = await rewrite(service, (service.bucket, name), name, told={}, sourceGeneration=version_id)
        return stored(key, made)

    async def delete_version(self, key: str, version_id: str) -> None:
        """Remove a version for good; NotFound."""
        await self._service.remove(self._service.name(key), key, generation=_checked(key, version_id))

    async def _by_key(self, prefix: str) -> AsyncIterator[list[ObjectVersion]]:
        """Yield all versions of one key after the other: the service tells the oldest first."""
        start, last = self._service.prefix, list[ObjectVersion]()
        pages = self._service.pages(start + prefix, page=PAGE, versions="true", fields=OF_VERSIONS)
        async for items in pages:
            for key, told in groupby(items, lambda one: one["name"].removeprefix(start)):
                if last and last[0].key != key:
                    yield _newest_first(last)
                    last = []
                last += [_version(key, one) for one in told if is_key(key)]
        if last:
            yield _newest_first(last)


def _newest_first(found: list[ObjectVersion]) -> list[ObjectVersion]:
    return sorted(found, key=lambda one: int(one.version_id), reverse=True)


def _version(key: str, told: Mapping[str, Any]) -> ObjectVersion:
    one = stored(key, told)
    is_latest = not told.get("timeDeleted")
    return ObjectVersion(key, str(one.version_id), one.size, moment(told["timeCreated"]), is_latest, etag=one.etag)


def _checked(key: str, version_id: str) -> str:
    if not (version_id.isascii() and version_id.isdecimal()):
        raise NotFound(f"There is no version {version_id[:40]!r} of {key} in the store.")
    return version_id
