"""Summaries of long conversations: kept, made in a step of their own, and asked for by an agent's version."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

_KINDS = "'THINKING','TOOL_CALL','FINAL_ANSWER'"
_ME = "(select nullif(current_setting('baton.user_id', true), '')::uuid)"


def upgrade() -> None:
    _allow_kinds(f"{_KINDS},'SUMMARY'")
    op.add_column(
        "agent_versions", sa.Column("long_history", sa.Text(), server_default="TRIM", nullable=False)
    )
    op.create_check_constraint(
        op.f("agent_versions_long_history_check"), "agent_versions", "long_history in ('TRIM','SUMMARIZE')"
    )
    op.create_table(
        "summaries",
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("through", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name="summaries_conversation_id_fkey",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("conversation_id", "through", name="summaries_pkey"),
    )
    op.execute("alter table summaries enable row level security")
    op.execute(
        f"create policy owner on summaries to baton_api using (user_id = {_ME}) with check (user_id = {_ME})"
    )
    op.execute("grant select, insert, update, delete on summaries to baton_api")


def downgrade() -> None:
    op.drop_table("summaries")
    op.drop_column("agent_versions", "long_history")
    op.execute("update steps set kind = 'THINKING' where kind = 'SUMMARY'")
    _allow_kinds(_KINDS)


def _allow_kinds(kinds: str) -> None:
    """Of steps."""
    for name in ("steps_kind_check", "steps_steps_kind_check_check"):  # the frame named it twice over
        op.execute(f"alter table steps drop constraint if exists {name}")
    op.execute(f"alter table steps add constraint steps_kind_check check (kind in ({kinds}))")
