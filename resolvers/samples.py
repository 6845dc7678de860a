"""Ids of the viewer's own objects, to fill examples with."""

from dataloaders.base import may_read
from dataloaders.nodes import BY_KIND
from maestro.ids import Kind, encode
from resolvers.context import Context

QUERY = """
WITH newest AS (
  SELECT id, status, kind FROM run WHERE organization_id = $1 AND deleted_at IS NULL ORDER BY id DESC LIMIT 1000
)
SELECT 'running' AS name, (SELECT id FROM newest WHERE status = 'RUNNING' LIMIT 1) AS id
UNION ALL
SELECT 'run ' || row_number() OVER (), id
FROM (SELECT id FROM newest WHERE status = 'FINISHED' AND kind = 'TRAINING' LIMIT 3) AS finished
UNION ALL
SELECT 'experiment', (
  SELECT id FROM experiment WHERE organization_id = $1 AND deleted_at IS NULL ORDER BY id DESC LIMIT 1)
UNION ALL
SELECT 'version', (
  SELECT id FROM model_version WHERE organization_id = $1 AND deleted_at IS NULL ORDER BY id DESC LIMIT 1)
"""
KINDS = {"running": Kind.Run, "run": Kind.Run, "experiment": Kind.Experiment, "version": Kind.ModelVersion}


async def ids(ctx: Context) -> dict[str, str]:
    """Return ids by what they are for: `running`, `run 1` … `run 3`, `experiment`, `version`; what can be read."""
    rows = await ctx.db.fetch_sql(QUERY, ctx.organization_id)
    kinds = {row.id: KINDS[row.name.split()[0]] for row in rows if row.id is not None}
    return {
        row.name: encode(kinds[row.id], row.id)
        for row in rows
        if row.id in kinds and may_read(ctx.viewer, BY_KIND[kinds[row.id]].needs)
    }
