"""Documents that clients registered, by the hash of their text."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import BYTEA

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "documents",
        sa.Column("digest", BYTEA(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="documents_pkey"),
    )
    op.create_index("documents_used_idx", "documents", ["used_at"], unique=False)
    op.execute("alter table documents enable row level security")


def downgrade() -> None:
    op.drop_table("documents")
