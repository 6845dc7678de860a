"""The keys that are in use, for editors of filters: names of metrics, keys of params and of tags."""

from typing import Final
from uuid import UUID

from maestro.db.engine import Database
from maestro.db.tables import Base
from maestro.filters import Space

MOST_KEYS: Final = 500
MOST_STEPS: Final = 5000
"""How many distinct keys of all projects are looked at."""
MOST_TAGGED: Final = 2000
"""From how many of the newest objects the keys of tags are taken: no index holds a tag's key alone."""

# $1 is the organisation, $2 one project of it or null for all, $3 the prefix, $4 how many keys.
_METRICS: Final = """
SELECT DISTINCT name AS key FROM metric_key
WHERE organization_id = $1 AND ($2::uuid IS NULL OR project_id = $2) AND starts_with(name, $3) ORDER BY 1 LIMIT $4
"""

# One step of the index a key, however many runs have it: PostgreSQL has no such scan of its own.
_PARAMS: Final = """
WITH RECURSIVE step AS (
    SELECT project.id AS project_id, first.key FROM project CROSS JOIN LATERAL (
        SELECT key FROM param WHERE param.project_id = project.id ORDER BY key LIMIT 1
    ) first WHERE organization_id = $1 AND ($2::uuid IS NULL OR project.id = $2)
    UNION ALL
    SELECT step.project_id, next.key FROM step CROSS JOIN LATERAL (
        SELECT key FROM param WHERE param.project_id = step.project_id AND param.key > step.key ORDER BY key LIMIT 1
    ) next
)
SELECT DISTINCT key FROM (SELECT key FROM step LIMIT $5) found WHERE starts_with(key, $3) ORDER BY 1 LIMIT $4
"""

_TAGS: Final = """
SELECT DISTINCT tag.key FROM (
    SELECT tags FROM {table}
    WHERE organization_id = $1 AND ($2::uuid IS NULL OR project_id = $2) AND deleted_at IS NULL
    ORDER BY id DESC LIMIT $5
) tagged CROSS JOIN LATERAL jsonb_object_keys(tagged.tags) AS tag (key)
WHERE starts_with(tag.key, $3) ORDER BY 1 LIMIT $4
"""


async def known_keys(
    db: Database, space: Space, table: type[Base], *, organization_id: UUID, project_id: UUID | None, prefix: str
) -> tuple[str, ...]:
    """Return the keys of a space that begin with a prefix, in one project or in all: sorted, at most 500."""
    asked = (organization_id, project_id, prefix, MOST_KEYS)
    match space:
        case Space.METRICS:
            rows = await db.fetch_sql(_METRICS, *asked)
        case Space.PARAMS:
            rows = await db.fetch_sql(_PARAMS, *asked, MOST_STEPS)
        case _:
            rows = await db.fetch_sql(_TAGS.format(table=table.__tablename__), *asked, MOST_TAGGED)
    return tuple(row.key for row in rows)
