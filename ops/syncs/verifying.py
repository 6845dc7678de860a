"""The proof of a sync: both ends listed once more, and counted."""

from contextlib import aclosing
from typing import Any, Final

from maestro.progress import Progress
from maestro.sync_options import SyncOptions
from ops.syncs.comparing import Likeness, likeness, pairs
from ops.syncs.ends import Ends

SAMPLES: Final = 10


async def verify(ends: Ends, options: SyncOptions, *, progress: Progress) -> dict[str, Any]:
    """Compare the lists of both ends by sizes and the digests that they tell, and return what was found, as JSON.

    `differing` are objects of the source that the target has not, or of another size or digest; `extra` are those that
    only the target has.
    """
    found = {"objects": 0, "bytes": 0, "differing": 0, "extra": 0}
    samples: list[str] = []
    async with aclosing(pairs(ends, options.selection, lambda _: None)) as compared:
        async for pair in compared:
            if pair.source is None:
                found["extra"] += 1
                continue
            found["objects"] += 1
            found["bytes"] += pair.source.size
            if pair.target is None or _differ(pair.source, pair.target, ends):
                found["differing"] += 1
                samples.append(pair.key)
            if found["objects"] % 1000 == 0:
                progress("Verifying", found["objects"], unit="objects")
    return {**found, "samples": samples[:SAMPLES]}


def _differ(source: Any, target: Any, ends: Ends) -> bool:
    return likeness(source, target, are_of_one_vendor=ends.are_of_one_vendor) is Likeness.OTHER
