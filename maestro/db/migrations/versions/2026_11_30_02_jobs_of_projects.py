"""Members of projects follow the jobs of their connectors; plans and syncs of an organisation are listed by index."""

from alembic import op

revision = "2026_11_30_02"
down_revision: str | None = "2026_11_30_01"

LISTED = ("sync_plan", "sync_run")
EARLIER = """
    CASE kind
        WHEN 'SYNC_PLAN' THEN EXISTS (SELECT 1 FROM sync_plan p WHERE p.id = (input ->> 'plan_id')::uuid)
        WHEN 'STORAGE_SYNC' THEN EXISTS (SELECT 1 FROM sync_run r WHERE r.id = (input ->> 'sync_run_id')::uuid)
        WHEN 'SYNC_ROLLBACK' THEN EXISTS (SELECT 1 FROM sync_run r WHERE r.id = (input ->> 'sync_run_id')::uuid)
        WHEN 'IMPORT' THEN
            EXISTS (SELECT 1 FROM connector c WHERE c.id = (input #>> '{source,connector_id}')::uuid)
            AND EXISTS (SELECT 1 FROM project p WHERE p.id = (input #>> '{source,project_id}')::uuid)
        WHEN 'EXPORT' THEN
            EXISTS (SELECT 1 FROM connector c WHERE c.id = (input #>> '{target,connector_id}')::uuid)
            AND EXISTS (SELECT 1 FROM project p WHERE p.id = (input #>> '{target,project_id}')::uuid)
        ELSE false
    END
"""
BY_SCHEDULE = """
    kind = 'STORAGE_SYNC'
    AND EXISTS (SELECT 1 FROM connector c WHERE c.id = (input ->> 'source_id')::uuid)
    AND EXISTS (SELECT 1 FROM connector c WHERE c.id = (input ->> 'target_id')::uuid)
"""
"""The job of a schedule names no sync, which it makes, but both ends."""


def upgrade() -> None:
    for table in LISTED:
        op.create_index(f"ix_{table}_organization_id_id", table, ["organization_id", "id"])
    op.execute(f"ALTER POLICY projects ON job USING ({EARLIER} OR ({BY_SCHEDULE}))")
    op.execute("ALTER POLICY projects ON job_event USING (EXISTS (SELECT 1 FROM job p WHERE p.id = job_id))")


def downgrade() -> None:
    op.execute("ALTER POLICY projects ON job_event USING (false)")
    op.execute(f"ALTER POLICY projects ON job USING ({EARLIER})")
    for table in LISTED:
        op.drop_index(f"ix_{table}_organization_id_id", table_name=table)
