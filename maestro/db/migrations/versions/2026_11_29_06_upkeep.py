"""What looks after the database rests on: usage that is counted ahead, statistics of columns, when tables are vacuumed.

A materialised view knows no row-level security, so no role may read it: there is a view in front of it, which shows the
rows of the organisation and the projects that a connection is bound to.
"""

from alembic import op
from uuid_utils.compat import uuid7

revision = "2026_11_29_06"
down_revision: str | None = "2026_11_29_05"

REQUESTS = "maestro_organization, maestro_projects"
EVERYBODY = "'00000000-0000-0000-0000-000000000000'::uuid"
CURRENT = "(SELECT nullif(current_setting('maestro.organization', true), '')::uuid)"
LISTED = "ANY ((SELECT nullif(current_setting('maestro.projects', true), '')::uuid[])::uuid[])"
STATUSES = ("SCHEDULED", "RUNNING", "FINISHED", "FAILED", "KILLED", "LOST")

USAGE = f"""
    CREATE MATERIALIZED VIEW usage_by_project AS
    WITH runs AS (
        SELECT project_id, count(*) AS n,
            {", ".join(f"count(*) FILTER (WHERE status = '{status}') AS {status.lower()}" for status in STATUSES)}
        FROM run WHERE deleted_at IS NULL GROUP BY project_id
    ), experiments AS (
        SELECT project_id, count(*) AS n FROM experiment WHERE deleted_at IS NULL GROUP BY project_id
    ), points AS (
        SELECT project_id, count(*) AS series, sum(n)::bigint AS n FROM metric_series GROUP BY project_id
    ), files AS (
        SELECT project_id, count(*) AS n, sum(size_bytes)::bigint AS bytes FROM (
            SELECT DISTINCT a.project_id, e.sha256, e.size_bytes
            FROM artifact_entry e JOIN artifact_version v ON v.id = e.version_id JOIN artifact a ON a.id = v.artifact_id
            WHERE v.state <> 'DELETED'
        ) AS own GROUP BY project_id
    )
    SELECT p.organization_id, p.id AS project_id, coalesce(experiments.n, 0) AS experiments, coalesce(runs.n, 0) AS runs,
        {", ".join(f"coalesce(runs.{status.lower()}, 0) AS {status.lower()}" for status in STATUSES)},
        coalesce(points.series, 0) AS series, coalesce(points.n, 0) AS points,
        coalesce(files.n, 0) AS files, coalesce(files.bytes, 0) AS storage_bytes
    FROM project p
    LEFT JOIN runs ON runs.project_id = p.id
    LEFT JOIN experiments ON experiments.project_id = p.id
    LEFT JOIN points ON points.project_id = p.id
    LEFT JOIN files ON files.project_id = p.id
"""
# A view runs with the rights of its owner, and `current_user` in it is who asks.
SHOWN = f"""
    CREATE VIEW project_usage WITH (security_barrier) AS
    SELECT u.*, to_timestamp((SELECT version FROM data_version
        WHERE organization_id = {EVERYBODY} AND tag = 'usage') / 1000000.0) AS as_of
    FROM usage_by_project u
    WHERE u.organization_id = {CURRENT} AND (current_user <> 'maestro_projects' OR u.project_id = {LISTED})
"""
# What was committed before `began` is counted. Versions are compared one by one: times do not tell of a transaction that
# took its versions before and is committed after. Another one that is at it just now does the work for both.
REFRESH = f"""
    CREATE FUNCTION maestro_refresh_usage() RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $$
    DECLARE
        began bigint := (extract(epoch FROM clock_timestamp()) * 1000000)::bigint;
        basis bigint;
    BEGIN
        IF NOT pg_try_advisory_xact_lock(hashtextextended('maestro.usage', 0)) THEN
            RETURN false;
        END IF;
        SELECT hashtextextended(coalesce(string_agg(concat_ws(' ', organization_id, tag, version), ','
            ORDER BY organization_id, tag), ''), 0) INTO basis
        FROM public.data_version WHERE tag IN ('projects', 'experiments', 'runs', 'metrics', 'artifacts');
        IF basis = (SELECT version FROM public.data_version WHERE organization_id = {EVERYBODY} AND tag = 'usage_basis') THEN
            RETURN false;
        END IF;
        REFRESH MATERIALIZED VIEW CONCURRENTLY public.usage_by_project;
        INSERT INTO public.data_version AS known (organization_id, tag, version)
        VALUES ({EVERYBODY}, 'usage', began), ({EVERYBODY}, 'usage_basis', basis)
        ON CONFLICT (organization_id, tag) DO UPDATE SET version = excluded.version;
        RETURN true;
    END
    $$
"""
# PostgreSQL shows the statistics of a table with row-level security to nobody for whom it holds.
WIDTHS = """
    CREATE FUNCTION maestro_widths() RETURNS TABLE (relation oid, name name, null_frac real, avg_width integer)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        SELECT to_regclass(format('%I.%I', schemaname, tablename))::oid, attname, null_frac, avg_width
        FROM pg_stats WHERE schemaname = 'public'
    $$
"""
# What new installations are given when their first organisation is made. The first time of each lies ahead.
TODAY = "date_trunc('day', now() AT TIME ZONE 'UTC')"
NEXT_WEEK = "date_trunc('week', now() AT TIME ZONE 'UTC' + interval '1 week')"
SCHEDULES = {
    "Nightly backup": ("BACKUP", "30 2 * * *", f"{TODAY} + interval '1 day 02:30'"),
    "Old backups": ("PRUNE", "30 3 * * *", f"{TODAY} + interval '1 day 03:30'"),
    "Trash": ("PURGE", "0 4 * * *", f"{TODAY} + interval '1 day 04:00'"),
    "Housekeeping": ("HOUSEKEEPING", "5 * * * *", "date_trunc('hour', now() AT TIME ZONE 'UTC') + interval '01:05'"),
    "Optimising": ("OPTIMIZE", "0 5 * * 0", f"{NEXT_WEEK} + interval '6 days 05:00'"),
    "Stored files": ("SWEEP", "30 5 * * 0", f"{NEXT_WEEK} + interval '6 days 05:30'"),
}
# PostgreSQL waits until a fifth of a table is dead: of 800,000 series those are 160,000 rows, in each index as well.
OFTEN = {"autovacuum_vacuum_scale_factor": "0.02", "autovacuum_analyze_scale_factor": "0.05"}
# What is small and written without end: by a count, whatever its size.
BY_COUNT = {"autovacuum_vacuum_scale_factor": "0", "autovacuum_vacuum_threshold": "1000"}
TUNING = {
    # Signs of life come every few seconds and change no indexed column: with room on the page no index has to follow.
    "run": {"fillfactor": "85", "autovacuum_vacuum_threshold": "1000", **OFTEN},
    # Each batch changes the last value, which is indexed: only vacuuming in time keeps the indexes small.
    "metric_series": {"autovacuum_vacuum_threshold": "5000", **OFTEN},
    # It is small and has to stay so: no pauses between its pages.
    "metric_hot": {"autovacuum_vacuum_cost_delay": "0"},
    # Small blocks become parts of larger ones, and their bytes lie apart.
    "metric_block": {"autovacuum_vacuum_scale_factor": "0.05", "toast.autovacuum_vacuum_scale_factor": "0.05"},
    # Added to for weeks, then forgotten together.
    "ingest_batch": {"autovacuum_vacuum_scale_factor": "0.05"},
    "job_event": {"autovacuum_vacuum_scale_factor": "0.05"},
    "idempotency_key": {"autovacuum_vacuum_scale_factor": "0.05"},
    # Progress comes twice a second for each job that runs.
    "job": {"fillfactor": "50", **BY_COUNT},
    # One row an organisation and a day, or one an organisation, changed by each batch and each mutation.
    "points_by_day": {"fillfactor": "50", **BY_COUNT},
    "audit_head": {"fillfactor": "50", **BY_COUNT},
    "data_version": BY_COUNT,
    "document_usage": {"fillfactor": "70"},
}
FUNCTIONS = ("maestro_refresh_usage()", "maestro_widths()")


