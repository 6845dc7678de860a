"""The health of the database and its slow statements in the schema."""

from datetime import datetime
from typing import Annotated, Any

import strawberry
from strawberry.types import Info

import resolvers.database
from execution.declare import column
from maestro.access import Permission
from ops.database.findings import Finding, FindingKind, IndexHealth, Severity, TableHealth
from ops.database.health import Health
from ops.database.slow_statements import SlowStatement as Counted
from ops.database.slow_statements import SlowStatements as Found
from ops.database.slow_statements import StatementOrder
from schema.enums import described
from schema.guards import query
from schema.nodes import RowBacked
from schema.scalars import BigInt

described(
    Severity,
    "How bad something is.",
    {
        "INFO": "Good to know.",
        "WARNING": "Costs time or room; to be looked at in the next days.",
        "CRITICAL": "Ends badly if nobody does anything.",
    },
)
described(
    FindingKind,
    "What can be found out about the database.",
    {
        "UNUSED_INDEX": "No query reads an index, and each write has to keep it up.",
        "DUPLICATE_INDEX": "Two indexes are the same.",
        "REDUNDANT_INDEX": "An index is the beginning of another one.",
        "INVALID_INDEX": "An index was not built to its end: it is kept up and answers nothing.",
        "BLOATED_INDEX": "An index takes more than twice the room that it needs, as its statistics tell.",
        "MISSING_INDEX": "A reference of a large table has no index.",
        "DEAD_ROWS": "Many rows of a table are dead.",
        "BLOATED_TABLE": "A table takes more than twice the room that it needs, as its statistics tell.",
        "NEVER_ANALYZED": "A table has rows and no statistics.",
        "STALE_STATISTICS": "Much of a table has changed since its statistics were taken.",
        "OLD_TRANSACTION_IDS": "A table should have been frozen: PostgreSQL stops when its transaction ids run out.",
        "LOW_HIT_RATE": "Much is read that is not in PostgreSQL's memory.",
        "LONG_TRANSACTION": "A transaction has been open for minutes.",
        "IDLE_IN_TRANSACTION": "A program has left a transaction open and does nothing in it.",
        "PREPARED_TRANSACTION": "A prepared transaction waits for its end.",
        "RETAINED_WAL": "A replication slot keeps much of the write-ahead log, or has lost it.",
        "AUTOVACUUM_OFF": "Nobody removes dead rows.",
        "STATISTICS_HIDDEN": "The server's account may not see what other accounts do.",
    },
)
described(
    StatementOrder,
    "By what statements are sorted, the most first.",
    {
        "TOTAL_TIME": "The time of all calls together.",
        "MEAN_TIME": "The time of a call on average.",
        "MAX_TIME": "The time of the longest call.",
        "CALLS": "How often they were called.",
        "ROWS": "How many rows they returned or changed.",
        "READS": "How many pages they read that were not in PostgreSQL's memory.",
    },
)


@strawberry.type(description="Something about the database that is not as it should be, and what helps.")
class DatabaseFinding(RowBacked):
    """A finding in place of a row."""

    row: strawberry.Private[Finding]

    kind: FindingKind = column("What it is.")
    severity: Severity = column("How bad it is.")
    subject: str = column("What it is about: a table, an index, a slot, a process of the database.")
    value: float | None = column("The number that tells; null where there is none.")
    unit: str | None = column("What the number counts: `bytes`, `rows`, `seconds`, `transactions` or `ratio`.")
    message: str = column("What is wrong, for people.")
    remedy: str = column("What helps, for people.")
    sql: str | None = column("What the owner of the tables runs for it; null where nothing is to be run.")


@strawberry.type(description="A table of the database. Rows are estimates of PostgreSQL's, bloat is one of ours.")
class DatabaseTable(RowBacked):
    """A table's health in place of a row."""

    row: strawberry.Private[TableHealth]

    name: str = column("Its name.")
    live_rows: BigInt = column("Rows that are there.")
    dead_rows: BigInt = column("Rows that were changed or removed and still take room.")
    dead_ratio: float = column("The part that is dead of its rows, or of its long values where that is more.")
    modified_rows: BigInt = column("Rows that were written since its statistics were taken.")
    total_bytes: BigInt = column("Its size with long values and indexes.")
    table_bytes: BigInt = column("The size of the table itself.")
    toast_bytes: BigInt = column("The size of its long values, which PostgreSQL keeps apart.")
    index_bytes: BigInt = column("The size of its indexes.")
    bloat_bytes: BigInt | None = column("How much of the table is empty, estimated; null while it has no statistics.")
    transaction_age: BigInt = column("How many transactions ago the oldest of its rows was written that is not frozen.")
    last_vacuum_at: datetime | None = column("When its dead rows were last removed; null for never.")
    last_analyze_at: datetime | None = column("When its statistics were last taken; null for never.")
    options: list[str] = column("Its storage parameters.")


