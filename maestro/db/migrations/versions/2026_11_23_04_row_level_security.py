"""Row-level security.

The server runs under roles that own nothing: `maestro_organization` sees the rows of the organisation that the
connection is bound to, `maestro_projects` those of some projects of it, `maestro_system` every row, for signing in and
for upkeep. `maestro_server` may log in and become any of the three; it is given a password from outside.
"""

from alembic import op

revision = "2026_11_23_04"
down_revision: str | None = "2026_11_23_03"

ROLES = ("maestro_organization", "maestro_projects", "maestro_system")
LOGIN = "maestro_server"
CURRENT = "(SELECT nullif(current_setting('maestro.organization', true), '')::uuid)"
# An initial plan, computed once a statement; as a bare call it would be computed for each row.
LISTED = "ANY ((SELECT nullif(current_setting('maestro.projects', true), '')::uuid[])::uuid[])"


def _in(parent: str, column: str) -> str:
    return f"EXISTS (SELECT 1 FROM {parent} p WHERE p.id = {column})"


PROJECTS = {
    "project": f"id = {LISTED}",
    **dict.fromkeys(
        (
            "experiment",
            "run",
            "param",
            "metric_key",
            "metric_series",
            "registered_model",
            "artifact",
            "connector",
            "invitation",
        ),
        f"project_id = {LISTED}",
    ),
    # A role in the whole organisation is one in each project: who sees the members of a project sees those too.
    "membership": f"project_id IS NULL OR project_id = {LISTED}",
    "metric_hot": _in("metric_series", "series_id"),
    "metric_block": _in("metric_series", "series_id"),
    "ingest_batch": _in("run", "run_id"),
    "model_version": _in("registered_model", "model_id"),
    "model_alias": _in("registered_model", "model_id"),
    "model_alias_move": _in("registered_model", "model_id"),
    "artifact_version": _in("artifact", "artifact_id"),
    "artifact_alias": _in("artifact", "artifact_id"),
    "artifact_entry": _in("artifact_version", "version_id"),
    "lineage_edge": "maestro_is_visible(from_type, from_id) AND maestro_is_visible(to_type, to_id)",
    "sync_run": _in("connector", "connector_id"),
    "connector_secret": _in("connector", "connector_id"),
    **dict.fromkeys(("job", "job_event", "backup"), "false"),
}
"""Which rows belong to the projects that a connection is bound to. The policies of the tables inside hold as well."""

WRITTEN = {"membership": f"project_id = {LISTED}"}
"""Which rows may be written, where that is less than what may be seen."""

WHOLE = (
    "api_key",
    "service_account",
    "blob",
    "idempotency_key",
    "persisted_operation",
    "points_by_day",
    "audit_entry",
)
"""Tables of an organisation that have nothing to do with projects; who may read them is for the resolvers to say."""

IDENTITY = ("session", "identity", "sign_in_link")
"""Tables that belong to people, whatever organisation they act in; only the door reads them."""

VISIBLE = """
    CREATE FUNCTION maestro_is_visible(kind text, key uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
        SELECT CASE kind
            WHEN 'Run' THEN EXISTS (SELECT 1 FROM run WHERE id = key)
            WHEN 'ArtifactVersion' THEN EXISTS (SELECT 1 FROM artifact_version WHERE id = key)
            WHEN 'ModelVersion' THEN EXISTS (SELECT 1 FROM model_version WHERE id = key)
            ELSE false
        END
    $$
"""

# Each field with its length in front, so that no two rows have the same text.
SEALED = """
    CREATE FUNCTION maestro_audit_text(e audit_entry) RETURNS text LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp AS $$
        SELECT string_agg(coalesce(length(field) || ':' || field, '-'), '' ORDER BY place)
        FROM unnest(ARRAY[
            e.organization_id::text, e.seq::text, e.id::text, (extract(epoch FROM e.at) * 1000000)::bigint::text,
            e.actor_id::text, e.actor_kind, e.actor_label, e.api_key_id::text, e.session_id::text, e.address,
            e.operation, e.operation_name, e.target_type, e.target_id::text, e.is_allowed::text, e.code, e.reason,
            e.before::text, e.after::text
        ]) WITH ORDINALITY AS given (field, place)
    $$
"""
SEAL = """
    CREATE FUNCTION maestro_audit_seal() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
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
        RETURN NEW;
    END
    $$
"""


