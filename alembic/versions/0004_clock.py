"""Schedules that were deleted leave a tombstone, so that the request that made one can be answered again."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("schedules", sa.Column("deleted_at", sa.DateTime(timezone=True)))


def downgrade() -> None:
    op.drop_column("schedules", "deleted_at")
