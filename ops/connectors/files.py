"""The rows of small files: CSV, JSON lines and Parquet, by the ends of their names."""

import csv
import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from itertools import islice
from pathlib import PurePosixPath
from typing import Any, Final

import orjson

from connectors.sql.capability import Column, ColumnType
from ops.connectors.rows import values_of

_ARROW: Final = {
    "bool": ColumnType.BOOLEAN,
    "int": ColumnType.INTEGER,
    "uint": ColumnType.INTEGER,
    "half": ColumnType.FLOAT,
    "float": ColumnType.FLOAT,
    "double": ColumnType.FLOAT,
    "decimal": ColumnType.DECIMAL,
    "string": ColumnType.TEXT,
    "large_string": ColumnType.TEXT,
    "binary": ColumnType.BINARY,
    "date": ColumnType.DATE,
    "timestamp": ColumnType.TIMESTAMP,
    "time": ColumnType.TIME,
    "duration": ColumnType.INTERVAL,
    "list": ColumnType.ARRAY,
    "struct": ColumnType.STRUCT,
}
"""What the names of Arrow's types begin with; of several the longest counts."""
_PYTHON: Final[Mapping[type, ColumnType]] = {
    bool: ColumnType.BOOLEAN,
    int: ColumnType.INTEGER,
    float: ColumnType.FLOAT,
    str: ColumnType.TEXT,
    list: ColumnType.ARRAY,
    dict: ColumnType.STRUCT,
}
_NUMBERS: Final[tuple[tuple[re.Pattern[str], Callable[[str], Any]], ...]] = (
    (re.compile(r"-?(0|[1-9]\d{0,30})"), int),
    (re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?"), float),
)
"""How numbers are written. What begins with a 0 is none: it may be a postcode."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """Columns and rows."""

    columns: Sequence[Column] = ()
    rows: Sequence[Sequence[Any]] = field(default_factory=list)


def parsed(key: str, content: bytes, *, limit: int) -> Parsed | None:
    """Return the first rows of a file that lies under a key; None for what is none of the kinds, or is damaged."""
    read = _READERS.get(PurePosixPath(key).suffix.lower())
    return None if read is None else read(content, limit)


def inferred(documents: Sequence[Mapping[str, Any]]) -> Parsed:
    """Return documents as rows: a column a field of the top, in the order in which they occur."""
    names = list(dict.fromkeys(str(name) for one in documents for name in one))
    rows = [[one.get(name) for name in names] for one in documents]
    columns = [_column(name, [row[place] for row in rows]) for place, name in enumerate(names)]
    return Parsed(columns, rows)


def _column(name: str, values: Sequence[Any]) -> Column:
    kinds = {type(value) for value in values if value is not None}
    if kinds == {int, float}:
        kinds = {float}
    known = _PYTHON.get(next(iter(kinds)), ColumnType.OTHER) if len(kinds) == 1 else ColumnType.JSON
    told = " or ".join(sorted(kind.__name__ for kind in kinds)) or "null"
    return Column(name, known, told, is_nullable=None in values)


def _csv(content: bytes, limit: int, delimiter: str = ",") -> Parsed | None:
    try:
        lines = csv.reader(io.StringIO(content.decode("utf-8-sig")), delimiter=delimiter, strict=True)
        header, *rows = list(islice(lines, limit + 1)) or [[]]
    except (UnicodeDecodeError, csv.Error):
        return None
    even = [[*row[: len(header)], *[""] * (len(header) - len(row))] for row in rows]
    read = [_numbers([row[place] for row in even]) for place in range(len(header))]
    columns = [_column(name, values) for name, values in zip(header, read, strict=True)]
    return Parsed(columns, list(zip(*read, strict=True)))


def _numbers(texts: Sequence[str]) -> list[Any]:
    """Return the fields of a column as numbers where all are, as texts otherwise; an empty one is null."""
    kind = next((kind for form, kind in _NUMBERS if all(not text or form.fullmatch(text) for text in texts)), str)
    return [kind(text) if text else None for text in texts]


def _json_lines(content: bytes, limit: int) -> Parsed | None:
    try:
        documents = [orjson.loads(line) for line in islice(content.splitlines(), limit) if line.strip()]
    except orjson.JSONDecodeError:
        return None
    if not all(isinstance(one, dict) for one in documents):
        return None
    return inferred(documents)


def _parquet(content: bytes, limit: int) -> Parsed | None:
    try:
        library, reading = import_module("pyarrow"), import_module("pyarrow.parquet")
    except ModuleNotFoundError:
        return None
    try:
        with reading.ParquetFile(io.BytesIO(content)) as file:
            batch = next(file.iter_batches(batch_size=limit), None)
            fields = list(file.schema_arrow)
    except (library.ArrowException, OSError):
        return None
    columns = [_of_arrow(one) for one in fields]
    if batch is None:
        return Parsed(columns)
    return Parsed(columns, list(zip(*(values_of(column) for column in batch.columns), strict=True)))


def _of_arrow(one: Any) -> Column:
    name = str(one.type)
    beginnings = sorted((start for start in _ARROW if name.startswith(start)), key=len)
    known = _ARROW[beginnings[-1]] if beginnings else ColumnType.OTHER
    return Column(one.name, known, name, is_nullable=bool(one.nullable))


_READERS: Final = {
    ".csv": _csv,
    ".tsv": lambda content, limit: _csv(content, limit, "\t"),
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".parquet": _parquet,
}
