"""Files of artifacts in object stores: the store of a project, what is there, and what is awaited or may go."""

import sqlalchemy as sa
from alembic import op

revision = "2026_12_01_01"
down_revision: str | None = "2026_11_30_02"

ROLES = "maestro_organization, maestro_projects, maestro_system"
CURRENT = "(SELECT nullif(current_setting('maestro.organization', true), '')::uuid)"
PROJECTS = {
    "artifact_store": "EXISTS (SELECT 1 FROM project p WHERE p.id = project_id)",
    "loose_object": "EXISTS (SELECT 1 FROM artifact_version p WHERE p.id = version_id)",
}
"""Which rows belong to the projects that a connection is bound to; who may name which bytes is for resolvers to say."""


def upgrade() -> None:
    op.add_column("artifact_entry", sa.Column("connector_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_artifact_entry_connector_id"), "artifact_entry", "connector", ["connector_id"], ["id"]
    )
    op.create_index(
        "ix_artifact_entry_connector_id",
        "artifact_entry",
        ["connector_id"],
        postgresql_where=sa.text("connector_id IS NOT NULL"),
    )
    _artifact_store()
    _remote_blob()
    _loose_object()
    for table in ("artifact_store", "remote_blob", "loose_object"):
        _protect(table)
    op.execute(
        "CREATE TRIGGER touch AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON artifact_store "
        "FOR EACH STATEMENT EXECUTE FUNCTION maestro_touch('projects')"
    )


def downgrade() -> None:
    # What lies in a store cannot be told from what lies in the folder any more.
    op.execute("DELETE FROM artifact_entry WHERE connector_id IS NOT NULL")
    for table in ("loose_object", "remote_blob", "artifact_store"):
        op.drop_table(table)
    op.drop_index("ix_artifact_entry_connector_id", table_name="artifact_entry")
    op.drop_constraint(op.f("fk_artifact_entry_connector_id"), "artifact_entry", type_="foreignkey")
    op.drop_column("artifact_entry", "connector_id")


def _artifact_store() -> None:
    op.create_table(
        "artifact_store",
        _id("organization_id"),
        _id("project_id"),
        _id("connector_id"),
        sa.Column("prefix", sa.Text(), server_default="", nullable=False),
        _moment("set_at", is_now=True),
        _id("set_by_id", is_nullable=True),
        _reference("artifact_store", "organization_id", "organization", ondelete="CASCADE"),
        _reference("artifact_store", "project_id", "project", ondelete="CASCADE"),
        _reference("artifact_store", "connector_id", "connector"),
        sa.PrimaryKeyConstraint("project_id", name=op.f("pk_artifact_store")),
    )
    op.create_index(op.f("ix_artifact_store_connector_id"), "artifact_store", ["connector_id"])


def _remote_blob() -> None:
    op.create_table(
        "remote_blob",
        _id("organization_id"),
        _id("connector_id"),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        _moment("created_at", is_now=True),
        _reference("remote_blob", "organization_id", "organization", ondelete="CASCADE"),
        _reference("remote_blob", "connector_id", "connector"),
        sa.PrimaryKeyConstraint("organization_id", "connector_id", "sha256", name=op.f("pk_remote_blob")),
    )


def _loose_object() -> None:
    op.create_table(
        "loose_object",
        _id("id"),
        _id("organization_id"),
        _id("connector_id"),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("media_type", sa.Text(), server_default="application/octet-stream", nullable=False),
        _id("version_id", is_nullable=True),
        sa.Column("path", sa.Text(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        _reference("loose_object", "organization_id", "organization", ondelete="CASCADE"),
        _reference("loose_object", "connector_id", "connector", ondelete="CASCADE"),
        _reference("loose_object", "version_id", "artifact_version", ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_loose_object")),
    )
    op.create_index(
        "ix_loose_object_version_id_path",
        "loose_object",
        ["version_id", "path"],
        postgresql_where=sa.text("version_id IS NOT NULL"),
    )
    for column in ("connector_id", "expires_at"):
        op.create_index(op.f(f"ix_loose_object_{column}"), "loose_object", [column])


def _id(name: str, *, is_nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.Uuid(), nullable=is_nullable)


def _moment(name: str, *, is_now: bool = False) -> sa.Column[object]:
    default = sa.text("now()") if is_now else None
    return sa.Column(name, sa.DateTime(timezone=True), server_default=default, nullable=not is_now)


def _reference(table: str, column: str, other: str, *, ondelete: str | None = None) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}"), ondelete=ondelete)


def _protect(table: str) -> None:
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
    if table in PROJECTS:
        op.execute(f"CREATE POLICY projects ON {table} AS RESTRICTIVE TO maestro_projects USING ({PROJECTS[table]})")
    op.execute(f"CREATE POLICY system ON {table} TO maestro_system USING (true)")
