"""What of a project is in a bundle: its tables and columns, and which of their rows.

Whoever did something is left out, and what lies in the trash; whatever refers to either is empty. Connectors belong to
the organisation that has their credentials, and notes of writers to the runs that they write to.
"""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Double, Integer, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

from maestro.db.tables import Base

PARENTS: Final[dict[str, tuple[str, str] | None]] = {
    "project": None,
    "experiment": ("project_id", "project"),
    "run": ("experiment_id", "experiment"),
    "param": ("run_id", "run"),
    "metric_key": ("project_id", "project"),
    "metric_series": ("run_id", "run"),
    "artifact": ("project_id", "project"),
    "artifact_version": ("artifact_id", "artifact"),
    "artifact_entry": ("version_id", "artifact_version"),
    "artifact_alias": ("version_id", "artifact_version"),
    "registered_model": ("project_id", "project"),
    "model_version": ("model_id", "registered_model"),
    "model_alias": ("version_id", "model_version"),
    "model_alias_move": ("model_id", "registered_model"),
    "lineage_edge": None,
}
"""The tables, each after those that it refers to, with the column by which a row belongs to another one's."""
JOINED: Final = ("run", "artifact_version", "model_version")
"""The tables between whose rows lineage is."""
LEFT_OUT: Final = frozenset({"organization_id", "deleted_at", "trashed_with_id", "purge_at", "connector_id"})
"""Columns of which a bundle has none; where the bytes of files were does not matter where they are brought."""
OTHERWISE: Final[dict[str, str]] = {
    "metric_hot": "points are in a file of their own, however they are stored",
    "metric_block": "points are in a file of their own, however they are stored",
    "blob": "files are in the archive themselves",
    "connector": "it belongs to whoever has its credential",
    "sync_run": "it belongs to a connector",
    "ingest_batch": "it tells writers of these very runs what has arrived",
}
"""Tables of a project of which a bundle has no rows, and why."""
_TYPES: Final[tuple[tuple[type[Any], str], ...]] = (
    (Uuid, "uuid"),
    (JSONB, "jsonb"),
    (Boolean, "boolean"),
    (Double, "float8"),
    (DateTime, "timestamptz"),
    (Integer, "bigint"),
    (BigInteger, "bigint"),
    (Text, "text"),
)


def columns_of(table: str) -> Sequence["Column[Any]"]:
    """Return the columns of a table that a bundle has, in the order of the table."""
    listed = Base.metadata.tables[table].c
    return [one for one in listed if one.name not in LEFT_OUT and not one.name.endswith("by_id")]


def type_of(column: "Column[Any]") -> str:
    """Return the name of a column's type in PostgreSQL."""
    return next(name for kind, name in _TYPES if isinstance(column.type, kind))


def query_of(table: str) -> str:
    """Return the query of a table's rows, in the order of their keys; `$1` is the project, `$2` its organisation."""
    listed = ", ".join(f"{_value(one)} AS {one.name}" for one in columns_of(table))
    keys = ", ".join(f"t.{one.name}" for one in Base.metadata.tables[table].primary_key if one.name in _names(table))
    return f"SELECT {listed} FROM {table} t WHERE {_holds(table, 't')} ORDER BY {keys}"  # noqa: S608 -- our own names


def _names(table: str) -> set[str]:
    return {one.name for one in columns_of(table)}


def _holds(table: str, row: str) -> str:
    """Return the condition of the rows of a table that are in a bundle; `row` is the name under which they are read."""
    conditions = [f"{row}.organization_id = $2"]
    if "deleted_at" in Base.metadata.tables[table].c:
        conditions.append(f"{row}.deleted_at IS NULL")
    if table == "artifact_version":
        conditions.append(f"{row}.state = 'COMMITTED'")
    if table == "project":
        conditions.append(f"{row}.id = $1")
    elif table == "lineage_edge":
        conditions += [_is_joined(f"{row}.from_id"), _is_joined(f"{row}.to_id")]
    elif (parent := PARENTS[table]) is not None:
        conditions.append(_is_there(f"{row}.{parent[0]}", parent[1]))
    return " AND ".join(conditions)


def _is_there(key: str, table: str) -> str:
    row = f"{table}_"
    return f"EXISTS (SELECT FROM {table} {row} WHERE {row}.id = {key} AND {_holds(table, row)})"


def _is_joined(key: str) -> str:
    return f"({' OR '.join(_is_there(key, table) for table in JOINED)})"


def _value(column: "Column[Any]") -> str:
    plain = f"t.{column.name}"
    if isinstance(column.type, JSONB):
        # PostgreSQL writes a value in one way only.
        return f"{plain}::text"
    target = next((key.column.table.name for key in column.foreign_keys), None)
    if column.nullable and target in PARENTS:
        return f"CASE WHEN {_is_there(plain, target)} THEN {plain} END"
    return plain
