"""Profiles of the processes of an installation, and jobs that have them made."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_12_02_01"
down_revision: str | None = "2026_12_01_01"

ROLES = "maestro_organization, maestro_projects, maestro_system"
CURRENT = "(SELECT nullif(current_setting('maestro.organization', true), '')::uuid)"
STATES = ("QUEUED", "RUNNING", "CANCELLING", "CANCELLED", "SUCCEEDED", "PARTIAL", "FAILED")
OLD_KINDS = (
    "BACKUP",
    "BASE_BACKUP",
    "VERIFY",
    "PRUNE",
    "RESTORE",
    "ROLLBACK",
    "CHECK_CONNECTORS",
    "SYNC_PLAN",
    "STORAGE_SYNC",
    "SYNC_ROLLBACK",
    "IMPORT",
    "EXPORT",
    "PURGE",
    "SWEEP",
    "COMPACT",
    "OPTIMIZE",
    "HOUSEKEEPING",
    "NOTIFY",
)
KINDS = (*OLD_KINDS, "PROFILE")


def upgrade() -> None:
    for table in ("job", "job_schedule"):
        _allow(table, KINDS)
    _profile()
    _profile_file()
    for table in ("profile", "profile_file"):
        _protect(table)


def downgrade() -> None:
    op.drop_table("profile_file")
    op.drop_table("profile")
    for table in ("job", "job_schedule"):
        op.execute(f"DELETE FROM {table} WHERE kind = 'PROFILE'")
        _allow(table, OLD_KINDS)


def _profile() -> None:
    op.create_table(
        "profile",
        *_identified("profile"),
        _id("job_id", is_nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("options", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("process", sa.Text(), nullable=True),
        _moment("taken_at"),
        _moment("beat_at"),
        _moment("delivered_at"),
        sa.Column("error", postgresql.JSONB(), nullable=True),
        sa.Column("summary", postgresql.JSONB(), nullable=True),
        _moment("created_at", is_now=True),
        _id("created_by_id", is_nullable=True),
        _moment("ended_at"),
        sa.CheckConstraint(
            _one_of("kind", ("CPU", "MEMORY", "STATEMENTS", "OPERATIONS")), name=op.f("ck_profile_kind")
        ),
        sa.CheckConstraint(_one_of("state", STATES), name=op.f("ck_profile_state")),
        _reference("profile", "job_id", "job", ondelete="SET NULL"),
    )
    op.create_index("ix_profile_organization_id_id", "profile", ["organization_id", "id"])


def _profile_file() -> None:
    op.create_table(
        "profile_file",
        *_identified("profile_file"),
        _id("profile_id"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        _reference("profile_file", "profile_id", "profile", ondelete="CASCADE"),
    )
    op.create_index("uq_profile_file_profile_id_name", "profile_file", ["profile_id", "name"], unique=True)


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
    # They tell of the whole installation: nobody sees them who sees some projects alone.
    op.execute(f"CREATE POLICY projects ON {table} AS RESTRICTIVE TO maestro_projects USING (false)")
    op.execute(f"CREATE POLICY system ON {table} TO maestro_system USING (true)")