def upgrade() -> None:
    op.execute(USAGE)
    op.execute(
        "CREATE UNIQUE INDEX uq_usage_by_project_organization_id_project_id ON usage_by_project (organization_id, project_id)"
    )
    op.execute(SHOWN)
    op.execute(f"REVOKE ALL ON usage_by_project FROM PUBLIC, {REQUESTS}, maestro_system")
    op.execute(f"REVOKE ALL ON project_usage FROM PUBLIC, {REQUESTS}, maestro_system")
    op.execute(f"GRANT SELECT ON project_usage TO {REQUESTS}, maestro_system")
    op.execute(REFRESH)
    op.execute(WIDTHS)
    for function in FUNCTIONS:
        op.execute(f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {function} TO maestro_system")
    op.execute(
        f"INSERT INTO data_version (organization_id, tag, version) "
        f"VALUES ({EVERYBODY}, 'usage', (extract(epoch FROM now()) * 1000000)::bigint)"
    )
    for table, options in TUNING.items():
        op.execute(f"ALTER TABLE {table} SET ({', '.join(f'{name} = {value}' for name, value in options.items())})")
    for name, (kind, cron, first) in SCHEDULES.items():
        op.execute(
            "INSERT INTO job_schedule (id, organization_id, name, kind, cron, next_run_at) "
            f"SELECT '{uuid7()}', id, '{name}', '{kind}', '{cron}', ({first}) AT TIME ZONE 'UTC' "
            "FROM (SELECT id FROM organization ORDER BY created_at, id LIMIT 1) AS first ON CONFLICT DO NOTHING"
        )


def downgrade() -> None:
    for table, options in TUNING.items():
        op.execute(f"ALTER TABLE {table} RESET ({', '.join(options)})")
    op.execute("DELETE FROM data_version WHERE tag IN ('usage', 'usage_basis')")
    for function in FUNCTIONS:
        op.execute(f"DROP FUNCTION {function}")
    op.execute("DROP VIEW project_usage")
    op.execute("DROP MATERIALIZED VIEW usage_by_project")
