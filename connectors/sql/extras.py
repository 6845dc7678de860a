"""What only warehouses can do, and not every SQL source: small protocols beside those of `capability`, same errors."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol, runtime_checkable

from connectors.sql.capability import Result
from maestro.warehouse_sizes import WarehouseSize as WarehouseSize

HISTORY: Final = 100
"""Most statements that are told of when the caller asks for no other number."""


@dataclass(frozen=True, slots=True)
class Warehouse:
    """What computes for Snowflake: it costs while it has not been suspended."""

    name: str
    size: str
    """In the vendor's word, like `X-Small`."""
    state: str
    """STARTED, SUSPENDED, or what leads from one to the other."""
    running: int
    queued: int
    auto_suspend_s: int | None
    """It is suspended when it has been idle for so long; None for never."""
    comment: str | None = None


class Warehouses(Protocol):
    """Look after warehouses; a name is taken as it is, with its capitals."""

    async def warehouses(self) -> Sequence[Warehouse]:
        """Return the warehouses that can be seen, by name."""
        ...

    async def create_warehouse(self, name: str, size: WarehouseSize, *, auto_suspend_s: int = 60) -> None:
        """Make one that is suspended, and starts when it is asked something; Conflict when there is one."""
        ...

    async def resize_warehouse(self, name: str, size: WarehouseSize) -> None:
        """Give it another size, for statements that begin from now on; NotFound."""
        ...

    async def suspend_warehouse(self, name: str) -> None:
        """Let it end what it does, and stop costing; NotFound, Conflict when it is suspended."""
        ...

    async def resume_warehouse(self, name: str) -> None:
        """Start it again; nothing happens to one that runs. NotFound."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """A statement or another job that the vendor has run or runs; what it does not tell is None."""

    id: str
    kind: str
    """SELECT, INSERT, LOAD and so on, in the vendor's words."""
    state: str
    """RUNNING, SUCCEEDED, FAILED, or PENDING; in the vendor's word where it is another."""
    statement: str | None = None
    user: str | None = None
    started_at: datetime | None = None
    took_s: float | None = None
    scanned_bytes: int | None = None
    billed_bytes: int | None = None
    slot_s: float | None = None
    """Seconds of BigQuery's slots."""
    rows: int | None = None
    warehouse: str | None = None
    error: str | None = None


class History(Protocol):
    """Look back at what ran."""

    async def history(self, *, since: datetime | None = None, limit: int = HISTORY) -> Sequence[Ran]:
        """Return what began last, the latest first."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """An operator of a plan, or of a statement that has run."""

    id: int
    kind: str
    parents: tuple[int, ...] = ()
    """Into which operators its rows go."""
    share: float | None = None
    """Which part of the whole time it took, from 0 to 1."""
    rows_in: int | None = None
    rows_out: int | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)


class Profile(Protocol):
    """Look into what ran."""

    async def profile(self, query_id: str) -> Sequence[Step]:
        """Return the operators of a statement that has run; NotFound."""
        ...


class Explain(Protocol):
    """Look at what would run."""

    async def explain(self, statement: str, parameters: Sequence[Any] = ()) -> Sequence[Step]:
        """Return the plan of a statement, which is not run."""
        ...


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a statement would read and be, as the vendor reckons before it runs; `scanned_bytes` is what is billed."""

    kind: str
    scanned_bytes: int


class Reckon(Protocol):
    """Ask for the price first."""

    async def estimate(self, statement: str) -> Estimate:
        """Return what a statement would read, whatever its parameters are; it is not run, and costs nothing."""
        ...


@runtime_checkable
class Peek(Protocol):
    """Look at the beginning of a table without paying for all of it."""

    def peek(self, schema: str, table: str, *, rows: int) -> AbstractAsyncContextManager[Result]:
        """Give the first rows of a table or view for a block; NotFound."""
        ...


class Jobs(History, Protocol):
    """Look after jobs of BigQuery."""

    async def job(self, job_id: str) -> Ran:
        """Return a job as it is now; NotFound."""
        ...

    async def cancel_job(self, job_id: str) -> None:
        """Ask for a job to be stopped, which takes seconds; nothing happens to one that has ended. NotFound."""
        ...


class Datasets(Protocol):
    """Make and remove data sets of BigQuery."""

    async def create_dataset(self, name: str, *, location: str | None = None) -> None:
        """Make one, where the connector's are unless told; Conflict when there is one."""
        ...

    async def delete_dataset(self, name: str, *, with_tables: bool = False) -> None:
        """Remove one; NotFound, Conflict when there are tables in it that are not to go with it."""
        ...


class StreamRows(Protocol):
    """Write single rows that can be read within seconds, each of which costs."""

    async def stream_rows(self, schema: str, table: str, rows: Sequence[Mapping[str, Any]]) -> int:
        """Add rows, 500 at a time; InvalidInput with `row` for one that does not fit, with none of its 500 added."""
        ...
