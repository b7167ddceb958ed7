"""Budgets of callers: who may spend how much more in this minute."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "budgets",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("level", sa.Float(), nullable=False),
        sa.Column("granted", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("account", name="budgets_pkey"),
        prefixes=["UNLOGGED"],
    )
    op.create_index("budgets_at_idx", "budgets", ["at"], unique=False)
    op.execute("alter table budgets enable row level security")


def downgrade() -> None:
    op.drop_table("budgets")
