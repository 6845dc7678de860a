"""How connectors fare and what they are used for; plans of syncs, object by object."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_30_01"
down_revision: str | None = "2026_11_29_06"

ROLES = "maestro_organization, maestro_projects, maestro_system"
CURRENT = "(SELECT nullif(current_setting('maestro.organization', true), '')::uuid)"
STATES = ("QUEUED", "RUNNING", "CANCELLING", "CANCELLED", "SUCCEEDED", "PARTIAL", "FAILED")
STATUSES = ("UNTESTED", "HEALTHY", "DEGRADED", "FAILING", "DISABLED")
OLD_KINDS = (
    "BACKUP",
    "BASE_BACKUP",
    "VERIFY",
    "PRUNE",
    "RESTORE",
    "ROLLBACK",
    "STORAGE_SYNC",
    "IMPORT",
    "EXPORT",
    "PURGE",
    "SWEEP",
    "COMPACT",
    "OPTIMIZE",
    "HOUSEKEEPING",
    "NOTIFY",
)
NEW_KINDS = ("CHECK_CONNECTORS", "SYNC_PLAN", "SYNC_ROLLBACK")
KINDS = (*OLD_KINDS[:6], "CHECK_CONNECTORS", "SYNC_PLAN", "STORAGE_SYNC", "SYNC_ROLLBACK", *OLD_KINDS[7:])
OF_A_CONNECTOR = "EXISTS (SELECT 1 FROM connector p WHERE p.id = connector_id)"
PROJECTS = {
    "connector_check": OF_A_CONNECTOR,
    "connector_usage": OF_A_CONNECTOR,
    "connector_query": OF_A_CONNECTOR,
    "sync_plan": "EXISTS (SELECT 1 FROM connector p WHERE p.id = source_id) "
    "AND EXISTS (SELECT 1 FROM connector p WHERE p.id = target_id)",
    "sync_item": "EXISTS (SELECT 1 FROM sync_plan p WHERE p.id = plan_id)",
}
"""Which rows belong to the projects that a connection is bound to. The policies of the tables inside hold as well."""
JOBS = """
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
"""Which jobs belong to projects: those that work with their connectors, so that who may sync these can start them."""
COUNTED = ("connector_check", "sync_plan")
"""Tables whose changes are counted, so that what was read from them may be kept."""


def upgrade() -> None:
    for table in ("job", "job_schedule"):
        _allow(table, KINDS)
    _connector_check()
    _connector_usage()
    _connector_query()
    _sync_plan()
    _sync_item()
    _sync_run()
    for table, belongs in PROJECTS.items():
        _protect(table, belongs)
    op.execute(f"ALTER POLICY projects ON job USING ({JOBS})")


def downgrade() -> None:
    op.execute("ALTER POLICY projects ON job USING (false)")
    op.drop_index("ix_sync_run_target_id_id", table_name="sync_run")
    for column in ("plan_id", "target_id"):
        op.drop_constraint(op.f(f"fk_sync_run_{column}"), "sync_run", type_="foreignkey")
    for column in ("rolled_back_at", "plan_id", "target_id"):
        op.drop_column("sync_run", column)
    for table in ("sync_item", "sync_plan", "connector_query", "connector_usage", "connector_check"):
        op.drop_table(table)
    for table in ("job", "job_schedule"):
        op.execute(f"DELETE FROM {table} WHERE {_one_of('kind', NEW_KINDS)}")
        _allow(table, OLD_KINDS)