@strawberry.type(description="An index of the database.")
class DatabaseIndex(RowBacked):
    """An index's health in place of a row."""

    row: strawberry.Private[IndexHealth]

    name: str = column("Its name.")
    table: str = column("The table that it is of.")
    size_bytes: BigInt = column("Its size.")
    bloat_bytes: BigInt | None = column("How much of it is empty, estimated; null where that cannot be told.")
    scans: BigInt = column("How often queries have read it.")
    is_unique: bool = column("Whether it keeps rows from being equal.")
    is_valid: bool = column("Whether queries can read it.")


@strawberry.type(description="The health of the database that all organisations share.")
class DatabaseHealth:
    """What was found out."""

    health: strawberry.Private[Health]

    @strawberry.field(description="When this was looked at.")
    def taken_at(self) -> datetime:
        """Return the moment."""
        return self.health.activity.taken_at

    @strawberry.field(description="Since when PostgreSQL has counted what is read.")
    def statistics_since(self) -> datetime:
        """Return the moment."""
        return self.health.activity.statistics_since

    @strawberry.field(description="The version of PostgreSQL.")
    def server_version(self) -> str:
        """Return the version."""
        return self.health.activity.server_version

    @strawberry.field(description="The size of the database.")
    def size_bytes(self) -> BigInt:
        """Return the size."""
        return BigInt(self.health.activity.size_bytes)

    @strawberry.field(description="The part of the pages that were in PostgreSQL's memory; null before any was read.")
    def hit_rate(self) -> float | None:
        """Return the rate."""
        return self.health.activity.hit_rate

    @strawberry.field(description="The same of the pages of indexes.")
    def index_hit_rate(self) -> float | None:
        """Return the rate."""
        return self.health.activity.index_hit_rate

    @strawberry.field(description="What is not as it should be, the worst first.")
    def findings(self) -> list[DatabaseFinding]:
        """Return the findings."""
        return [DatabaseFinding(row=one) for one in self.health.findings]

    @strawberry.field(description="The tables, the largest first.")
    def tables(self) -> list[DatabaseTable]:
        """Return the tables."""
        return [DatabaseTable(row=one) for one in self.health.tables]

    @strawberry.field(description="The indexes, the largest first.")
    def indexes(self) -> list[DatabaseIndex]:
        """Return the indexes."""
        return [DatabaseIndex(row=one) for one in self.health.indexes]


@strawberry.type(description="A statement that the database has run, over all its calls.")
class SlowStatement(RowBacked):
    """A statement's counts in place of a row."""

    row: strawberry.Private[Counted]

    id: str = column("PostgreSQL's number for statements that are alike.")
    text: str = column("The statement; `$1` or `?` stands for each value, there is never one.")
    role: str = column("The role that ran it.")
    calls: BigInt = column("How often it was run.")
    total_ms: float = column("How long all calls took together.")
    mean_ms: float = column("How long a call took on average.")
    max_ms: float = column("How long the longest call took.")
    share: float = column("Its part of the time that all statements of the database took.")
    rows: BigInt = column("How many rows all calls returned or changed.")
    hit_rate: float | None = column("The part of its pages that were in PostgreSQL's memory; null when it read none.")
    reads: BigInt = column("Pages of 8 KiB that were not.")
    temporary: BigInt = column("Pages that it had to write since they did not fit into memory.")


@strawberry.type(description="What the database spends its time on.")
class SlowStatements:
    """What was counted."""

    found: strawberry.Private[Found]

    @strawberry.field(description="Since when it was counted; null when nothing was.")
    def since(self) -> datetime | None:
        """Return the moment."""
        return self.found.since

    @strawberry.field(description="How many statements are of accounts whose texts the server's account may not see.")
    def hidden(self) -> int:
        """Return the count."""
        return self.found.hidden

    @strawberry.field(description="The statements.")
    def statements(self) -> list[SlowStatement]:
        """Return the statements."""
        return [SlowStatement(row=one) for one in self.found.statements]


@strawberry.type
class DatabaseQueries:
    """Root fields."""

    @query(
        Permission.MAINTENANCE_RUN,
        description="How the database is; for members of the server's first organisation alone.",
    )
    async def database_health(self, info: Info[Any, Any]) -> DatabaseHealth:
        """Look."""
        return DatabaseHealth(health=await resolvers.database.health(info.context))

    @query(
        Permission.MAINTENANCE_RUN,
        description="What the database spends its time on; for members of the server's first organisation alone.",
    )
    async def slow_statements(
        self,
        info: Info[Any, Any],
        first: Annotated[int, strawberry.argument(description="How many; at most 200.")] = 20,
        order_by: Annotated[
            StatementOrder, strawberry.argument(description="By what they are sorted, the most first.")
        ] = StatementOrder.TOTAL_TIME,
    ) -> SlowStatements:
        """Look."""
        return SlowStatements(found=await resolvers.database.slowest(info.context, first=first, order=order_by))
