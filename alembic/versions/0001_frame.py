"""The frame: people, tasks, runs and their log, idempotency keys, and the wall between users."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import BYTEA, JSONB

revision = "0001"
down_revision = None

OWNED = ("tasks", "executions", "steps", "events", "idempotency_keys")

ROLE = """
do $$ begin
  if not exists (select from pg_roles where rolname = 'baton_api') then create role baton_api nologin; end if;
exception when duplicate_object or unique_violation then null; -- another database of this cluster was quicker
end $$
"""

MATCHES = """
create function task_matches(query text, title text, description text) returns boolean
language sql stable parallel safe as $$
  select strpos(lower(words), lower(query)) > 0
      or to_tsvector('simple', words) @@ websearch_to_tsquery('simple', query)
      {fuzzy}
  from (select title || ' ' || coalesce(description, '') as words) as task
$$
"""


def upgrade() -> None:
    create_tables()
    create_search()
    create_wall()


def create_search() -> None:
    """Fuzzy where the server has pg_trgm, plain words where it has not."""
    there = op.get_bind().scalar(
        sa.text("select count(*) from pg_available_extensions where name = 'pg_trgm'")
    )
    if there:
        op.execute("create extension if not exists pg_trgm")
    op.execute(MATCHES.format(fuzzy="or word_similarity(query, words) >= 0.5" if there else ""))


def create_wall() -> None:
    """Row-level security: a user transaction sees the rows of `baton.user_id`, and without one none."""
    me = "(select nullif(current_setting('baton.user_id', true), '')::uuid)"
    op.execute(ROLE)
    op.execute("grant baton_api to current_user")
    op.execute("grant usage on schema public to baton_api")
    for table in OWNED:
        op.execute(f"alter table {table} enable row level security")
        op.execute(
            f"create policy owner on {table} to baton_api using (user_id = {me}) with check (user_id = {me})"
        )
        op.execute(f"grant select, insert, update, delete on {table} to baton_api")
    op.execute("alter table refresh_tokens enable row level security")
    op.execute("alter table users enable row level security")
    op.execute(f"create policy owner on users to baton_api using (id = {me}) with check (id = {me})")
    op.execute("grant select (id, email, name, created_at, last_seq, last_task_number) on users to baton_api")
    op.execute("grant update (name, last_seq, last_task_number) on users to baton_api")


def create_tables() -> None:
    op.create_table(
        "events",
        sa.Column("stream", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("payload", JSONB(none_as_null=True), nullable=False),
        sa.PrimaryKeyConstraint("stream", "seq", name="events_pkey"),
    )
    op.create_table(
        "users",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("issuer", sa.Text(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("last_task_number", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_seq", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="users_pkey"),
        sa.UniqueConstraint("issuer", "subject", name="users_issuer_subject_key"),
    )
    op.create_index("users_email_key", "users", [sa.literal_column("lower(email)")], unique=True)
    op.create_table(
        "idempotency_keys",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("mutation", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", BYTEA(), nullable=False),
        sa.Column("reference", JSONB(none_as_null=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="idempotency_keys_user_id_fkey", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", "mutation", "key", name="idempotency_keys_pkey"),
    )
    op.create_index("idempotency_keys_created_at_idx", "idempotency_keys", ["created_at"], unique=False)
    op.create_table(
        "refresh_tokens",
        sa.Column("hash", BYTEA(), nullable=False),
        sa.Column("family_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="refresh_tokens_user_id_fkey", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("hash", name="refresh_tokens_pkey"),
    )
    op.create_index("refresh_tokens_family_id_idx", "refresh_tokens", ["family_id"], unique=False)
    op.create_index("refresh_tokens_user_id_idx", "refresh_tokens", ["user_id"], unique=False)
    op.create_table(
        "tasks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("priority", sa.Integer(), server_default="2", nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("priority between 1 and 3", name="tasks_priority_check"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="tasks_user_id_fkey", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="tasks_pkey"),
        sa.UniqueConstraint("user_id", "number", name="tasks_user_id_number_key"),
    )
    op.create_index(
        "tasks_created_idx",
        "tasks",
        ["user_id", "created_at", "id"],
        unique=False,
        postgresql_where=sa.text("deleted_at is null"),
    )
    op.create_index(
        "tasks_due_idx",
        "tasks",
        ["user_id", "due_at", "id"],
        unique=False,
        postgresql_where=sa.text("deleted_at is null"),
    )
    op.create_table(
        "executions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("task_id", sa.Uuid(), nullable=True),
        sa.Column("retry_of", sa.Uuid(), nullable=True),
        sa.Column("input", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), server_default="UTC", nullable=False),
        sa.Column("priority", sa.Integer(), server_default="2", nullable=False),
        sa.Column("metadata", JSONB(none_as_null=True), nullable=True),
        sa.Column("status", sa.Text(), server_default="QUEUED", nullable=False),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.Column("result", JSONB(none_as_null=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("progress_percent", sa.Double(), nullable=True),
        sa.Column("progress_message", sa.Text(), nullable=True),
        sa.Column("progress_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempt", sa.Integer(), server_default="0", nullable=False),
        sa.Column("max_attempts", sa.Integer(), server_default="5", nullable=False),
        sa.Column("last_seq", sa.Integer(), server_default="0", nullable=False),
        sa.Column("fence", sa.Integer(), server_default="0", nullable=False),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancel_reason", sa.Text(), nullable=True),
        sa.Column("queued_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status in ('SCHEDULED','QUEUED','RUNNING','AWAITING_INPUT',"
            "'CANCELLING','COMPLETED','FAILED','CANCELLED')",
            name="executions_status_check",
        ),
        sa.CheckConstraint("priority between 1 and 3", name="executions_priority_check"),
        sa.ForeignKeyConstraint(
            ["retry_of"], ["executions.id"], name="executions_retry_of_fkey", ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["task_id"], ["tasks.id"], name="executions_task_id_fkey", ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="executions_user_id_fkey", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="executions_pkey"),
    )
    op.create_index("executions_created_idx", "executions", ["user_id", "created_at", "id"], unique=False)
    op.create_index(
        "executions_lease_idx",
        "executions",
        ["lease_until"],
        unique=False,
        postgresql_where=sa.text("lease_until is not null"),
    )
    op.create_index(
        "executions_metadata_idx",
        "executions",
        ["metadata"],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"metadata": "jsonb_path_ops"},
    )
    op.create_index(
        "executions_queue_idx",
        "executions",
        [sa.literal_column("priority desc"), "queued_at", "id"],
        unique=False,
        postgresql_where=sa.text("status = 'QUEUED'"),
    )
    op.create_index(
        "executions_task_idx",
        "executions",
        ["task_id", "created_at", "id"],
        unique=False,
        postgresql_where=sa.text("task_id is not null"),
    )
    op.create_table(
        "steps",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("execution_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="RUNNING", nullable=False),
        sa.Column("tool_name", sa.Text(), nullable=True),
        sa.Column("input", JSONB(none_as_null=True), nullable=True),
        sa.Column("result", JSONB(none_as_null=True), nullable=True),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("started_seq", sa.Integer(), nullable=False),
        sa.Column("finished_seq", sa.Integer(), nullable=True),
        sa.CheckConstraint("kind in ('THINKING','TOOL_CALL','FINAL_ANSWER')", name="steps_kind_check"),
        sa.CheckConstraint("status in ('RUNNING','COMPLETED','FAILED','UNKNOWN')", name="steps_status_check"),
        sa.ForeignKeyConstraint(
            ["execution_id"], ["executions.id"], name="steps_execution_id_fkey", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="steps_pkey"),
        sa.UniqueConstraint("execution_id", "number", name="steps_execution_id_number_key"),
    )
    # ### end Alembic commands ###


def downgrade() -> None:
    op.execute("drop function task_matches")
    for table in ("steps", "executions", "tasks", "refresh_tokens", "idempotency_keys", "users", "events"):
        op.drop_table(table)
