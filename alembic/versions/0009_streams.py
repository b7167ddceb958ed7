"""Logs that can be pruned, and lives of the log that can be told apart."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

# The timeline on which Postgres writes: another one after each promotion and each recovery to a point in
# time. A server that has none to tell (some that only speak like Postgres) has one life.
_EPOCH = """
create function log_epoch() returns int language plpgsql stable as $$
begin
  return ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int;
exception when others then
  return 1;
end
$$
"""


def upgrade() -> None:
    op.add_column("events", sa.Column("follows", sa.Integer(), nullable=True))
    op.execute(_EPOCH)


def downgrade() -> None:
    op.execute("drop function log_epoch()")
    op.drop_column("events", "follows")
