"""What there is on a server of MySQL, out of its information_schema."""

from collections.abc import Sequence
from typing import Any, Final

from connectors.sql.capability import Column, ColumnType, Table
from connectors.sql.mysql_types import BY_NAME

_SEEN: Final = "NOT IN ('information_schema', 'mysql', 'performance_schema', 'sys')"
SCHEMAS: Final = (
    f"SELECT schema_name FROM information_schema.schemata WHERE schema_name {_SEEN} ORDER BY BINARY schema_name"  # noqa: S608 -- ours
)
TABLES: Final = f"""
SELECT table_schema, table_name, table_type, table_rows, data_length + index_length, table_comment
FROM information_schema.tables
WHERE table_schema {_SEEN} AND table_type IN ('BASE TABLE', 'VIEW', 'SYSTEM VERSIONED')
  AND (%s IS NULL OR table_schema = %s)
  AND (%s IS NULL OR (BINARY table_schema, BINARY table_name) > (BINARY %s, BINARY %s))
ORDER BY BINARY table_schema, BINARY table_name LIMIT %s
"""  # noqa: S608 -- ours
_LAST_LETTER: Final = 0xFFFF
COLUMNS: Final = """
SELECT c.column_name, c.data_type, c.column_type, c.is_nullable, c.column_key, c.column_comment
FROM information_schema.columns c WHERE c.table_schema = %s AND c.table_name = %s ORDER BY c.ordinal_position
"""


def may_be(name: str) -> bool:
    """Say whether something can have a name: no identifier of MySQL has letters beyond the first 65,536."""
    return all(ord(letter) <= _LAST_LETTER for letter in name)


def table_of(row: Sequence[Any]) -> Table:
    """Return a table as a row tells it; a view has no rows of its own, and `VIEW` as its comment."""
    schema, name, kind, rows, size, comment = row
    if kind == "VIEW":
        return Table(schema, name, "VIEW")
    return Table(
        schema,
        name,
        "TABLE",
        rows=None if rows is None else int(rows),
        size=None if size is None else int(size),
        comment=comment or None,
    )


def column_of(row: Sequence[Any]) -> Column:
    """Return a column as a row tells it."""
    name, kind, vendor_type, is_nullable, key, comment = row
    held = ColumnType.BOOLEAN if vendor_type == "tinyint(1)" else BY_NAME.get(kind, ColumnType.OTHER)
    return Column(
        name, held, vendor_type, is_nullable=is_nullable == "YES", is_key=key == "PRI", comment=comment or None
    )
