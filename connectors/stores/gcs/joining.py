"""Objects of Google Cloud Storage that arrive in parts, which are objects themselves until they are joined."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from typing import Any, Final
from uuid import uuid4

from connectors.stores.buckets import PLAIN, Description, Part, Upload, part_of
from connectors.stores.capability import PAGE, StoredObject
from connectors.stores.gcs.resources import FIELDS, SHA256, UPLOAD, described, stored
from connectors.stores.gcs.rewriting import TIERS, rewrite
from connectors.stores.gcs.sending import PIECE, send_bytes
from connectors.stores.gcs.service import OfService
from connectors.stores.keys import WORK
from maestro.crowd import for_each
from maestro.errors import NotFound, StoreFailed

MEBIBYTE: Final = 1024 * 1024
MOST_PARTS: Final = 10_000
MOST_JOINED: Final = 32
"""Most objects that one request joins."""
AT_ONCE: Final = 8
UPLOADS: Final = f"{WORK}/uploads/"
BEGUN: Final = "begun"
JOINED: Final = "joined"
STANDARD: Final = TIERS[0]
Source = tuple[str, str]
"""An object that is joined to others: its name, and its generation."""


def part_size(size: int) -> int:
    """Return the bytes of a part, so that no object has too many of them."""
    return max(PIECE, -(-size // MOST_PARTS // MEBIBYTE) * MEBIBYTE)


class Joining(OfService):
    """Uploads in parts, which go on in another process."""

    async def begin_upload(self, key: str, size: int, description: Description = PLAIN) -> Upload:
        """Begin an upload; an object that marks it lies beside its parts until it ends."""
        self._service.name(key)
        upload = Upload(key, uuid4().hex, part_size(size), size, {"description": asdict(description)})
        await send_bytes(self._service, self._place(upload, BEGUN), b"", told=described(PLAIN))
        return upload

    async def put_part(self, upload: Upload, number: int, content: bytes) -> Part:
        """Store a part, in the place of what was there; NotFound for an upload that has ended."""
        part = part_of(upload, number, content)
        await self._service.resource(self._place(upload, BEGUN), f"upload of {upload.key}")
        told = described(Description(tier=_tier_of_parts(upload), sha256=part.tag))
        await send_bytes(self._service, self._place(upload, _number(number)), content, told=told)
        return part

    async def parts(self, upload: Upload) -> Sequence[Part]:
        """Return the parts that have arrived; NotFound for an upload that has ended."""
        found = await self._found(upload)
        if BEGUN not in found:
            raise _ended(upload)
        return _parts_in(found)

    async def complete_upload(self, upload: Upload, *, sha256: str | None = None) -> StoredObject:
        """Join all parts, in the place of what was there; the SHA-256 is kept. StoreFailed when parts are missing."""
        found = await self._found(upload)
        if BEGUN not in found:
            return await self._completed(upload)
        sizes = {part.number: part.size for part in _parts_in(found)}
        missing = [number for number in range(upload.count) if sizes.get(number) != upload.size_of(number)]
        if missing:
            raise StoreFailed(
                f"The upload of {upload.key} has {upload.count - len(missing):,} of {upload.count:,} parts.",
                hint=f"Put part {missing[0]} first.",
            )
        description = Description(**upload.state["description"])
        if sha256 is not None:
            description = replace(description, sha256=sha256)
        sources = [
            (self._place(upload, _number(number)), str(found[_number(number)]["generation"]))
            for number in range(upload.count)
        ]
        made = await self._made(upload, sources, description)
        await self._clear(upload)
        return stored(upload.key, made)

    async def abort_upload(self, upload: Upload) -> None:
        """Throw the parts away."""
        await self._clear(upload)

    async def _made(self, upload: Upload, sources: Sequence[Source], description: Description) -> dict[str, Any]:
        """Make the object: of nothing, or of the parts, and in another storage class by a copy of what they make."""
        service, name = self._service, self._service.name(upload.key)
        told = described(description, upload=upload.id)
        if not sources:
            return await send_bytes(service, name, b"", told=told)
        level = 0
        while len(sources) > MOST_JOINED:
            groups = [sources[begin : begin + MOST_JOINED] for begin in range(0, len(sources), MOST_JOINED)]
            sources = await self._joined(upload, groups, level)
            level += 1
        if description.tier in (None, STANDARD):
            made = await self._compose(sources, name, told=told, what=upload.key)
        else:
            ((place, generation),) = await self._joined(upload, [sources], level)
            made = await rewrite(service, (service.bucket, place), name, told=told, sourceGeneration=generation)
        if int(made["size"]) != upload.size:
            raise StoreFailed(f"The parts of {upload.key} were joined to something of another size.")
        return made

    async def _joined(self, upload: Upload, groups: Sequence[Sequence[Source]], level: int) -> list[Source]:
        """Join objects by groups, and return what they were joined to."""
        made: dict[int, Source] = {}

        async def join(number: int) -> None:
            place = self._place(upload, f"{JOINED}/{level}-{_number(number)}")
            found = await self._compose(groups[number], place, told=described(PLAIN), what=upload.key)
            made[number] = place, str(found["generation"])

        await for_each(range(len(groups)), join, at_once=AT_ONCE)
        return [made[number] for number in range(len(groups))]

    async def _compose(
        self, sources: Sequence[Source], name: str, *, told: Mapping[str, Any], what: str
    ) -> dict[str, Any]:
        """Join up to 32 objects, of exactly these generations, to one of the storage class that they have."""
        made: dict[str, Any] = await self._service.ask(
            "POST",
            self._service.url("o", name, "compose"),
            what=what,
            json={
                "sourceObjects": [{"name": source, "generation": generation} for source, generation in sources],
                "destination": {field: content for field, content in told.items() if field != "storageClass"},
            },
        )
        return made

    async def _completed(self, upload: Upload) -> StoredObject:
        """Return the object that this upload has made; NotFound when there is none, or it is another's."""
        with suppress(NotFound):
            seen = await self._service.resource(self._service.name(upload.key), upload.key)
            if (seen.get("metadata") or {}).get(UPLOAD) == upload.id:
                return stored(upload.key, seen)
        raise _ended(upload)

    async def _found(self, upload: Upload) -> dict[str, dict[str, Any]]:
        """Return all objects of an upload by what their names end with."""
        start = self._place(upload, "")
        fields = f"nextPageToken,items({FIELDS})"
        return {
            one["name"].removeprefix(start): one
            async for items in self._service.pages(start, page=PAGE, fields=fields)
            for one in items
        }

    async def _clear(self, upload: Upload) -> None:
        """Remove all objects of an upload for good; the mark goes last, so that what is left over is known."""
        found = await self._found(upload)

        async def remove(name: str) -> None:
            # By its generation, or a bucket with versions would keep it.
            with suppress(NotFound):
                generation = found[name]["generation"]
                await self._service.remove(self._place(upload, name), upload.key, generation=generation)

        await for_each([name for name in found if name != BEGUN], remove, at_once=AT_ONCE)
        if BEGUN in found:
            await remove(BEGUN)

    def _place(self, upload: Upload, name: str) -> str:
        return f"{self._service.prefix}{UPLOADS}{upload.id}/{name}"


def _number(number: int) -> str:
    return f"{number:05}"


def _parts_in(found: Mapping[str, Mapping[str, Any]]) -> list[Part]:
    return [
        Part(int(name), int(one["size"]), one["metadata"][SHA256])
        for name, one in sorted(found.items())
        if name.isdecimal()
    ]


def _tier_of_parts(upload: Upload) -> str | None:
    """Return the storage class of the parts: the one that costs nothing to leave, if the object will have another."""
    return None if upload.state["description"]["tier"] is None else STANDARD


def _ended(upload: Upload) -> NotFound:
    return NotFound(f"The upload of {upload.key} has ended, or was thrown away.")
