"""Use cases of metric keys."""

from collections.abc import Callable, Mapping
from typing import Any, Final
from uuid import UUID

from sqlalchemy import update as update_of

from maestro.db.rows import Row
from maestro.db.tables import MetricKey
from resolvers import validation
from resolvers.context import Context
from resolvers.writing import Lock, writing

LONGEST_UNIT: Final = 50
CHECKS: Final[dict[str, Callable[[Any], Any]]] = {
    "unit": lambda value: validation.text(value, field="unit", limit=LONGEST_UNIT) or None,
    "direction": str,
}


async def update_key(ctx: Context, key: UUID, changes: Mapping[str, Any]) -> Row:
    """Change `unit` (null takes it away) or `direction` of a metric key; NotFound, InvalidInput."""
    validation.not_null(changes, "unit")
    values = {field: CHECKS[field](value) for field, value in changes.items()}
    columns = MetricKey.__table__.c
    async with writing(ctx) as writer:
        row = await writer.row(MetricKey, key, lock=Lock.CHANGE)
        if not values:
            return row
        return (
            await writer.tx.fetch(update_of(MetricKey).where(columns.id == row.id).values(**values).returning(*columns))
        )[0]
