"""Which function runs which errand: `(openings, arguments as plain JSON) -> answer as plain JSON`."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final
from uuid import UUID

from maestro.errands import ErrandKind
from maestro.vendor_errors import TimedOut
from ops.connectors import administering, browsing, inspecting, previewing, querying, signing, testing
from ops.connectors.opening import Openings

Errand = Callable[[Openings, dict[str, Any]], Awaitable[dict[str, Any]]]


async def _test(openings: Openings, asked: dict[str, Any]) -> dict[str, Any]:
    return await testing.examine(
        openings,
        UUID(asked["connector_id"]),
        UUID(asked["organization_id"]),
        trigger=asked["trigger"],
        writes=asked["writes"],
    )


ERRANDS: Final[Mapping[ErrandKind, Errand]] = {
    ErrandKind.TEST: _test,
    ErrandKind.OBJECTS: browsing.objects,
    ErrandKind.SCHEMAS: browsing.schemas,
    ErrandKind.TABLES: browsing.tables,
    ErrandKind.COLUMNS: browsing.columns,
    ErrandKind.COLLECTIONS: browsing.collections,
    ErrandKind.FIELDS: browsing.fields,
    ErrandKind.EXPERIMENTS: browsing.experiments,
    ErrandKind.PREVIEW: previewing.preview,
    ErrandKind.QUERY: querying.query,
    ErrandKind.AGGREGATION: querying.aggregation,
    ErrandKind.INSPECT: inspecting.inspect,
    ErrandKind.ADMINISTER: administering.administer,
    ErrandKind.SIGN: signing.sign,
    ErrandKind.ARRIVED: signing.arrived,
}


async def carry_out(
    openings: Openings, kind: ErrandKind, arguments: dict[str, Any], *, timeout_s: float
) -> dict[str, Any]:
    """Run an errand and return its answer; TimedOut after so many seconds, else its errors."""
    try:
        async with asyncio.timeout(timeout_s):
            return await ERRANDS[kind](openings, arguments)
    except TimeoutError:
        raise TimedOut(
            f"The connector has not answered in {timeout_s:g} s.",
            hint="Ask for less, or look by testConnector whether it can be reached.",
            timeoutSeconds=timeout_s,
        ) from None
