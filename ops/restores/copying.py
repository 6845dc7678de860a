"""Rows on their way from one database of a server to another: what differs is found by digests, and copied."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from maestro.db.tables import Base
from ops.restores.databases import quoted

MOST_ROWS: Final = 2_000
"""So many rows are held in memory at a time."""
LARGE: Final = 1_000
"""Of a temporary table with so many rows the planner has to know the size."""
_WATERMARK: Final = "SELECT pg_snapshot_xmin(pg_current_snapshot())::xid"


@dataclass(frozen=True, slots=True)
class Passage:
    """Connections to the database in use and to the one that takes its place, both at the same revision."""

    present: Any
    coming: Any

    async def watermark(self) -> int:
        """Return what tells later which rows of the present database are newer than what this transaction sees."""
        found: int = await self.present.fetchval(_WATERMARK)
        return found

    async def stage(self, table: str) -> None:
        """Copy a table of the present database into a temporary one of the coming, `present_` before its name."""
        columns, name, staged = columns_of(table), quoted(table), f"present_{table}"
        await self.coming.execute(f"CREATE TEMP TABLE IF NOT EXISTS {staged} (LIKE public.{name}); TRUNCATE {staged}")
        sql = f"SELECT {listed(columns)} FROM public.{name}"  # noqa: S608 -- names of our own tables
        if await self._copy(sql, into=staged, columns=columns) >= LARGE:
            await self.coming.execute(f"ANALYZE {staged}")

    async def differing(self, table: str, organizations: Sequence[UUID]) -> tuple[list[UUID], list[UUID]]:
        """Return the ids of rows that are new or changed in the present database, and of those that it has no more.

        Of the rows of some organisations; by digests of the rows, since many tables do not say when a row was changed.
        """
        columns = [name for name in columns_of(table) if name not in ("id", "organization_id")]
        sql = (
            f"SELECT id, hashtextextended(ROW({listed(columns)})::text, 0) AS digest FROM public.{quoted(table)} "  # noqa: S608 -- ours
            "WHERE organization_id = ANY($1)"
        )
        here = {row[0]: row[1] for row in await self.present.fetch(sql, organizations)}
        there = {row[0]: row[1] for row in await self.coming.fetch(sql, organizations)}
        return [key for key, digest in here.items() if there.get(key) != digest], [*(there.keys() - here.keys())]

    async def newer(self, table: str, organizations: Sequence[UUID], *, mark: int) -> tuple[list[UUID], list[UUID]]:
        """Return the same as `differing` of what was brought before, by what has happened since a watermark alone."""
        name = quoted(table)
        # Of a row that is older than half of all transaction ids this is said too, which does no harm.
        sql = f"SELECT id FROM public.{name} WHERE organization_id = ANY($1) AND age(xmin) <= age($2::xid)"  # noqa: S608 -- ours
        changed = [row[0] for row in await self.present.fetch(sql, organizations, mark)]
        return changed, await self._gone(name, organizations, changed)

    async def _gone(self, name: str, organizations: Sequence[UUID], changed: Sequence[UUID]) -> list[UUID]:
        sql = f"SELECT count(*) FROM public.{name} WHERE organization_id = ANY($1)"  # noqa: S608 -- ours
        here = await self.present.fetchval(sql, organizations)
        there = await self.coming.fetchval(f"{sql} AND id <> ALL($2)", organizations, changed)
        if here == there + len(changed):
            return []
        sql = f"SELECT id FROM public.{name} WHERE organization_id = ANY($1)"  # noqa: S608 -- ours
        kept = {row[0] for row in await self.present.fetch(sql, organizations)}
        return [row[0] for row in await self.coming.fetch(sql, organizations) if row[0] not in kept]

    async def remove(self, table: str, keys: Sequence[UUID]) -> None:
        """Delete rows of the coming database."""
        if keys:
            await self.coming.execute(f"DELETE FROM public.{quoted(table)} WHERE id = ANY($1)", keys)  # noqa: S608 -- ours

    async def bring(self, table: str, keys: Sequence[UUID], *, changed: str = "") -> None:
        """Make rows of the coming database what they are in the present one, after `changed`, a SET of an UPDATE."""
        if not keys:
            return
        columns, name, staged = columns_of(table), quoted(table), f"brought_{table}"
        updates = ", ".join(f"{quoted(one)} = excluded.{quoted(one)}" for one in columns if one != "id")
        await self.coming.execute(f"CREATE TEMP TABLE IF NOT EXISTS {staged} (LIKE public.{name})")
        for start in range(0, len(keys), MOST_ROWS):
            await self.coming.execute(f"TRUNCATE {staged}")
            sql = f"SELECT {listed(columns)} FROM public.{name} WHERE id = ANY($1)"  # noqa: S608 -- ours
            await self._copy(sql, keys[start : start + MOST_ROWS], into=staged, columns=columns)
            if changed:
                await self.coming.execute(f"UPDATE {staged} SET {changed}")  # noqa: S608 -- ours
            await self.coming.execute(
                f"INSERT INTO public.{name} ({listed(columns)}) SELECT {listed(columns)} FROM {staged} "  # noqa: S608 -- ours
                f"ON CONFLICT (id) DO UPDATE SET {updates}"
            )

    async def _copy(self, sql: str, *arguments: Any, into: str, columns: Sequence[str]) -> int:
        rows = io.BytesIO()
        told = await self.present.copy_from_query(sql, *arguments, output=rows, format="binary")
        rows.seek(0)
        await self.coming.copy_to_table(into, source=rows, columns=columns, format="binary", schema_name="pg_temp")
        return int(told.rpartition(" ")[2])


def columns_of(table: str) -> list[str]:
    """Return the names of a table's columns that are written, as this version knows them."""
    return [column.name for column in Base.metadata.tables[table].columns if column.computed is None]


def listed(columns: Sequence[str]) -> str:
    """Return columns as SQL lists them."""
    return ", ".join(map(quoted, columns))
