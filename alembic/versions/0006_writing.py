"""Conversations: where the reply that is being written began."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("conversations", sa.Column("writing_seq", sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column("conversations", "writing_seq")
