"""How often points of a series were written among its earlier ones: who follows it has to read those again."""

from alembic import op

revision = "2026_11_29_03"
down_revision: str | None = "2026_11_29_02"


def upgrade() -> None:
    op.execute("ALTER TABLE metric_series ADD COLUMN rewrites bigint NOT NULL DEFAULT 0")


def downgrade() -> None:
    op.execute("ALTER TABLE metric_series DROP COLUMN rewrites")
