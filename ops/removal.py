"""Removing rows for good, with everything that belongs to them, in the order in which they refer to each other."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from maestro.db.engine import Database, Transaction

BATCH: Final = 100
"""So many objects are removed in one transaction, each with its own parts."""


@dataclass(frozen=True, slots=True)
class Part:
    """Rows that belong to one: those whose column holds its id, as far as a condition holds for them."""

    table: str
    column: str
    condition: str = "true"
    """For rows that belong to two: they are removed with the nearer one, where they have it."""


_OWN_CONNECTOR: Final = "SELECT FROM connector c WHERE c.id = connector_id AND c.project_id IS NOT NULL"

PARTS: Final[dict[str, tuple[Part, ...]]] = {
    "project": (
        Part("artifact_store", "project_id", f"NOT EXISTS ({_OWN_CONNECTOR})"),
        Part("experiment", "project_id"),
        Part("registered_model", "project_id"),
        Part("artifact", "project_id"),
        Part("connector", "project_id"),
        Part("metric_key", "project_id"),
        Part("membership", "project_id"),
        Part("invitation", "project_id"),
    ),
    "experiment": (Part("run", "experiment_id"),),
    "run": (Part("metric_series", "run_id"), Part("param", "run_id"), Part("ingest_batch", "run_id")),
    "metric_series": (Part("metric_hot", "series_id"), Part("metric_block", "series_id")),
    "registered_model": (
        Part("model_version", "model_id"),
        Part("model_alias_move", "model_id", "version_id IS NULL"),
    ),
    "model_version": (Part("model_alias", "version_id"), Part("model_alias_move", "version_id")),
    "model_alias": (),
    "artifact": (Part("artifact_version", "artifact_id"),),
    "artifact_version": (Part("artifact_entry", "version_id"), Part("artifact_alias", "version_id")),
    "connector": (
        Part("sync_run", "connector_id"),
        Part("sync_plan", "source_id"),
        Part("connector_query", "connector_id"),
        Part("connector_check", "connector_id"),
        Part("connector_usage", "connector_id"),
        Part("artifact_store", "connector_id"),
        Part("loose_object", "connector_id"),
        Part("remote_blob", "connector_id"),
        Part("connector_secret", "connector_id"),
    ),
    "sync_plan": (Part("sync_item", "plan_id"),),
}
"""What belongs to an object; each row is met once on the way down from any of them."""

OTHERWISE: Final = frozenset(
    {
        ("run", "project_id"),
        ("metric_series", "key_id"),
        ("model_alias", "model_id"),
        ("model_alias_move", "model_id"),
        ("artifact_alias", "artifact_id"),
        ("lineage_edge", "run_id"),
        ("sync_plan", "target_id"),
    }
)
"""Columns by which rows go along as well, that are removed on another way before."""

JOINED: Final = ("run", "artifact_version", "model_version")
"""Tables whose rows arrows join."""
LARGE: Final = ("project", "experiment", "registered_model", "artifact")
"""Objects that may hold any number of others: those are removed before, in transactions of their own."""
EDGE: Final = "lineage_edge"


_VERSIONS: Final = {
    "artifact": "SELECT id FROM artifact_version WHERE artifact_id = ANY($1)",
    "project": """
        SELECT id FROM artifact_version WHERE artifact_id IN (SELECT id FROM artifact WHERE project_id = ANY($1))
    """,
}


async def remove(db: Database, table: str, ids: Sequence[UUID]) -> Counter[str]:
    """Remove rows with all that belongs to them and return how many rows of which table that were.

    In small transactions, from the inside: stopped in between, what is left can be removed later on.
    """
    removed: Counter[str] = Counter()
    if table in LARGE:
        for part in PARTS[table]:
            if part.table in PARTS:
                removed += await _remove_all(db, part, ids)
    async with db.transaction() as tx:
        removed += await _delete(tx, table, ids)
    return removed


async def _remove_all(db: Database, part: Part, parents: Sequence[UUID]) -> Counter[str]:
    query = (
        f"SELECT id FROM {part.table} WHERE {part.column} = ANY($1) AND {part.condition} "  # noqa: S608 -- our own names
        f"ORDER BY id LIMIT {BATCH}"
    )
    removed: Counter[str] = Counter()
    while rows := await db.fetch_sql(query, list(parents)):
        removed += await remove(db, part.table, [row.id for row in rows])
    return removed


async def _delete(tx: Transaction, table: str, ids: Sequence[UUID]) -> Counter[str]:
    """Delete rows and their parts in one transaction."""
    removed: Counter[str] = Counter()
    for part in PARTS.get(table, ()):
        which = f"FROM {part.table} WHERE {part.column} = ANY($1) AND {part.condition}"
        if part.table in PARTS:
            rows = await tx.fetch_sql(f"SELECT id {which} ORDER BY id FOR UPDATE", list(ids))
            removed += await _delete(tx, part.table, [row.id for row in rows])
        else:
            removed[part.table] += await _deleted(tx, f"DELETE {which}", ids)
    if table in JOINED:
        ends = "from_id = ANY($1) OR to_id = ANY($1) OR run_id = ANY($1)"
        removed[EDGE] += await _deleted(tx, f"DELETE FROM {EDGE} WHERE {ends}", ids)  # noqa: S608 -- our own names
    removed[table] += await _deleted(tx, f"DELETE FROM {table} WHERE id = ANY($1)", ids)  # noqa: S608 -- our own names
    return removed


async def _deleted(tx: Transaction, sql: str, ids: Sequence[UUID]) -> int:
    counted = f"WITH gone AS ({sql} RETURNING 1) SELECT count(*) AS n FROM gone"  # noqa: S608 -- our own names
    return int((await tx.fetch_sql(counted, list(ids)))[0].n)


async def count(db: Database, table: str, ids: Sequence[UUID]) -> Counter[str]:
    """Count what `remove` would remove."""
    found: Counter[str] = Counter({table: len(ids)})
    joined: list[str] = []
    await _count(db, table, "SELECT unnest($1::uuid[])", ids=ids, found=found, joined=joined)
    if joined:
        inside = " UNION ALL ".join(joined)
        ends = " OR ".join(f"{end} IN ({inside})" for end in ("from_id", "to_id", "run_id"))
        found[EDGE] += await _counted(db, f"FROM {EDGE} WHERE {ends}", ids)
    return found


async def versions(db: Database, table: str, ids: Sequence[UUID]) -> list[UUID]:
    """Return the versions of artifacts that `remove` would remove."""
    if table not in _VERSIONS:
        return []
    return [row.id for row in await db.fetch_sql(_VERSIONS[table], list(ids))]


async def _count(
    db: Database, table: str, inside: str, *, ids: Sequence[UUID], found: Counter[str], joined: list[str]
) -> None:
    if table in JOINED:
        joined.append(inside)
    for part in PARTS.get(table, ()):
        which = f"FROM {part.table} WHERE {part.column} IN ({inside}) AND {part.condition}"
        found[part.table] += await _counted(db, which, ids)
        if part.table in PARTS:
            await _count(db, part.table, f"SELECT id {which}", ids=ids, found=found, joined=joined)


async def _counted(db: Database, which: str, ids: Sequence[UUID]) -> int:
    return int((await db.fetch_sql(f"SELECT count(*) AS n {which}", list(ids)))[0].n)
