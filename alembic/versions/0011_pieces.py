"""Pieces of answers that are over are found by their age."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_index(
        "events_pieces_idx",
        "events",
        ["at"],
        unique=False,
        postgresql_where=sa.text("kind = 'MessageDelta'"),
    )


def downgrade() -> None:
    op.drop_index("events_pieces_idx", table_name="events")
