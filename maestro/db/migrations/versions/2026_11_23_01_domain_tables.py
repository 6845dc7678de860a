"""Domain tables."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_23_01"
down_revision: str | None = None


def upgrade() -> None:
    op.create_table(
        "metric_block",
        sa.Column("series_id", sa.Uuid(), nullable=False),
        sa.Column("step0", sa.BigInteger(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("step1", sa.BigInteger(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("t_min", sa.BigInteger(), nullable=False),
        sa.Column("t_max", sa.BigInteger(), nullable=False),
        sa.Column("v_min", sa.Double(), nullable=True),
        sa.Column("v_max", sa.Double(), nullable=True),
        sa.Column("step_min", sa.BigInteger(), nullable=True),
        sa.Column("step_max", sa.BigInteger(), nullable=True),
        sa.Column("v_sum", sa.Double(), nullable=False),
        sa.Column("v_first", sa.Double(), nullable=False),
        sa.Column("v_last", sa.Double(), nullable=False),
        sa.Column("nonfinite", sa.BigInteger(), nullable=False),
        sa.Column("codec", sa.SmallInteger(), nullable=False),
        sa.Column("bins", sa.LargeBinary(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("series_id", "step0", name=op.f("pk_metric_block")),
    )
    op.create_table(
        "metric_hot",
        sa.Column("series_id", sa.Uuid(), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("t_ms", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("series_id", "step", name=op.f("pk_metric_hot")),
    )
    op.create_table(
        "organization",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("settings", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("quotas", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organization")),
        sa.UniqueConstraint("slug", name=op.f("uq_organization_slug")),
    )
    op.create_table(
        "user",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user")),
        sa.UniqueConstraint("email", name=op.f("uq_user_email")),
    )
    op.create_table(
        "audit_entry",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("actor_label", sa.Text(), nullable=False),
        sa.Column("api_key_id", sa.Uuid(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("target_id", sa.Uuid(), nullable=True),
        sa.Column("target_type", sa.Text(), nullable=True),
        sa.Column("is_allowed", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("before", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("after", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_audit_entry_organization_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entry")),
    )
    op.create_index("ix_audit_entry_organization_id", "audit_entry", ["organization_id", "id"], unique=False)
    op.create_table(
        "blob",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_blob_organization_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("organization_id", "sha256", name=op.f("pk_blob")),
    )
    op.create_table(
        "idempotency_key",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("input_hash", sa.LargeBinary(), nullable=False),
        sa.Column("result_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organization.id"],
            name=op.f("fk_idempotency_key_organization_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("organization_id", "key", name=op.f("pk_idempotency_key")),
    )
    op.create_index(op.f("ix_idempotency_key_created_at"), "idempotency_key", ["created_at"], unique=False)
    op.create_table(
        "job",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="QUEUED", nullable=False),
        sa.Column("phase", sa.Text(), nullable=True),
        sa.Column("completed", sa.BigInteger(), nullable=True),
        sa.Column("total", sa.BigInteger(), nullable=True),
        sa.Column("unit", sa.Text(), nullable=True),
        sa.Column("attempt", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("run_after", sa.DateTime(timezone=True), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("input", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("result", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("error_code", sa.Text(), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("is_retryable", sa.Boolean(), nullable=True),
        sa.Column("idempotency_key", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by_id", sa.Uuid(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "kind IN ('BACKUP', 'RESTORE', 'VERIFY', 'STORAGE_SYNC', 'IMPORT', 'EXPORT', 'PURGE', 'COMPACT')",
            name=op.f("ck_job_kind"),
        ),
        sa.CheckConstraint(
            "state IN ('QUEUED', 'RUNNING', 'CANCELLING', 'CANCELLED', 'SUCCEEDED', 'PARTIAL', 'FAILED')",
            name=op.f("ck_job_state"),
        ),
        sa.ForeignKeyConstraint(["created_by_id"], ["user.id"], name=op.f("fk_job_created_by_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_job_organization_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job")),
    )
    op.create_index("ix_job_organization_id_id", "job", ["organization_id", "id"], unique=False)
    op.create_index(
        "ix_job_state",
        "job",
        ["state", "id"],
        unique=False,
        postgresql_where=sa.text("state IN ('QUEUED', 'RUNNING', 'CANCELLING')"),
    )
    op.create_index(
        "uq_job_organization_id_idempotency_key",
        "job",
        ["organization_id", "idempotency_key"],
        unique=True,
        postgresql_where=sa.text("idempotency_key IS NOT NULL"),
    )
    op.create_table(
        "persisted_operation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("client", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organization.id"],
            name=op.f("fk_persisted_operation_organization_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_persisted_operation")),
    )
    op.create_index(
        "uq_persisted_operation_organization_id_sha256",
        "persisted_operation",
        ["organization_id", "sha256"],
        unique=True,
    )
    op.create_table(
        "project",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("last_run_number", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by_id", sa.Uuid(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_by_id", sa.Uuid(), nullable=True),
        sa.Column("trashed_with_id", sa.Uuid(), nullable=True),
        sa.Column("purge_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["created_by_id"], ["user.id"], name=op.f("fk_project_created_by_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["deleted_by_id"], ["user.id"], name=op.f("fk_project_deleted_by_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_project_organization_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_project")),
    )
    op.create_index(
        "ix_project_organization_id_id",
        "project",
        ["organization_id", "id"],
        unique=False,
        postgresql_where=sa.text("deleted_at IS NULL"),
        postgresql_using="btree",
    )
    op.create_index(
        "ix_project_search",
        "project",
        [sa.literal_column("to_tsvector('simple', name || ' ' || description)")],
        unique=False,
        postgresql_where=sa.text("deleted_at IS NULL"),
        postgresql_using="gin",
    )
    op.create_index(
        "uq_project_organization_id_name",
        "project",
        ["organization_id", "name"],
        unique=True,
        postgresql_where=sa.text("deleted_at IS NULL"),
        postgresql_using="btree",
    )
    op.create_index(
        "uq_project_organization_id_slug",
        "project",
        ["organization_id", "slug"],
        unique=True,
        postgresql_where=sa.text("deleted_at IS NULL"),
        postgresql_using="btree",
    )
    op.create_table(
        "service_account",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organization.id"],
            name=op.f("fk_service_account_organization_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_account")),
    )
    op.create_index(
        "uq_service_account_organization_id_name", "service_account", ["organization_id", "name"], unique=True
    )
    op.create_table(
        "sign_in_link",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_sign_in_link_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_sign_in_link")),
    )
    op.create_table(
        "api_key",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("service_account_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.Column("project_ids", postgresql.ARRAY(sa.Uuid()), nullable=True),
        sa.Column("is_append_only", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("num_nonnulls(user_id, service_account_id) = 1", name=op.f("ck_api_key_one_bearer")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_api_key_organization_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["service_account_id"],
            ["service_account.id"],
            name=op.f("fk_api_key_service_account_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_api_key_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key")),
        sa.UniqueConstraint("prefix", name=op.f("uq_api_key_prefix")),
    )
    op.create_index("ix_api_key_organization_id", "api_key", ["organization_id"], unique=False)
    op.create_index(op.f("ix_api_key_service_account_id"), "api_key", ["service_account_id"], unique=False)
    op.create_index(op.f("ix_api_key_user_id"), "api_key", ["user_id"], unique=False)
    op.create_table(
        "artifact",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), server_default="file", nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("tags", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("last_version_number", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by_id", sa.Uuid(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_by_id", sa.Uuid(), nullable=True),
        sa.Column("trashed_with_id", sa.Uuid(), nullable=True),
        sa.Column("purge_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["created_by_id"], ["user.id"], name=op.f("fk_artifact_created_by_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["deleted_by_id"], ["user.id"], name=op.f("fk_artifact_deleted_by_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_artifact_organization_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_artifact_project_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_artifact")),
    )
    op.create_index(
        "ix_artifact_organization_id_id",
        "artifact",
        ["organization_id", "id"],
        unique=False,
        postgresql_where=sa.text("deleted_at IS NULL"),
        postgresql_using="btree",
    )
    op.create_index(
        "ix_artifact_project_id_id",
        "artifact",
        ["project_id", "id"],
        unique=False,
        postgresql_where=sa.text("deleted_at IS NULL"),
        postgresql_using="btree",
    )
    op.create_index(
        "ix_artifact_search",
        "artifact",
        [sa.literal_column("to_tsvector('simple', name || ' ' || description)")],
        unique=False,
        postgresql_where=sa.text("deleted_at IS NULL"),
        postgresql_using="gin",
    )
    op.create_index(
        "uq_artifact_project_id_name",
        "artifact",
        ["project_id", "name"],
        unique=True,
        postgresql_where=sa.text("deleted_at IS NULL"),
        postgresql_using="btree",
    )
    op.create_table(
        "backup",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("scope", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=True),
        sa.Column("manifest", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("checksum", sa.Text(), nullable=True),
        sa.Column("location", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("verification", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('QUEUED', 'RUNNING', 'CANCELLING', 'CANCELLED', 'SUCCEEDED', 'PARTIAL', 'FAILED')",
            name=op.f("ck_backup_state"),
        ),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("fk_backup_job_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_backup_organization_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_backup")),
    )
    op.create_index("ix_backup_organization_id_id", "backup", ["organization_id", "id"], unique=False)
    op.create_table(
        "connector",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("config", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("status", sa.Text(), server_default="UNTESTED", nullable=False),
        sa.Column("last_test", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("schedule", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by_id", sa.Uuid(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_by_id", sa.Uuid(), nullable=True),
        sa.Column("trashed_with_id", sa.Uuid(), nullable=True),
        sa.Column("purge_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "kind IN ('POSTGRESQL', 'MYSQL', 'MONGODB', 'SNOWFLAKE', 'BIGQUERY', 'S3', 'GCS', 'AZURE_BLOB', 'MLFLOW', 'LOCAL')",
            name=op.f("ck_connector_kind"),
        ),
        sa.CheckConstraint(
            "status IN ('UNTESTED', 'HEALTHY', 'DEGRADED', 'FAILING', 'DISABLED')", name=op.f("ck_connector_status")
        ),
        sa.ForeignKeyConstraint(
            ["created_by_id"], ["user.id"], name=op.f("fk_connector_created_by_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["deleted_by_id"], ["user.id"], name=op.f("fk_connector_deleted_by_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_connector_organization_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_connector_project_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_connector")),
    )
    op.create_index(
        "ix_connector_organization_id_id",
        "connector",
        ["organization_id", "id"],
        unique=False,
        postgresql_where=sa.text("deleted_at IS NULL"),
        postgresql_using="btree",
    )
    op.create_index(
        "uq_connector_organization_id_name",
        "connector",
        ["organization_id", "name"],
        unique=True,
        postgresql_where=sa.text("deleted_at IS NULL"),
        postgresql_using="btree",
    )
    op.create_table(
        "experiment",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), server_default="/", nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("tags", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by_id", sa.Uuid(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_by_id", sa.Uuid(), nullable=True),
        sa.Column("trashed_with_id", sa.Uuid(), nullable=True),
        sa.Column("purge_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["created_by_id"], ["user.id"], name=op.f("fk_experiment_created_by_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["deleted_by_id"], ["user.id"], name=op.f("fk_experiment_deleted_by_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_experiment_organization_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_experiment_project_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_experiment")),
    )
    op.create_index(
        "ix_experiment_organization_id_id",
        "experiment",
        ["organization_id", "id"],
        unique=False,
        postgresql_where=sa.text("deleted_at IS NULL"),
        postgresql_using="btree",
    )
    op.create_index(
        "ix_experiment_project_id_id",
        "experiment",
        ["project_id", "id"],
        unique=False,
        postgresql_where=sa.text("deleted_at IS NULL"),
        postgresql_using="btree",
    )
    op.create_index(
        "ix_experiment_search",
        "experiment",
        [sa.literal_column("to_tsvector('simple', name || ' ' || description)")],
        unique=False,
        postgresql_where=sa.text("deleted_at IS NULL"),
        postgresql_using="gin",
    )
    op.create_index(
        "uq_experiment_project_id_path_name",
        "experiment",
        ["project_id", "path", "name"],
        unique=True,
        postgresql_where=sa.text("deleted_at IS NULL"),
        postgresql_using="btree",
    )
    op.create_table(
        "job_event",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("level", sa.Text(), server_default="INFO", nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("fk_job_event_job_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_job_event_organization_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job_event")),
    )
    op.create_index("ix_job_event_job_id_id", "job_event", ["job_id", "id"], unique=False)
    op.create_table(
        "membership",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("service_account_id", sa.Uuid(), nullable=True),
        sa.Column("project_id", sa.Uuid(), nullable=True),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "role IN ('OWNER', 'ADMIN', 'MAINTAINER', 'CONTRIBUTOR', 'VIEWER')", name=op.f("ck_membership_role")
        ),
        sa.CheckConstraint("num_nonnulls(user_id, service_account_id) = 1", name=op.f("ck_membership_one_member")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_membership_organization_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_membership_project_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["service_account_id"],
            ["service_account.id"],
            name=op.f("fk_membership_service_account_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_membership_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_membership")),
    )
    op.create_index(op.f("ix_membership_project_id"), "membership", ["project_id"], unique=False)
    op.create_index(op.f("ix_membership_service_account_id"), "membership", ["service_account_id"], unique=False)
    op.create_index(op.f("ix_membership_user_id"), "membership", ["user_id"], unique=False)
    op.create_index(
        "uq_membership_member",
        "membership",
        ["organization_id", "user_id", "service_account_id", "project_id"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )
    op.create_table(
        "metric_key",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=True),
        sa.Column("direction", sa.Text(), server_default="NONE", nullable=False),
        sa.CheckConstraint("direction IN ('MINIMIZE', 'MAXIMIZE', 'NONE')", name=op.f("ck_metric_key_direction")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_metric_key_organization_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_metric_key_project_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_metric_key")),
    )
    op.create_index("uq_metric_key_project_id_name", "metric_key", ["project_id", "name"], unique=True)
    op.create_table(
        "registered_model",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("task", sa.Text(), nullable=True),
        sa.Column("framework", sa.Text(), nullable=True),
        sa.Column("tags", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("last_version_number", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by_id", sa.Uuid(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_by_id", sa.Uuid(), nullable=True),
        sa.Column("trashed_with_id", sa.Uuid(), nullable=True),
        sa.Column("purge_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["created_by_id"], ["user.id"], name=op.f("fk_registered_model_created_by_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["deleted_by_id"], ["user.id"], name=op.f("fk_registered_model_deleted_by_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organization.id"],
            name=op.f("fk_registered_model_organization_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_registered_model_project_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_registered_model")),
    )
    op.create_index(
        "ix_registered_model_organization_id_id",
        "registered_model",
        ["organization_id", "id"],
        unique=False,
        postgresql_where=sa.text("deleted_at IS NULL"),
        postgresql_using="btree",
    )
    op.create_index(
        "ix_registered_model_project_id_id",
        "registered_model",
        ["project_id", "id"],
        unique=False,
        postgresql_where=sa.text("deleted_at IS NULL"),
        postgresql_using="btree",
    )
    op.create_index(
        "ix_registered_model_search",
        "registered_model",
        [sa.literal_column("to_tsvector('simple', name || ' ' || description)")],
        unique=False,
        postgresql_where=sa.text("deleted_at IS NULL"),
        postgresql_using="gin",
    )
    op.create_index(
        "uq_registered_model_project_id_name",
        "registered_model",
        ["project_id", "name"],
        unique=True,
        postgresql_where=sa.text("deleted_at IS NULL"),
        postgresql_using="btree",
    )
    op.create_table(
        "connector_secret",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("connector_id", sa.Uuid(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("ciphertext", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["connector_id"], ["connector.id"], name=op.f("fk_connector_secret_connector_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organization.id"],
            name=op.f("fk_connector_secret_organization_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("connector_id", name=op.f("pk_connector_secret")),
    )
    op.create_table(
        "run",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("experiment_id", sa.Uuid(), nullable=False),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), server_default="RUNNING", nullable=False),
        sa.Column("status_reason", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), server_default="TRAINING", nullable=False),
        sa.Column("tags", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("config", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("source", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column(
            "environment", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("notes", sa.Text(), server_default="", nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("heartbeat_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stop_requested_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by_id", sa.Uuid(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_by_id", sa.Uuid(), nullable=True),
        sa.Column("trashed_with_id", sa.Uuid(), nullable=True),
        sa.Column("purge_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "kind IN ('TRAINING', 'EVALUATION', 'INFERENCE', 'DATA_PREP', 'TUNING', 'OTHER')", name=op.f("ck_run_kind")
        ),
        sa.CheckConstraint(
            "status IN ('SCHEDULED', 'RUNNING', 'FINISHED', 'FAILED', 'KILLED', 'LOST')", name=op.f("ck_run_status")
        ),
        sa.ForeignKeyConstraint(["created_by_id"], ["user.id"], name=op.f("fk_run_created_by_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["deleted_by_id"], ["user.id"], name=op.f("fk_run_deleted_by_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(
            ["experiment_id"], ["experiment.id"], name=op.f("fk_run_experiment_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_run_organization_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["parent_id"], ["run.id"], name=op.f("fk_run_parent_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_run_project_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run")),
    )
    op.create_index("ix_run_experiment_id", "run", ["experiment_id"], unique=False)
    op.create_index(
        "ix_run_experiment_id_id",
        "run",
        ["experiment_id", "id"],
        unique=False,
        postgresql_where=sa.text("deleted_at IS NULL"),
        postgresql_using="btree",
    )
    op.create_index(
        "ix_run_experiment_id_status_id",
        "run",
        ["experiment_id", "status", "id"],
        unique=False,
        postgresql_where=sa.text("deleted_at IS NULL"),
        postgresql_using="btree",
    )
    op.create_index(
        "ix_run_organization_id_id",
        "run",
        ["organization_id", "id"],
        unique=False,
        postgresql_where=sa.text("deleted_at IS NULL"),
        postgresql_using="btree",
    )
    op.create_index(
        "ix_run_parent_id_id",
        "run",
        ["parent_id", "id"],
        unique=False,
        postgresql_where=sa.text("parent_id IS NOT NULL"),
    )
    op.create_index(
        "ix_run_project_id_id",
        "run",
        ["project_id", "id"],
        unique=False,
        postgresql_where=sa.text("deleted_at IS NULL"),
        postgresql_using="btree",
    )
    op.create_index(
        "ix_run_project_id_started_at",
        "run",
        ["project_id", "started_at", "id"],
        unique=False,
        postgresql_where=sa.text("deleted_at IS NULL"),
        postgresql_using="btree",
    )
    op.create_index(
        "ix_run_search",
        "run",
        [sa.literal_column("to_tsvector('simple', name || ' ' || notes)")],
        unique=False,
        postgresql_where=sa.text("deleted_at IS NULL"),
        postgresql_using="gin",
    )
    op.create_index(
        "ix_run_tags",
        "run",
        ["tags"],
        unique=False,
        postgresql_where=sa.text("deleted_at IS NULL"),
        postgresql_using="gin",
    )
    op.create_index(
        "uq_run_project_id_external_id",
        "run",
        ["project_id", "external_id"],
        unique=True,
        postgresql_where=sa.text("deleted_at IS NULL AND external_id IS NOT NULL"),
        postgresql_using="btree",
    )
    op.create_index("uq_run_project_id_number", "run", ["project_id", "number"], unique=True)
    op.create_table(
        "sync_run",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("connector_id", sa.Uuid(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=True),
        sa.Column("trigger", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("plan", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("progress", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("stats", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("log", sa.Text(), server_default="", nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status IN ('QUEUED', 'RUNNING', 'CANCELLING', 'CANCELLED', 'SUCCEEDED', 'PARTIAL', 'FAILED')",
            name=op.f("ck_sync_run_status"),
        ),
        sa.ForeignKeyConstraint(
            ["connector_id"], ["connector.id"], name=op.f("fk_sync_run_connector_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("fk_sync_run_job_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_sync_run_organization_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sync_run")),
    )
    op.create_index("ix_sync_run_connector_id_id", "sync_run", ["connector_id", "id"], unique=False)
    op.create_table(
        "artifact_version",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("artifact_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), server_default="PENDING", nullable=False),
        sa.Column("digest", sa.Text(), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("file_count", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        sa.Column("committed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by_id", sa.Uuid(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "state IN ('PENDING', 'COMMITTED', 'FAILED', 'DELETED')", name=op.f("ck_artifact_version_state")
        ),
        sa.ForeignKeyConstraint(
            ["artifact_id"], ["artifact.id"], name=op.f("fk_artifact_version_artifact_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["created_by_id"], ["user.id"], name=op.f("fk_artifact_version_created_by_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organization.id"],
            name=op.f("fk_artifact_version_organization_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_artifact_version_run_id"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_artifact_version")),
    )
    op.create_index(
        "ix_artifact_version_run_id",
        "artifact_version",
        ["run_id"],
        unique=False,
        postgresql_where=sa.text("run_id IS NOT NULL"),
    )
    op.create_index(
        "uq_artifact_version_artifact_id_number", "artifact_version", ["artifact_id", "number"], unique=True
    )
    op.create_table(
        "ingest_batch",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("writer_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("content_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_ingest_batch_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "writer_id", "seq", name=op.f("pk_ingest_batch")),
    )
    op.create_table(
        "lineage_edge",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("from_type", sa.Text(), nullable=False),
        sa.Column("from_id", sa.Uuid(), nullable=False),
        sa.Column("to_type", sa.Text(), nullable=False),
        sa.Column("to_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "kind IN ('USED', 'PRODUCED', 'TRAINED_ON', 'DERIVED_FROM', 'DEPLOYED_AS', 'IMPORTED_FROM')",
            name=op.f("ck_lineage_edge_kind"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_lineage_edge_organization_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_lineage_edge_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lineage_edge")),
    )
    op.create_index(op.f("ix_lineage_edge_run_id"), "lineage_edge", ["run_id"], unique=False)
    op.create_index("ix_lineage_edge_to_id", "lineage_edge", ["to_id"], unique=False)
    op.create_index("uq_lineage_edge_from_id_to_id_kind", "lineage_edge", ["from_id", "to_id", "kind"], unique=True)
    op.create_table(
        "metric_series",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("key_id", sa.Uuid(), nullable=False),
        sa.Column("context_hash", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("context", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("nonfinite", sa.BigInteger(), nullable=False),
        sa.Column("step_first", sa.BigInteger(), nullable=False),
        sa.Column("step_last", sa.BigInteger(), nullable=False),
        sa.Column("v_last", sa.Double(), nullable=True),
        sa.Column("last_mark", sa.Text(), nullable=True),
        sa.Column("v_min", sa.Double(), nullable=True),
        sa.Column("v_max", sa.Double(), nullable=True),
        sa.Column("step_min", sa.BigInteger(), nullable=True),
        sa.Column("step_max", sa.BigInteger(), nullable=True),
        sa.Column("v_sum", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["key_id"], ["metric_key.id"], name=op.f("fk_metric_series_key_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_metric_series_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_metric_series")),
    )
    op.create_index("ix_metric_series_last", "metric_series", ["key_id", "v_last", "run_id"], unique=False)
    op.create_index("ix_metric_series_max", "metric_series", ["key_id", "v_max", "run_id"], unique=False)
    op.create_index("ix_metric_series_min", "metric_series", ["key_id", "v_min", "run_id"], unique=False)
    op.create_index(
        "uq_metric_series_run_id_key_id_context_hash",
        "metric_series",
        ["run_id", "key_id", "context_hash"],
        unique=True,
    )
    op.create_table(
        "param",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("number", sa.Double(), nullable=True),
        sa.CheckConstraint("type IN ('INT', 'FLOAT', 'STRING', 'BOOL', 'NULL', 'JSON')", name=op.f("ck_param_type")),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_param_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "key", name=op.f("pk_param")),
    )
    op.create_index(
        "ix_param_number",
        "param",
        ["project_id", "key", "number", "run_id"],
        unique=False,
        postgresql_where=sa.text("number IS NOT NULL"),
    )
    op.create_index(
        "ix_param_text", "param", ["project_id", "key", sa.literal_column('left("text", 200)'), "run_id"], unique=False
    )
    op.create_table(
        "artifact_alias",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("artifact_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("set_by_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["artifact_id"], ["artifact.id"], name=op.f("fk_artifact_alias_artifact_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_artifact_alias_organization_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["set_by_id"], ["user.id"], name=op.f("fk_artifact_alias_set_by_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["version_id"], ["artifact_version.id"], name=op.f("fk_artifact_alias_version_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("artifact_id", "name", name=op.f("pk_artifact_alias")),
    )
    op.create_index(op.f("ix_artifact_alias_version_id"), "artifact_alias", ["version_id"], unique=False)
    op.create_table(
        "artifact_entry",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("media_type", sa.Text(), server_default="application/octet-stream", nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_artifact_entry_organization_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["version_id"], ["artifact_version.id"], name=op.f("fk_artifact_entry_version_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("version_id", "path", name=op.f("pk_artifact_entry")),
    )
    op.create_index(
        "ix_artifact_entry_organization_id_sha256", "artifact_entry", ["organization_id", "sha256"], unique=False
    )
    op.create_table(
        "model_version",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("model_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("lifecycle", sa.Text(), server_default="DRAFT", nullable=False),
        sa.Column("signature", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("card", sa.Text(), server_default="", nullable=False),
        sa.Column("metrics", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("source_run_id", sa.Uuid(), nullable=True),
        sa.Column("artifact_version_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by_id", sa.Uuid(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_by_id", sa.Uuid(), nullable=True),
        sa.Column("trashed_with_id", sa.Uuid(), nullable=True),
        sa.Column("purge_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "lifecycle IN ('DRAFT', 'READY', 'DEPRECATED', 'RETIRED')", name=op.f("ck_model_version_lifecycle")
        ),
        sa.ForeignKeyConstraint(
            ["artifact_version_id"],
            ["artifact_version.id"],
            name=op.f("fk_model_version_artifact_version_id"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["created_by_id"], ["user.id"], name=op.f("fk_model_version_created_by_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["deleted_by_id"], ["user.id"], name=op.f("fk_model_version_deleted_by_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["model_id"], ["registered_model.id"], name=op.f("fk_model_version_model_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_model_version_organization_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["source_run_id"], ["run.id"], name=op.f("fk_model_version_source_run_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model_version")),
    )
    op.create_index(
        "ix_model_version_artifact_version_id",
        "model_version",
        ["artifact_version_id"],
        unique=False,
        postgresql_where=sa.text("artifact_version_id IS NOT NULL"),
    )
    op.create_index(
        "ix_model_version_model_id_number",
        "model_version",
        ["model_id", "number"],
        unique=False,
        postgresql_where=sa.text("deleted_at IS NULL"),
        postgresql_using="btree",
    )
    op.create_index(
        "ix_model_version_source_run_id",
        "model_version",
        ["source_run_id"],
        unique=False,
        postgresql_where=sa.text("source_run_id IS NOT NULL"),
    )
    op.create_index("uq_model_version_model_id_number", "model_version", ["model_id", "number"], unique=True)
    op.create_table(
        "model_alias",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("model_id", sa.Uuid(), nullable=False),
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("is_protected", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("set_by_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by_id", sa.Uuid(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_by_id", sa.Uuid(), nullable=True),
        sa.Column("trashed_with_id", sa.Uuid(), nullable=True),
        sa.Column("purge_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["created_by_id"], ["user.id"], name=op.f("fk_model_alias_created_by_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["deleted_by_id"], ["user.id"], name=op.f("fk_model_alias_deleted_by_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["model_id"], ["registered_model.id"], name=op.f("fk_model_alias_model_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_model_alias_organization_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["set_by_id"], ["user.id"], name=op.f("fk_model_alias_set_by_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(
            ["version_id"], ["model_version.id"], name=op.f("fk_model_alias_version_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model_alias")),
    )
    op.create_index("ix_model_alias_model_id", "model_alias", ["model_id"], unique=False)
    op.create_index("ix_model_alias_version_id", "model_alias", ["version_id"], unique=False)
    op.create_index(
        "uq_model_alias_model_id_name",
        "model_alias",
        ["model_id", "name"],
        unique=True,
        postgresql_where=sa.text("deleted_at IS NULL"),
        postgresql_using="btree",
    )
    op.create_table(
        "model_alias_move",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("model_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version_id", sa.Uuid(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(["by_id"], ["user.id"], name=op.f("fk_model_alias_move_by_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(
            ["model_id"], ["registered_model.id"], name=op.f("fk_model_alias_move_model_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organization.id"],
            name=op.f("fk_model_alias_move_organization_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["version_id"], ["model_version.id"], name=op.f("fk_model_alias_move_version_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model_alias_move")),
    )
    op.create_index(
        "ix_model_alias_move_model_id_name_at", "model_alias_move", ["model_id", "name", "at"], unique=False
    )


def downgrade() -> None:
    op.drop_index("ix_model_alias_move_model_id_name_at", table_name="model_alias_move")
    op.drop_table("model_alias_move")
    op.drop_index(
        "uq_model_alias_model_id_name",
        table_name="model_alias",
        postgresql_where=sa.text("deleted_at IS NULL"),
        postgresql_using="btree",
    )
    op.drop_index("ix_model_alias_version_id", table_name="model_alias")
    op.drop_index("ix_model_alias_model_id", table_name="model_alias")
    op.drop_table("model_alias")
    op.drop_index("uq_model_version_model_id_number", table_name="model_version")
    op.drop_index(
        "ix_model_version_source_run_id",
        table_name="model_version",
        postgresql_where=sa.text("source_run_id IS NOT NULL"),
    )
    op.drop_index(
        "ix_model_version_model_id_number",
        table_name="model_version",
        postgresql_where=sa.text("deleted_at IS NULL"),
        postgresql_using="btree",
    )
    op.drop_index(
        "ix_model_version_artifact_version_id",
        table_name="model_version",
        postgresql_where=sa.text("artifact_version_id IS NOT NULL"),
    )
    op.drop_table("model_version")
    op.drop_index("ix_artifact_entry_organization_id_sha256", table_name="artifact_entry")
    op.drop_table("artifact_entry")
    op.drop_index(op.f("ix_artifact_alias_version_id"), table_name="artifact_alias")
    op.drop_table("artifact_alias")
    op.drop_index("ix_param_text", table_name="param")
    op.drop_index("ix_param_number", table_name="param", postgresql_where=sa.text("number IS NOT NULL"))
    op.drop_table("param")
    op.drop_index("uq_metric_series_run_id_key_id_context_hash", table_name="metric_series")
    op.drop_index("ix_metric_series_min", table_name="metric_series")
    op.drop_index("ix_metric_series_max", table_name="metric_series")
    op.drop_index("ix_metric_series_last", table_name="metric_series")
    op.drop_table("metric_series")
    op.drop_index("uq_lineage_edge_from_id_to_id_kind", table_name="lineage_edge")
    op.drop_index("ix_lineage_edge_to_id", table_name="lineage_edge")
    op.drop_index(op.f("ix_lineage_edge_run_id"), table_name="lineage_edge")
    op.drop_table("lineage_edge")
    op.drop_table("ingest_batch")
    op.drop_index("uq_artifact_version_artifact_id_number", table_name="artifact_version")
    op.drop_index(
        "ix_artifact_version_run_id", table_name="artifact_version", postgresql_where=sa.text("run_id IS NOT NULL")
    )
    op.drop_table("artifact_version")
    op.drop_index("ix_sync_run_connector_id_id", table_name="sync_run")
    op.drop_table("sync_run")
    op.drop_index("uq_run_project_id_number", table_name="run")
    op.drop_index(
        "uq_run_project_id_external_id",
        table_name="run",
        postgresql_where=sa.text("deleted_at IS NULL AND external_id IS NOT NULL"),
        postgresql_using="btree",
    )
    op.drop_index(
        "ix_run_tags", table_name="run", postgresql_where=sa.text("deleted_at IS NULL"), postgresql_using="gin"
    )
    op.drop_index(
        "ix_run_search", table_name="run", postgresql_where=sa.text("deleted_at IS NULL"), postgresql_using="gin"
    )
    op.drop_index(
        "ix_run_project_id_started_at",
        table_name="run",
        postgresql_where=sa.text("deleted_at IS NULL"),
        postgresql_using="btree",
    )
    op.drop_index(
        "ix_run_project_id_id",
        table_name="run",
        postgresql_where=sa.text("deleted_at IS NULL"),
        postgresql_using="btree",
    )
    op.drop_index("ix_run_parent_id_id", table_name="run", postgresql_where=sa.text("parent_id IS NOT NULL"))
    op.drop_index(
        "ix_run_organization_id_id",
        table_name="run",
        postgresql_where=sa.text("deleted_at IS NULL"),
        postgresql_using="btree",
    )
    op.drop_index(
        "ix_run_experiment_id_status_id",
        table_name="run",
        postgresql_where=sa.text("deleted_at IS NULL"),
        postgresql_using="btree",
    )
    op.drop_index(
        "ix_run_experiment_id_id",
        table_name="run",
        postgresql_where=sa.text("deleted_at IS NULL"),
        postgresql_using="btree",
    )
    op.drop_index("ix_run_experiment_id", table_name="run")
    op.drop_table("run")
    op.drop_table("connector_secret")
    op.drop_index(
        "uq_registered_model_project_id_name",
        table_name="registered_model",
        postgresql_where=sa.text("deleted_at IS NULL"),
        postgresql_using="btree",
    )
    op.drop_index(
        "ix_registered_model_search",
        table_name="registered_model",
        postgresql_where=sa.text("deleted_at IS NULL"),
        postgresql_using="gin",
    )
    op.drop_index(
        "ix_registered_model_project_id_id",
        table_name="registered_model",
        postgresql_where=sa.text("deleted_at IS NULL"),
        postgresql_using="btree",
    )
    op.drop_index(
        "ix_registered_model_organization_id_id",
        table_name="registered_model",
        postgresql_where=sa.text("deleted_at IS NULL"),
        postgresql_using="btree",
    )
    op.drop_table("registered_model")
    op.drop_index("uq_metric_key_project_id_name", table_name="metric_key")
    op.drop_table("metric_key")
    op.drop_index("uq_membership_member", table_name="membership", postgresql_nulls_not_distinct=True)
    op.drop_index(op.f("ix_membership_user_id"), table_name="membership")
    op.drop_index(op.f("ix_membership_service_account_id"), table_name="membership")
    op.drop_index(op.f("ix_membership_project_id"), table_name="membership")
    op.drop_table("membership")
    op.drop_index("ix_job_event_job_id_id", table_name="job_event")
    op.drop_table("job_event")
    op.drop_index(
        "uq_experiment_project_id_path_name",
        table_name="experiment",
        postgresql_where=sa.text("deleted_at IS NULL"),
        postgresql_using="btree",
    )
    op.drop_index(
        "ix_experiment_search",
        table_name="experiment",
        postgresql_where=sa.text("deleted_at IS NULL"),
        postgresql_using="gin",
    )
    op.drop_index(
        "ix_experiment_project_id_id",
        table_name="experiment",
        postgresql_where=sa.text("deleted_at IS NULL"),
        postgresql_using="btree",
    )
    op.drop_index(
        "ix_experiment_organization_id_id",
        table_name="experiment",
        postgresql_where=sa.text("deleted_at IS NULL"),
        postgresql_using="btree",
    )
    op.drop_table("experiment")
    op.drop_index(
        "uq_connector_organization_id_name",
        table_name="connector",
        postgresql_where=sa.text("deleted_at IS NULL"),
        postgresql_using="btree",
    )
    op.drop_index(
        "ix_connector_organization_id_id",
        table_name="connector",
        postgresql_where=sa.text("deleted_at IS NULL"),
        postgresql_using="btree",
    )
    op.drop_table("connector")
    op.drop_index("ix_backup_organization_id_id", table_name="backup")
    op.drop_table("backup")
    op.drop_index(
        "uq_artifact_project_id_name",
        table_name="artifact",
        postgresql_where=sa.text("deleted_at IS NULL"),
        postgresql_using="btree",
    )
    op.drop_index(
        "ix_artifact_search",
        table_name="artifact",
        postgresql_where=sa.text("deleted_at IS NULL"),
        postgresql_using="gin",
    )
    op.drop_index(
        "ix_artifact_project_id_id",
        table_name="artifact",
        postgresql_where=sa.text("deleted_at IS NULL"),
        postgresql_using="btree",
    )
    op.drop_index(
        "ix_artifact_organization_id_id",
        table_name="artifact",
        postgresql_where=sa.text("deleted_at IS NULL"),
        postgresql_using="btree",
    )
    op.drop_table("artifact")
    op.drop_index(op.f("ix_api_key_user_id"), table_name="api_key")
    op.drop_index(op.f("ix_api_key_service_account_id"), table_name="api_key")
    op.drop_index("ix_api_key_organization_id", table_name="api_key")
    op.drop_table("api_key")
    op.drop_table("sign_in_link")
    op.drop_index("uq_service_account_organization_id_name", table_name="service_account")
    op.drop_table("service_account")
    op.drop_index(
        "uq_project_organization_id_slug",
        table_name="project",
        postgresql_where=sa.text("deleted_at IS NULL"),
        postgresql_using="btree",
    )
    op.drop_index(
        "uq_project_organization_id_name",
        table_name="project",
        postgresql_where=sa.text("deleted_at IS NULL"),
        postgresql_using="btree",
    )
    op.drop_index(
        "ix_project_search",
        table_name="project",
        postgresql_where=sa.text("deleted_at IS NULL"),
        postgresql_using="gin",
    )
    op.drop_index(
        "ix_project_organization_id_id",
        table_name="project",
        postgresql_where=sa.text("deleted_at IS NULL"),
        postgresql_using="btree",
    )
    op.drop_table("project")
    op.drop_index("uq_persisted_operation_organization_id_sha256", table_name="persisted_operation")
    op.drop_table("persisted_operation")
    op.drop_index(
        "uq_job_organization_id_idempotency_key",
        table_name="job",
        postgresql_where=sa.text("idempotency_key IS NOT NULL"),
    )
    op.drop_index(
        "ix_job_state", table_name="job", postgresql_where=sa.text("state IN ('QUEUED', 'RUNNING', 'CANCELLING')")
    )
    op.drop_index("ix_job_organization_id_id", table_name="job")
    op.drop_table("job")
    op.drop_index(op.f("ix_idempotency_key_created_at"), table_name="idempotency_key")
    op.drop_table("idempotency_key")
    op.drop_table("blob")
    op.drop_index("ix_audit_entry_organization_id", table_name="audit_entry")
    op.drop_table("audit_entry")
    op.drop_table("user")
    op.drop_table("organization")
    op.drop_table("metric_hot")
    op.drop_table("metric_block")
