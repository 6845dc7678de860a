"""Ids of the viewer's own objects, to fill examples with."""

from dataloaders.base import may_read
from dataloaders.nodes import BY_KIND
from maestro.ids import Kind, encode
from maestro.vendors import VENDORS, ConnectorCapability
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
UNION ALL
SELECT 'connector', (
  SELECT id FROM connector WHERE organization_id = $1 AND deleted_at IS NULL ORDER BY id DESC LIMIT 1)
UNION ALL
SELECT CASE row_number() OVER (ORDER BY id) WHEN 1 THEN 'source' ELSE 'target' END, id
FROM (
  SELECT id FROM connector WHERE organization_id = $1 AND deleted_at IS NULL AND kind = ANY($2) ORDER BY id DESC LIMIT 2
) AS stores
UNION ALL
SELECT 'plan', (SELECT id FROM sync_plan WHERE organization_id = $1 AND state = 'READY' ORDER BY id DESC LIMIT 1)
"""
KINDS = {
    "running": Kind.Run,
    "run": Kind.Run,
    "experiment": Kind.Experiment,
    "version": Kind.ModelVersion,
    "connector": Kind.Connector,
    "source": Kind.Connector,
    "target": Kind.Connector,
    "plan": Kind.SyncPlan,
}
STORES = [kind for kind, vendor in VENDORS.items() if ConnectorCapability.OBJECT_STORE in vendor.capabilities]
FOLDER = "/srv"
"""Below which folders lie where the server says of none that it may be connected to."""


async def ids(ctx: Context) -> dict[str, str]:
    """Return ids by what they are for, of what can be read.

    `running`, `run 1` … `run 3`, `experiment`, `version`, `connector`, the two newest stores as `source` and `target`,
    and `plan`; besides `folder`, below which folders may be connected to.
    """
    rows = await ctx.db.fetch_sql(QUERY, ctx.organization_id, STORES)
    kinds = {row.id: KINDS[row.name.split()[0]] for row in rows if row.id is not None}
    found = {
        row.name: encode(kinds[row.id], row.id)
        for row in rows
        if row.id in kinds and may_read(ctx.viewer, BY_KIND[kinds[row.id]].needs)
    }
    folder = next(iter(ctx.runtime.settings.local_connector_folders), FOLDER)
    return {**found, "folder": str(folder)}
