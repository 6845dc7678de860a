"""Rows as the driver makes them, with their columns as attributes. The one module that knows asyncpg's types."""

from typing import Any

import asyncpg


class Row(asyncpg.Record):  # type: ignore[type-arg,misc,unused-ignore] # asyncpg ships no types of its own
    """A row: `row.name` is `row["name"]`. Made by the driver without a copy, so it costs what a tuple costs."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"the row has no column {name!r}; it has {', '.join(self.keys())}") from None


UniqueViolation = asyncpg.UniqueViolationError
"""What the driver raises when a row breaks a unique index."""
