"""People in the loop and families of runs: what a snapshot knows of an interrupt, locks from the top."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Nothing has written interrupts before this version."""
    op.add_column("executions", sa.Column("depth", sa.Integer(), server_default="0", nullable=False))
    op.add_column("interrupts", sa.Column("scope", JSONB(none_as_null=True), nullable=True))
    op.add_column("interrupts", sa.Column("opened_seq", sa.Integer(), nullable=False))
    op.add_column("interrupts", sa.Column("closed_seq", sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column("interrupts", "closed_seq")
    op.drop_column("interrupts", "opened_seq")
    op.drop_column("interrupts", "scope")
    op.drop_column("executions", "depth")
