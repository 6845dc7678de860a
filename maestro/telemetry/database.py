"""Families of the connections to our own database, and of the loaders that read through them."""

from typing import Final

from maestro.telemetry.values import SECONDS, SIZES, Counter, Gauge, Histogram

_LOADERS: Final = 300

POOL_SIZE: Final = Gauge("db_pool_size", "Connections that pools may have.")
POOL_USED: Final = Gauge("db_pool_checked_out", "Connections of pools that are in use.")
POOL_IDLE: Final = Gauge("db_pool_idle", "Connections of pools that are open and not in use.")
POOL_OVERFLOW: Final = Gauge("db_pool_overflow", "Connections of pools beyond their size; none are allowed.")
POOL_WAIT: Final = Histogram(
    "db_pool_wait_seconds", "Time that work waited for a connection of the pool, and for its making.", bounds=SECONDS
)
POOL_FAILURES: Final = Counter(
    "db_pool_failures_total", "Work that got no connection: `timeout` of the pool, or `lost` database.", ["reason"]
)
STATEMENTS: Final = Counter("db_statements_total", "Statements that the server has begun on its own database.")
STATEMENT_TIME: Final = Histogram(
    "db_statement_duration_seconds",
    "Time of statements until their rows were there: a `read` by itself, or within a `transaction`.",
    ["in"],
    bounds=(0.0005, *SECONDS),
)
TRANSACTIONS: Final = Counter(
    "db_transactions_total", "Transactions that were `committed`, or `failed` and rolled back.", ["outcome"]
)

FETCHES: Final = Counter(
    "loader_fetches_total", "Rounds in which a loader was asked for keys.", ["loader"], most=_LOADERS
)
KEYS: Final = Counter("loader_keys_total", "Keys for which a loader was asked.", ["loader"], most=_LOADERS)
LOADER_STATEMENTS: Final = Counter(
    "loader_statements_total",
    "Statements of a loader's own that it has run; those that it puts together anew are not among them.",
    ["loader"],
    most=_LOADERS,
)
LOADER_TIME: Final = Counter(
    "loader_fetch_seconds_total", "Time that a loader's rounds took.", ["loader"], most=_LOADERS
)
LOADER_ERRORS: Final = Counter(
    "loader_failures_total", "Rounds of a loader that failed as a whole.", ["loader"], most=_LOADERS
)
BATCH: Final = Histogram("loader_batch_keys", "How many keys came together in one round of a loader.", bounds=SIZES)
