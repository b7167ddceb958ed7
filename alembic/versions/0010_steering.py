"""Messages: before which step of the run that it steers one was taken up."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.add_column("messages", sa.Column("steered_step", sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column("messages", "steered_step")
