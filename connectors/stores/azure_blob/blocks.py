"""The blocks that large blobs are made of, which nobody sees until a list of them is committed.

Blocks wait under the name of the blob that they are for. Azure keeps those of one kind of writer apart by their ids
alone: all of them have one length, and ours begin with the id of their upload. Whatever is stored under a name throws
away all blocks that wait under it, and Azure itself does so a week after the last of them. A block that is stored again
under its id takes the place of the first, which is how ours are emptied before that.
"""

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import BlobBlock, BlockState, ContentSettings, StandardBlobTier

from connectors.stores.azure_blob.config import MEBIBYTE
from connectors.stores.azure_blob.errors import code_of, translated
from connectors.stores.azure_blob.place import Target
from maestro.crowd import for_each
from maestro.errors import InvalidInput, MaestroError

BLOCK: Final = 8 * MEBIBYTE
"""Least bytes of a block that is not the last, and most of a file that is sent at once."""
MOST_BLOCKS: Final = 50_000
LARGEST_BLOCK: Final = 4000 * MEBIBYTE
AT_ONCE: Final = 4
_EMPTIED: Final = b"\0"
"""What takes the place of a block that is thrown away: a block of no bytes is none."""


def block_size(size: int, *, least: int = BLOCK) -> int:
    """Return the bytes of a block, so that no blob has too many of them; InvalidInput for more than a blob can have."""
    found = max(least, -(-size // MOST_BLOCKS // MEBIBYTE) * MEBIBYTE)
    if found > LARGEST_BLOCK:
        raise InvalidInput(f"{size:,} bytes are more than the {MOST_BLOCKS * LARGEST_BLOCK:,} that a blob can have.")
    return found


def block_id(upload: str, number: int) -> str:
    """Return the id of a block; all of them are equally long, as Azure asks for."""
    return f"{upload}-{number:05}"


def md5_header(content: bytes) -> dict[str, str]:
    """Return the header with which Azure compares what has arrived."""
    return {"Content-MD5": base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()}


async def stage(target: Target, name: str, content: bytes, *, headers: Mapping[str, str]) -> None:
    """Send a block, whose MD5 in the headers Azure compares."""
    with translated(target.key):
        await target.blob.stage_block(name, content, length=len(content), headers=dict(headers))


async def waiting(target: Target, upload: str) -> dict[str, int]:
    """Return the sizes in bytes of an upload's blocks that wait, by their ids."""
    return _of(upload, (await _blocks(target, "uncommitted"))[1])


async def is_made_of(target: Target, upload: str, count: int) -> bool:
    """Say whether a blob is there that was made of so many blocks of this upload, and of nothing else."""
    committed, _ = await _blocks(target, "committed")
    return len(committed) == len(_of(upload, committed)) == count


async def _blocks(target: Target, kind: str) -> tuple[Sequence[Any], Sequence[Any]]:
    with translated(target.key):
        try:
            found: tuple[Sequence[Any], Sequence[Any]] = await target.blob.get_block_list(kind)
        except ResourceNotFoundError as error:
            if code_of(error) != "BlobNotFound":
                raise
            return [], []
    return found


def _of(upload: str, blocks: Iterable[Any]) -> dict[str, int]:
    return {str(block.id): int(block.size) for block in blocks if str(block.id).startswith(f"{upload}-")}


async def commit(
    target: Target,
    names: Iterable[str],
    *,
    settings: ContentSettings | None = None,
    metadata: Mapping[str, str],
    tier: str | None = None,
) -> dict[str, Any]:
    """Make a blob of blocks that wait, in the place of what was there; Transient when one of them is gone."""
    told: dict[str, Any] = {} if tier is None else {"standard_blob_tier": StandardBlobTier(tier)}
    with translated(target.key):
        made: dict[str, Any] = await target.blob.commit_block_list(
            [BlobBlock(name, BlockState.UNCOMMITTED) for name in names], settings, dict(metadata), **told
        )
    return made


async def discard(target: Target, upload: str) -> None:
    """Empty the blocks of an upload; what cannot be emptied now is removed by Azure within a week."""

    async def empty(name: str) -> None:
        await stage(target, name, _EMPTIED, headers=md5_header(_EMPTIED))

    with suppress(MaestroError):
        left = {name for name, size in (await waiting(target, upload)).items() if size > len(_EMPTIED)}
        await for_each(left, empty, at_once=AT_ONCE)
