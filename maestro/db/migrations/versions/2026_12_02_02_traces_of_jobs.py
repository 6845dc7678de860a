"""Jobs know the trace of what has asked for them."""

import sqlalchemy as sa
from alembic import op

revision = "2026_12_02_02"
down_revision: str | None = "2026_12_02_01"


def upgrade() -> None:
    op.add_column("job", sa.Column("traceparent", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("job", "traceparent")
