"""Schedules of jobs, what the queue knows of a job, restores, and who is told how jobs end."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_29_04"
down_revision: str | None = "2026_11_29_03"

ROLES = "maestro_organization, maestro_projects, maestro_system"
CURRENT = "(SELECT nullif(current_setting('maestro.organization', true), '')::uuid)"
STATES = ("QUEUED", "RUNNING", "CANCELLING", "CANCELLED", "SUCCEEDED", "PARTIAL", "FAILED")
OLD_KINDS = ("BACKUP", "RESTORE", "VERIFY", "STORAGE_SYNC", "IMPORT", "EXPORT", "PURGE", "COMPACT")
KINDS = (
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
)
MADE = ("job_schedule", "restore", "notification_channel")


def upgrade() -> None:
    _job_schedule()
    op.drop_constraint(op.f("ck_job_kind"), "job", type_="check")
    op.create_check_constraint(op.f("ck_job_kind"), "job", _one_of("kind", KINDS))
    op.add_column("job", sa.Column("priority", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.add_column("job", sa.Column("crashes", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.add_column("job", sa.Column("dispatched_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("job", sa.Column("worker", sa.Text(), nullable=True))
    op.add_column("job", sa.Column("cancelled_by_id", sa.Uuid(), nullable=True))
    op.add_column("job", sa.Column("schedule_id", sa.Uuid(), nullable=True))
    op.add_column("job", sa.Column("scheduled_for", sa.DateTime(timezone=True), nullable=True))
    op.create_foreign_key(
        op.f("fk_job_schedule_id"), "job", "job_schedule", ["schedule_id"], ["id"], ondelete="SET NULL"
    )
    op.create_index(
        "uq_job_schedule_id_scheduled_for",
        "job",
        ["schedule_id", "scheduled_for"],
        unique=True,
        postgresql_where=sa.text("schedule_id IS NOT NULL"),
    )
    _backup()
    _restore()
    _notification_channel()
    for table in MADE:
        _protect(table)


def downgrade() -> None:
    for table in ("notification_channel", "restore"):
        op.drop_table(table)
    op.drop_constraint(op.f("ck_backup_kind"), "backup", type_="check")
    for column in (
        "removed_at",
        "ended_at",
        "created_by_id",
        "is_protected",
        "is_encrypted",
        "schema_revision",
        "label",
    ):
        op.drop_column("backup", column)
    op.drop_index("uq_job_schedule_id_scheduled_for", table_name="job")
    op.drop_constraint(op.f("fk_job_schedule_id"), "job", type_="foreignkey")
    for column in (
        "scheduled_for",
        "schedule_id",
        "cancelled_by_id",
        "worker",
        "dispatched_at",
        "crashes",
        "priority",
    ):
        op.drop_column("job", column)
    op.drop_table("job_schedule")
    op.execute(f"DELETE FROM job WHERE NOT ({_one_of('kind', OLD_KINDS)})")
    op.drop_constraint(op.f("ck_job_kind"), "job", type_="check")
    op.create_check_constraint(op.f("ck_job_kind"), "job", _one_of("kind", OLD_KINDS))


def _job_schedule() -> None:
    op.create_table(
        "job_schedule",
        *_owned("job_schedule"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("cron", sa.Text(), nullable=False),
        sa.Column("timezone", sa.Text(), server_default="UTC", nullable=False),
        sa.Column("input", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("priority", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("catch_up", sa.Text(), server_default="LAST", nullable=False),
        sa.Column("is_paused", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("next_run_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_run_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(_one_of("kind", KINDS), name=op.f("ck_job_schedule_kind")),
        sa.CheckConstraint(_one_of("catch_up", ("SKIP", "LAST", "ALL")), name=op.f("ck_job_schedule_catch_up")),
    )
    op.create_index("uq_job_schedule_organization_id_name", "job_schedule", ["organization_id", "name"], unique=True)
    op.create_index("ix_job_schedule_organization_id_id", "job_schedule", ["organization_id", "id"])
    op.create_index(
        "ix_job_schedule_next_run_at", "job_schedule", ["next_run_at"], postgresql_where=sa.text("NOT is_paused")
    )


def _backup() -> None:
    op.add_column("backup", sa.Column("label", sa.Text(), server_default="", nullable=False))
    op.add_column("backup", sa.Column("schema_revision", sa.Text(), nullable=True))
    op.add_column("backup", sa.Column("is_encrypted", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("backup", sa.Column("is_protected", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("backup", sa.Column("created_by_id", sa.Uuid(), nullable=True))
    op.add_column("backup", sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("backup", sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE backup SET kind = 'FULL'")
    op.create_check_constraint(op.f("ck_backup_kind"), "backup", _one_of("kind", ("FULL", "BASE")))


def _restore() -> None:
    op.create_table(
        "restore",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=True),
        sa.Column("backup_id", sa.Uuid(), nullable=True),
        sa.Column("safety_backup_id", sa.Uuid(), nullable=True),
        sa.Column("scope", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("target_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("is_dry_run", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("verification", postgresql.JSONB(), nullable=True),
        sa.Column("timings", postgresql.JSONB(), nullable=True),
        sa.Column("kept_database", sa.Text(), nullable=True),
        sa.Column("kept_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rolled_back_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by_id", sa.Uuid(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(_one_of("state", STATES), name=op.f("ck_restore_state")),
        _organization("restore"),
        _reference("restore", "job_id", "job"),
        _reference("restore", "backup_id", "backup"),
        _reference("restore", "safety_backup_id", "backup"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_restore")),
    )
    op.create_index("ix_restore_organization_id_id", "restore", ["organization_id", "id"])


def _notification_channel() -> None:
    op.create_table(
        "notification_channel",
        *_owned("notification_channel"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("job_kinds", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("on_failure", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("on_success", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("is_enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=True),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=True),
        sa.Column("ciphertext", sa.LargeBinary(), nullable=True),
        sa.Column("last_sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.CheckConstraint(_one_of("kind", ("EMAIL", "WEBHOOK")), name=op.f("ck_notification_channel_kind")),
    )
    op.create_index(
        "uq_notification_channel_organization_id_name",
        "notification_channel",
        ["organization_id", "name"],
        unique=True,
    )
    op.create_index("ix_notification_channel_organization_id_id", "notification_channel", ["organization_id", "id"])


def _owned(table: str) -> tuple[sa.schema.SchemaItem, ...]:
    return (
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by_id", sa.Uuid(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        _organization(table),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )


def _organization(table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_organization_id")
    return sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name=name, ondelete="CASCADE")


def _reference(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}"), ondelete="SET NULL")


def _one_of(column: str, values: tuple[str, ...]) -> str:
    return f"{column} IN ({', '.join(repr(value) for value in values)})"


def _protect(table: str) -> None:
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {ROLES}")
    op.execute(
        "DO $$ BEGIN IF current_setting('server_version_num')::int >= 170000 THEN "
        f"GRANT MAINTAIN ON {table} TO maestro_system; END IF; END $$"
    )
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    belongs = f"organization_id = {CURRENT}"
    op.execute(f"CREATE POLICY organization ON {table} TO maestro_organization, maestro_projects USING ({belongs})")
    op.execute(f"CREATE POLICY projects ON {table} AS RESTRICTIVE TO maestro_projects USING (false)")
    op.execute(f"CREATE POLICY system ON {table} TO maestro_system USING (true)")
    op.execute(
        f"CREATE TRIGGER touch AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION maestro_touch('jobs')"
    )
