"""People, keys and audit."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_23_03"
down_revision: str | None = "2026_11_23_02"

ACTORS = {
    "artifact": ("created_by_id", "deleted_by_id"),
    "artifact_alias": ("set_by_id",),
    "artifact_version": ("created_by_id",),
    "connector": ("created_by_id", "deleted_by_id"),
    "experiment": ("created_by_id", "deleted_by_id"),
    "job": ("created_by_id",),
    "model_alias": ("created_by_id", "deleted_by_id", "set_by_id"),
    "model_alias_move": ("by_id",),
    "model_version": ("created_by_id", "deleted_by_id"),
    "project": ("created_by_id", "deleted_by_id"),
    "registered_model": ("created_by_id", "deleted_by_id"),
    "run": ("created_by_id", "deleted_by_id"),
}
"""The columns that tell who acted: once people only, now service accounts too."""


def upgrade() -> None:
    op.create_table(
        "audit_head",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_audit_head_organization_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("organization_id", name=op.f("pk_audit_head")),
    )
    op.create_table(
        "identity",
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_identity_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("issuer", "subject", name=op.f("pk_identity")),
    )
    op.create_index(op.f("ix_identity_user_id"), "identity", ["user_id"], unique=False)
    op.create_table(
        "points_by_day",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_points_by_day_organization_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("organization_id", "day", name=op.f("pk_points_by_day")),
    )
    op.create_table(
        "session",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=True),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("previous_hash", sa.LargeBinary(), nullable=True),
        sa.Column("way", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("user_agent", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("rotated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("way IN ('LINK', 'INVITATION', 'OIDC')", name=op.f("ck_session_way")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_session_organization_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_session_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_session")),
        sa.UniqueConstraint("previous_hash", name=op.f("uq_session_previous_hash")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_session_token_hash")),
    )
    op.create_index(op.f("ix_session_user_id"), "session", ["user_id"], unique=False)
    op.create_table(
        "invitation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by_id", sa.Uuid(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("accepted_by_id", sa.Uuid(), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "role IN ('OWNER', 'ADMIN', 'MAINTAINER', 'CONTRIBUTOR', 'VIEWER')", name=op.f("ck_invitation_role")
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_invitation_organization_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_invitation_project_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitation")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_invitation_token_hash")),
    )
    op.create_index("ix_invitation_organization_id_id", "invitation", ["organization_id", "id"], unique=False)
    op.add_column("api_key", sa.Column("addresses", postgresql.ARRAY(sa.Text()), nullable=True))
    op.add_column("api_key", sa.Column("created_by_id", sa.Uuid(), nullable=True))
    op.add_column("api_key", sa.Column("rotated_from_id", sa.Uuid(), nullable=True))
    op.drop_index(op.f("ix_api_key_organization_id"), table_name="api_key")
    op.drop_constraint(op.f("uq_api_key_prefix"), "api_key", type_="unique")
    op.create_index("ix_api_key_organization_id_id", "api_key", ["organization_id", "id"], unique=False)
    op.create_unique_constraint(op.f("uq_api_key_secret_hash"), "api_key", ["secret_hash"])
    op.create_foreign_key(
        op.f("fk_api_key_rotated_from_id"), "api_key", "api_key", ["rotated_from_id"], ["id"], ondelete="SET NULL"
    )
    op.drop_constraint(op.f("fk_artifact_deleted_by_id"), "artifact", type_="foreignkey")
    op.drop_constraint(op.f("fk_artifact_created_by_id"), "artifact", type_="foreignkey")
    op.drop_constraint(op.f("fk_artifact_alias_set_by_id"), "artifact_alias", type_="foreignkey")
    op.drop_constraint(op.f("fk_artifact_version_created_by_id"), "artifact_version", type_="foreignkey")
    op.add_column("audit_entry", sa.Column("seq", sa.BigInteger(), nullable=False))
    op.add_column("audit_entry", sa.Column("actor_kind", sa.Text(), nullable=True))
    op.create_check_constraint(
        op.f("ck_audit_entry_actor_kind"), "audit_entry", "actor_kind IN ('USER', 'SERVICE_ACCOUNT')"
    )
    op.add_column("audit_entry", sa.Column("session_id", sa.Uuid(), nullable=True))
    op.add_column("audit_entry", sa.Column("operation_name", sa.Text(), nullable=True))
    op.add_column("audit_entry", sa.Column("code", sa.Text(), nullable=True))
    op.add_column("audit_entry", sa.Column("prev_hash", sa.LargeBinary(), nullable=False))
    op.add_column("audit_entry", sa.Column("hash", sa.LargeBinary(), nullable=False))
    op.drop_constraint(op.f("fk_audit_entry_organization_id"), "audit_entry", type_="foreignkey")
    op.create_foreign_key(
        op.f("fk_audit_entry_organization_id"),
        "audit_entry",
        "organization",
        ["organization_id"],
        ["id"],
        ondelete="RESTRICT",
    )
    op.drop_index(op.f("ix_audit_entry_organization_id"), table_name="audit_entry")
    op.create_index("ix_audit_entry_organization_id_id", "audit_entry", ["organization_id", "id"], unique=False)
    op.create_index(
        "ix_audit_entry_target_id",
        "audit_entry",
        ["target_id"],
        unique=False,
        postgresql_where=sa.text("target_id IS NOT NULL"),
    )
    op.create_index("uq_audit_entry_organization_id_seq", "audit_entry", ["organization_id", "seq"], unique=True)
    op.drop_constraint(op.f("fk_connector_created_by_id"), "connector", type_="foreignkey")
    op.drop_constraint(op.f("fk_connector_deleted_by_id"), "connector", type_="foreignkey")
    op.add_column("connector_secret", sa.Column("wrapped_key", sa.LargeBinary(), nullable=False))
    op.add_column(
        "connector_secret",
        sa.Column("set_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
    )
    op.add_column("connector_secret", sa.Column("set_by_id", sa.Uuid(), nullable=True))
    op.drop_constraint(op.f("fk_experiment_created_by_id"), "experiment", type_="foreignkey")
    op.drop_constraint(op.f("fk_experiment_deleted_by_id"), "experiment", type_="foreignkey")
    op.drop_constraint(op.f("fk_job_created_by_id"), "job", type_="foreignkey")
    op.add_column("membership", sa.Column("source", sa.Text(), server_default="MANUAL", nullable=False))
    op.add_column("membership", sa.Column("created_by_id", sa.Uuid(), nullable=True))
    op.add_column(
        "membership",
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
    )
    op.add_column("membership", sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False))
    op.add_column("membership", sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True))
    op.create_check_constraint(op.f("ck_membership_source"), "membership", "source IN ('MANUAL', 'OIDC')")
    op.drop_index("uq_membership_member", table_name="membership")
    op.create_index(
        "uq_membership_member",
        "membership",
        ["organization_id", "user_id", "service_account_id", "project_id"],
        unique=True,
        postgresql_nulls_not_distinct=True,
        postgresql_where=sa.text("removed_at IS NULL"),
    )
    op.drop_constraint(op.f("fk_model_alias_set_by_id"), "model_alias", type_="foreignkey")
    op.drop_constraint(op.f("fk_model_alias_deleted_by_id"), "model_alias", type_="foreignkey")
    op.drop_constraint(op.f("fk_model_alias_created_by_id"), "model_alias", type_="foreignkey")
    op.drop_constraint(op.f("fk_model_alias_move_by_id"), "model_alias_move", type_="foreignkey")
    op.drop_constraint(op.f("fk_model_version_deleted_by_id"), "model_version", type_="foreignkey")
    op.drop_constraint(op.f("fk_model_version_created_by_id"), "model_version", type_="foreignkey")
    op.drop_constraint(op.f("uq_organization_slug"), "organization", type_="unique")
    op.drop_constraint(op.f("fk_project_created_by_id"), "project", type_="foreignkey")
    op.drop_constraint(op.f("fk_project_deleted_by_id"), "project", type_="foreignkey")
    op.drop_constraint(op.f("fk_registered_model_created_by_id"), "registered_model", type_="foreignkey")
    op.drop_constraint(op.f("fk_registered_model_deleted_by_id"), "registered_model", type_="foreignkey")
    op.drop_constraint(op.f("fk_run_deleted_by_id"), "run", type_="foreignkey")
    op.drop_constraint(op.f("fk_run_created_by_id"), "run", type_="foreignkey")
    op.add_column("service_account", sa.Column("created_by_id", sa.Uuid(), nullable=True))
    op.add_column(
        "service_account",
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
    )
    op.add_column("service_account", sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False))
    op.add_column(
        "sign_in_link",
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
    )
    op.drop_constraint(op.f("uq_user_email"), "user", type_="unique")


def downgrade() -> None:
    for table, columns in ACTORS.items():
        for column in columns:
            op.execute(f'UPDATE {table} SET {column} = NULL WHERE {column} NOT IN (SELECT id FROM "user")')
    op.create_unique_constraint(op.f("uq_user_email"), "user", ["email"], postgresql_nulls_not_distinct=False)
    op.drop_column("sign_in_link", "created_at")
    op.drop_column("service_account", "version")
    op.drop_column("service_account", "updated_at")
    op.drop_column("service_account", "created_by_id")
    op.create_foreign_key(op.f("fk_run_created_by_id"), "run", "user", ["created_by_id"], ["id"], ondelete="SET NULL")
    op.create_foreign_key(op.f("fk_run_deleted_by_id"), "run", "user", ["deleted_by_id"], ["id"], ondelete="SET NULL")
    op.create_foreign_key(
        op.f("fk_registered_model_deleted_by_id"),
        "registered_model",
        "user",
        ["deleted_by_id"],
        ["id"],
        ondelete="SET NULL",
    )
    op.create_foreign_key(
        op.f("fk_registered_model_created_by_id"),
        "registered_model",
        "user",
        ["created_by_id"],
        ["id"],
        ondelete="SET NULL",
    )
    op.create_foreign_key(
        op.f("fk_project_deleted_by_id"), "project", "user", ["deleted_by_id"], ["id"], ondelete="SET NULL"
    )
    op.create_foreign_key(
        op.f("fk_project_created_by_id"), "project", "user", ["created_by_id"], ["id"], ondelete="SET NULL"
    )
    op.create_unique_constraint(
        op.f("uq_organization_slug"), "organization", ["slug"], postgresql_nulls_not_distinct=False
    )
    op.create_foreign_key(
        op.f("fk_model_version_created_by_id"), "model_version", "user", ["created_by_id"], ["id"], ondelete="SET NULL"
    )
    op.create_foreign_key(
        op.f("fk_model_version_deleted_by_id"), "model_version", "user", ["deleted_by_id"], ["id"], ondelete="SET NULL"
    )
    op.create_foreign_key(
        op.f("fk_model_alias_move_by_id"), "model_alias_move", "user", ["by_id"], ["id"], ondelete="SET NULL"
    )
    op.create_foreign_key(
        op.f("fk_model_alias_created_by_id"), "model_alias", "user", ["created_by_id"], ["id"], ondelete="SET NULL"
    )
    op.create_foreign_key(
        op.f("fk_model_alias_deleted_by_id"), "model_alias", "user", ["deleted_by_id"], ["id"], ondelete="SET NULL"
    )
    op.create_foreign_key(
        op.f("fk_model_alias_set_by_id"), "model_alias", "user", ["set_by_id"], ["id"], ondelete="SET NULL"
    )
    op.execute("DELETE FROM membership WHERE removed_at IS NOT NULL")
    op.drop_index("uq_membership_member", table_name="membership")
    op.create_index(
        "uq_membership_member",
        "membership",
        ["organization_id", "user_id", "service_account_id", "project_id"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )
    op.drop_column("membership", "removed_at")
    op.drop_column("membership", "version")
    op.drop_column("membership", "updated_at")
    op.drop_column("membership", "created_by_id")
    op.drop_column("membership", "source")
    op.create_foreign_key(op.f("fk_job_created_by_id"), "job", "user", ["created_by_id"], ["id"], ondelete="SET NULL")
    op.create_foreign_key(
        op.f("fk_experiment_deleted_by_id"), "experiment", "user", ["deleted_by_id"], ["id"], ondelete="SET NULL"
    )
    op.create_foreign_key(
        op.f("fk_experiment_created_by_id"), "experiment", "user", ["created_by_id"], ["id"], ondelete="SET NULL"
    )
    op.drop_column("connector_secret", "set_by_id")
    op.drop_column("connector_secret", "set_at")
    op.drop_column("connector_secret", "wrapped_key")
    op.create_foreign_key(
        op.f("fk_connector_deleted_by_id"), "connector", "user", ["deleted_by_id"], ["id"], ondelete="SET NULL"
    )
    op.create_foreign_key(
        op.f("fk_connector_created_by_id"), "connector", "user", ["created_by_id"], ["id"], ondelete="SET NULL"
    )
    op.drop_index("uq_audit_entry_organization_id_seq", table_name="audit_entry")
    op.drop_index(
        "ix_audit_entry_target_id", table_name="audit_entry", postgresql_where=sa.text("target_id IS NOT NULL")
    )
    op.drop_index("ix_audit_entry_organization_id_id", table_name="audit_entry")
    op.create_index(op.f("ix_audit_entry_organization_id"), "audit_entry", ["organization_id", "id"], unique=False)
    op.drop_constraint(op.f("fk_audit_entry_organization_id"), "audit_entry", type_="foreignkey")
    op.create_foreign_key(
        op.f("fk_audit_entry_organization_id"),
        "audit_entry",
        "organization",
        ["organization_id"],
        ["id"],
        ondelete="CASCADE",
    )
    # Without their hashes entries prove nothing, and the next upgrade could not add those.
    op.execute("DELETE FROM audit_entry")
    op.drop_column("audit_entry", "hash")
    op.drop_column("audit_entry", "prev_hash")
    op.drop_column("audit_entry", "code")
    op.drop_column("audit_entry", "operation_name")
    op.drop_column("audit_entry", "session_id")
    op.drop_column("audit_entry", "actor_kind")
    op.drop_column("audit_entry", "seq")
    op.create_foreign_key(
        op.f("fk_artifact_version_created_by_id"),
        "artifact_version",
        "user",
        ["created_by_id"],
        ["id"],
        ondelete="SET NULL",
    )
    op.create_foreign_key(
        op.f("fk_artifact_alias_set_by_id"), "artifact_alias", "user", ["set_by_id"], ["id"], ondelete="SET NULL"
    )
    op.create_foreign_key(
        op.f("fk_artifact_created_by_id"), "artifact", "user", ["created_by_id"], ["id"], ondelete="SET NULL"
    )
    op.create_foreign_key(
        op.f("fk_artifact_deleted_by_id"), "artifact", "user", ["deleted_by_id"], ["id"], ondelete="SET NULL"
    )
    op.drop_constraint(op.f("fk_api_key_rotated_from_id"), "api_key", type_="foreignkey")
    op.drop_constraint(op.f("uq_api_key_secret_hash"), "api_key", type_="unique")
    op.drop_index("ix_api_key_organization_id_id", table_name="api_key")
    op.create_unique_constraint(op.f("uq_api_key_prefix"), "api_key", ["prefix"], postgresql_nulls_not_distinct=False)
    op.create_index(op.f("ix_api_key_organization_id"), "api_key", ["organization_id"], unique=False)
    op.drop_column("api_key", "rotated_from_id")
    op.drop_column("api_key", "created_by_id")
    op.drop_column("api_key", "addresses")
    op.drop_index("ix_invitation_organization_id_id", table_name="invitation")
    op.drop_table("invitation")
    op.drop_index(op.f("ix_session_user_id"), table_name="session")
    op.drop_table("session")
    op.drop_table("points_by_day")
    op.drop_index(op.f("ix_identity_user_id"), table_name="identity")
    op.drop_table("identity")
    op.drop_table("audit_head")
