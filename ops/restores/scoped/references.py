"""What copied rows may go on referring to, worked out before they are read: people, and objects of other projects."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Final
from uuid import UUID

from ops.restores.scoped.catalogue import ENDS, JOINED, is_actor, joined_tables, referred, table_of
from ops.restores.scoped.catalogue import copied_tables as copied
from ops.restores.scoped.route import Route
from ops.restores.scoped.scope import LINEAGE, quoted
from ops.restores.scoped.selection import ACTORS, named
from ops.restores.scoped.selection import JOINED as NODES

_PREPARE: Final = f"""
    CREATE TEMPORARY TABLE {ACTORS} (id uuid PRIMARY KEY, new uuid NOT NULL) ON COMMIT DROP;
    CREATE TEMPORARY TABLE {NODES} (id uuid PRIMARY KEY, new uuid NOT NULL) ON COMMIT DROP
"""
_KEEP: Final = "INSERT INTO {table} SELECT key, key FROM unnest($1::uuid[]) AS key ON CONFLICT DO NOTHING"
_WERE_MEMBERS: Final = (
    "SELECT DISTINCT user_id AS id FROM membership WHERE organization_id = $1 AND user_id IS NOT NULL"
)
_HERE: Final = 'SELECT id FROM "user" WHERE id = ANY($1)'
_KNOWN_THERE: Final = """
    SELECT user_id AS id FROM membership WHERE organization_id = $1 AND user_id IS NOT NULL
    UNION SELECT id FROM service_account WHERE organization_id = $1
"""


async def prepare(route: Route) -> None:
    """Fill the temporary tables that the queries of a selection read, in the transaction of the source."""
    source, selection = route.source, route.selection
    await source.execute(_PREPARE)
    await _prepare_actors(route)
    if selection.is_project:
        for table in joined_tables():
            new = selection.ids.sql(f"{table}_.id")
            await source.execute(
                f"INSERT INTO {NODES} SELECT {table}_.id, {new} FROM {table} {table}_ "  # noqa: S608 -- our own names
                f"WHERE {selection.scope.holds(table, f'{table}_')}"
            )
        await _prepare_others(route)
    await source.execute(f"ANALYZE {ACTORS}, {NODES}")


async def _prepare_actors(route: Route) -> None:
    """Find who may be named: whoever belongs or belonged to where the copy goes, or is taken over into it."""
    source, target, selection = route.source, route.target, route.selection
    if selection.is_project:
        known = _ids(await target.fetch_sql(_KNOWN_THERE, selection.into.organization_id))
    else:
        members = _ids(await source.fetch(_WERE_MEMBERS, selection.scope.organization_id))
        known = _ids(await target.fetch_sql(_HERE, [*members, route.wanted.restorer_id]))
        await source.execute(
            f"INSERT INTO {ACTORS} SELECT t.id, {selection.ids.sql('t.id')} FROM service_account t "  # noqa: S608
            f"WHERE {selection.scope.holds('service_account')}"
        )
    await source.execute(_KEEP.format(table=ACTORS), known)


async def _prepare_others(route: Route) -> None:
    """Find what rows of a project refer to outside it, as far as the organisation that it goes into has it still."""
    source, target, selection = route.source, route.target, route.selection
    wanted: defaultdict[str, set[UUID]] = defaultdict(set)
    for table, column, targets in _loose():
        rows = await source.fetch(
            f"SELECT DISTINCT t.{column} AS id FROM {table} t "  # noqa: S608 -- our own names
            f"WHERE {selection.scope.holds(table)} AND t.{column} IS NOT NULL "
            f"AND NOT EXISTS (SELECT FROM {NODES} node_ WHERE node_.id = t.{column})"
        )
        for name in targets:
            wanted[name].update(_ids(rows))
    place = quoted(selection.into.organization_id)
    for name, keys in wanted.items():
        there = f"SELECT id FROM {name} WHERE id = ANY($1) AND organization_id = {place}"  # noqa: S608 -- our own names
        await source.execute(_KEEP.format(table=NODES), _ids(await target.fetch_sql(there, list(keys))))


def _loose() -> Iterable[tuple[str, str, tuple[str, ...]]]:
    """Return the columns that may refer to what is outside a project, and to rows of which tables."""
    for table in copied(is_project=True):
        for column in table_of(table).c:
            target = referred(table, column)
            if column.nullable and target in joined_tables() and not is_actor(table, column):
                yield table, named(column), (str(target),)
    for _, column_name in ENDS:
        yield LINEAGE, column_name, JOINED


def _ids(rows: Iterable[Any]) -> list[UUID]:
    return [row["id"] for row in rows]