def upgrade() -> None:
    for role in ROLES:
        op.execute(_create_role(role, "NOLOGIN"))
    op.execute(_create_role(LOGIN, "LOGIN NOINHERIT"))
    for role in ROLES:
        op.execute(_grant(role, f"'{LOGIN}'::name"))
        # Whoever owns the tables runs the commands, and takes on the roles of the server there.
        op.execute(_grant(role, "current_user"))
    listed = ", ".join(ROLES)
    op.execute(f"GRANT USAGE ON SCHEMA public TO {listed}")
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {listed}")
    op.execute(f"REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM {listed}")
    # It asks for the revision before it has become anybody.
    op.execute(f"GRANT SELECT ON alembic_version TO {LOGIN}")
    op.execute(f"REVOKE UPDATE, DELETE ON audit_entry FROM {listed}")
    op.execute(f"REVOKE INSERT, UPDATE, DELETE ON audit_head FROM {listed}")
    op.execute(
        "DO $$ BEGIN IF current_setting('server_version_num')::int >= 170000 THEN "
        "GRANT MAINTAIN ON ALL TABLES IN SCHEMA public TO maestro_system; END IF; END $$"
    )
    op.execute(VISIBLE)
    _protect("organization", f"id = {CURRENT}")
    _protect(
        '"user"',
        f'EXISTS (SELECT 1 FROM membership m WHERE m.user_id = "user".id AND m.organization_id = {CURRENT})',
    )
    for table in (*PROJECTS, *WHOLE, "audit_head"):
        _protect(table, f"organization_id = {CURRENT}")
    for table, belongs in PROJECTS.items():
        written = f" WITH CHECK ({WRITTEN[table]})" if table in WRITTEN else ""
        op.execute(f"CREATE POLICY projects ON {table} AS RESTRICTIVE TO maestro_projects USING ({belongs}){written}")
    for table in IDENTITY:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY system ON {table} TO maestro_system USING (true)")
    op.execute(SEALED)
    op.execute(SEAL)
    op.execute("REVOKE ALL ON FUNCTION maestro_audit_seal() FROM PUBLIC")
    op.execute("CREATE TRIGGER seal BEFORE INSERT ON audit_entry FOR EACH ROW EXECUTE FUNCTION maestro_audit_seal()")


def downgrade() -> None:
    op.execute("DROP TRIGGER seal ON audit_entry")
    op.execute("DROP FUNCTION maestro_audit_seal()")
    op.execute("DROP FUNCTION maestro_audit_text(audit_entry)")
    for table in PROJECTS:
        op.execute(f"DROP POLICY projects ON {table}")
    for table in ("organization", '"user"', *PROJECTS, *WHOLE, "audit_head"):
        op.execute(f"DROP POLICY organization ON {table}")
    for table in ("organization", '"user"', *PROJECTS, *WHOLE, "audit_head", *IDENTITY):
        op.execute(f"DROP POLICY system ON {table}")
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
    op.execute("DROP FUNCTION maestro_is_visible(text, uuid)")
    listed = ", ".join(ROLES)
    # The roles belong to the whole server, and other databases of it may use them.
    op.execute(f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {listed}, {LOGIN}")
    op.execute(f"REVOKE USAGE ON SCHEMA public FROM {listed}")


def _create_role(name: str, options: str) -> str:
    # A superuser, or another database of this server, may have made it, and be making it at the same time.
    return (
        f"DO $$ BEGIN IF to_regrole('{name}') IS NULL THEN "
        f"CREATE ROLE {name} {options} NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE; END IF; "
        "EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
    )


def _grant(role: str, account: str) -> str:
    # Not again: it takes the right to give the role. Since PostgreSQL 16 a member may be one that cannot take it on.
    return (
        f"DO $$ BEGIN IF NOT pg_has_role({account}, '{role}', "
        "CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END) THEN "
        f"EXECUTE format('GRANT {role} TO %I', {account}); END IF; END $$"
    )


def _protect(table: str, belongs: str) -> None:
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY organization ON {table} TO maestro_organization, maestro_projects USING ({belongs})")
    op.execute(f"CREATE POLICY system ON {table} TO maestro_system USING (true)")
