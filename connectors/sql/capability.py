"""What a database or warehouse can do: one protocol a verb, whole in their contracts, so that a vendor is one class.

Statements are in the vendor's own SQL, with the vendor's own placeholders for positional parameters: `$1` in
PostgreSQL, `%s` in MySQL, `?` in Snowflake and BigQuery. Values never become part of a statement's text, but for
MySQL, whose driver writes them into it as literals. Results are
Arrow record batches; drivers that block run in threads. Whatever fails raises:

- InvalidInput for a statement that the vendor does not understand, with `position` where it tells one, and for
  parameters that do not fit;
- NotFound for a table, schema or database that is not there;
- Forbidden, when the credentials are wrong or do not suffice, and for a write where only reads are allowed;
- TimedOut, when the statement took longer than it may: it has been stopped at the vendor;
- Conflict for a row that breaks a key or another constraint: nothing of the statement is kept;
- Transient, which may be tried again: the network, a server that is busy or restarting, a deadlock;
- NotSupported for what this vendor cannot do; ConnectorFailed for everything else.

Where a vendor tells them, `vendorCode` and `requestId` are in the details. When a caller is cancelled, the statement is
stopped at the vendor, within seconds.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from maestro.column_types import ColumnType as ColumnType

if TYPE_CHECKING:
    from pyarrow import RecordBatch, Schema

BATCH_ROWS: Final = 65_536
"""Most rows of a batch when the caller asks for no other number."""
TIMEOUT_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table or a result: its name, what it holds, and the vendor's own name for that."""

    name: str
    type: ColumnType
    vendor_type: str
    is_nullable: bool = True
    is_key: bool = False
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A table or view; the rows and bytes are the vendor's estimates, None where it has none."""

    schema: str
    name: str
    kind: str
    """TABLE, VIEW, MATERIALIZED_VIEW or EXTERNAL."""
    rows: int | None = None
    size: int | None = None
    comment: str | None = None


class Identify(Protocol):
    """The cheapest thing that needs the credentials."""

    async def identify(self) -> str:
        """Return whom the vendor takes us for, and what answers: user and version."""
        ...


class Browse(Protocol):
    """Look at what there is."""

    async def schemas(self) -> Sequence[str]:
        """Return the names of the schemas or data sets that can be seen, without the vendor's own."""
        ...

    async def tables(
        self, schema: str | None = None, *, after: tuple[str, str] | None = None, limit: int = 1000
    ) -> Sequence[Table]:
        """Return tables and views, of one schema or all, by schema and name; those that follow on `after`."""
        ...

    async def columns(self, schema: str, table: str) -> Sequence[Column]:
        """Return the columns of a table in their order; NotFound."""
        ...


class Result(Protocol):
    """What a statement answers: known at once, read as it is asked for."""

    @property
    def columns(self) -> Sequence[Column]:
        """The columns; none for a statement that answers no rows."""
        ...

    @property
    def schema(self) -> "Schema":
        """The same as a schema of Arrow, which all batches have."""
        ...

    @property
    def query_id(self) -> str | None:
        """The vendor's own id of the statement."""
        ...

    @property
    def affected(self) -> int | None:
        """How many rows a write has changed; None for a read."""
        ...

    def batches(self) -> "AsyncIterator[RecordBatch]":
        """Yield the rows, a batch at a time; no more than some batches are in memory."""
        ...


class Query(Protocol):
    """Ask."""

    def query(
        self,
        statement: str,
        parameters: Sequence[Any] = (),
        *,
        timeout_s: float = TIMEOUT_S,
        is_writing: bool = False,
        batch_rows: int = BATCH_ROWS,
    ) -> AbstractAsyncContextManager[Result]:
        """Run one statement for a block; left early, it is stopped.

        Unless `is_writing`, the vendor itself is told to refuse writes where it can be, and nothing is ever committed.
        """
        ...


class Prepared(Protocol):
    """A statement that the vendor has understood once."""

    async def rows(self, parameters: Sequence[Any] = (), *, timeout_s: float = TIMEOUT_S) -> Sequence[tuple[Any, ...]]:
        """Run it, and return its rows."""
        ...


class Prepare(Protocol):
    """Understand once, run often."""

    def prepare(self, statement: str) -> AbstractAsyncContextManager[Prepared]:
        """Prepare a statement for a block, by the vendor where it can, otherwise here."""
        ...


class Insert(Protocol):
    """Write rows in bulk."""

    async def insert(
        self, schema: str, table: str, batches: "AsyncIterator[RecordBatch]", *, timeout_s: float = TIMEOUT_S
    ) -> int:
        """Add rows by the quickest way of the vendor, all or none; return how many. The batches name the columns."""
        ...


class Transact(Protocol):
    """Do several things or none."""

    def transaction(self) -> "AbstractAsyncContextManager[Query]":
        """Open a transaction for a block: committed at its end, rolled back by an error; NotSupported."""
        ...


class SqlSource(Identify, Browse, Query, Prepare, Insert, Transact, Protocol):
    """A database with all of it; `str` of it names the place, and holds no secret."""
