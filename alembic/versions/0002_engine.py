"""The engine and conversations: agents, messages, interrupts, schedules, and a queue that is one number."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import BYTEA, JSONB

revision = "0002"
down_revision = "0001"

OWNED = (
    "agent_versions",
    "agents",
    "conversations",
    "interrupts",
    "messages",
    "schedules",
    "tool_servers",
)

ADDED = (
    "parent_id",
    "parent_step",
    "kind",
    "name",
    "stage",
    "stages",
    "agent_id",
    "agent_version_id",
    "conversation_id",
    "reply_id",
    "schedule_id",
    "schedule_tick",
    "rank",
    "blocked",
    "lock_key",
    "start_at",
    "deadline",
    "budget_tokens",
    "budget_cost",
    "budget_steps",
    "input_tokens",
    "output_tokens",
    "requests",
    "cost",
    "pruned_seq",
)
"Columns of executions; their indexes and constraints go with them."


def upgrade() -> None:
    create_tables()
    add_columns()
    create_wall()


def create_wall() -> None:
    """As in the frame: a user transaction sees the rows of `baton.user_id`."""
    me = "(select nullif(current_setting('baton.user_id', true), '')::uuid)"
    for table in OWNED:
        op.execute(f"alter table {table} enable row level security")
        op.execute(
            f"create policy owner on {table} to baton_api using (user_id = {me}) with check (user_id = {me})"
        )
        op.execute(f"grant select, insert, update, delete on {table} to baton_api")
    op.execute("grant select (pruned_seq) on users to baton_api")


def create_tables() -> None:
    op.create_table(
        "agents",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="agents_user_id_fkey", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="agents_pkey"),
    )
    op.create_index("agents_created_idx", "agents", ["user_id", "created_at", "id"], unique=False)
    op.create_index(
        "agents_name_key",
        "agents",
        ["user_id", "name"],
        unique=True,
        postgresql_where=sa.text("archived_at is null"),
    )
    op.create_table(
        "tool_servers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("sealed_headers", BYTEA(), nullable=True),
        sa.Column("tools", JSONB(none_as_null=True), nullable=True),
        sa.Column("tools_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="tool_servers_user_id_fkey", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="tool_servers_pkey"),
        sa.UniqueConstraint("user_id", "name", name="tool_servers_user_id_name_key"),
    )
    op.create_table(
        "agent_versions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("instructions", sa.Text(), server_default="", nullable=False),
        sa.Column("model", sa.Text(), server_default="rules", nullable=False),
        sa.Column("temperature", sa.Double(), nullable=True),
        sa.Column("max_steps", sa.Integer(), server_default="10", nullable=False),
        sa.Column("tool_names", sa.ARRAY(sa.Text()), nullable=True),
        sa.Column("approval_required", sa.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("subagent_ids", sa.ARRAY(sa.Uuid()), server_default="{}", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["agent_id"], ["agents.id"], name="agent_versions_agent_id_fkey", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="agent_versions_pkey"),
        sa.UniqueConstraint("agent_id", "version", name="agent_versions_agent_id_version_key"),
    )
    op.create_table(
        "conversations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("agent_id", sa.Uuid(), nullable=True),
        sa.Column("last_message_number", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_seq", sa.Integer(), server_default="0", nullable=False),
        sa.Column("pruned_seq", sa.Integer(), server_default="0", nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["agent_id"], ["agents.id"], name="conversations_agent_id_fkey", ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="conversations_user_id_fkey", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="conversations_pkey"),
    )
    op.create_index(
        "conversations_created_idx",
        "conversations",
        ["user_id", "created_at", "id"],
        unique=False,
        postgresql_where=sa.text("deleted_at is null"),
    )
    op.create_table(
        "schedules",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=True),
        sa.Column("cron", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), server_default="UTC", nullable=False),
        sa.Column("input", sa.Text(), nullable=False),
        sa.Column("priority", sa.Integer(), server_default="2", nullable=False),
        sa.Column("remaining", sa.Integer(), nullable=True),
        sa.Column("next_run_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("priority between 1 and 3", name="schedules_priority_check"),
        sa.ForeignKeyConstraint(
            ["agent_id"], ["agents.id"], name="schedules_agent_id_fkey", ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="schedules_user_id_fkey", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="schedules_pkey"),
    )
    op.create_index("schedules_created_idx", "schedules", ["user_id", "created_at", "id"], unique=False)
    op.create_index(
        "schedules_due_idx",
        "schedules",
        ["next_run_at"],
        unique=False,
        postgresql_where=sa.text("next_run_at is not null"),
    )
    op.create_table(
        "messages",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("execution_id", sa.Uuid(), nullable=True),
        sa.Column("steers_id", sa.Uuid(), nullable=True),
        sa.Column("steered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("role in ('SYSTEM','USER','ASSISTANT','TOOL')", name="messages_role_check"),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name="messages_conversation_id_fkey",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["execution_id"], ["executions.id"], name="messages_execution_id_fkey", ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["steers_id"], ["executions.id"], name="messages_steers_id_fkey", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name="messages_pkey"),
        sa.UniqueConstraint("conversation_id", "number", name="messages_conversation_id_number_key"),
    )
    op.create_index(
        "messages_execution_idx",
        "messages",
        ["execution_id"],
        unique=False,
        postgresql_where=sa.text("execution_id is not null"),
    )
    op.create_index(
        "messages_steering_idx",
        "messages",
        ["steers_id", "number"],
        unique=False,
        postgresql_where=sa.text("steers_id is not null"),
    )
    op.create_table(
        "interrupts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("execution_id", sa.Uuid(), nullable=False),
        sa.Column("step_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("prompt", sa.Text(), nullable=False),
        sa.Column("tool_name", sa.Text(), nullable=True),
        sa.Column("arguments", JSONB(none_as_null=True), nullable=True),
        sa.Column("response_schema", JSONB(none_as_null=True), nullable=True),
        sa.Column("status", sa.Text(), server_default="OPEN", nullable=False),
        sa.Column("decision", sa.Text(), nullable=True),
        sa.Column("answer", JSONB(none_as_null=True), nullable=True),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "reason in ('TOOL_APPROVAL','QUESTION','BUDGET','EFFECT_VERIFICATION')",
            name="interrupts_reason_check",
        ),
        sa.CheckConstraint(
            "status in ('OPEN','ANSWERED','EXPIRED','CANCELLED')", name="interrupts_status_check"
        ),
        sa.ForeignKeyConstraint(
            ["execution_id"], ["executions.id"], name="interrupts_execution_id_fkey", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["step_id"], ["steps.id"], name="interrupts_step_id_fkey", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="interrupts_pkey"),
    )
    op.create_index(
        "interrupts_created_idx", "interrupts", ["user_id", "status", "created_at", "id"], unique=False
    )
    op.create_index(
        "interrupts_execution_idx", "interrupts", ["execution_id", "created_at", "id"], unique=False
    )
    op.create_index(
        "interrupts_expiry_idx",
        "interrupts",
        ["expires_at"],
        unique=False,
        postgresql_where=sa.text("status = 'OPEN'"),
    )
    op.create_index(
        "interrupts_step_idx",
        "interrupts",
        ["step_id"],
        unique=False,
        postgresql_where=sa.text("step_id is not null"),
    )


def add_columns() -> None:
    """Each with a default, so that older code goes on beside it."""
    op.add_column("executions", sa.Column("parent_id", sa.Uuid(), nullable=True))
    op.add_column("executions", sa.Column("parent_step", sa.Integer(), nullable=True))
    op.add_column("executions", sa.Column("kind", sa.Text(), server_default="AGENT", nullable=False))
    op.add_column("executions", sa.Column("name", sa.Text(), nullable=True))
    op.add_column("executions", sa.Column("stage", sa.Integer(), nullable=True))
    op.add_column("executions", sa.Column("stages", JSONB(none_as_null=True), nullable=True))
    op.add_column("executions", sa.Column("agent_id", sa.Uuid(), nullable=True))
    op.add_column("executions", sa.Column("agent_version_id", sa.Uuid(), nullable=True))
    op.add_column("executions", sa.Column("conversation_id", sa.Uuid(), nullable=True))
    op.add_column("executions", sa.Column("reply_id", sa.Uuid(), nullable=True))
    op.add_column("executions", sa.Column("schedule_id", sa.Uuid(), nullable=True))
    op.add_column("executions", sa.Column("schedule_tick", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "executions",
        sa.Column("rank", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
    )
    op.add_column("executions", sa.Column("blocked", sa.Boolean(), server_default="false", nullable=False))
    op.add_column("executions", sa.Column("lock_key", sa.Text(), nullable=True))
    op.add_column("executions", sa.Column("start_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("executions", sa.Column("deadline", sa.DateTime(timezone=True), nullable=True))
    op.add_column("executions", sa.Column("budget_tokens", sa.Integer(), nullable=True))
    op.add_column("executions", sa.Column("budget_cost", sa.Double(), nullable=True))
    op.add_column("executions", sa.Column("budget_steps", sa.Integer(), nullable=True))
    op.add_column("executions", sa.Column("input_tokens", sa.Integer(), server_default="0", nullable=False))
    op.add_column("executions", sa.Column("output_tokens", sa.Integer(), server_default="0", nullable=False))
    op.add_column("executions", sa.Column("requests", sa.Integer(), server_default="0", nullable=False))
    op.add_column("executions", sa.Column("cost", sa.Double(), server_default="0", nullable=True))
    op.add_column("executions", sa.Column("pruned_seq", sa.Integer(), server_default="0", nullable=False))
    op.drop_index("executions_queue_idx", table_name="executions")
    op.create_index(
        "executions_agent_idx",
        "executions",
        ["agent_id", "created_at", "id"],
        unique=False,
        postgresql_where=sa.text("agent_id is not null"),
    )
    op.create_index(
        "executions_conversation_idx",
        "executions",
        ["conversation_id", "created_at", "id"],
        unique=False,
        postgresql_where=sa.text("conversation_id is not null"),
    )
    op.create_index(
        "executions_deadline_idx",
        "executions",
        ["deadline"],
        unique=False,
        postgresql_where=sa.text("deadline is not null and status not in ('COMPLETED','FAILED','CANCELLED')"),
    )
    op.create_index(
        "executions_finished_idx",
        "executions",
        ["finished_at"],
        unique=False,
        postgresql_where=sa.text("finished_at is not null"),
    )
    op.create_index(
        "executions_lane_idx",
        "executions",
        ["user_id", "priority", sa.literal_column("rank desc")],
        unique=False,
        postgresql_where=sa.text("status = 'QUEUED'"),
    )
    op.create_index(
        "executions_lock_key_idx",
        "executions",
        ["user_id", "lock_key", "id"],
        unique=False,
        postgresql_where=sa.text("lock_key is not null and status not in ('COMPLETED','FAILED','CANCELLED')"),
    )
    op.create_index(
        "executions_parent_idx",
        "executions",
        ["parent_id"],
        unique=False,
        postgresql_where=sa.text("parent_id is not null"),
    )
    op.create_index(
        "executions_rank_idx",
        "executions",
        ["rank", "id"],
        unique=False,
        postgresql_where=sa.text("status = 'QUEUED' and not blocked"),
    )
    op.create_index(
        "executions_retry_idx",
        "executions",
        ["retry_of"],
        unique=False,
        postgresql_where=sa.text("retry_of is not null"),
    )
    op.create_unique_constraint(
        "executions_schedule_id_schedule_tick_key", "executions", ["schedule_id", "schedule_tick"]
    )
    op.create_index(
        "executions_start_idx",
        "executions",
        ["start_at"],
        unique=False,
        postgresql_where=sa.text("status = 'SCHEDULED'"),
    )
    op.create_foreign_key(
        "executions_agent_version_id_fkey",
        "executions",
        "agent_versions",
        ["agent_version_id"],
        ["id"],
        ondelete="SET NULL",
    )
    op.create_foreign_key(
        "executions_parent_id_fkey", "executions", "executions", ["parent_id"], ["id"], ondelete="CASCADE"
    )
    op.create_foreign_key(
        "executions_schedule_id_fkey", "executions", "schedules", ["schedule_id"], ["id"], ondelete="SET NULL"
    )
    op.create_foreign_key(
        "executions_conversation_id_fkey",
        "executions",
        "conversations",
        ["conversation_id"],
        ["id"],
        ondelete="SET NULL",
    )
    op.create_foreign_key(
        "executions_agent_id_fkey", "executions", "agents", ["agent_id"], ["id"], ondelete="SET NULL"
    )
    op.add_column("steps", sa.Column("tries", sa.Integer(), server_default="1", nullable=False))
    op.add_column("steps", sa.Column("call_id", sa.Text(), nullable=True))
    op.add_column("steps", sa.Column("model_message", JSONB(none_as_null=True), nullable=True))
    op.add_column("steps", sa.Column("input_tokens", sa.Integer(), nullable=True))
    op.add_column("steps", sa.Column("output_tokens", sa.Integer(), nullable=True))
    op.add_column("steps", sa.Column("cost", sa.Double(), nullable=True))
    op.add_column("users", sa.Column("pruned_seq", sa.Integer(), server_default="0", nullable=False))
    op.create_check_constraint("executions_kind_check", "executions", "kind in ('AGENT','PIPELINE')")


def downgrade() -> None:
    op.execute("revoke select (pruned_seq) on users from baton_api")
    op.drop_column("users", "pruned_seq")
    for column in ("tries", "call_id", "model_message", "input_tokens", "output_tokens", "cost"):
        op.drop_column("steps", column)
    op.drop_table("interrupts")
    op.drop_table("messages")
    for column in ADDED:
        op.drop_column("executions", column)
    op.create_index(
        "executions_queue_idx",
        "executions",
        [sa.literal_column("priority desc"), "queued_at", "id"],
        postgresql_where=sa.text("status = 'QUEUED'"),
    )
    for table in ("schedules", "conversations", "agent_versions", "tool_servers", "agents"):
        op.drop_table(table)
