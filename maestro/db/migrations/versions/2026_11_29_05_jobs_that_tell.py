"""Jobs that tell a channel something."""

from alembic import op

revision = "2026_11_29_05"
down_revision: str | None = "2026_11_29_04"

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
)
KINDS = (*OLD_KINDS, "NOTIFY")
TABLES = ("job", "job_schedule")


def upgrade() -> None:
    for table in TABLES:
        _allow(table, KINDS)


def downgrade() -> None:
    for table in reversed(TABLES):
        op.execute(f"DELETE FROM {table} WHERE kind = 'NOTIFY'")
        _allow(table, OLD_KINDS)


def _allow(table: str, kinds: tuple[str, ...]) -> None:
    name = op.f(f"ck_{table}_kind")
    op.drop_constraint(name, table, type_="check")
    op.create_check_constraint(name, table, f"kind IN ({', '.join(map(repr, kinds))})")
