"""What there is in a database of PostgreSQL, out of its catalogue."""

from typing import Final

from connectors.sql.capability import Column, ColumnType, Table
from connectors.sql.postgresql_types import column_type

_SEEN: Final = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND has_schema_privilege(n.oid, 'USAGE')"
SCHEMAS: Final = f"SELECT nspname FROM pg_catalog.pg_namespace n WHERE {_SEEN} ORDER BY nspname"  # noqa: S608 -- ours
TABLES: Final = f"""
SELECT n.nspname, c.relname, c.relkind, c.reltuples, c.relpages::bigint * current_setting('block_size')::bigint,
       obj_description(c.oid, 'pg_class')
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition AND {_SEEN}
  AND ($1::text IS NULL OR n.nspname = $1)
  AND ($2::text IS NULL OR (n.nspname::text COLLATE "C", c.relname::text COLLATE "C") > ($2, $3::text))
ORDER BY n.nspname, c.relname LIMIT $4
"""  # noqa: S608 -- ours
COLUMNS: Final = """
SELECT a.attname, t.typname, t.typtype, t.typcategory, format_type(a.atttypid, a.atttypmod), NOT a.attnotnull,
       COALESCE(a.attnum = ANY (i.indkey), false), col_description(c.oid, a.attnum)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN pg_catalog.pg_type d ON d.oid = a.atttypid
  LEFT JOIN pg_catalog.pg_type t ON t.oid = CASE d.typtype WHEN 'd' THEN d.typbasetype ELSE d.oid END
  LEFT JOIN pg_catalog.pg_index i ON i.indrelid = c.oid AND i.indisprimary
WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
ORDER BY a.attnum
"""
"""One row at least for a table that is there."""
KINDS: Final = {b"r": "TABLE", b"p": "TABLE", b"v": "VIEW", b"m": "MATERIALIZED_VIEW", b"f": "EXTERNAL"}
_TYPES: Final = {b"c": ColumnType.STRUCT, b"e": ColumnType.TEXT}


def table_of(row: tuple[str, str, bytes, float, int, str | None]) -> Table:
    """Return a table as a row tells it; a view has no rows of its own, and one that was never counted neither."""
    schema, name, kind, rows, size, comment = row
    has_rows = kind not in {b"v", b"f"}
    return Table(
        schema,
        name,
        KINDS[kind],
        rows=int(rows) if rows >= 0 and has_rows else None,
        size=size if has_rows else None,
        comment=comment,
    )


def column_of(row: tuple[str, str, bytes, bytes, str, bool, bool, str | None]) -> Column:
    """Return a column as a row tells it."""
    name, kind, sort, category, vendor_type, is_nullable, is_key, comment = row
    held = ColumnType.ARRAY if category == b"A" else _TYPES.get(sort) or column_type(kind)
    return Column(name, held, vendor_type, is_nullable=is_nullable, is_key=is_key, comment=comment)
