"""What processes can be profiled for; what it takes is loaded when it is first asked for."""

import asyncio
from collections.abc import Mapping
from importlib import import_module
from typing import Final

from maestro.db.rows import Row
from maestro.db.tables.enums import ProfileKind
from maestro.profiles import process_name
from ops.profiling.agent import Taker
from ops.profiling.files import Found

MAKERS: Final[Mapping[ProfileKind, str]] = {
    ProfileKind.CPU: "ops.profiling.cpu:cpu_profile",
    ProfileKind.MEMORY: "ops.profiling.memory:memory_profile",
    ProfileKind.OPERATIONS: "ops.profiling.operations:operations_profile",
}
"""The functions that make them, on the loop of the process: given seconds, `process`, and their options."""


def taker(kind: ProfileKind) -> Taker:
    """Return what takes a profile of a kind up."""
    module, _, name = MAKERS[kind].partition(":")

    async def take(row: Row) -> Found:
        # The profiler takes a tenth of a second to load, and most processes are never profiled.
        make = getattr(await asyncio.to_thread(import_module, module), name)
        found: Found = await make(row.seconds, process=process_name(), **row.options)
        return found

    return take


TAKERS: Final[Mapping[ProfileKind, Taker]] = {kind: taker(kind) for kind in (ProfileKind.CPU, ProfileKind.MEMORY)}
"""What any process can be profiled for: its loop's thread, and its memory."""
