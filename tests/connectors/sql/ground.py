"""What the contract of SQL sources stands on: statements in a vendor's words, and small ways to read and write."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from datetime import time as clock_time
from decimal import Decimal
from typing import Any, ClassVar
from uuid import uuid4

import pyarrow as pa
import pytest

from connectors.sql.capability import ColumnType, Query, SqlSource
from connectors.sql.frames import table
from tests.connectors.sql.words import Words

MEGABYTE = 1024 * 1024
INDIA = timezone(timedelta(hours=5, minutes=30))
MOMENT = datetime(2024, 2, 29, 12, 30, 15, 123456, tzinfo=UTC)
ODD = "ünï 🙂 'one' \"two\" `three` \\ ; -- % %s %% $1 ? :a @b /* x */ \t\n"
GOOD: dict[str, list[tuple[Any, Any]]] = {
    "boolean": [(True, True), (False, False)],
    "integer": [(0, 0), (-1, -1), (2**63 - 1, 2**63 - 1), (-(2**63), -(2**63)), ("9007199254740993", 2**53 + 1)],
    "float": [(0.1, 0.1), (1e300, 1e300), (-0.5, -0.5), (3, 3.0)],
    "decimal": [
        (Decimal("12345678901234567890123456789.123456789"), Decimal("12345678901234567890123456789.123456789")),
        ("-0.000000001", Decimal("-0.000000001")),
        (7, Decimal(7)),
    ],
    "text": [("", ""), (ODD, ODD), ("x" * 100_000, "x" * 100_000), ("null", "null"), ("2024-02-29", "2024-02-29")],
    "binary": [(b"", b""), (bytes(range(256)), bytes(range(256)))],
    "date": [(date(2024, 2, 29), date(2024, 2, 29)), ("1999-12-31", date(1999, 12, 31))],
    "time": [(clock_time(23, 59, 59, 999999), clock_time(23, 59, 59, 999999)), ("07:08:09", clock_time(7, 8, 9))],
    "timestamp": [
        (MOMENT, MOMENT),
        (datetime(2024, 2, 29, 18, 0, 15, 123456, tzinfo=INDIA), MOMENT),
        ("2024-02-29T12:30:15.123456Z", MOMENT),
        ("2024-02-29T18:00:15.123456+05:30", MOMENT),
        ("2024-02-29T12:30:15.123456", MOMENT),
    ],
    "json": [
        ({"a": [1, None, "ü'"], "b": {"c": True}}, {"a": [1, None, "ü'"], "b": {"c": True}}),
        ([1, "two"], [1, "two"]),
    ],
}
"""By the kind of a column: a value that is given, and the one that is read back."""
HOLDS = {
    "boolean": (ColumnType.BOOLEAN, pa.types.is_boolean),
    "integer": (ColumnType.INTEGER, pa.types.is_int64),
    "float": (ColumnType.FLOAT, pa.types.is_float64),
    "decimal": (ColumnType.DECIMAL, pa.types.is_decimal),
    "text": (ColumnType.TEXT, pa.types.is_string),
    "binary": (ColumnType.BINARY, pa.types.is_binary),
    "date": (ColumnType.DATE, pa.types.is_date32),
    "time": (ColumnType.TIME, pa.types.is_time64),
    "timestamp": (ColumnType.TIMESTAMP, lambda found: found == pa.timestamp("us", "UTC")),
    "json": (ColumnType.JSON, pa.types.is_string),
}
ATTACKS = [
    "' OR '1'='1",
    "'; DROP TABLE {table}; --",
    "\\'; DROP TABLE {table}; -- ",
    '"; DROP TABLE {table}; --',
    "\\",
    "%s",
    "%(name)s",
    "$1",
    "?",
    "{}",
    "\u02bc OR 1=1 --",
    "\xbf' OR 1=1 -- ",
    "x/**/UNION/**/SELECT/**/1",
]
Running = Callable[[str], Awaitable[int]]
"""Tells how many statements with a text in them the vendor runs just now."""
Opening = Callable[..., Any]
"""Opens a source with other settings: `password`, `port` or `database`."""


async def run(source: Query, statement: str, *parameters: Any, **options: Any) -> list[dict[str, Any]]:
    """Read everything."""
    found: list[dict[str, Any]] = (await table(source, statement, parameters, **options)).to_pylist()
    return found


async def write(source: Query, statement: str, *parameters: Any) -> int | None:
    async with source.query(statement, parameters, is_writing=True) as result:
        return result.affected


async def only(source: Query, statement: str, *parameters: Any, **options: Any) -> Any:
    """Read the only value of the only row."""
    (row,) = await run(source, statement, *parameters, **options)
    (value,) = row.values()
    return value


async def streamed(*batches: pa.RecordBatch) -> AsyncIterator[pa.RecordBatch]:
    for batch in batches:
        yield batch


def batch_of(**columns: Sequence[Any] | pa.Array) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(dict(columns))


def as_python(kind: str, value: Any) -> Any:
    """Return a value that was read as it is compared: JSON and decimals may be texts."""
    if value is None or kind not in {"json", "decimal"}:
        return value
    return json.loads(value) if kind == "json" else Decimal(value)


async def until(running: Running, marker: str, *, is_running: bool, within_s: float = 15) -> float:
    """Wait until the vendor runs a statement, or runs it no more; return the seconds that it took."""
    started = time.monotonic()
    while (await running(marker) > 0) is not is_running:
        assert time.monotonic() - started < within_s, f"{marker} runs: {not is_running}"
        await asyncio.sleep(0.03)
    return time.monotonic() - started


class Ground:
    """Subclassed for each vendor, with its words and these fixtures.

    - `source`: an open SqlSource that may read and write; one for all tests, for opening takes time;
    - `schema`: the name of a schema that exists and that the tests may fill; as the vendor keeps it;
    - `running`: a `Running`, which looks into the vendor's list of processes;
    - `opening`: an `Opening`.

    What a vendor lacks is in `lacks`: the name of the feature, and why; its tests are skipped with that.
    """

    words: ClassVar[Words]
    lacks: ClassVar[Mapping[str, str]] = {}
    place: ClassVar[str]
    """What the source's own name begins with."""
    password: ClassVar[str]
    """What never appears anywhere."""
    arrow: ClassVar[Mapping[str, Callable[[pa.DataType], bool]]] = {}
    """What tells the type in Arrow of a kind of column, where it is another than `HOLDS` says."""
    most_connections: ClassVar[int] = 0
    """So many statements run at a time at most."""
    many: ClassVar[int] = 100_000
    """Rows of 1,000 letters which are too many for the memory that a stream may take."""
    share: ClassVar[float] = 0.6
    """The part of those letters that a stream may take at most."""

    def needs(self, *features: str) -> None:
        """Skip a test, visibly, where the vendor lacks what it tries."""
        for feature in features:
            if feature in self.lacks:
                pytest.skip(f"{type(self).__name__.removeprefix('Test')} without {feature}: {self.lacks[feature]}")

    def marks(self, count: int) -> str:
        return ", ".join(self.words.placeholder(number) for number in range(1, count + 1))

    def named(self, schema: str, name: str) -> str:
        """Return a table's name as it is written in a statement."""
        return f"{self.words.quoted(schema)}.{name}"

    async def made(self, source: SqlSource, schema: str, **columns: str) -> str:
        """Make a table with columns of these kinds (or of what follows a column's name), and return its name."""
        name = f"t_{uuid4().hex[:12]}"
        lines = ", ".join(f"{column} {self.words.types.get(kind, kind)}" for column, kind in columns.items())
        await write(source, f"CREATE TABLE {self.named(schema, name)} ({lines})")
        return name

    async def filled(self, source: SqlSource, schema: str, rows: int = 3) -> str:
        """Make a table with `id` from 1 on and `name`, and return its name as it is written in a statement."""
        name = await self.made(source, schema, id="integer", name="text")
        if rows:
            values = ", ".join(f"({number}, 'name {number}')" for number in range(1, rows + 1))
            await write(source, f"INSERT INTO {self.named(schema, name)} (id, name) VALUES {values}")
        return self.named(schema, name)

    def kind(self, kind: str, given: object = None) -> str:
        """Return the vendor's type of a kind of column; skips the test where there is none, or none for a value."""
        self.needs(kind)
        if kind == "timestamp" and isinstance(given, str) and given[-6:].endswith(("Z", "+05:30")):
            self.needs("zones in texts")
        return self.words.types[kind]
