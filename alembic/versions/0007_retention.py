"""What is too old is found by an index, and deleted by one worker at a time."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

TOMBSTONES = ("conversations", "schedules", "tasks")


def upgrade() -> None:
    op.create_table(
        "sweeps",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name="sweeps_pkey"),
    )
    op.execute("alter table sweeps enable row level security")
    for table in TOMBSTONES:
        buried = sa.text("deleted_at is not null")
        op.create_index(f"{table}_deleted_idx", table, ["deleted_at"], unique=False, postgresql_where=buried)
    op.create_index("refresh_tokens_expires_at_idx", "refresh_tokens", ["expires_at"], unique=False)
    op.create_index(
        "executions_log_idx",
        "executions",
        ["finished_at"],
        unique=False,
        postgresql_where=sa.text("finished_at is not null and pruned_seq = 0"),
    )


def downgrade() -> None:
    op.drop_index("executions_log_idx", table_name="executions")
    op.drop_index("refresh_tokens_expires_at_idx", table_name="refresh_tokens")
    for table in TOMBSTONES:
        op.drop_index(f"{table}_deleted_idx", table_name=table)
    op.drop_table("sweeps")
