"""How the tests of BigQuery open local-bigquery, and say things in its words."""

from contextlib import AbstractAsyncContextManager
from typing import Any

from connectors.sql.bigquery import BigquerySource, bigquery_source
from maestro.vendors import Bigquery
from tests.connectors.sql.contract import Words
from tests.fixtures.bigquery_server import PROJECT, BigqueryServer

DATASET = "contract"
WORDS = Words(
    placeholder=lambda _: "?",
    types={
        "boolean": "BOOL",
        "integer": "INT64",
        "float": "FLOAT64",
        "decimal": "NUMERIC",
        "text": "STRING",
        "binary": "BYTES",
        "date": "DATE",
        "time": "TIME",
        "timestamp": "TIMESTAMP",
        "json": "JSON",
    },
    sleeping="SELECT COUNT(*) AS n FROM UNNEST(GENERATE_ARRAY(1, CAST({seconds} * 500 AS INT64))) a, "
    "UNNEST(GENERATE_ARRAY(1, 100000)) b WHERE a * b < 0",
    numbers="SELECT n FROM UNNEST(GENERATE_ARRAY(1, {count})) AS n",
    wide="SELECT REPEAT('x', 1000) AS w FROM UNNEST(GENERATE_ARRAY(1, {count})) AS n",
    own_schemas=("INFORMATION_SCHEMA", "_results"),
    quoted=lambda name: f"`{name}`",
    commented=(
        "ALTER TABLE {table} SET OPTIONS (description = 'Of tests')",
        "ALTER TABLE {table} ALTER COLUMN name SET OPTIONS (description = 'Of a name')",
    ),
)


def opened(
    server: BigqueryServer, *, port: int | None = None, host: str | None = None, **settings: Any
) -> AbstractAsyncContextManager[BigquerySource]:
    address = server.address if port is None else f"http://127.0.0.1:{port}"
    address = address if host is None else f"https://{host}"
    given = {"project": PROJECT, "dataset": DATASET, "endpointUrl": address, **settings}
    return bigquery_source(Bigquery(**given))