def _connector_check() -> None:
    op.create_table(
        "connector_check",
        *_identified("connector_check"),
        _id("connector_id"),
        _moment("at", is_now=True),
        sa.Column("trigger", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("duration_ms", sa.Double(), nullable=False),
        sa.Column("steps", postgresql.JSONB(), server_default=sa.text("'[]'"), nullable=False),
        sa.CheckConstraint(_one_of("status", STATUSES), name=op.f("ck_connector_check_status")),
        _reference("connector_check", "connector_id", "connector", ondelete="CASCADE"),
    )
    op.create_index("ix_connector_check_connector_id_id", "connector_check", ["connector_id", "id"])


def _connector_usage() -> None:
    counts = ("operations", "errors", "bytes_read", "bytes_written")
    op.create_table(
        "connector_usage",
        _id("organization_id"),
        _id("connector_id"),
        sa.Column("day", sa.Date(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), server_default=sa.text("0"), nullable=False) for name in counts),
        _reference("connector_usage", "organization_id", "organization", ondelete="CASCADE"),
        _reference("connector_usage", "connector_id", "connector", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("connector_id", "day", name=op.f("pk_connector_usage")),
    )


def _connector_query() -> None:
    op.create_table(
        "connector_query",
        *_identified("connector_query"),
        _id("connector_id"),
        _id("started_by_id", is_nullable=True),
        sa.Column("statement", sa.Text(), nullable=False),
        sa.Column("is_writing", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        _moment("started_at", is_now=True),
        _moment("ended_at"),
        sa.Column("row_count", sa.BigInteger(), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=True),
        sa.Column("is_truncated", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("vendor_id", sa.Text(), nullable=True),
        sa.Column("error_code", sa.Text(), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        _id("cancelled_by_id", is_nullable=True),
        sa.Column("cancel_key", sa.Text(), nullable=True),
        sa.CheckConstraint(_one_of("state", STATES), name=op.f("ck_connector_query_state")),
        _reference("connector_query", "connector_id", "connector", ondelete="CASCADE"),
    )
    op.create_index("ix_connector_query_connector_id_id", "connector_query", ["connector_id", "id"])
    op.create_index(
        "ix_connector_query_under_way",
        "connector_query",
        ["started_at"],
        postgresql_where=sa.text("ended_at IS NULL"),
    )


def _sync_plan() -> None:
    op.create_table(
        "sync_plan",
        *_identified("sync_plan"),
        _moment("created_at", is_now=True),
        _id("created_by_id", is_nullable=True),
        _moment("updated_at", is_now=True),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        _id("source_id"),
        _id("target_id"),
        _id("job_id", is_nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("options", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("summary", postgresql.JSONB(), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        _moment("ready_at"),
        _moment("expires_at"),
        sa.CheckConstraint(
            _one_of("state", ("PLANNING", "READY", "FAILED", "STARTED", "EXPIRED")), name=op.f("ck_sync_plan_state")
        ),
        _reference("sync_plan", "source_id", "connector", ondelete="CASCADE"),
        _reference("sync_plan", "target_id", "connector", ondelete="CASCADE"),
        _reference("sync_plan", "job_id", "job", ondelete="SET NULL"),
    )
    op.create_index("ix_sync_plan_source_id_id", "sync_plan", ["source_id", "id"])
    op.create_index("ix_sync_plan_target_id_id", "sync_plan", ["target_id", "id"])


def _sync_item() -> None:
    op.create_table(
        "sync_item",
        _id("organization_id"),
        _id("plan_id"),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("source", postgresql.JSONB(), nullable=True),
        sa.Column("target", postgresql.JSONB(), nullable=True),
        sa.Column("state", sa.Text(), server_default="PENDING", nullable=False),
        sa.Column("upload", postgresql.JSONB(), nullable=True),
        sa.Column("error", postgresql.JSONB(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint(
            _one_of("action", ("ADD", "UPDATE", "REMOVE", "CONFLICT")), name=op.f("ck_sync_item_action")
        ),
        sa.CheckConstraint(_one_of("state", ("PENDING", "DONE", "FAILED", "SKIPPED")), name=op.f("ck_sync_item_state")),
        _reference("sync_item", "organization_id", "organization", ondelete="CASCADE"),
        _reference("sync_item", "plan_id", "sync_plan", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("plan_id", "number", name=op.f("pk_sync_item")),
    )
    op.create_index(
        "ix_sync_item_plan_id_pending",
        "sync_item",
        ["plan_id", "number"],
        postgresql_where=sa.text("state IN ('PENDING', 'FAILED')"),
    )


def _sync_run() -> None:
    op.add_column("sync_run", _id("target_id", is_nullable=True))
    op.add_column("sync_run", _id("plan_id", is_nullable=True))
    op.add_column("sync_run", _moment("rolled_back_at"))
    for column, other in (("target_id", "connector"), ("plan_id", "sync_plan")):
        op.create_foreign_key(op.f(f"fk_sync_run_{column}"), "sync_run", other, [column], ["id"], ondelete="SET NULL")
    op.create_index("ix_sync_run_target_id_id", "sync_run", ["target_id", "id"])


def _identified(table: str) -> tuple[sa.schema.SchemaItem, ...]:
    return (
        _id("id"),
        _id("organization_id"),
        _reference(table, "organization_id", "organization", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )


def _id(name: str, *, is_nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.Uuid(), nullable=is_nullable)


def _moment(name: str, *, is_now: bool = False) -> sa.Column[object]:
    default = sa.text("now()") if is_now else None
    return sa.Column(name, sa.DateTime(timezone=True), server_default=default, nullable=not is_now)


def _reference(table: str, column: str, other: str, *, ondelete: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}"), ondelete=ondelete)


def _one_of(column: str, values: tuple[str, ...]) -> str:
    return f"{column} IN ({', '.join(map(repr, values))})"


def _allow(table: str, kinds: tuple[str, ...]) -> None:
    name = op.f(f"ck_{table}_kind")
    op.drop_constraint(name, table, type_="check")
    op.create_check_constraint(name, table, _one_of("kind", kinds))


def _protect(table: str, belongs: str) -> None:
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {ROLES}")
    op.execute(
        "DO $$ BEGIN IF current_setting('server_version_num')::int >= 170000 THEN "
        f"GRANT MAINTAIN ON {table} TO maestro_system; END IF; END $$"
    )
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(
        f"CREATE POLICY organization ON {table} TO maestro_organization, maestro_projects "
        f"USING (organization_id = {CURRENT})"
    )
    op.execute(f"CREATE POLICY projects ON {table} AS RESTRICTIVE TO maestro_projects USING ({belongs})")
    op.execute(f"CREATE POLICY system ON {table} TO maestro_system USING (true)")
    if table in COUNTED:
        op.execute(
            f"CREATE TRIGGER touch AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION maestro_touch('connectors')"
        )
