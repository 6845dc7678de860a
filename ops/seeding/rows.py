"""Rows on their way into the database: gathered by table, then written with COPY."""

from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol, TypeAlias
from uuid import UUID

from uuid_utils.compat import uuid7

from maestro.db.engine import Transaction
from maestro.db.tables import Base

Progress: TypeAlias = Callable[[int, int, str], None]
"""Is told how many of how many are done, and of what."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Owner(Protocol):
    """Whose the rows are, and who is said to have made them."""

    @property
    def user_id(self) -> UUID: ...
    @property
    def organization_id(self) -> UUID: ...


class Rows:
    """Rows of one organisation, by table in the order in which the tables were first named."""

    def __init__(self, organization_id: UUID) -> None:
        self.organization_id = organization_id
        self._columns: dict[str, tuple[str, ...]] = {}
        self._records: dict[str, list[tuple[Any, ...]]] = defaultdict(list)

    def add(self, table: type[Base], /, **values: Any) -> None:
        """Take in a row; all rows of a table have the same columns in the same order."""
        written = table.__tablename__
        if self._columns.setdefault(written, tuple(values)) != tuple(values):
            raise ValueError(f"rows of {written} with different columns")
        self._records[written].append((self.organization_id, *values.values()))

    def of(self, table: str) -> list[tuple[Any, ...]]:
        """Return the rows of a table by its name, the organisation first."""
        return self._records[table]

    async def copy(self, tx: Transaction) -> None:
        """Write all rows."""
        for name, columns in self._columns.items():
            await tx.copy(name, ["organization_id", *columns], self.of(name))


def key_at(ms: int) -> UUID:
    """Make a UUIDv7 of a moment in milliseconds since 1970, so that ids sort by it."""
    return uuid7(nanoseconds=ms * 1_000_000)


def moment(ms: int) -> datetime:
    """Return milliseconds since 1970 as a moment."""
    return _EPOCH + timedelta(milliseconds=ms)


def milliseconds(at: datetime) -> int:
    """Return a moment as whole milliseconds since 1970."""
    return (at - _EPOCH) // timedelta(milliseconds=1)
