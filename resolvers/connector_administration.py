"""The use case of changing what connectors lead to: warehouses, data sets, buckets, rules and policies."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from pydantic.alias_generators import to_camel

from maestro.db.rows import Row
from maestro.db.tables import Connector
from maestro.errands import ErrandKind
from maestro.errors import InvalidInput
from maestro.storable import require_storable
from resolvers import validation
from resolvers.context import Context
from resolvers.writing import Lock, writing

TIMEOUT_S: Final = 60.0
LONGEST: Final = 2_000
"""Characters of a text, but for those of rows."""
MOST_ROWS: Final = 5_000
MOST_ITEMS: Final = 1_000
"""Rules, grants and metadata of an action."""
LONGEST_PAUSE_S: Final = 30 * 24 * 3600


async def administer(
    ctx: Context, connector_id: UUID, *, action: str, given: Mapping[str, Any]
) -> tuple[Row, int | None]:
    """Have something done at a connector's vendor; return the connector, and how many rows were added.

    What is done is in the audit log before it is begun: whether the vendor has done it when no answer comes, nobody
    knows. InvalidInput, NotFound, Conflict; Forbidden without CONNECTOR_MANAGE, in its project or everywhere;
    NotSupported for a vendor that has nothing of it; errors of errands and of the vendor.
    """
    rows = given.get("rows")
    if rows is not None and not 1 <= len(rows) <= MOST_ROWS:
        raise InvalidInput(f"From 1 to {MOST_ROWS:,} rows are added at a time.", field="action.rows", limit=MOST_ROWS)
    require_storable(rows, field="action.rows")
    _require_objects(given)
    told = {name: value for name, value in given.items() if name != "rows"}
    for name, value in told.items():
        _check(value, field=f"action.{to_camel(name)}")
    async with writing(ctx) as writer:
        connector = await writer.in_use(Connector, connector_id, lock=Lock.KEEP)
        # Rows are data of others, which are not for the log.
        counted = {} if rows is None else {"row_count": len(rows)}
        writer.changed(Connector, connector_id, after={"action": action, **told, **counted})
    ctx.allow(TIMEOUT_S + 5)
    asked = {
        "connector_id": str(connector_id),
        "organization_id": str(ctx.organization_id),
        "action": action,
        "given": dict(given),
    }
    found = await ctx.runtime.errands.run(ErrandKind.ADMINISTER, asked, timeout_s=TIMEOUT_S)
    ctx.loaders.clear()
    return connector, found["row_count"]


def _require_objects(given: Mapping[str, Any]) -> None:
    """Raise InvalidInput where JSON is to be an object, and is something else."""
    if not all(isinstance(row, Mapping) for row in given.get("rows") or ()):
        raise InvalidInput("A row is an object with a member a column.", field="action.rows")
    conditions = [grant.get("condition") for grant in given.get("grants", ())]
    if not all(one is None or isinstance(one, Mapping) for one in conditions):
        raise InvalidInput("A condition is an object.", field="action.grants")
    metadata = given.get("metadata", {})
    if not isinstance(metadata, Mapping) or not all(isinstance(text, str) for text in metadata.values()):
        raise InvalidInput("Metadata are an object of texts.", field="action.metadata")


def _check(value: Any, *, field: str) -> None:
    """Raise InvalidInput for what is too long, too much, or a number below zero."""
    match value:
        case str():
            validation.text(value, field=field, limit=LONGEST)
        case bool():
            return
        case int() if not 0 <= value <= LONGEST_PAUSE_S:
            raise InvalidInput(f"{field} is from 0 to {LONGEST_PAUSE_S:,}.", field=field, limit=LONGEST_PAUSE_S)
        case Mapping() | list():
            if len(value) > MOST_ITEMS:
                raise InvalidInput(f"{field} has at most {MOST_ITEMS:,} items.", field=field, limit=MOST_ITEMS)
            items = value.items() if isinstance(value, Mapping) else enumerate(value)
            for name, inner in items:
                _check(str(name), field=field)
                _check(inner, field=f"{field}.{to_camel(str(name))}")
