"""What there is in a project of BigQuery, told by its API, which costs nothing."""

import re
from collections.abc import Sequence
from typing import Any, Final

from google.cloud import bigquery

from connectors.sql.bigquery_jobs import HTTP_S, RETRY, BigqueryJobs
from connectors.sql.bigquery_types import column
from connectors.sql.capability import Column, Table
from maestro.errors import NotFound

DATASET: Final = re.compile(r"\w{1,1024}", re.ASCII)
_TABLE: Final = re.compile(r"[\w -]{1,1024}")
"""What is a name; anything else would lead elsewhere in the API."""
_KINDS: Final = {"VIEW": "VIEW", "MATERIALIZED_VIEW": "MATERIALIZED_VIEW", "EXTERNAL": "EXTERNAL"}
_PAGE: Final = 1000


class BigqueryBrowsing:
    """The data sets, tables and columns of one project."""

    def __init__(self, jobs: BigqueryJobs, project: str) -> None:
        self._jobs = jobs
        self._project = project

    async def schemas(self) -> Sequence[str]:
        """Return the names of the data sets that can be seen, without hidden ones."""
        found = await self._jobs.call("listing data sets", self._listed, self._jobs.client.list_datasets)
        return sorted(one.dataset_id for one in found)

    async def tables(
        self, schema: str | None = None, *, after: tuple[str, str] | None = None, limit: int = 1000
    ) -> Sequence[Table]:
        """Return tables and views, of one data set or all, by data set and name; those that follow on `after`.

        BigQuery tells rows and bytes of single tables only, so there are none here.
        """
        start = after or ("", "")
        names = [one for one in ([schema] if schema is not None else await self.schemas()) if one >= start[0]]
        found: list[Table] = []
        for name in names:
            found += [one for one in await self._tables_of(name) if (one.schema, one.name) > start]
            if len(found) >= limit:
                break
        return found[:limit]

    async def _tables_of(self, schema: str) -> list[Table]:
        if not DATASET.fullmatch(schema):
            return []
        try:
            listed = await self._jobs.call(
                "listing tables", self._listed, self._jobs.client.list_tables, f"{self._project}.{schema}"
            )
        except NotFound:
            return []
        tables = [Table(schema, one.table_id, _KINDS.get(one.table_type, "TABLE")) for one in listed]
        return sorted(tables, key=lambda one: one.name)

    async def columns(self, schema: str, table: str) -> Sequence[Column]:
        """Return the columns of a table in their order, with what is inside of nested ones; NotFound."""
        found = await self.table(schema, table)
        constraints = found.table_constraints
        keys = constraints.primary_key.columns if constraints and constraints.primary_key else ()
        return [column(field, keys) for field in found.schema]

    async def table(self, schema: str, table: str) -> bigquery.Table:
        """Return all that the API tells of a table; NotFound."""
        if not (DATASET.fullmatch(schema) and _TABLE.fullmatch(table)):
            raise NotFound(f"There is no table {schema}.{table}: that is no name of one.")
        place = bigquery.DatasetReference(self._project, schema).table(table)
        return await self._jobs.call(
            f"looking at {schema}.{table}", self._jobs.client.get_table, place, retry=RETRY, timeout=HTTP_S
        )

    def _listed(self, ask: Any, *given: Any) -> list[Any]:
        return list(ask(*given, page_size=_PAGE, retry=RETRY, timeout=HTTP_S))
