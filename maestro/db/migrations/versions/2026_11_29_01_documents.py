"""Documents that clients name by an id, the clients that registered them, and how they are used.

They take the place of a table that nothing has ever written to.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_29_01"
down_revision: str | None = "2026_11_28_01"

ROLES = "maestro_organization, maestro_projects, maestro_system"
CURRENT = "(SELECT nullif(current_setting('maestro.organization', true), '')::uuid)"


def upgrade() -> None:
    op.drop_index("uq_persisted_operation_organization_id_sha256", table_name="persisted_operation")
    op.drop_table("persisted_operation")
    op.create_table(
        "document",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("schema_sha256", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by_id", sa.Uuid(), nullable=True),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("retired_by_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("kind IN ('QUERY', 'MUTATION', 'SUBSCRIPTION')", name=op.f("ck_document_kind")),
        _organization("document"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_document")),
    )
    op.create_index("uq_document_organization_id_sha256", "document", ["organization_id", "sha256"], unique=True)
    op.create_index("ix_document_organization_id_id", "document", ["organization_id", "id"])
    op.create_table(
        "document_client",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("alias", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        _organization("document_client"),
        _document("document_client"),
        sa.PrimaryKeyConstraint("document_id", "name", "version", "alias", name=op.f("pk_document_client")),
    )
    op.create_index("ix_document_client_organization_id_alias", "document_client", ["organization_id", "alias"])
    op.create_table(
        "document_usage",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("calls", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("errors", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("latencies", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("cost_sum", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("cost_max", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        _organization("document_usage"),
        _document("document_usage"),
        sa.PrimaryKeyConstraint("document_id", "name", "version", name=op.f("pk_document_usage")),
    )
    for table in ("document", "document_client", "document_usage"):
        _protect(table)


def downgrade() -> None:
    op.drop_table("document_usage")
    op.drop_index("ix_document_client_organization_id_alias", table_name="document_client")
    op.drop_table("document_client")
    op.drop_index("ix_document_organization_id_id", table_name="document")
    op.drop_index("uq_document_organization_id_sha256", table_name="document")
    op.drop_table("document")
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
        _organization("persisted_operation"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_persisted_operation")),
    )
    op.create_index(
        "uq_persisted_operation_organization_id_sha256",
        "persisted_operation",
        ["organization_id", "sha256"],
        unique=True,
    )
    _protect("persisted_operation")


def _organization(table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_organization_id")
    return sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name=name, ondelete="CASCADE")


def _document(table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_document_id")
    return sa.ForeignKeyConstraint(["document_id"], ["document.id"], name=name, ondelete="CASCADE")


def _protect(table: str) -> None:
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {ROLES}")
    op.execute(
        "DO $$ BEGIN IF current_setting('server_version_num')::int >= 170000 THEN "
        f"GRANT MAINTAIN ON {table} TO maestro_system; END IF; END $$"
    )
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    belongs = f"organization_id = {CURRENT}"
    op.execute(f"CREATE POLICY organization ON {table} TO maestro_organization, maestro_projects USING ({belongs})")
    op.execute(f"CREATE POLICY system ON {table} TO maestro_system USING (true)")
