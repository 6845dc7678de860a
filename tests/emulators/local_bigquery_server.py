"""local-bigquery with nothing that it would download, and with types for parameters; run in its own environment.

It keeps tables in DuckLake, and makes functions of GEOGRAPHY from another extension of DuckDB: both are fetched when it
starts. Here tables are kept in memory, and there is no GEOGRAPHY. Unlike BigQuery it refuses to look at a statement
without its parameters: here it answers with the types that they would have, told by the columns beside them.
"""

import contextlib
import functools
from collections.abc import Iterator
from typing import Any, Final

import duckdb
import sqlglot
from local_bigquery import cli
from local_bigquery.catalog import tables
from local_bigquery.engine import database
from local_bigquery.errors import BigQueryError
from local_bigquery.jobs import runner
from local_bigquery.settings import settings
from sqlglot import exp

OWN: Final = "('emulator', 'bq', 'memory', 'system', 'temp')"
"""Databases that are no project."""
NAMES: Final = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL"}
"""How the types of columns are called where they are types of parameters."""
ARRAY: Final = {"type": "ARRAY", "arrayType": {"type": "STRING"}}

reckoned = runner._dry_run


@functools.cache
def connect() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("SET GLOBAL TimeZone = 'UTC'")
    connection.execute("ATTACH ':memory:' AS emulator")
    connection.execute(database.EMULATOR_SCHEMA)
    connection.execute("ATTACH ':memory:' AS bq")
    database.native.register(connection)
    for path in database.FUNCTIONS:
        macros = database.MACRO.sub(r"CREATE MACRO bq.main.\1", path.read_text())
        if "INSTALL spatial" not in macros:
            connection.execute(macros)
    attach(connection, settings.default_project_id)
    return connection


def attach(connection: duckdb.DuckDBPyConnection, project: str) -> None:
    connection.execute(f"ATTACH IF NOT EXISTS ':memory:' AS {database.quote(project)}")
    database._attached.add(project)


def projects() -> list[str]:
    found = database.fetch(f"SELECT database_name FROM duckdb_databases() WHERE database_name NOT IN {OWN} ORDER BY 1")
    return [name for (name,) in found]


def dry_run(project: str, configuration: Any) -> Any:
    query = configuration.query
    if query.parameterMode != "POSITIONAL" or query.queryParameters:
        return reckoned(project, configuration)
    parameters = [{"parameterType": kind} for kind in kinds(project, query)]
    job = reckoned(project, configuration.replace(query=query.replace(queryParameters=parameters)))
    statistics = job.statistics.query.replace(undeclaredQueryParameters=parameters)
    return job.replace(statistics=job.statistics.replace(query=statistics))


def kinds(project: str, query: Any) -> list[dict[str, Any]]:
    """The types of a statement's parameters, in their order: those of the columns beside them, or else STRING."""
    try:
        tree = sqlglot.parse_one(query.query, dialect="bigquery")
    except sqlglot.errors.ParseError:
        return []
    columns = {name: kind for table in tree.find_all(exp.Table) for name, kind in fields(project, query, table)}
    written = [column.name for column in tree.this.expressions] if isinstance(tree, exp.Insert) else []
    return [
        ARRAY
        if isinstance(mark.parent, exp.Unnest)
        else {"type": columns.get(beside(mark, written or list(columns)), "STRING")}
        for mark in tree.dfs()
        if isinstance(mark, exp.Placeholder)
    ]


def fields(project: str, query: Any, table: exp.Table) -> Iterator[tuple[str, str]]:
    dataset = table.db or (query.defaultDataset and query.defaultDataset.datasetId) or ""
    with contextlib.suppress(BigQueryError):
        for field in tables.fields(tables.load(table.catalog or project, dataset, table.name)):
            yield field.name, NAMES.get(field.type, field.type)


def beside(mark: exp.Placeholder, written: list[str]) -> str:
    """The name of the column that a parameter is compared with, or is written to."""
    if isinstance(mark.parent, exp.Tuple):
        number = next(number for number, one in enumerate(mark.parent.expressions) if one is mark)
        return written[number] if number < len(written) else ""
    column = mark.parent and mark.parent.find(exp.Column)
    return column.name if column else ""


if __name__ == "__main__":
    database._connect = connect
    database._attach = attach
    database.projects = projects
    runner._dry_run = dry_run
    cli.main()
