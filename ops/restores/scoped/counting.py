"""Counting before and after: how many rows are copied, what is not, and whether a copy is what it was made from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from maestro.db.engine import Transaction
from maestro.errors import VerificationFailed
from ops.restores.scoped.catalogue import LEFT_OUT, OF_AN_ORGANIZATION, copied_tables, table_of
from ops.restores.scoped.results import LeftOut
from ops.restores.scoped.route import Route
from ops.restores.scoped.scope import BLOB, LINEAGE
from ops.restores.scoped.selection import Selection, named, without, written

PARTLY: Final = {
    "membership": "who is not here any more",
    "sync_run": "syncs that had not ended",
    LINEAGE: "arrows to or from what the copy does not have",
    BLOB: "bytes that no file has",
}
"""Tables of which some rows are not copied, and which."""

_SUM: Final = (
    "SELECT count(*) AS n, coalesce(sum(hash_record_extended(s, 0)::numeric), 0)::text AS checksum FROM ({}) s"
)


@dataclass(frozen=True, slots=True)
class Counted:
    """How many rows of each table are copied, how many references are cut, and what is left out."""

    rows: Mapping[str, int]
    cut: Mapping[str, int]
    left_out: tuple[LeftOut, ...]

    @property
    def total(self) -> int:
        """Return the number of all rows."""
        return sum(self.rows.values())


async def count(route: Route) -> Counted:
    """Count what a copy would have."""
    source, selection = route.source, route.selection
    rows: dict[str, int] = {}
    cut: dict[str, int] = {}
    left: list[LeftOut] = []
    tables = copied_tables(is_project=selection.is_project)
    for done, table in enumerate(tables):
        route.progress("Counting rows", done, len(tables), unit="tables")
        columns = selection.losable(table)
        losses = [f"count(t.{named(one)}) - count({selection.reference(table, one)})" for one in columns]
        listed = ", ".join(["count(*)", *losses])
        which = f"FROM {written(table)} t WHERE {selection.condition(table)}"
        (found,) = await source.fetch(f"SELECT {listed} {which}")
        rows[table], *lost = found
        cut |= {f"{table}.{column.name}": n for column, n in zip(columns, lost, strict=True) if n}
        if table in PARTLY and not (selection.is_project and table == BLOB):
            left.append(LeftOut(table, await _all(source, selection, table) - rows[table], PARTLY[table]))
    left += [LeftOut(table, await _all(source, selection, table), why) for table, why in _reasons(selection)]
    return Counted(rows, cut, tuple(one for one in left if one.rows))


async def runs_in_use(route: Route) -> int:
    """Return how many runs of a copy are outside its trash."""
    runs = route.selection.query("run")
    (found,) = await route.source.fetch(f"SELECT count(*) FROM ({runs}) s WHERE s.deleted_at IS NULL")  # noqa: S608
    return int(found[0])


def _reasons(selection: Selection) -> list[tuple[str, str]]:
    return [*LEFT_OUT.items(), *(OF_AN_ORGANIZATION.items() if selection.is_project else ())]


async def _all(source: Any, selection: Selection, table: str) -> int:
    """Return how many rows of a table there are in the organisation or the project, copied or not."""
    columns = table_of(table).c
    if table in selection.tables and table != BLOB:
        where = selection.scope.holds(table)
    elif selection.is_project and "project_id" in columns:
        where = f"t.project_id = '{selection.scope.project_id}'"
    elif not selection.is_project and "organization_id" in columns:
        where = f"t.organization_id = '{selection.scope.organization_id}'"
    else:
        return 0
    (found,) = await source.fetch(f"SELECT count(*) FROM {written(table)} t WHERE {where}")  # noqa: S608 -- our own names
    return int(found[0])


async def verify(route: Route, tx: Transaction, expected: Mapping[str, int]) -> dict[str, str]:
    """Compare what was written with what was to be, every value of every row, and return a checksum by table.

    VerificationFailed.
    """
    selection = route.selection
    sums: dict[str, str] = {}
    wrong = []
    for table, rows in expected.items():
        left_aside = without(table)
        columns = ", ".join(f"t.{named(one)}" for one in table_of(table).c if one.name not in left_aside)
        held = selection.into.holds(table)
        query = f"SELECT {columns} FROM {written(table)} t WHERE {held}"  # noqa: S608 -- our own names
        (wanted,) = await route.source.fetch(_SUM.format(selection.query(table, without=left_aside)))
        (made,) = await tx.fetch_sql(_SUM.format(query))
        if (made.n, made.checksum) != (wanted["n"], wanted["checksum"]) or made.n != rows:
            wrong.append(table)
        sums[table] = made.checksum
    if wrong:
        raise VerificationFailed(
            f"The copy differs from what was backed up in {', '.join(wrong)}; nothing was kept of it.", tables=wrong
        )
    return sums
