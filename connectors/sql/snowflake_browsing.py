"""What there is in a database of Snowflake, told by its information schema."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from connectors.sql.capability import Column, Table
from connectors.sql.snowflake_results import named_type
from connectors.sql.snowflake_statements import quoted
from maestro.errors import NotFound

Rows = Callable[..., Awaitable[Sequence[dict[str, Any]]]]
"""Runs a read, with parameters, and returns its rows by the names of the columns."""
_OWN: Final = "INFORMATION_SCHEMA"
_KINDS: Final = {"VIEW": "VIEW", "MATERIALIZED VIEW": "MATERIALIZED_VIEW", "EXTERNAL TABLE": "EXTERNAL"}


class SnowflakeBrowsing:
    """The schemas, tables and columns of one database, which are read with `rows`."""

    def __init__(self, database: str, rows: Rows) -> None:
        self._views = f"{quoted(database)}.{_OWN}"
        self._database = database
        self._rows = rows

    async def schemas(self) -> Sequence[str]:
        """Return the names of the schemas that can be seen, without the vendor's own."""
        found = await self._rows(
            f"SELECT SCHEMA_NAME FROM {self._views}.SCHEMATA WHERE SCHEMA_NAME <> '{_OWN}' ORDER BY SCHEMA_NAME"  # noqa: S608
        )
        return sorted(one["SCHEMA_NAME"] for one in found)

    async def tables(
        self, schema: str | None = None, *, after: tuple[str, str] | None = None, limit: int = 1000
    ) -> Sequence[Table]:
        """Return tables and views, of one schema or all, by schema and name; those that follow on `after`."""
        conditions, given = [f"TABLE_SCHEMA <> '{_OWN}'"], []
        if schema is not None:
            conditions.append("TABLE_SCHEMA = ?")
            given.append(schema)
        if after is not None:
            conditions.append("(TABLE_SCHEMA > ? OR (TABLE_SCHEMA = ? AND TABLE_NAME > ?))")
            given += [after[0], *after]
        found = await self._rows(
            "SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE, ROW_COUNT, BYTES, COMMENT "  # noqa: S608
            f"FROM {self._views}.TABLES WHERE {' AND '.join(conditions)} "
            f"ORDER BY TABLE_SCHEMA, TABLE_NAME LIMIT {int(limit)}",
            given,
        )
        return [
            Table(
                one["TABLE_SCHEMA"],
                one["TABLE_NAME"],
                _KINDS.get(one["TABLE_TYPE"], "TABLE"),
                rows=one["ROW_COUNT"],
                size=one["BYTES"],
                comment=one["COMMENT"] or None,
            )
            for one in found
        ]

    async def columns(self, schema: str, table: str) -> Sequence[Column]:
        """Return the columns of a table in their order; NotFound."""
        found = await self._rows(
            "SELECT COLUMN_NAME, DATA_TYPE, IS_NULLABLE, COMMENT, NUMERIC_PRECISION, NUMERIC_SCALE "  # noqa: S608
            f"FROM {self._views}.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION",
            [schema, table],
        )
        if not found:
            raise NotFound(f"There is no table {schema}.{table}, or it may not be seen.")
        keys = await self._rows(f"SHOW PRIMARY KEYS IN TABLE {quoted(self._database, schema, table)}")
        return [_column(one, {key["column_name"] for key in keys}) for one in found]


def _column(told: dict[str, Any], keys: set[str]) -> Column:
    name, scale = told["DATA_TYPE"], told["NUMERIC_SCALE"]
    return Column(
        told["COLUMN_NAME"],
        named_type(name, scale),
        f"NUMBER({told['NUMERIC_PRECISION']},{scale})" if name == "NUMBER" else name,
        is_nullable=told["IS_NULLABLE"] == "YES",
        is_key=told["COLUMN_NAME"] in keys,
        comment=told["COMMENT"] or None,
    )
