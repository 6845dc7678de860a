"""Versions of the data: what is kept in memory is told whether it is still so.

Each statement that writes to a table notes the table's tag in its transaction. Before the commit, the entry of the
audit log or `maestro_settle` counts the version of these tags up, for the organisation that the connection is bound to
and for all where it is bound to none. Programs other than the server do not settle: theirs is done at once.
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_29_02"
down_revision: str | None = "2026_11_29_01"

ROLES = "maestro_organization, maestro_projects, maestro_system"
EVERYBODY = "'00000000-0000-0000-0000-000000000000'::uuid"
CURRENT = "(SELECT nullif(current_setting('maestro.organization', true), '')::uuid)"
TAGS = {
    "project": "projects",
    "experiment": "experiments",
    "run": "runs",
    "param": "params",
    "metric_key": "metric_keys",
    "metric_series": "metrics",
    "registered_model": "models",
    "model_version": "models",
    "model_alias": "models",
    "model_alias_move": "models",
    "artifact": "artifacts",
    "artifact_version": "artifacts",
    "artifact_alias": "artifacts",
    "artifact_entry": "artifacts",
    "blob": "artifacts",
    "lineage_edge": "lineage",
    "connector": "connectors",
    "sync_run": "connectors",
    "membership": "members",
    '"user"': "members",
    "service_account": "members",
    "organization": "organization",
    "job": "jobs",
    "job_event": "jobs",
    "backup": "jobs",
}

TOUCH = """
    CREATE FUNCTION maestro_touch() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        touched text := coalesce(nullif(current_setting('maestro.touched', true), ''), ' ');
    BEGIN
        IF strpos(touched, ' ' || TG_ARGV[0] || ' ') = 0 THEN
            PERFORM set_config('maestro.touched', touched || TG_ARGV[0] || ' ', true);
        END IF;
        IF current_setting('application_name') <> 'maestro' THEN
            PERFORM public.maestro_settle();
        END IF;
        RETURN NULL;
    END
    $$
"""
# In one order for all, so that nobody waits in a circle. Times, because after a restore from a backup no version
# comes again that stood for other data.
SETTLE = f"""
    CREATE FUNCTION maestro_settle() RETURNS void LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $$
    DECLARE
        touched text := trim(current_setting('maestro.touched', true));
        place uuid := coalesce(nullif(current_setting('maestro.organization', true), '')::uuid, {EVERYBODY});
    BEGIN
        IF touched <> '' THEN
            INSERT INTO public.data_version AS known (organization_id, tag, version)
            SELECT place, tag, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint
            FROM unnest(string_to_array(touched, ' ')) AS tag ORDER BY tag
            ON CONFLICT (organization_id, tag)
            DO UPDATE SET version = greatest(known.version + 1, excluded.version);
            PERFORM set_config('maestro.touched', '', true);
        END IF;
    END
    $$
"""
HEAD = """
    CREATE OR REPLACE FUNCTION maestro_audit_seal() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $$
    BEGIN
        LOOP
            SELECT head.seq + 1, head.hash INTO NEW.seq, NEW.prev_hash FROM public.audit_head head
            WHERE head.organization_id = NEW.organization_id FOR NO KEY UPDATE;
            EXIT WHEN FOUND;
            INSERT INTO public.audit_head (organization_id, seq, hash) VALUES (NEW.organization_id, 0, '')
            ON CONFLICT DO NOTHING;
        END LOOP;
        IF EXISTS (SELECT FROM public.audit_entry WHERE id = NEW.id) THEN
            -- Or ON CONFLICT DO NOTHING would count an entry that is not there.
            RAISE unique_violation USING MESSAGE = 'there is an audit entry with this id', TABLE = 'audit_entry';
        END IF;
        NEW.at := clock_timestamp();
        NEW.hash := sha256(NEW.prev_hash || convert_to(public.maestro_audit_text(NEW), 'UTF8'));
        UPDATE public.audit_head SET seq = NEW.seq, hash = NEW.hash WHERE organization_id = NEW.organization_id;
"""
# Of an unbound connection nobody knows here whether it has written to other organisations as well.
SETTLING = """        IF current_setting('maestro.organization', true) = NEW.organization_id::text THEN
            PERFORM public.maestro_settle();
        END IF;
"""
FOOT = """        RETURN NEW;
    END
    $$
"""


def upgrade() -> None:
    op.create_table(
        "data_version",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("tag", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "tag", name="pk_data_version"),
    )
    # Only the version ever changes, so with room on its page no index has to follow.
    op.execute("ALTER TABLE data_version SET (fillfactor = 50)")
    op.execute("ALTER TABLE data_version ENABLE ROW LEVEL SECURITY")
    op.execute(
        "CREATE POLICY organization ON data_version TO maestro_organization, maestro_projects "
        f"USING (organization_id = {CURRENT})"
    )
    op.execute("CREATE POLICY system ON data_version TO maestro_system USING (true)")
    op.execute(f"GRANT SELECT ON data_version TO {ROLES}")
    op.execute(SETTLE)
    op.execute(TOUCH)
    for function in ("maestro_settle()", "maestro_touch()"):
        op.execute(f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {function} TO {ROLES}")
    for table, tag in TAGS.items():
        op.execute(
            f"CREATE TRIGGER touch AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION maestro_touch('{tag}')"
        )
    op.execute(HEAD + SETTLING + FOOT)


def downgrade() -> None:
    op.execute(HEAD + FOOT)
    for table in TAGS:
        op.execute(f"DROP TRIGGER touch ON {table}")
    op.execute("DROP FUNCTION maestro_touch()")
    op.execute("DROP FUNCTION maestro_settle()")
    op.drop_table("data_version")
