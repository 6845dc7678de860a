"""Storage of points."""

from alembic import op

revision = "2026_11_23_02"
down_revision: str | None = "2026_11_23_01"


def upgrade() -> None:
    # The blobs are compressed already; PostgreSQL trying once more would only cost time.
    op.execute("ALTER TABLE metric_block ALTER bins SET STORAGE EXTERNAL, ALTER data SET STORAGE EXTERNAL")
    # Points leave this table for blocks soon after they came: their room is to be used again before more is taken.
    op.execute("ALTER TABLE metric_hot SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000)")


def downgrade() -> None:
    op.execute("ALTER TABLE metric_hot RESET (autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold)")
    op.execute("ALTER TABLE metric_block ALTER bins SET STORAGE EXTENDED, ALTER data SET STORAGE EXTENDED")
