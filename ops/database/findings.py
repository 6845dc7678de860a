"""What is found out about the database: how bad it is, by which number, and what helps."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Severity(StrEnum):
    """How bad something is, the least first."""

    INFO = "INFO"
    WARNING = "WARNING"
    CRITICAL = "CRITICAL"


class FindingKind(StrEnum):
    """What can be found out."""

    UNUSED_INDEX = "UNUSED_INDEX"
    DUPLICATE_INDEX = "DUPLICATE_INDEX"
    REDUNDANT_INDEX = "REDUNDANT_INDEX"
    INVALID_INDEX = "INVALID_INDEX"
    BLOATED_INDEX = "BLOATED_INDEX"
    MISSING_INDEX = "MISSING_INDEX"
    DEAD_ROWS = "DEAD_ROWS"
    BLOATED_TABLE = "BLOATED_TABLE"
    NEVER_ANALYZED = "NEVER_ANALYZED"
    STALE_STATISTICS = "STALE_STATISTICS"
    OLD_TRANSACTION_IDS = "OLD_TRANSACTION_IDS"
    LOW_HIT_RATE = "LOW_HIT_RATE"
    LONG_TRANSACTION = "LONG_TRANSACTION"
    IDLE_IN_TRANSACTION = "IDLE_IN_TRANSACTION"
    PREPARED_TRANSACTION = "PREPARED_TRANSACTION"
    RETAINED_WAL = "RETAINED_WAL"
    AUTOVACUUM_OFF = "AUTOVACUUM_OFF"
    STATISTICS_HIDDEN = "STATISTICS_HIDDEN"


SEVERITIES = tuple(Severity)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be.

    `value` is the number that tells, in `unit` (`bytes`, `rows`, `seconds`, `transactions` or `ratio`). `remedy` says
    in words what helps, and `sql` what to run for it, as the owner of the tables; None where nothing is to be run.
    """

    kind: FindingKind
    severity: Severity
    subject: str
    message: str
    remedy: str
    value: float | None = None
    unit: str | None = None
    sql: str | None = None


@dataclass(frozen=True, slots=True)
class IndexHealth:
    """An index. `bloat_bytes` is estimated from the statistics of its columns; None where that cannot be done."""

    name: str
    table: str
    size_bytes: int
    scans: int
    is_unique: bool
    is_valid: bool
    bloat_bytes: int | None
    keys: tuple[str, ...] = ()
    """What it is sorted by, each with its operator class, collation and direction; empty unless it is a B-tree."""
    condition: str = ""
    is_constraint: bool = False
    """Whether a constraint rests on it."""

    @property
    def bloat_ratio(self) -> float | None:
        """The part of its size that is estimated to be empty."""
        return None if self.bloat_bytes is None else self.bloat_bytes / self.size_bytes if self.size_bytes else 0.0


@dataclass(frozen=True, slots=True)
class TableHealth:
    """A table: sizes in bytes, rows as PostgreSQL estimates them, and when it was last looked after."""

    name: str
    live_rows: int
    dead_rows: int
    modified_rows: int
    """Rows that were written since it was last analysed."""
    table_bytes: int
    toast_bytes: int
    """Long values, which lie apart."""
    index_bytes: int
    toast_live_rows: int
    toast_dead_rows: int
    bloat_bytes: int | None
    transaction_age: int
    """How many transactions ago its oldest row was written that is not frozen."""
    multixact_age: int
    last_vacuum_at: datetime | None
    last_analyze_at: datetime | None
    options: tuple[str, ...] = ()
    """Its storage parameters, like `fillfactor=85`."""

    @property
    def total_bytes(self) -> int:
        """Its size with long values and indexes."""
        return self.table_bytes + self.toast_bytes + self.index_bytes

    @property
    def dead_ratio(self) -> float:
        """The part of its rows that is dead, or of the pieces of its long values where that is more."""
        pairs = ((self.dead_rows, self.live_rows), (self.toast_dead_rows, self.toast_live_rows))
        return max(dead / (dead + live) if dead + live else 0.0 for dead, live in pairs)

    @property
    def bloat_ratio(self) -> float | None:
        """The part of the table itself that is estimated to be empty."""
        return None if self.bloat_bytes is None else self.bloat_bytes / self.table_bytes if self.table_bytes else 0.0
